//! The ledger of money, double entry: every entry's amounts sum to zero, and an entry is written once.
//!
//! Amounts are debits; a credit is negative. `receivable` is what orders are still to be paid, a gateway's account what it
//! holds for us, `fees` what we charged, `unapplied` what arrived and belongs to nothing, `refunds-due` what we owe to
//! payers, `gateway-fees` what the gateways kept for their work.
//!
//! | entry | from | to |
//! |---|---|---|
//! | charge: an order was opened or changed | fees | receivable |
//! | uncharge: it was closed or changed | receivable | fees |
//! | receipt: money arrived | unapplied | gateway |
//! | applied: it pays an order | receivable | unapplied |
//! | released: it does not any more | unapplied | receivable |
//! | refund-due: it is to go back | refunds-due | fees, or unapplied for a surplus |
//! | refund-withdrawn: it is not, after all | unapplied | refunds-due |
//! | refunded: it went back | gateway | refunds-due |
//! | fee: the gateway kept some | gateway | gateway-fees |

use crate::{Connection, StoreError, payments};
use sqlx::Row;
use std::fmt;
use yinxin_core::{
    ids::{OrderId, PaymentId, SiteId},
    money::{Fen, Method},
    time::Millis,
};

/// An account of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Account {
    Receivable,
    Gateway(Method),
    Fees,
    Unapplied,
    RefundsDue,
    GatewayFees,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Receivable => f.write_str("receivable"),
            Self::Gateway(method) => write!(f, "gateway:{}", payments::gateway_word(*method)),
            Self::Fees => f.write_str("fees"),
            Self::Unapplied => f.write_str("unapplied"),
            Self::RefundsDue => f.write_str("refunds-due"),
            Self::GatewayFees => f.write_str("gateway-fees"),
        }
    }
}

/// One entry: money moves from `from` to `to`.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Says what happened, so that it cannot be written twice: `receipt:<payment id>`.
    pub id: String,
    pub from: Account,
    pub to: Account,
    pub amount: Fen,
    /// Ids of what it is about; empty where it is about none.
    pub order: &'a str,
    pub payment: &'a str,
    pub refund: &'a str,
    pub at: Millis,
}

/// One side of an entry, as read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    pub entry: String,
    pub account: String,
    pub amount: Fen,
    pub order: String,
    pub payment: String,
    pub refund: String,
    pub at: Millis,
}

fn posting(row: &sqlx::any::AnyRow) -> Result<Posting, StoreError> {
    Ok(Posting {
        entry: row.try_get("entry_id")?,
        account: row.try_get("account")?,
        amount: Fen(row.try_get("amount")?),
        order: row.try_get("order_id")?,
        payment: row.try_get("payment_id")?,
        refund: row.try_get("refund_id")?,
        at: Millis(row.try_get("posted_at")?),
    })
}

const COLUMNS: &str = "entry_id, account, amount, order_id, payment_id, refund_id, posted_at";

/// Writes an entry; false when it was there already. [`StoreError::Damaged`] when it moves nothing, a negative amount,
/// or from an account to itself.
pub async fn post(
    conn: &mut Connection,
    site: &SiteId,
    entry: &Entry<'_>,
) -> Result<bool, StoreError> {
    let sides = [(entry.to, entry.amount.0), (entry.from, -entry.amount.0)];
    let sum: i64 = sides.iter().map(|(_, amount)| amount).sum();
    if sum != 0 || entry.amount.0 <= 0 || entry.from == entry.to {
        return Err(StoreError::Damaged("an entry that does not balance"));
    }
    let mut written = 0;
    for (account, amount) in sides {
        let outcome = sqlx::query(
            "INSERT INTO postings (site, entry_id, account, amount, order_id, payment_id, refund_id, posted_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (site, entry_id, account) DO NOTHING",
        )
        .bind(site.as_str().to_owned())
        .bind(entry.id.clone())
        .bind(account.to_string())
        .bind(amount)
        .bind(entry.order.to_owned())
        .bind(entry.payment.to_owned())
        .bind(entry.refund.to_owned())
        .bind(entry.at.0)
        .execute(&mut *conn)
        .await?;
        written += outcome.rows_affected();
    }
    match written {
        0 => Ok(false),
        2 => Ok(true),
        _ => Err(StoreError::Damaged(
            "an entry whose id was used for other accounts",
        )),
    }
}

/// What an account of the site holds.
pub async fn balance(
    conn: &mut Connection,
    site: &SiteId,
    account: Account,
) -> Result<Fen, StoreError> {
    let row = sqlx::query(
        "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS total FROM postings WHERE site = $1 AND account = $2",
    )
    .bind(site.as_str().to_owned())
    .bind(account.to_string())
    .fetch_one(conn)
    .await?;
    Ok(Fen(row.try_get("total")?))
}

/// All postings of an order, in the order of writing.
pub async fn of_order(
    conn: &mut Connection,
    site: &SiteId,
    order: &OrderId,
) -> Result<Vec<Posting>, StoreError> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM postings WHERE site = $1 AND order_id = $2 ORDER BY posted_at, entry_id, account"
    )))
    .bind(site.as_str().to_owned())
    .bind(order.to_string())
    .fetch_all(conn)
    .await?;
    rows.iter().map(posting).collect()
}

/// All postings of a payment and its refunds, in no order.
pub async fn of_payment(
    conn: &mut Connection,
    site: &SiteId,
    payment: &PaymentId,
) -> Result<Vec<Posting>, StoreError> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM postings WHERE site = $1 AND payment_id = $2"
    )))
    .bind(site.as_str().to_owned())
    .bind(payment.to_string())
    .fetch_all(conn)
    .await?;
    rows.iter().map(posting).collect()
}

