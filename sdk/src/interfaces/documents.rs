//! Papers that the host makes from the definition and the case.

#[cfg(target_arch = "wasm32")]
use crate::bindings::yinxin::documents::documents as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::fake::documents as host;

pub use crate::bindings::yinxin::documents::documents::{Error, Issue};

/// The newest paper of this kind that was made for the case.
pub fn latest(document: &str) -> Result<Option<Issue>, Error> {
    host::latest(document)
}

/// Declares every paper of this kind void. An effect.
pub fn void(document: &str) -> Result<(), Error> {
    host::void(document)
}
