//! Subjects, without a certificate: for `tests/fuzz`, which tries what guests ask for.

use super::SubjectProblem;
use super::subject;
use yinxin_core::rules::NamedValue;

/// The attributes as they come back from a certificate with this subject, and their text (RFC 4514).
pub fn subject(attributes: &[NamedValue]) -> Result<(Vec<NamedValue>, String), SubjectProblem> {
    let name = subject::encode(attributes)?;
    Ok((subject::decode(&name), subject::text(attributes)))
}
