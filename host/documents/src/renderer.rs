//! Sets a paper as an A4 PDF.

use crate::fonts::{FONT_FOLDER, Faces};
use crate::{DocumentError, Paper};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use typst::diag::{FileError, FileResult, SourceDiagnostic};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};
use typst_layout::PagedDocument;

/// How many renders a memoised intermediate result outlives. Papers share the template and little else.
const MEMORY_AGE: usize = 10;

/// The two files of the little world that typst sees. Typst interns paths for the life of the process in a 16-bit
/// space, so they are the same for every paper.
static TEMPLATE: LazyLock<Option<Source>> = LazyLock::new(|| {
    Some(Source::new(
        file_id("paper.typ")?,
        include_str!("paper.typ").to_owned(),
    ))
});
static DATA: LazyLock<Option<FileId>> = LazyLock::new(|| file_id("paper.json"));

fn file_id(path: &str) -> Option<FileId> {
    Some(RootedPath::new(VirtualRoot::Project, VirtualPath::new(path).ok()?).intern())
}

/// Fonts and library, loaded once and shared; cloning is cheap. Rendering takes milliseconds of one core, so callers in
/// asynchronous code go through `spawn_blocking`.
#[derive(Clone)]
pub struct Renderer {
    shared: Arc<Shared>,
}

struct Shared {
    library: LazyHash<Library>,
    book: LazyHash<FontBook>,
    faces: Faces,
}

impl Renderer {
    /// Loads Noto CJK from where Debian puts it.
    pub fn with_system_fonts() -> Result<Self, DocumentError> {
        Self::new(Path::new(FONT_FOLDER))
    }

    /// Loads Noto CJK from `folder`, which holds its four collections of the styles regular and bold.
    pub fn new(folder: &Path) -> Result<Self, DocumentError> {
        let faces = Faces::load(folder)?;
        let library = LazyHash::new(Library::default());
        let book = LazyHash::new(faces.book.clone());
        Ok(Self {
            shared: Arc::new(Shared {
                library,
                book,
                faces,
            }),
        })
    }

    /// The paper as PDF. The same paper gives the same bytes.
    pub fn render(&self, paper: &Paper) -> Result<Vec<u8>, DocumentError> {
        if let Some(character) = paper
            .texts()
            .find_map(|text| self.shared.faces.missing_in(text))
        {
            return Err(DocumentError::MissingGlyph { character });
        }
        let pdf = self.typeset(serde_json::to_vec(paper)?);
        comemo::evict(MEMORY_AGE);
        pdf
    }

    fn typeset(&self, data: Vec<u8>) -> Result<Vec<u8>, DocumentError> {
        let (Some(template), Some(data_id)) = (TEMPLATE.as_ref(), *DATA) else {
            return Err(DocumentError::Typesetting(
                "the virtual paths are not valid".to_owned(),
            ));
        };
        let sheet = Sheet {
            shared: &self.shared,
            template,
            data_id,
            data: Bytes::new(data),
        };
        let document = typst::compile::<PagedDocument>(&sheet)
            .output
            .map_err(|errors| failed(&errors))?;
        typst_pdf::pdf(&document, &typst_pdf::PdfOptions::default())
            .map_err(|errors| failed(&errors))
    }
}

fn failed(errors: &[SourceDiagnostic]) -> DocumentError {
    let messages: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
    DocumentError::Typesetting(messages.join("; "))
}

/// All that typst may see of the world while it sets one paper: the template, the data, the fonts. No file system, no
/// packages, no clock.
struct Sheet<'a> {
    shared: &'a Shared,
    template: &'a Source,
    data_id: FileId,
    data: Bytes,
}

impl World for Sheet<'_> {
    fn library(&self) -> &LazyHash<Library> {
        &self.shared.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.shared.book
    }

    fn main(&self) -> FileId {
        self.template.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.template.id() {
            Ok(self.template.clone())
        } else {
            Err(FileError::AccessDenied)
        }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        if id == self.data_id {
            Ok(self.data.clone())
        } else {
            Err(FileError::AccessDenied)
        }
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.shared.faces.fonts.get(index).cloned()
    }

    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        None
    }
}
