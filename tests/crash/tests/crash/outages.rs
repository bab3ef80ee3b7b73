//! The server without its database, its disk, its mail, its SMS or its payment providers, while people of every site apply
//! and jobs are under way and in the queue. During the outage pages say so and keep what was typed; after it everything
//! goes on by itself, and has happened once.

use crate::scene::{self, Filled, Lines, Scene, asks_to_come_later, waits};
use std::time::{Duration, Instant};
use yinxin_crash::cluster::Cluster;
use yinxin_crash::disk::Disk;
use yinxin_crash::line::State;
use yinxin_crash::outage;
use yinxin_crash::people::{Traveller, Troubles};
use yinxin_crash::records::Records;
use yinxin_house::sites::{SITES, Way};
use yinxin_house::{Answer, Browser, Clerk, Database, Desk, House, Options, Page};

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_postgresql_is_waited_for() {
    let cluster = Cluster::start().await.unwrap();
    let options = Options {
        database_url: Some(cluster.url()),
        ..Options::default()
    };
    let mut scene = Scene::open(Database::Postgres, options).await.unwrap();
    let filled = scene.filled().await.unwrap();
    scene.busy().await.unwrap();

    cluster.crash().await.unwrap();
    let ready = scene.ready().await.unwrap();
    assert_eq!(
        (ready.status.as_u16(), &ready.body[..]),
        (503, &b"database"[..])
    );
    let alive = Browser::new(&scene.house, SITES[0].domains[0])
        .get("/healthz")
        .await
        .unwrap();
    assert_eq!(alive.status.as_u16(), 200);
    let pages = scene.send(&filled).await.unwrap();
    let again = all_ask_to_come_later(&pages, &filled);
    for hall in &mut scene.halls {
        let page = hall.desk.reviewer.browser.get("/console").await.unwrap();
        assert_eq!(page.status.as_u16(), 503, "{}", page.text());
    }
    outage::last().await;

    scene.calm();
    cluster.again().await.unwrap();
    scene.recovered().await.unwrap();
    scene.saved(&again).await.unwrap();
    scene.goes_on().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_somebody_holds_is_waited_for() {
    let mut scene = Scene::open(Database::Sqlite, Options::default())
        .await
        .unwrap();
    let filled = scene.filled().await.unwrap();
    scene.busy().await.unwrap();

    let mut other = Records::of(&scene.house).await.unwrap();
    other.hold().await.unwrap();
    let pages = scene.send(&filled).await.unwrap();
    let again = all_ask_to_come_later(&pages, &filled);
    // Reading goes on.
    for hall in &mut scene.halls {
        let page = hall.typing.person.applicant().browser.get("/").await;
        let page = page.unwrap();
        assert_eq!(page.status.as_u16(), 200, "{}", page.text());
    }
    outage::last().await;

    scene.calm();
    other.give_free().await.unwrap();
    scene.recovered().await.unwrap();
    scene.saved(&again).await.unwrap();
    scene.goes_on().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_loses_nothing() {
    let disk = Disk::new().unwrap();
    let beside = tempfile::tempdir().unwrap();
    let options = Options {
        data: Some(disk.data()),
        server: Some(disk.server(beside.path()).unwrap()),
        ..Options::default()
    };
    let mut scene = Scene::open(Database::Sqlite, options).await.unwrap();
    let server = scene.house.processes().0.unwrap();
    let filled = scene.filled().await.unwrap();
    let mut materials = Vec::new();
    for hall in &mut scene.halls {
        let path = format!("{}/steps/materials", hall.typing.walks[0].case);
        materials.push(path);
    }
    scene.busy().await.unwrap();

    disk.fill(server).unwrap();
    println!("{}", disk.kind());
    // What is in the log already has its place; soon there is none left.
    let mut pages = scene.send(&filled).await.unwrap();
    for _ in 0..200 {
        if pages.iter().all(|page| page.status.as_u16() == 503) {
            break;
        }
        pages = scene.send(&filled).await.unwrap();
    }
    let again = all_ask_to_come_later(&pages, &filled);
    let ready = scene.ready().await.unwrap();
    assert_eq!(
        (ready.status.as_u16(), &ready.body[..]),
        (503, &b"disk"[..])
    );
    for (hall, materials) in scene.halls.iter_mut().zip(&materials) {
        let browser = &mut hall.typing.person.applicant().browser;
        let page = browser.get(materials).await.unwrap();
        assert_eq!(
            page.status.as_u16(),
            200,
            "reading goes on: {}",
            page.text()
        );
        let mut upload = page
            .forms()
            .into_iter()
            .find(|form| form.multipart)
            .unwrap();
        let scan = yinxin_house::scans::sheet(1);
        let file = Answer::File {
            name: "扫描件.jpg",
            bytes: &scan,
        };
        upload.fill("file", file).unwrap();
        let page = browser.send_once(&upload, Some(0)).await.unwrap();
        assert_eq!(page.status.as_u16(), 503, "{}", page.text());
    }
    outage::last().await;

    scene.calm();
    disk.free(server).unwrap();
    scene.recovered().await.unwrap();
    scene.saved(&again).await.unwrap();
    scene.goes_on().await.unwrap();
}

fn all_ask_to_come_later(pages: &[Page], filled: &[Filled]) -> Vec<Filled> {
    let pages = pages.iter().zip(filled);
    pages
        .map(|(page, filled)| asks_to_come_later(page, filled))
        .collect()
}

/// The site's way whose last application is paid online.
fn paid_online(ways: &'static [Way]) -> &'static Way {
    let mut ways = ways.iter();
    let online = |way: &&Way| {
        let last = way.services.last();
        last.is_some_and(|(_, pays)| pays.provider().is_some())
    };
    ways.find(online).expect("somebody pays online")
}

/// Somebody who is about to pay online, and who looks after the site.
struct Payer {
    traveller: Traveller,
    desk: Desk,
    admin: Clerk,
}

impl Payer {
    /// All applications but the last are through, and of the last one all is done up to the clerk's decision.
    async fn of(
        house: &House,
        way: &'static Way,
        number: u64,
        troubles: &Troubles,
    ) -> anyhow::Result<Self> {
        let mut desk = Desk::open(house, way.domain).await?;
        let mut traveller = scene::begun(house, way, number, troubles).await?;
        while traveller.walks.len() < way.services.len() {
            if traveller.step(&mut desk, troubles).await? {
                traveller.begin(troubles).await?;
            }
        }
        let state = traveller.person.told_after();
        traveller.come_to(state, &mut desk, troubles).await?;
        let admin = Clerk::log_in(house, way.domain, "admin").await?;
        Ok(Self {
            traveller,
            desk,
            admin,
        })
    }

    /// Steps on until the page says why paying does not begin.
    async fn is_told_why(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let Some(walk) = self.traveller.walks.last_mut() else {
                anyhow::bail!("nothing is begun");
            };
            let step = self.traveller.person.step(&mut self.desk, walk).await;
            if let Err(error) = step {
                let error = format!("{error:#}");
                anyhow::ensure!(
                    error.contains("503 Service Unavailable")
                        && error.contains("支付渠道暂时没有响应"),
                    "{error}"
                );
                return Ok(());
            }
            anyhow::ensure!(
                begun.elapsed() < Duration::from_secs(60),
                "paying goes on without a provider"
            );
        }
    }
}

/// SMS and payment provider do not answer, then the mail server.
#[tokio::test(flavor = "multi_thread")]
async fn without_mail_sms_and_gateways_everything_waits_and_then_goes_on() {
    let (lines, options) = Lines::laid(Options::default()).await.unwrap();
    let house = House::open_with(Database::Sqlite, options).await.unwrap();
    let troubles = Troubles::default();
    let mut payers = Vec::new();
    for (place, site) in SITES.iter().enumerate() {
        let way = paid_online(site.ways);
        let payer = Payer::of(&house, way, place as u64 + 1, &troubles).await;
        payers.push(payer.unwrap());
    }
    scene::at_rest(&house).await.unwrap();
    let mut records = Records::of(&house).await.unwrap();
    lines.http.set(State::Refused);
    lines.smtp.set(State::Refused);

    // A code waits; paying does not begin, and the page says why.
    for (place, payer) in payers.iter_mut().enumerate() {
        let way = payer.traveller.way;
        let mut stranger = way.person(&house, 1_000 + place as u64);
        stranger.ask_for_code().await.unwrap();
        payer.is_told_why().await.unwrap();
        let text = waits(&house, &mut payer.admin, "发送短信").await.unwrap();
        assert!(text.contains("短信服务商"), "{text}");
    }
    // What a silent line means is known when patience ends, and not before.
    lines.http.set(State::Silent);
    scene::pass_time(&mut records).await.unwrap();
    for payer in &mut payers {
        let text = waits(&house, &mut payer.admin, "支付平台没有应答")
            .await
            .unwrap();
        assert!(text.contains("查询付款"), "{text}");
    }
    outage::last().await;

    // The providers are there again; mails still find nobody.
    lines.http.set(State::Open);
    let mut through = Vec::new();
    for payer in &mut payers {
        let begun = payer.traveller.walks.last().unwrap().case.clone();
        let came = payer.traveller.go(&mut payer.desk, &troubles).await;
        let came = came.unwrap();
        let last = format!("/cases/{}", came.last().unwrap().case);
        assert_eq!(last, begun, "the one that was begun");
        through.extend(came);
    }
    scene::pass_time(&mut records).await.unwrap();
    for payer in &mut payers {
        let text = waits(&house, &mut payer.admin, "邮件服务器").await.unwrap();
        assert!(text.contains("发送邮件"), "{text}");
    }
    outage::last().await;

    lines.smtp.set(State::Open);
    scene::at_rest(&house).await.unwrap();
    scene::once(&house, &through).await.unwrap();
    let counted = scene::agreed(&house).await.unwrap();
    assert_eq!(counted.paid_trades, SITES.len(), "{counted}");
}
