//! Plugins that misbehave, and every interface as a plugin meets it: with the real component of `tests/guests`, in the
//! real sandbox, on the real databases.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod activation;
mod activations;
mod contract;
mod guest;
mod interfaces;
mod lies;
mod misbehaviour;
mod mutants;
mod neighbours;
mod pure;
mod storage;
