//! What a page and a submission cost over HTTP, against handlers written by hand, and how many people get through from
//! registering to the certificate in a second.
//!
//! The real server runs as its own program on SQLite; so does the one that it is compared with. The load comes from this
//! process over a few connections that wait for each answer; both servers take turns. `YINXIN_BENCH=pages`,
//! `neighbours`, `log-ins` or `journeys` runs one part.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod journeys;
mod load;
mod log_ins;
mod neighbours;
mod pages;
mod peer;

use tokio::runtime::Runtime;
use yinxin_bench::table;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|word| word == peer::CHILD) {
        peer::serve(&arguments[2..]);
        return;
    }
    let wanted = std::env::var("YINXIN_BENCH").unwrap_or_default();
    table::machine();
    if wanted.is_empty() || wanted == "pages" {
        Runtime::new().unwrap().block_on(pages::run());
    }
    if wanted.is_empty() || wanted == "neighbours" {
        Runtime::new().unwrap().block_on(neighbours::run());
    }
    if wanted.is_empty() || wanted == "log-ins" {
        Runtime::new().unwrap().block_on(log_ins::run());
    }
    if wanted.is_empty() || wanted == "journeys" {
        Runtime::new().unwrap().block_on(journeys::run());
    }
}
