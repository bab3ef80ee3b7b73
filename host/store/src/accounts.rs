//! Applicants' accounts, the ids they log in with, and their sealed profiles.

use crate::query::Query;
use crate::{Connection, StoreError};
use sqlx::{Row, any::AnyRow};
use yinxin_core::definition::LoginId;
use yinxin_core::ids::{AccountId, SiteId};
use yinxin_core::time::Millis;

/// What an account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountState {
    Active,
    /// A clerk has stopped it; it can be opened again.
    Locked,
    /// For good.
    Closed,
}

impl AccountState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Locked => "locked",
            Self::Closed => "closed",
        }
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        match text {
            "active" => Ok(Self::Active),
            "locked" => Ok(Self::Locked),
            "closed" => Ok(Self::Closed),
            _ => Err(StoreError::Damaged("an account's state")),
        }
    }
}

/// An account without its secrets: its password hash is read by [`password_hash`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub name: String,
    pub mobile_masked: String,
    pub state: AccountState,
    pub created_at: Millis,
    pub version: i64,
}

pub(crate) fn account(row: &AnyRow) -> Result<Account, StoreError> {
    let state: String = row.try_get("state")?;
    let id: String = row.try_get("id")?;
    Ok(Account {
        id: AccountId::from_stored(id),
        name: row.try_get("name")?,
        mobile_masked: row.try_get("mobile_masked")?,
        state: AccountState::parse(&state)?,
        created_at: Millis(row.try_get("created_at")?),
        version: row.try_get("version")?,
    })
}

/// An account to be written. No `Debug`: it holds a password hash.
pub struct NewAccount<'a> {
    pub id: &'a AccountId,
    /// PHC string of argon2id.
    pub password_hash: &'a str,
    pub name: &'a str,
    pub mobile_masked: &'a str,
    pub created_at: Millis,
}

