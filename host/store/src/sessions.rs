//! Log-in sessions of applicants and clerks. A token is kept as its SHA-256 only.

use crate::accounts::{self, Account};
use crate::together::Together;
use crate::{Connection, StoreError};
use sqlx::Row;
use std::sync::LazyLock;
use yinxin_core::ids::SiteId;
use yinxin_core::time::Millis;

/// Whose session it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionKind {
    Applicant,
    Clerk,
}

impl SessionKind {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applicant => "applicant",
            Self::Clerk => "clerk",
        }
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        match text {
            "applicant" => Ok(Self::Applicant),
            "clerk" => Ok(Self::Clerk),
            _ => Err(StoreError::Damaged("a session's kind")),
        }
    }
}

/// One log-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Names it in lists; worthless for logging in.
    pub id: String,
    pub kind: SessionKind,
    /// Account id or clerk id.
    pub subject: String,
    pub csrf: String,
    pub created_at: Millis,
    pub seen_at: Millis,
    pub expires_at: Millis,
    pub user_agent: String,
}

fn session(row: &sqlx::any::AnyRow) -> Result<Session, StoreError> {
    let kind: String = row.try_get("kind")?;
    Ok(Session {
        id: row.try_get("id")?,
        kind: SessionKind::parse(&kind)?,
        subject: row.try_get("subject")?,
        csrf: row.try_get("csrf")?,
        created_at: Millis(row.try_get("created_at")?),
        seen_at: Millis(row.try_get("seen_at")?),
        expires_at: Millis(row.try_get("expires_at")?),
        user_agent: row.try_get("user_agent")?,
    })
}

