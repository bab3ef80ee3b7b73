//! The interfaces as plain functions: the host's in a component, the fakes' in a native build.
//!
//! They are functions and not a trait object on purpose: what is not called is not linked, and what is not linked is
//! not imported.

pub mod accounts;
pub mod certificates;
pub mod documents;
pub mod identity;
pub mod messaging;
pub mod payments;
pub mod storage;
pub mod tokens;
