//! Attempts to pay an order: one trade at one gateway each.

use crate::query::among;
use crate::words::words;
use crate::{Connection, StoreError, seal::Sealer};
use sqlx::Row;
use yinxin_core::{
    ids::{OrderId, PaymentId, SiteId},
    money::{Fen, Method},
    time::Millis,
};

words! {
    /// Where an attempt stands.
    "a payment's state" PaymentState {
        /// Written down; the gateway may or may not know of it.
        Created = "created",
        /// The gateway gave a code.
        Prepared = "prepared",
        /// Money arrived that is decided on: it pays an order, or goes back.
        Paid = "paid",
        /// A transfer of less than was due: it stays with an order that waits for the rest.
        Partial = "partial",
        /// Withdrawn; money that arrives nevertheless is still noticed.
        Closed = "closed",
        /// The gateway refused it for good.
        Failed = "failed",
        /// Another amount arrived than was asked for: a clerk decides.
        Mismatch = "mismatch",
    }
}

impl PaymentState {
    /// Whether money came.
    pub const fn has_money(self) -> bool {
        matches!(self, Self::Paid | Self::Partial | Self::Mismatch)
    }
}

/// One attempt as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    pub id: PaymentId,
    pub order: OrderId,
    pub method: Method,
    /// The number under which the gateway knows it.
    pub out_trade_no: String,
    /// What the QR code says; empty before the gateway has answered.
    pub code_url: String,
    pub amount: Fen,
    pub state: PaymentState,
    /// The provider's number of the transaction; empty before money came.
    pub transaction: String,
    /// What arrived.
    pub received: Fen,
    pub created_at: Millis,
    /// The code is not valid any more then.
    pub expires_at: Millis,
    /// The last time somebody asked the gateway.
    pub checked_at: Millis,
    pub notified_at: Option<Millis>,
    pub confirmed_at: Option<Millis>,
}

/// The word for a gateway in the database and in addresses.
pub const fn gateway_word(method: Method) -> &'static str {
    match method {
        Method::Wechat => "wechat",
        Method::Alipay => "alipay",
        Method::Cpcn => "cpcn",
        Method::BankTransfer => "bank-transfer",
    }
}

/// Reads what [`gateway_word`] wrote.
pub fn gateway(word: &str) -> Option<Method> {
    [
        Method::Wechat,
        Method::Alipay,
        Method::Cpcn,
        Method::BankTransfer,
    ]
    .into_iter()
    .find(|method| gateway_word(*method) == word)
}

const COLUMNS: &str =
    "id, order_id, gateway, out_trade_no, code_url, amount, state, transaction_no, received,
    created_at, expires_at, checked_at, notified_at, confirmed_at";

fn payment(row: &sqlx::any::AnyRow) -> Result<Payment, StoreError> {
    let text = |name: &str| row.try_get::<String, _>(name);
    let instant = |name: &str| {
        row.try_get::<i64, _>(name)
            .map(|at| (at > 0).then_some(Millis(at)))
    };
    Ok(Payment {
        id: PaymentId::from_stored(text("id")?),
        order: OrderId::from_stored(text("order_id")?),
        method: gateway(&text("gateway")?).ok_or(StoreError::Damaged("a payment's gateway"))?,
        out_trade_no: text("out_trade_no")?,
        code_url: text("code_url")?,
        amount: Fen(row.try_get("amount")?),
        state: PaymentState::from_stored(&text("state")?)?,
        transaction: text("transaction_no")?,
        received: Fen(row.try_get("received")?),
        created_at: Millis(row.try_get("created_at")?),
        expires_at: Millis(row.try_get("expires_at")?),
        checked_at: Millis(row.try_get("checked_at")?),
        notified_at: instant("notified_at")?,
        confirmed_at: instant("confirmed_at")?,
    })
}

