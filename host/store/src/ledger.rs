//! The history of all cases of a site: append-only, each row carrying the hash of the one before (SHA-256), so that a
//! changed, removed or re-ordered row is found. What persons typed is sealed; the hash covers the sealed bytes.

use crate::{Connection, StoreError};
use ring::digest;
use sqlx::Row;
use yinxin_core::{
    ids::{CaseId, SiteId},
    time::Millis,
};

/// One event on a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub at: Millis,
    pub case_id: CaseId,
    /// Id of the transition, or one of the host's own: `begin`, `step`, `claim`, `release`.
    pub transition: String,
    /// What happened, in words.
    pub label: String,
    /// `applicant`, `clerk`, `host` or `timer`.
    pub actor_kind: String,
    pub actor: String,
    pub actor_name: String,
    pub plugin: String,
    pub plugin_digest: String,
    pub from_state: String,
    pub to_state: String,
    /// A sentence for the applicant, or empty.
    pub note: String,
    /// Sealed JSON of the input.
    pub input: Vec<u8>,
    /// JSON of what the rule read: keys and digests.
    pub reads: String,
    /// Sealed JSON of what was done.
    pub effects: Vec<u8>,
}

/// An entry in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub seq: i64,
    pub entry: Entry,
    pub previous_hash: String,
    pub hash: String,
}

/// What `yinxin audit verify` found wrong first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("row {0} is missing")]
    Missing(i64),
    #[error("row {0} does not follow the row before it")]
    Unchained(i64),
    #[error("row {0} was changed")]
    Changed(i64),
    #[error("the head says {head} rows, the ledger has {rows}")]
    Head { head: i64, rows: i64 },
}

/// Hash of nothing, before the first row.
const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn hash(site: &SiteId, seq: i64, previous: &str, entry: &Entry) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    // Each part goes in with its length before it, so that no two entries have the same bytes.
    let mut part = |bytes: &[u8]| {
        context.update(&(bytes.len() as u64).to_be_bytes());
        context.update(bytes);
    };
    part(site.as_str().as_bytes());
    part(&seq.to_be_bytes());
    part(previous.as_bytes());
    part(&entry.at.0.to_be_bytes());
    for text in [
        entry.case_id.as_str(),
        &entry.transition,
        &entry.label,
        &entry.actor_kind,
        &entry.actor,
        &entry.actor_name,
        &entry.plugin,
        &entry.plugin_digest,
        &entry.from_state,
        &entry.to_state,
        &entry.note,
        &entry.reads,
    ] {
        part(text.as_bytes());
    }
    part(&entry.input);
    part(&entry.effects);
    hex::encode(context.finish())
}

/// Appends a row. Two transactions that append to one site follow one another: the second waits at the head's row.
pub async fn append(
    conn: &mut Connection,
    site: &SiteId,
    entry: &Entry,
) -> Result<i64, StoreError> {
    let head = sqlx::query(
        "INSERT INTO ledger_heads (site, seq, hash) VALUES ($1, 1, $2)
         ON CONFLICT (site) DO UPDATE SET seq = ledger_heads.seq + 1 RETURNING seq, hash",
    )
    .bind(site.as_str().to_owned())
    .bind(GENESIS.to_owned())
    .fetch_one(&mut *conn)
    .await?;
    let (seq, previous): (i64, String) = (head.try_get("seq")?, head.try_get("hash")?);
    let hash = hash(site, seq, &previous, entry);
    sqlx::query(
        "INSERT INTO ledger (site, seq, at, case_id, transition, label, actor_kind, actor, actor_name, plugin,
             plugin_digest, from_state, to_state, note, input, reads, effects, previous_hash, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
    )
    .bind(site.as_str().to_owned())
    .bind(seq)
    .bind(entry.at.0)
    .bind(entry.case_id.to_string())
    .bind(entry.transition.clone())
    .bind(entry.label.clone())
    .bind(entry.actor_kind.clone())
    .bind(entry.actor.clone())
    .bind(entry.actor_name.clone())
    .bind(entry.plugin.clone())
    .bind(entry.plugin_digest.clone())
    .bind(entry.from_state.clone())
    .bind(entry.to_state.clone())
    .bind(entry.note.clone())
    .bind(entry.input.clone())
    .bind(entry.reads.clone())
    .bind(entry.effects.clone())
    .bind(previous)
    .bind(hash.clone())
    .execute(&mut *conn)
    .await?;
    sqlx::query("UPDATE ledger_heads SET hash = $2 WHERE site = $1")
        .bind(site.as_str().to_owned())
        .bind(hash)
        .execute(conn)
        .await?;
    Ok(seq)
}

const COLUMNS: &str =
    "seq, at, case_id, transition, label, actor_kind, actor, actor_name, plugin, plugin_digest,
    from_state, to_state, note, input, reads, effects, previous_hash, hash";

fn row(row: &sqlx::any::AnyRow) -> Result<Recorded, StoreError> {
    Ok(Recorded {
        seq: row.try_get("seq")?,
        entry: Entry {
            at: Millis(row.try_get("at")?),
            case_id: CaseId::from_stored(row.try_get::<String, _>("case_id")?),
            transition: row.try_get("transition")?,
            label: row.try_get("label")?,
            actor_kind: row.try_get("actor_kind")?,
            actor: row.try_get("actor")?,
            actor_name: row.try_get("actor_name")?,
            plugin: row.try_get("plugin")?,
            plugin_digest: row.try_get("plugin_digest")?,
            from_state: row.try_get("from_state")?,
            to_state: row.try_get("to_state")?,
            note: row.try_get("note")?,
            input: row.try_get("input")?,
            reads: row.try_get("reads")?,
            effects: row.try_get("effects")?,
        },
        previous_hash: row.try_get("previous_hash")?,
        hash: row.try_get("hash")?,
    })
}

