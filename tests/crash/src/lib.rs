//! What the suite `crash` stands on: people who look and do it again, what was acknowledged to them, a line that goes dead,
//! a PostgreSQL of one's own, a disk that is full, and the comparison of everybody's books.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

pub mod books;
#[path = "../../../host/engine/tests/sequences/chance.rs"]
pub mod chance;
pub mod cluster;
pub mod disk;
pub mod line;
pub mod outage;
pub mod people;
pub mod promises;
pub mod records;
