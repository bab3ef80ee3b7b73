//! What a plugin author writes against.
//!
//! A plugin is one type with [`Rules`] and one line, `yinxin_sdk::export!(ThatType);`. Its definition is put together
//! with the builders in [`definition`]; what it wants done it asks of the interfaces ([`storage`], [`payments`],
//! [`messaging`], …), which are plain functions: one that is not called does not get into the component, so the
//! component's import list is the plugin's list of capabilities.
//!
//! Built for `wasm32-unknown-unknown` the functions are the host's. Built natively they are the fakes of [`fake`], so
//! that rules run under a debugger and in ordinary tests. `docs/plugin-guide.md` goes through it from nothing.

#[cfg(target_arch = "wasm32")]
mod arena;
#[doc(hidden)]
#[allow(
    unsafe_op_in_unsafe_fn,
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
pub mod bindings;
mod case;
mod dates;
mod decision;
pub mod definition;
mod event;
#[cfg(not(target_arch = "wasm32"))]
pub mod fake;
mod interfaces;
mod money;
mod rules;

pub use bindings::exports::yinxin::site::rules::{
    Basket, CaseView as Case, CertificateFact, CheckView, Checkpoint, Decision, Event, Fact,
    ItemJudgement, ItemStanding, MaterialView, Moment, NamedValue, Offer, PaymentFact, Problem,
    Quotation, Sources,
};
pub use case::values;
pub use dates::{day_of, days_between};
pub use interfaces::{
    accounts, certificates, documents, identity, messaging, payments, storage, tokens,
};
pub use money::{Fen, yuan};
pub use payments::{FeeLine, Method};
#[doc(hidden)]
pub use rules::Component;
pub use rules::Rules;

/// Makes the crate a plugin: exports `Rules` of the named type from the component. Nothing happens in a native build.
#[macro_export]
macro_rules! export {
    ($rules:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Plugin = $crate::Component<$rules>;
    $crate::bindings::export_component!(Plugin with_types_in $crate::bindings);
        };
    };
}
