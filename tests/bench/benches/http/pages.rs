//! Page, submission and first page of the real server, in turns with the server without plugins.

use crate::load::{CONNECTIONS, Requests, Side, in_turns};
use crate::peer::Peer;
use std::net::SocketAddr;
use yinxin_bench::client::{Answer, Client, get, post};
use yinxin_bench::databases::folder;
use yinxin_bench::people::{self, Person};
use yinxin_bench::plugins::Parcel;
use yinxin_bench::program::{Ground, HOST};
use yinxin_bench::samples::Samples;
use yinxin_bench::table::{Goal, heading, line, per_second};
use yinxin_guests_measured::{STEP, answers};
use yinxin_store::Store;

const SERVICE: &str = "/services/measured-0000/sixty";
/// Addresses that submissions come from, so that no limit for one address is met.
const ADDRESSES: usize = 2_000;

/// A server with applications on it, one for each connection.
pub struct Hall {
    pub address: SocketAddr,
    person: Person,
    pub cases: Vec<String>,
}

pub async fn run() {
    let parcels = [Parcel::built("jiangxi"), Parcel::measured()];
    let (ours, theirs) = (folder(), folder());
    let ground = ground(ours.path(), &parcels);
    let server = ground.0.start().await;
    let hall = hall(server.address, &ground).await;

    // The other one's database has the same rows; the server that made them is gone.
    let other = self::ground(theirs.path(), &parcels);
    let made = other.0.start().await;
    let mut twin = self::hall(made.address, &other).await;
    drop(made);
    let form = page(&hall, &format!("{}/steps/{STEP}", hall.cases[0])).await;
    let home = of_a_stranger(&hall).await;
    let peer = Peer::start(theirs.path(), &other.1, &form, &home).await;
    twin.address = peer.address;

    heading("Over HTTP, on SQLite", "yinxin", "handler without plugins");
    told(
        "page of a form with sixty fields",
        show(&hall),
        show(&twin),
        0.9,
    )
    .await;
    let changed = |turn: usize| ("text-01", format!("鹰潭第 {turn} 建设工程有限公司"));
    let save = |hall: &Hall| side(hall, 303, |hall, case| submissions(hall, case, changed));
    told(
        "its submission: rule and commit",
        save(&hall),
        save(&twin),
        0.9,
    )
    .await;

    heading("Over HTTP", "yinxin", "bare axum, same bytes");
    let first = |hall: &Hall, path: &str| side(hall, 200, |_, _| vec![get(HOST, path, "")]);
    told(
        "first page, by a stranger",
        first(&hall, "/"),
        first(&twin, "/bare"),
        0.5,
    )
    .await;
    println!(
        "\n{CONNECTIONS} connections; the form's page has {} bytes, the first page {}.",
        form.body.len(),
        home.body.len()
    );
}

async fn told(what: &str, ours: Side, peer: Side, least: f64) {
    let (ours, peer): (Samples, Samples) = in_turns(&ours, &peer).await;
    line(
        what,
        &per_second(ours.median()),
        &per_second(peer.median()),
        ours.ratio_to(&peer),
        Goal::AtLeast(least),
    );
}

pub fn ground(folder: &std::path::Path, parcels: &[Parcel]) -> (Ground, String) {
    let database = format!("sqlite://{}", folder.join("yinxin.db").display());
    (Ground::new(folder, &database, parcels), database)
}

/// An applicant with an application for each connection, filled in.
pub async fn hall(address: SocketAddr, ground: &(Ground, String)) -> Hall {
    let store = Store::open(&ground.1).await.unwrap();
    let person = people::applicant(&store, &ground.0.site()).await;
    store.close().await;
    let mut client = Client::connect(address).await;
    let mut cases = Vec::new();
    for _ in 0..CONNECTIONS {
        let begin = post(HOST, SERVICE, &person.cookie, &fields(&person, &[]));
        let begun = client.send(&begin).await;
        assert_eq!(begun.status, 303, "{}", begun.text());
        let case = begun.location().unwrap().to_owned();
        let path = format!("{case}/steps/{STEP}");
        let save = post(HOST, &path, &person.cookie, &fields(&person, &answers()));
        let saved = client.send(&save).await;
        assert_eq!(saved.status, 303, "{}", saved.text());
        cases.push(case);
    }
    Hall {
        address,
        person,
        cases,
    }
}

fn fields(person: &Person, answers: &[(String, String)]) -> Vec<(String, String)> {
    let mut fields = answers.to_vec();
    fields.push(("_csrf".to_owned(), person.csrf.clone()));
    fields
}

/// The form's page.
pub fn show(hall: &Hall) -> Side {
    side(hall, 200, |hall, case| {
        let path = format!("{case}/steps/{STEP}");
        vec![get(HOST, &path, &hall.person.cookie)]
    })
}

/// The whole form, with one answer that turn after turn is another, each from another address.
pub fn submissions(
    hall: &Hall,
    case: &str,
    changed: impl Fn(usize) -> (&'static str, String),
) -> Requests {
    let path = format!("{case}/steps/{STEP}");
    let turns = (0..ADDRESSES).map(|turn| {
        let (field, answer) = changed(turn);
        let mut answers = answers();
        for (name, value) in &mut answers {
            if name == field {
                value.clone_from(&answer);
            }
        }
        let request = post(
            HOST,
            &path,
            &hall.person.cookie,
            &fields(&hall.person, &answers),
        );
        let text = String::from_utf8(request).unwrap();
        let address = format!("x-forwarded-for: 10.0.{}.{}\r\n", turn / 250, turn % 250);
        text.replacen("origin: ", &format!("{address}origin: "), 1)
            .into_bytes()
    });
    turns.collect()
}

fn side(hall: &Hall, status: u16, requests: impl Fn(&Hall, &str) -> Vec<Vec<u8>>) -> Side {
    Side {
        address: hall.address,
        requests: hall.cases.iter().map(|case| requests(hall, case)).collect(),
        status,
    }
}

async fn page(hall: &Hall, path: &str) -> Answer {
    let mut client = Client::connect(hall.address).await;
    let answer = client.send(&get(HOST, path, &hall.person.cookie)).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer
}

async fn of_a_stranger(hall: &Hall) -> Answer {
    let mut client = Client::connect(hall.address).await;
    let answer = client.send(&get(HOST, "/", "")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}
