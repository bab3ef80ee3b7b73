//! Identity checks by a face on a phone.

#[cfg(target_arch = "wasm32")]
use crate::bindings::yinxin::identity::identity as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::fake::identity as host;

pub use crate::bindings::yinxin::identity::identity::{Error, Standing};

/// Where the check of this id stands for the case.
pub fn status(check: &str) -> Result<Standing, Error> {
    host::status(check)
}

/// Voids the check and its QR code. An effect.
pub fn void(check: &str) -> Result<(), Error> {
    host::void(check)
}
