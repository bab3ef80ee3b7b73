//! One-time codes: those sent by SMS and the answers of picture codes. Both are kept as keyed hashes.

use crate::{Connection, StoreError};
use sqlx::Row;
use yinxin_core::ids::SiteId;
use yinxin_core::time::Millis;

/// An SMS code to be written.
#[derive(Clone, Debug)]
pub struct NewSmsCode<'a> {
    pub id: &'a str,
    pub purpose: &'a str,
    /// Fingerprint of whom it is for.
    pub target: &'a str,
    pub code_hash: &'a str,
    pub created_at: Millis,
    pub expires_at: Millis,
}

/// Writes an SMS code; older ones for the same purpose and target are void from now on.
pub async fn insert_sms(
    conn: &mut Connection,
    site: &SiteId,
    new: NewSmsCode<'_>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE sms_codes SET used_at = $4 WHERE site = $1 AND purpose = $2 AND target = $3 AND used_at = 0",
    )
    .bind(site.as_str())
    .bind(new.purpose)
    .bind(new.target)
    .bind(new.created_at.0)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO sms_codes (site, id, purpose, target, code_hash, attempts, created_at, expires_at, used_at)
         VALUES ($1, $2, $3, $4, $5, 0, $6, $7, 0)",
    )
    .bind(site.as_str())
    .bind(new.id)
    .bind(new.purpose)
    .bind(new.target)
    .bind(new.code_hash)
    .bind(new.created_at.0)
    .bind(new.expires_at.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// An SMS code that may be compared with what was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    pub id: String,
    pub code_hash: String,
}

/// Counts one guess at the code in force and hands its hash out; none where there is no code in force or the guesses are
/// used up.
pub async fn guess_sms(
    conn: &mut Connection,
    site: &SiteId,
    purpose: &str,
    target: &str,
    now: Millis,
    max_attempts: i64,
) -> Result<Option<Guess>, StoreError> {
    let row = sqlx::query(
        "UPDATE sms_codes SET attempts = attempts + 1
         WHERE site = $1 AND used_at = 0 AND attempts < $5 AND expires_at > $4 AND id =
             (SELECT id FROM sms_codes WHERE site = $1 AND purpose = $2 AND target = $3 AND used_at = 0
              ORDER BY id DESC LIMIT 1)
         RETURNING id, code_hash",
    )
    .bind(site.as_str())
    .bind(purpose)
    .bind(target)
    .bind(now.0)
    .bind(max_attempts)
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Guess {
            id: row.try_get("id")?,
            code_hash: row.try_get("code_hash")?,
        })
    })
    .transpose()
}

/// Gives a guess back that was right but not used: the rest of the form had problems.
pub async fn return_guess(
    conn: &mut Connection,
    site: &SiteId,
    id: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE sms_codes SET attempts = attempts - 1 WHERE site = $1 AND id = $2 AND attempts > 0",
    )
    .bind(site.as_str())
    .bind(id)
    .execute(conn)
    .await?;
    Ok(())
}

/// Uses the code up; false when another has done so.
pub async fn use_sms(
    conn: &mut Connection,
    site: &SiteId,
    id: &str,
    now: Millis,
) -> Result<bool, StoreError> {
    let used = sqlx::query(
        "UPDATE sms_codes SET used_at = $3 WHERE site = $1 AND id = $2 AND used_at = 0 AND expires_at > $3",
    )
    .bind(site.as_str())
    .bind(id)
    .bind(now.0)
    .execute(conn)
    .await?;
    Ok(used.rows_affected() == 1)
}

