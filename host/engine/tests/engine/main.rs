//! Cases on their way, on both databases, with the real components in the real sandbox. Only where a network ends stands
//! something of the tests': the payment provider is the simulated one, SMS, mail and face checks end in a pocket.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod applicant;
mod baskets;
mod certificates;
mod deleting;
mod expiry;
mod following;
mod hall;
mod journey;
mod lists;
mod main_keys;
mod misbehaviour;
mod money;
mod outside;
mod permissions;
mod receipts;
mod repeats;
mod shelf;
mod shopper;
mod timers;
mod together;
mod uploads;
mod versions;
mod worker;
