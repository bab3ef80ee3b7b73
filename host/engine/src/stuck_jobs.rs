//! Jobs that did not work, for a clerk to look at: what waits for another try, and what was given up and can be run again.

use crate::Engine;
use crate::actor::ClerkActor;
use crate::error::EngineError;
use yinxin_core::definition::Role;
use yinxin_core::ids::{CaseId, SiteId};
use yinxin_core::time::Millis;
use yinxin_store::StoreError;
use yinxin_store::jobs::{self, Job};

/// A job that nobody tries any more, or that waits for another try.
#[derive(Clone, Debug)]
pub struct StuckJob {
    pub id: String,
    pub kind: String,
    pub case: Option<CaseId>,
    pub attempts: i64,
    pub last_error: String,
    /// When it was given up, or is tried again.
    pub run_at: Millis,
}

impl From<Job> for StuckJob {
    fn from(job: Job) -> Self {
        Self {
            id: job.id,
            kind: job.kind,
            case: Some(job.case_id)
                .filter(|id| !id.is_empty())
                .map(CaseId::from_stored),
            attempts: job.attempts,
            last_error: job.last_error,
            run_at: job.run_at,
        }
    }
}

impl Engine {
    /// Dead jobs, oldest first; for administrators.
    pub async fn dead_jobs(
        &self,
        site: &SiteId,
        clerk: &ClerkActor,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StuckJob>, EngineError> {
        if !clerk.roles.contains(&Role::Administrator) {
            return Err(EngineError::NotAllowed);
        }
        let mut conn = self.inner.store.read().await?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let dead = jobs::dead(&mut conn, site, after, limit).await?;
        Ok(dead.into_iter().map(StuckJob::from).collect())
    }

    /// Jobs that did not work and will be tried again, the next one first; for administrators.
    pub async fn waiting_jobs(
        &self,
        site: &SiteId,
        clerk: &ClerkActor,
        limit: usize,
    ) -> Result<Vec<StuckJob>, EngineError> {
        if !clerk.roles.contains(&Role::Administrator) {
            return Err(EngineError::NotAllowed);
        }
        let mut conn = self.inner.store.read().await?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let waiting = jobs::waiting(&mut conn, site, limit).await?;
        Ok(waiting.into_iter().map(StuckJob::from).collect())
    }

    /// Runs a dead job again; false when it is not dead any more.
    pub async fn revive_job(
        &self,
        site: &SiteId,
        clerk: &ClerkActor,
        id: &str,
    ) -> Result<bool, EngineError> {
        if !clerk.roles.contains(&Role::Administrator) {
            return Err(EngineError::NotAllowed);
        }
        let mut tx = self.inner.store.begin().await?;
        let revived = jobs::revive(&mut tx, site, id).await?;
        tx.commit().await.map_err(StoreError::from)?;
        self.inner.work.notify_one();
        Ok(revived)
    }
}
