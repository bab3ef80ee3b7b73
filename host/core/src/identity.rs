//! Words of the identity checks.

use serde::{Deserialize, Serialize};

/// Where an identity check stands for its case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Standing {
    /// Not begun, or voided.
    None,
    /// The QR code may be scanned.
    Waiting,
    Passed,
    Failed,
}
