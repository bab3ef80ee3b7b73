//! Which file stands in which place of a case's materials, and the clerk's judgement on each item.

use crate::{Connection, StoreError};
use sqlx::{Row, any::AnyRow};
use yinxin_core::ids::{CaseId, FileId, SiteId};
use yinxin_core::rules::ItemStanding;
use yinxin_core::time::Millis;

/// One place of a material.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub material: String,
    /// From 0.
    pub position: u32,
    pub file: FileId,
}

/// How a material or form section stands. An item that is missing has no row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Id of the material or section.
    pub item: String,
    pub standing: ItemStanding,
    /// Why it was refused, else empty.
    pub reason: String,
    /// Account or clerk.
    pub changed_by: String,
    pub changed_at: Millis,
}

/// Puts a file into its place and says which one it displaced, which the caller deletes. The other places keep theirs.
pub async fn place(
    conn: &mut Connection,
    site: &SiteId,
    case: &CaseId,
    placed: &Placed,
) -> Result<Option<FileId>, StoreError> {
    let displaced = remove(conn, site, case, &placed.material, placed.position).await?;
    sqlx::query(
        "INSERT INTO material_files (site, case_id, material, position, file_id) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(site.as_str().to_owned())
    .bind(case.to_string())
    .bind(placed.material.clone())
    .bind(i64::from(placed.position))
    .bind(placed.file.to_string())
    .execute(conn)
    .await?;
    Ok(displaced)
}

/// Empties a place and says which file stood there.
pub async fn remove(
    conn: &mut Connection,
    site: &SiteId,
    case: &CaseId,
    material: &str,
    position: u32,
) -> Result<Option<FileId>, StoreError> {
    let row = sqlx::query(
        "DELETE FROM material_files WHERE site = $1 AND case_id = $2 AND material = $3 AND position = $4 \
         RETURNING file_id",
    )
    .bind(site.as_str().to_owned())
    .bind(case.to_string())
    .bind(material.to_owned())
    .bind(i64::from(position))
    .fetch_optional(conn)
    .await?;
    Ok(match row {
        Some(row) => Some(FileId::from_stored(row.try_get::<String, _>("file_id")?)),
        None => None,
    })
}

pub(crate) const OF_CASE: &str = "SELECT material, position, file_id FROM material_files WHERE site = $1 AND case_id = $2 \
     ORDER BY material, position";

pub(crate) fn placed(row: &AnyRow) -> Result<Placed, StoreError> {
    Ok(Placed {
        material: row.try_get("material")?,
        position: u32::try_from(row.try_get::<i64, _>("position")?)
            .map_err(|_| StoreError::Damaged("material_files.position"))?,
        file: FileId::from_stored(row.try_get::<String, _>("file_id")?),
    })
}

/// All places of a case that are filled, by material and position.
pub async fn of_case(
    conn: &mut Connection,
    site: &SiteId,
    case: &CaseId,
) -> Result<Vec<Placed>, StoreError> {
    let rows = sqlx::query(OF_CASE)
        .bind(site.as_str().to_owned())
        .bind(case.to_string())
        .fetch_all(conn)
        .await?;
    rows.iter().map(placed).collect()
}

/// Records how an item stands; [`ItemStanding::Missing`] removes its row.
pub async fn judge(
    conn: &mut Connection,
    site: &SiteId,
    case: &CaseId,
    item: &Item,
) -> Result<(), StoreError> {
    let standing = match item.standing {
        ItemStanding::Missing => {
            sqlx::query("DELETE FROM case_items WHERE site = $1 AND case_id = $2 AND item = $3")
                .bind(site.as_str().to_owned())
                .bind(case.to_string())
                .bind(item.item.clone())
                .execute(conn)
                .await?;
            return Ok(());
        }
        ItemStanding::Uploaded => "uploaded",
        ItemStanding::Passed => "passed",
        ItemStanding::Refused => "refused",
    };
    sqlx::query(
        "INSERT INTO case_items (site, case_id, item, standing, reason, changed_by, changed_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (site, case_id, item) DO UPDATE SET standing = excluded.standing, reason = excluded.reason, \
         changed_by = excluded.changed_by, changed_at = excluded.changed_at",
    )
    .bind(site.as_str().to_owned())
    .bind(case.to_string())
    .bind(item.item.clone())
    .bind(standing)
    .bind(item.reason.clone())
    .bind(item.changed_by.clone())
    .bind(item.changed_at.0)
    .execute(conn)
    .await?;
    Ok(())
}

pub(crate) const ITEMS: &str = "SELECT item, standing, reason, changed_by, changed_at FROM case_items \
     WHERE site = $1 AND case_id = $2 ORDER BY item";

/// How the items of a case stand.
pub async fn items(
    conn: &mut Connection,
    site: &SiteId,
    case: &CaseId,
) -> Result<Vec<Item>, StoreError> {
    let rows = sqlx::query(ITEMS)
        .bind(site.as_str().to_owned())
        .bind(case.to_string())
        .fetch_all(conn)
        .await?;
    rows.iter().map(item).collect()
}

pub(crate) fn item(row: &AnyRow) -> Result<Item, StoreError> {
    let standing = match row.try_get::<String, _>("standing")?.as_str() {
        "uploaded" => ItemStanding::Uploaded,
        "passed" => ItemStanding::Passed,
        "refused" => ItemStanding::Refused,
        _ => return Err(StoreError::Damaged("case_items.standing")),
    };
    Ok(Item {
        item: row.try_get("item")?,
        standing,
        reason: row.try_get("reason")?,
        changed_by: row.try_get("changed_by")?,
        changed_at: Millis(row.try_get("changed_at")?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::site;
    use crate::testing::stores;

    #[tokio::test]
    async fn replacing_one_file_keeps_the_others() {
        for store in stores().await {
            let here = site("jiangxi");
            let case = CaseId::generate();
            let placed = |position| Placed {
                material: "card".into(),
                position,
                file: FileId::generate(),
            };
            let (front, back, new_front) = (placed(0), placed(1), placed(0));
            let mut tx = store.begin().await.unwrap();
            assert_eq!(place(&mut tx, &here, &case, &front).await.unwrap(), None);
            assert_eq!(place(&mut tx, &here, &case, &back).await.unwrap(), None);
            assert_eq!(
                place(&mut tx, &here, &case, &new_front).await.unwrap(),
                Some(front.file)
            );
            assert_eq!(
                of_case(&mut tx, &here, &case).await.unwrap(),
                [new_front, back.clone()]
            );
            assert_eq!(
                remove(&mut tx, &here, &case, "card", 1).await.unwrap(),
                Some(back.file)
            );
        }
    }

    #[tokio::test]
    async fn a_judgement_is_replaced_and_removed() {
        for store in stores().await {
            let here = site("jiangxi");
            let case = CaseId::generate();
            let item = |standing, reason: &str| Item {
                item: "licence".into(),
                standing,
                reason: reason.into(),
                changed_by: "clerk".into(),
                changed_at: Millis(3),
            };
            let refused = item(ItemStanding::Refused, "看不清");
            let mut tx = store.begin().await.unwrap();
            judge(&mut tx, &here, &case, &item(ItemStanding::Uploaded, ""))
                .await
                .unwrap();
            judge(&mut tx, &here, &case, &refused).await.unwrap();
            assert_eq!(
                items(&mut tx, &here, &case).await.unwrap(),
                [refused],
                "{}",
                store.name
            );
            judge(&mut tx, &here, &case, &item(ItemStanding::Missing, ""))
                .await
                .unwrap();
            assert!(items(&mut tx, &here, &case).await.unwrap().is_empty());
        }
    }
}
