//! Certificates that an account may see: those that were issued for its cases, and those that it has shown to handle.

use crate::certificates::{CertificateState, Filter, narrow};
use crate::query::Query;
use crate::{Connection, StoreError, words::words};
use sqlx::{Row, any::AnyRow};
use yinxin_core::ids::{AccountId, CaseId, SiteId};
use yinxin_core::time::Millis;

words! {
    /// Why the account may see the certificate.
    "bound_certificates.proof" Proof {
        /// It was issued for a case of the account.
        Case = "case",
        /// Its file was uploaded: only what the file itself says is shown.
        File = "file",
        /// Its private key has signed a challenge.
        Token = "token",
    }
}

/// A certificate in an account's hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Grows with time; lists go by it.
    pub id: String,
    /// lower-case hexadecimal
    pub serial: String,
    pub proof: Proof,
    /// The account's own case that it was issued for.
    pub case: Option<CaseId>,
    /// RFC 4514
    pub subject: String,
    pub not_before: Millis,
    pub not_after: Millis,
    pub pem: String,
    pub bound_at: Millis,
}

/// A bound certificate with what the site's register says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub bound: Bound,
    /// None when the register does not know it.
    pub state: Option<CertificateState>,
    /// Why it is held or revoked, or empty.
    pub reason: String,
    /// Serial and service kind of the certificate in its place, or empty.
    pub successor: String,
    pub successor_kind: String,
    /// Plugin and service of the account's own case, or empty.
    pub plugin: String,
    pub service: String,
}

/// The head of every list; the table bound_certificates goes by its own name in what is added.
const LINES: &str = "SELECT bound_certificates.id, bound_certificates.serial, bound_certificates.proof, \
     bound_certificates.case_id, bound_certificates.subject, bound_certificates.not_before, \
     bound_certificates.not_after, bound_certificates.pem, bound_certificates.bound_at, \
     COALESCE(certificates.state, '') AS state, COALESCE(certificates.reason, '') AS reason, \
     COALESCE(certificates.successor, '') AS successor, COALESCE(certificates.successor_kind, '') AS successor_kind, \
     COALESCE(cases.plugin, '') AS plugin, COALESCE(cases.service, '') AS service FROM bound_certificates \
     LEFT JOIN certificates ON certificates.site = bound_certificates.site \
     AND certificates.serial = bound_certificates.serial \
     LEFT JOIN cases ON cases.site = bound_certificates.site AND cases.id = bound_certificates.case_id \
     WHERE bound_certificates.site = $1 AND bound_certificates.account_id = $2";

fn line(row: &AnyRow) -> Result<Line, StoreError> {
    let case: String = row.try_get("case_id")?;
    let state: String = row.try_get("state")?;
    Ok(Line {
        bound: Bound {
            id: row.try_get("id")?,
            serial: row.try_get("serial")?,
            proof: Proof::from_stored(&row.try_get::<String, _>("proof")?)?,
            case: (!case.is_empty()).then(|| CaseId::from_stored(case)),
            subject: row.try_get("subject")?,
            not_before: Millis(row.try_get("not_before")?),
            not_after: Millis(row.try_get("not_after")?),
            pem: row.try_get("pem")?,
            bound_at: Millis(row.try_get("bound_at")?),
        },
        state: match state.as_str() {
            "" => None,
            state => Some(CertificateState::parse(state)?),
        },
        reason: row.try_get("reason")?,
        successor: row.try_get("successor")?,
        successor_kind: row.try_get("successor_kind")?,
        plugin: row.try_get("plugin")?,
        service: row.try_get("service")?,
    })
}

/// Gives a certificate into an account's hands. False when it is there already, however many ask at once; what stands
/// there is left as it is.
pub async fn bind(
    conn: &mut Connection,
    site: &SiteId,
    account: &AccountId,
    bound: &Bound,
) -> Result<bool, StoreError> {
    let written = sqlx::query(
        "INSERT INTO bound_certificates \
         (site, account_id, serial, id, proof, case_id, subject, not_before, not_after, pem, bound_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         ON CONFLICT (site, account_id, serial) DO NOTHING",
    )
    .bind(site.as_str().to_owned())
    .bind(account.to_string())
    .bind(bound.serial.clone())
    .bind(bound.id.clone())
    .bind(bound.proof.as_str())
    .bind(
        bound
            .case
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    )
    .bind(bound.subject.clone())
    .bind(bound.not_before.0)
    .bind(bound.not_after.0)
    .bind(bound.pem.clone())
    .bind(bound.bound_at.0)
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// Gives a certificate of a case into the hands of the case's account. False when there is no such case, or it is there
/// already.
pub async fn bind_issued(
    conn: &mut Connection,
    site: &SiteId,
    case: &CaseId,
    bound: &Bound,
) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT account_id FROM cases WHERE site = $1 AND id = $2")
        .bind(site.as_str().to_owned())
        .bind(case.to_string())
        .fetch_optional(&mut *conn)
        .await?;
    let Some(row) = row else {
        return Ok(false);
    };
    let account = AccountId::from_stored(row.try_get::<String, _>("account_id")?);
    bind(conn, site, &account, bound).await
}

/// Takes a certificate out of the account's hands; one of its own case stays. False when it was not there.
pub async fn unbind(
    conn: &mut Connection,
    site: &SiteId,
    account: &AccountId,
    serial: &str,
) -> Result<bool, StoreError> {
    let gone = sqlx::query(
        "DELETE FROM bound_certificates WHERE site = $1 AND account_id = $2 AND serial = $3 AND proof <> 'case'",
    )
    .bind(site.as_str().to_owned())
    .bind(account.to_string())
    .bind(serial.to_owned())
    .execute(conn)
    .await?;
    Ok(gone.rows_affected() == 1)
}

/// How many certificates the account has bound itself.
pub async fn count(
    conn: &mut Connection,
    site: &SiteId,
    account: &AccountId,
) -> Result<i64, StoreError> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS bound FROM bound_certificates WHERE site = $1 AND account_id = $2 AND proof <> 'case'",
    )
    .bind(site.as_str().to_owned())
    .bind(account.to_string())
    .fetch_one(conn)
    .await?;
    Ok(row.try_get("bound")?)
}

/// One certificate of the account.
pub async fn find(
    conn: &mut Connection,
    site: &SiteId,
    account: &AccountId,
    serial: &str,
) -> Result<Option<Line>, StoreError> {
    let mut query = Query::new(LINES, &[site.as_str(), account.as_str()]);
    query.text(" AND bound_certificates.serial = ", serial);
    let rows = query.rows(conn).await?;
    rows.first().map(line).transpose()
}

/// The account's certificates, the newest first, before the line `before`.
pub async fn list(
    conn: &mut Connection,
    site: &SiteId,
    account: &AccountId,
    filter: &Filter,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<Line>, StoreError> {
    let query = list_query(site, account, filter, before, limit);
    query.rows(conn).await?.iter().map(line).collect()
}

fn list_query(
    site: &SiteId,
    account: &AccountId,
    filter: &Filter,
    before: Option<&str>,
    limit: i64,
) -> Query {
    let mut query = Query::new(LINES, &[site.as_str(), account.as_str()]);
    narrow(&mut query, "bound_certificates", filter);
    if let Some(before) = before {
        query.text(" AND bound_certificates.id < ", before);
    }
    query.number(" ORDER BY bound_certificates.id DESC LIMIT ", limit);
    query
}

#[cfg(test)]
mod tests;
