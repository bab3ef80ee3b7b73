//! Statements of the site's bank account: files that finance clerks imported, and their credit lines.

use crate::query::AFTER_EVERY_ID;
use crate::words::words;
use crate::{Connection, StoreError, seal::Sealer};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use yinxin_core::{
    ids::{OrderId, PaymentId, SiteId},
    money::Fen,
    time::Millis,
};

words! {
    /// What became of a line.
    "a statement line's state" LineState {
        /// Nobody has said yet what it is for.
        Open = "open",
        /// Booked on an order.
        Confirmed = "confirmed",
        /// It is for no order.
        Ignored = "ignored",
    }
}

/// One imported file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Statement {
    pub id: String,
    pub file_name: String,
    /// Clerk's id and name.
    pub imported_by: String,
    pub imported_name: String,
    pub imported_at: Millis,
    /// Days of the first and the last line, debits included: `2026-11-20`.
    pub first_day: String,
    pub last_day: String,
    /// Lines that came with this file.
    pub added: i64,
    /// Lines that an earlier file had already.
    pub known: i64,
    /// Lines of money that went out, which are not kept.
    pub debits: i64,
    /// What the added lines sum to.
    pub total: Fen,
    /// Lines that are still open. Not written but counted.
    pub open: i64,
}

/// What a line says about people: sealed in the row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineDetails {
    pub payer: String,
    pub memo: String,
}

/// One line: money that came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    pub id: String,
    pub statement: String,
    /// Line of the file, the first being 1.
    pub position: i64,
    /// The bank's number of it.
    pub serial: String,
    /// `2026-11-20`
    pub day: String,
    pub amount: Fen,
    pub details: LineDetails,
    pub state: LineState,
    /// The order and the payment that it was booked on.
    pub order: Option<OrderId>,
    pub payment: Option<PaymentId>,
    /// Why it is ignored.
    pub reason: String,
    /// Who confirmed or ignored it, by id and name.
    pub settled_by: String,
    pub settled_name: String,
    pub settled_at: Option<Millis>,
}

/// What a clerk says about a line.
#[derive(Clone, Debug)]
pub struct Verdict<'a> {
    pub state: LineState,
    /// Empty but for [`LineState::Confirmed`].
    pub order: &'a str,
    pub reason: &'a str,
    /// Id and name.
    pub by: (&'a str, &'a str),
    pub at: Millis,
}

const COLUMNS: &str = "id, file_name, imported_by, imported_name, imported_at, first_day, last_day, added, known, debits,
    total";

fn statement(row: &sqlx::any::AnyRow, open: i64) -> Result<Statement, StoreError> {
    Ok(Statement {
        id: row.try_get("id")?,
        file_name: row.try_get("file_name")?,
        imported_by: row.try_get("imported_by")?,
        imported_name: row.try_get("imported_name")?,
        imported_at: Millis(row.try_get("imported_at")?),
        first_day: row.try_get("first_day")?,
        last_day: row.try_get("last_day")?,
        added: row.try_get("added")?,
        known: row.try_get("known")?,
        debits: row.try_get("debits")?,
        total: Fen(row.try_get("total")?),
        open,
    })
}

/// Writes an imported file, before its lines; the number of open lines is not read.
pub async fn insert(
    conn: &mut Connection,
    site: &SiteId,
    new: &Statement,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO statements (site, id, file_name, imported_by, imported_name, imported_at, first_day, last_day,
             added, known, debits, total)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(site.as_str().to_owned())
    .bind(new.id.clone())
    .bind(new.file_name.clone())
    .bind(new.imported_by.clone())
    .bind(new.imported_name.clone())
    .bind(new.imported_at.0)
    .bind(new.first_day.clone())
    .bind(new.last_day.clone())
    .bind(new.added)
    .bind(new.known)
    .bind(new.debits)
    .bind(new.total.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// [`StoreError::NotFound`] when this site has no such statement.
pub async fn get(conn: &mut Connection, site: &SiteId, id: &str) -> Result<Statement, StoreError> {
    let open = count_open(conn, site, id).await?;
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM statements WHERE site = $1 AND id = $2"
    )))
    .bind(site.as_str().to_owned())
    .bind(id.to_owned())
    .fetch_one(conn)
    .await?;
    statement(&row, open)
}

/// Lines of a statement that nobody has said anything about.
pub async fn count_open(
    conn: &mut Connection,
    site: &SiteId,
    statement: &str,
) -> Result<i64, StoreError> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS n FROM statement_lines WHERE site = $1 AND statement_id = $2 AND state = 'open'",
    )
    .bind(site.as_str().to_owned())
    .bind(statement.to_owned())
    .fetch_one(conn)
    .await?;
    Ok(row.try_get("n")?)
}

