//! Certificate requests and certificates.
//!
//! A certificate is written down twice: as `reserved`, with its serial and the bytes to be signed, before anything is
//! signed; and as `valid` with its signature. A crash in between finds the reservation by the order's key and signs the
//! same bytes, so no order ever has two serials.
//!
//! Certificates are published by their nature, so they are not sealed.

mod lists;
pub(crate) mod origins;

pub(crate) use lists::narrow;
pub use lists::{After, Filter, Narrowed, by_end, newest};
pub use origins::{Origin, case_from, origin_of, set_origin, succeed};

use crate::{Connection, StoreError};
use sqlx::{Row, any::AnyRow};
use yinxin_core::ids::{CaseId, SiteId};
use yinxin_core::time::Millis;

/// A PKCS#10 request (RFC 2986) whose self-signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub id: String,
    pub case: CaseId,
    pub pem: String,
    /// RFC 4514
    pub subject: String,
    /// SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal.
    pub key_digest: String,
    pub created_at: Millis,
    /// Account or clerk.
    pub created_by: String,
}

/// Where a certificate stands. That it expired is told by its dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateState {
    /// Written down, not yet signed.
    Reserved,
    Valid,
    /// certificateHold
    Held,
    Revoked,
}

impl CertificateState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Valid => "valid",
            Self::Held => "held",
            Self::Revoked => "revoked",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, StoreError> {
        [Self::Reserved, Self::Valid, Self::Held, Self::Revoked]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(StoreError::Damaged("certificates.state"))
    }
}

/// One certificate (RFC 5280), from its reservation on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// lower-case hexadecimal
    pub serial: String,
    /// Key of the order to issue; one order, one certificate.
    pub order_key: String,
    pub case: CaseId,
    pub request_id: String,
    /// RFC 4514
    pub subject: String,
    pub not_before: Millis,
    pub not_after: Millis,
    /// DER of TBSCertificate
    pub tbs: Vec<u8>,
    /// Empty while reserved, like `pem`.
    pub signature: Vec<u8>,
    pub pem: String,
    pub state: CertificateState,
    /// Why it is held or revoked: in words, or a name of RFC 5280's CRLReason.
    pub reason: String,
    /// Serial of the certificate that was issued in its place, or empty.
    pub successor: String,
    /// Kind of the service that issued the successor: `renewal`, `reissue`, `change`; else empty.
    pub successor_kind: String,
    pub created_at: Millis,
    /// Of the last change of state.
    pub changed_at: Millis,
}

/// Stores a request; the newest one of a case counts.
pub async fn insert_request(
    conn: &mut Connection,
    site: &SiteId,
    request: &Request,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO certificate_requests (site, id, case_id, pem, subject, key_digest, created_at, created_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(site.as_str().to_owned())
    .bind(request.id.clone())
    .bind(request.case.to_string())
    .bind(request.pem.clone())
    .bind(request.subject.clone())
    .bind(request.key_digest.clone())
    .bind(request.created_at.0)
    .bind(request.created_by.clone())
    .execute(conn)
    .await?;
    Ok(())
}

/// The newest request of a case.
pub async fn latest_request(
    conn: &mut Connection,
    site: &SiteId,
    case: &CaseId,
) -> Result<Option<Request>, StoreError> {
    let row = sqlx::query(
        "SELECT id, pem, subject, key_digest, created_at, created_by FROM certificate_requests \
         WHERE site = $1 AND case_id = $2 ORDER BY id DESC LIMIT 1",
    )
    .bind(site.as_str().to_owned())
    .bind(case.to_string())
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Request {
            id: row.try_get("id")?,
            case: case.clone(),
            pem: row.try_get("pem")?,
            subject: row.try_get("subject")?,
            key_digest: row.try_get("key_digest")?,
            created_at: Millis(row.try_get("created_at")?),
            created_by: row.try_get("created_by")?,
        })
    })
    .transpose()
}

/// True when another case of the site already has a request for this key: a private key belongs to one subject.
pub async fn key_is_taken(
    conn: &mut Connection,
    site: &SiteId,
    key_digest: &str,
    case: &CaseId,
) -> Result<bool, StoreError> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS taken FROM certificate_requests WHERE site = $1 AND key_digest = $2 AND case_id <> $3",
    )
    .bind(site.as_str().to_owned())
    .bind(key_digest.to_owned())
    .bind(case.to_string())
    .fetch_one(conn)
    .await?;
    Ok(row.try_get::<i64, _>("taken")? > 0)
}

const COLUMNS: &str = "serial, order_key, case_id, request_id, subject, not_before, not_after, tbs, signature, pem, \
                       state, reason, successor, successor_kind, created_at, changed_at";

pub(crate) fn certificate(row: &AnyRow) -> Result<Certificate, StoreError> {
    Ok(Certificate {
        serial: row.try_get("serial")?,
        order_key: row.try_get("order_key")?,
        case: CaseId::from_stored(row.try_get::<String, _>("case_id")?),
        request_id: row.try_get("request_id")?,
        subject: row.try_get("subject")?,
        not_before: Millis(row.try_get("not_before")?),
        not_after: Millis(row.try_get("not_after")?),
        tbs: row.try_get("tbs")?,
        signature: row.try_get("signature")?,
        pem: row.try_get("pem")?,
        state: CertificateState::parse(&row.try_get::<String, _>("state")?)?,
        reason: row.try_get("reason")?,
        successor: row.try_get("successor")?,
        successor_kind: row.try_get("successor_kind")?,
        created_at: Millis(row.try_get("created_at")?),
        changed_at: Millis(row.try_get("changed_at")?),
    })
}

