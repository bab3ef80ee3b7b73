//! What the bank and the gateways say, compared with what we booked: against the simulated providers over HTTP, on both
//! databases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod bank;
mod bills;
mod days;
#[allow(
    dead_code,
    reason = "a site that takes money; other tests use more of it"
)]
#[path = "../payments/desk.rs"]
mod desk;
mod differences;
mod statements;
