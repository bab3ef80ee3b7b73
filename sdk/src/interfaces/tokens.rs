//! Tasks for the USB key at the applicant's computer.

#[cfg(target_arch = "wasm32")]
use crate::bindings::yinxin::tokens::tokens as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::fake::tokens as host;

pub use crate::bindings::yinxin::tokens::tokens::{Error, Progress, Task};

/// How far the case's newest task is.
pub fn status() -> Result<Progress, Error> {
    host::status()
}

/// Gives the applicant a task to do with a key. An effect, which the event `token-done` or `token-failed` follows.
pub fn request(task: &Task) -> Result<(), Error> {
    host::request(task)
}

/// Withdraws the open task, if there is one. An effect.
pub fn cancel() -> Result<(), Error> {
    host::cancel()
}
