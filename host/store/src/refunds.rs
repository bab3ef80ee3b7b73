//! Refunds: money on its way back to the payer, over the trade on which it came.

use crate::query::among;
use crate::words::words;
use crate::{Connection, StoreError, payments};
use sqlx::Row;
use std::collections::HashMap;
use yinxin_core::{
    ids::{CaseId, OrderId, PaymentId, SiteId},
    money::{Fen, Method},
    time::Millis,
};

words! {
    /// Where a refund stands.
    "a refund's state" RefundState {
        /// Written down; the gateway may or may not know of it.
        Requested = "requested",
        /// The gateway has it.
        Processing = "processing",
        Done = "done",
        /// The gateway refused it: a clerk has to see to it. The money is still owed.
        Failed = "failed",
        /// Not wanted any more: the money pays an order instead.
        Withdrawn = "withdrawn",
    }
}

words! {
    /// Whose money goes back.
    "a refund's purpose" Purpose {
        /// What was paid for the order.
        Order = "order",
        /// What came twice, after the order's end, or in a wrong amount; the order does not change.
        Surplus = "surplus",
    }
}

/// One refund as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// UUID; without hyphens it is the number under which the gateway knows it.
    pub id: String,
    /// Id of the first refund of those that were asked for as one, over several payments.
    pub request: String,
    pub order: OrderId,
    pub payment: PaymentId,
    /// The case that asked for it; none: all cases of the order.
    pub case: Option<CaseId>,
    pub purpose: Purpose,
    pub amount: Fen,
    /// In words, for the payer.
    pub reason: String,
    pub state: RefundState,
    /// Clerk id, account id, or `host`.
    pub requested_by: String,
    /// The provider's number, or why it refused.
    pub provider_no: String,
    /// How it was paid out; none before it is done.
    pub paid_from: Option<Method>,
    pub requested_at: Millis,
    pub finished_at: Option<Millis>,
}

impl Refund {
    /// The number for the gateway: repeating it does not pay out twice.
    pub fn out_refund_no(&self) -> String {
        self.id.replace('-', "")
    }
}

const COLUMNS: &str =
    "id, request_id, order_id, payment_id, case_id, purpose, amount, reason, state, requested_by, provider_no,
    paid_from, requested_at, finished_at";

fn refund(row: &sqlx::any::AnyRow) -> Result<Refund, StoreError> {
    let text = |name: &str| row.try_get::<String, _>(name);
    let case = text("case_id")?;
    let finished: i64 = row.try_get("finished_at")?;
    Ok(Refund {
        id: text("id")?,
        request: text("request_id")?,
        order: OrderId::from_stored(text("order_id")?),
        payment: PaymentId::from_stored(text("payment_id")?),
        case: (!case.is_empty()).then(|| CaseId::from_stored(case)),
        purpose: Purpose::from_stored(&text("purpose")?)?,
        amount: Fen(row.try_get("amount")?),
        reason: text("reason")?,
        state: RefundState::from_stored(&text("state")?)?,
        requested_by: text("requested_by")?,
        provider_no: text("provider_no")?,
        paid_from: payments::gateway(&text("paid_from")?),
        requested_at: Millis(row.try_get("requested_at")?),
        finished_at: (finished > 0).then_some(Millis(finished)),
    })
}

/// Writes a new refund.
pub async fn insert(
    conn: &mut Connection,
    site: &SiteId,
    refund: &Refund,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO refunds (site, id, request_id, order_id, payment_id, case_id, purpose, amount, reason, state,
             requested_by, provider_no, paid_from, requested_at, finished_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, '', '', $12, 0)",
    )
    .bind(site.as_str().to_owned())
    .bind(refund.id.clone())
    .bind(refund.request.clone())
    .bind(refund.order.to_string())
    .bind(refund.payment.to_string())
    .bind(refund.case.as_ref().map_or_else(String::new, ToString::to_string))
    .bind(refund.purpose.as_str().to_owned())
    .bind(refund.amount.0)
    .bind(refund.reason.clone())
    .bind(refund.state.as_str().to_owned())
    .bind(refund.requested_by.clone())
    .bind(refund.requested_at.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// [`StoreError::NotFound`] when this site has no such refund.
pub async fn get(conn: &mut Connection, site: &SiteId, id: &str) -> Result<Refund, StoreError> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM refunds WHERE site = $1 AND id = $2"
    )))
    .bind(site.as_str().to_owned())
    .bind(id.to_owned())
    .fetch_one(conn)
    .await?;
    refund(&row)
}