/// Imported files, newest first, after the id `after`.
pub async fn list(
    conn: &mut Connection,
    site: &SiteId,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Statement>, StoreError> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM statements WHERE site = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
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
        found.push(statement(row, open)?);
    }
    Ok(found)
}

/// Whether a file was imported whose lines reach over the day.
pub async fn covers(conn: &mut Connection, site: &SiteId, day: &str) -> Result<bool, StoreError> {
    let row = sqlx::query(
        "SELECT id FROM statements WHERE site = $1 AND last_day >= $2 AND first_day <= $3 LIMIT 1",
    )
    .bind(site.as_str().to_owned())
    .bind(day.to_owned())
    .bind(day.to_owned())
    .fetch_optional(conn)
    .await?;
    Ok(row.is_some())
}

const LINE: &str =
    "id, statement_id, position, serial, day, amount, details, state, order_id, payment_id, reason,
    settled_by, settled_name, settled_at";

fn context(site: &SiteId, id: &str) -> String {
    format!("{site}/statement-line/{id}")
}

fn line(row: &sqlx::any::AnyRow, sealer: &Sealer, site: &SiteId) -> Result<Line, StoreError> {
    let text = |name: &str| row.try_get::<String, _>(name);
    let id = text("id")?;
    let sealed: Vec<u8> = row.try_get("details")?;
    let details = serde_json::from_slice(&sealer.open(&context(site, &id), &sealed)?)
        .map_err(|_| StoreError::Damaged("a statement line"))?;
    let (order, payment) = (text("order_id")?, text("payment_id")?);
    let settled_at: i64 = row.try_get("settled_at")?;
    Ok(Line {
        id,
        statement: text("statement_id")?,
        position: row.try_get("position")?,
        serial: text("serial")?,
        day: text("day")?,
        amount: Fen(row.try_get("amount")?),
        details,
        state: LineState::from_stored(&text("state")?)?,
        order: (!order.is_empty()).then(|| OrderId::from_stored(order)),
        payment: (!payment.is_empty()).then(|| PaymentId::from_stored(payment)),
        reason: text("reason")?,
        settled_by: text("settled_by")?,
        settled_name: text("settled_name")?,
        settled_at: (settled_at > 0).then_some(Millis(settled_at)),
    })
}

/// Writes an open line; false when the site has one with this serial number.
pub async fn add_line(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    new: &Line,
) -> Result<bool, StoreError> {
    let details =
        serde_json::to_vec(&new.details).map_err(|_| StoreError::Damaged("a statement line"))?;
    let written = sqlx::query(
        "INSERT INTO statement_lines (site, id, statement_id, position, serial, day, amount, details, state, order_id,
             payment_id, reason, settled_by, settled_name, settled_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'open', '', '', '', '', '', 0)
         ON CONFLICT (site, serial) DO NOTHING",
    )
    .bind(site.as_str().to_owned())
    .bind(new.id.clone())
    .bind(new.statement.clone())
    .bind(new.position)
    .bind(new.serial.clone())
    .bind(new.day.clone())
    .bind(new.amount.0)
    .bind(sealer.seal(&context(site, &new.id), &details)?)
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// [`StoreError::NotFound`] when this site has no such line.
pub async fn get_line(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    id: &str,
) -> Result<Line, StoreError> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {LINE} FROM statement_lines WHERE site = $1 AND id = $2"
    )))
    .bind(site.as_str().to_owned())
    .bind(id.to_owned())
    .fetch_one(conn)
    .await?;
    line(&row, sealer, site)
}

/// The line with the bank's number.
pub async fn by_serial(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    serial: &str,
) -> Result<Option<Line>, StoreError> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {LINE} FROM statement_lines WHERE site = $1 AND serial = $2"
    )))
    .bind(site.as_str().to_owned())
    .bind(serial.to_owned())
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(|row| line(row, sealer, site)).transpose()
}

/// Lines of a statement in the order of the file, after the id `after`.
pub async fn lines(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    statement: &str,
    state: Option<LineState>,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Line>, StoreError> {
    let query = match state {
        None => sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {LINE} FROM statement_lines WHERE site = $1 AND statement_id = $2 AND id > $3 ORDER BY id LIMIT $4"
        )))
        .bind(site.as_str().to_owned())
        .bind(statement.to_owned()),
        Some(state) => sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {LINE} FROM statement_lines WHERE site = $1 AND statement_id = $2 AND state = $3 AND id > $4
             ORDER BY id LIMIT $5"
        )))
        .bind(site.as_str().to_owned())
        .bind(statement.to_owned())
        .bind(state.as_str().to_owned()),
    };
    let rows = query
        .bind(after.unwrap_or_default().to_owned())
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.iter().map(|row| line(row, sealer, site)).collect()
}

