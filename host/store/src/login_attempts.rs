//! Failed log-ins, counted before the password is looked at, so that a hundred guesses at once count as a hundred.
//!
//! A subject need not exist (an unknown login id, an address): what does not exist locks exactly like what does.

use crate::{Connection, StoreError};
use sqlx::Row;
use yinxin_core::ids::SiteId;
use yinxin_core::time::Millis;

/// What came of asking for an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Go on; it stands as the n-th failure until it is taken back.
    Counted(i64),
    LockedUntil(Millis),
}

/// Counts one attempt as failed. `lock` says for how many seconds the subject is locked after its n-th failure; failures
/// older than `keep_seconds` are forgotten. Call it in a transaction.
pub async fn count(
    conn: &mut Connection,
    site: &SiteId,
    subject: &str,
    now: Millis,
    keep_seconds: i64,
    lock: impl Fn(i64) -> i64,
) -> Result<Attempt, StoreError> {
    let counted = sqlx::query(
        "INSERT INTO login_attempts (site, subject, failed, last_at, locked_until, forget_at) VALUES ($1, $2, 1, $3, 0, $4)
         ON CONFLICT (site, subject) DO UPDATE SET
             failed = CASE WHEN login_attempts.forget_at <= excluded.last_at THEN 1 ELSE login_attempts.failed + 1 END,
             last_at = excluded.last_at, forget_at = excluded.forget_at
         WHERE login_attempts.locked_until <= excluded.last_at
         RETURNING failed",
    )
    .bind(site.as_str())
    .bind(subject)
    .bind(now.0)
    .bind(now.plus(keep_seconds).0)
    .fetch_optional(&mut *conn)
    .await?;
    let Some(counted) = counted else {
        let row =
            sqlx::query("SELECT locked_until FROM login_attempts WHERE site = $1 AND subject = $2")
                .bind(site.as_str())
                .bind(subject)
                .fetch_one(conn)
                .await?;
        return Ok(Attempt::LockedUntil(Millis(row.try_get(0)?)));
    };
    let failed: i64 = counted.try_get(0)?;
    let seconds = lock(failed);
    if seconds > 0 {
        sqlx::query("UPDATE login_attempts SET locked_until = $3 WHERE site = $1 AND subject = $2")
            .bind(site.as_str())
            .bind(subject)
            .bind(now.plus(seconds).0)
            .execute(conn)
            .await?;
    }
    Ok(Attempt::Counted(failed))
}

/// Takes one attempt back, which did not fail after all, with the lock that it set.
pub async fn take_back(
    conn: &mut Connection,
    site: &SiteId,
    subject: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE login_attempts SET failed = CASE WHEN failed > 0 THEN failed - 1 ELSE 0 END, locked_until = 0
         WHERE site = $1 AND subject = $2",
    )
    .bind(site.as_str())
    .bind(subject)
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets all failures of the subject.
pub async fn clear(conn: &mut Connection, site: &SiteId, subject: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM login_attempts WHERE site = $1 AND subject = $2")
        .bind(site.as_str())
        .bind(subject)
        .execute(conn)
        .await?;
    Ok(())
}

/// Failures that still count.
pub async fn failures(
    conn: &mut Connection,
    site: &SiteId,
    subject: &str,
    now: Millis,
) -> Result<i64, StoreError> {
    let row = sqlx::query(
        "SELECT failed FROM login_attempts WHERE site = $1 AND subject = $2 AND forget_at > $3",
    )
    .bind(site.as_str())
    .bind(subject)
    .bind(now.0)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?.unwrap_or(0))
}

/// Deletes what no longer counts; says how many.
pub async fn sweep(conn: &mut Connection, site: &SiteId, now: Millis) -> Result<u64, StoreError> {
    let swept = sqlx::query(
        "DELETE FROM login_attempts WHERE site = $1 AND forget_at <= $2 AND locked_until <= $2",
    )
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
    async fn the_third_failure_locks_and_a_lock_is_not_prolonged_by_trying() {
        let here = SiteId::parse("jiangxi").unwrap();
        let lock = |n| if n >= 3 { 60 } else { 0 };
        for store in stores().await {
            let mut conn = store.begin().await.unwrap();
            for n in 1..=3 {
                let attempt = count(&mut conn, &here, "s", Millis(0), 600, lock)
                    .await
                    .unwrap();
                assert_eq!(attempt, Attempt::Counted(n), "{}", store.name);
            }
            let locked = Attempt::LockedUntil(Millis(60_000));
            for at in [1, 59_999] {
                assert_eq!(
                    count(&mut conn, &here, "s", Millis(at), 600, lock)
                        .await
                        .unwrap(),
                    locked
                );
            }
            assert_eq!(failures(&mut conn, &here, "s", Millis(1)).await.unwrap(), 3);

            let attempt = count(&mut conn, &here, "s", Millis(60_000), 600, lock)
                .await
                .unwrap();
            assert_eq!(attempt, Attempt::Counted(4));
            take_back(&mut conn, &here, "s").await.unwrap();
            assert_eq!(
                failures(&mut conn, &here, "s", Millis(60_000))
                    .await
                    .unwrap(),
                3
            );
            // 600 s after the last failure all are forgotten
            assert_eq!(
                failures(&mut conn, &here, "s", Millis(660_000))
                    .await
                    .unwrap(),
                0
            );
            let attempt = count(&mut conn, &here, "s", Millis(660_000), 600, lock)
                .await
                .unwrap();
            assert_eq!(attempt, Attempt::Counted(1));
            assert_eq!(sweep(&mut conn, &here, Millis(9_000_000)).await.unwrap(), 1);
        }
    }
}
