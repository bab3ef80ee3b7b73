//! The only SQL of the host: one module per aggregate, the same statements on SQLite and PostgreSQL.
//!
//! Every function takes a [`Connection`], so that several compose in one transaction, and the site, so that no query can
//! reach another site's rows. Columns are BIGINT, DOUBLE PRECISION, TEXT and BYTEA only: what `sqlx::Any` decodes alike on
//! both. Booleans are 0 and 1, instants are milliseconds since 1970.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod account_events;
pub mod accounts;
pub mod allocations;
pub mod blobs;
pub mod books;
pub mod bound_certificates;
pub mod cases;
pub mod certificates;
pub mod clerks;
pub mod codes;
pub mod dossiers;
pub mod downloads;
mod error;
pub mod files;
pub mod gateway_notifications;
pub mod identity_checks;
pub mod invoices;
pub mod issuers;
pub mod jobs;
pub mod ledger;
pub mod login_attempts;
pub mod materials;
pub mod messages;
mod migrations;
pub mod notices;
pub mod order_events;
pub mod orders;
pub mod pages;
pub mod papers;
pub mod payments;
pub mod plugin_storage;
pub mod plugins;
mod pool;
pub mod postings;
mod query;
pub mod rate_limits;
pub mod reconciliations;
pub mod refunds;
pub mod seal;
pub mod sessions;
pub mod statements;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod together;
mod words;

pub use error::{Outage, StoreError};
pub use pool::{Dialect, Reader, Store, Transaction};

/// A connection of either database.
pub type Connection = sqlx::AnyConnection;
