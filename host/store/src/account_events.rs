//! What happened to accounts: registered, logged in, password changed, role given. Written once, never changed.

use crate::query::AFTER_EVERY_ID;
use crate::{Connection, StoreError, sessions::SessionKind};
use sqlx::Row;
use yinxin_core::ids::SiteId;
use yinxin_core::time::Millis;

/// An event to be written. `detail` holds no personal data.
#[derive(Clone, Debug)]
pub struct NewAccountEvent<'a> {
    /// `registered`, `logged-in`, `password-changed`, …
    pub kind: &'a str,
    pub subject_kind: SessionKind,
    pub subject: &'a str,
    /// Who did it, where it was not the subject: a clerk's id, else empty.
    pub actor: &'a str,
    pub detail: &'a str,
    pub ip_digest: &'a str,
    pub at: Millis,
}

/// One thing that happened, as an account's own list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountEvent {
    pub id: String,
    pub kind: String,
    pub actor: String,
    pub detail: String,
    pub at: Millis,
}

/// Writes an event under a new id.
pub async fn insert(
    conn: &mut Connection,
    site: &SiteId,
    event: NewAccountEvent<'_>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO account_events (site, id, kind, subject_kind, subject, actor, detail, ip_digest, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(site.as_str())
    .bind(uuid::Uuid::now_v7().to_string())
    .bind(event.kind)
    .bind(event.subject_kind.as_str())
    .bind(event.subject)
    .bind(event.actor)
    .bind(event.detail)
    .bind(event.ip_digest)
    .bind(event.at.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// Events of one account, newest first; `before` is the last id of the page before.
pub async fn list(
    conn: &mut Connection,
    site: &SiteId,
    subject_kind: SessionKind,
    subject: &str,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<AccountEvent>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, kind, actor, detail, at FROM account_events
         WHERE site = $1 AND subject_kind = $2 AND subject = $3 AND id < $4 ORDER BY id DESC LIMIT $5",
    )
    .bind(site.as_str())
    .bind(subject_kind.as_str())
    .bind(subject)
    .bind(before.unwrap_or(AFTER_EVERY_ID))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(AccountEvent {
                id: row.try_get("id")?,
                kind: row.try_get("kind")?,
                actor: row.try_get("actor")?,
                detail: row.try_get("detail")?,
                at: Millis(row.try_get("at")?),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::stores;

    #[tokio::test]
    async fn events_come_newest_first() {
        let here = SiteId::parse("jiangxi").unwrap();
        for store in stores().await {
            let mut conn = store.begin().await.unwrap();
            for kind in ["registered", "logged-in"] {
                let event = NewAccountEvent {
                    kind,
                    subject_kind: SessionKind::Applicant,
                    subject: "a",
                    actor: "",
                    detail: "",
                    ip_digest: "",
                    at: Millis(1),
                };
                insert(&mut conn, &here, event).await.unwrap();
            }
            let applicant = SessionKind::Applicant;
            let events = list(&mut conn, &here, applicant, "a", None, 9)
                .await
                .unwrap();
            assert_eq!(
                events.iter().map(|e| e.kind.as_str()).collect::<Vec<_>>(),
                ["logged-in", "registered"]
            );
            let older = list(&mut conn, &here, applicant, "a", Some(&events[0].id), 9)
                .await
                .unwrap();
            assert_eq!(older, events[1..]);
            assert!(
                list(&mut conn, &here, SessionKind::Clerk, "a", None, 9)
                    .await
                    .unwrap()
                    .is_empty()
            );
        }
    }
}
