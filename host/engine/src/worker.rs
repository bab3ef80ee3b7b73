//! The worker: takes jobs that are due, several at once, and gives each to who can do it. How many of whose at once is
//! decided in [`lanes`].

mod lanes;

use crate::error::EngineError;
use crate::inner::Inner;
use crate::{Engine, events, timers};
use futures::FutureExt;
use lanes::Places;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use yinxin_core::ids::CaseId;
use yinxin_core::time::Millis;
use yinxin_services::case_event::CASE_EVENT_JOB;
use yinxin_services::certificates::ISSUE_JOB;
use yinxin_services::identity::RESULT_JOB;
use yinxin_services::invoices::INVOICE_JOB;
use yinxin_services::job_end::JobEnd;
use yinxin_services::messaging::{MAIL_JOB, MESSAGE_JOB};
use yinxin_services::payments::{CLOSE_JOB, CONFIRM_JOB, REFUND_JOB};
use yinxin_services::reconciliation::RECONCILE_JOB;
use yinxin_services::uploads::SWEEP_JOB;
use yinxin_store::StoreError;
use yinxin_store::jobs::{self, Job, Passed};

/// A worker that has not ended a job by then is taken for dead, and the job runs again. Gateways time out far before.
const LEASE_SECONDS: i64 = 120;
/// How often an idle worker looks for jobs that another process wrote or whose time has come.
const IDLE: Duration = Duration::from_secs(1);
/// Tries before a job is left for a clerk. With the back-off below that is about ten hours.
const ATTEMPTS: i64 = 12;
/// First wait after a failure, doubled each time up to the longest.
const FIRST_WAIT_SECONDS: i64 = 5;
const LONGEST_WAIT_SECONDS: i64 = 2 * 3600;

impl Engine {
    /// Runs jobs until `stop`; what is under way is finished first.
    pub async fn work(&self, stop: CancellationToken) {
        let inner = &self.inner;
        let places = Places::default();
        let mut under_way = JoinSet::new();
        while !stop.is_cancelled() {
            // One look at a time, so that what is under way is known when the next job is picked.
            match lease(inner, &places.passed()).await {
                Ok(Some(job)) => {
                    let (inner, place) = (inner.clone(), places.take(&job));
                    under_way.spawn(async move {
                        let _place = place;
                        perform(&inner, &job).await
                    });
                }
                Ok(None) => {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = inner.work.notified() => {}
                        () = tokio::time::sleep(IDLE) => {}
                        // There may be a place now for one that was passed by.
                        Some(ended) = under_way.join_next() => tell(ended),
                    }
                }
                Err(error) => {
                    tell(Ok(Err(error)));
                    tokio::time::sleep(IDLE).await;
                }
            }
            while let Some(ended) = under_way.try_join_next() {
                tell(ended);
            }
        }
        while let Some(ended) = under_way.join_next().await {
            tell(ended);
        }
    }

    /// Runs every job that is due now, until none is left; for tests and the operator's commands.
    pub async fn work_off(&self) -> Result<usize, EngineError> {
        let mut done = 0;
        while let Some(job) = lease(&self.inner, &Passed::default()).await? {
            perform(&self.inner, &job).await?;
            done += 1;
        }
        Ok(done)
    }
}

/// What could not even be marked stays leased, and is tried again when the lease has run out.
fn tell(ended: Result<Result<(), EngineError>, JoinError>) {
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::error!(%error, "jobs cannot be read or marked; trying again");
        }
        Err(error) => tracing::error!(%error, "a worker ended early"),
    }
}

async fn lease(inner: &Inner, passed: &Passed) -> Result<Option<Job>, EngineError> {
    let now = inner.now();
    let mut tx = inner.store.begin().await?;
    let job = jobs::lease_beside(&mut tx, now, now.plus(LEASE_SECONDS), passed).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(job)
}

/// Does the job; none: it was finished in the transaction of what it did.
async fn attempt(inner: &Inner, job: &Job) -> Result<Option<JobEnd>, EngineError> {
    let services = &inner.services;
    match job.kind.as_str() {
        // These finish the job in the transaction of what they do.
        CASE_EVENT_JOB => events::run(inner, job).await.map(|()| None),
        timers::KIND => timers::run(inner, job).await.map(|()| None),
        MESSAGE_JOB | MAIL_JOB => services
            .messaging
            .run(&job.site, &job.payload)
            .await
            .map(Some)
            .map_err(EngineError::from),
        RESULT_JOB => services
            .identity
            .run(&job.site, &job.payload)
            .await
            .map(Some)
            .map_err(EngineError::from),
        ISSUE_JOB => {
            let case = CaseId::from_stored(job.case_id.clone());
            let issued = services
                .certificates
                .issue(&job.site, &case, &job.key, &job.payload)
                .await;
            issued
                .map(|()| Some(JobEnd::Done))
                .map_err(EngineError::from)
        }
        SWEEP_JOB => {
            let swept = services.uploads.sweep(&job.site).await;
            swept.map(|_| Some(JobEnd::Done)).map_err(EngineError::from)
        }
        kind @ (CONFIRM_JOB | CLOSE_JOB | REFUND_JOB) => services
            .payments
            .run_job(&job.site, kind, &job.payload)
            .await
            .map(Some)
            .map_err(EngineError::from),
        kind @ INVOICE_JOB => services
            .invoices
            .run_job(&job.site, kind, &job.payload)
            .await
            .map(Some)
            .map_err(EngineError::from),
        RECONCILE_JOB => services
            .reconciliation
            .run_job(&job.site, &job.payload)
            .await
            .map(Some)
            .map_err(EngineError::from),
        _ => Err(EngineError::Service(format!(
            "no one runs jobs of the kind `{}`",
            job.kind
        ))),
    }
}

