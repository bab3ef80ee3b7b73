//! What the suite `security` stands on: the host's routes and who may use them, a look at what the database holds, marks
//! that must not be found, and what a page leads to.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

pub mod belongings;
pub mod crawl;
pub mod database;
pub mod instances;
pub mod marks;
pub mod permissions;
pub mod postgres;
pub mod routes;
