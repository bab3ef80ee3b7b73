//! Work to do after a transaction: the outbox. A job is written in the transaction that causes it, runs at least once,
//! and is idempotent by its key.

use crate::{Connection, Dialect, StoreError};
use sqlx::Row;
use yinxin_core::{
    ids::{CaseId, SiteId},
    time::Millis,
};

/// A job to be written. `key` is unique per site and kind: enqueuing it again changes nothing.
#[derive(Clone, Debug)]
pub struct NewJob<'a> {
    pub kind: &'a str,
    pub key: String,
    /// The case that it belongs to, or empty.
    pub case_id: String,
    /// JSON; no personal data, it is not sealed.
    pub payload: String,
    pub run_at: Millis,
}

/// A job that a worker has leased, or that a clerk looks at.
#[derive(Clone, Debug)]
pub struct Job {
    pub site: SiteId,
    pub id: String,
    pub kind: String,
    pub key: String,
    pub case_id: String,
    pub payload: String,
    /// `queued`, `running`, `done`, `dead` or `cancelled`.
    pub state: String,
    pub run_at: Millis,
    /// Times it was started, this one included.
    pub attempts: i64,
    pub last_error: String,
}

const COLUMNS: &str = "site, id, kind, key, case_id, payload, state, run_at, attempts, last_error";

fn job(row: &sqlx::any::AnyRow) -> Result<Job, StoreError> {
    let site: String = row.try_get("site")?;
    Ok(Job {
        site: SiteId::parse(&site).ok_or(StoreError::Damaged("a site's name"))?,
        id: row.try_get("id")?,
        kind: row.try_get("kind")?,
        key: row.try_get("key")?,
        case_id: row.try_get("case_id")?,
        payload: row.try_get("payload")?,
        state: row.try_get("state")?,
        run_at: Millis(row.try_get("run_at")?),
        attempts: row.try_get("attempts")?,
        last_error: row.try_get("last_error")?,
    })
}

/// Writes a job; false when one with this key was already there.
pub async fn enqueue(
    conn: &mut Connection,
    site: &SiteId,
    new: NewJob<'_>,
) -> Result<bool, StoreError> {
    let written = sqlx::query(
        "INSERT INTO jobs (site, id, kind, key, case_id, payload, state, run_at, attempts, leased_until, last_error, created_at, finished_at)
         VALUES ($1, $2, $3, $4, $5, $6, 'queued', $7, 0, 0, '', $8, 0)
         ON CONFLICT (site, kind, key) DO NOTHING",
    )
    .bind(site.as_str().to_owned())
    .bind(uuid::Uuid::now_v7().to_string())
    .bind(new.kind.to_owned())
    .bind(new.key)
    .bind(new.case_id)
    .bind(new.payload)
    .bind(new.run_at.0)
    .bind(Millis::now().0)
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// Leases the job that has been due longest, of any site, until `lease_until`. A job whose lease ran out (its worker died)
/// is leased again.
pub async fn lease(
    conn: &mut Connection,
    now: Millis,
    lease_until: Millis,
) -> Result<Option<Job>, StoreError> {
    lease_beside(conn, now, lease_until, &Passed::default()).await
}

/// Jobs that a worker passes by, as enough of them are under way.
#[derive(Clone, Debug)]
pub struct Passed(String);

impl Default for Passed {
    fn default() -> Self {
        Self("|".to_owned())
    }
}

impl Passed {
    /// Passes by all jobs of a kind.
    pub fn kind(&mut self, kind: &str) {
        self.0.push_str(kind);
        self.0.push('|');
    }

    /// Passes by a site's jobs of a kind.
    pub fn kind_of(&mut self, site: &SiteId, kind: &str) {
        self.0.push_str(site.as_str());
        self.0.push('/');
        self.kind(kind);
    }
}

/// As [`lease`], but for the jobs that are passed by.
pub async fn lease_beside(
    conn: &mut Connection,
    now: Millis,
    lease_until: Millis,
    passed: &Passed,
) -> Result<Option<Job>, StoreError> {
    // PostgreSQL: other workers step over rows that one of them holds. SQLite has one writer at a time anyway.
    let locking = match Dialect::of(conn) {
        Dialect::Postgres => " FOR UPDATE SKIP LOCKED",
        Dialect::Sqlite => "",
    };
    // A queued job is leased by nobody: `leased_until` is 0. So one condition and one index do for both kinds. What is
    // passed by is one text, so that the statement is one text too, however many there are.
    let statement = sqlx::AssertSqlSafe(format!(
        "UPDATE jobs SET state = 'running', attempts = attempts + 1, leased_until = $2
         WHERE (site, id) IN (SELECT site, id FROM jobs
             WHERE state IN ('queued', 'running') AND run_at <= $1 AND leased_until <= $1
                 AND $3 NOT LIKE '%|' || kind || '|%' AND $3 NOT LIKE '%|' || site || '/' || kind || '|%'
             ORDER BY run_at LIMIT 1{locking})
         RETURNING {COLUMNS}"
    ));
    let row = sqlx::query(statement)
        .bind(now.0)
        .bind(lease_until.0)
        .bind(passed.0.clone())
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(job).transpose()
}

/// Marks a leased job as done; in the transaction of what it did, so that it is done exactly once.
pub async fn finish(conn: &mut Connection, site: &SiteId, id: &str) -> Result<(), StoreError> {
    let changed = sqlx::query(
        "UPDATE jobs SET state = 'done', leased_until = 0, finished_at = $3, last_error = '' WHERE site = $1 AND id = $2 AND state = 'running'",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_owned())
    .bind(Millis::now().0)
    .execute(conn)
    .await?;
    if changed.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::Conflict)
    }
}

