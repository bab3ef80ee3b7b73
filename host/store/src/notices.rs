//! Notices on a site's front page.

use crate::query::AFTER_EVERY_ID;
use crate::{Connection, StoreError};
use sqlx::Row;
use yinxin_core::ids::SiteId;
use yinxin_core::time::Millis;

/// One notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub id: String,
    pub title: String,
    pub markdown: String,
    /// Stays above the others.
    pub pinned: bool,
    pub published: bool,
    /// When it was first published; none before.
    pub published_at: Option<Millis>,
    /// Counts from 1.
    pub version: i64,
    pub updated_by: String,
    pub updated_at: Millis,
}

fn notice(row: &sqlx::any::AnyRow) -> Result<Notice, StoreError> {
    let pinned: i64 = row.try_get("pinned")?;
    let published: i64 = row.try_get("published")?;
    let published_at: i64 = row.try_get("published_at")?;
    Ok(Notice {
        id: row.try_get("id")?,
        title: row.try_get("title")?,
        markdown: row.try_get("markdown")?,
        pinned: pinned != 0,
        published: published != 0,
        published_at: (published_at != 0).then_some(Millis(published_at)),
        version: row.try_get("version")?,
        updated_by: row.try_get("updated_by")?,
        updated_at: Millis(row.try_get("updated_at")?),
    })
}

/// Writes a new notice as version 1.
pub async fn insert(
    conn: &mut Connection,
    site: &SiteId,
    notice: &Notice,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO notices (site, id, title, markdown, pinned, published, published_at, version, updated_by, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9)",
    )
    .bind(site.as_str())
    .bind(notice.id.as_str())
    .bind(notice.title.as_str())
    .bind(notice.markdown.as_str())
    .bind(i64::from(notice.pinned))
    .bind(i64::from(notice.published))
    .bind(notice.published_at.map_or(0, |at| at.0))
    .bind(notice.updated_by.as_str())
    .bind(notice.updated_at.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes it over `notice.version`, the version that was read; else a conflict.
pub async fn update(
    conn: &mut Connection,
    site: &SiteId,
    notice: &Notice,
) -> Result<(), StoreError> {
    let changed = sqlx::query(
        "UPDATE notices SET title = $4, markdown = $5, pinned = $6, published = $7, published_at = $8,
             version = version + 1, updated_by = $9, updated_at = $10
         WHERE site = $1 AND id = $2 AND version = $3",
    )
    .bind(site.as_str())
    .bind(notice.id.as_str())
    .bind(notice.version)
    .bind(notice.title.as_str())
    .bind(notice.markdown.as_str())
    .bind(i64::from(notice.pinned))
    .bind(i64::from(notice.published))
    .bind(notice.published_at.map_or(0, |at| at.0))
    .bind(notice.updated_by.as_str())
    .bind(notice.updated_at.0)
    .execute(conn)
    .await?;
    if changed.rows_affected() == 0 {
        Err(StoreError::Conflict)
    } else {
        Ok(())
    }
}

/// One notice, published or not.
pub async fn get(
    conn: &mut Connection,
    site: &SiteId,
    id: &str,
) -> Result<Option<Notice>, StoreError> {
    let row = sqlx::query(
        "SELECT id, title, markdown, pinned, published, published_at, version, updated_by, updated_at
         FROM notices WHERE site = $1 AND id = $2",
    )
    .bind(site.as_str())
    .bind(id)
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(notice).transpose()
}

/// Notices, newest first; `before` is the last id of the page before. The front page shows the pinned ones apart, so
/// they are asked for apart.
pub async fn list(
    conn: &mut Connection,
    site: &SiteId,
    published_only: bool,
    pinned_only: bool,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<Notice>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, title, markdown, pinned, published, published_at, version, updated_by, updated_at
         FROM notices WHERE site = $1 AND published >= $2 AND pinned >= $3 AND id < $4 ORDER BY id DESC LIMIT $5",
    )
    .bind(site.as_str())
    .bind(i64::from(published_only))
    .bind(i64::from(pinned_only))
    .bind(before.unwrap_or(AFTER_EVERY_ID))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(notice).collect()
}

/// Deletes it; false when it was not there.
pub async fn remove(conn: &mut Connection, site: &SiteId, id: &str) -> Result<bool, StoreError> {
    let removed = sqlx::query("DELETE FROM notices WHERE site = $1 AND id = $2")
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
    async fn notices_come_newest_first() {
        let here = SiteId::parse("jiangxi").unwrap();
        for store in stores().await {
            let mut conn = store.begin().await.unwrap();
            for (id, published, pinned) in
                [("1", true, true), ("2", true, false), ("3", false, false)]
            {
                let notice = Notice {
                    id: id.into(),
                    title: "停机维护".into(),
                    markdown: "周六晚间暂停服务。".into(),
                    pinned,
                    published,
                    published_at: None,
                    version: 1,
                    updated_by: "管理员".into(),
                    updated_at: Millis(1),
                };
                insert(&mut conn, &here, &notice).await.unwrap();
            }
            let ids = |notices: Vec<Notice>| notices.into_iter().map(|n| n.id).collect::<Vec<_>>();
            assert_eq!(
                ids(list(&mut conn, &here, false, false, None, 9).await.unwrap()),
                ["3", "2", "1"]
            );
            assert_eq!(
                ids(list(&mut conn, &here, true, false, Some("2"), 9)
                    .await
                    .unwrap()),
                ["1"]
            );
            assert_eq!(
                ids(list(&mut conn, &here, true, true, None, 9).await.unwrap()),
                ["1"]
            );
            let mut notice = get(&mut conn, &here, "2").await.unwrap().unwrap();
            notice.published_at = Some(Millis(7));
            update(&mut conn, &here, &notice).await.unwrap();
            assert!(
                update(&mut conn, &here, &notice)
                    .await
                    .unwrap_err()
                    .is_conflict()
            );
            assert_eq!(
                get(&mut conn, &here, "2")
                    .await
                    .unwrap()
                    .unwrap()
                    .published_at,
                Some(Millis(7))
            );
            assert!(remove(&mut conn, &here, "2").await.unwrap());
        }
    }
}
