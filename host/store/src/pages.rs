//! Site content in Markdown: pages with all their versions.

use crate::{Connection, StoreError};
use sqlx::Row;
use yinxin_core::ids::SiteId;
use yinxin_core::time::Millis;

/// One page as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its address under the site, `help`; never changes.
    pub slug: String,
    pub title: String,
    pub markdown: String,
    /// Order in menus, small first.
    pub position: i64,
    pub published: bool,
    /// Counts from 1.
    pub version: i64,
    /// The clerk's name, or `site` for the files that a site comes with.
    pub updated_by: String,
    pub updated_at: Millis,
}

fn page(row: &sqlx::any::AnyRow) -> Result<Page, StoreError> {
    let published: i64 = row.try_get("published")?;
    Ok(Page {
        slug: row.try_get("slug")?,
        title: row.try_get("title")?,
        markdown: row.try_get("markdown")?,
        position: row.try_get("position")?,
        published: published != 0,
        version: row.try_get("version")?,
        updated_by: row.try_get("updated_by")?,
        updated_at: Millis(row.try_get("updated_at")?),
    })
}

/// Writes a new page as version 1; false when the slug is taken.
pub async fn insert(conn: &mut Connection, site: &SiteId, page: &Page) -> Result<bool, StoreError> {
    let written = sqlx::query(
        "INSERT INTO pages (site, slug, title, markdown, position, published, version, updated_by, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8)
         ON CONFLICT (site, slug) DO NOTHING",
    )
    .bind(site.as_str())
    .bind(page.slug.as_str())
    .bind(page.title.as_str())
    .bind(page.markdown.as_str())
    .bind(page.position)
    .bind(i64::from(page.published))
    .bind(page.updated_by.as_str())
    .bind(page.updated_at.0)
    .execute(&mut *conn)
    .await?;
    if written.rows_affected() == 0 {
        return Ok(false);
    }
    keep_version(conn, site, &page.slug).await?;
    Ok(true)
}

/// Writes the page over `page.version`, the version that was read; else a conflict. The new one is `version + 1`.
pub async fn update(conn: &mut Connection, site: &SiteId, page: &Page) -> Result<(), StoreError> {
    let changed = sqlx::query(
        "UPDATE pages SET title = $4, markdown = $5, position = $6, published = $7, version = version + 1,
             updated_by = $8, updated_at = $9
         WHERE site = $1 AND slug = $2 AND version = $3",
    )
    .bind(site.as_str())
    .bind(page.slug.as_str())
    .bind(page.version)
    .bind(page.title.as_str())
    .bind(page.markdown.as_str())
    .bind(page.position)
    .bind(i64::from(page.published))
    .bind(page.updated_by.as_str())
    .bind(page.updated_at.0)
    .execute(&mut *conn)
    .await?;
    if changed.rows_affected() == 0 {
        return Err(StoreError::Conflict);
    }
    keep_version(conn, site, &page.slug).await
}

async fn keep_version(conn: &mut Connection, site: &SiteId, slug: &str) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO page_versions (site, slug, version, title, markdown, published, updated_by, updated_at)
         SELECT site, slug, version, title, markdown, published, updated_by, updated_at FROM pages
         WHERE site = $1 AND slug = $2",
    )
    .bind(site.as_str())
    .bind(slug)
    .execute(conn)
    .await?;
    Ok(())
}

/// One page, published or not.
pub async fn get(
    conn: &mut Connection,
    site: &SiteId,
    slug: &str,
) -> Result<Option<Page>, StoreError> {
    let row = sqlx::query(
        "SELECT slug, title, markdown, position, published, version, updated_by, updated_at
         FROM pages WHERE site = $1 AND slug = $2",
    )
    .bind(site.as_str())
    .bind(slug)
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(page).transpose()
}

