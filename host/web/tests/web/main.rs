//! What stands around every page, asked over HTTP of the whole router on a real database.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod around;
mod books;
mod cases;
mod certificates;
mod console;
mod finance;
mod first_page;
mod forms;
mod hall;
mod lists;
mod market;
mod misbehaving;
mod orders;
mod orders_by_code;
mod renewals;
mod staff;
mod till;
