//! QR codes (ISO/IEC 18004) as SVG: for papers, and for pages that show one.

use crate::DocumentError;
use fast_qr::ECL;
use fast_qr::convert::svg::SvgBuilder;
use fast_qr::convert::{Builder, Shape};
use fast_qr::qr::QRBuilder;

/// Longer contents make modules so small that a print of 30 mm is not read by every phone.
pub const LIMIT_BYTES: usize = 300;

/// Draws `content` with correction level M, which survives a fold or a pen stroke, and the quiet zone of four modules.
pub fn svg(content: &str) -> Result<String, DocumentError> {
    let too_long = || DocumentError::QrTooLong {
        bytes: content.len(),
        limit: LIMIT_BYTES,
    };
    if content.len() > LIMIT_BYTES {
        return Err(too_long());
    }
    let code = QRBuilder::new(content)
        .ecl(ECL::M)
        .build()
        .map_err(|_| too_long())?;
    Ok(SvgBuilder::default()
        .margin(4)
        .shape(Shape::Square)
        .to_str(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_that_phones_cannot_read_is_refused() {
        assert!(svg(&"a".repeat(LIMIT_BYTES)).unwrap().starts_with("<svg"));
        assert!(matches!(
            svg(&"a".repeat(LIMIT_BYTES + 1)),
            Err(DocumentError::QrTooLong { bytes: 301, .. })
        ));
    }
}
