//! What does not agree: a clerks' queue.

use super::{BillKind, method};
use crate::words::words;
use crate::{Connection, StoreError, payments};
use serde::Serialize;
use sqlx::Row;
use yinxin_core::{
    ids::{OrderId, SiteId},
    money::{Fen, Method},
    time::Millis,
};

words! {
    /// What does not agree.
    "a difference's kind" DifferenceKind {
        /// They have a payment that we have not booked.
        MissingAtOurs = "missing-at-ours",
        /// We have booked a payment that they do not have.
        MissingAtTheirs = "missing-at-theirs",
        /// Both have the payment, of another amount.
        AmountDiffers = "amount-differs",
        /// A refund that one side does not have, or has in another amount.
        RefundDiffers = "refund-differs",
    }
}

words! {
    /// Whether somebody has to look at it.
    "a difference's state" DifferenceState {
        Open = "open",
        Settled = "settled",
    }
}

/// Something that does not agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub id: String,
    /// The report that found it.
    pub report: String,
    pub method: Method,
    pub about: BillKind,
    pub number: String,
    pub kind: DifferenceKind,
    pub provider_no: String,
    /// The order, where we know one.
    pub order: Option<OrderId>,
    /// None: that side has nothing.
    pub ours: Option<Fen>,
    pub theirs: Option<Fen>,
    pub state: DifferenceState,
    pub note: String,
    /// Clerk's id and name; `host` and empty when it agreed later.
    pub settled_by: String,
    pub settled_name: String,
    pub settled_at: Option<Millis>,
    pub found_at: Millis,
}

const COLUMNS: &str =
    "id, report_id, gateway, about, number, kind, provider_no, order_id, ours, theirs, state, note,
    settled_by, settled_name, settled_at, found_at";

fn difference(row: &sqlx::any::AnyRow) -> Result<Difference, StoreError> {
    let text = |name: &str| row.try_get::<String, _>(name);
    let side = |name: &str| {
        row.try_get::<i64, _>(name)
            .map(|amount| (amount >= 0).then_some(Fen(amount)))
    };
    let order = text("order_id")?;
    let settled_at: i64 = row.try_get("settled_at")?;
    Ok(Difference {
        id: text("id")?,
        report: text("report_id")?,
        method: method(&text("gateway")?)?,
        about: BillKind::from_stored(&text("about")?)?,
        number: text("number")?,
        kind: DifferenceKind::from_stored(&text("kind")?)?,
        provider_no: text("provider_no")?,
        order: (!order.is_empty()).then(|| OrderId::from_stored(order)),
        ours: side("ours")?,
        theirs: side("theirs")?,
        state: DifferenceState::from_stored(&text("state")?)?,
        note: text("note")?,
        settled_by: text("settled_by")?,
        settled_name: text("settled_name")?,
        settled_at: (settled_at > 0).then_some(Millis(settled_at)),
        found_at: Millis(row.try_get("found_at")?),
    })
}

