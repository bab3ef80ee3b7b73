//! Orders: what one or more cases cost, frozen, and whether it was paid.

mod lists;

pub use lists::{
    Filter, called, counted, expired, in_state, newest, of_account, of_cases, with_ids,
};

use crate::payments::{gateway, gateway_word};
use crate::query::among;
use crate::words::words;
use crate::{Connection, StoreError, seal::Sealer};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use std::collections::HashMap;
use yinxin_core::{
    ids::{AccountId, CaseId, OrderId, PaymentId, SiteId},
    money::{FeeLine, Fen, Method, Standing},
    time::Millis,
};

words! {
    /// Where an order stands.
    "an order's state" OrderState {
        /// Nobody has chosen a way to pay yet.
        Open = "open",
        /// A payment was begun.
        AwaitingPayment = "awaiting-payment",
        /// A transfer slip waits for the finance clerk.
        SlipUploaded = "slip-uploaded",
        Paid = "paid",
        /// Money is on its way back.
        Refunding = "refunding",
        /// All money went back.
        Refunded = "refunded",
        /// Ended without a payment.
        Closed = "closed",
    }
}

impl OrderState {
    /// What the order's cases owe.
    pub const fn standing(self) -> Standing {
        match self {
            Self::Open | Self::AwaitingPayment | Self::SlipUploaded => Standing::Due,
            Self::Paid => Standing::Paid,
            Self::Refunding => Standing::Refunding,
            Self::Refunded => Standing::Refunded,
            Self::Closed => Standing::Closed,
        }
    }

    /// Whether a payment that arrives now pays the order.
    pub const fn is_payable(self) -> bool {
        matches!(
            self,
            Self::Open | Self::AwaitingPayment | Self::SlipUploaded
        )
    }
}

/// One order as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub id: OrderId,
    /// As people read it out; unique on the site.
    pub number: String,
    pub account: AccountId,
    pub state: OrderState,
    pub total: Fen,
    pub lines: Vec<FeeLine>,
    pub methods: Vec<Method>,
    /// What the payer writes as memo of a bank transfer ([`yinxin_core::reference`]); unique on the site.
    pub reference: String,
    /// The way to pay that the applicant picked.
    pub chosen: Option<Method>,
    /// Id of the transfer slip's file, or empty.
    pub slip: String,
    pub created_at: Millis,
    /// An order unpaid until then is closed.
    pub expires_at: Millis,
    pub paid_at: Option<Millis>,
    pub paid_by: Option<PaymentId>,
    /// Counts up with every change.
    pub version: i64,
}

/// Who gets the invoice, whom to call, where to send: sealed in the row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrderDetails {
    pub invoice_title: String,
    pub tax_number: String,
    pub invoice_email: String,
    pub contact_name: String,
    pub contact_mobile: String,
    pub delivery_name: String,
    pub delivery_mobile: String,
    pub delivery_address: String,
}

const COLUMNS: &str =
    "id, number, account_id, state, total, lines, methods, reference, chosen, slip, created_at, expires_at, paid_at,
    paid_by_payment, version";

pub(crate) fn order(row: &sqlx::any::AnyRow) -> Result<Order, StoreError> {
    let text = |name: &str| row.try_get::<String, _>(name);
    let json = |_| StoreError::Damaged("an order's lines");
    let paid_at: i64 = row.try_get("paid_at")?;
    let paid_by = text("paid_by_payment")?;
    let chosen = text("chosen")?;
    Ok(Order {
        id: OrderId::from_stored(text("id")?),
        number: text("number")?,
        account: AccountId::from_stored(text("account_id")?),
        state: OrderState::from_stored(&text("state")?)?,
        total: Fen(row.try_get("total")?),
        lines: serde_json::from_str(&text("lines")?).map_err(json)?,
        methods: serde_json::from_str(&text("methods")?).map_err(json)?,
        reference: text("reference")?,
        chosen: match chosen.as_str() {
            "" => None,
            word => Some(gateway(word).ok_or(StoreError::Damaged("an order's way to pay"))?),
        },
        slip: text("slip")?,
        created_at: Millis(row.try_get("created_at")?),
        expires_at: Millis(row.try_get("expires_at")?),
        paid_at: (paid_at > 0).then_some(Millis(paid_at)),
        paid_by: (!paid_by.is_empty()).then(|| PaymentId::from_stored(paid_by)),
        version: row.try_get("version")?,
    })
}

