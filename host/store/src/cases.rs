//! Cases: one application each. What people typed is sealed as a whole; columns beside it are what lists show and sort by.

use crate::{Connection, StoreError, seal::Sealer};
use sqlx::{Row, any::AnyRow};
use yinxin_core::{
    form::Values,
    ids::{AccountId, CaseId, ClerkId, SiteId},
    time::Millis,
};

mod lists;
mod signature;
mod tails;

pub use lists::{
    After, COUNTED, Filter, Key, Line, QueueCount, by_due, newest, of_order, of_orders, orderable,
    queue_counts, tone_counts,
};
use lists::{LINE, line};
pub use signature::signature;
pub use tails::{NameStatistics, of_name as tails_of_name, of_number as tails_of_number};

/// One case as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    pub id: CaseId,
    /// Acceptance number, unique on the site.
    pub number: String,
    pub account: AccountId,
    pub plugin: String,
    pub plugin_digest: String,
    pub plugin_version: String,
    pub service: String,
    pub state: String,
    /// What lists show of the state without the definition.
    pub standing: Standing,
    /// Name of the unit or person that it is for.
    pub subject: String,
    pub values: Values,
    /// Counts up with every change; an update names the version that it saw.
    pub version: i64,
    pub entered_at: Millis,
    pub due_at: Option<Millis>,
    pub created_at: Millis,
    pub updated_at: Millis,
    pub claim: Option<Claim>,
}

/// The state's attributes that lists are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// `draft`, `waiting`, `action`, `done` or `refused`.
    pub tone: String,
    /// Role whose queue it stands in, or empty.
    pub queue: String,
    pub payable: bool,
    pub ended: bool,
    pub deleted: bool,
}

/// A clerk has taken the case for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub clerk: ClerkId,
    pub until: Millis,
}

/// `due_at` of cases that are not due at all: they sort last.
const NEVER: i64 = i64::MAX;

fn context(site: &SiteId, id: &CaseId) -> String {
    format!("{site}/case/{id}")
}

fn sealed_values(sealer: &Sealer, site: &SiteId, case: &Case) -> Result<Vec<u8>, StoreError> {
    let json =
        serde_json::to_vec(&case.values).map_err(|_| StoreError::Damaged("a case's answers"))?;
    sealer.seal(&context(site, &case.id), &json)
}

/// Writes a new case.
pub async fn insert(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    case: &Case,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO cases (site, id, number, account_id, plugin, plugin_digest, plugin_version, service, state, tone,
             queue, payable, ended, deleted, subject, data, version, entered_at, due_at, created_at, updated_at,
             claimed_by, claimed_until, subject_signature)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, '', 0,
             $22)",
    )
    .bind(site.as_str().to_owned())
    .bind(case.id.to_string())
    .bind(case.number.clone())
    .bind(case.account.to_string())
    .bind(case.plugin.clone())
    .bind(case.plugin_digest.clone())
    .bind(case.plugin_version.clone())
    .bind(case.service.clone())
    .bind(case.state.clone())
    .bind(case.standing.tone.clone())
    .bind(case.standing.queue.clone())
    .bind(i64::from(case.standing.payable))
    .bind(i64::from(case.standing.ended))
    .bind(i64::from(case.standing.deleted))
    .bind(case.subject.clone())
    .bind(sealed_values(sealer, site, case)?)
    .bind(case.version)
    .bind(case.entered_at.0)
    .bind(case.due_at.map_or(NEVER, |at| at.0))
    .bind(case.created_at.0)
    .bind(case.updated_at.0)
    .bind(signature(&case.subject))
    .execute(&mut *conn)
    .await?;
    tails::add_number(conn, site, &case.number).await?;
    tails::add_name(conn, site, &case.subject).await
}

