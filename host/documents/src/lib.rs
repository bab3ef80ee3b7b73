//! Papers that the host makes from a definition and a case's data: application forms, letters with a QR code, seal
//! impression sheets.
//!
//! A [`Paper`] is the filled text, block by block. It is the one source of two pictures: [`Renderer::render`] sets it as
//! an A4 PDF, and its serialised form is what the printable page shows, so the two never say different things.
//!
//! Two invariants. What a person typed reaches typst only as data in a virtual JSON file, never as source, so no value
//! can become markup or code. And no character is lost: typst leaves a blank where a glyph is missing and says nothing,
//! so every character is looked up in the font's cmap before anything is set (rare characters of names are the reason).
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod fonts;
mod paper;
pub mod qr;
mod renderer;

pub use fonts::FONT_FOLDER;
pub use paper::{CaseTable, Imprint, Paper, PaperBlock, PaperRow, PaperStamp, QrKind, QrText};
pub use renderer::Renderer;

use std::path::PathBuf;

/// Why a paper was not made. The texts carry no personal data beyond the one character that is named.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    #[error("no CJK fonts: {} cannot be read ({reason}); install them with `apt-get install fonts-noto-cjk`", path.display())]
    FontsMissing { path: PathBuf, reason: String },

    #[error("{} holds no face of the family {family}; install it with `apt-get install fonts-noto-cjk`", path.display())]
    FamilyMissing { path: PathBuf, family: &'static str },

    /// The font has no glyph for a character of the paper.
    #[error("the font has no glyph for “{character}” (U+{:04X})", u32::from(*character))]
    MissingGlyph { character: char },

    /// The document names a field that the caller does not know: the lint of the definition has a gap.
    #[error("the document {document} names the unknown field {field}")]
    UnknownField { document: String, field: String },

    /// Only a receipt has the cases of an order.
    #[error("the document {document} lists the cases of an order, and there is none")]
    NoOrder { document: String },

    #[error("a QR code holds at most {limit} bytes, this one has {bytes}")]
    QrTooLong { bytes: usize, limit: usize },

    /// A box for a stamp is printed in its real size and has to fit on the sheet.
    #[error("a stamp box of {width_mm} × {height_mm} mm does not fit on an A4 sheet")]
    StampTooLarge { width_mm: u32, height_mm: u32 },

    #[error("the paper does not become JSON: {0}")]
    Encoding(#[from] serde_json::Error),

    /// typst refused the template; a mistake of ours, not of the data.
    #[error("typesetting failed: {0}")]
    Typesetting(String),
}
