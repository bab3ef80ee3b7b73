//! What the provider of invoices answers.

use yinxin_core::money::Fen;
use yinxin_services::invoices::outside;
use yinxin_services::invoices::{RedStanding, Standing};

/// The body of an answer.
pub fn invoice(bytes: &[u8]) {
    if let Ok(Some(Standing::Issued(issued))) = outside::invoice(bytes) {
        assert!(issued.amount <= Fen::LIMIT, "{issued:?}");
        assert!(
            !issued.number.is_empty() && issued.number.bytes().all(|byte| byte.is_ascii_digit()),
            "{issued:?}"
        );
        assert!(!issued.pdf.is_empty(), "{issued:?}");
    }
    if let Ok(Some(RedStanding::Issued(number))) = outside::red_letter(bytes) {
        assert!(!number.is_empty(), "a red-letter invoice without a number");
    }
    if let Ok(Some(Ok(serial))) = outside::request(bytes, "r1") {
        assert!(!serial.is_empty(), "a request that led to nothing");
    }
}
