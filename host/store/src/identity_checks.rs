//! Identity checks of cases, and the visits to the provider that they consist of.

use crate::{Connection, StoreError, seal::Sealer};
use sqlx::{AssertSqlSafe, Row, any::AnyRow};
use yinxin_core::identity::Standing;
use yinxin_core::ids::{CaseId, CheckId, SiteId};
use yinxin_core::time::Millis;

/// Where a check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its QR code may be scanned.
    Waiting,
    Passed,
    /// The provider did not recognise the person; may be tried again while attempts are left.
    Failed,
    /// Its QR code works no more.
    Voided,
}

impl State {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Voided => "voided",
        }
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        let all = [Self::Waiting, Self::Passed, Self::Failed, Self::Voided];
        all.into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(StoreError::Damaged("identity_checks.state"))
    }

    /// What a plugin is told: a voided check is as if there were none.
    pub fn standing(self) -> Standing {
        match self {
            Self::Waiting => Standing::Waiting,
            Self::Passed => Standing::Passed,
            Self::Failed => Standing::Failed,
            Self::Voided => Standing::None,
        }
    }
}

/// One check. Name, identity number and token are sealed at rest.
#[derive(Clone)]
pub struct IdentityCheck {
    pub id: CheckId,
    pub case: CaseId,
    /// Id of the check in the plugin's definition.
    pub check_name: String,
    /// Printed beside the QR code, for people to compare.
    pub number: String,
    /// The secret part of the QR code's address.
    pub token: String,
    pub name: String,
    pub identity_number: String,
    pub state: State,
    /// Visits to the provider since the QR code was last renewed.
    pub attempts: i64,
    pub created_at: Millis,
    pub expires_at: Millis,
    pub finished_at: Option<Millis>,
}

const COLUMNS: &str = "id, case_id, check_name, number, token_hash, token, name, identity_number, state, attempts, \
                       created_at, expires_at, finished_at";

fn context(site: &SiteId, id: &str, column: &str) -> String {
    format!("{site}/identity_checks/{id}/{column}")
}

fn token_hash(sealer: &Sealer, site: &SiteId, token: &str) -> String {
    sealer.fingerprint(&format!("{site}/identity_checks/token"), token)
}

/// Writes a check. A duplicate error says that the case has one of this name that was not voided.
pub async fn insert(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    check: &IdentityCheck,
) -> Result<(), StoreError> {
    let seal = |column: &str, text: &str| {
        sealer.seal(&context(site, check.id.as_str(), column), text.as_bytes())
    };
    sqlx::query(AssertSqlSafe(format!(
        "INSERT INTO identity_checks (site, {COLUMNS})
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
    )))
    .bind(site.as_str())
    .bind(check.id.as_str())
    .bind(check.case.as_str())
    .bind(&check.check_name)
    .bind(&check.number)
    .bind(token_hash(sealer, site, &check.token))
    .bind(seal("token", &check.token)?)
    .bind(seal("name", &check.name)?)
    .bind(seal("identity_number", &check.identity_number)?)
    .bind(check.state.as_str())
    .bind(check.attempts)
    .bind(check.created_at.0)
    .bind(check.expires_at.0)
    .bind(check.finished_at.map_or(0, |at| at.0))
    .execute(conn)
    .await?;
    Ok(())
}

pub(crate) fn check(
    row: &AnyRow,
    sealer: &Sealer,
    site: &SiteId,
) -> Result<IdentityCheck, StoreError> {
    let id: String = row.try_get("id")?;
    let text = |column: &'static str| -> Result<String, StoreError> {
        let plain = sealer.open(
            &context(site, &id, column),
            &row.try_get::<Vec<u8>, _>(column)?,
        )?;
        String::from_utf8(plain).map_err(|_| StoreError::Damaged("an identity check's text"))
    };
    let finished: i64 = row.try_get("finished_at")?;
    Ok(IdentityCheck {
        case: CaseId::from_stored(row.try_get::<String, _>("case_id")?),
        check_name: row.try_get("check_name")?,
        number: row.try_get("number")?,
        token: text("token")?,
        name: text("name")?,
        identity_number: text("identity_number")?,
        state: State::parse(&row.try_get::<String, _>("state")?)?,
        attempts: row.try_get("attempts")?,
        created_at: Millis(row.try_get("created_at")?),
        expires_at: Millis(row.try_get("expires_at")?),
        finished_at: (finished != 0).then_some(Millis(finished)),
        id: CheckId::from_stored(id),
    })
}