/// Writes a new attempt; false when the order already has an open one at this gateway.
pub async fn insert(
    conn: &mut Connection,
    site: &SiteId,
    payment: &Payment,
) -> Result<bool, StoreError> {
    let written = sqlx::query(
        "INSERT INTO payments (site, id, order_id, gateway, out_trade_no, code_url, amount, state, transaction_no,
             received, payer, created_at, expires_at, checked_at, notified_at, confirmed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', 0, $9, $10, $11, 0, 0, 0)
         ON CONFLICT DO NOTHING",
    )
    .bind(site.as_str().to_owned())
    .bind(payment.id.to_string())
    .bind(payment.order.to_string())
    .bind(gateway_word(payment.method).to_owned())
    .bind(payment.out_trade_no.clone())
    .bind(payment.code_url.clone())
    .bind(payment.amount.0)
    .bind(payment.state.as_str().to_owned())
    .bind(Vec::<u8>::new())
    .bind(payment.created_at.0)
    .bind(payment.expires_at.0)
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// [`StoreError::NotFound`] when this site has no such payment.
pub async fn get(
    conn: &mut Connection,
    site: &SiteId,
    id: &PaymentId,
) -> Result<Payment, StoreError> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM payments WHERE site = $1 AND id = $2"
    )))
    .bind(site.as_str().to_owned())
    .bind(id.to_string())
    .fetch_one(conn)
    .await?;
    payment(&row)
}

/// The payments of these ids that the site has, oldest first.
pub async fn with_ids(
    conn: &mut Connection,
    site: &SiteId,
    ids: &[&PaymentId],
) -> Result<Vec<Payment>, StoreError> {
    let rows = among(conn, site, ids, |these| {
        format!("SELECT {COLUMNS} FROM payments WHERE site = $1 AND id IN ({these}) ORDER BY id")
    })
    .await?;
    rows.iter().map(payment).collect()
}

/// The attempt that a gateway speaks of.
pub async fn by_trade(
    conn: &mut Connection,
    site: &SiteId,
    method: Method,
    out_trade_no: &str,
) -> Result<Option<Payment>, StoreError> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM payments WHERE site = $1 AND gateway = $2 AND out_trade_no = $3"
    )))
    .bind(site.as_str().to_owned())
    .bind(gateway_word(method).to_owned())
    .bind(out_trade_no.to_owned())
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(payment).transpose()
}

/// All attempts of an order, oldest first.
pub async fn of_order(
    conn: &mut Connection,
    site: &SiteId,
    order: &OrderId,
) -> Result<Vec<Payment>, StoreError> {
    of_orders(conn, site, &[order]).await
}

/// All attempts of these orders, one after the other, oldest first.
pub async fn of_orders(
    conn: &mut Connection,
    site: &SiteId,
    orders: &[&OrderId],
) -> Result<Vec<Payment>, StoreError> {
    let rows = among(conn, site, orders, |these| {
        format!(
            "SELECT {COLUMNS} FROM payments WHERE site = $1 AND order_id IN ({these}) ORDER BY order_id, id"
        )
    })
    .await?;
    rows.iter().map(payment).collect()
}

/// A clerk's list: attempts in a state, oldest first, after the id `after`.
pub async fn in_state(
    conn: &mut Connection,
    site: &SiteId,
    state: PaymentState,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Payment>, StoreError> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM payments WHERE site = $1 AND state = $2 AND id > $3 ORDER BY id LIMIT $4"
    )))
    .bind(site.as_str().to_owned())
    .bind(state.as_str().to_owned())
    .bind(after.unwrap_or_default().to_owned())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(payment).collect()
}

/// Whether a clerk has something left to decide about money that came in a wrong amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Odd {
    Open,
    /// All of it goes back.
    Settled,
}

/// A clerk's list: payments in [`PaymentState::Mismatch`], oldest first, after the id `after`.
pub async fn odd(
    conn: &mut Connection,
    site: &SiteId,
    odd: Odd,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Payment>, StoreError> {
    let compared = match odd {
        Odd::Open => ">",
        Odd::Settled => "<=",
    };
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM payments WHERE site = $1 AND state = 'mismatch' AND id > $2
             AND received {compared} (SELECT COALESCE(SUM(refunds.amount), 0) FROM refunds
                 WHERE refunds.site = $1 AND refunds.payment_id = payments.id AND refunds.state <> 'withdrawn')
         ORDER BY id LIMIT $3"
    )))
    .bind(site.as_str().to_owned())
    .bind(after.unwrap_or_default().to_owned())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(payment).collect()
}

