//! The money ledger as a bookkeeper reads it: what each account did in a span of time, and its postings one by one.

use crate::{Connection, StoreError};
use sqlx::Row;
use yinxin_core::{ids::SiteId, money::Fen, time::Millis};

/// What one account did in a span of time. Debits and credits are both positive; `opening + debit - credit` is what it
/// held in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSums {
    /// As [`crate::postings::Account`] writes it.
    pub account: String,
    /// What it held when the span began.
    pub opening: Fen,
    pub debit: Fen,
    pub credit: Fen,
}

/// One posting with the number of its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookLine {
    pub entry: String,
    pub account: String,
    /// A credit is negative.
    pub amount: Fen,
    /// Empty where it is about no order.
    pub order_number: String,
    pub payment: String,
    pub refund: String,
    pub at: Millis,
}

/// Where a page of [`lines`] ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub at: Millis,
    pub entry: String,
    pub account: String,
}

impl BookLine {
    pub fn place(&self) -> Place {
        Place {
            at: self.at,
            entry: self.entry.clone(),
            account: self.account.clone(),
        }
    }
}

/// Every account that anything was posted to before `until`, by name.
pub async fn sums(
    conn: &mut Connection,
    site: &SiteId,
    from: Millis,
    until: Millis,
) -> Result<Vec<AccountSums>, StoreError> {
    let rows = sqlx::query(
        "SELECT account,
             CAST(SUM(CASE WHEN posted_at < $1 THEN amount ELSE 0 END) AS BIGINT) AS opening,
             CAST(SUM(CASE WHEN posted_at >= $2 AND amount > 0 THEN amount ELSE 0 END) AS BIGINT) AS debit,
             CAST(SUM(CASE WHEN posted_at >= $3 AND amount < 0 THEN -amount ELSE 0 END) AS BIGINT) AS credit
         FROM postings WHERE site = $4 AND posted_at < $5 GROUP BY account ORDER BY account",
    )
    .bind(from.0)
    .bind(from.0)
    .bind(from.0)
    .bind(site.as_str().to_owned())
    .bind(until.0)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(AccountSums {
                account: row.try_get("account")?,
                opening: Fen(row.try_get("opening")?),
                debit: Fen(row.try_get("debit")?),
                credit: Fen(row.try_get("credit")?),
            })
        })
        .collect()
}

/// Postings of a span of time in the order of writing, after `after`.
pub async fn lines(
    conn: &mut Connection,
    site: &SiteId,
    from: Millis,
    until: Millis,
    after: Option<&Place>,
    limit: i64,
) -> Result<Vec<BookLine>, StoreError> {
    let (at, entry, account) = match after {
        Some(place) => (place.at, place.entry.as_str(), place.account.as_str()),
        None => (from, "", ""),
    };
    let rows = sqlx::query(
        "SELECT postings.entry_id, postings.account, postings.amount, postings.payment_id, postings.refund_id,
             postings.posted_at, COALESCE(orders.number, '') AS number
         FROM postings LEFT JOIN orders ON orders.site = postings.site AND orders.id = postings.order_id
         WHERE postings.site = $1 AND postings.posted_at < $2
             AND (postings.posted_at, postings.entry_id, postings.account) > ($3, $4, $5)
         ORDER BY postings.posted_at, postings.entry_id, postings.account LIMIT $6",
    )
    .bind(site.as_str().to_owned())
    .bind(until.0)
    .bind(at.0)
    .bind(entry.to_owned())
    .bind(account.to_owned())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(BookLine {
                entry: row.try_get("entry_id")?,
                account: row.try_get("account")?,
                amount: Fen(row.try_get("amount")?),
                order_number: row.try_get("number")?,
                payment: row.try_get("payment_id")?,
                refund: row.try_get("refund_id")?,
                at: Millis(row.try_get("posted_at")?),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postings::{Account, Entry, post};
    use crate::testing::stores;
    use yinxin_core::money::Method;

    #[tokio::test]
    async fn a_span_has_what_was_before_what_went_and_every_line() {
        let site = SiteId::parse("fujian").unwrap();
        let bank = Account::Gateway(Method::BankTransfer);
        for store in stores().await {
            let mut tx = store.begin().await.unwrap();
            for (id, amount, at) in [
                ("receipt:1", 100, 5),
                ("receipt:2", 30, 10),
                ("receipt:3", 7, 20),
            ] {
                let entry = Entry {
                    id: id.to_owned(),
                    from: Account::Unapplied,
                    to: bank,
                    amount: Fen(amount),
                    order: "",
                    payment: "",
                    refund: "",
                    at: Millis(at),
                };
                assert!(post(&mut tx, &site, &entry).await.unwrap());
            }
            let found = sums(&mut tx, &site, Millis(10), Millis(20)).await.unwrap();
            let told: Vec<_> = found
                .iter()
                .map(|sum| {
                    (
                        sum.account.as_str(),
                        sum.opening.0,
                        sum.debit.0,
                        sum.credit.0,
                    )
                })
                .collect();
            assert_eq!(
                told,
                [
                    ("gateway:bank-transfer", 100, 30, 0),
                    ("unapplied", -100, 0, 30)
                ],
                "{}",
                store.name
            );
            let mut seen = Vec::new();
            let mut after = None;
            while let Some(line) = lines(&mut tx, &site, Millis(5), Millis(20), after.as_ref(), 1)
                .await
                .unwrap()
                .pop()
            {
                after = Some(line.place());
                seen.push((line.entry, line.account, line.amount.0));
            }
            assert_eq!(seen.len(), 4, "{seen:?}");
            assert_eq!(
                seen[2],
                ("receipt:2".into(), "gateway:bank-transfer".into(), 30)
            );
        }
    }
}