/// Writes a case over the version that the caller saw and counts the version up; [`StoreError::Conflict`] when somebody
/// else was faster. The claim is not touched.
pub async fn update(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    case: &Case,
) -> Result<(), StoreError> {
    let changed = sqlx::query(
        "UPDATE cases SET plugin_digest = $4, plugin_version = $5, state = $6, tone = $7, queue = $8, payable = $9,
             ended = $10, deleted = $11, subject = $12, data = $13, version = version + 1, entered_at = $14,
             due_at = $15, updated_at = $16, subject_signature = $17
         WHERE site = $1 AND id = $2 AND version = $3",
    )
    .bind(site.as_str().to_owned())
    .bind(case.id.to_string())
    .bind(case.version)
    .bind(case.plugin_digest.clone())
    .bind(case.plugin_version.clone())
    .bind(case.state.clone())
    .bind(case.standing.tone.clone())
    .bind(case.standing.queue.clone())
    .bind(i64::from(case.standing.payable))
    .bind(i64::from(case.standing.ended))
    .bind(i64::from(case.standing.deleted))
    .bind(case.subject.clone())
    .bind(sealed_values(sealer, site, case)?)
    .bind(case.entered_at.0)
    .bind(case.due_at.map_or(NEVER, |at| at.0))
    .bind(case.updated_at.0)
    .bind(signature(&case.subject))
    .execute(&mut *conn)
    .await?;
    if changed.rows_affected() == 1 {
        tails::add_name(conn, site, &case.subject).await
    } else {
        Err(StoreError::Conflict)
    }
}

/// Makes every other change of the case wait until this transaction ends. Gives the state that it stands in, and whether
/// it is deleted.
pub async fn lock(
    conn: &mut Connection,
    site: &SiteId,
    id: &CaseId,
) -> Result<(String, bool), StoreError> {
    // Writing a row locks it on both databases, which `FOR UPDATE` does on one only.
    let row = sqlx::query(
        "UPDATE cases SET version = version WHERE site = $1 AND id = $2 RETURNING state, deleted",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_string())
    .fetch_one(conn)
    .await?;
    Ok((
        row.try_get("state")?,
        row.try_get::<i64, _>("deleted")? == 1,
    ))
}

pub(crate) fn text_of_one() -> String {
    format!("SELECT {LINE}, plugin_version, data, version FROM cases WHERE site = $1 AND id = $2")
}

pub(crate) fn case(row: &AnyRow, sealer: &Sealer, site: &SiteId) -> Result<Case, StoreError> {
    let line = line(row)?;
    let json = sealer.open(
        &context(site, &line.id),
        &row.try_get::<Vec<u8>, _>("data")?,
    )?;
    Ok(Case {
        values: serde_json::from_slice(&json)
            .map_err(|_| StoreError::Damaged("a case's answers"))?,
        id: line.id,
        number: line.number,
        account: line.account,
        plugin: line.plugin,
        plugin_digest: line.plugin_digest,
        plugin_version: row.try_get("plugin_version")?,
        service: line.service,
        state: line.state,
        standing: line.standing,
        subject: line.subject,
        version: row.try_get("version")?,
        entered_at: line.entered_at,
        due_at: line.due_at,
        created_at: line.created_at,
        updated_at: line.updated_at,
        claim: line.claim,
    })
}

/// One case, deleted ones too; [`StoreError::NotFound`] when this site has none of this id.
pub async fn get(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    id: &CaseId,
) -> Result<Case, StoreError> {
    let row = sqlx::query(sqlx::AssertSqlSafe(text_of_one()))
        .bind(site.as_str().to_owned())
        .bind(id.to_string())
        .fetch_one(conn)
        .await?;
    case(&row, sealer, site)
}

pub(crate) const VERSION: &str = "SELECT version FROM cases WHERE site = $1 AND id = $2";

/// The version that a case has now.
pub async fn version(conn: &mut Connection, site: &SiteId, id: &CaseId) -> Result<i64, StoreError> {
    let row = sqlx::query(VERSION)
        .bind(site.as_str().to_owned())
        .bind(id.to_string())
        .fetch_one(conn)
        .await?;
    Ok(row.try_get("version")?)
}

