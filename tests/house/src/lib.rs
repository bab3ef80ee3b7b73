//! For tests and benchmarks: the real programs `yinxin` and `yinxin-simulators` over a database of their own, and people
//! who use the sites by HTTP as a browser without scripts does: with cookies, forms found by their labels, and buttons.
//!
//! ```ignore
//! let house = House::open(Database::Sqlite).await?;
//! let mut handler = yingtan::Handler::new(&house, Unit::number(1));
//! handler.register().await?;
//! let case = handler.apply().await?;
//! ```
//!
//! Every step answers with the page that it led to, or with an error that says what the page said instead. A connection
//! that broke is a [`Lost`] among the error's causes: the step may or may not have happened, as for a person.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

pub mod browser;
pub mod diary;
pub mod house;
pub mod numbers;
pub mod page;
pub mod people;
pub mod processes;
pub mod requests;
pub mod scans;
pub mod simulated;
pub mod sites;

pub use browser::{Browser, Lost};
pub use diary::Diary;
pub use house::{Database, House, Options};
pub use page::{Answer, Form, Page};
pub use people::{Clerk, Desk, Pays, Person, Unit, Walk, fujian, yingtan};
pub use simulated::Simulated;
