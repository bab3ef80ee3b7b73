//! Whether the time that a refused log-in takes tells who has an account: a wrong password for one that there is, and the
//! same for one that there is not, in turns. Asked of the service, without the network that would hide a difference.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;
use yinxin_bench::databases::folder;
use yinxin_bench::hall::accounts;
use yinxin_bench::samples::Samples;
use yinxin_bench::table::{Goal, heading, line, micros};
use yinxin_core::definition::{AccountPolicy, LoginId};
use yinxin_core::ids::{AccountId, SiteId};
use yinxin_core::time::{Clock, Millis, SystemClock};
use yinxin_sdk::definition::{self as said, account_policy};
use yinxin_services::accounts::{Accounts, Client, LogIn, Passwords, login_id};
use yinxin_store::Store;
use yinxin_store::accounts::{self as rows, NewAccount};
use yinxin_store::seal::Sealer;

const PEOPLE: u32 = 100;
/// One fewer than leads to a lock, which answers at once.
const GUESSES: u32 = 4;

pub async fn run() {
    let folder = folder();
    let database = format!("sqlite://{}", folder.path().join("yinxin.db").display());
    let store = Store::open(&database).await.unwrap();
    let sealer = Arc::new(Sealer::new(&[7; 32]));
    let site = SiteId::parse("bench").unwrap();
    register(&store, &sealer, &site).await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let door = Door {
        accounts: accounts(&store, &sealer, &clock),
        policy: policy(),
        site,
    };
    let (mut known, mut unknown) = (Samples::default(), Samples::default());
    for turn in 0..PEOPLE * GUESSES {
        let person = turn % PEOPLE;
        // Each turn comes from an address of its own, as one alone would be locked out.
        let client = Client::new(IpAddr::V4(Ipv4Addr::from_bits(turn)), "bench");
        let mut both = [(name(person), &mut known), (stranger(person), &mut unknown)];
        if turn % 2 == 1 {
            both.reverse();
        }
        for (whose, waits) in both {
            waits.0.push(door.refuses(&client, &whose).await);
        }
    }
    heading("A refused log-in", "of an account that there is", "of none");
    for (what, part) in [("half within", 0.5), ("95 of 100 within", 0.95)] {
        let (known, unknown) = (known.quantile(part), unknown.quantile(part));
        let ratio = known / unknown;
        line(what, &micros(known), &micros(unknown), ratio, Goal::None);
    }
    println!("\n{} of each.", known.0.len());
}

fn name(person: u32) -> String {
    format!("user{person:04}")
}

/// As long as a name that somebody has.
fn stranger(person: u32) -> String {
    format!("none{person:04}")
}

async fn register(store: &Store, sealer: &Sealer, site: &SiteId) {
    let password_hash = Passwords::new()
        .unwrap()
        .hash("信江秋水长天一色")
        .await
        .unwrap();
    let mut tx = store.begin().await.unwrap();
    for person in 0..PEOPLE {
        let id = AccountId::generate();
        let new = NewAccount {
            id: &id,
            password_hash: &password_hash,
            name: "鹰潭某某建设工程有限公司",
            mobile_masked: "139****0001",
            created_at: Millis::now(),
        };
        rows::insert(&mut tx, site, new).await.unwrap();
        let key = login_id::key(sealer, site, &login_id::normalise(&name(person)));
        let added = rows::add_login_id(&mut tx, site, &key, LoginId::Username, &id).await;
        assert!(added.unwrap(), "two people have one name");
    }
    tx.commit().await.unwrap();
}

/// The site's accounts, and how one logs in there: by a name and a password alone.
struct Door {
    accounts: Accounts,
    policy: AccountPolicy,
    site: SiteId,
}

impl Door {
    /// Seconds until the wrong password was refused.
    async fn refuses(&self, client: &Client, whose: &str) -> f64 {
        let guess = LogIn {
            login_id: whose,
            password: "滕王高阁临江渚",
            picture: None,
            sms_code: "",
        };
        let begun = Instant::now();
        let answer = self
            .accounts
            .log_in(&self.site, &self.policy, guess, client, None);
        let refused = answer.await.is_err();
        let took = begun.elapsed().as_secs_f64();
        assert!(refused, "a wrong password let somebody in");
        took
    }
}

/// As a plugin says it; the contract's record and the host's are written alike.
fn policy() -> AccountPolicy {
    let policy = account_policy("", "").log_in_with([said::LoginId::Username]);
    serde_json::from_value(serde_json::to_value(policy).unwrap()).unwrap()
}