/// The refund that a gateway speaks of.
pub async fn by_number(
    conn: &mut Connection,
    site: &SiteId,
    out_refund_no: &str,
) -> Result<Option<Refund>, StoreError> {
    // The number is the id without its hyphens, which stand at fixed places.
    let Some(id) = uuid::Uuid::try_parse(out_refund_no).ok() else {
        return Ok(None);
    };
    match get(conn, site, &id.to_string()).await {
        Ok(refund) => Ok(Some(refund)),
        Err(StoreError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// All refunds of an order, oldest first.
pub async fn of_order(
    conn: &mut Connection,
    site: &SiteId,
    order: &OrderId,
) -> Result<Vec<Refund>, StoreError> {
    of_orders(conn, site, &[order]).await
}

/// All refunds of these orders, one after the other, oldest first.
pub async fn of_orders(
    conn: &mut Connection,
    site: &SiteId,
    orders: &[&OrderId],
) -> Result<Vec<Refund>, StoreError> {
    let rows = among(conn, site, orders, |these| {
        format!(
            "SELECT {COLUMNS} FROM refunds WHERE site = $1 AND order_id IN ({these}) ORDER BY order_id, id"
        )
    })
    .await?;
    rows.iter().map(refund).collect()
}

/// A clerk's list: refunds in a state, oldest first, after the id `after`.
pub async fn in_state(
    conn: &mut Connection,
    site: &SiteId,
    state: RefundState,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Refund>, StoreError> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM refunds WHERE site = $1 AND state = $2 AND id > $3 ORDER BY id LIMIT $4"
    )))
    .bind(site.as_str().to_owned())
    .bind(state.as_str().to_owned())
    .bind(after.unwrap_or_default().to_owned())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(refund).collect()
}

/// All refunds of a payment, oldest first.
pub async fn of_payment(
    conn: &mut Connection,
    site: &SiteId,
    payment: &PaymentId,
) -> Result<Vec<Refund>, StoreError> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM refunds WHERE site = $1 AND payment_id = $2 ORDER BY id"
    )))
    .bind(site.as_str().to_owned())
    .bind(payment.to_string())
    .fetch_all(conn)
    .await?;
    rows.iter().map(refund).collect()
}

/// fen of each of these payments that went back or are owed; what failed is owed still. One of which nothing goes back is
/// left out.
pub async fn totals_of(
    conn: &mut Connection,
    site: &SiteId,
    payments: &[&PaymentId],
) -> Result<HashMap<PaymentId, Fen>, StoreError> {
    let rows = among(conn, site, payments, |these| {
        format!(
            "SELECT payment_id, CAST(SUM(amount) AS BIGINT) AS total FROM refunds
             WHERE site = $1 AND payment_id IN ({these}) AND state <> 'withdrawn' GROUP BY payment_id"
        )
    })
    .await?;
    rows.iter()
        .map(|row| {
            let payment = PaymentId::from_stored(row.try_get::<String, _>("payment_id")?);
            Ok((payment, Fen(row.try_get("total")?)))
        })
        .collect()
}

/// Marks a refund as paid out, from what account, under which number of the provider; false when it is over already.
pub async fn finish(
    conn: &mut Connection,
    site: &SiteId,
    id: &str,
    provider_no: &str,
    paid_from: Method,
    at: Millis,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE refunds SET state = 'done', provider_no = $3, paid_from = $4, finished_at = $5
         WHERE site = $1 AND id = $2 AND state IN ('requested', 'processing')",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_owned())
    .bind(provider_no.to_owned())
    .bind(payments::gateway_word(paid_from))
    .bind(at.0)
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Takes back a refund that no gateway is at work on; false when one is, or it is over.
pub async fn withdraw(
    conn: &mut Connection,
    site: &SiteId,
    id: &str,
    at: Millis,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE refunds SET state = 'withdrawn', finished_at = $3
         WHERE site = $1 AND id = $2 AND state IN ('requested', 'failed')",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_owned())
    .bind(at.0)
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Moves a refund on that is neither done nor failed, to [`RefundState::Processing`] or [`RefundState::Failed`]; false
/// when it is. `at` is when it ended.
pub async fn set_state(
    conn: &mut Connection,
    site: &SiteId,
    id: &str,
    state: RefundState,
    provider_no: &str,
    at: Option<Millis>,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE refunds SET state = $3, provider_no = $4, finished_at = $5
         WHERE site = $1 AND id = $2 AND state IN ('requested', 'processing')",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_owned())
    .bind(state.as_str().to_owned())
    .bind(provider_no.to_owned())
    .bind(at.map_or(0, |at| at.0))
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// A clerk lets a failed refund be tried again; false when it has not failed.
pub async fn reopen(conn: &mut Connection, site: &SiteId, id: &str) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE refunds SET state = 'requested', provider_no = '', finished_at = 0
         WHERE site = $1 AND id = $2 AND state = 'failed'",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_owned())
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}
