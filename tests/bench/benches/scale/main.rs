//! Lists and searches over a million cases against the same over a thousand, on both databases, as pages of the real
//! server.
//!
//! `YINXIN_SCALE=100000` takes another number than a million; `YINXIN_BENCH=sqlite` or `postgres` one database. Whether the
//! pages are found by an index is what this tells: a list that walks a table is a thousand times as long here.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod bulk;
mod cases;
mod fill;
mod pages;

use std::time::Instant;
use tokio::runtime::Runtime;
use yinxin_bench::databases::{Database, postgres, sqlite};
use yinxin_bench::table;

/// Cases of the small site, and those of the one person who has a thousand in both.
pub const FEW: usize = 1_000;

fn main() {
    let many = std::env::var("YINXIN_SCALE").map_or(1_000_000, |count| count.parse().unwrap());
    assert!(many >= FEW, "YINXIN_SCALE is at least {FEW}");
    let wanted = std::env::var("YINXIN_BENCH").unwrap_or_default();
    table::machine();
    Runtime::new().unwrap().block_on(async {
        if wanted.is_empty() || wanted == "sqlite" {
            compare([sqlite(), sqlite()], many).await;
        }
        if wanted.is_empty() || wanted == "postgres" {
            let (few, all) = (postgres("bench_few").await, postgres("bench_many").await);
            compare([few, all], many).await;
        }
    });
}

async fn compare([few, all]: [Database; 2], many: usize) {
    let small = fill::site(&few, FEW).await;
    let begun = Instant::now();
    let large = fill::site(&all, many).await;
    eprintln!(
        "{}: {many} cases written in {:.0} s",
        all.name,
        begun.elapsed().as_secs_f64()
    );
    pages::compare(all.name, &small, &large, many).await;
}
