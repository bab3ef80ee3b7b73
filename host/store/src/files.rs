//! Files that people gave us: what is known of each, and the objects that hold it.

use crate::{Connection, StoreError, blobs, seal::Sealer};
use sqlx::{Row, any::AnyRow};
use yinxin_core::ids::{CaseId, FileId, OrderId, SiteId};
use yinxin_core::time::Millis;

/// What a file belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A material or an attachment of a case.
    Case(CaseId),
    /// What belongs to an order as a whole: the slip of its transfer, its invoices.
    Order(OrderId),
    /// The site's own content: downloads.
    Content,
}

impl Owner {
    fn columns(&self) -> (&'static str, String) {
        match self {
            Self::Case(case) => ("case", case.to_string()),
            Self::Order(order) => ("order", order.to_string()),
            Self::Content => ("content", String::new()),
        }
    }

    fn from_columns(kind: &str, id: String) -> Result<Self, StoreError> {
        match kind {
            "case" => Ok(Self::Case(CaseId::from_stored(id))),
            "order" => Ok(Self::Order(OrderId::from_stored(id))),
            "content" => Ok(Self::Content),
            _ => Err(StoreError::Damaged("files.owner_kind")),
        }
    }
}

/// One stored file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub id: FileId,
    pub owner: Owner,
    /// The name that it had on the person's computer.
    pub name: String,
    pub media_type: String,
    /// bytes of the original
    pub size: u64,
    /// Of the original, lower-case hexadecimal.
    pub sha256: String,
    /// Pixels, upright; 0 where it is no picture.
    pub width: u32,
    pub height: u32,
    pub original_key: String,
    /// The re-encoded picture for the clerk, and its thumbnail; empty where it is no picture.
    pub view_key: String,
    pub thumbnail_key: String,
    /// Names in an archive.
    pub listing: Vec<String>,
    pub created_at: Millis,
    /// Account or clerk.
    pub created_by: String,
}

impl File {
    /// The objects that hold it.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        [&self.original_key, &self.view_key, &self.thumbnail_key]
            .into_iter()
            .map(String::as_str)
            .filter(|key| !key.is_empty())
    }
}

const COLUMNS: &str = "id, owner_kind, owner_id, name, media_type, size, sha256, width, height, original_key, \
                       view_key, thumbnail_key, listing, created_at, created_by";

fn context(site: &SiteId, id: &str, column: &str) -> String {
    format!("{site}/files/{id}/{column}")
}

/// Stores a file and keeps its announced objects.
pub async fn insert(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    file: &File,
) -> Result<(), StoreError> {
    for key in file.keys() {
        blobs::keep(conn, site, key, file.created_at).await?;
    }
    let (owner_kind, owner_id) = file.owner.columns();
    let listing =
        serde_json::to_vec(&file.listing).map_err(|_| StoreError::Damaged("files.listing"))?;
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "INSERT INTO files (site, {COLUMNS}) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
    )))
    .bind(site.as_str().to_owned())
    .bind(file.id.to_string())
    .bind(owner_kind)
    .bind(owner_id)
    .bind(sealer.seal(
        &context(site, file.id.as_str(), "name"),
        file.name.as_bytes(),
    )?)
    .bind(file.media_type.clone())
    .bind(i64::try_from(file.size).unwrap_or(i64::MAX))
    .bind(file.sha256.clone())
    .bind(i64::from(file.width))
    .bind(i64::from(file.height))
    .bind(file.original_key.clone())
    .bind(file.view_key.clone())
    .bind(file.thumbnail_key.clone())
    .bind(sealer.seal(&context(site, file.id.as_str(), "listing"), &listing)?)
    .bind(file.created_at.0)
    .bind(file.created_by.clone())
    .execute(conn)
    .await?;
    Ok(())
}

pub(crate) fn file(row: &AnyRow, sealer: &Sealer, site: &SiteId) -> Result<File, StoreError> {
    let id: String = row.try_get("id")?;
    let open = |column: &'static str| -> Result<Vec<u8>, StoreError> {
        sealer.open(
            &context(site, &id, column),
            &row.try_get::<Vec<u8>, _>(column)?,
        )
    };
    let edge = |column: &'static str| -> Result<u32, StoreError> {
        u32::try_from(row.try_get::<i64, _>(column)?).map_err(|_| StoreError::Damaged(column))
    };
    Ok(File {
        owner: Owner::from_columns(
            &row.try_get::<String, _>("owner_kind")?,
            row.try_get("owner_id")?,
        )?,
        name: String::from_utf8(open("name")?).map_err(|_| StoreError::Damaged("files.name"))?,
        media_type: row.try_get("media_type")?,
        size: u64::try_from(row.try_get::<i64, _>("size")?)
            .map_err(|_| StoreError::Damaged("files.size"))?,
        sha256: row.try_get("sha256")?,
        width: edge("width")?,
        height: edge("height")?,
        original_key: row.try_get("original_key")?,
        view_key: row.try_get("view_key")?,
        thumbnail_key: row.try_get("thumbnail_key")?,
        listing: serde_json::from_slice(&open("listing")?)
            .map_err(|_| StoreError::Damaged("files.listing"))?,
        created_at: Millis(row.try_get("created_at")?),
        created_by: row.try_get("created_by")?,
        id: FileId::from_stored(id),
    })
}

