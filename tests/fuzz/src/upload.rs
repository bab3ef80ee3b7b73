//! Files: pictures, PDFs, archives, and what pretends to be one.

use crate::feed::Feed;
use yinxin_core::definition::FileFormat;
use yinxin_services::uploads::outside::{kept_name, seen};

const MAX_BYTES: u64 = 1 << 20;
const ALL: [FileFormat; 6] = [
    FileFormat::Jpeg,
    FileFormat::Png,
    FileFormat::Bmp,
    FileFormat::Pdf,
    FileFormat::Zip,
    FileFormat::Rar,
];

/// The file's name up to the first zero, then its content.
pub fn upload(bytes: &[u8]) {
    let mut feed = Feed::new(bytes);
    let name = String::from_utf8_lossy(feed.text()).into_owned();
    let content = feed.rest();
    match seen(content, &name, MAX_BYTES, &ALL) {
        Ok(file) => {
            if let Some((width, height)) = file.pixels {
                assert!(
                    u64::from(width) * u64::from(height) <= 100_000_000,
                    "{width} by {height}"
                );
                assert!(
                    file.made.0 > 0 && file.made.1 > 0,
                    "a picture that nobody sees"
                );
            }
            assert!(file.listing.len() <= 500, "{}", file.listing.len());
            for entry in &file.listing {
                assert!(
                    entry.chars().count() <= 200 && !entry.contains(char::is_control),
                    "{entry:?}"
                );
            }
            let kept = kept_name(&name, file.media_type);
            assert!(
                !kept.contains(['/', '\\']) && !kept.contains(char::is_control),
                "{kept:?}"
            );
            assert!(
                kept.contains('.') && kept.chars().count() <= 125,
                "{kept:?}"
            );
        }
        Err(refusal) => {
            // What the person is told is a sentence about this file.
            assert!(!format!("{refusal:?}").is_empty());
        }
    }
}
