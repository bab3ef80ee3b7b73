//! The daily comparison of the money ledger with what gateways and the bank say: kept bills, reports, differences.

mod bills;
mod differences;

pub use bills::{KeptLine, Movement, bill_line, keep_bill, movements, received, refunded};
pub use differences::{
    Difference, DifferenceKind, DifferenceState, by_number, differences, differences_of_report,
    get_difference, open_differences, put_difference, reopen, settle,
};

use crate::query::AFTER_EVERY_ID;
use crate::words::words;
use crate::{Connection, StoreError, payments};
use serde::Serialize;
use sqlx::Row;
use yinxin_core::{
    ids::SiteId,
    money::{Fen, Method},
    time::Millis,
};

words! {
    /// Which way money went.
    "a bill line's kind" BillKind {
        Payment = "payment",
        Refund = "refund",
    }
}

words! {
    /// How far a report is.
    "a report's state" ReportState {
        /// The bill is not ready, or the gateway cannot be reached: it is asked again.
        Waiting = "waiting",
        /// Compared; what does not agree stands in the differences.
        Done = "done",
        /// No bank statement was imported for the day.
        NoBill = "no-bill",
        /// Given up after some days; a clerk may run it again.
        Failed = "failed",
    }
}

/// Number and sum of payments and refunds on one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Side {
    pub payments: i64,
    pub received: Fen,
    pub refunds: i64,
    pub refunded: Fen,
}

/// The report of one day and gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// `2026-11-20-wechat`: sorts by day.
    pub id: String,
    pub method: Method,
    /// `2026-11-20`
    pub day: String,
    pub state: ReportState,
    pub ours: Side,
    pub theirs: Side,
    pub fee: Fen,
    /// Why it is waiting or failed; for the operator.
    pub problem: String,
    pub run_at: Millis,
    /// Clerk's id and name; `host` and empty when it ran by itself.
    pub run_by: String,
    pub run_name: String,
    /// Differences found on this day that are still open. Not written but counted.
    pub open: i64,
}

/// The id of a day's report.
pub fn report_id(method: Method, day: &str) -> String {
    format!("{day}-{}", payments::gateway_word(method))
}

fn method(word: &str) -> Result<Method, StoreError> {
    payments::gateway(word).ok_or(StoreError::Damaged("a report's gateway"))
}

const COLUMNS: &str = "id, gateway, day, state, ours_payments, ours_received, ours_refunds, ours_refunded, theirs_payments,
    theirs_received, theirs_refunds, theirs_refunded, fee, problem, run_at, run_by, run_name";

fn report(row: &sqlx::any::AnyRow, open: i64) -> Result<Report, StoreError> {
    let side = |payments, received, refunds, refunded| -> Result<Side, StoreError> {
        Ok(Side {
            payments: row.try_get(payments)?,
            received: Fen(row.try_get(received)?),
            refunds: row.try_get(refunds)?,
            refunded: Fen(row.try_get(refunded)?),
        })
    };
    Ok(Report {
        id: row.try_get("id")?,
        method: method(&row.try_get::<String, _>("gateway")?)?,
        day: row.try_get("day")?,
        state: ReportState::from_stored(&row.try_get::<String, _>("state")?)?,
        ours: side(
            "ours_payments",
            "ours_received",
            "ours_refunds",
            "ours_refunded",
        )?,
        theirs: side(
            "theirs_payments",
            "theirs_received",
            "theirs_refunds",
            "theirs_refunded",
        )?,
        fee: Fen(row.try_get("fee")?),
        problem: row.try_get("problem")?,
        run_at: Millis(row.try_get("run_at")?),
        run_by: row.try_get("run_by")?,
        run_name: row.try_get("run_name")?,
        open,
    })
}