/// What every account of the site holds that anything was ever posted to, by name.
pub async fn balances(
    conn: &mut Connection,
    site: &SiteId,
) -> Result<Vec<(String, Fen)>, StoreError> {
    let rows = sqlx::query(
        "SELECT account, CAST(SUM(amount) AS BIGINT) AS total FROM postings WHERE site = $1
         GROUP BY account ORDER BY account",
    )
    .bind(site.as_str().to_owned())
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| Ok((row.try_get("account")?, Fen(row.try_get("total")?))))
        .collect()
}

/// The sites that have anything in the ledger.
pub async fn sites(conn: &mut Connection) -> Result<Vec<SiteId>, StoreError> {
    let rows = sqlx::query("SELECT DISTINCT site FROM postings ORDER BY site")
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            let site: String = row.try_get("site")?;
            SiteId::parse(&site).ok_or(StoreError::Damaged("postings.site"))
        })
        .collect()
}

/// A gateway's account beside the rows that it should follow from, read by one statement, so that they belong to one
/// moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// What arrived by it.
    pub received: Fen,
    /// What was paid out by it.
    pub refunded: Fen,
    /// What the ledger says that it holds, its fees left out.
    pub posted: Fen,
}

/// [`Held`] of a gateway.
pub async fn held(
    conn: &mut Connection,
    site: &SiteId,
    method: Method,
) -> Result<Held, StoreError> {
    let word = payments::gateway_word(method);
    let row = sqlx::query(
        "SELECT (SELECT CAST(COALESCE(SUM(received), 0) AS BIGINT) FROM payments
                 WHERE site = $1 AND gateway = $2) AS received,
             (SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM refunds
                 WHERE site = $3 AND state = 'done' AND paid_from = $4) AS refunded,
             (SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM postings
                 WHERE site = $5 AND account = $6 AND payment_id <> '') AS posted",
    )
    .bind(site.as_str().to_owned())
    .bind(word)
    .bind(site.as_str().to_owned())
    .bind(word)
    .bind(site.as_str().to_owned())
    .bind(Account::Gateway(method).to_string())
    .fetch_one(conn)
    .await?;
    Ok(Held {
        received: Fen(row.try_get("received")?),
        refunded: Fen(row.try_get("refunded")?),
        posted: Fen(row.try_get("posted")?),
    })
}

/// Entries about an order or a payment that is not there: none, unless somebody deleted rows by hand.
pub async fn orphans(conn: &mut Connection, site: &SiteId) -> Result<Vec<String>, StoreError> {
    let rows = sqlx::query(
        "SELECT DISTINCT entry_id FROM postings WHERE site = $1 AND (
             (order_id <> '' AND order_id NOT IN (SELECT id FROM orders WHERE site = $2))
             OR (payment_id <> '' AND payment_id NOT IN (SELECT id FROM payments WHERE site = $3)))
         ORDER BY entry_id",
    )
    .bind(site.as_str().to_owned())
    .bind(site.as_str().to_owned())
    .bind(site.as_str().to_owned())
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| Ok(row.try_get("entry_id")?))
        .collect()
}

/// Entries of the site that do not sum to zero: none, unless somebody changed rows by hand.
pub async fn unbalanced(conn: &mut Connection, site: &SiteId) -> Result<Vec<String>, StoreError> {
    let rows = sqlx::query(
        "SELECT entry_id FROM postings WHERE site = $1 GROUP BY entry_id HAVING SUM(amount) <> 0 ORDER BY entry_id",
    )
    .bind(site.as_str().to_owned())
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| Ok(row.try_get("entry_id")?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::stores;

    #[tokio::test]
    async fn an_entry_balances_and_is_written_once() {
        let site = SiteId::parse("jiangxi").unwrap();
        let order = OrderId::generate();
        let entry = Entry {
            id: "paid:1".to_owned(),
            from: Account::Fees,
            to: Account::Gateway(Method::Wechat),
            amount: Fen(22000),
            order: order.as_str(),
            payment: "1",
            refund: "",
            at: Millis(3),
        };
        for store in stores().await {
            let mut tx = store.begin().await.unwrap();
            assert!(post(&mut tx, &site, &entry).await.unwrap());
            assert!(!post(&mut tx, &site, &entry).await.unwrap());
            let held = balance(&mut tx, &site, Account::Gateway(Method::Wechat))
                .await
                .unwrap();
            assert_eq!(held, Fen(22000), "{}", store.name);
            assert_eq!(
                balance(&mut tx, &site, Account::Fees).await.unwrap(),
                Fen(-22000)
            );
            assert_eq!(of_order(&mut tx, &site, &order).await.unwrap().len(), 2);
            assert!(unbalanced(&mut tx, &site).await.unwrap().is_empty());
            for wrong in [
                Entry {
                    id: "a".to_owned(),
                    amount: Fen(0),
                    ..entry.clone()
                },
                Entry {
                    id: "b".to_owned(),
                    amount: Fen(-1),
                    ..entry.clone()
                },
                Entry {
                    id: "c".to_owned(),
                    to: Account::Fees,
                    ..entry.clone()
                },
            ] {
                assert!(matches!(
                    post(&mut tx, &site, &wrong).await,
                    Err(StoreError::Damaged(_))
                ));
            }
        }
    }
}