/// Writes a difference, open. One that is there for the same number keeps its id, its report and, when both amounts are
/// what they were as somebody settled it, that it is settled.
pub async fn put_difference(
    conn: &mut Connection,
    site: &SiteId,
    new: &Difference,
) -> Result<(), StoreError> {
    let known = by_number(conn, site, new.method, new.about, &new.number).await?;
    if let Some(known) = &known {
        let same = (known.kind, known.ours, known.theirs) == (new.kind, new.ours, new.theirs);
        let by_hand = known.state == DifferenceState::Settled && known.settled_by != "host";
        if same && (known.state == DifferenceState::Open || by_hand) {
            return Ok(());
        }
    }
    sqlx::query(
        "INSERT INTO reconciliation_differences (site, id, report_id, gateway, about, number, kind, provider_no, order_id,
             ours, theirs, state, note, settled_by, settled_name, settled_at, found_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'open', '', '', '', 0, $12)
         ON CONFLICT (site, gateway, about, number) DO UPDATE SET kind = excluded.kind, ours = excluded.ours,
             theirs = excluded.theirs, provider_no = excluded.provider_no, order_id = excluded.order_id, state = 'open',
             note = '', settled_by = '', settled_name = '', settled_at = 0",
    )
    .bind(site.as_str().to_owned())
    .bind(new.id.clone())
    .bind(new.report.clone())
    .bind(payments::gateway_word(new.method).to_owned())
    .bind(new.about.as_str().to_owned())
    .bind(new.number.clone())
    .bind(new.kind.as_str().to_owned())
    .bind(new.provider_no.clone())
    .bind(new.order.as_ref().map(ToString::to_string).unwrap_or_default())
    .bind(new.ours.map_or(-1, |amount| amount.0))
    .bind(new.theirs.map_or(-1, |amount| amount.0))
    .bind(new.found_at.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// What is known not to agree, or not to have agreed, about a number.
pub async fn by_number(
    conn: &mut Connection,
    site: &SiteId,
    method: Method,
    about: BillKind,
    number: &str,
) -> Result<Option<Difference>, StoreError> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM reconciliation_differences WHERE site = $1 AND gateway = $2 AND about = $3 AND number = $4"
    )))
    .bind(site.as_str().to_owned())
    .bind(payments::gateway_word(method).to_owned())
    .bind(about.as_str().to_owned())
    .bind(number.to_owned())
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(difference).transpose()
}

/// [`StoreError::NotFound`] when this site has no such difference.
pub async fn get_difference(
    conn: &mut Connection,
    site: &SiteId,
    id: &str,
) -> Result<Difference, StoreError> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM reconciliation_differences WHERE site = $1 AND id = $2"
    )))
    .bind(site.as_str().to_owned())
    .bind(id.to_owned())
    .fetch_one(conn)
    .await?;
    difference(&row)
}

/// A clerk's queue: differences in a state, oldest first, after the id `after`.
pub async fn differences(
    conn: &mut Connection,
    site: &SiteId,
    state: DifferenceState,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Difference>, StoreError> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM reconciliation_differences WHERE site = $1 AND state = $2 AND id > $3
         ORDER BY id LIMIT $4"
    )))
    .bind(site.as_str().to_owned())
    .bind(state.as_str().to_owned())
    .bind(after.unwrap_or_default().to_owned())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(difference).collect()
}

/// Open differences with one gateway, oldest first.
pub async fn open_differences(
    conn: &mut Connection,
    site: &SiteId,
    method: Method,
    limit: i64,
) -> Result<Vec<Difference>, StoreError> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM reconciliation_differences WHERE site = $1 AND gateway = $2 AND state = 'open'
         ORDER BY id LIMIT $3"
    )))
    .bind(site.as_str().to_owned())
    .bind(payments::gateway_word(method).to_owned())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(difference).collect()
}

/// Differences that a report found, in one state, oldest first.
pub async fn differences_of_report(
    conn: &mut Connection,
    site: &SiteId,
    report: &str,
    state: DifferenceState,
    limit: i64,
) -> Result<Vec<Difference>, StoreError> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM reconciliation_differences WHERE site = $1 AND report_id = $2 AND state = $3
         ORDER BY id LIMIT $4"
    )))
    .bind(site.as_str().to_owned())
    .bind(report.to_owned())
    .bind(state.as_str().to_owned())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(difference).collect()
}

/// Settles an open difference; false when it is not open. `by`: id and name.
pub async fn settle(
    conn: &mut Connection,
    site: &SiteId,
    id: &str,
    note: &str,
    by: (&str, &str),
    at: Millis,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE reconciliation_differences SET state = 'settled', note = $3, settled_by = $4, settled_name = $5,
             settled_at = $6
         WHERE site = $1 AND id = $2 AND state = 'open'",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_owned())
    .bind(note.to_owned())
    .bind(by.0.to_owned())
    .bind(by.1.to_owned())
    .bind(at.0)
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Opens a settled difference again; false when it is not settled.
pub async fn reopen(conn: &mut Connection, site: &SiteId, id: &str) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE reconciliation_differences SET state = 'open', note = '', settled_by = '', settled_name = '',
             settled_at = 0
         WHERE site = $1 AND id = $2 AND state = 'settled'",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_owned())
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}
