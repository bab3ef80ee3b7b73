//! Invoices: which cases asked for one, how each stands, and the red-letter invoice that voids it.

use crate::query::{AFTER_EVERY_ID, among};
use crate::words::words;
use crate::{Connection, StoreError, seal::Sealer};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Row, any::AnyRow};
use yinxin_core::ids::{CaseId, FileId, InvoiceId, OrderId, SiteId};
use yinxin_core::money::{FeeLine, Fen};
use yinxin_core::time::Millis;

words! {
    /// Who made an invoice.
    "an invoice's kind" InvoiceKind {
        /// The provider, by our order.
        Provider = "provider",
        /// A finance clerk elsewhere, who uploaded it.
        ByHand = "by-hand",
    }
}

words! {
    /// Where an invoice stands.
    "an invoice's state" InvoiceState {
        /// It is due; the provider has not been asked yet.
        Waiting = "waiting",
        /// The provider was asked, or may have been: only its own answer says.
        Requested = "requested",
        Issued = "issued",
        /// The provider refused: a clerk tries again or uploads one.
        Failed = "failed",
        /// It has to go: withdrawn if it was not issued, else voided by a red-letter invoice.
        Voiding = "voiding",
        /// The red-letter invoice was refused: a clerk tries again or voids it elsewhere.
        VoidFailed = "void-failed",
        /// A red-letter invoice stands against it.
        Voided = "voided",
        /// It was never issued.
        Withdrawn = "withdrawn",
        /// A wrong upload, in whose place another was uploaded.
        Replaced = "replaced",
    }
}

/// One invoice as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    pub id: InvoiceId,
    pub order: OrderId,
    /// False for what was superseded.
    pub live: bool,
    pub kind: InvoiceKind,
    pub state: InvoiceState,
    /// The sum of its lines, tax included.
    pub amount: Fen,
    pub lines: Vec<FeeLine>,
    /// Our number at the provider, or empty.
    pub provider_no: String,
    /// Numbers that were given out to it.
    pub tries: i64,
    pub sent_at: Option<Millis>,
    /// Number of the invoice itself, or empty.
    pub number: String,
    pub issued_at: Option<Millis>,
    pub file: Option<FileId>,
    /// Our number of the red-letter request, or empty.
    pub red_no: String,
    pub red_sent_at: Option<Millis>,
    /// Number of the red-letter invoice, or empty.
    pub red_number: String,
    /// What the provider said last as long as it did not go on, for a clerk; or empty.
    pub error: String,
    pub created_at: Millis,
    pub changed_at: Millis,
    /// Counts up with every change.
    pub version: i64,
}

/// Who an invoice is made out to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buyer {
    pub title: String,
    /// Empty for a person.
    pub tax_number: String,
}

/// A provider's access token.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    pub token: String,
    pub obtained_at: Millis,
    pub expires_at: Millis,
}

const COLUMNS: &str = "id, order_id, live, kind, state, amount, lines, provider_no, tries, sent_at, number, issued_at, \
                       file_id, red_no, red_sent_at, red_number, error, created_at, changed_at, version";

fn invoice(row: &AnyRow) -> Result<Invoice, StoreError> {
    let text = |name: &str| row.try_get::<String, _>(name);
    let instant = |name: &str| -> Result<Option<Millis>, StoreError> {
        let at: i64 = row.try_get(name)?;
        Ok((at > 0).then_some(Millis(at)))
    };
    let file = text("file_id")?;
    Ok(Invoice {
        id: InvoiceId::from_stored(text("id")?),
        order: OrderId::from_stored(text("order_id")?),
        live: row.try_get::<i64, _>("live")? == 1,
        kind: InvoiceKind::from_stored(&text("kind")?)?,
        state: InvoiceState::from_stored(&text("state")?)?,
        amount: Fen(row.try_get("amount")?),
        lines: serde_json::from_str(&text("lines")?)
            .map_err(|_| StoreError::Damaged("an invoice's lines"))?,
        provider_no: text("provider_no")?,
        tries: row.try_get("tries")?,
        sent_at: instant("sent_at")?,
        number: text("number")?,
        issued_at: instant("issued_at")?,
        file: (!file.is_empty()).then(|| FileId::from_stored(file)),
        red_no: text("red_no")?,
        red_sent_at: instant("red_sent_at")?,
        red_number: text("red_number")?,
        error: text("error")?,
        created_at: Millis(row.try_get("created_at")?),
        changed_at: Millis(row.try_get("changed_at")?),
        version: row.try_get("version")?,
    })
}

fn or_zero(at: Option<Millis>) -> i64 {
    at.map_or(0, |at| at.0)
}

fn file_column(file: Option<&FileId>) -> String {
    file.map_or_else(String::new, ToString::to_string)
}

