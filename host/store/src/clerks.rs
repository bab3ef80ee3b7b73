//! The CA's own staff on a site, and their ready sentences for refusals.

use crate::{Connection, StoreError, seal::Sealer};
use sqlx::Row;
use yinxin_core::definition::Role;
use yinxin_core::ids::{ClerkId, SiteId};
use yinxin_core::mobile::Mobile;
use yinxin_core::time::Millis;

/// A clerk without secrets: the password hash is read by [`password_hash`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clerk {
    pub id: ClerkId,
    pub login: String,
    pub name: String,
    pub roles: Vec<Role>,
    pub disabled: bool,
    /// The password was set by somebody else.
    pub must_change_password: bool,
    pub created_at: Millis,
    /// None: never.
    pub last_login_at: Option<Millis>,
    pub version: i64,
}

fn clerk(row: &sqlx::any::AnyRow) -> Result<Clerk, StoreError> {
    let id: String = row.try_get("id")?;
    let roles: String = row.try_get("roles")?;
    let state: String = row.try_get("state")?;
    let must_change: i64 = row.try_get("must_change_password")?;
    let last_login: i64 = row.try_get("last_login_at")?;
    Ok(Clerk {
        id: ClerkId::from_stored(id),
        login: row.try_get("login")?,
        name: row.try_get("name")?,
        roles: serde_json::from_str(&roles).map_err(|_| StoreError::Damaged("a clerk's roles"))?,
        disabled: state != "active",
        must_change_password: must_change != 0,
        created_at: Millis(row.try_get("created_at")?),
        last_login_at: (last_login != 0).then_some(Millis(last_login)),
        version: row.try_get("version")?,
    })
}

fn stored_roles(roles: &[Role]) -> Result<String, StoreError> {
    serde_json::to_string(roles).map_err(|_| StoreError::Damaged("a clerk's roles"))
}

/// A clerk to be written. No `Debug`: it holds a password hash.
pub struct NewClerk<'a> {
    pub id: &'a ClerkId,
    pub login: &'a str,
    pub name: &'a str,
    /// PHC string of argon2id.
    pub password_hash: &'a str,
    pub roles: &'a [Role],
    pub must_change_password: bool,
    pub created_at: Millis,
}

/// Writes a new clerk; false when the login is taken on this site.
pub async fn insert(
    conn: &mut Connection,
    site: &SiteId,
    new: NewClerk<'_>,
) -> Result<bool, StoreError> {
    let written = sqlx::query(
        "INSERT INTO clerks (site, id, login, name, mobile, password_hash, roles, state, must_change_password, created_at, last_login_at, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'active', $8, $9, 0, 1)
         ON CONFLICT (site, login) DO NOTHING",
    )
    .bind(site.as_str())
    .bind(new.id.as_str())
    .bind(new.login)
    .bind(new.name)
    .bind(Vec::<u8>::new())
    .bind(new.password_hash)
    .bind(stored_roles(new.roles)?)
    .bind(i64::from(new.must_change_password))
    .bind(new.created_at.0)
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// [`StoreError::NotFound`] when this site has no such clerk.
pub async fn get(conn: &mut Connection, site: &SiteId, id: &ClerkId) -> Result<Clerk, StoreError> {
    let row = sqlx::query(
        "SELECT id, login, name, roles, state, must_change_password, created_at, last_login_at, version
         FROM clerks WHERE site = $1 AND id = $2",
    )
    .bind(site.as_str())
    .bind(id.as_str())
    .fetch_one(conn)
    .await?;
    clerk(&row)
}

/// The clerk who logs in so, disabled or not.
pub async fn find_by_login(
    conn: &mut Connection,
    site: &SiteId,
    login: &str,
) -> Result<Option<Clerk>, StoreError> {
    let row = sqlx::query(
        "SELECT id, login, name, roles, state, must_change_password, created_at, last_login_at, version
         FROM clerks WHERE site = $1 AND login = $2",
    )
    .bind(site.as_str())
    .bind(login)
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(clerk).transpose()
}

/// The site's clerks by login; `after` is the last login of the page before.
pub async fn list(
    conn: &mut Connection,
    site: &SiteId,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Clerk>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, login, name, roles, state, must_change_password, created_at, last_login_at, version
         FROM clerks WHERE site = $1 AND login > $2 ORDER BY login LIMIT $3",
    )
    .bind(site.as_str())
    .bind(after.unwrap_or(""))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(clerk).collect()
}

