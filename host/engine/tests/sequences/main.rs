//! Random lives of orders. People order, pay, change their minds; clerks book, refuse and refund; providers lie, repeat
//! themselves and fall silent, over their real protocols; the host crashes in the middle of whatever it does and starts
//! again. However it goes, the books balance to the fen, but for what the comparison with the providers' bills tells a
//! clerk, and nobody gets both the money back and the certificate.
//!
//! `YINXIN_SEQUENCES`: how many lives; `YINXIN_SEQUENCES_FROM`: the first one's number, by which a failure is repeated;
//! `YINXIN_SEQUENCES_DATA`: a folder in which each life's database stays, for `yinxin ledger verify --data`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod chance;
mod crash;
mod house;
mod inbox;
mod judge;
mod life;
#[path = "../engine/outside.rs"]
#[expect(dead_code, reason = "the face check's booth is for other tests")]
mod outside;
mod people;
#[path = "../../../web/tests/gateways/providers.rs"]
mod providers;
mod seen;

use house::{House, Streets};
use std::path::PathBuf;

/// Lives in an ordinary run: some forty seconds on two cores.
const LIVES: u64 = 50;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn however_it_goes_the_books_balance_and_nobody_gets_both() {
    let template = people::before_anybody_ordered().await;
    let from = number("YINXIN_SEQUENCES_FROM").unwrap_or(1);
    let kept = std::env::var("YINXIN_SEQUENCES_DATA")
        .ok()
        .map(PathBuf::from);
    let lives = number("YINXIN_SEQUENCES").unwrap_or(LIVES);
    let mut seen = seen::Seen::default();
    for seed in from..from + lives {
        let temporary = tempfile::tempdir().unwrap();
        let folder = match &kept {
            Some(kept) => kept.join(seed.to_string()),
            None => temporary.path().to_owned(),
        };
        let streets = Streets::copied(&template, &folder).await;
        let mut house = House::open(&streets).await;
        let story = life::live(&mut house, &streets, seed, &mut seen).await;
        let faults = judge::faults(&house, &streets).await;
        assert!(
            faults.is_empty(),
            "life {seed}:\n  {}\nafter\n  {}",
            faults.join("\n  "),
            story.join("\n  ")
        );
    }
    println!("{seen}");
    seen.assert_everything_happened(lives);
}
