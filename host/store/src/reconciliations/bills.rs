//! The two sides that are compared: kept bills of the gateways, and what our ledger moved.

use super::BillKind;
use crate::{Connection, StoreError, payments};
use sqlx::Row;
use yinxin_core::{
    ids::{PaymentId, SiteId},
    money::{Fen, Method},
    time::Millis,
};

/// One line of a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptLine {
    pub kind: BillKind,
    /// Our number of the payment or refund, as they repeat it; theirs where we gave none.
    pub number: String,
    /// Our number of the payment that was refunded, or the same as `number`.
    pub trade: String,
    pub provider_no: String,
    /// `2026-11-20`
    pub day: String,
    pub amount: Fen,
    /// What they keep for it; negative where they give it back.
    pub fee: Fen,
    pub at: Millis,
}

/// Money that the ledger moved over a gateway on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    pub kind: BillKind,
    pub payment: PaymentId,
    /// Id of the refund, or empty.
    pub refund: String,
    /// The number under which the gateway knows the payment.
    pub out_trade_no: String,
}

fn account(method: Method) -> String {
    crate::postings::Account::Gateway(method).to_string()
}

/// What the ledger moved over a gateway, fees left out, in `[from, to)`, oldest first. Each payment and refund once.
pub async fn movements(
    conn: &mut Connection,
    site: &SiteId,
    method: Method,
    from: Millis,
    to: Millis,
) -> Result<Vec<Movement>, StoreError> {
    let rows = sqlx::query(
        "SELECT postings.payment_id, postings.refund_id, payments.out_trade_no FROM postings
         JOIN payments ON payments.site = postings.site AND payments.id = postings.payment_id
         WHERE postings.site = $1 AND postings.account = $2 AND postings.posted_at >= $3 AND postings.posted_at < $4",
    )
    .bind(site.as_str().to_owned())
    .bind(account(method))
    .bind(from.0)
    .bind(to.0)
    .fetch_all(conn)
    .await?;
    let mut found: Vec<Movement> = Vec::with_capacity(rows.len());
    for row in &rows {
        let refund: String = row.try_get("refund_id")?;
        let movement = Movement {
            kind: if refund.is_empty() {
                BillKind::Payment
            } else {
                BillKind::Refund
            },
            payment: PaymentId::from_stored(row.try_get::<String, _>("payment_id")?),
            refund,
            out_trade_no: row.try_get("out_trade_no")?,
        };
        if !found.contains(&movement) {
            found.push(movement);
        }
    }
    Ok(found)
}

/// What the ledger moved over the gateway for a payment, refunds left out; none when it did not arrive.
pub async fn received(
    conn: &mut Connection,
    site: &SiteId,
    method: Method,
    payment: &PaymentId,
) -> Result<Option<Fen>, StoreError> {
    moved(conn, site, method, payment, "").await
}

/// What the ledger moved back over the gateway for a refund, as a positive amount; none when it was not carried out there.
pub async fn refunded(
    conn: &mut Connection,
    site: &SiteId,
    method: Method,
    payment: &PaymentId,
    refund: &str,
) -> Result<Option<Fen>, StoreError> {
    let moved = moved(conn, site, method, payment, refund).await?;
    Ok(moved.map(|amount| Fen(-amount.0)))
}

async fn moved(
    conn: &mut Connection,
    site: &SiteId,
    method: Method,
    payment: &PaymentId,
    refund: &str,
) -> Result<Option<Fen>, StoreError> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS n, CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS total FROM postings
         WHERE site = $1 AND payment_id = $2 AND account = $3 AND refund_id = $4",
    )
    .bind(site.as_str().to_owned())
    .bind(payment.to_string())
    .bind(account(method))
    .bind(refund.to_owned())
    .fetch_one(conn)
    .await?;
    let (count, total): (i64, i64) = (row.try_get("n")?, row.try_get("total")?);
    Ok((count > 0).then_some(Fen(total)))
}

/// Keeps the bill of a day in place of what was kept of it before.
pub async fn keep_bill(
    conn: &mut Connection,
    site: &SiteId,
    method: Method,
    day: &str,
    lines: &[KeptLine],
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM bill_lines WHERE site = $1 AND gateway = $2 AND day = $3")
        .bind(site.as_str().to_owned())
        .bind(payments::gateway_word(method).to_owned())
        .bind(day.to_owned())
        .execute(&mut *conn)
        .await?;
    for line in lines {
        sqlx::query(
            "INSERT INTO bill_lines (site, gateway, kind, number, trade, provider_no, day, amount, fee, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (site, gateway, kind, number) DO UPDATE SET provider_no = excluded.provider_no,
                 day = excluded.day, amount = excluded.amount, fee = excluded.fee, at = excluded.at",
        )
        .bind(site.as_str().to_owned())
        .bind(payments::gateway_word(method).to_owned())
        .bind(line.kind.as_str().to_owned())
        .bind(line.number.clone())
        .bind(line.trade.clone())
        .bind(line.provider_no.clone())
        .bind(day.to_owned())
        .bind(line.amount.0)
        .bind(line.fee.0)
        .bind(line.at.0)
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// A line of any kept bill.
pub async fn bill_line(
    conn: &mut Connection,
    site: &SiteId,
    method: Method,
    kind: BillKind,
    number: &str,
) -> Result<Option<KeptLine>, StoreError> {
    let row = sqlx::query(
        "SELECT kind, number, trade, provider_no, day, amount, fee, at FROM bill_lines
         WHERE site = $1 AND gateway = $2 AND kind = $3 AND number = $4",
    )
    .bind(site.as_str().to_owned())
    .bind(payments::gateway_word(method).to_owned())
    .bind(kind.as_str().to_owned())
    .bind(number.to_owned())
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(KeptLine {
            kind: BillKind::from_stored(&row.try_get::<String, _>("kind")?)?,
            number: row.try_get("number")?,
            trade: row.try_get("trade")?,
            provider_no: row.try_get("provider_no")?,
            day: row.try_get("day")?,
            amount: Fen(row.try_get("amount")?),
            fee: Fen(row.try_get("fee")?),
            at: Millis(row.try_get("at")?),
        })
    })
    .transpose()
}