/// Keeps the gateway's code; false when the attempt is not [`PaymentState::Created`] any more.
pub async fn set_prepared(
    conn: &mut Connection,
    site: &SiteId,
    id: &PaymentId,
    code_url: &str,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE payments SET state = 'prepared', code_url = $3 WHERE site = $1 AND id = $2 AND state = 'created'",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_string())
    .bind(code_url.to_owned())
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Ends an open attempt without money, as [`PaymentState::Closed`] or [`PaymentState::Failed`]; false when it was not
/// open any more.
pub async fn end(
    conn: &mut Connection,
    site: &SiteId,
    id: &PaymentId,
    state: PaymentState,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE payments SET state = $3 WHERE site = $1 AND id = $2 AND state IN ('created', 'prepared')",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_string())
    .bind(state.as_str().to_owned())
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// What arrived.
#[derive(Clone, Debug)]
pub struct Arrival<'a> {
    pub transaction: &'a str,
    pub amount: Fen,
    /// Who paid, as the gateway names him; sealed in the row.
    pub payer: &'a str,
    pub at: Millis,
}

/// Books money on an attempt, as [`PaymentState::Paid`] or [`PaymentState::Mismatch`], whatever it was before; false when
/// that was done already, so that money counts exactly once.
pub async fn set_arrived(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    id: &PaymentId,
    state: PaymentState,
    arrival: &Arrival<'_>,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE payments SET state = $3, transaction_no = $4, received = $5, payer = $6, confirmed_at = $7
         WHERE site = $1 AND id = $2 AND state NOT IN ('paid', 'partial', 'mismatch')",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_string())
    .bind(state.as_str().to_owned())
    .bind(arrival.transaction.to_owned())
    .bind(arrival.amount.0)
    .bind(sealer.seal(&context(site, id), arrival.payer.as_bytes())?)
    .bind(arrival.at.0)
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Says anew what became of money that came: [`PaymentState::Paid`], [`PaymentState::Partial`] or
/// [`PaymentState::Mismatch`]. Nothing changes where none came.
pub async fn set_standing(
    conn: &mut Connection,
    site: &SiteId,
    id: &PaymentId,
    state: PaymentState,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE payments SET state = $3 WHERE site = $1 AND id = $2 AND state IN ('paid', 'partial', 'mismatch')",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_string())
    .bind(state.as_str().to_owned())
    .execute(conn)
    .await?;
    Ok(())
}

fn context(site: &SiteId, id: &PaymentId) -> String {
    format!("{site}/payment/{id}/payer")
}

/// Who paid, as the gateway names him; empty when nobody has.
pub async fn payer(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    id: &PaymentId,
) -> Result<String, StoreError> {
    let row = sqlx::query("SELECT payer FROM payments WHERE site = $1 AND id = $2")
        .bind(site.as_str().to_owned())
        .bind(id.to_string())
        .fetch_one(conn)
        .await?;
    let sealed: Vec<u8> = row.try_get("payer")?;
    if sealed.is_empty() {
        return Ok(String::new());
    }
    String::from_utf8(sealer.open(&context(site, id), &sealed)?)
        .map_err(|_| StoreError::Damaged("a payer's name"))
}

/// Notes that the gateway spoke of the attempt.
pub async fn set_notified(
    conn: &mut Connection,
    site: &SiteId,
    id: &PaymentId,
    at: Millis,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE payments SET notified_at = $3 WHERE site = $1 AND id = $2")
        .bind(site.as_str().to_owned())
        .bind(id.to_string())
        .bind(at.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// Takes the right to ask the gateway now; false when somebody asked after `since`. Many open pages ask as one.
pub async fn take_check(
    conn: &mut Connection,
    site: &SiteId,
    id: &PaymentId,
    since: Millis,
    now: Millis,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE payments SET checked_at = $4 WHERE site = $1 AND id = $2 AND checked_at <= $3",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_string())
    .bind(since.0)
    .bind(now.0)
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}

#[cfg(test)]
mod tests;
