//! Who may what on every route; every form with bad input; what logs and files tell.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod addresses;
mod asking;
mod bodies;
mod bombs;
mod clients;
mod doors;
mod forms;
mod making;
mod matrix;
mod others;
mod sealed;
mod strangers;
mod uploads;
mod world;