/// Holds all clerks of the site until the transaction ends, so that two administrators cannot take the role from each
/// other at once.
pub async fn hold_all(conn: &mut Connection, site: &SiteId) -> Result<Vec<Clerk>, StoreError> {
    sqlx::query("UPDATE clerks SET version = version WHERE site = $1")
        .bind(site.as_str())
        .execute(&mut *conn)
        .await?;
    let rows = sqlx::query(
        "SELECT id, login, name, roles, state, must_change_password, created_at, last_login_at, version
         FROM clerks WHERE site = $1",
    )
    .bind(site.as_str())
    .fetch_all(conn)
    .await?;
    rows.iter().map(clerk).collect()
}

/// Writes name, roles and whether the clerk may log in, over the version that was read; else a conflict.
pub async fn update(conn: &mut Connection, site: &SiteId, clerk: &Clerk) -> Result<(), StoreError> {
    let changed = sqlx::query(
        "UPDATE clerks SET name = $4, roles = $5, state = $6, version = version + 1
         WHERE site = $1 AND id = $2 AND version = $3",
    )
    .bind(site.as_str())
    .bind(clerk.id.as_str())
    .bind(clerk.version)
    .bind(clerk.name.as_str())
    .bind(stored_roles(&clerk.roles)?)
    .bind(if clerk.disabled { "disabled" } else { "active" })
    .execute(conn)
    .await?;
    if changed.rows_affected() == 0 {
        Err(StoreError::Conflict)
    } else {
        Ok(())
    }
}

fn mobile_context(site: &SiteId, id: &ClerkId) -> String {
    format!("{site}/clerk/{id}/mobile")
}

/// Keeps the clerk's mobile number, sealed; none takes it away. [`StoreError::NotFound`] when this site has no such clerk.
pub async fn set_mobile(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    id: &ClerkId,
    mobile: Option<&Mobile>,
) -> Result<(), StoreError> {
    let sealed = match mobile {
        Some(mobile) => sealer.seal(&mobile_context(site, id), mobile.as_str().as_bytes())?,
        None => Vec::new(),
    };
    let changed = sqlx::query("UPDATE clerks SET mobile = $3 WHERE site = $1 AND id = $2")
        .bind(site.as_str())
        .bind(id.as_str())
        .bind(sealed)
        .execute(conn)
        .await?;
    if changed.rows_affected() == 0 {
        Err(StoreError::NotFound)
    } else {
        Ok(())
    }
}

/// The clerk's mobile number; none when it is not known. [`StoreError::NotFound`] when this site has no such clerk.
pub async fn mobile(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    id: &ClerkId,
) -> Result<Option<Mobile>, StoreError> {
    const DAMAGED: StoreError = StoreError::Damaged("a clerk's mobile");
    let row = sqlx::query("SELECT mobile FROM clerks WHERE site = $1 AND id = $2")
        .bind(site.as_str())
        .bind(id.as_str())
        .fetch_one(conn)
        .await?;
    let sealed: Vec<u8> = row.try_get(0)?;
    if sealed.is_empty() {
        return Ok(None);
    }
    let plain = sealer.open(&mobile_context(site, id), &sealed)?;
    let text = String::from_utf8(plain).map_err(|_| DAMAGED)?;
    Mobile::parse(&text).map(Some).map_err(|_| DAMAGED)
}

/// The PHC string of the clerk's password; [`StoreError::NotFound`] when this site has no such clerk.
pub async fn password_hash(
    conn: &mut Connection,
    site: &SiteId,
    id: &ClerkId,
) -> Result<String, StoreError> {
    let row = sqlx::query("SELECT password_hash FROM clerks WHERE site = $1 AND id = $2")
        .bind(site.as_str())
        .bind(id.as_str())
        .fetch_one(conn)
        .await?;
    Ok(row.try_get(0)?)
}

/// Sets the PHC string of a new password, and whether the clerk has to choose another at the next log-in;
/// [`StoreError::NotFound`] when this site has no such clerk.
pub async fn set_password_hash(
    conn: &mut Connection,
    site: &SiteId,
    id: &ClerkId,
    password_hash: &str,
    must_change: bool,
) -> Result<(), StoreError> {
    let changed = sqlx::query(
        "UPDATE clerks SET password_hash = $3, must_change_password = $4, version = version + 1
         WHERE site = $1 AND id = $2",
    )
    .bind(site.as_str())
    .bind(id.as_str())
    .bind(password_hash)
    .bind(i64::from(must_change))
    .execute(conn)
    .await?;
    if changed.rows_affected() == 0 {
        Err(StoreError::NotFound)
    } else {
        Ok(())
    }
}

