//! Invoices from a case's wish to the red-letter invoice, against the simulated office over HTTP, on both databases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod by_hand;
mod desk;
mod issuing;
mod protocol;
mod sequences;
mod voiding;
