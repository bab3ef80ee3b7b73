//! How much of a payment pays which order. What no allocation holds belongs to nothing: it waits for a clerk or goes back.

use crate::query::among;
use crate::{Connection, StoreError};
use sqlx::Row;
use yinxin_core::{
    ids::{OrderId, PaymentId, SiteId},
    money::Fen,
    time::Millis,
};

/// Money of one payment that pays for one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// UUID v7: sorts by time.
    pub id: String,
    pub payment: PaymentId,
    pub order: OrderId,
    pub amount: Fen,
    pub made_at: Millis,
}

const COLUMNS: &str = "id, payment_id, order_id, amount, made_at";

fn allocation(row: &sqlx::any::AnyRow) -> Result<Allocation, StoreError> {
    Ok(Allocation {
        id: row.try_get("id")?,
        payment: PaymentId::from_stored(row.try_get::<String, _>("payment_id")?),
        order: OrderId::from_stored(row.try_get::<String, _>("order_id")?),
        amount: Fen(row.try_get("amount")?),
        made_at: Millis(row.try_get("made_at")?),
    })
}

/// Writes a new allocation.
pub async fn insert(
    conn: &mut Connection,
    site: &SiteId,
    new: &Allocation,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO allocations (site, id, payment_id, order_id, amount, made_at, released_at)
         VALUES ($1, $2, $3, $4, $5, $6, 0)",
    )
    .bind(site.as_str().to_owned())
    .bind(new.id.clone())
    .bind(new.payment.to_string())
    .bind(new.order.to_string())
    .bind(new.amount.0)
    .bind(new.made_at.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the money from the order again; false when that was done already.
pub async fn release(
    conn: &mut Connection,
    site: &SiteId,
    id: &str,
    at: Millis,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE allocations SET released_at = $3 WHERE site = $1 AND id = $2 AND released_at = 0",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_owned())
    .bind(at.0)
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// What pays for an order, oldest first.
pub async fn of_order(
    conn: &mut Connection,
    site: &SiteId,
    order: &OrderId,
) -> Result<Vec<Allocation>, StoreError> {
    of_orders(conn, site, &[order]).await
}

/// What pays for these orders, one after the other, oldest first.
pub async fn of_orders(
    conn: &mut Connection,
    site: &SiteId,
    orders: &[&OrderId],
) -> Result<Vec<Allocation>, StoreError> {
    let rows = among(conn, site, orders, |these| {
        format!(
            "SELECT {COLUMNS} FROM allocations WHERE site = $1 AND order_id IN ({these}) AND released_at = 0 ORDER BY order_id, id"
        )
    })
    .await?;
    rows.iter().map(allocation).collect()
}

/// What a payment pays for, oldest first.
pub async fn of_payment(
    conn: &mut Connection,
    site: &SiteId,
    payment: &PaymentId,
) -> Result<Vec<Allocation>, StoreError> {
    of_payments(conn, site, &[payment]).await
}

/// What these payments pay for, one after the other, oldest first.
pub async fn of_payments(
    conn: &mut Connection,
    site: &SiteId,
    payments: &[&PaymentId],
) -> Result<Vec<Allocation>, StoreError> {
    let rows = among(conn, site, payments, |these| {
        format!(
            "SELECT {COLUMNS} FROM allocations WHERE site = $1 AND payment_id IN ({these}) AND released_at = 0 ORDER BY payment_id, id"
        )
    })
    .await?;
    rows.iter().map(allocation).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::stores;

    #[tokio::test]
    async fn what_was_released_pays_for_nothing() {
        let site = SiteId::parse("fujian").unwrap();
        for store in stores().await {
            let mut tx = store.begin().await.unwrap();
            let new = Allocation {
                id: uuid::Uuid::now_v7().to_string(),
                payment: PaymentId::generate(),
                order: OrderId::generate(),
                amount: Fen(10000),
                made_at: Millis(1),
            };
            insert(&mut tx, &site, &new).await.unwrap();
            let held = of_order(&mut tx, &site, &new.order).await.unwrap();
            assert_eq!(held, std::slice::from_ref(&new), "{}", store.name);
            assert_eq!(
                of_payment(&mut tx, &site, &new.payment).await.unwrap(),
                held
            );
            assert!(release(&mut tx, &site, &new.id, Millis(2)).await.unwrap());
            assert!(!release(&mut tx, &site, &new.id, Millis(3)).await.unwrap());
            assert!(
                of_order(&mut tx, &site, &new.order)
                    .await
                    .unwrap()
                    .is_empty()
            );
        }
    }
}