/// Notes that a case asked for the invoice of its order; false when it had before.
pub async fn ask(
    conn: &mut Connection,
    site: &SiteId,
    order: &OrderId,
    case: &CaseId,
    at: Millis,
) -> Result<bool, StoreError> {
    let written = sqlx::query(
        "INSERT INTO invoice_asks (site, order_id, case_id, asked_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (site, order_id, case_id) DO NOTHING",
    )
    .bind(site.as_str().to_owned())
    .bind(order.to_string())
    .bind(case.to_string())
    .bind(at.0)
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// The cases of an order that asked.
pub async fn asked(
    conn: &mut Connection,
    site: &SiteId,
    order: &OrderId,
) -> Result<Vec<CaseId>, StoreError> {
    let rows = sqlx::query(
        "SELECT case_id FROM invoice_asks WHERE site = $1 AND order_id = $2 ORDER BY case_id",
    )
    .bind(site.as_str().to_owned())
    .bind(order.to_string())
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| Ok(CaseId::from_stored(row.try_get::<String, _>("case_id")?)))
        .collect()
}

/// Writes an invoice without a buyer; false when the order has a live one.
pub async fn insert(
    conn: &mut Connection,
    site: &SiteId,
    invoice: &Invoice,
) -> Result<bool, StoreError> {
    let lines = serde_json::to_string(&invoice.lines)
        .map_err(|_| StoreError::Damaged("an invoice's lines"))?;
    let written = sqlx::query(AssertSqlSafe(format!(
        "INSERT INTO invoices (site, {COLUMNS}, buyer)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
         ON CONFLICT DO NOTHING"
    )))
    .bind(site.as_str().to_owned())
    .bind(invoice.id.to_string())
    .bind(invoice.order.to_string())
    .bind(i64::from(invoice.live))
    .bind(invoice.kind.as_str())
    .bind(invoice.state.as_str())
    .bind(invoice.amount.0)
    .bind(lines)
    .bind(invoice.provider_no.clone())
    .bind(invoice.tries)
    .bind(or_zero(invoice.sent_at))
    .bind(invoice.number.clone())
    .bind(or_zero(invoice.issued_at))
    .bind(file_column(invoice.file.as_ref()))
    .bind(invoice.red_no.clone())
    .bind(or_zero(invoice.red_sent_at))
    .bind(invoice.red_number.clone())
    .bind(invoice.error.clone())
    .bind(invoice.created_at.0)
    .bind(invoice.changed_at.0)
    .bind(invoice.version)
    .bind(Vec::<u8>::new())
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// Writes how an invoice stands now and counts its version up; [`StoreError::Conflict`] when it changed since it was
/// read. What it is about (order, kind, amount, lines) stays as it is.
pub async fn save(
    conn: &mut Connection,
    site: &SiteId,
    invoice: &Invoice,
) -> Result<(), StoreError> {
    let changed = sqlx::query(
        "UPDATE invoices SET live = $4, state = $5, provider_no = $6, tries = $7, sent_at = $8, number = $9,
             issued_at = $10, file_id = $11, red_no = $12, red_sent_at = $13, red_number = $14, error = $15,
             changed_at = $16, version = version + 1
         WHERE site = $1 AND id = $2 AND version = $3",
    )
    .bind(site.as_str().to_owned())
    .bind(invoice.id.to_string())
    .bind(invoice.version)
    .bind(i64::from(invoice.live))
    .bind(invoice.state.as_str())
    .bind(invoice.provider_no.clone())
    .bind(invoice.tries)
    .bind(or_zero(invoice.sent_at))
    .bind(invoice.number.clone())
    .bind(or_zero(invoice.issued_at))
    .bind(file_column(invoice.file.as_ref()))
    .bind(invoice.red_no.clone())
    .bind(or_zero(invoice.red_sent_at))
    .bind(invoice.red_number.clone())
    .bind(invoice.error.clone())
    .bind(invoice.changed_at.0)
    .execute(conn)
    .await?;
    if changed.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::Conflict)
    }
}

/// [`StoreError::NotFound`] when this site has no such invoice.
pub async fn get(
    conn: &mut Connection,
    site: &SiteId,
    id: &InvoiceId,
) -> Result<Invoice, StoreError> {
    let row = sqlx::query(AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM invoices WHERE site = $1 AND id = $2"
    )))
    .bind(site.as_str().to_owned())
    .bind(id.to_string())
    .fetch_one(conn)
    .await?;
    invoice(&row)
}

/// All invoices of an order, oldest first.
pub async fn of_order(
    conn: &mut Connection,
    site: &SiteId,
    order: &OrderId,
) -> Result<Vec<Invoice>, StoreError> {
    of_orders(conn, site, &[order]).await
}

