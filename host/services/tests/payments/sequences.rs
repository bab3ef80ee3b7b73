//! Random sequences of whatever can happen to orders and their money. After each, the books are right, and the money of
//! the payers is where it belongs, to the fen.
//!
//! `YINXIN_SEQUENCES` says how many, `YINXIN_SEED` where to begin: a failure names its seed. `YINXIN_KEEP` names a file to
//! copy the database into, for `yinxin ledger verify --database sqlite://FILE`.

use crate::bench::Bench;
use crate::desk::TestClock;
use std::sync::Arc;
use yinxin_store::testing::{TestStore, sqlite, stores};

async fn run(store: &TestStore, clock: &Arc<TestClock>, seed: u64) {
    let mut bench = Bench::new(store, clock.clone(), seed);
    bench.open().await;
    bench.act().await;
    bench.check().await;
    bench.settle().await;
    bench.check().await;
    bench.account_for().await;
}

/// Four at once, on the same orders.
async fn race(store: &TestStore, clock: &Arc<TestClock>, seed: u64) {
    let mut bench = Bench::new(store, clock.clone(), seed);
    for _ in 0..3 {
        bench.open().await;
    }
    let mut lanes = [1, 2, 3, 4].map(|lane| bench.twin(lane));
    let [one, two, three, four] = &mut lanes;
    tokio::join!(one.act(), two.act(), three.act(), four.act());
    bench.bank = (0, 0);
    bench.told.clear();
    for lane in lanes {
        bench.absorb(lane);
    }
    bench.check().await;
    bench.settle().await;
    bench.check().await;
    bench.account_for().await;
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

#[tokio::test]
async fn whatever_happens_the_books_are_right_and_the_money_is_where_it_belongs() {
    let first = number("YINXIN_SEED", 1);
    let (store, clock) = (sqlite().await, Arc::default());
    for seed in first..first + number("YINXIN_SEQUENCES", 200) {
        run(&store, &clock, seed).await;
    }
    if let Some(file) = std::env::var_os("YINXIN_KEEP") {
        store.save(file.as_ref()).await;
    }
}

#[tokio::test]
async fn it_is_so_on_both_databases() {
    for store in stores().await {
        let clock = Arc::default();
        for seed in 100_001..100_011 {
            run(&store, &clock, seed).await;
        }
    }
}

#[tokio::test]
async fn it_is_so_when_several_act_at_once() {
    for store in stores().await {
        let clock = Arc::default();
        for seed in 200_001..200_011 {
            race(&store, &clock, seed).await;
        }
    }
}