/// Notes when a clerk logged in.
pub async fn note_login(
    conn: &mut Connection,
    site: &SiteId,
    id: &ClerkId,
    at: Millis,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE clerks SET last_login_at = $3 WHERE site = $1 AND id = $2")
        .bind(site.as_str())
        .bind(id.as_str())
        .bind(at.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// A clerk's ready sentence for refusing one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedReason {
    pub id: String,
    pub item: String,
    pub text: String,
    /// How often it was used.
    pub uses: i64,
}

/// Keeps a sentence; kept twice, it counts as used once more.
pub async fn save_reason(
    conn: &mut Connection,
    site: &SiteId,
    clerk: &ClerkId,
    item: &str,
    text: &str,
    at: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO saved_reasons (site, id, clerk_id, item, text, uses, created_at) VALUES ($1, $2, $3, $4, $5, 1, $6)
         ON CONFLICT (site, clerk_id, item, text) DO UPDATE SET uses = saved_reasons.uses + 1",
    )
    .bind(site.as_str())
    .bind(uuid::Uuid::now_v7().to_string())
    .bind(clerk.as_str())
    .bind(item)
    .bind(text)
    .bind(at.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// A clerk's sentences for one item, most used first.
pub async fn saved_reasons(
    conn: &mut Connection,
    site: &SiteId,
    clerk: &ClerkId,
    item: &str,
    limit: i64,
) -> Result<Vec<SavedReason>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, item, text, uses FROM saved_reasons WHERE site = $1 AND clerk_id = $2 AND item = $3
         ORDER BY uses DESC, id LIMIT $4",
    )
    .bind(site.as_str())
    .bind(clerk.as_str())
    .bind(item)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(SavedReason {
                id: row.try_get("id")?,
                item: row.try_get("item")?,
                text: row.try_get("text")?,
                uses: row.try_get("uses")?,
            })
        })
        .collect()
}

/// Drops one of the clerk's sentences; false when it is not theirs.
pub async fn drop_reason(
    conn: &mut Connection,
    site: &SiteId,
    clerk: &ClerkId,
    id: &str,
) -> Result<bool, StoreError> {
    let dropped =
        sqlx::query("DELETE FROM saved_reasons WHERE site = $1 AND clerk_id = $2 AND id = $3")
            .bind(site.as_str())
            .bind(clerk.as_str())
            .bind(id)
            .execute(conn)
            .await?;
    Ok(dropped.rows_affected() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::stores;

    #[tokio::test]
    async fn a_clerk_is_not_overwritten_unseen_and_keeps_sentences() {
        let here = SiteId::parse("jiangxi").unwrap();
        for store in stores().await {
            let mut conn = store.begin().await.unwrap();
            let id = ClerkId::generate();
            let new = || NewClerk {
                id: &id,
                login: "reviewer",
                name: "王审核",
                password_hash: "$x",
                roles: &[Role::Reviewer, Role::Finance],
                must_change_password: true,
                created_at: Millis(1),
            };
            assert!(insert(&mut conn, &here, new()).await.unwrap());
            let other = ClerkId::generate();
            assert!(
                !insert(
                    &mut conn,
                    &here,
                    NewClerk {
                        id: &other,
                        ..new()
                    }
                )
                .await
                .unwrap()
            );

            let mut clerk = find_by_login(&mut conn, &here, "reviewer")
                .await
                .unwrap()
                .unwrap();
            assert_eq!(clerk.roles, [Role::Reviewer, Role::Finance]);
            assert_eq!(clerk.last_login_at, None);

            clerk.disabled = true;
            update(&mut conn, &here, &clerk).await.unwrap();
            assert!(
                update(&mut conn, &here, &clerk)
                    .await
                    .unwrap_err()
                    .is_conflict()
            );
            set_password_hash(&mut conn, &here, &id, "y", false)
                .await
                .unwrap();
            note_login(&mut conn, &here, &id, Millis(6)).await.unwrap();
            let clerk = get(&mut conn, &here, &id).await.unwrap();
            assert!(clerk.disabled && !clerk.must_change_password);
            assert_eq!(clerk.last_login_at, Some(Millis(6)));

            for text in ["看不清", "缺少公章", "缺少公章"] {
                save_reason(&mut conn, &here, &id, "licence", text, Millis(1))
                    .await
                    .unwrap();
            }
            let reasons = saved_reasons(&mut conn, &here, &id, "licence", 9)
                .await
                .unwrap();
            assert_eq!(
                reasons.iter().map(|r| r.text.as_str()).collect::<Vec<_>>(),
                ["缺少公章", "看不清"]
            );
            assert!(
                !drop_reason(&mut conn, &here, &other, &reasons[0].id)
                    .await
                    .unwrap()
            );
            assert!(
                drop_reason(&mut conn, &here, &id, &reasons[0].id)
                    .await
                    .unwrap()
            );
        }
    }
}