/// Does the job and marks what came of it.
async fn perform(inner: &Inner, job: &Job) -> Result<(), EngineError> {
    // A panic is a mistake of ours like any other: it ends this job and not the worker, which has the next ones to do.
    let ended = AssertUnwindSafe(attempt(inner, job)).catch_unwind().await;
    let ended = ended.unwrap_or_else(|_| Err(EngineError::Service("a panic".to_owned())));
    let mut tx = inner.store.begin().await?;
    match ended {
        Ok(None) => {}
        Ok(Some(JobEnd::Done)) => match jobs::finish(&mut tx, &job.site, &job.id).await {
            // It took longer than its lease, and another worker has ended it.
            Err(error) if error.is_conflict() => {}
            other => other?,
        },
        Ok(Some(JobEnd::Again { at, why })) => {
            jobs::retry(&mut tx, &job.site, &job.id, at, &why).await?;
        }
        Err(error) => {
            let why = error.why();
            tracing::warn!(site = %job.site, job = %job.id, kind = %job.kind, attempt = job.attempts, %why, "a job failed");
            if gives_up(job, &error) {
                jobs::bury(&mut tx, &job.site, &job.id, &why).await?;
            } else {
                jobs::retry(
                    &mut tx,
                    &job.site,
                    &job.id,
                    again(inner.now(), job.attempts),
                    &why,
                )
                .await?;
            }
        }
    }
    tx.commit().await.map_err(StoreError::from)?;
    if !job.case_id.is_empty() {
        inner.changed(&job.site, &CaseId::from_stored(job.case_id.clone()));
    }
    Ok(())
}

/// Whether the job is left for a clerk. One that looks again and again, at a payment say, has many attempts behind it that
/// went well: what passes by itself does not end it.
fn gives_up(job: &Job, error: &EngineError) -> bool {
    job.attempts >= ATTEMPTS && !error.is_passing()
}

fn again(now: Millis, attempts: i64) -> Millis {
    let doublings = u32::try_from(attempts.clamp(1, 20) - 1).unwrap_or(0);
    let wait = FIRST_WAIT_SECONDS.saturating_mul(1 << doublings);
    now.plus(wait.min(LONGEST_WAIT_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use yinxin_capabilities::prelude::{CallError, Failure, RuleError};
    use yinxin_store::Outage;

    #[test]
    fn what_passes_ends_no_job_however_often_it_was_tried() {
        let job = Job {
            site: yinxin_core::ids::SiteId::parse("fujian").unwrap(),
            id: "1".to_owned(),
            kind: CONFIRM_JOB.to_owned(),
            key: "1".to_owned(),
            case_id: String::new(),
            payload: "{}".to_owned(),
            state: "running".to_owned(),
            run_at: Millis(0),
            attempts: 99,
            last_error: String::new(),
        };
        let outage = || StoreError::from(Outage::Held);
        let by_service = yinxin_services::payments::PaymentError::from(outage());
        assert!(!gives_up(&job, &EngineError::from(outage())));
        assert!(!gives_up(&job, &EngineError::from(by_service)));
        assert!(!gives_up(&job, &EngineError::Store(StoreError::Conflict)));
        assert!(gives_up(&job, &EngineError::Service("refused".to_owned())));
        let rule = |failure| {
            EngineError::Rule(RuleError::Call(CallError {
                plugin: "yingtan".to_owned(),
                export: "handle",
                failure,
            }))
        };
        let waited = Duration::from_secs(5);
        assert!(!gives_up(&job, &rule(Failure::Busy { waited })));
        assert!(gives_up(&job, &rule(Failure::Panic)));
        let early = Job { attempts: 3, ..job };
        assert!(!gives_up(
            &early,
            &EngineError::Service("refused".to_owned())
        ));
    }

    #[test]
    fn waits_double_up_to_two_hours() {
        let waits: Vec<i64> = [1, 2, 3, 11, 12, 99]
            .iter()
            .map(|n| again(Millis(0), *n).0 / 1000)
            .collect();
        assert_eq!(waits, [5, 10, 20, 5120, 7200, 7200]);
    }
}
