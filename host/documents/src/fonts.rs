//! The fonts that papers are set in.
//!
//! Noto CJK is asked for by name because it has the rare characters of personal names (extensions B to H); most other
//! free Chinese fonts have not, and a name with a hole in it is not a name.

use crate::DocumentError;
use std::path::{Path, PathBuf};
use typst::foundations::Bytes;
use typst::text::{Font, FontBook};

/// Where Debian's package `fonts-noto-cjk` puts its files.
pub const FONT_FOLDER: &str = "/usr/share/fonts/opentype/noto";

/// Text is set in the serif face, as printed matter of Chinese authorities is, and headings in the sans-serif.
pub(crate) const FAMILIES: [(&str, &[&str]); 2] = [
    (
        "Noto Serif CJK SC",
        &["NotoSerifCJK-Regular.ttc", "NotoSerifCJK-Bold.ttc"],
    ),
    (
        "Noto Sans CJK SC",
        &["NotoSansCJK-Regular.ttc", "NotoSansCJK-Bold.ttc"],
    ),
];

/// The faces in use, loaded once.
pub(crate) struct Faces {
    pub(crate) book: FontBook,
    pub(crate) fonts: Vec<Font>,
}

impl Faces {
    /// Reads the collections in `folder` and keeps their simplified Chinese faces.
    pub(crate) fn load(folder: &Path) -> Result<Self, DocumentError> {
        let mut fonts = Vec::new();
        for (family, files) in FAMILIES {
            for file in files {
                fonts.push(face_of(folder.join(file), family)?);
            }
        }
        Ok(Self {
            book: FontBook::from_fonts(&fonts),
            fonts,
        })
    }

    /// The first character that no face can draw; typst falls back from the serif to the sans-serif face by itself.
    pub(crate) fn missing_in(&self, text: &str) -> Option<char> {
        text.chars().find(|c| {
            !is_layout(*c)
                && !self
                    .fonts
                    .iter()
                    .any(|f| f.info().coverage.contains(u32::from(*c)))
        })
    }
}

/// Line breaks are laid out, not drawn.
fn is_layout(c: char) -> bool {
    c == '\n'
}

fn face_of(path: PathBuf, family: &'static str) -> Result<Font, DocumentError> {
    let bytes = std::fs::read(&path).map_err(|error| DocumentError::FontsMissing {
        path: path.clone(),
        reason: error.kind().to_string(),
    })?;
    // A collection has the same glyphs for five languages. Those behind ours are not parsed: listing what a face covers
    // takes a millisecond or two.
    Font::iter(Bytes::new(bytes))
        .find(|font| font.info().family == family)
        .ok_or(DocumentError::FamilyMissing { path, family })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_characters_of_names_are_there_and_unassigned_ones_are_named() {
        let faces = Faces::load(Path::new(FONT_FOLDER)).unwrap();
        assert_eq!(faces.missing_in("钟𬭎、李㛃、王䶮、张𠅤\n二〇二六年"), None);
        assert_eq!(faces.missing_in("好\u{E000}"), Some('\u{E000}'));
        assert_eq!(faces.missing_in("a\u{0007}b"), Some('\u{0007}'));
    }

    #[test]
    fn missing_fonts_say_how_to_install_them() {
        let error = Faces::load(Path::new("/nonexistent"))
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("apt-get install fonts-noto-cjk"), "{error}");
    }
}
