//! Papers that were made for cases: their numbers, and whether they still hold.

use crate::{Connection, StoreError};
use sqlx::{Row, any::AnyRow};
use yinxin_core::ids::{CaseId, SiteId};
use yinxin_core::time::Millis;

/// One paper that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedPaper {
    pub id: String,
    pub document: String,
    /// Printed on the paper; unique on the site.
    pub number: String,
    /// Digest of what it says; another one means that the case's data changed and it has to be printed again.
    pub digest: String,
    pub made_at: Millis,
}

/// What is to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewPaper<'a> {
    pub case: &'a CaseId,
    /// The case's acceptance number, with which the paper's begins.
    pub case_number: &'a str,
    pub document: &'a str,
    pub digest: &'a str,
    pub now: Millis,
}

const COLUMNS: &str = "id, document, number, digest, made_at";

/// The newest valid paper when it says the same already, else a new one with the case's next number (`…-P1`, `…-P2`, …;
/// numbers of voided papers are not used again).
pub async fn issue(
    conn: &mut Connection,
    site: &SiteId,
    new: NewPaper<'_>,
) -> Result<IssuedPaper, StoreError> {
    if let Some(paper) = latest(conn, site, new.case, new.document).await?
        && paper.digest == new.digest
    {
        return Ok(paper);
    }
    let row = sqlx::query("SELECT COUNT(*) AS made FROM papers WHERE site = $1 AND case_id = $2")
        .bind(site.as_str().to_owned())
        .bind(new.case.to_string())
        .fetch_one(&mut *conn)
        .await?;
    let made: i64 = row.try_get("made")?;
    let paper = IssuedPaper {
        id: uuid::Uuid::now_v7().to_string(),
        document: new.document.to_owned(),
        number: format!("{}-P{}", new.case_number, made + 1),
        digest: new.digest.to_owned(),
        made_at: new.now,
    };
    let inserted = sqlx::query(
        "INSERT INTO papers (site, id, case_id, document, number, digest, made_at, voided_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0)",
    )
    .bind(site.as_str().to_owned())
    .bind(paper.id.clone())
    .bind(new.case.to_string())
    .bind(paper.document.clone())
    .bind(paper.number.clone())
    .bind(paper.digest.clone())
    .bind(paper.made_at.0)
    .execute(conn)
    .await
    .map_err(StoreError::from);
    match inserted {
        // Two downloads at once: the other one took the number.
        Err(error) if error.is_duplicate() => Err(StoreError::Conflict),
        other => other.map(|_| paper),
    }
}

/// The newest of each kind that was made for the case and not voided.
pub(crate) fn text_of_case() -> String {
    format!(
        "SELECT {COLUMNS} FROM papers WHERE site = $1 AND id IN
             (SELECT MAX(id) FROM papers WHERE site = $1 AND case_id = $2 AND voided_at = 0 GROUP BY document)"
    )
}

/// The newest paper of a kind that was made for the case and not voided.
pub async fn latest(
    conn: &mut Connection,
    site: &SiteId,
    case: &CaseId,
    document: &str,
) -> Result<Option<IssuedPaper>, StoreError> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM papers WHERE site = $1 AND case_id = $2 AND document = $3 AND voided_at = 0 \
         ORDER BY id DESC LIMIT 1"
    )))
    .bind(site.as_str().to_owned())
    .bind(case.to_string())
    .bind(document.to_owned())
    .fetch_optional(conn)
    .await?;
    row.map(|row| paper(&row)).transpose()
}

/// The valid paper with this number and its case; a clerk looks a posted paper up by it.
pub async fn by_number(
    conn: &mut Connection,
    site: &SiteId,
    number: &str,
) -> Result<Option<(CaseId, IssuedPaper)>, StoreError> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT case_id, {COLUMNS} FROM papers WHERE site = $1 AND number = $2 AND voided_at = 0"
    )))
    .bind(site.as_str().to_owned())
    .bind(number.to_owned())
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok((
            CaseId::from_stored(row.try_get::<String, _>("case_id")?),
            paper(&row)?,
        ))
    })
    .transpose()
}

/// Voids the papers of a kind, or with none of every kind, as when the case is deleted.
pub async fn void(
    conn: &mut Connection,
    site: &SiteId,
    case: &CaseId,
    document: Option<&str>,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE papers SET voided_at = $4 \
         WHERE site = $1 AND case_id = $2 AND voided_at = 0 AND ($3 = '' OR document = $3)",
    )
    .bind(site.as_str().to_owned())
    .bind(case.to_string())
    .bind(document.unwrap_or_default().to_owned())
    .bind(now.0)
    .execute(conn)
    .await?;
    Ok(())
}

pub(crate) fn paper(row: &AnyRow) -> Result<IssuedPaper, StoreError> {
    Ok(IssuedPaper {
        id: row.try_get("id")?,
        document: row.try_get("document")?,
        number: row.try_get("number")?,
        digest: row.try_get("digest")?,
        made_at: Millis(row.try_get("made_at")?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::site;
    use crate::testing::stores;

    #[tokio::test]
    async fn the_same_paper_keeps_its_number_until_the_data_change_or_it_is_voided() {
        for store in stores().await {
            let here = site("jiangxi");
            let case = CaseId::generate();
            let new = |document, digest| NewPaper {
                case: &case,
                case_number: "YT1",
                document,
                digest,
                now: Millis(4),
            };
            let mut tx = store.begin().await.unwrap();
            let first = issue(&mut tx, &here, new("form", "a")).await.unwrap();
            assert_eq!(first.number, "YT1-P1");
            assert_eq!(
                issue(&mut tx, &here, new("form", "a")).await.unwrap(),
                first
            );
            assert_eq!(
                issue(&mut tx, &here, new("letter", "a"))
                    .await
                    .unwrap()
                    .number,
                "YT1-P2"
            );
            let changed = issue(&mut tx, &here, new("form", "b")).await.unwrap();
            assert_eq!(changed.number, "YT1-P3");
            assert_eq!(
                latest(&mut tx, &here, &case, "form").await.unwrap(),
                Some(changed.clone())
            );
            assert_eq!(
                by_number(&mut tx, &here, "YT1-P3").await.unwrap(),
                Some((case.clone(), changed))
            );
            void(&mut tx, &here, &case, Some("form"), Millis(5))
                .await
                .unwrap();
            assert_eq!(latest(&mut tx, &here, &case, "form").await.unwrap(), None);
            assert_eq!(by_number(&mut tx, &here, "YT1-P1").await.unwrap(), None);
            assert!(
                latest(&mut tx, &here, &case, "letter")
                    .await
                    .unwrap()
                    .is_some()
            );
            assert_eq!(
                issue(&mut tx, &here, new("form", "b"))
                    .await
                    .unwrap()
                    .number,
                "YT1-P4"
            );
            void(&mut tx, &here, &case, None, Millis(6)).await.unwrap();
            assert_eq!(latest(&mut tx, &here, &case, "letter").await.unwrap(), None);
        }
    }
}