/// Puts a leased job back to run at `run_at`, with why it did not work.
pub async fn retry(
    conn: &mut Connection,
    site: &SiteId,
    id: &str,
    run_at: Millis,
    why: &str,
) -> Result<(), StoreError> {
    end(conn, site, id, "queued", run_at, why).await
}

/// Gives a leased job up; a clerk sees it and may run it again.
pub async fn bury(
    conn: &mut Connection,
    site: &SiteId,
    id: &str,
    why: &str,
) -> Result<(), StoreError> {
    end(conn, site, id, "dead", Millis::now(), why).await
}

async fn end(
    conn: &mut Connection,
    site: &SiteId,
    id: &str,
    state: &str,
    run_at: Millis,
    why: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE jobs SET state = $3, leased_until = 0, run_at = $4, last_error = $5 WHERE site = $1 AND id = $2 AND state = 'running'",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_owned())
    .bind(state.to_owned())
    .bind(run_at.0)
    .bind(why.to_owned())
    .execute(conn)
    .await?;
    Ok(())
}

/// Runs a dead job again, from its first attempt; false when it is not dead.
pub async fn revive(conn: &mut Connection, site: &SiteId, id: &str) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE jobs SET state = 'queued', attempts = 0, run_at = $3 WHERE site = $1 AND id = $2 AND state = 'dead'",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_owned())
    .bind(Millis::now().0)
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Withdraws a queued job; nothing happens when it already ran.
pub async fn cancel(
    conn: &mut Connection,
    site: &SiteId,
    kind: &str,
    key: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE jobs SET state = 'cancelled' WHERE site = $1 AND kind = $2 AND key = $3 AND state = 'queued'",
    )
    .bind(site.as_str().to_owned())
    .bind(kind.to_owned())
    .bind(key.to_owned())
    .execute(conn)
    .await?;
    Ok(())
}

/// Withdraws all queued jobs of one kind of a case.
pub async fn cancel_of_case(
    conn: &mut Connection,
    site: &SiteId,
    case: &CaseId,
    kind: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE jobs SET state = 'cancelled' WHERE site = $1 AND case_id = $2 AND kind = $3 AND state = 'queued'",
    )
    .bind(site.as_str().to_owned())
    .bind(case.to_string())
    .bind(kind.to_owned())
    .execute(conn)
    .await?;
    Ok(())
}

/// True while a job of this kind of a case is still to be done; a dead one is not.
pub async fn are_waiting(
    conn: &mut Connection,
    site: &SiteId,
    case: &CaseId,
    kind: &str,
) -> Result<bool, StoreError> {
    let row = sqlx::query(
        "SELECT id FROM jobs WHERE site = $1 AND case_id = $2 AND kind = $3 AND state IN ('queued', 'running') LIMIT 1",
    )
    .bind(site.as_str().to_owned())
    .bind(case.to_string())
    .bind(kind.to_owned())
    .fetch_optional(conn)
    .await?;
    Ok(row.is_some())
}

/// Dead jobs of a site, oldest first, after the id `after`.
pub async fn dead(
    conn: &mut Connection,
    site: &SiteId,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Job>, StoreError> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM jobs WHERE site = $1 AND state = 'dead' AND id > $2 ORDER BY id LIMIT $3"
    )))
    .bind(site.as_str().to_owned())
    .bind(after.unwrap_or_default().to_owned())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(job).collect()
}

/// Jobs of a site that did not work and wait for another try, the next one first.
pub async fn waiting(
    conn: &mut Connection,
    site: &SiteId,
    limit: i64,
) -> Result<Vec<Job>, StoreError> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM jobs WHERE site = $1 AND state = 'queued' AND last_error <> '' ORDER BY run_at LIMIT $2"
    )))
    .bind(site.as_str().to_owned())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(job).collect()
}

