//! What a rule costs: one call, two threads, a whole event with its commit, many plugins in memory and at the start.
//!
//! `cargo xtask bench rules`, or a part of it by name: `YINXIN_BENCH=calls cargo xtask bench rules`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod bare;
mod calls;
mod events;
mod forms;
mod many;
mod replay;

use yinxin_bench::table;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|word| word == many::CHILD) {
        many::child(&arguments[2..]);
        return;
    }
    let wanted = std::env::var("YINXIN_BENCH").unwrap_or_default();
    let parts: [(&str, fn()); 3] = [
        ("calls", calls::run),
        ("events", events::run),
        ("many", many::run),
    ];
    table::machine();
    for (name, run) in parts {
        if wanted.is_empty() || wanted == name {
            run();
        }
    }
}
