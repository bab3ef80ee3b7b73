//! How the engine hears from a service that something happened to a case: a job, written in the transaction of what
//! happened.

use serde::{Deserialize, Serialize};
use yinxin_core::ids::{CaseId, SiteId};
use yinxin_core::rules::Fact;
use yinxin_core::time::Millis;
use yinxin_store::jobs::{self, NewJob};
use yinxin_store::{Connection, StoreError};

/// Kind of these jobs.
pub const CASE_EVENT_JOB: &str = "case-event";

/// Payload of the job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseEvent {
    pub case_id: CaseId,
    /// Name of the host event as in WIT: `paid`, `identity-passed`, `issued`, …
    pub event: String,
    pub fact: Fact,
}

impl CaseEvent {
    /// Tells the case; the same `key` tells it once.
    pub async fn enqueue(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        key: String,
        now: Millis,
    ) -> Result<(), StoreError> {
        let job = NewJob {
            kind: CASE_EVENT_JOB,
            key,
            case_id: self.case_id.to_string(),
            payload: serde_json::to_string(self).map_err(|_| StoreError::Damaged("an event"))?,
            run_at: now,
        };
        jobs::enqueue(conn, site, job).await?;
        Ok(())
    }
}