/// Writes a new, active account; a duplicate error when the id is taken on this site.
pub async fn insert(
    conn: &mut Connection,
    site: &SiteId,
    new: NewAccount<'_>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO accounts (site, id, password_hash, name, mobile_masked, state, created_at, version)
         VALUES ($1, $2, $3, $4, $5, 'active', $6, 1)",
    )
    .bind(site.as_str())
    .bind(new.id.as_str())
    .bind(new.password_hash)
    .bind(new.name)
    .bind(new.mobile_masked)
    .bind(new.created_at.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// The account of an applicant's session, by the hash of its token.
pub(crate) const OF_SESSION: &str =
    "SELECT id, name, mobile_masked, state, created_at, version FROM accounts
     WHERE site = $1 AND id =
         (SELECT subject FROM sessions WHERE site = $1 AND token_hash = $2 AND kind = 'applicant')";

/// [`StoreError::NotFound`] when this site has no such account.
pub async fn get(
    conn: &mut Connection,
    site: &SiteId,
    id: &AccountId,
) -> Result<Account, StoreError> {
    let row = sqlx::query(
        "SELECT id, name, mobile_masked, state, created_at, version FROM accounts WHERE site = $1 AND id = $2",
    )
    .bind(site.as_str())
    .bind(id.as_str())
    .fetch_one(conn)
    .await?;
    account(&row)
}

/// Accounts whose name begins so, in the order of their ids; `after` is the last id of the page before.
pub async fn list(
    conn: &mut Connection,
    site: &SiteId,
    name_prefix: &str,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Account>, StoreError> {
    let mut query = Query::new(
        "SELECT id, name, mobile_masked, state, created_at, version FROM accounts WHERE site = $1 AND id > $2",
        &[site.as_str(), after.unwrap_or_default()],
    );
    query.begins(" AND ", "name", name_prefix);
    query.number(" ORDER BY id LIMIT ", limit);
    let rows = query.rows(conn).await?;
    rows.iter().map(account).collect()
}

/// The PHC string of the account's password; [`StoreError::NotFound`] when this site has no such account.
pub async fn password_hash(
    conn: &mut Connection,
    site: &SiteId,
    id: &AccountId,
) -> Result<String, StoreError> {
    let row = sqlx::query("SELECT password_hash FROM accounts WHERE site = $1 AND id = $2")
        .bind(site.as_str())
        .bind(id.as_str())
        .fetch_one(conn)
        .await?;
    Ok(row.try_get(0)?)
}

/// Sets the PHC string of a new password; [`StoreError::NotFound`] when this site has no such account. Sessions are the
/// caller's to end.
pub async fn set_password_hash(
    conn: &mut Connection,
    site: &SiteId,
    id: &AccountId,
    password_hash: &str,
) -> Result<(), StoreError> {
    let changed = sqlx::query(
        "UPDATE accounts SET password_hash = $3, version = version + 1 WHERE site = $1 AND id = $2",
    )
    .bind(site.as_str())
    .bind(id.as_str())
    .bind(password_hash)
    .execute(conn)
    .await?;
    found(changed.rows_affected())
}

/// Stops an account, opens or closes it; [`StoreError::NotFound`] when this site has no such account. Sessions are the
/// caller's to end.
pub async fn set_state(
    conn: &mut Connection,
    site: &SiteId,
    id: &AccountId,
    state: AccountState,
) -> Result<(), StoreError> {
    let changed = sqlx::query(
        "UPDATE accounts SET state = $3, version = version + 1 WHERE site = $1 AND id = $2",
    )
    .bind(site.as_str())
    .bind(id.as_str())
    .bind(state.as_str())
    .execute(conn)
    .await?;
    found(changed.rows_affected())
}

/// Sets what is shown of the account; [`StoreError::NotFound`] when this site has no such account.
pub async fn set_shown(
    conn: &mut Connection,
    site: &SiteId,
    id: &AccountId,
    name: &str,
    mobile_masked: &str,
) -> Result<(), StoreError> {
    let changed = sqlx::query(
        "UPDATE accounts SET name = $3, mobile_masked = $4, version = version + 1 WHERE site = $1 AND id = $2",
    )
    .bind(site.as_str())
    .bind(id.as_str())
    .bind(name)
    .bind(mobile_masked)
    .execute(conn)
    .await?;
    found(changed.rows_affected())
}

fn found(rows: u64) -> Result<(), StoreError> {
    if rows == 0 {
        Err(StoreError::NotFound)
    } else {
        Ok(())
    }
}

fn kind_name(kind: LoginId) -> &'static str {
    match kind {
        LoginId::Uscc => "uscc",
        LoginId::Mobile => "mobile",
        LoginId::Email => "email",
        LoginId::Username => "username",
    }
}

/// Gives the account a login id; false when an account of the site has it already. Of two transactions that want the same
/// one, the second waits for the first.
pub async fn add_login_id(
    conn: &mut Connection,
    site: &SiteId,
    value_key: &str,
    kind: LoginId,
    account: &AccountId,
) -> Result<bool, StoreError> {
    let written = sqlx::query(
        "INSERT INTO login_ids (site, value_key, kind, account_id) VALUES ($1, $2, $3, $4)
         ON CONFLICT (site, value_key) DO NOTHING",
    )
    .bind(site.as_str())
    .bind(value_key)
    .bind(kind_name(kind))
    .bind(account.as_str())
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// Takes the account's login ids of this kind away.
pub async fn remove_login_ids(
    conn: &mut Connection,
    site: &SiteId,
    account: &AccountId,
    kind: LoginId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM login_ids WHERE site = $1 AND account_id = $2 AND kind = $3")
        .bind(site.as_str())
        .bind(account.as_str())
        .bind(kind_name(kind))
        .execute(conn)
        .await?;
    Ok(())
}

/// The account that logs in with this.
pub async fn find_by_login_id(
    conn: &mut Connection,
    site: &SiteId,
    value_key: &str,
) -> Result<Option<AccountId>, StoreError> {
    let row = sqlx::query("SELECT account_id FROM login_ids WHERE site = $1 AND value_key = $2")
        .bind(site.as_str())
        .bind(value_key)
        .fetch_optional(conn)
        .await?;
    let id: Option<String> = row.map(|row| row.try_get(0)).transpose()?;
    Ok(id.map(AccountId::from_stored))
}

/// What a log-in is checked against. No `Debug`: it holds a password hash.
pub struct Credentials {
    pub account: AccountId,
    pub password_hash: String,
    pub state: AccountState,
}

/// The credentials behind a login id, by one statement, so that it takes as long whether there are any or not.
pub async fn credentials(
    conn: &mut Connection,
    site: &SiteId,
    value_key: &str,
) -> Result<Option<Credentials>, StoreError> {
    let row = sqlx::query(
        "SELECT accounts.id, accounts.password_hash, accounts.state FROM login_ids
         JOIN accounts ON accounts.site = login_ids.site AND accounts.id = login_ids.account_id
         WHERE login_ids.site = $1 AND login_ids.value_key = $2",
    )
    .bind(site.as_str())
    .bind(value_key)
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let id: String = row.try_get("id")?;
        let state: String = row.try_get("state")?;
        Ok(Credentials {
            account: AccountId::from_stored(id),
            password_hash: row.try_get("password_hash")?,
            state: AccountState::parse(&state)?,
        })
    })
    .transpose()
}

/// A profile as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedProfile {
    pub data: Vec<u8>,
    pub version: i64,
}

pub(crate) fn sealed_profile(row: &AnyRow) -> Result<SealedProfile, StoreError> {
    Ok(SealedProfile {
        data: row.try_get("data")?,
        version: row.try_get("version")?,
    })
}