/// Writes a new order without cases; false when the number or the reference is taken. Slip, payment and version are not read.
pub async fn insert(
    conn: &mut Connection,
    site: &SiteId,
    order: &Order,
) -> Result<bool, StoreError> {
    let json = |_| StoreError::Damaged("an order's lines");
    let written = sqlx::query(
        "INSERT INTO orders (site, id, number, account_id, state, total, currency, lines, methods, reference, chosen,
             details, slip, created_at, expires_at, paid_at, paid_by_payment, version)
         VALUES ($1, $2, $3, $4, $5, $6, 'CNY', $7, $8, $9, $10, $11, '', $12, $13, 0, '', 1)
         ON CONFLICT DO NOTHING",
    )
    .bind(site.as_str().to_owned())
    .bind(order.id.to_string())
    .bind(order.number.clone())
    .bind(order.account.to_string())
    .bind(order.state.as_str().to_owned())
    .bind(order.total.0)
    .bind(serde_json::to_string(&order.lines).map_err(json)?)
    .bind(serde_json::to_string(&order.methods).map_err(json)?)
    .bind(order.reference.clone())
    .bind(order.chosen.map_or("", gateway_word))
    .bind(Vec::<u8>::new())
    .bind(order.created_at.0)
    .bind(order.expires_at.0)
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// Puts a case into an order; false when the case is in another order that is neither closed nor refunded.
pub async fn add_case(
    conn: &mut Connection,
    site: &SiteId,
    order: &OrderId,
    case: &CaseId,
) -> Result<bool, StoreError> {
    let written = sqlx::query(
        "INSERT INTO order_cases (site, order_id, case_id, live, turn)
         SELECT $1, $2, $3, 1, COALESCE(MAX(turn), 0) + 1 FROM order_cases WHERE site = $4 AND case_id = $5
         ON CONFLICT DO NOTHING",
    )
    .bind(site.as_str().to_owned())
    .bind(order.to_string())
    .bind(case.to_string())
    .bind(site.as_str().to_owned())
    .bind(case.to_string())
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// Takes a case out of an order that is not paid.
pub async fn remove_case(
    conn: &mut Connection,
    site: &SiteId,
    order: &OrderId,
    case: &CaseId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM order_cases WHERE site = $1 AND order_id = $2 AND case_id = $3")
        .bind(site.as_str().to_owned())
        .bind(order.to_string())
        .bind(case.to_string())
        .execute(conn)
        .await?;
    Ok(())
}

/// Lets a case go into another order: its money went back while the order goes on.
pub async fn free_case(
    conn: &mut Connection,
    site: &SiteId,
    order: &OrderId,
    case: &CaseId,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE order_cases SET live = 0 WHERE site = $1 AND order_id = $2 AND case_id = $3",
    )
    .bind(site.as_str().to_owned())
    .bind(order.to_string())
    .bind(case.to_string())
    .execute(conn)
    .await?;
    Ok(())
}

/// [`StoreError::NotFound`] when this site has no such order.
pub async fn get(conn: &mut Connection, site: &SiteId, id: &OrderId) -> Result<Order, StoreError> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM orders WHERE site = $1 AND id = $2"
    )))
    .bind(site.as_str().to_owned())
    .bind(id.to_string())
    .fetch_one(conn)
    .await?;
    order(&row)
}

/// As [`get`], and nobody else changes the order, its payments or its refunds until this transaction ends: all who do
/// so take this lock first.
pub async fn lock(conn: &mut Connection, site: &SiteId, id: &OrderId) -> Result<Order, StoreError> {
    // Counting the version up takes the row's lock on PostgreSQL; SQLite's transaction has the whole database already.
    sqlx::query("UPDATE orders SET version = version + 1 WHERE site = $1 AND id = $2")
        .bind(site.as_str().to_owned())
        .bind(id.to_string())
        .execute(&mut *conn)
        .await?;
    get(conn, site, id).await
}

pub(crate) fn text_of_case() -> String {
    format!(
        "SELECT {COLUMNS} FROM orders WHERE site = $1 AND id =
             (SELECT order_id FROM order_cases WHERE site = $1 AND case_id = $2 ORDER BY turn DESC LIMIT 1)"
    )
}

/// The order that the case was put into last.
pub async fn of_case(
    conn: &mut Connection,
    site: &SiteId,
    case: &CaseId,
) -> Result<Option<Order>, StoreError> {
    let row = sqlx::query(sqlx::AssertSqlSafe(text_of_case()))
        .bind(site.as_str().to_owned())
        .bind(case.to_string())
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(order).transpose()
}

/// The cases that an order pays for.
pub async fn cases_of(
    conn: &mut Connection,
    site: &SiteId,
    id: &OrderId,
) -> Result<Vec<CaseId>, StoreError> {
    let rows = sqlx::query(
        "SELECT case_id FROM order_cases WHERE site = $1 AND order_id = $2 ORDER BY case_id",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_string())
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| Ok(CaseId::from_stored(row.try_get::<String, _>("case_id")?)))
        .collect()
}

