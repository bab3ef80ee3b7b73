//! Sealed objects in a folder or bucket, and the table that says which of them are wanted.
//!
//! An object is announced in `blobs` before it is written and kept by the transaction that stores its file. What stays
//! announced for an hour, or was dropped, is swept.

use crate::{Connection, StoreError, seal::Sealer};
use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, local::LocalFileSystem, path::Path};
use sqlx::Row;
use std::sync::Arc;
use yinxin_core::{ids::SiteId, time::Millis};

/// The objects of all sites. Everything is sealed before it leaves the process; the context is the key, so that an
/// object which was moved does not open.
#[derive(Clone, Debug)]
pub struct Blobs {
    objects: Arc<dyn ObjectStore>,
    sealer: Arc<Sealer>,
}

impl Blobs {
    /// Keeps the objects in a folder, which is made if it is not there. Every write is synced: what an answer promised
    /// survives a power cut.
    pub fn folder(folder: &std::path::Path, sealer: Arc<Sealer>) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder).map_err(|source| object_store::Error::Generic {
            store: "folder",
            source: Box::new(source),
        })?;
        Ok(Self::new(
            Arc::new(LocalFileSystem::new_with_prefix(folder)?.with_fsync(true)),
            sealer,
        ))
    }

    /// Over any object store: the tests' one in memory, a bucket.
    pub fn new(objects: Arc<dyn ObjectStore>, sealer: Arc<Sealer>) -> Self {
        Self { objects, sealer }
    }

    /// Writes `plain`, sealed, under a key that was [`announced`](announce).
    pub async fn put(&self, key: &BlobKey, plain: &[u8]) -> Result<(), StoreError> {
        let sealed = self.sealer.seal(&context(key.as_str()), plain)?;
        self.objects
            .put(&path(key.as_str()), PutPayload::from(Bytes::from(sealed)))
            .await?;
        Ok(())
    }

    /// Reads and opens an object; [`StoreError::NotFound`] when it is not there.
    pub async fn get(&self, key: &str) -> Result<Vec<u8>, StoreError> {
        let found = self.objects.get(&path(key)).await?;
        self.sealer.open(&context(key), &found.bytes().await?)
    }

    /// True when an object can be written now: a full disk or a bucket out of reach is told before a person meets it.
    pub async fn is_ready(&self) -> bool {
        // As much as a few pages of the database: less may still find a place on a disk that is full for all else.
        const TRIAL: &[u8] = &[0; 16 << 10];
        let at = path(&format!("ready/{}", uuid::Uuid::new_v4()));
        let written = self.objects.put(&at, PutPayload::from_static(TRIAL)).await;
        let removed = self.objects.delete(&at).await;
        written.is_ok() && removed.is_ok()
    }

    /// Removes an object; one that is gone already counts as removed.
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        match self.objects.delete(&path(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn context(key: &str) -> String {
    format!("blob/{key}")
}

fn path(key: &str) -> Path {
    Path::from(key)
}

/// Name of an object: `site/aa/uuid`, ASCII only. The two characters spread the objects over 256 folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobKey(String);

impl BlobKey {
    /// A new name in the site's own folder, not to be guessed.
    pub fn generate(site: &SiteId) -> Self {
        let name = uuid::Uuid::new_v4();
        let [first, ..] = name.as_bytes();
        Self(format!("{site}/{first:02x}/{name}"))
    }

    /// The name as it stands in rows.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Announces an object that is about to be written.
pub async fn announce(
    conn: &mut Connection,
    site: &SiteId,
    key: &BlobKey,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO blobs (site, key, state, changed_at) VALUES ($1, $2, 'pending', $3)")
        .bind(site.as_str().to_owned())
        .bind(key.as_str().to_owned())
        .bind(now.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// Keeps an announced object; [`StoreError::Conflict`] when it was swept in the meantime.
pub async fn keep(
    conn: &mut Connection,
    site: &SiteId,
    key: &str,
    now: Millis,
) -> Result<(), StoreError> {
    let changed =
        sqlx::query("UPDATE blobs SET state = 'kept', changed_at = $3 WHERE site = $1 AND key = $2 AND state = 'pending'")
            .bind(site.as_str().to_owned())
            .bind(key.to_owned())
            .bind(now.0)
            .execute(conn)
            .await?;
    if changed.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::Conflict)
    }
}

/// Gives an object up to the next sweep.
pub async fn drop(
    conn: &mut Connection,
    site: &SiteId,
    key: &str,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE blobs SET state = 'dropped', changed_at = $3 WHERE site = $1 AND key = $2")
        .bind(site.as_str().to_owned())
        .bind(key.to_owned())
        .bind(now.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// Marks what was announced before `pending_before` as dropped, and lists dropped objects. Marking comes first: an
/// object that is being deleted can no longer be kept.
pub async fn to_sweep(
    conn: &mut Connection,
    site: &SiteId,
    pending_before: Millis,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    sqlx::query("UPDATE blobs SET state = 'dropped' WHERE site = $1 AND state = 'pending' AND changed_at < $2")
        .bind(site.as_str().to_owned())
        .bind(pending_before.0)
        .execute(&mut *conn)
        .await?;
    let rows = sqlx::query(
        "SELECT key FROM blobs WHERE site = $1 AND state = 'dropped' ORDER BY changed_at LIMIT $2",
    )
    .bind(site.as_str().to_owned())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| Ok(row.try_get("key")?)).collect()
}

/// Forgets an object that was deleted.
pub async fn forget(conn: &mut Connection, site: &SiteId, key: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM blobs WHERE site = $1 AND key = $2 AND state = 'dropped'")
        .bind(site.as_str().to_owned())
        .bind(key.to_owned())
        .execute(conn)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::stores;

    fn site(name: &str) -> SiteId {
        SiteId::parse(name).unwrap()
    }

    #[tokio::test]
    async fn an_object_lies_sealed_on_the_disk_and_opens_under_its_key_only() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::folder(folder.path(), Arc::new(Sealer::new(&[1; 32]))).unwrap();
        let (one, two) = (
            BlobKey::generate(&site("jiangxi")),
            BlobKey::generate(&site("jiangxi")),
        );
        blobs.put(&one, b"identity card").await.unwrap();
        assert_eq!(blobs.get(one.as_str()).await.unwrap(), b"identity card");
        let stored = std::fs::read(folder.path().join(one.as_str())).unwrap();
        assert!(!stored.windows(8).any(|window| window == b"identity"));
        std::fs::create_dir_all(folder.path().join(two.as_str()).parent().unwrap()).unwrap();
        std::fs::rename(
            folder.path().join(one.as_str()),
            folder.path().join(two.as_str()),
        )
        .unwrap();
        assert!(matches!(
            blobs.get(two.as_str()).await,
            Err(StoreError::Damaged(_))
        ));
        assert!(matches!(
            blobs.get(one.as_str()).await,
            Err(StoreError::NotFound)
        ));
        blobs.delete(one.as_str()).await.unwrap();
    }

    #[tokio::test]
    async fn what_nobody_kept_is_swept_and_cannot_be_kept_any_more() {
        for store in stores().await {
            let here = site("jiangxi");
            let (kept, left, given_up) = (
                BlobKey::generate(&here),
                BlobKey::generate(&here),
                BlobKey::generate(&here),
            );
            let mut tx = store.begin().await.unwrap();
            for key in [&kept, &left, &given_up] {
                announce(&mut tx, &here, key, Millis(10)).await.unwrap();
            }
            keep(&mut tx, &here, kept.as_str(), Millis(11))
                .await
                .unwrap();
            keep(&mut tx, &here, given_up.as_str(), Millis(11))
                .await
                .unwrap();
            drop(&mut tx, &here, given_up.as_str(), Millis(12))
                .await
                .unwrap();
            assert_eq!(
                to_sweep(&mut tx, &here, Millis(10), 9).await.unwrap(),
                [given_up.as_str()]
            );
            let swept = to_sweep(&mut tx, &here, Millis(11), 9).await.unwrap();
            assert_eq!(swept, [left.as_str(), given_up.as_str()]);
            assert!(
                keep(&mut tx, &here, left.as_str(), Millis(13))
                    .await
                    .is_err(),
                "{}",
                store.name
            );
            for key in swept {
                forget(&mut tx, &here, &key).await.unwrap();
            }
            assert!(
                to_sweep(&mut tx, &here, Millis(100), 9)
                    .await
                    .unwrap()
                    .is_empty()
            );
        }
    }
}