/// Takes a case for a clerk until `until`; false when another clerk holds it now.
pub async fn claim(
    conn: &mut Connection,
    site: &SiteId,
    id: &CaseId,
    clerk: &ClerkId,
    now: Millis,
    until: Millis,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE cases SET claimed_by = $3, claimed_until = $5
         WHERE site = $1 AND id = $2 AND (claimed_by = '' OR claimed_by = $3 OR claimed_until <= $4)",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_string())
    .bind(clerk.to_string())
    .bind(now.0)
    .bind(until.0)
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Gives a claim back; whoever holds it when `clerk` is none.
pub async fn release(
    conn: &mut Connection,
    site: &SiteId,
    id: &CaseId,
    clerk: Option<&ClerkId>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE cases SET claimed_by = '', claimed_until = 0
         WHERE site = $1 AND id = $2 AND (claimed_by = $3 OR $3 = '')",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_string())
    .bind(clerk.map(ToString::to_string).unwrap_or_default())
    .execute(conn)
    .await?;
    Ok(())
}

/// The next acceptance number of the day: `20261120` and six digits.
pub async fn next_number(
    conn: &mut Connection,
    site: &SiteId,
    now: Millis,
) -> Result<String, StoreError> {
    let day = now.day().strftime("%Y%m%d").to_string();
    let row = sqlx::query(
        "INSERT INTO case_numbers (site, day, last) VALUES ($1, $2, 1)
         ON CONFLICT (site, day) DO UPDATE SET last = case_numbers.last + 1 RETURNING last",
    )
    .bind(site.as_str().to_owned())
    .bind(day.clone())
    .fetch_one(conn)
    .await?;
    let last: i64 = row.try_get("last")?;
    Ok(format!("{day}{last:06}"))
}

/// The context of the fingerprints in [`Key`] and [`set_lookups`].
pub fn lookup_context(site: &SiteId) -> String {
    format!("{site}/case-lookup")
}

/// Says by which fingerprints a case is found, in place of those before.
pub async fn set_lookups(
    conn: &mut Connection,
    site: &SiteId,
    id: &CaseId,
    fingerprints: &[String],
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM case_lookups WHERE site = $1 AND case_id = $2")
        .bind(site.as_str().to_owned())
        .bind(id.to_string())
        .execute(&mut *conn)
        .await?;
    for fingerprint in fingerprints {
        sqlx::query(
            "INSERT INTO case_lookups (site, fingerprint, case_id) VALUES ($1, $2, $3)
             ON CONFLICT (site, fingerprint, case_id) DO NOTHING",
        )
        .bind(site.as_str().to_owned())
        .bind(fingerprint.clone())
        .bind(id.to_string())
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// How far one step of a case is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub step: String,
    pub complete: bool,
    /// JSON list of the problems that the last look at it found.
    pub problems: String,
}

/// Writes how far a step is.
pub async fn set_step(
    conn: &mut Connection,
    site: &SiteId,
    id: &CaseId,
    step: &Step,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO case_steps (site, case_id, step, complete, problems, updated_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (site, case_id, step) DO UPDATE
         SET complete = excluded.complete, problems = excluded.problems, updated_at = excluded.updated_at",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_string())
    .bind(step.step.clone())
    .bind(i64::from(step.complete))
    .bind(step.problems.clone())
    .bind(now.0)
    .execute(conn)
    .await?;
    Ok(())
}

pub(crate) const STEPS: &str = "SELECT step, complete, problems FROM case_steps WHERE site = $1 AND case_id = $2 ORDER BY step";

pub(crate) fn step(row: &AnyRow) -> Result<Step, StoreError> {
    Ok(Step {
        step: row.try_get("step")?,
        complete: row.try_get::<i64, _>("complete")? == 1,
        problems: row.try_get("problems")?,
    })
}

/// The steps of a case that were begun.
pub async fn steps(
    conn: &mut Connection,
    site: &SiteId,
    id: &CaseId,
) -> Result<Vec<Step>, StoreError> {
    let rows = sqlx::query(STEPS)
        .bind(site.as_str().to_owned())
        .bind(id.to_string())
        .fetch_all(conn)
        .await?;
    rows.iter().map(step).collect()
}

#[cfg(test)]
pub(crate) mod tests;