/// All invoices of these orders, one after the other, oldest first.
pub async fn of_orders(
    conn: &mut Connection,
    site: &SiteId,
    orders: &[&OrderId],
) -> Result<Vec<Invoice>, StoreError> {
    let rows = among(conn, site, orders, |these| {
        format!(
            "SELECT {COLUMNS} FROM invoices WHERE site = $1 AND order_id IN ({these}) ORDER BY order_id, id"
        )
    })
    .await?;
    rows.iter().map(invoice).collect()
}

/// A clerk's list: invoices in a state, oldest first, after the id `after`.
pub async fn in_state(
    conn: &mut Connection,
    site: &SiteId,
    state: InvoiceState,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Invoice>, StoreError> {
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM invoices WHERE site = $1 AND state = $2 AND id > $3 ORDER BY id LIMIT $4"
    )))
    .bind(site.as_str().to_owned())
    .bind(state.as_str())
    .bind(after.unwrap_or_default().to_owned())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(invoice).collect()
}

/// All invoices, newest first, before the id `after`.
pub async fn newest(
    conn: &mut Connection,
    site: &SiteId,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Invoice>, StoreError> {
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM invoices WHERE site = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
    )))
    .bind(site.as_str().to_owned())
    .bind(after.unwrap_or(AFTER_EVERY_ID).to_owned())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(invoice).collect()
}

/// The invoices that have a number: more than one only where an upload was replaced, or was wrong.
pub async fn with_number(
    conn: &mut Connection,
    site: &SiteId,
    number: &str,
) -> Result<Vec<Invoice>, StoreError> {
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM invoices WHERE site = $1 AND number = $2 ORDER BY id"
    )))
    .bind(site.as_str().to_owned())
    .bind(number.to_owned())
    .fetch_all(conn)
    .await?;
    rows.iter().map(invoice).collect()
}

fn buyer_context(site: &SiteId, id: &InvoiceId) -> String {
    format!("{site}/invoices/{id}/buyer")
}

/// Keeps who an invoice is made out to; the red-letter invoice will have to say the same.
pub async fn set_buyer(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    id: &InvoiceId,
    buyer: &Buyer,
) -> Result<(), StoreError> {
    let json = serde_json::to_vec(buyer).map_err(|_| StoreError::Damaged("an invoice's buyer"))?;
    let changed = sqlx::query("UPDATE invoices SET buyer = $3 WHERE site = $1 AND id = $2")
        .bind(site.as_str().to_owned())
        .bind(id.to_string())
        .bind(sealer.seal(&buyer_context(site, id), &json)?)
        .execute(conn)
        .await?;
    if changed.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::NotFound)
    }
}

/// Who an invoice is made out to; none before the provider was asked, and for an upload.
pub async fn buyer(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    id: &InvoiceId,
) -> Result<Option<Buyer>, StoreError> {
    let row = sqlx::query("SELECT buyer FROM invoices WHERE site = $1 AND id = $2")
        .bind(site.as_str().to_owned())
        .bind(id.to_string())
        .fetch_optional(conn)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let sealed: Vec<u8> = row.try_get("buyer")?;
    if sealed.is_empty() {
        return Ok(None);
    }
    let buyer = serde_json::from_slice(&sealer.open(&buyer_context(site, id), &sealed)?);
    buyer
        .map(Some)
        .map_err(|_| StoreError::Damaged("an invoice's buyer"))
}

fn token_context(site: &SiteId) -> String {
    format!("{site}/invoice-token")
}

/// Keeps the provider's newest access token.
pub async fn set_token(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    token: &Token,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO invoice_tokens (site, token, obtained_at, expires_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (site) DO UPDATE SET token = excluded.token, obtained_at = excluded.obtained_at,
             expires_at = excluded.expires_at",
    )
    .bind(site.as_str().to_owned())
    .bind(sealer.seal(&token_context(site), token.token.as_bytes())?)
    .bind(token.obtained_at.0)
    .bind(token.expires_at.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// The provider's newest access token, expired or not.
pub async fn token(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
) -> Result<Option<Token>, StoreError> {
    let row =
        sqlx::query("SELECT token, obtained_at, expires_at FROM invoice_tokens WHERE site = $1")
            .bind(site.as_str().to_owned())
            .fetch_optional(conn)
            .await?;
    let Some(row) = row else { return Ok(None) };
    let plain = sealer.open(&token_context(site), &row.try_get::<Vec<u8>, _>("token")?)?;
    Ok(Some(Token {
        token: String::from_utf8(plain).map_err(|_| StoreError::Damaged("invoice_tokens.token"))?,
        obtained_at: Millis(row.try_get("obtained_at")?),
        expires_at: Millis(row.try_get("expires_at")?),
    }))
}

#[cfg(test)]
mod tests;
