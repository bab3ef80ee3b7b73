//! What is uploaded, and who is checked by the face.

use super::{FileFormat, IdentityCheck, Material, owned, when};

/// Sizes as people say them: `1.mib()`.
pub trait Bytes {
    fn kib(self) -> u64;
    fn mib(self) -> u64;
}

impl Bytes for u64 {
    fn kib(self) -> u64 {
        self * 1024
    }

    fn mib(self) -> u64 {
        self * 1024 * 1024
    }
}

/// One required file. Its formats and size must follow; the lint refuses an upload without bounds.
pub fn material(id: &str, title: &str) -> Material {
    Material {
        id: id.into(),
        title: title.into(),
        hint: String::new(),
        formats: Vec::new(),
        max_bytes: 0,
        files: 1,
        captions: Vec::new(),
        required: true,
        shown_when: None,
        template: None,
        refusal_reasons: Vec::new(),
    }
}

impl Material {
    pub fn hint(mut self, sentence: &str) -> Self {
        self.hint = sentence.into();
        self
    }

    /// JPEG, PNG or BMP of at most so many bytes.
    pub fn images(self, max_bytes: u64) -> Self {
        self.formats(
            [FileFormat::Jpeg, FileFormat::Png, FileFormat::Bmp],
            max_bytes,
        )
    }

    pub fn formats(
        mut self,
        formats: impl IntoIterator<Item = FileFormat>,
        max_bytes: u64,
    ) -> Self {
        self.formats.extend(formats);
        self.max_bytes = max_bytes;
        self
    }

    /// One file for each caption: the two sides of a card.
    pub fn sides<const N: usize>(mut self, captions: [&str; N]) -> Self {
        self.files = u32::try_from(N).unwrap_or(u32::MAX);
        self.captions = owned(captions);
        self
    }

    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// Asked only when the field has one of these values.
    pub fn shown_when<'a>(
        mut self,
        field: &str,
        values: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        self.shown_when = when(field, values);
        self
    }

    /// The paper to print, stamp and scan for it.
    pub fn template(mut self, document: &str) -> Self {
        self.template = Some(document.into());
        self
    }

    /// Ready sentences for a refusal.
    pub fn reasons<'a>(mut self, sentences: impl IntoIterator<Item = &'a str>) -> Self {
        self.refusal_reasons.extend(owned(sentences));
        self
    }
}

/// A check of the person whose name and identity number stand in these fields.
pub fn face_check(id: &str, title: &str, hint: &str, name: &str, number: &str) -> IdentityCheck {
    IdentityCheck {
        id: id.into(),
        title: title.into(),
        hint: hint.into(),
        name_field: name.into(),
        number_field: number.into(),
    }
}
