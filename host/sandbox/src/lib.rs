//! The room in which a plugin's code runs: a wasmtime engine set up for many small, untrusted, short calls.
//!
//! Invariants, which the rest of the house relies on:
//! - One call is one fresh store: instantiate, call, drop. Nothing that a guest wrote into its memory outlives the call.
//! - A guest has no WASI, no clock, no socket and no file. What it imports is what the caller put into the linker.
//! - Whatever a guest does, [`Sandbox::call`] comes back, with a [`CallError`] that names the plugin, the export and the
//!   limit, and the next call finds the sandbox as good as new.
//! - The calls of one plugin never hold all places: each plugin has a [`Share`].
//! - Guests that run for long, or whose plugin has many that do not end soon, take turns on half of the cores; the other
//!   half is there for all else.
//!
//! The crate knows no word of the domain: what a call may ask of the host lives in the type that the caller puts into
//! the [`Room`].

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod cache;
mod call;
mod engine;
mod error;
mod limits;
mod load;
mod turns;
mod usage;

pub use cache::{Cache, CacheError};
pub use call::{Call, Room};
pub use engine::{EngineError, Sandbox, Settings, Share};
pub use error::{CallError, Failure};
pub use limits::{Budget, Exceeded, Limits};
pub use load::{Import, LoadError, Loaded, digest};

/// wasmtime's own words where a caller needs them: linkers, bindings, instances.
pub use wasmtime;
