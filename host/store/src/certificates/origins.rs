//! From which certificate a case began, and which certificate came in its place.

use crate::{Connection, StoreError};
use sqlx::{Row, any::AnyRow};
use yinxin_core::ids::{AccountId, CaseId, SiteId};

/// The certificate that a case began from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// lower-case hexadecimal
    pub serial: String,
    /// Kind of the case's service: `renewal`, `change`, …
    pub kind: String,
}

/// Writes down the certificate that a new case begins from.
pub async fn set_origin(
    conn: &mut Connection,
    site: &SiteId,
    case: &CaseId,
    origin: &Origin,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO case_origins (site, case_id, serial, kind) VALUES ($1, $2, $3, $4)")
        .bind(site.as_str().to_owned())
        .bind(case.to_string())
        .bind(origin.serial.clone())
        .bind(origin.kind.clone())
        .execute(conn)
        .await?;
    Ok(())
}

pub(crate) const OF_CASE: &str =
    "SELECT serial, kind FROM case_origins WHERE site = $1 AND case_id = $2";

pub(crate) fn origin(row: &AnyRow) -> Result<Origin, StoreError> {
    Ok(Origin {
        serial: row.try_get("serial")?,
        kind: row.try_get("kind")?,
    })
}

/// The certificate that a case began from, if it began from one.
pub async fn origin_of(
    conn: &mut Connection,
    site: &SiteId,
    case: &CaseId,
) -> Result<Option<Origin>, StoreError> {
    let row = sqlx::query(OF_CASE)
        .bind(site.as_str().to_owned())
        .bind(case.to_string())
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(origin).transpose()
}

/// The account's newest case of this service that began from the certificate and still goes on: not ended, not deleted,
/// nothing issued yet.
pub async fn case_from(
    conn: &mut Connection,
    site: &SiteId,
    serial: &str,
    account: &AccountId,
    plugin: &str,
    service: &str,
) -> Result<Option<CaseId>, StoreError> {
    let row = sqlx::query(
        "SELECT case_origins.case_id AS id FROM case_origins \
         JOIN cases ON cases.site = case_origins.site AND cases.id = case_origins.case_id \
         WHERE case_origins.site = $1 AND case_origins.serial = $2 AND cases.account_id = $3 AND cases.plugin = $4 \
         AND cases.service = $5 AND cases.ended = 0 AND cases.deleted = 0 \
         AND NOT EXISTS (SELECT 1 FROM certificates WHERE certificates.site = $6 \
         AND certificates.case_id = case_origins.case_id AND certificates.state <> 'reserved') \
         ORDER BY case_origins.case_id DESC LIMIT 1",
    )
    .bind(site.as_str().to_owned())
    .bind(serial.to_owned())
    .bind(account.to_string())
    .bind(plugin.to_owned())
    .bind(service.to_owned())
    .bind(site.as_str().to_owned())
    .fetch_optional(conn)
    .await?;
    row.map(|row| Ok(CaseId::from_stored(row.try_get::<String, _>("id")?)))
        .transpose()
}

/// Says that this certificate was issued in place of another one, by a service of the kind. False when there is no such
/// other one, or it has a successor already.
pub async fn succeed(
    conn: &mut Connection,
    site: &SiteId,
    replaced: &Origin,
    successor: &str,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE certificates SET successor = $3, successor_kind = $4 \
         WHERE site = $1 AND serial = $2 AND successor = ''",
    )
    .bind(site.as_str().to_owned())
    .bind(replaced.serial.clone())
    .bind(successor.to_owned())
    .bind(replaced.kind.clone())
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}
