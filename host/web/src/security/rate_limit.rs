//! How often one client may do what costs us something. Reading pages is not limited here.

use crate::error::WebError;
use crate::page::Visit;
use yinxin_services::rate_limits::{Allowance, Limit};

/// Log-ins, registrations and recoveries: an office of people behind one address.
pub const AT_THE_DOOR: Limit = Limit::per_minute(30);
/// Files: a whole application has about six, each tried a few times.
pub const UPLOADS: Limit = Limit::per_minute(60);
/// Rule calls: saving steps and acting.
pub const ACTIONS: Limit = Limit::per_minute(120);
/// Papers and pictures that have to be made.
pub const PAPERS: Limit = Limit::per_minute(60);

/// Counts one hit of this visit's client; an error when it is one too many.
pub async fn allow(visit: &Visit, what: &'static str, limit: Limit) -> Result<(), WebError> {
    let client = visit
        .visitor
        .client
        .key(&visit.state.sealer, &visit.site.id);
    let bucket = format!("web-{what}/{client}");
    match visit
        .state
        .limits
        .check(&visit.site.id, &bucket, limit)
        .await?
    {
        Allowance::Granted { .. } => Ok(()),
        Allowance::Refused {
            retry_after_seconds,
        } => Err(WebError::TooMany(
            u64::try_from(retry_after_seconds).unwrap_or(1),
        )),
    }
}
