//! What a file is by its content, whatever its name says.

use super::picture::{self, Picture};
use super::{Refusal, archive};
use yinxin_core::definition::FileFormat;

/// A PDF ends with `%%EOF`; some writers append a little more.
const PDF_TAIL: usize = 2048;

/// What was found in a file that is taken.
pub(super) struct Content {
    pub(super) media_type: &'static str,
    pub(super) picture: Option<Picture>,
    pub(super) listing: Vec<String>,
}

impl Content {
    /// Neither shown nor listed.
    pub(super) fn opaque(media_type: &'static str) -> Self {
        Self {
            media_type,
            picture: None,
            listing: Vec::new(),
        }
    }
}

/// Checks size, real type and readability. Decodes pictures, so it belongs on a thread for such work.
pub(super) fn examine(
    bytes: &[u8],
    name: &str,
    max_bytes: u64,
    accepted: &[FileFormat],
) -> Result<Content, Refusal> {
    let size = bytes.len() as u64;
    if size == 0 {
        return Err(Refusal::Empty);
    }
    if size > max_bytes {
        return Err(Refusal::TooLarge {
            size,
            limit: max_bytes,
        });
    }
    let format = match detect(bytes) {
        Ok(format) if accepted.contains(&format) => format,
        found => {
            let found = found.map_or_else(|other| other, |format| in_words(media_type_of(format)));
            return Err(Refusal::WrongFormat {
                extension: extension(name),
                found,
                accepted: accepted.to_vec(),
            });
        }
    };
    let mut content = Content::opaque(media_type_of(format));
    match format {
        FileFormat::Jpeg => content.picture = Some(picture::read(bytes, image::ImageFormat::Jpeg)?),
        FileFormat::Png => content.picture = Some(picture::read(bytes, image::ImageFormat::Png)?),
        FileFormat::Bmp => content.picture = Some(picture::read(bytes, image::ImageFormat::Bmp)?),
        FileFormat::Pdf => check_pdf(bytes)?,
        FileFormat::Zip => content.listing = archive::names_in_zip(bytes)?,
        // No free reader of RAR exists in Rust; it is kept as it is and never opened here.
        FileFormat::Rar => {}
    }
    Ok(content)
}

/// The type of any file, for downloads.
pub(super) fn media_type(bytes: &[u8]) -> &'static str {
    infer::get(bytes).map_or("application/octet-stream", |kind| kind.mime_type())
}

pub(super) fn media_type_of(format: FileFormat) -> &'static str {
    match format {
        FileFormat::Jpeg => "image/jpeg",
        FileFormat::Png => "image/png",
        FileFormat::Bmp => "image/bmp",
        FileFormat::Pdf => "application/pdf",
        FileFormat::Zip => "application/zip",
        FileFormat::Rar => "application/vnd.rar",
    }
}

/// The name with an ending that fits the type. What is two things at once is opened as the one that was looked at.
pub(super) fn ending_as(name: String, media_type: &str) -> String {
    let endings: &[&str] = match media_type {
        "image/jpeg" => &["jpg", "jpeg"],
        "image/png" => &["png"],
        "image/bmp" => &["bmp"],
        "application/pdf" => &["pdf"],
        "application/zip" => &["zip"],
        "application/vnd.rar" => &["rar"],
        _ => &[],
    };
    match endings.first() {
        Some(usual) if !endings.contains(&extension(&name).as_str()) => format!("{name}.{usual}"),
        _ => name,
    }
}

/// The format, or what else it is in words.
fn detect(bytes: &[u8]) -> Result<FileFormat, String> {
    use FileFormat::{Bmp, Jpeg, Pdf, Png, Rar, Zip};
    let found = infer::get(bytes).map(|kind| kind.mime_type());
    [Jpeg, Png, Bmp, Pdf, Zip, Rar]
        .into_iter()
        .find(|format| found == Some(media_type_of(*format)))
        .ok_or_else(|| found.map_or_else(|| "未知格式".to_owned(), in_words))
}

fn in_words(media_type: &str) -> String {
    match media_type {
        "image/jpeg" => "JPG",
        "image/heif" | "image/heic" => "HEIC",
        "image/tiff" => "TIFF",
        "application/msword"
        | "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "Word",
        "application/vnd.ms-excel"
        | "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "Excel",
        "application/vnd.rar" => "RAR",
        "application/x-7z-compressed" => "7Z",
        other => {
            let name = other.rsplit_once('/').map_or(other, |(_, name)| name);
            return name.trim_start_matches("x-").to_uppercase();
        }
    }
    .to_owned()
}

fn extension(name: &str) -> String {
    let found = name
        .rsplit_once('.')
        .map(|(_, extension)| extension.to_lowercase());
    let plain = |text: &String| text.len() <= 5 && text.bytes().all(|b| b.is_ascii_alphanumeric());
    found.filter(plain).unwrap_or_default()
}

/// A PDF is kept whole and opened by the clerk's browser; here it is enough that it is complete and not locked.
fn check_pdf(bytes: &[u8]) -> Result<(), Refusal> {
    let tail = bytes.len().saturating_sub(PDF_TAIL);
    if !contains(bytes.get(tail..).unwrap_or(bytes), b"%%EOF") {
        return Err(Refusal::Unreadable { kind: "PDF" });
    }
    if contains(bytes, b"/Encrypt") {
        return Err(Refusal::Locked);
    }
    Ok(())
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}
