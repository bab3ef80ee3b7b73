//! What gateways told us, after its signature was found good: each notification once.

use crate::{Connection, StoreError, payments::gateway_word, seal::Sealer};
use sqlx::Row;
use yinxin_core::{ids::SiteId, money::Method, time::Millis};

/// A verified notification.
#[derive(Clone, Debug)]
pub struct NewNotification<'a> {
    pub method: Method,
    /// The gateway's id of it, the same when it repeats itself.
    pub id: &'a str,
    /// Our number of the trade or refund that it is about.
    pub trade_no: &'a str,
    /// The raw bytes; they name the payer and are sealed.
    pub body: &'a [u8],
    pub at: Millis,
}

fn context(site: &SiteId, method: Method, id: &str) -> String {
    format!("{site}/notification/{}/{id}", gateway_word(method))
}

/// Keeps a notification; false when it was there already.
pub async fn insert(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    new: &NewNotification<'_>,
) -> Result<bool, StoreError> {
    let written = sqlx::query(
        "INSERT INTO gateway_notifications (site, gateway, id, trade_no, body, received_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (site, gateway, id) DO NOTHING",
    )
    .bind(site.as_str().to_owned())
    .bind(gateway_word(new.method).to_owned())
    .bind(new.id.to_owned())
    .bind(new.trade_no.to_owned())
    .bind(sealer.seal(&context(site, new.method, new.id), new.body)?)
    .bind(new.at.0)
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// The raw bytes of a notification, to settle a dispute.
pub async fn body(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    method: Method,
    id: &str,
) -> Result<Vec<u8>, StoreError> {
    let row = sqlx::query(
        "SELECT body FROM gateway_notifications WHERE site = $1 AND gateway = $2 AND id = $3",
    )
    .bind(site.as_str().to_owned())
    .bind(gateway_word(method).to_owned())
    .bind(id.to_owned())
    .fetch_one(conn)
    .await?;
    sealer.open(
        &context(site, method, id),
        &row.try_get::<Vec<u8>, _>("body")?,
    )
}

/// How many notifications a site got about a trade or refund.
pub async fn count(
    conn: &mut Connection,
    site: &SiteId,
    trade_no: &str,
) -> Result<i64, StoreError> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS n FROM gateway_notifications WHERE site = $1 AND trade_no = $2",
    )
    .bind(site.as_str().to_owned())
    .bind(trade_no.to_owned())
    .fetch_one(conn)
    .await?;
    Ok(row.try_get("n")?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::stores;

    #[tokio::test]
    async fn a_notification_counts_once_and_its_bytes_are_kept() {
        let site = SiteId::parse("jiangxi").unwrap();
        for store in stores().await {
            let mut tx = store.begin().await.unwrap();
            let new = NewNotification {
                method: Method::Wechat,
                id: "EV-1",
                trade_no: "t1",
                body: b"raw",
                at: Millis(5),
            };
            assert!(insert(&mut tx, &store.sealer, &site, &new).await.unwrap());
            assert!(!insert(&mut tx, &store.sealer, &site, &new).await.unwrap());
            let raw = body(&mut tx, &store.sealer, &site, Method::Wechat, "EV-1")
                .await
                .unwrap();
            assert_eq!(raw, b"raw");
            assert_eq!(count(&mut tx, &site, "t1").await.unwrap(), 1);
        }
    }
}