/// Writes a picture code. `answer_hash` is keyed: the answers are few and short.
pub async fn insert_picture(
    conn: &mut Connection,
    site: &SiteId,
    id: &str,
    answer_hash: &str,
    expires_at: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO picture_codes (site, id, answer_hash, expires_at, used) VALUES ($1, $2, $3, $4, 0)",
    )
    .bind(site.as_str())
    .bind(id)
    .bind(answer_hash)
    .bind(expires_at.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// Uses a picture code up, whatever was answered, and hands the right answer's hash out; none the second time.
pub async fn take_picture(
    conn: &mut Connection,
    site: &SiteId,
    id: &str,
    now: Millis,
) -> Result<Option<String>, StoreError> {
    let row = sqlx::query(
        "UPDATE picture_codes SET used = 1 WHERE site = $1 AND id = $2 AND used = 0 AND expires_at > $3
         RETURNING answer_hash",
    )
    .bind(site.as_str())
    .bind(id)
    .bind(now.0)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Deletes what has run out; says how many.
pub async fn sweep(conn: &mut Connection, site: &SiteId, now: Millis) -> Result<u64, StoreError> {
    let sms = sqlx::query("DELETE FROM sms_codes WHERE site = $1 AND expires_at <= $2")
        .bind(site.as_str())
        .bind(now.0)
        .execute(&mut *conn)
        .await?;
    let pictures = sqlx::query("DELETE FROM picture_codes WHERE site = $1 AND expires_at <= $2")
        .bind(site.as_str())
        .bind(now.0)
        .execute(conn)
        .await?;
    Ok(sms.rows_affected() + pictures.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::stores;

    fn new<'a>(id: &'a str, hash: &'a str) -> NewSmsCode<'a> {
        NewSmsCode {
            id,
            purpose: "register",
            target: "t",
            code_hash: hash,
            created_at: Millis(1),
            expires_at: Millis(1000),
        }
    }

    #[tokio::test]
    async fn only_the_newest_sms_code_counts_and_only_so_many_guesses() {
        let (here, there) = (
            SiteId::parse("jiangxi").unwrap(),
            SiteId::parse("hunan").unwrap(),
        );
        for store in stores().await {
            let mut conn = store.begin().await.unwrap();
            insert_sms(&mut conn, &here, new("1", "old")).await.unwrap();
            insert_sms(&mut conn, &here, new("2", "newer"))
                .await
                .unwrap();
            let now = Millis(2);
            for (site, purpose, target, at) in [
                (&there, "register", "t", now),
                (&here, "recover", "t", now),
                (&here, "register", "u", now),
                (&here, "register", "t", Millis(1000)),
            ] {
                assert_eq!(
                    guess_sms(&mut conn, site, purpose, target, at, 2)
                        .await
                        .unwrap(),
                    None
                );
            }
            let guess = guess_sms(&mut conn, &here, "register", "t", now, 2)
                .await
                .unwrap()
                .unwrap();
            assert_eq!(guess.code_hash, "newer");
            return_guess(&mut conn, &there, "2").await.unwrap();
            return_guess(&mut conn, &here, "2").await.unwrap();
            for _ in 0..2 {
                assert!(
                    guess_sms(&mut conn, &here, "register", "t", now, 2)
                        .await
                        .unwrap()
                        .is_some()
                );
            }
            assert_eq!(
                guess_sms(&mut conn, &here, "register", "t", now, 2)
                    .await
                    .unwrap(),
                None
            );
            assert!(!use_sms(&mut conn, &here, "1", now).await.unwrap());
            assert!(!use_sms(&mut conn, &there, "2", now).await.unwrap());
            assert!(use_sms(&mut conn, &here, "2", now).await.unwrap());
            assert!(!use_sms(&mut conn, &here, "2", now).await.unwrap());
            assert_eq!(sweep(&mut conn, &there, Millis(1000)).await.unwrap(), 0);
            assert_eq!(sweep(&mut conn, &here, Millis(1000)).await.unwrap(), 2);
        }
    }

    #[tokio::test]
    async fn a_picture_code_is_taken_once() {
        let here = SiteId::parse("jiangxi").unwrap();
        for store in stores().await {
            let mut conn = store.begin().await.unwrap();
            insert_picture(&mut conn, &here, "1", "h", Millis(10))
                .await
                .unwrap();
            insert_picture(&mut conn, &here, "2", "h", Millis(10))
                .await
                .unwrap();
            assert_eq!(
                take_picture(&mut conn, &here, "1", Millis(1))
                    .await
                    .unwrap(),
                Some("h".into())
            );
            assert_eq!(
                take_picture(&mut conn, &here, "1", Millis(1))
                    .await
                    .unwrap(),
                None
            );
            assert_eq!(
                take_picture(&mut conn, &here, "2", Millis(10))
                    .await
                    .unwrap(),
                None
            );
        }
    }
}
