//! What the benchmarks share: numbers and their table, plugins that differ, a house of the bench's own, a client that costs
//! next to nothing.
//!
//! A benchmark compares two things that run in the same minute on the same machine, in turns, and prints their ratio: a
//! ratio holds on a machine that is busy or slow, a number of microseconds does not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use tikv_jemallocator::Jemalloc;

/// The server's, for all that is compared.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

pub mod client;
pub mod databases;
pub mod hall;
pub mod people;
pub mod plugins;
pub mod program;
pub mod samples;
pub mod table;
