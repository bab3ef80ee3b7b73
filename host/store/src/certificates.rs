//! Certificate requests, certificates and the embedded issuer's keys.
//!
//! A certificate is written down twice: as `reserved`, with its serial and the bytes to be signed, before anything is
//! signed; and as `valid` with its signature. A crash in between finds the reservation by the order's key and signs the
//! same bytes, so no order ever has two serials.
//!
//! Certificates are published by their nature, so they are not sealed; the issuer's keys are.

use crate::{Connection, StoreError, seal::Sealer};
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
    fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Valid => "valid",
            Self::Held => "held",
            Self::Revoked => "revoked",
        }
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        [Self::Reserved, Self::Valid, Self::Held, Self::Revoked]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(StoreError::Damaged("certificates.state"))
    }
}

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
    /// Why it is held or revoked, in words.
    pub reason: String,
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
                       state, reason, created_at, changed_at";

fn certificate(row: &AnyRow) -> Result<Certificate, StoreError> {
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
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
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

/// Certificates that were issued for a case, newest first; reservations are left out.
pub async fn of_case(
    conn: &mut Connection,
    site: &SiteId,
    case: &CaseId,
) -> Result<Vec<Certificate>, StoreError> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM certificates WHERE site = $1 AND case_id = $2 AND state <> 'reserved' \
         ORDER BY created_at DESC, serial"
    )))
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
    sqlx::query("UPDATE revocation_lists SET stale = 1 WHERE site = $1")
        .bind(site.as_str().to_owned())
        .execute(conn)
        .await?;
    Ok(true)
}

/// Held and revoked certificates that have not expired at `now`, by serial, after the serial `after`: a list leaves out
/// what expired (RFC 5280, 3.3).
pub async fn unusable(
    conn: &mut Connection,
    site: &SiteId,
    now: Millis,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Certificate>, StoreError> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM certificates WHERE site = $1 AND state IN ('held', 'revoked') AND not_after > $2 \
         AND serial > $3 ORDER BY serial LIMIT $4"
    )))
    .bind(site.as_str().to_owned())
    .bind(now.0)
    .bind(after.unwrap_or_default().to_owned())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(certificate).collect()
}

// ---- the embedded issuer

/// A key of the embedded issuer with its certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuerKey {
    /// PEM
    pub certificate: String,
    /// PKCS#8 DER
    pub private_key: Vec<u8>,
}

impl std::fmt::Debug for IssuerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuerKey")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

/// Stores a key for good; false when the site has one for this role already, which then stays.
pub async fn insert_issuer_key(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    role: &str,
    key: &IssuerKey,
    now: Millis,
) -> Result<bool, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO issuer_keys (site, role, certificate, private_key, created_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (site, role) DO NOTHING",
    )
    .bind(site.as_str().to_owned())
    .bind(role.to_owned())
    .bind(key.certificate.clone())
    .bind(sealer.seal(&format!("{site}/issuer/{role}"), &key.private_key)?)
    .bind(now.0)
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// A key of the embedded issuer.
pub async fn issuer_key(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    role: &str,
) -> Result<Option<IssuerKey>, StoreError> {
    let row = sqlx::query(
        "SELECT certificate, private_key FROM issuer_keys WHERE site = $1 AND role = $2",
    )
    .bind(site.as_str().to_owned())
    .bind(role.to_owned())
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let sealed: Vec<u8> = row.try_get("private_key")?;
        Ok(IssuerKey {
            certificate: row.try_get("certificate")?,
            private_key: sealer.open(&format!("{site}/issuer/{role}"), &sealed)?,
        })
    })
    .transpose()
}

/// A certificate revocation list as it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationList {
    /// Grows by one with every list.
    pub number: i64,
    /// DER
    pub list: Vec<u8>,
    pub next_update: Millis,
    /// A standing changed since.
    pub stale: bool,
}

/// The newest list.
pub async fn revocation_list(
    conn: &mut Connection,
    site: &SiteId,
) -> Result<Option<RevocationList>, StoreError> {
    let row = sqlx::query(
        "SELECT number, list, next_update, stale FROM revocation_lists WHERE site = $1",
    )
    .bind(site.as_str().to_owned())
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(RevocationList {
            number: row.try_get("number")?,
            list: row.try_get("list")?,
            next_update: Millis(row.try_get("next_update")?),
            stale: row.try_get::<i64, _>("stale")? != 0,
        })
    })
    .transpose()
}