/// Sets the state; [`OrderState::Closed`] and [`OrderState::Refunded`] free the cases for another order.
pub async fn set_state(
    conn: &mut Connection,
    site: &SiteId,
    id: &OrderId,
    state: OrderState,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE orders SET state = $3, version = version + 1 WHERE site = $1 AND id = $2")
        .bind(site.as_str().to_owned())
        .bind(id.to_string())
        .bind(state.as_str().to_owned())
        .execute(&mut *conn)
        .await?;
    if matches!(state, OrderState::Closed | OrderState::Refunded) {
        sqlx::query("UPDATE order_cases SET live = 0 WHERE site = $1 AND order_id = $2")
            .bind(site.as_str().to_owned())
            .bind(id.to_string())
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// Marks the order as paid by this payment.
pub async fn set_paid(
    conn: &mut Connection,
    site: &SiteId,
    id: &OrderId,
    payment: &PaymentId,
    at: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE orders SET state = 'paid', paid_at = $3, paid_by_payment = $4, version = version + 1
         WHERE site = $1 AND id = $2",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_string())
    .bind(at.0)
    .bind(payment.to_string())
    .execute(conn)
    .await?;
    Ok(())
}

/// What an unpaid order costs from now on.
#[derive(Clone, Debug)]
pub struct Price {
    pub total: Fen,
    pub lines: Vec<FeeLine>,
    pub methods: Vec<Method>,
    pub chosen: Option<Method>,
}

/// Gives the order another price.
pub async fn set_price(
    conn: &mut Connection,
    site: &SiteId,
    id: &OrderId,
    price: &Price,
) -> Result<(), StoreError> {
    let json = |_| StoreError::Damaged("an order's lines");
    sqlx::query(
        "UPDATE orders SET total = $3, lines = $4, methods = $5, chosen = $6, version = version + 1
         WHERE site = $1 AND id = $2",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_string())
    .bind(price.total.0)
    .bind(serde_json::to_string(&price.lines).map_err(json)?)
    .bind(serde_json::to_string(&price.methods).map_err(json)?)
    .bind(price.chosen.map_or("", gateway_word))
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps the way to pay that the applicant picked.
pub async fn set_chosen(
    conn: &mut Connection,
    site: &SiteId,
    id: &OrderId,
    method: Method,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE orders SET chosen = $3, version = version + 1 WHERE site = $1 AND id = $2")
        .bind(site.as_str().to_owned())
        .bind(id.to_string())
        .bind(gateway_word(method))
        .execute(conn)
        .await?;
    Ok(())
}

/// Lets an order live until `until`, where it would end before.
pub async fn extend(
    conn: &mut Connection,
    site: &SiteId,
    id: &OrderId,
    until: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE orders SET expires_at = $3, version = version + 1
         WHERE site = $1 AND id = $2 AND expires_at < $4",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_string())
    .bind(until.0)
    .bind(until.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// Names the file of the transfer slip; empty takes it away.
pub async fn set_slip(
    conn: &mut Connection,
    site: &SiteId,
    id: &OrderId,
    file: &str,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE orders SET slip = $3, version = version + 1 WHERE site = $1 AND id = $2")
        .bind(site.as_str().to_owned())
        .bind(id.to_string())
        .bind(file.to_owned())
        .execute(conn)
        .await?;
    Ok(())
}

fn context(site: &SiteId, id: &OrderId) -> String {
    format!("{site}/order/{id}/details")
}

/// Keeps invoice, contact and delivery.
pub async fn set_details(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    id: &OrderId,
    details: &OrderDetails,
) -> Result<(), StoreError> {
    let json =
        serde_json::to_vec(details).map_err(|_| StoreError::Damaged("an order's details"))?;
    let changed = sqlx::query(
        "UPDATE orders SET details = $3, version = version + 1 WHERE site = $1 AND id = $2",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_string())
    .bind(sealer.seal(&context(site, id), &json)?)
    .execute(conn)
    .await?;
    if changed.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::NotFound)
    }
}

/// Invoice, contact and delivery; all empty when nothing was given yet.
pub async fn details(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    id: &OrderId,
) -> Result<OrderDetails, StoreError> {
    let mut found = details_of(conn, sealer, site, &[id]).await?;
    found.remove(id).ok_or(StoreError::NotFound)
}

/// The same for each of these orders that the site has.
pub async fn details_of(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    ids: &[&OrderId],
) -> Result<HashMap<OrderId, OrderDetails>, StoreError> {
    let rows = among(conn, site, ids, |these| {
        format!("SELECT id, details FROM orders WHERE site = $1 AND id IN ({these})")
    })
    .await?;
    let mut found = HashMap::new();
    for row in rows {
        let id = OrderId::from_stored(row.try_get::<String, _>("id")?);
        let sealed: Vec<u8> = row.try_get("details")?;
        let details = if sealed.is_empty() {
            OrderDetails::default()
        } else {
            serde_json::from_slice(&sealer.open(&context(site, &id), &sealed)?)
                .map_err(|_| StoreError::Damaged("an order's details"))?
        };
        found.insert(id, details);
    }
    Ok(found)
}

#[cfg(test)]
pub(crate) mod tests;