/// The files in the places of a case's materials.
pub(crate) fn text_placed() -> String {
    format!(
        "SELECT {COLUMNS} FROM files WHERE site = $1 AND id IN
             (SELECT file_id FROM material_files WHERE site = $1 AND case_id = $2)"
    )
}

/// One file of the site, or none.
pub async fn find(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    id: &FileId,
) -> Result<Option<File>, StoreError> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM files WHERE site = $1 AND id = $2"
    )))
    .bind(site.as_str().to_owned())
    .bind(id.to_string())
    .fetch_optional(conn)
    .await?;
    row.map(|row| file(&row, sealer, site)).transpose()
}

/// The files of an owner in the order of their arrival, after the id `after`.
pub async fn of_owner(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    owner: &Owner,
    after: Option<&FileId>,
    limit: i64,
) -> Result<Vec<File>, StoreError> {
    let (kind, id) = owner.columns();
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM files WHERE site = $1 AND owner_kind = $2 AND owner_id = $3 AND id > $4 \
         ORDER BY id LIMIT $5"
    )))
    .bind(site.as_str().to_owned())
    .bind(kind)
    .bind(id)
    .bind(after.map(FileId::as_str).unwrap_or_default().to_owned())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| file(row, sealer, site)).collect()
}

/// Deletes a file's row and gives its objects up to the next sweep. A file that is not there is deleted already.
pub async fn delete(
    conn: &mut Connection,
    site: &SiteId,
    id: &FileId,
    now: Millis,
) -> Result<(), StoreError> {
    let row = sqlx::query(
        "SELECT original_key, view_key, thumbnail_key FROM files WHERE site = $1 AND id = $2",
    )
    .bind(site.as_str().to_owned())
    .bind(id.to_string())
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(()) };
    for column in ["original_key", "view_key", "thumbnail_key"] {
        let key: String = row.try_get(column)?;
        if !key.is_empty() {
            blobs::drop(conn, site, &key, now).await?;
        }
    }
    sqlx::query("DELETE FROM files WHERE site = $1 AND id = $2")
        .bind(site.as_str().to_owned())
        .bind(id.to_string())
        .execute(conn)
        .await?;
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::blobs::BlobKey;
    use crate::testing::stores;

    pub(crate) fn site(name: &str) -> SiteId {
        SiteId::parse(name).unwrap()
    }

    /// A file whose objects are announced.
    pub(crate) async fn announced(conn: &mut Connection, site: &SiteId, owner: Owner) -> File {
        let (original, view) = (BlobKey::generate(site), BlobKey::generate(site));
        for key in [&original, &view] {
            blobs::announce(conn, site, key, Millis(1)).await.unwrap();
        }
        File {
            id: FileId::generate(),
            owner,
            name: "张三的身份证.jpg".into(),
            media_type: "image/jpeg".into(),
            size: 1234,
            sha256: "00".repeat(32),
            width: 640,
            height: 480,
            original_key: original.as_str().into(),
            view_key: view.as_str().into(),
            thumbnail_key: String::new(),
            listing: vec!["一.txt".into()],
            created_at: Millis(5),
            created_by: "account".into(),
        }
    }

    #[tokio::test]
    async fn a_file_is_read_back_and_its_name_is_sealed() {
        for store in stores().await {
            let here = site("jiangxi");
            let sealer = &store.sealer;
            let owner = Owner::Case(CaseId::generate());
            let mut tx = store.begin().await.unwrap();
            let file = announced(&mut tx, &here, owner.clone()).await;
            insert(&mut tx, sealer, &here, &file).await.unwrap();
            assert_eq!(
                find(&mut tx, sealer, &here, &file.id)
                    .await
                    .unwrap()
                    .as_ref(),
                Some(&file)
            );
            assert_eq!(
                of_owner(&mut tx, sealer, &here, &owner, None, 9)
                    .await
                    .unwrap(),
                std::slice::from_ref(&file)
            );
            assert!(
                of_owner(&mut tx, sealer, &here, &owner, Some(&file.id), 9)
                    .await
                    .unwrap()
                    .is_empty()
            );
            assert!(
                of_owner(&mut tx, sealer, &here, &Owner::Content, None, 9)
                    .await
                    .unwrap()
                    .is_empty()
            );
            let row = sqlx::query("SELECT name FROM files")
                .fetch_one(&mut *tx)
                .await
                .unwrap();
            let stored: Vec<u8> = row.try_get("name").unwrap();
            assert!(!stored.windows(6).any(|window| window == "张三".as_bytes()));
        }
    }

    #[tokio::test]
    async fn a_deleted_file_leaves_its_objects_to_the_sweep() {
        for store in stores().await {
            let here = site("jiangxi");
            let mut tx = store.begin().await.unwrap();
            let file = announced(&mut tx, &here, Owner::Content).await;
            insert(&mut tx, &store.sealer, &here, &file).await.unwrap();
            assert!(
                find(&mut tx, &store.sealer, &here, &file.id)
                    .await
                    .unwrap()
                    .is_some()
            );
            assert!(
                blobs::to_sweep(&mut tx, &here, Millis(9), 9)
                    .await
                    .unwrap()
                    .is_empty()
            );
            delete(&mut tx, &here, &file.id, Millis(9)).await.unwrap();
            assert!(
                find(&mut tx, &store.sealer, &here, &file.id)
                    .await
                    .unwrap()
                    .is_none()
            );
            assert_eq!(
                blobs::to_sweep(&mut tx, &here, Millis(9), 9)
                    .await
                    .unwrap()
                    .len(),
                2
            );
        }
    }
}
