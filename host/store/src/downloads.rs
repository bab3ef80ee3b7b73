//! Files that a site offers to everybody: drivers, root certificate, blank forms.

use crate::{Connection, StoreError};
use sqlx::Row;
use yinxin_core::ids::{FileId, SiteId};
use yinxin_core::time::Millis;

/// One offered file. Its bytes are a file of the site's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    pub id: String,
    pub title: String,
    /// One sentence: what it is for.
    pub summary: String,
    pub file_id: FileId,
    pub file_name: String,
    pub bytes: i64,
    /// Order in the list, small first.
    pub position: i64,
    pub published: bool,
    /// Counts from 1.
    pub version: i64,
    pub updated_by: String,
    pub updated_at: Millis,
}

fn download(row: &sqlx::any::AnyRow) -> Result<Download, StoreError> {
    let published: i64 = row.try_get("published")?;
    let file: String = row.try_get("file_id")?;
    Ok(Download {
        id: row.try_get("id")?,
        title: row.try_get("title")?,
        summary: row.try_get("summary")?,
        file_id: FileId::from_stored(file),
        file_name: row.try_get("file_name")?,
        bytes: row.try_get("bytes")?,
        position: row.try_get("position")?,
        published: published != 0,
        version: row.try_get("version")?,
        updated_by: row.try_get("updated_by")?,
        updated_at: Millis(row.try_get("updated_at")?),
    })
}

/// Writes a new download as version 1.
pub async fn insert(
    conn: &mut Connection,
    site: &SiteId,
    download: &Download,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO downloads (site, id, title, summary, file_id, file_name, bytes, position, published, version, updated_by, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $11)",
    )
    .bind(site.as_str())
    .bind(download.id.as_str())
    .bind(download.title.as_str())
    .bind(download.summary.as_str())
    .bind(download.file_id.as_str())
    .bind(download.file_name.as_str())
    .bind(download.bytes)
    .bind(download.position)
    .bind(i64::from(download.published))
    .bind(download.updated_by.as_str())
    .bind(download.updated_at.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes it over `download.version`, the version that was read; else a conflict.
pub async fn update(
    conn: &mut Connection,
    site: &SiteId,
    download: &Download,
) -> Result<(), StoreError> {
    let changed = sqlx::query(
        "UPDATE downloads SET title = $4, summary = $5, file_id = $6, file_name = $7, bytes = $8, position = $9,
             published = $10, version = version + 1, updated_by = $11, updated_at = $12
         WHERE site = $1 AND id = $2 AND version = $3",
    )
    .bind(site.as_str())
    .bind(download.id.as_str())
    .bind(download.version)
    .bind(download.title.as_str())
    .bind(download.summary.as_str())
    .bind(download.file_id.as_str())
    .bind(download.file_name.as_str())
    .bind(download.bytes)
    .bind(download.position)
    .bind(i64::from(download.published))
    .bind(download.updated_by.as_str())
    .bind(download.updated_at.0)
    .execute(conn)
    .await?;
    if changed.rows_affected() == 0 {
        Err(StoreError::Conflict)
    } else {
        Ok(())
    }
}

/// One download, published or not.
pub async fn get(
    conn: &mut Connection,
    site: &SiteId,
    id: &str,
) -> Result<Option<Download>, StoreError> {
    let row = sqlx::query(
        "SELECT id, title, summary, file_id, file_name, bytes, position, published, version, updated_by, updated_at
         FROM downloads WHERE site = $1 AND id = $2",
    )
    .bind(site.as_str())
    .bind(id)
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(download).transpose()
}

/// All downloads of the site in their order. A site has tens of them, not thousands: no paging.
pub async fn list(
    conn: &mut Connection,
    site: &SiteId,
    published_only: bool,
) -> Result<Vec<Download>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, title, summary, file_id, file_name, bytes, position, published, version, updated_by, updated_at
         FROM downloads WHERE site = $1 AND published >= $2 ORDER BY position, id",
    )
    .bind(site.as_str())
    .bind(i64::from(published_only))
    .fetch_all(conn)
    .await?;
    rows.iter().map(download).collect()
}

/// Takes it off the site; false when it was not there.
pub async fn remove(conn: &mut Connection, site: &SiteId, id: &str) -> Result<bool, StoreError> {
    let removed = sqlx::query("DELETE FROM downloads WHERE site = $1 AND id = $2")
        .bind(site.as_str())
        .bind(id)
        .execute(conn)
        .await?;
    Ok(removed.rows_affected() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::stores;

    #[tokio::test]
    async fn a_download_is_not_overwritten_unseen() {
        let here = SiteId::parse("jiangxi").unwrap();
        for store in stores().await {
            let mut conn = store.begin().await.unwrap();
            let mut driver = Download {
                id: "1".into(),
                title: "驱动".into(),
                summary: "安装后插入 USB Key".into(),
                file_id: FileId::from_stored("f1"),
                file_name: "driver.zip".into(),
                bytes: 10,
                position: 1,
                published: true,
                version: 1,
                updated_by: "site".into(),
                updated_at: Millis(1),
            };
            insert(&mut conn, &here, &driver).await.unwrap();
            driver.file_id = FileId::from_stored("f2");
            update(&mut conn, &here, &driver).await.unwrap();
            assert!(
                update(&mut conn, &here, &driver)
                    .await
                    .unwrap_err()
                    .is_conflict()
            );
            let now = get(&mut conn, &here, "1").await.unwrap().unwrap();
            assert_eq!((now.file_id.as_str(), now.version), ("f2", 2));
            assert_eq!(list(&mut conn, &here, true).await.unwrap(), [now]);
            assert!(remove(&mut conn, &here, "1").await.unwrap());
        }
    }
}