/// The account's profile, or none when it has not been filled in.
pub async fn profile(
    conn: &mut Connection,
    site: &SiteId,
    account: &AccountId,
) -> Result<Option<SealedProfile>, StoreError> {
    let row = sqlx::query("SELECT data, version FROM profiles WHERE site = $1 AND account_id = $2")
        .bind(site.as_str())
        .bind(account.as_str())
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(sealed_profile).transpose()
}

/// Writes the profile over the version that was read (0: there was none); else a conflict.
pub async fn put_profile(
    conn: &mut Connection,
    site: &SiteId,
    account: &AccountId,
    data: &[u8],
    over: i64,
) -> Result<(), StoreError> {
    let written = sqlx::query(
        "INSERT INTO profiles (site, account_id, data, version) VALUES ($1, $2, $3, $4 + 1)
         ON CONFLICT (site, account_id) DO UPDATE SET data = excluded.data, version = profiles.version + 1
         WHERE profiles.version = $4",
    )
    .bind(site.as_str())
    .bind(account.as_str())
    .bind(data)
    .bind(over)
    .execute(conn)
    .await?;
    if written.rows_affected() == 0 {
        Err(StoreError::Conflict)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::stores;

    fn site(name: &str) -> SiteId {
        SiteId::parse(name).unwrap()
    }

    fn new(id: &AccountId) -> NewAccount<'_> {
        NewAccount {
            id,
            password_hash: "$argon2id$x",
            name: "鹰潭_百分%公司",
            mobile_masked: "138****5678",
            created_at: Millis(1),
        }
    }

    #[tokio::test]
    async fn an_account_is_found_by_its_login_ids() {
        for store in stores().await {
            let here = site("jiangxi");
            let id = AccountId::generate();
            let mut tx = store.begin().await.unwrap();
            insert(&mut tx, &here, new(&id)).await.unwrap();
            assert!(
                add_login_id(&mut tx, &here, "k", LoginId::Uscc, &id)
                    .await
                    .unwrap()
            );
            assert!(
                add_login_id(&mut tx, &here, "m", LoginId::Mobile, &id)
                    .await
                    .unwrap()
            );
            assert!(
                !add_login_id(&mut tx, &here, "k", LoginId::Mobile, &AccountId::generate())
                    .await
                    .unwrap()
            );
            tx.commit().await.unwrap();

            let mut conn = store.read().await.unwrap();
            assert_eq!(
                find_by_login_id(&mut conn, &here, "k").await.unwrap(),
                Some(id.clone())
            );
            let found = credentials(&mut conn, &here, "m").await.unwrap().unwrap();
            assert_eq!(
                (found.account, found.password_hash.as_str()),
                (id.clone(), "$argon2id$x")
            );
            assert_eq!(
                get(&mut conn, &here, &id).await.unwrap().state,
                AccountState::Active
            );
            assert_eq!(
                list(&mut conn, &here, "鹰潭_百分%", None, 10)
                    .await
                    .unwrap()
                    .len(),
                1
            );
            assert!(
                list(&mut conn, &here, "鹰潭%百", None, 10)
                    .await
                    .unwrap()
                    .is_empty()
            );
            assert!(
                list(&mut conn, &here, "", Some(id.as_str()), 10)
                    .await
                    .unwrap()
                    .is_empty()
            );

            assert!(
                find_by_login_id(&mut conn, &here, "m")
                    .await
                    .unwrap()
                    .is_some()
            );
            remove_login_ids(&mut conn, &here, &id, LoginId::Mobile)
                .await
                .unwrap();
            assert!(
                find_by_login_id(&mut conn, &here, "m")
                    .await
                    .unwrap()
                    .is_none()
            );
        }
    }

    #[tokio::test]
    async fn a_profile_is_not_written_over_a_newer_one() {
        for store in stores().await {
            let here = site("jiangxi");
            let id = AccountId::generate();
            let mut conn = store.begin().await.unwrap();
            assert_eq!(profile(&mut conn, &here, &id).await.unwrap(), None);
            put_profile(&mut conn, &here, &id, b"one", 0).await.unwrap();
            assert!(
                put_profile(&mut conn, &here, &id, b"other", 0)
                    .await
                    .unwrap_err()
                    .is_conflict()
            );
            put_profile(&mut conn, &here, &id, b"two", 1).await.unwrap();
            let stored = profile(&mut conn, &here, &id).await.unwrap().unwrap();
            assert_eq!(
                (stored.data.as_slice(), stored.version),
                (b"two".as_slice(), 2)
            );
            assert_eq!(profile(&mut conn, &site("hunan"), &id).await.unwrap(), None);
        }
    }
}