/// Begins a session; `token_hash` and `ip_digest` stay in the database.
pub async fn insert(
    conn: &mut Connection,
    site: &SiteId,
    token_hash: &str,
    session: &Session,
    ip_digest: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO sessions (site, token_hash, id, kind, subject, csrf, created_at, seen_at, expires_at, ip_digest, user_agent)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(site.as_str())
    .bind(token_hash)
    .bind(session.id.as_str())
    .bind(session.kind.as_str())
    .bind(session.subject.as_str())
    .bind(session.csrf.as_str())
    .bind(session.created_at.0)
    .bind(session.seen_at.0)
    .bind(session.expires_at.0)
    .bind(ip_digest)
    .bind(session.user_agent.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

const FIND: &str =
    "SELECT id, kind, subject, csrf, created_at, seen_at, expires_at, user_agent FROM sessions
     WHERE site = $1 AND token_hash = $2";

/// The session of a token, whether it has run out or not.
pub async fn find(
    conn: &mut Connection,
    site: &SiteId,
    token_hash: &str,
) -> Result<Option<Session>, StoreError> {
    let row = sqlx::query(FIND)
        .bind(site.as_str())
        .bind(token_hash)
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(session).transpose()
}

static WITH_ACCOUNT: LazyLock<Together<2>> =
    LazyLock::new(|| Together::new([FIND, accounts::OF_SESSION].map(str::to_owned)));

/// The same with the applicant's account; a clerk's session has none.
pub async fn find_with_account(
    conn: &mut Connection,
    site: &SiteId,
    token_hash: &str,
) -> Result<Option<(Session, Option<Account>)>, StoreError> {
    let [found, of] = WITH_ACCOUNT
        .rows(conn, &[site.as_str(), token_hash])
        .await?;
    let Some(found) = found.first() else {
        return Ok(None);
    };
    let account = of.first().map(accounts::account).transpose()?;
    Ok(Some((session(found)?, account)))
}

/// Notes that it was used.
pub async fn touch(
    conn: &mut Connection,
    site: &SiteId,
    token_hash: &str,
    at: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE sessions SET seen_at = $3 WHERE site = $1 AND token_hash = $2 AND seen_at < $3",
    )
    .bind(site.as_str())
    .bind(token_hash)
    .bind(at.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends the session of a token.
pub async fn end(
    conn: &mut Connection,
    site: &SiteId,
    token_hash: &str,
) -> Result<bool, StoreError> {
    let ended = sqlx::query("DELETE FROM sessions WHERE site = $1 AND token_hash = $2")
        .bind(site.as_str())
        .bind(token_hash)
        .execute(conn)
        .await?;
    Ok(ended.rows_affected() > 0)
}

/// Ends one session out of its owner's list; false when it is not theirs.
pub async fn end_one(
    conn: &mut Connection,
    site: &SiteId,
    kind: SessionKind,
    subject: &str,
    id: &str,
) -> Result<bool, StoreError> {
    let ended = sqlx::query(
        "DELETE FROM sessions WHERE site = $1 AND kind = $2 AND subject = $3 AND id = $4",
    )
    .bind(site.as_str())
    .bind(kind.as_str())
    .bind(subject)
    .bind(id)
    .execute(conn)
    .await?;
    Ok(ended.rows_affected() > 0)
}

/// Ends all sessions of one person, but the one with this id where one is named; says how many.
pub async fn end_all(
    conn: &mut Connection,
    site: &SiteId,
    kind: SessionKind,
    subject: &str,
    except: Option<&str>,
) -> Result<u64, StoreError> {
    let ended = sqlx::query(
        "DELETE FROM sessions WHERE site = $1 AND kind = $2 AND subject = $3 AND id <> $4",
    )
    .bind(site.as_str())
    .bind(kind.as_str())
    .bind(subject)
    .bind(except.unwrap_or(""))
    .execute(conn)
    .await?;
    Ok(ended.rows_affected())
}

/// One person's sessions, oldest first; `after` is the last id of the page before.
pub async fn list(
    conn: &mut Connection,
    site: &SiteId,
    kind: SessionKind,
    subject: &str,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Session>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, kind, subject, csrf, created_at, seen_at, expires_at, user_agent FROM sessions
         WHERE site = $1 AND kind = $2 AND subject = $3 AND id > $4 ORDER BY id LIMIT $5",
    )
    .bind(site.as_str())
    .bind(kind.as_str())
    .bind(subject)
    .bind(after.unwrap_or(""))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(session).collect()
}

/// Deletes what has run out; says how many.
pub async fn sweep(conn: &mut Connection, site: &SiteId, now: Millis) -> Result<u64, StoreError> {
    let swept = sqlx::query("DELETE FROM sessions WHERE site = $1 AND expires_at <= $2")
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
    use yinxin_core::ids::AccountId;

    #[tokio::test]
    async fn a_session_is_its_own_subjects() {
        let here = SiteId::parse("jiangxi").unwrap();
        for store in stores().await {
            let mut conn = store.begin().await.unwrap();
            let mut one = Session {
                id: "1".into(),
                kind: SessionKind::Applicant,
                subject: "a".into(),
                csrf: "c".into(),
                created_at: Millis(10),
                seen_at: Millis(10),
                expires_at: Millis(100),
                user_agent: String::new(),
            };
            insert(&mut conn, &here, "h1", &one, "ip").await.unwrap();
            one.id = "2".into();
            insert(&mut conn, &here, "h2", &one, "ip").await.unwrap();
            one.id = "3".into();
            one.kind = SessionKind::Clerk;
            insert(&mut conn, &here, "h3", &one, "ip").await.unwrap();

            let applicant = SessionKind::Applicant;
            assert!(
                !end_one(&mut conn, &here, applicant, "b", "1")
                    .await
                    .unwrap()
            );
            assert_eq!(
                find(&mut conn, &here, "h1").await.unwrap().unwrap().seen_at,
                Millis(10)
            );

            let account = AccountId::from_stored("a");
            for (token, known) in [("h1", false), ("h1", true), ("h3", false), ("h4", false)] {
                if known {
                    let new = accounts::NewAccount {
                        id: &account,
                        password_hash: "",
                        name: "甲公司",
                        mobile_masked: "138****8000",
                        created_at: Millis(1),
                    };
                    accounts::insert(&mut conn, &here, new).await.unwrap();
                }
                let found = find_with_account(&mut conn, &here, token).await.unwrap();
                let alone = find(&mut conn, &here, token).await.unwrap();
                let (session, of) = found.map_or((None, None), |(session, of)| (Some(session), of));
                assert_eq!(session, alone, "{token}");
                assert_eq!(
                    of.map(|of| of.id),
                    known.then(|| account.clone()),
                    "{token}"
                );
            }

            touch(&mut conn, &here, "h1", Millis(50)).await.unwrap();
            touch(&mut conn, &here, "h1", Millis(20)).await.unwrap();
            assert_eq!(
                find(&mut conn, &here, "h1").await.unwrap().unwrap().seen_at,
                Millis(50)
            );
            assert_eq!(
                list(&mut conn, &here, applicant, "a", Some("1"), 9)
                    .await
                    .unwrap()
                    .len(),
                1
            );
            assert_eq!(
                end_all(&mut conn, &here, applicant, "a", Some("2"))
                    .await
                    .unwrap(),
                1
            );
            assert!(find(&mut conn, &here, "h2").await.unwrap().is_some());
            assert!(
                end_one(&mut conn, &here, applicant, "a", "2")
                    .await
                    .unwrap()
            );
            assert_eq!(sweep(&mut conn, &here, Millis(100)).await.unwrap(), 1);
        }
    }
}
