//! What came of a job that the worker gave to a service.

use yinxin_core::time::Millis;

/// The worker marks the job accordingly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobEnd {
    /// Nothing is left to do.
    Done,
    /// It has to run again.
    Again {
        at: Millis,
        /// Why, in words for a clerk.
        why: String,
    },
}