/// All pages of the site in the order of menus. A site has tens of them, not thousands: no paging.
pub async fn list(
    conn: &mut Connection,
    site: &SiteId,
    published_only: bool,
) -> Result<Vec<Page>, StoreError> {
    let rows = sqlx::query(
        "SELECT slug, title, markdown, position, published, version, updated_by, updated_at
         FROM pages WHERE site = $1 AND published >= $2 ORDER BY position, slug",
    )
    .bind(site.as_str())
    .bind(i64::from(published_only))
    .fetch_all(conn)
    .await?;
    rows.iter().map(page).collect()
}

/// What a page said at one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageVersion {
    pub version: i64,
    pub title: String,
    pub markdown: String,
    pub published: bool,
    pub updated_by: String,
    pub updated_at: Millis,
}

fn page_version(row: &sqlx::any::AnyRow) -> Result<PageVersion, StoreError> {
    let published: i64 = row.try_get("published")?;
    Ok(PageVersion {
        version: row.try_get("version")?,
        title: row.try_get("title")?,
        markdown: row.try_get("markdown")?,
        published: published != 0,
        updated_by: row.try_get("updated_by")?,
        updated_at: Millis(row.try_get("updated_at")?),
    })
}

/// Versions of a page, newest first; `before` is the last version of the page of the list before.
pub async fn history(
    conn: &mut Connection,
    site: &SiteId,
    slug: &str,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<PageVersion>, StoreError> {
    let rows = sqlx::query(
        "SELECT version, title, markdown, published, updated_by, updated_at FROM page_versions
         WHERE site = $1 AND slug = $2 AND version < $3 ORDER BY version DESC LIMIT $4",
    )
    .bind(site.as_str())
    .bind(slug)
    .bind(before.unwrap_or(i64::MAX))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(page_version).collect()
}

/// What a page said at a version.
pub async fn version(
    conn: &mut Connection,
    site: &SiteId,
    slug: &str,
    version: i64,
) -> Result<Option<PageVersion>, StoreError> {
    let row = sqlx::query(
        "SELECT version, title, markdown, published, updated_by, updated_at FROM page_versions
         WHERE site = $1 AND slug = $2 AND version = $3",
    )
    .bind(site.as_str())
    .bind(slug)
    .bind(version)
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(page_version).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::stores;

    #[tokio::test]
    async fn a_page_keeps_its_versions() {
        let here = SiteId::parse("jiangxi").unwrap();
        for store in stores().await {
            let mut conn = store.begin().await.unwrap();
            let mut help = Page {
                slug: "help".into(),
                title: "帮助".into(),
                markdown: "一".into(),
                position: 10,
                published: false,
                version: 1,
                updated_by: "site".into(),
                updated_at: Millis(1),
            };
            assert!(insert(&mut conn, &here, &help).await.unwrap());
            assert!(!insert(&mut conn, &here, &help).await.unwrap());
            help.markdown = "二".into();
            help.published = true;
            assert!(list(&mut conn, &here, true).await.unwrap().is_empty());
            update(&mut conn, &here, &help).await.unwrap();
            assert!(
                update(&mut conn, &here, &help)
                    .await
                    .unwrap_err()
                    .is_conflict()
            );

            let now = get(&mut conn, &here, "help").await.unwrap().unwrap();
            assert_eq!(
                (now.version, now.markdown.as_str(), now.published),
                (2, "二", true)
            );
            assert_eq!(list(&mut conn, &here, true).await.unwrap(), [now]);
            let versions = history(&mut conn, &here, "help", None, 9).await.unwrap();
            assert_eq!(
                versions
                    .iter()
                    .map(|v| v.markdown.as_str())
                    .collect::<Vec<_>>(),
                ["二", "一"]
            );
            assert_eq!(
                history(&mut conn, &here, "help", Some(2), 9).await.unwrap(),
                versions[1..]
            );
            assert_eq!(
                version(&mut conn, &here, "help", 1).await.unwrap().as_ref(),
                versions.get(1)
            );
        }
    }
}