/// One check of the site, voided or not, or none.
pub async fn find(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    id: &CheckId,
) -> Result<Option<IdentityCheck>, StoreError> {
    let row = sqlx::query(AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM identity_checks WHERE site = $1 AND id = $2"
    )))
    .bind(site.as_str())
    .bind(id.as_str())
    .fetch_optional(conn)
    .await?;
    row.map(|row| check(&row, sealer, site)).transpose()
}

/// The checks of a case that count.
pub(crate) fn text_of_case() -> String {
    format!(
        "SELECT {COLUMNS} FROM identity_checks WHERE site = $1 AND case_id = $2 AND state <> 'voided'"
    )
}

/// The check of a case that counts, or none.
pub async fn current(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    case: &CaseId,
    name: &str,
) -> Result<Option<IdentityCheck>, StoreError> {
    let row = sqlx::query(AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM identity_checks
         WHERE site = $1 AND case_id = $2 AND check_name = $3 AND state <> 'voided'"
    )))
    .bind(site.as_str())
    .bind(case.as_str())
    .bind(name)
    .fetch_optional(conn)
    .await?;
    row.map(|row| check(&row, sealer, site)).transpose()
}

/// All checks of a case, voided ones too, newest first.
pub async fn of_case(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    case: &CaseId,
) -> Result<Vec<IdentityCheck>, StoreError> {
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM identity_checks WHERE site = $1 AND case_id = $2 ORDER BY id DESC"
    )))
    .bind(site.as_str())
    .bind(case.as_str())
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| check(row, sealer, site)).collect()
}

/// The check that a QR code's token belongs to, voided or not, or none.
pub async fn by_token(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    token: &str,
) -> Result<Option<IdentityCheck>, StoreError> {
    let row = sqlx::query(AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM identity_checks WHERE site = $1 AND token_hash = $2"
    )))
    .bind(site.as_str())
    .bind(token_hash(sealer, site, token))
    .fetch_optional(conn)
    .await?;
    row.map(|row| check(&row, sealer, site)).transpose()
}

