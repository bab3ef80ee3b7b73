//! Lists and searches over a million cases against the same over a thousand, on both databases, as pages of the real
//! server.
//!
//! `YINXIN_SCALE=100000` takes another number than a million; `YINXIN_BENCH=sqlite` or `postgres` one database.
//! `YINXIN_SCALE_KEEP=FOLDER` keeps what was written there for the next run (with a PostgreSQL that stays, named by
//! `YINXIN_TEST_POSTGRES`). Whether the pages are found by an index is what this tells: a list that walks a table is a
//! thousand times as long here.

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
mod rows;

use std::path::PathBuf;
use std::time::Instant;
use tokio::runtime::Runtime;
use yinxin_bench::databases::{Database, kept_postgres, kept_sqlite, postgres, sqlite};
use yinxin_bench::table;

/// Cases of the small site, and those of the one person who has a thousand in both.
pub const FEW: usize = 1_000;

fn main() {
    let many = std::env::var("YINXIN_SCALE").map_or(1_000_000, |count| count.parse().unwrap());
    assert!(many >= FEW, "YINXIN_SCALE is at least {FEW}");
    let wanted = std::env::var("YINXIN_BENCH").unwrap_or_default();
    table::machine();
    Runtime::new().unwrap().block_on(async {
        for name in ["sqlite", "postgres"] {
            if wanted.is_empty() || wanted == name {
                let few = database(name, FEW).await;
                compare([few, database(name, many).await], many).await;
            }
        }
    });
}

async fn database(kind: &str, count: usize) -> Database {
    let name = format!("bench_{count}");
    let Some(keep) = std::env::var_os("YINXIN_SCALE_KEEP") else {
        return match kind {
            "sqlite" => sqlite(),
            _ => postgres(&name).await,
        };
    };
    let folder = PathBuf::from(keep).join(format!("{kind}-{count}"));
    std::fs::create_dir_all(&folder).unwrap();
    match kind {
        "sqlite" => kept_sqlite(&folder),
        _ => kept_postgres(&name, &folder).await,
    }
}

async fn compare([few, all]: [Database; 2], many: usize) {
    let small = fill::site(&few, FEW).await;
    let begun = Instant::now();
    let large = fill::site(&all, many).await;
    eprintln!(
        "{}: {many} cases there after {:.0} s",
        all.name,
        begun.elapsed().as_secs_f64()
    );
    pages::compare(all.name, &small, &large, many).await;
}
