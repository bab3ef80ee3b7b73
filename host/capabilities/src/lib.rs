//! What plugins may do: the bindings of the WIT contract, one module per interface, grants and quotas, and the registry
//! that takes a component from bytes to an active plugin.
//!
//! Invariants:
//! - A rule call holds no database transaction. Reads are recorded, writes are buffered as [`Effect`]s; who commits them
//!   verifies the reads again in the same transaction ([`reads::hold`]) and runs the call anew when one changed. So a
//!   hostile guest never holds a lock, and two calls at once cannot both win.
//! - Each function checks the grant first, then whether the call may write, then its own limits. A refusal is an answer
//!   in the interface's own words, never a trap.
//! - What a plugin answers is checked against its own definition before anybody acts on it.

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
mod activation;
mod answers;
mod bindings;
pub mod certificates;
mod context;
mod convert;
mod desk;
pub mod documents;
mod effects;
mod given;
mod grants;
pub mod identity;
pub mod manifest;
pub mod messaging;
pub mod outside;
pub mod payments;
mod plugin;
pub mod reads;
pub mod registry;
pub mod storage;
pub mod tokens;

pub use activation::{Activated, ActivationError, PluginEntry};
pub use answers::Fault;
pub use context::{
    CallContext, CaseFacts, CertificateStanding, CertificateView, DocumentIssue, PaymentStatus,
    ProfileField,
};
pub use effects::{Effect, TokenTask};
pub use grants::{Capability, Grants, Quotas};
pub use manifest::Manifest;
pub use plugin::{Called, Handled, Plugin, RuleError};
pub use reads::Read;
pub use registry::Registry;

/// Everything that a test of rules names: the plugin's side of the house, the sandbox under it, and what a call is given
/// and gives back.
pub mod prelude {
    pub use crate::reads::hold;
    pub use crate::{
        Activated, ActivationError, CallContext, Called, Capability, CaseFacts,
        CertificateStanding, CertificateView, DocumentIssue, Effect, Fault, Grants, Handled,
        Manifest, PaymentStatus, Plugin, PluginEntry, ProfileField, Quotas, Read, Registry,
        RuleError, TokenTask,
    };
    pub use yinxin_sandbox::{CallError, Failure, Limits, Sandbox, Settings};
}
