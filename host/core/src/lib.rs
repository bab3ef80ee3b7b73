//! Words of the domain: ids, money, dates and working-day calendars, check characters, form values, definitions and
//! their lint. No I/O happens here; whatever is parsed here is never parsed again inside.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod calendar;
pub mod definition;
pub mod field;
pub mod form;
pub mod identity;
pub mod identity_number;
pub mod ids;
pub mod mobile;
pub mod money;
pub mod reference;
pub mod rules;
pub mod shared;
pub mod time;
pub mod uscc;
