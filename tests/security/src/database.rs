//! What the database holds, in short: has a request changed anything?

use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, Column, Connection, Row, SqliteConnection, TypeInfo, ValueRef};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What changes with a look at a door, and with the server's own clock: counters of limits, when a session was last seen,
/// pictures of pages for logging in, and the worker's turns. A job is written with what causes it, which is looked at.
const RESTLESS: [&str; 4] = ["rate_limits", "sessions", "picture_codes", "jobs"];

/// A request and the look at what it did take less.
const A_WHILE: Duration = Duration::from_secs(2);
/// Far longer than the worker has ever something to do within the next [`A_WHILE`].
const PATIENCE: Duration = Duration::from_secs(120);

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

    /// Waits until the worker has nothing to do for a while, and takes note of what it has done: a payment, an invoice or a
    /// refund that an earlier request led to moves on by itself.
    ///
    /// # Errors
    /// The database cannot be read, or the worker never comes to rest ([`sqlx::Error::PoolTimedOut`]).
    pub async fn settle(&mut self) -> sqlx::Result<()> {
        let until = Instant::now() + PATIENCE;
        while self.is_busy().await? {
            if Instant::now() > until {
                return Err(sqlx::Error::PoolTimedOut);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.changed().await.map(drop)
    }

    async fn is_busy(&mut self) -> sqlx::Result<bool> {
        let soon = SystemTime::now() + A_WHILE;
        let soon = soon.duration_since(UNIX_EPOCH).unwrap_or_default();
        let due = sqlx::query(
            "SELECT id FROM jobs WHERE state IN ('queued', 'running') AND run_at <= $1 LIMIT 1",
        );
        let soon = i64::try_from(soon.as_millis()).unwrap_or(i64::MAX);
        let due = due.bind(soon).fetch_optional(&mut self.connection).await?;
        Ok(due.is_some())
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