/// The history of one case, oldest first.
pub async fn of_case(
    conn: &mut Connection,
    site: &SiteId,
    case: &CaseId,
) -> Result<Vec<Recorded>, StoreError> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM ledger WHERE site = $1 AND case_id = $2 ORDER BY seq"
    )))
    .bind(site.as_str().to_owned())
    .bind(case.to_string())
    .fetch_all(conn)
    .await?;
    rows.iter().map(row).collect()
}

/// Sites that have a history.
pub async fn sites(conn: &mut Connection) -> Result<Vec<SiteId>, StoreError> {
    let rows = sqlx::query("SELECT site FROM ledger_heads ORDER BY site")
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            let site: String = row.try_get("site")?;
            SiteId::parse(&site).ok_or(StoreError::Damaged("a site's name"))
        })
        .collect()
}

/// Walks the whole chain of a site. The number of rows, or the first fault.
pub async fn verify(
    conn: &mut Connection,
    site: &SiteId,
) -> Result<Result<i64, Fault>, StoreError> {
    // 500 rows at a time keep the memory of a walk over millions of rows flat.
    const PAGE: i64 = 500;
    let (mut seq, mut previous) = (0, GENESIS.to_owned());
    loop {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM ledger WHERE site = $1 AND seq > $2 ORDER BY seq LIMIT $3"
        )))
        .bind(site.as_str().to_owned())
        .bind(seq)
        .bind(PAGE)
        .fetch_all(&mut *conn)
        .await?;
        if rows.is_empty() {
            break;
        }
        for raw in &rows {
            let row = row(raw)?;
            if row.seq != seq + 1 {
                return Ok(Err(Fault::Missing(seq + 1)));
            }
            if row.previous_hash != previous {
                return Ok(Err(Fault::Unchained(row.seq)));
            }
            if row.hash != hash(site, row.seq, &previous, &row.entry) {
                return Ok(Err(Fault::Changed(row.seq)));
            }
            (seq, previous) = (row.seq, row.hash);
        }
    }
    let head = sqlx::query("SELECT seq, hash FROM ledger_heads WHERE site = $1")
        .bind(site.as_str().to_owned())
        .fetch_optional(conn)
        .await?;
    let (head_seq, head_hash) = match head {
        Some(head) => (head.try_get("seq")?, head.try_get("hash")?),
        None => (0, GENESIS.to_owned()),
    };
    if head_seq != seq || head_hash != previous {
        return Ok(Err(Fault::Head {
            head: head_seq,
            rows: seq,
        }));
    }
    Ok(Ok(seq))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::stores;

    fn entry(case: &CaseId, label: &str) -> Entry {
        Entry {
            at: Millis(1),
            case_id: case.clone(),
            transition: "submit".into(),
            label: label.into(),
            actor_kind: "applicant".into(),
            actor: "a".into(),
            actor_name: String::new(),
            plugin: "yingtan".into(),
            plugin_digest: "d".into(),
            from_state: "draft".into(),
            to_state: "first-review".into(),
            note: String::new(),
            input: vec![1],
            reads: "[]".into(),
            effects: vec![],
        }
    }

    #[tokio::test]
    async fn a_changed_removed_or_reordered_row_is_found() {
        let site = SiteId::parse("jiangxi").unwrap();
        let case = CaseId::generate();
        let tampers = [
            (
                "UPDATE ledger SET label = 'x' WHERE seq = 2",
                Fault::Changed(2),
            ),
            (
                "UPDATE ledger SET input = effects WHERE seq = 3",
                Fault::Changed(3),
            ),
            ("DELETE FROM ledger WHERE seq = 2", Fault::Missing(2)),
            (
                "DELETE FROM ledger WHERE seq = 4",
                Fault::Head { head: 4, rows: 3 },
            ),
            (
                "UPDATE ledger SET seq = CASE seq WHEN 2 THEN 102 WHEN 3 THEN 103 ELSE seq END; UPDATE ledger SET seq = CASE seq WHEN 102 THEN 3 WHEN 103 THEN 2 ELSE seq END",
                Fault::Unchained(2),
            ),
        ];
        for store in stores().await {
            for (statements, fault) in &tampers {
                let mut tx = store.begin().await.unwrap();
                for label in ["一", "二", "三", "四"] {
                    append(&mut tx, &site, &entry(&case, label)).await.unwrap();
                }
                assert_eq!(verify(&mut tx, &site).await.unwrap(), Ok(4));
                for statement in statements.split(';') {
                    sqlx::query(sqlx::AssertSqlSafe(statement.to_owned()))
                        .execute(&mut *tx)
                        .await
                        .unwrap();
                }
                assert_eq!(
                    verify(&mut tx, &site).await.unwrap(),
                    Err(fault.clone()),
                    "{statements}"
                );
                tx.rollback().await.unwrap();
            }
        }
    }

    #[tokio::test]
    async fn two_writers_at_once_make_one_chain() {
        let site = SiteId::parse("jiangxi").unwrap();
        for store in stores().await {
            let case = CaseId::generate();
            let write = || async {
                for _ in 0..10 {
                    let mut tx = store.begin().await.unwrap();
                    append(&mut tx, &site, &entry(&case, "x")).await.unwrap();
                    tx.commit().await.unwrap();
                }
            };
            tokio::join!(write(), write(), write());
            let mut conn = store.read().await.unwrap();
            assert_eq!(
                verify(&mut conn, &site).await.unwrap(),
                Ok(30),
                "{}",
                store.name
            );
            assert_eq!(of_case(&mut conn, &site, &case).await.unwrap().len(), 30);
        }
    }
}
