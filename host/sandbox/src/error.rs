//! Every way in which a call can fail, by name.

use crate::limits::{Exceeded, Limits};
use std::time::Duration;
use thiserror::Error;
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};

/// A call that did not come back with a value. Nothing that the guest asked for has happened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("plugin `{plugin}`, `{export}`: {failure}")]
pub struct CallError {
    /// Name of the plugin, as the caller gave it.
    pub plugin: String,
    /// The exported function that was called.
    pub export: &'static str,
    pub failure: Failure,
}

/// Why a call failed. All but [`Failure::Busy`], [`Failure::Host`] and [`Failure::TotalTime`] are the guest's doing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Failure {
    #[error("ran longer than {limit:?} of its own time")]
    GuestTime { limit: Duration },
    #[error("was not done within {limit:?}, waits for the host included")]
    TotalTime { limit: Duration },
    /// No place became free, or no turn of those that run for long.
    #[error("the sandbox was busy with others for {waited:?}")]
    Busy { waited: Duration },
    #[error("wanted {wanted} bytes of memory, of {limit}")]
    Memory { limit: usize, wanted: usize },
    #[error("wanted {wanted} table elements, of {limit}")]
    Table { limit: usize, wanted: usize },
    #[error("handed the host more than {limit} bytes in one call")]
    HostCallBytes { limit: usize },
    #[error("returned more than {limit} bytes")]
    ResultTooLarge { limit: usize },
    /// Places outside of its memory, text that is not UTF-8, a case that the contract does not have.
    #[error("returned what cannot be read: {reason}")]
    BadResult { reason: String },
    /// The same of what it handed to a function of the host's.
    #[error("handed the host what cannot be read: {reason}")]
    BadArguments { reason: String },
    #[error("asked for more than {limit} effects")]
    EffectsCount { limit: u32 },
    #[error("asked for effects of more than {limit} bytes")]
    EffectsBytes { limit: usize },
    #[error("read more than {limit} times")]
    Reads { limit: u32 },
    #[error("caused more than {limit} bytes of log")]
    Log { limit: usize },
    #[error("exhausted its call stack")]
    StackOverflow,
    /// The guest gave up by itself: `unreachable`, which is how a Rust guest panics.
    #[error("panicked")]
    Panic,
    /// Any other trap of WebAssembly, in wasmtime's words.
    #[error("trapped: {kind}")]
    Trap { kind: String },
    /// It could not even be set up.
    #[error("could not be instantiated: {reason}")]
    Instantiation { reason: String },
    /// The sandbox is not set up as it should be.
    #[error("the host failed: {reason}")]
    Host { reason: String },
}

/// Where in a call an error came up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Instantiating,
    Running,
}

impl Failure {
    pub(crate) fn classify(error: &wasmtime::Error, stage: Stage, limits: &Limits) -> Self {
        if let Some(exceeded) = error.downcast_ref::<Exceeded>() {
            return Self::of_limit(*exceeded, limits);
        }
        if let Some(trap) = error.downcast_ref::<Trap>() {
            return match trap {
                Trap::StackOverflow => Self::StackOverflow,
                Trap::UnreachableCodeReached => Self::Panic,
                Trap::Interrupt => Self::GuestTime {
                    limit: limits.guest_time,
                },
                other => Self::Trap {
                    kind: other.to_string(),
                },
            };
        }
        if is_hostcall_fuel(error) {
            let limit = limits.hostcall_bytes;
            // What a guest hands to an import is read while its code is on the stack, and wasmtime attaches that
            // stack; a result is read after the guest's code has returned.
            return match error.downcast_ref::<WasmBacktrace>() {
                Some(_) => Self::HostCallBytes { limit },
                None => Self::ResultTooLarge { limit },
            };
        }
        if error.is::<PoolConcurrencyLimitError>() {
            // The semaphore has as many places as the pool has slots, so this is a fault of the settings.
            return Self::Host {
                reason: error.root_cause().to_string(),
            };
        }
        let reason = error.root_cause().to_string();
        match stage {
            Stage::Instantiating => Self::Instantiation { reason },
            // As above: no code of the guest on the stack, so it is its result that is read.
            Stage::Running if !error.is::<WasmBacktrace>() => Self::BadResult { reason },
            // A function of the host's ends a call with [`Exceeded`] alone.
            Stage::Running => Self::BadArguments { reason },
        }
    }

    fn of_limit(exceeded: Exceeded, limits: &Limits) -> Self {
        match exceeded {
            Exceeded::GuestTime => Self::GuestTime {
                limit: limits.guest_time,
            },
            Exceeded::Turns { queued } => Self::Busy { waited: queued },
            Exceeded::Memory { wanted } => Self::Memory {
                limit: limits.memory_bytes,
                wanted,
            },
            Exceeded::Table { wanted } => Self::Table {
                limit: limits.table_elements,
                wanted,
            },
            Exceeded::EffectsCount => Self::EffectsCount {
                limit: limits.effects_count,
            },
            Exceeded::EffectsBytes => Self::EffectsBytes {
                limit: limits.effects_bytes,
            },
            Exceeded::Reads => Self::Reads {
                limit: limits.reads_count,
            },
            Exceeded::Log => Self::Log {
                limit: limits.log_bytes,
            },
        }
    }
}

/// wasmtime keeps the type of this error to itself, so that only its text tells; a test fails when the text changes.
fn is_hostcall_fuel(error: &wasmtime::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .to_string()
            .contains("fuel allocated for hostcalls has been exhausted")
    })
}