/// When the next queued job of any site is due.
pub async fn next_due(conn: &mut Connection) -> Result<Option<Millis>, StoreError> {
    // The first condition is the index's, for SQLite to see that it may use it.
    let row = sqlx::query(
        "SELECT run_at FROM jobs WHERE state IN ('queued', 'running') AND state = 'queued' ORDER BY run_at LIMIT 1",
    )
        .fetch_optional(conn)
        .await?;
    Ok(match row {
        Some(row) => Some(Millis(row.try_get("run_at")?)),
        None => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::stores;

    fn site() -> SiteId {
        SiteId::parse("jiangxi").unwrap()
    }

    fn new(key: &str) -> NewJob<'static> {
        NewJob {
            kind: "message",
            key: key.to_owned(),
            case_id: String::new(),
            payload: "{}".to_owned(),
            run_at: Millis(10),
        }
    }

    #[tokio::test]
    async fn a_job_is_written_once_and_leased_by_one_worker() {
        for store in stores().await {
            let mut tx = store.begin().await.unwrap();
            assert!(enqueue(&mut tx, &site(), new("a")).await.unwrap());
            assert!(!enqueue(&mut tx, &site(), new("a")).await.unwrap());
            tx.commit().await.unwrap();
            let lease_one = || async {
                let mut tx = store.begin().await.unwrap();
                let job = lease(&mut tx, Millis(20), Millis(60)).await.unwrap();
                tx.commit().await.unwrap();
                job
            };
            let (one, two) = tokio::join!(lease_one(), lease_one());
            assert_eq!(one.iter().chain(&two).count(), 1, "{}", store.name);
            let job = one.or(two).unwrap();
            assert_eq!(job.attempts, 1);
            // its worker died: the lease runs out
            let mut tx = store.begin().await.unwrap();
            let again = lease(&mut tx, Millis(61), Millis(99)).await.unwrap();
            assert_eq!(again.unwrap().attempts, 2);
            finish(&mut tx, &site(), &job.id).await.unwrap();
            assert!(matches!(
                finish(&mut tx, &site(), &job.id).await,
                Err(StoreError::Conflict)
            ));
            assert!(
                lease(&mut tx, Millis(1000), Millis(2000))
                    .await
                    .unwrap()
                    .is_none()
            );
        }
    }

    #[tokio::test]
    async fn what_is_passed_by_is_a_kind_or_a_kind_of_one_site() {
        for store in stores().await {
            let other = SiteId::parse("fujian").unwrap();
            let left = async |passed: &Passed| {
                // Rolled back each time, so that all jobs are there for the next.
                let mut tx = store.begin().await.unwrap();
                for (site, kind) in [
                    (site(), "message"),
                    (site(), "mail"),
                    (other.clone(), "message"),
                ] {
                    let job = NewJob {
                        kind,
                        ..new("passed")
                    };
                    enqueue(&mut tx, &site, job).await.unwrap();
                }
                let mut left = Vec::new();
                while let Some(job) = lease_beside(&mut tx, Millis(20), Millis(60), passed)
                    .await
                    .unwrap()
                {
                    left.push(format!("{} {}", job.site, job.kind));
                }
                left.sort();
                left
            };
            let mut passed = Passed::default();
            let all = left(&passed).await;
            assert_eq!(all, ["fujian message", "jiangxi mail", "jiangxi message"]);
            passed.kind_of(&site(), "message");
            let some = left(&passed).await;
            assert_eq!(some, ["fujian message", "jiangxi mail"], "{}", store.name);
            passed.kind("mail");
            assert_eq!(left(&passed).await, ["fujian message"]);
            passed.kind("message");
            assert!(left(&passed).await.is_empty());
        }
    }

    #[tokio::test]
    async fn a_buried_job_is_seen_by_its_site_only_and_can_be_revived() {
        for store in stores().await {
            let other = SiteId::parse("fujian").unwrap();
            let mut tx = store.begin().await.unwrap();
            enqueue(&mut tx, &site(), new("a")).await.unwrap();
            let job = lease(&mut tx, Millis(20), Millis(60))
                .await
                .unwrap()
                .unwrap();
            bury(&mut tx, &site(), &job.id, "gateway refused")
                .await
                .unwrap();
            assert!(dead(&mut tx, &other, None, 10).await.unwrap().is_empty());
            assert!(!revive(&mut tx, &other, &job.id).await.unwrap());
            assert_eq!(
                dead(&mut tx, &site(), None, 10).await.unwrap()[0].last_error,
                "gateway refused"
            );
            assert!(revive(&mut tx, &site(), &job.id).await.unwrap());
            assert!(dead(&mut tx, &site(), None, 10).await.unwrap().is_empty());
        }
    }
}
