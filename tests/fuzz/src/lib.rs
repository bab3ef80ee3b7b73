//! What the fuzz targets do: each is a function that is given any bytes and panics when something is wrong. A target is
//! run in two ways:
//!
//! - by libFuzzer, which looks for new ways through the code: `cargo xtask fuzz upload --seconds 600`;
//! - by `tests/replay` in the suite `guests`: over `corpus/<target>/` and mutations of what is there, in seconds.
//!
//! An input that broke something goes into `corpus/<target>/` under a name that says what it did.

// A target says that something is wrong by panicking.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod answers;
mod bills;
mod calls;
mod certificate;
mod definition;
mod feed;
mod forms;
mod invoice;
mod multipart;
mod notification;
mod samples;
mod statement;
mod upload;

pub use answers::answers;
pub use bills::bills;
pub use calls::calls;
pub use certificate::certificate;
pub use definition::{bases, definition};
pub use forms::forms;
pub use invoice::invoice;
pub use multipart::multipart;
pub use notification::notification;
pub use statement::statement;
pub use upload::upload;

/// Takes any bytes, and panics at what must not be.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also that of its file in `fuzz/fuzz_targets/` and of its folder in `corpus/`.
pub const TARGETS: [(&str, Target); 11] = [
    ("answers", answers),
    ("bills", bills),
    ("calls", calls),
    ("certificate", certificate),
    ("definition", definition),
    ("forms", forms),
    ("invoice", invoice),
    ("multipart", multipart),
    ("notification", notification),
    ("statement", statement),
    ("upload", upload),
];
