//! The embedded issuer's keys, sealed, and the newest certificate revocation list of a site.

use crate::{Connection, StoreError, seal::Sealer};
use sqlx::Row;
use yinxin_core::ids::SiteId;
use yinxin_core::time::Millis;

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
    /// Standings that changed since it was gathered; 0: it is up to date.
    pub changes: i64,
}

/// The newest list.
pub async fn revocation_list(
    conn: &mut Connection,
    site: &SiteId,
) -> Result<Option<RevocationList>, StoreError> {
    let row = sqlx::query(
        "SELECT number, list, next_update, changes FROM revocation_lists WHERE site = $1",
    )
    .bind(site.as_str().to_owned())
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(RevocationList {
            number: row.try_get("number")?,
            list: row.try_get("list")?,
            next_update: Millis(row.try_get("next_update")?),
            changes: row.try_get("changes")?,
        })
    })
    .transpose()
}

/// Puts a newer list in place of the one before; [`StoreError::Conflict`] when another process was first. `counted` are
/// the changes that the new list holds already: one that came in while it was signed stays counted. The very first list
/// begins with one change, since none could be counted before it.
pub async fn replace_revocation_list(
    conn: &mut Connection,
    site: &SiteId,
    new: &RevocationList,
    counted: i64,
) -> Result<(), StoreError> {
    let stored = sqlx::query(
        "INSERT INTO revocation_lists (site, number, list, next_update, changes) VALUES ($1, $2, $3, $4, 1) \
         ON CONFLICT (site) DO UPDATE SET number = excluded.number, list = excluded.list, \
         next_update = excluded.next_update, changes = revocation_lists.changes - $5 \
         WHERE revocation_lists.number < excluded.number",
    )
    .bind(site.as_str().to_owned())
    .bind(new.number)
    .bind(new.list.clone())
    .bind(new.next_update.0)
    .bind(counted)
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

    #[tokio::test]
    async fn an_issuers_key_is_written_once_and_sealed() {
        for store in stores().await {
            let here = site("jiangxi");
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
            let row = sqlx::query("SELECT private_key FROM issuer_keys")
                .fetch_one(&mut *tx)
                .await
                .unwrap();
            let stored: Vec<u8> = row.try_get("private_key").unwrap();
            assert!(!stored.windows(8).any(|window| window == [1; 8]));
        }
    }
}
