//! What the platform can do for every CA, behind what a plugin decides. A service keeps its rules here, its rows in
//! `yinxin-store`, and never calls a plugin; what takes long or leaves the house is a job.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod accounts;
pub mod case_event;
pub mod certificates;
pub mod content;
pub mod identity;
pub mod invoices;
pub mod job_end;
pub mod messaging;
pub mod papers;
pub mod payments;
pub mod rate_limits;
pub mod reconciliation;
pub mod staff;
pub mod statements;
pub mod uploads;
