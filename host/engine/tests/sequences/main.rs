//! Random lives of orders. People order, pay, change their minds; clerks book, refuse and refund; providers lie, repeat
//! themselves and fall silent, over their real protocols; the host crashes in the middle of whatever it does and starts
//! again. However it goes, the books balance to the fen, but for what the comparison with the providers' bills tells a
//! clerk, and nobody gets both the money back and the certificate.
//!
//! `YINXIN_SEQUENCES`: how many lives of each kind; `YINXIN_SEQUENCES_FROM`: the first one's number, by which a failure is
//! repeated; `YINXIN_SEQUENCES_DATA`: a folder in which the database of each life on SQLite stays, for
//! `yinxin ledger verify --data`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod chance;
mod crash;
mod desk;
#[expect(dead_code, reason = "one applicant lives here")]
mod filling;
#[expect(dead_code, reason = "nobody here imports a bank's file")]
mod house;
mod inbox;
mod judge;
mod life;
#[expect(dead_code, reason = "in these lives invoices wait for a clerk")]
mod office;
#[path = "../engine/outside.rs"]
#[expect(dead_code, reason = "mail is for other tests")]
mod outside;
mod people;
#[path = "../../../web/tests/gateways/providers.rs"]
mod providers;
mod seen;
mod sites;

use house::{House, Streets};
use seen::Seen;
use sites::Place;
use std::path::PathBuf;
use yinxin_store::testing;

/// Lives in an ordinary run: some forty seconds on two cores.
const LIVES: u64 = 50;
/// Where each life begins anew, because nobody copies the database: some twenty seconds.
const LIVES_FROM_THE_BEGINNING: u64 = 10;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// The numbers of the lives that are lived.
fn seeds(ordinary: u64) -> std::ops::Range<u64> {
    let from = number("YINXIN_SEQUENCES_FROM").unwrap_or(1);
    from..from + number("YINXIN_SEQUENCES").unwrap_or(ordinary)
}

async fn lives(streets: &Streets, what: &str, seed: u64, seen: &mut Seen) {
    let mut house = House::open(streets).await;
    let story = life::live(&mut house, streets, seed, seen).await;
    let faults = judge::faults(&house, streets).await;
    assert!(
        faults.is_empty(),
        "{what}, life {seed}:\n  {}\nafter\n  {}",
        faults.join("\n  "),
        story.join("\n  ")
    );
}

/// On SQLite the one who begins is copied for each life.
async fn copies(site: &str, ordinary: u64) -> Seen {
    let template = people::before_anybody_ordered(&Place::named(site), None).await;
    let kept = std::env::var("YINXIN_SEQUENCES_DATA")
        .ok()
        .map(PathBuf::from);
    let mut seen = Seen::default();
    for seed in seeds(ordinary) {
        let temporary = tempfile::tempdir().unwrap();
        let folder = match &kept {
            Some(kept) => kept.join(site).join(seed.to_string()),
            None => temporary.path().to_owned(),
        };
        let streets = Streets::copied(&template.streets, &folder).await;
        lives(&streets, site, seed, &mut seen).await;
    }
    seen
}

/// On PostgreSQL each life begins with the registration.
async fn beginnings(site: &str, ordinary: u64) -> Seen {
    let mut seen = Seen::default();
    for seed in seeds(ordinary) {
        let database = Some(testing::postgres().await);
        let begun = people::before_anybody_ordered(&Place::named(site), database).await;
        let what = format!("{site} on PostgreSQL");
        lives(&begun.streets, &what, seed, &mut seen).await;
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn however_it_goes_the_books_balance_and_nobody_gets_both() {
    let seen = copies("fujian", LIVES).await;
    println!("{seen}");
    seen.assert_everything_happened(&seen::FUJIAN, seeds(LIVES).count());
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_they_balance_likewise() {
    let seen = beginnings("fujian", LIVES_FROM_THE_BEGINNING).await;
    println!("{seen}");
    let lives = seeds(LIVES_FROM_THE_BEGINNING).count();
    seen.assert_everything_happened(&seen::FUJIAN, lives);
}

#[tokio::test(flavor = "multi_thread")]
async fn under_the_rules_of_yingtan_they_balance_likewise() {
    let seen = copies("jiangxi", LIVES / 2).await;
    println!("{seen}");
    seen.assert_everything_happened(&seen::YINGTAN, seeds(LIVES / 2).count());
    let seen = beginnings("jiangxi", LIVES_FROM_THE_BEGINNING).await;
    println!("{seen}");
    let lives = seeds(LIVES_FROM_THE_BEGINNING).count();
    seen.assert_everything_happened(&seen::YINGTAN, lives);
}
