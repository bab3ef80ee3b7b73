//! When days are compared.

use super::{Reconciliation, ReconciliationError, ReportState};
use crate::job_end::JobEnd;
use jiff::Span;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use yinxin_core::ids::SiteId;
use yinxin_core::money::Method;
use yinxin_core::time::Millis;
use yinxin_store::jobs::{self, NewJob};
use yinxin_store::order_events::By;
use yinxin_store::payments::gateway_word;
use yinxin_store::{Connection, StoreError, reconciliations as rows};

/// Kind of the job that compares a day.
pub const RECONCILE_JOB: &str = "reconcile";

/// Seconds after midnight: 10:30. The gateways make the bills of a day by 10:00 of the next one.
const BILLS_ARE_READY: i64 = 10 * 3600 + 1800;
/// Days that are made up for when nobody was there to compare them; older ones are run by hand.
const CATCH_UP: i64 = 7;
/// Days of a statement that are compared anew.
const STATEMENT_DAYS: usize = 92;
/// Seconds between two tries for a bill.
const FIRST_WAIT: i64 = 600;
const LONGEST_WAIT: i64 = 2 * 3600;
/// Seconds after which a bill is given up: three days.
const GIVE_UP: i64 = 3 * 24 * 3600;

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    method: Method,
    day: Date,
}

async fn enqueue(
    conn: &mut Connection,
    site: &SiteId,
    (method, day): (Method, Date),
    cause: &str,
    run_at: Millis,
) -> Result<(), ReconciliationError> {
    let new = NewJob {
        kind: RECONCILE_JOB,
        key: format!("{}:{day}:{cause}", gateway_word(method)),
        case_id: String::new(),
        payload: serde_json::to_string(&Payload { method, day })?,
        run_at,
    };
    jobs::enqueue(conn, site, new).await?;
    Ok(())
}

/// Has the days of an imported bank statement compared, in the transaction of the import.
pub async fn plan_statement(
    conn: &mut Connection,
    site: &SiteId,
    (first, last): (Date, Date),
    statement: &str,
    now: Millis,
) -> Result<(), StoreError> {
    let days = first
        .series(Span::new().days(1))
        .take_while(|day| *day <= last && *day < now.day())
        .take(STATEMENT_DAYS);
    for day in days {
        let what = (Method::BankTransfer, day);
        enqueue(conn, site, what, statement, now)
            .await
            .map_err(|error| match error {
                ReconciliationError::Store(error) => error,
                _ => StoreError::Damaged("a job"),
            })?;
    }
    Ok(())
}

/// When the bills of a day are ready.
fn ready(day: Date) -> Millis {
    Millis::start_of(day.tomorrow().unwrap_or(day)).plus(BILLS_ARE_READY)
}

impl Reconciliation {
    /// Has the days compared that are over and were not, once their bills are ready; to be called every minute or so.
    pub async fn plan(&self, site: &SiteId) -> Result<(), ReconciliationError> {
        let now = self.clock.now();
        let Ok(yesterday) = now.day().yesterday() else {
            return Ok(());
        };
        if now < ready(yesterday) {
            return Ok(());
        }
        let earliest = yesterday.saturating_sub(Span::new().days(CATCH_UP - 1));
        let mut due = Vec::new();
        let mut conn = self.store.read().await?;
        for method in self.payments.methods(site) {
            // A site begins with the day before its first morning.
            let first = rows::first_day(&mut conn, site, method)
                .await?
                .and_then(|day| day.parse::<Date>().ok())
                .unwrap_or(yesterday)
                .max(earliest);
            let known = rows::days_from(&mut conn, site, method, &first.to_string()).await?;
            let days = first
                .series(Span::new().days(1))
                .take_while(|day| *day <= yesterday)
                .filter(|day| !known.contains(&day.to_string()));
            due.extend(days.map(|day| (method, day)));
        }
        drop(conn);
        if due.is_empty() {
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        for what in due {
            enqueue(&mut tx, site, what, "daily", now).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Has the gateway asked again for the bill of a day that a clerk could not compare.
    pub(super) async fn plan_again(
        &self,
        site: &SiteId,
        method: Method,
        day: Date,
    ) -> Result<(), ReconciliationError> {
        let now = self.clock.now();
        let cause = format!("again:{}", now.day());
        let run_at = ready(day).max(now.plus(FIRST_WAIT));
        let mut tx = self.store.begin().await?;
        enqueue(&mut tx, site, (method, day), &cause, run_at).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Runs a job of the kind [`RECONCILE_JOB`], which may run twice, and at once.
    pub async fn run_job(
        &self,
        site: &SiteId,
        payload: &str,
    ) -> Result<JobEnd, ReconciliationError> {
        let Payload { method, day } = serde_json::from_str(payload)?;
        let mut report = match self.run(site, method, day, &By::host()).await {
            Ok(report) => report,
            // A clerk was faster, and what he found stands.
            Err(ReconciliationError::NoBill(_)) => return Ok(JobEnd::Done),
            Err(error) => return Err(error),
        };
        if report.state != ReportState::Waiting {
            return Ok(JobEnd::Done);
        }
        let now = self.clock.now();
        let age = (now.0 - ready(day).0) / 1000;
        if age > GIVE_UP {
            tracing::error!(%site, ?method, %day, why = report.problem, "there is no bill; a clerk may run the day again");
            report.state = ReportState::Failed;
            self.put(site, &report).await?;
            return Ok(JobEnd::Done);
        }
        // Half its age doubles the gaps.
        let at = now.plus((age / 2).clamp(FIRST_WAIT, LONGEST_WAIT));
        let why = report.problem;
        Ok(JobEnd::Again { at, why })
    }
}