/// Writes a certificate down as reserved, unless its order has one already. The caller reads the order's certificate
/// back and signs that one.
pub async fn reserve(
    conn: &mut Connection,
    site: &SiteId,
    new: &Certificate,
) -> Result<(), StoreError> {
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "INSERT INTO certificates (site, {COLUMNS}) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, '', '', $14, $15) \
         ON CONFLICT (site, order_key) DO NOTHING"
    )))
    .bind(site.as_str().to_owned())
    .bind(new.serial.clone())
    .bind(new.order_key.clone())
    .bind(new.case.to_string())
    .bind(new.request_id.clone())
    .bind(new.subject.clone())
    .bind(new.not_before.0)
    .bind(new.not_after.0)
    .bind(new.tbs.clone())
    .bind(Vec::<u8>::new())
    .bind(String::new())
    .bind(CertificateState::Reserved.as_str())
    .bind(String::new())
    .bind(new.created_at.0)
    .bind(new.created_at.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// The certificate of an order to issue, reserved or further.
pub async fn of_order(
    conn: &mut Connection,
    site: &SiteId,
    order_key: &str,
) -> Result<Option<Certificate>, StoreError> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM certificates WHERE site = $1 AND order_key = $2"
    )))
    .bind(site.as_str().to_owned())
    .bind(order_key.to_owned())
    .fetch_optional(conn)
    .await?;
    row.map(|row| certificate(&row)).transpose()
}

/// One certificate by its serial.
pub async fn find(
    conn: &mut Connection,
    site: &SiteId,
    serial: &str,
) -> Result<Option<Certificate>, StoreError> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM certificates WHERE site = $1 AND serial = $2"
    )))
    .bind(site.as_str().to_owned())
    .bind(serial.to_owned())
    .fetch_optional(conn)
    .await?;
    row.map(|row| certificate(&row)).transpose()
}

pub(crate) fn text_of_case() -> String {
    format!(
        "SELECT {COLUMNS} FROM certificates WHERE site = $1 AND case_id = $2 AND state <> 'reserved' \
         ORDER BY created_at DESC, serial DESC"
    )
}

/// Certificates that were issued for a case, newest first; reservations are left out.
pub async fn of_case(
    conn: &mut Connection,
    site: &SiteId,
    case: &CaseId,
) -> Result<Vec<Certificate>, StoreError> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(text_of_case()))
        .bind(site.as_str().to_owned())
        .bind(case.to_string())
        .fetch_all(conn)
        .await?;
    rows.iter().map(certificate).collect()
}

/// Records the signature of a reserved certificate; [`StoreError::Conflict`] when it is not reserved any more.
pub async fn complete(
    conn: &mut Connection,
    site: &SiteId,
    serial: &str,
    signature: &[u8],
    pem: &str,
    now: Millis,
) -> Result<(), StoreError> {
    let changed = sqlx::query(
        "UPDATE certificates SET state = 'valid', signature = $3, pem = $4, changed_at = $5 \
         WHERE site = $1 AND serial = $2 AND state = 'reserved'",
    )
    .bind(site.as_str().to_owned())
    .bind(serial.to_owned())
    .bind(signature.to_vec())
    .bind(pem.to_owned())
    .bind(now.0)
    .execute(conn)
    .await?;
    if changed.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::Conflict)
    }
}

/// Changes the state of a certificate from one of `from`, and with it the revocation list. False when there is no such
/// certificate or it stands elsewhere.
pub async fn change_state(
    conn: &mut Connection,
    site: &SiteId,
    serial: &str,
    from: &[CertificateState],
    to: CertificateState,
    reason: &str,
    now: Millis,
) -> Result<bool, StoreError> {
    let Some(current) = find(conn, site, serial)
        .await?
        .map(|certificate| certificate.state)
    else {
        return Ok(false);
    };
    if !from.contains(&current) {
        return Ok(false);
    }
    let changed = sqlx::query(
        "UPDATE certificates SET state = $3, reason = $4, changed_at = $5 \
         WHERE site = $1 AND serial = $2 AND state = $6",
    )
    .bind(site.as_str().to_owned())
    .bind(serial.to_owned())
    .bind(to.as_str())
    .bind(reason.to_owned())
    .bind(now.0)
    .bind(current.as_str())
    .execute(&mut *conn)
    .await?;
    if changed.rows_affected() != 1 {
        return Err(StoreError::Conflict);
    }
    sqlx::query("UPDATE revocation_lists SET changes = changes + 1 WHERE site = $1")
        .bind(site.as_str().to_owned())
        .execute(conn)
        .await?;
    Ok(true)
}

/// Held and revoked certificates by serial, after the serial `after`, but for those that both expired and came to stand so
/// before `since`: a list leaves out what expired, once a list beyond its end has shown it (RFC 5280, 3.3).
pub async fn unusable(
    conn: &mut Connection,
    site: &SiteId,
    since: Millis,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Certificate>, StoreError> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM certificates WHERE site = $1 AND state IN ('held', 'revoked') \
         AND (not_after > $2 OR changed_at > $3) AND serial > $4 ORDER BY serial LIMIT $5"
    )))
    .bind(site.as_str().to_owned())
    .bind(since.0)
    .bind(since.0)
    .bind(after.unwrap_or_default().to_owned())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(certificate).collect()
}

#[cfg(test)]
pub(crate) mod tests;
