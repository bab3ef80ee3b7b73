//! What the database holds, in short: has a request changed anything?

use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, Column, Connection, Row, SqliteConnection, TypeInfo, ValueRef};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

/// What changes with a look at a door, and with the server's own clock: counters of limits, when a session was last seen,
/// pictures of pages for logging in, and the worker's turns. A job is written with what causes it, which is looked at.
const RESTLESS: [&str; 4] = ["rate_limits", "sessions", "picture_codes", "jobs"];

/// Reads the server's SQLite file while the server runs.
pub struct Watch {
    connection: SqliteConnection,
    tables: Vec<String>,
    version: i64,
    known: BTreeMap<String, u64>,
}

impl Watch {
    pub async fn open(data: &Path) -> sqlx::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(data.join("yinxin.db"))
            .read_only(true);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let names = sqlx::query_scalar(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        );
        let tables: Vec<String> = names.fetch_all(&mut connection).await?;
        let mut watch = Self {
            connection,
            tables,
            version: 0,
            known: BTreeMap::new(),
        };
        watch.changed().await?;
        Ok(watch)
    }

    /// The tables that changed since the last time this was asked, but for restless ones.
    pub async fn changed(&mut self) -> sqlx::Result<Vec<String>> {
        // Moves with every commit of another connection.
        let version = sqlx::query_scalar::<_, i64>("PRAGMA data_version");
        let version = version.fetch_one(&mut self.connection).await?;
        if version == self.version {
            return Ok(Vec::new());
        }
        self.version = version;
        let mut changed = Vec::new();
        for table in self.tables.clone() {
            if RESTLESS.contains(&table.as_str()) {
                continue;
            }
            let now = self.digest(&table).await?;
            if self.known.insert(table.clone(), now) != Some(now) {
                changed.push(table);
            }
        }
        Ok(changed)
    }

    async fn digest(&mut self, table: &str) -> sqlx::Result<u64> {
        let select = match table {
            // Megabytes that their own digest names.
            "plugin_components" => "SELECT site, digest FROM plugin_components".to_owned(),
            // Whether it has been sent is for the worker, whenever its turn comes; `round` moves when a clerk sends again.
            "messages" => {
                "SELECT site, id, idem, recipient, body, attachments, round FROM messages"
                    .to_owned()
            }
            table => format!("SELECT * FROM {table}"),
        };
        let rows = sqlx::query(AssertSqlSafe(select))
            .fetch_all(&mut self.connection)
            .await?;
        // The order of rows without an ORDER BY is nobody's promise.
        Ok(rows
            .iter()
            .fold(0_u64, |sum, row| sum.wrapping_add(of_row(row))))
    }
}

fn of_row(row: &SqliteRow) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (place, column) in row.columns().iter().enumerate() {
        column.name().hash(&mut hasher);
        let kind = row
            .try_get_raw(place)
            .map(|value| value.type_info().name().to_owned())
            .unwrap_or_default();
        match kind.as_str() {
            "INTEGER" => row
                .try_get::<i64, _>(place)
                .unwrap_or_default()
                .hash(&mut hasher),
            "TEXT" => row
                .try_get::<String, _>(place)
                .unwrap_or_default()
                .hash(&mut hasher),
            "BLOB" => row
                .try_get::<Vec<u8>, _>(place)
                .unwrap_or_default()
                .hash(&mut hasher),
            other => other.hash(&mut hasher),
        }
    }
    hasher.finish()
}