/// All lines of a day, of whichever file.
pub async fn lines_of_day(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    day: &str,
) -> Result<Vec<Line>, StoreError> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {LINE} FROM statement_lines WHERE site = $1 AND day = $2 ORDER BY id"
    )))
    .bind(site.as_str().to_owned())
    .bind(day.to_owned())
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| line(row, sealer, site)).collect()
}

/// Moves an open line to the verdict's state; false when somebody else has said something about it. Whoever gets true has
/// the line to himself until his transaction ends.
pub async fn settle_line(
    conn: &mut Connection,
    site: &SiteId,
    id: &str,
    verdict: &Verdict<'_>,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE statement_lines SET state = $3, order_id = $4, reason = $5, settled_by = $6, settled_name = $7,
             settled_at = $8
         WHERE site = $1 AND id = $2 AND state = 'open'",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_owned())
    .bind(verdict.state.as_str().to_owned())
    .bind(verdict.order.to_owned())
    .bind(verdict.reason.to_owned())
    .bind(verdict.by.0.to_owned())
    .bind(verdict.by.1.to_owned())
    .bind(verdict.at.0)
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Names the payment that a confirmed line was booked as.
pub async fn set_payment(
    conn: &mut Connection,
    site: &SiteId,
    id: &str,
    payment: &PaymentId,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE statement_lines SET payment_id = $3 WHERE site = $1 AND id = $2 AND state = 'confirmed'",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_owned())
    .bind(payment.to_string())
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Opens an ignored line again; false when it is not ignored. What was booked stays booked.
pub async fn reopen_line(
    conn: &mut Connection,
    site: &SiteId,
    id: &str,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE statement_lines SET state = 'open', reason = '', settled_by = '', settled_name = '', settled_at = 0
         WHERE site = $1 AND id = $2 AND state = 'ignored'",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_owned())
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Unpaid orders of a total, oldest first: those that a transfer without a reference may be for.
pub async fn unpaid_orders(
    conn: &mut Connection,
    site: &SiteId,
    total: Fen,
    limit: i64,
) -> Result<Vec<OrderId>, StoreError> {
    let rows = sqlx::query(
        "SELECT id FROM orders WHERE site = $1 AND total = $2 AND state IN ('open', 'awaiting-payment', 'slip-uploaded')
         ORDER BY id LIMIT $3",
    )
    .bind(site.as_str().to_owned())
    .bind(total.0)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| Ok(OrderId::from_stored(row.try_get::<String, _>("id")?)))
        .collect()
}

/// The order that a payer means who writes this reference.
pub async fn order_of_reference(
    conn: &mut Connection,
    site: &SiteId,
    reference: &str,
) -> Result<Option<OrderId>, StoreError> {
    let row = sqlx::query("SELECT id FROM orders WHERE site = $1 AND reference = $2")
        .bind(site.as_str().to_owned())
        .bind(reference.to_owned())
        .fetch_optional(conn)
        .await?;
    row.map(|row| Ok(OrderId::from_stored(row.try_get::<String, _>("id")?)))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::stores;

    #[tokio::test]
    async fn who_paid_and_why_opens_only_in_its_own_line() {
        let site = SiteId::parse("fujian").unwrap();
        for store in stores().await {
            let mut tx = store.begin().await.unwrap();
            let new = Line {
                id: "line".into(),
                statement: "statement".into(),
                position: 2,
                serial: "A1".into(),
                day: "2026-11-19".into(),
                amount: Fen(22000),
                details: LineDetails {
                    payer: "林小明".into(),
                    memo: "订单123456782".into(),
                },
                state: LineState::Open,
                order: None,
                payment: None,
                reason: String::new(),
                settled_by: String::new(),
                settled_name: String::new(),
                settled_at: None,
            };
            assert!(add_line(&mut tx, &store.sealer, &site, &new).await.unwrap());
            let again = Line {
                id: "again".into(),
                ..new.clone()
            };
            assert!(
                !add_line(&mut tx, &store.sealer, &site, &again)
                    .await
                    .unwrap()
            );
            let read = get_line(&mut tx, &store.sealer, &site, "line").await;
            assert_eq!(read.unwrap(), new, "{}", store.name);

            let row = sqlx::query("SELECT details FROM statement_lines")
                .fetch_one(&mut *tx)
                .await
                .unwrap();
            let sealed: Vec<u8> = row.try_get("details").unwrap();
            let holds = |text: &str| {
                let text = text.as_bytes();
                sealed.windows(text.len()).any(|window| window == text)
            };
            assert!(!holds("林小明") && !holds("123456782"));
            sqlx::query("UPDATE statement_lines SET id = 'moved'")
                .execute(&mut *tx)
                .await
                .unwrap();
            let moved = get_line(&mut tx, &store.sealer, &site, "moved").await;
            assert!(matches!(moved, Err(StoreError::Damaged(_))));
        }
    }
}