/// Makes a check that has not been passed last until `expires_at`, with all its attempts again.
pub async fn renew(
    conn: &mut Connection,
    site: &SiteId,
    id: &CheckId,
    expires_at: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE identity_checks SET expires_at = $3, attempts = 0
         WHERE site = $1 AND id = $2 AND state IN ('waiting', 'failed')",
    )
    .bind(site.as_str())
    .bind(id.as_str())
    .bind(expires_at.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// Voids the check of this name, or every check of the case where `name` is none; gives how many.
pub async fn void(
    conn: &mut Connection,
    site: &SiteId,
    case: &CaseId,
    name: Option<&str>,
) -> Result<u64, StoreError> {
    let changed = sqlx::query(
        "UPDATE identity_checks SET state = 'voided'
         WHERE site = $1 AND case_id = $2 AND ($3 = '' OR check_name = $3) AND state <> 'voided'",
    )
    .bind(site.as_str())
    .bind(case.as_str())
    .bind(name.unwrap_or_default())
    .execute(conn)
    .await?;
    Ok(changed.rows_affected())
}

/// Takes one attempt and lets a failed check wait again; false when the check is passed, voided or out of date, or has none left.
pub async fn take_attempt(
    conn: &mut Connection,
    site: &SiteId,
    id: &CheckId,
    now: Millis,
    limit: i64,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE identity_checks SET attempts = attempts + 1, state = 'waiting', finished_at = 0
         WHERE site = $1 AND id = $2 AND state IN ('waiting', 'failed') AND expires_at > $3 AND attempts < $4",
    )
    .bind(site.as_str())
    .bind(id.as_str())
    .bind(now.0)
    .bind(limit)
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Gives an attempt back that the provider had no part in.
pub async fn return_attempt(
    conn: &mut Connection,
    site: &SiteId,
    id: &CheckId,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE identity_checks SET attempts = attempts - 1 WHERE site = $1 AND id = $2 AND attempts > 0")
        .bind(site.as_str())
        .bind(id.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// Sets the result of a check that is not voided and not passed yet; false when it is.
pub async fn settle(
    conn: &mut Connection,
    site: &SiteId,
    id: &CheckId,
    state: State,
    now: Millis,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE identity_checks SET state = $3, finished_at = $4
         WHERE site = $1 AND id = $2 AND state IN ('waiting', 'failed')",
    )
    .bind(site.as_str())
    .bind(id.as_str())
    .bind(state.as_str())
    .bind(now.0)
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// One visit to the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The reference given to the provider.
    pub id: String,
    pub check: CheckId,
    /// The provider's own number; empty until it answered.
    pub provider_no: String,
    /// Empty until known; `passed`, `failed` or `closed`.
    pub result: String,
    pub begun_at: Millis,
}

/// Writes a visit before the provider is asked.
pub async fn begin_session(
    conn: &mut Connection,
    site: &SiteId,
    id: &str,
    check: &CheckId,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO identity_sessions (site, id, check_id, provider_no, result, begun_at, finished_at)
         VALUES ($1, $2, $3, '', '', $4, 0)",
    )
    .bind(site.as_str())
    .bind(id)
    .bind(check.as_str())
    .bind(now.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes the provider's number of a visit.
pub async fn name_session(
    conn: &mut Connection,
    site: &SiteId,
    id: &str,
    provider_no: &str,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE identity_sessions SET provider_no = $3 WHERE site = $1 AND id = $2")
        .bind(site.as_str())
        .bind(id)
        .bind(provider_no)
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends a visit; false when it is unknown or has ended before, so that a result counts once.
pub async fn end_session(
    conn: &mut Connection,
    site: &SiteId,
    id: &str,
    result: &str,
    now: Millis,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE identity_sessions SET result = $3, finished_at = $4 WHERE site = $1 AND id = $2 AND result = ''",
    )
    .bind(site.as_str())
    .bind(id)
    .bind(result)
    .bind(now.0)
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// One visit of the site, or none.
pub async fn session(
    conn: &mut Connection,
    site: &SiteId,
    id: &str,
) -> Result<Option<Session>, StoreError> {
    let row = sqlx::query(
        "SELECT id, check_id, provider_no, result, begun_at FROM identity_sessions WHERE site = $1 AND id = $2",
    )
    .bind(site.as_str())
    .bind(id)
    .fetch_optional(conn)
    .await?;
    row.map(|row| read_session(&row)).transpose()
}

/// The visits of a check whose result is not known, newest first.
pub async fn open_sessions(
    conn: &mut Connection,
    site: &SiteId,
    check: &CheckId,
) -> Result<Vec<Session>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, check_id, provider_no, result, begun_at FROM identity_sessions
         WHERE site = $1 AND check_id = $2 AND result = '' ORDER BY id DESC",
    )
    .bind(site.as_str())
    .bind(check.as_str())
    .fetch_all(conn)
    .await?;
    rows.iter().map(read_session).collect()
}

fn read_session(row: &AnyRow) -> Result<Session, StoreError> {
    Ok(Session {
        id: row.try_get("id")?,
        check: CheckId::from_stored(row.try_get::<String, _>("check_id")?),
        provider_no: row.try_get("provider_no")?,
        result: row.try_get("result")?,
        begun_at: Millis(row.try_get("begun_at")?),
    })
}

#[cfg(test)]
pub(crate) mod tests;
