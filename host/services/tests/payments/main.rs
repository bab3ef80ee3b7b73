//! Payments from the order to the refund, against the simulated providers over HTTP, on both databases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod baskets;
mod bench;
mod changes;
mod desk;
mod ledger;
mod odd;
mod own;
mod refunds;
mod sequences;
mod till;
mod transfers;
mod whole;
