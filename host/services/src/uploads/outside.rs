//! What a file is taken for, without keeping it: for `tests/fuzz`, which tries it with files that nobody would send.

use super::{Refusal, format};
use yinxin_core::definition::FileFormat;

/// What was seen of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub media_type: &'static str,
    /// Pixels of the original; none where it is no picture.
    pub pixels: Option<(u32, u32)>,
    /// Bytes of the clerk's view and of the thumbnail.
    pub made: (usize, usize),
    /// Names in an archive.
    pub listing: Vec<String>,
}

/// Looks at a file as an upload is looked at.
pub fn seen(
    bytes: &[u8],
    name: &str,
    max_bytes: u64,
    accepted: &[FileFormat],
) -> Result<Seen, Refusal> {
    let content = format::examine(bytes, name, max_bytes, accepted)?;
    let picture = content.picture.as_ref();
    Ok(Seen {
        media_type: content.media_type,
        pixels: picture.map(|picture| (picture.width, picture.height)),
        made: picture.map_or((0, 0), |picture| {
            (picture.view.len(), picture.thumbnail.len())
        }),
        listing: content.listing,
    })
}

/// The name under which a file of this content is kept.
pub fn kept_name(name: &str, media_type: &str) -> String {
    format::ending_as(super::clean_name(name), media_type)
}