/// Puts a newer list in place of the one before; [`StoreError::Conflict`] when another process was first.
pub async fn replace_revocation_list(
    conn: &mut Connection,
    site: &SiteId,
    new: &RevocationList,
) -> Result<(), StoreError> {
    let stored = sqlx::query(
        "INSERT INTO revocation_lists (site, number, list, next_update, stale) VALUES ($1, $2, $3, $4, 0) \
         ON CONFLICT (site) DO UPDATE SET number = excluded.number, list = excluded.list, \
         next_update = excluded.next_update, stale = 0 WHERE revocation_lists.number < excluded.number",
    )
    .bind(site.as_str().to_owned())
    .bind(new.number)
    .bind(new.list.clone())
    .bind(new.next_update.0)
    .execute(conn)
    .await?;
    if stored.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::Conflict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::site;
    use crate::testing::stores;

    fn new(case: &CaseId, order_key: &str, serial: &str) -> Certificate {
        Certificate {
            serial: serial.into(),
            order_key: order_key.into(),
            case: case.clone(),
            request_id: "r".into(),
            subject: "CN=甲".into(),
            not_before: Millis(1),
            not_after: Millis(1000),
            tbs: vec![0x30, 0],
            signature: Vec::new(),
            pem: String::new(),
            state: CertificateState::Reserved,
            reason: String::new(),
            created_at: Millis(1),
            changed_at: Millis(1),
        }
    }

    #[tokio::test]
    async fn an_order_has_one_serial_whatever_crashes() {
        for store in stores().await {
            let (here, there) = (site("jiangxi"), site("fujian"));
            let case = CaseId::generate();
            let mut tx = store.begin().await.unwrap();
            reserve(&mut tx, &here, &new(&case, "order", "01"))
                .await
                .unwrap();
            reserve(&mut tx, &here, &new(&case, "order", "02"))
                .await
                .unwrap();
            let reserved = of_order(&mut tx, &here, "order").await.unwrap().unwrap();
            assert_eq!(
                (reserved.serial.as_str(), reserved.state),
                ("01", CertificateState::Reserved)
            );
            assert!(
                of_order(&mut tx, &there, "order").await.unwrap().is_none(),
                "{}",
                store.name
            );
            assert!(of_case(&mut tx, &here, &case).await.unwrap().is_empty());
            let now = Millis(2);
            assert!(
                complete(&mut tx, &there, "01", &[1], "pem", now)
                    .await
                    .is_err()
            );
            complete(&mut tx, &here, "01", &[1], "pem", now)
                .await
                .unwrap();
            assert!(matches!(
                complete(&mut tx, &here, "01", &[2], "x", now).await,
                Err(StoreError::Conflict)
            ));
            let issued = of_case(&mut tx, &here, &case).await.unwrap();
            assert_eq!(
                (issued.len(), issued[0].pem.as_str(), &issued[0].signature),
                (1, "pem", &vec![1])
            );
            assert!(of_case(&mut tx, &there, &case).await.unwrap().is_empty());
            assert!(find(&mut tx, &there, "01").await.unwrap().is_none());
        }
    }

    #[tokio::test]
    async fn a_held_certificate_is_on_the_list_until_it_is_released() {
        use CertificateState::{Held, Reserved, Revoked, Valid};
        for store in stores().await {
            let (here, there) = (site("jiangxi"), site("fujian"));
            let case = CaseId::generate();
            let mut tx = store.begin().await.unwrap();
            reserve(&mut tx, &here, &new(&case, "order", "01"))
                .await
                .unwrap();
            assert!(
                !change_state(&mut tx, &here, "01", &[Valid], Held, "", Millis(3))
                    .await
                    .unwrap()
            );
            complete(&mut tx, &here, "01", &[1], "pem", Millis(2))
                .await
                .unwrap();
            let list = RevocationList {
                number: 1,
                list: vec![1],
                next_update: Millis(9),
                stale: false,
            };
            replace_revocation_list(&mut tx, &here, &list)
                .await
                .unwrap();
            assert!(
                replace_revocation_list(&mut tx, &here, &list)
                    .await
                    .unwrap_err()
                    .is_conflict()
            );
            assert!(
                !change_state(&mut tx, &there, "01", &[Valid], Held, "", Millis(3))
                    .await
                    .unwrap()
            );
            assert!(
                change_state(&mut tx, &here, "01", &[Valid], Held, "欠费", Millis(3))
                    .await
                    .unwrap()
            );
            assert!(
                revocation_list(&mut tx, &here)
                    .await
                    .unwrap()
                    .unwrap()
                    .stale,
                "{}",
                store.name
            );
            assert!(revocation_list(&mut tx, &there).await.unwrap().is_none());
            let held = unusable(&mut tx, &here, Millis(4), None, 9).await.unwrap();
            assert_eq!(
                (held.len(), held[0].changed_at, held[0].reason.as_str()),
                (1, Millis(3), "欠费")
            );
            assert!(
                unusable(&mut tx, &there, Millis(4), None, 9)
                    .await
                    .unwrap()
                    .is_empty()
            );
            assert!(
                unusable(&mut tx, &here, Millis(1000), None, 9)
                    .await
                    .unwrap()
                    .is_empty(),
                "expired"
            );
            assert!(
                unusable(&mut tx, &here, Millis(4), Some("01"), 9)
                    .await
                    .unwrap()
                    .is_empty()
            );
            assert!(
                change_state(&mut tx, &here, "01", &[Held], Valid, "", Millis(5))
                    .await
                    .unwrap()
            );
            assert!(
                unusable(&mut tx, &here, Millis(6), None, 9)
                    .await
                    .unwrap()
                    .is_empty()
            );
            assert!(
                change_state(&mut tx, &here, "01", &[Valid, Held], Revoked, "", Millis(7))
                    .await
                    .unwrap()
            );
            assert!(
                !change_state(&mut tx, &here, "01", &[Held], Valid, "", Millis(8))
                    .await
                    .unwrap()
            );
            assert_eq!(Reserved.as_str(), "reserved");
        }
    }

    #[tokio::test]
    async fn the_newest_request_counts_and_a_key_belongs_to_one_case() {
        for store in stores().await {
            let (here, there) = (site("jiangxi"), site("fujian"));
            let (case, other) = (CaseId::generate(), CaseId::generate());
            let request = |pem: &str| Request {
                id: uuid::Uuid::now_v7().to_string(),
                case: case.clone(),
                pem: pem.into(),
                subject: "CN=a".into(),
                key_digest: "k".into(),
                created_at: Millis(1),
                created_by: "clerk".into(),
            };
            let newest = request("2");
            let mut tx = store.begin().await.unwrap();
            insert_request(
                &mut tx,
                &here,
                &Request {
                    id: "0".into(),
                    ..request("1")
                },
            )
            .await
            .unwrap();
            insert_request(&mut tx, &here, &newest).await.unwrap();
            assert_eq!(
                latest_request(&mut tx, &here, &case).await.unwrap(),
                Some(newest)
            );
            assert_eq!(
                latest_request(&mut tx, &there, &case).await.unwrap(),
                None,
                "{}",
                store.name
            );
            assert!(!key_is_taken(&mut tx, &here, "k", &case).await.unwrap());
            assert!(key_is_taken(&mut tx, &here, "k", &other).await.unwrap());
            assert!(!key_is_taken(&mut tx, &there, "k", &other).await.unwrap());
        }
    }

    #[tokio::test]
    async fn an_issuers_key_is_written_once_and_sealed() {
        for store in stores().await {
            let (here, there) = (site("jiangxi"), site("fujian"));
            let key = |byte| IssuerKey {
                certificate: "pem".into(),
                private_key: vec![byte; 40],
            };
            let mut tx = store.begin().await.unwrap();
            let sealer = &store.sealer;
            assert!(
                insert_issuer_key(&mut tx, sealer, &here, "root", &key(1), Millis(1))
                    .await
                    .unwrap()
            );
            assert!(
                !insert_issuer_key(&mut tx, sealer, &here, "root", &key(2), Millis(1))
                    .await
                    .unwrap()
            );
            assert_eq!(
                issuer_key(&mut tx, sealer, &here, "root").await.unwrap(),
                Some(key(1))
            );
            assert_eq!(
                issuer_key(&mut tx, sealer, &here, "issuing").await.unwrap(),
                None
            );
            assert_eq!(
                issuer_key(&mut tx, sealer, &there, "root").await.unwrap(),
                None,
                "{}",
                store.name
            );
            let row = sqlx::query("SELECT private_key FROM issuer_keys")
                .fetch_one(&mut *tx)
                .await
                .unwrap();
            let stored: Vec<u8> = row.try_get("private_key").unwrap();
            assert!(!stored.windows(8).any(|window| window == [1; 8]));
        }
    }
}