/// Writes a report in place of the one of the same day and gateway; the number of open differences is not read.
pub async fn put_report(
    conn: &mut Connection,
    site: &SiteId,
    report: &Report,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO reconciliations (site, id, gateway, day, state, ours_payments, ours_received, ours_refunds,
             ours_refunded, theirs_payments, theirs_received, theirs_refunds, theirs_refunded, fee, problem, run_at,
             run_by, run_name)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
         ON CONFLICT (site, id) DO UPDATE SET state = excluded.state, ours_payments = excluded.ours_payments,
             ours_received = excluded.ours_received, ours_refunds = excluded.ours_refunds,
             ours_refunded = excluded.ours_refunded, theirs_payments = excluded.theirs_payments,
             theirs_received = excluded.theirs_received, theirs_refunds = excluded.theirs_refunds,
             theirs_refunded = excluded.theirs_refunded, fee = excluded.fee, problem = excluded.problem,
             run_at = excluded.run_at, run_by = excluded.run_by, run_name = excluded.run_name",
    )
    .bind(site.as_str().to_owned())
    .bind(report.id.clone())
    .bind(payments::gateway_word(report.method).to_owned())
    .bind(report.day.clone())
    .bind(report.state.as_str().to_owned())
    .bind(report.ours.payments)
    .bind(report.ours.received.0)
    .bind(report.ours.refunds)
    .bind(report.ours.refunded.0)
    .bind(report.theirs.payments)
    .bind(report.theirs.received.0)
    .bind(report.theirs.refunds)
    .bind(report.theirs.refunded.0)
    .bind(report.fee.0)
    .bind(report.problem.clone())
    .bind(report.run_at.0)
    .bind(report.run_by.clone())
    .bind(report.run_name.clone())
    .execute(conn)
    .await?;
    Ok(())
}

/// [`StoreError::NotFound`] when the day was not compared yet.
pub async fn get_report(
    conn: &mut Connection,
    site: &SiteId,
    id: &str,
) -> Result<Report, StoreError> {
    let open = count_open(conn, site, id).await?;
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM reconciliations WHERE site = $1 AND id = $2"
    )))
    .bind(site.as_str().to_owned())
    .bind(id.to_owned())
    .fetch_one(conn)
    .await?;
    report(&row, open)
}

/// Open differences that a report found.
pub async fn count_open(
    conn: &mut Connection,
    site: &SiteId,
    report: &str,
) -> Result<i64, StoreError> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS n FROM reconciliation_differences WHERE site = $1 AND report_id = $2 AND state = 'open'",
    )
    .bind(site.as_str().to_owned())
    .bind(report.to_owned())
    .fetch_one(conn)
    .await?;
    Ok(row.try_get("n")?)
}

/// The first day with a report of this gateway.
pub async fn first_day(
    conn: &mut Connection,
    site: &SiteId,
    method: Method,
) -> Result<Option<String>, StoreError> {
    let row = sqlx::query(
        "SELECT day FROM reconciliations WHERE site = $1 AND gateway = $2 ORDER BY day LIMIT 1",
    )
    .bind(site.as_str().to_owned())
    .bind(payments::gateway_word(method).to_owned())
    .fetch_optional(conn)
    .await?;
    row.map(|row| Ok(row.try_get("day")?)).transpose()
}

/// Days with a report of this gateway, from `day` on, oldest first.
pub async fn days_from(
    conn: &mut Connection,
    site: &SiteId,
    method: Method,
    day: &str,
) -> Result<Vec<String>, StoreError> {
    let rows = sqlx::query(
        "SELECT day FROM reconciliations WHERE site = $1 AND gateway = $2 AND day >= $3 ORDER BY day",
    )
    .bind(site.as_str().to_owned())
    .bind(payments::gateway_word(method).to_owned())
    .bind(day.to_owned())
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| Ok(row.try_get("day")?)).collect()
}

/// Reports, newest day first, after the id `after`.
pub async fn reports(
    conn: &mut Connection,
    site: &SiteId,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Report>, StoreError> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM reconciliations WHERE site = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
    )))
    .bind(site.as_str().to_owned())
    .bind(after.unwrap_or(AFTER_EVERY_ID).to_owned())
    .bind(limit)
    .fetch_all(&mut *conn)
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let id: String = row.try_get("id")?;
        let open = count_open(conn, site, &id).await?;
        found.push(report(row, open)?);
    }
    Ok(found)
}
