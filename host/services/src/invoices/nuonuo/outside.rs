//! What the platform's answers mean, without asking it: for `tests/fuzz`, which tries it with what the platform would not
//! send.

use super::answers::{Answer, red_request, red_standing, standing};
use crate::invoices::provider::{ProviderError, RedStanding, Standing};

/// An answer, read as that to a question about an invoice.
pub fn invoice(body: &[u8]) -> Result<Option<Standing>, ProviderError> {
    let answer = Answer::read(body)?;
    if answer.is_unknown() || answer.is_repeated() || answer.is_about_credentials() {
        return Err(ProviderError::Refused(answer.in_words()));
    }
    answer
        .successful()?
        .first()
        .map(|found| standing(&found))
        .transpose()
}

/// An answer, read as that to a question about a red-letter invoice.
pub fn red_letter(body: &[u8]) -> Result<Option<RedStanding>, ProviderError> {
    let answer = Answer::read(body)?.successful()?;
    answer.first().map(|found| red_standing(&found)).transpose()
}

/// An answer, read as that to a question about the request `number` for a red-letter invoice: the number of the invoice,
/// or where the request stands.
pub fn request(
    body: &[u8],
    number: &str,
) -> Result<Option<Result<String, RedStanding>>, ProviderError> {
    let answer = Answer::read(body)?.successful()?;
    Ok(answer.listed(number).map(|found| red_request(&found)))
}
