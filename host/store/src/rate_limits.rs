//! Counters of how often something was done within a window.

use crate::{Connection, StoreError};
use sqlx::Row;
use yinxin_core::ids::SiteId;
use yinxin_core::time::Millis;

/// A bucket after one more hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Hits of the window, this one included.
    pub hits: i64,
    pub window_end: Millis,
}

/// Counts one hit, atomically. A window begins with its first hit, not with the clock's minute, so that "once in 60
/// seconds" means it.
pub async fn hit(
    conn: &mut Connection,
    site: &SiteId,
    bucket: &str,
    now: Millis,
    window_seconds: i64,
) -> Result<Bucket, StoreError> {
    let row = sqlx::query(
        "INSERT INTO rate_limits (site, bucket, window_start, window_end, hits) VALUES ($1, $2, $3, $4, 1)
         ON CONFLICT (site, bucket) DO UPDATE SET
             hits = CASE WHEN rate_limits.window_end <= excluded.window_start THEN 1 ELSE rate_limits.hits + 1 END,
             window_start = CASE WHEN rate_limits.window_end <= excluded.window_start
                 THEN excluded.window_start ELSE rate_limits.window_start END,
             window_end = CASE WHEN rate_limits.window_end <= excluded.window_start
                 THEN excluded.window_end ELSE rate_limits.window_end END
         RETURNING hits, window_end",
    )
    .bind(site.as_str())
    .bind(bucket)
    .bind(now.0)
    .bind(now.plus(window_seconds).0)
    .fetch_one(conn)
    .await?;
    Ok(Bucket {
        hits: row.try_get("hits")?,
        window_end: Millis(row.try_get("window_end")?),
    })
}

/// Deletes windows that are over; says how many.
pub async fn sweep(conn: &mut Connection, site: &SiteId, now: Millis) -> Result<u64, StoreError> {
    let swept = sqlx::query("DELETE FROM rate_limits WHERE site = $1 AND window_end <= $2")
        .bind(site.as_str())
        .bind(now.0)
        .execute(conn)
        .await?;
    Ok(swept.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::stores;

    #[tokio::test]
    async fn a_window_begins_with_its_first_hit() {
        let here = SiteId::parse("jiangxi").unwrap();
        for store in stores().await {
            let mut conn = store.begin().await.unwrap();
            for (at, hits, end) in [
                (59_000, 1, 119_000),
                (61_000, 2, 119_000),
                (119_000, 1, 179_000),
            ] {
                let bucket = hit(&mut conn, &here, "b", Millis(at), 60).await.unwrap();
                assert_eq!(
                    bucket,
                    Bucket {
                        hits,
                        window_end: Millis(end)
                    }
                );
            }
            assert_eq!(
                hit(&mut conn, &here, "c", Millis(119_000), 60)
                    .await
                    .unwrap()
                    .hits,
                1
            );
            assert_eq!(sweep(&mut conn, &here, Millis(179_000)).await.unwrap(), 2);
        }
    }

    #[tokio::test]
    async fn hits_at_once_are_all_counted() {
        let here = SiteId::parse("jiangxi").unwrap();
        for store in stores().await {
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..8 {
                let (store, here) = (store.store.clone(), here.clone());
                tasks.spawn(async move {
                    let mut conn = store.read().await.unwrap();
                    hit(&mut conn, &here, "b", Millis(0), 60)
                        .await
                        .unwrap()
                        .hits
                });
            }
            let mut hits = tasks.join_all().await;
            hits.sort_unstable();
            assert_eq!(hits, (1..=8).collect::<Vec<_>>(), "{}", store.name);
        }
    }
}
