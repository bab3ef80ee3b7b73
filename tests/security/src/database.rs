//! What the database holds, in short: has a request changed anything, and whose?

use sqlx::any::{AnyRow, AnyTypeInfoKind};
use sqlx::{AnyConnection, AssertSqlSafe, Column, Connection, Row as _, ValueRef};
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What changes with a look at a door, and with the server's own clock: counters of limits, pictures of pages for logging
/// in, and the worker's turns. A job is written with what causes it, which is looked at.
const UNWATCHED: [&str; 4] = ["rate_limits", "picture_codes", "jobs", "_sqlx_migrations"];

/// Says when a session was last seen, which every request of its owner moves.
const SESSIONS: &str = "sessions";

/// A request and the look at what it did take less.
const A_WHILE: Duration = Duration::from_secs(2);
/// Far longer than the worker has ever something to do within the next [`A_WHILE`].
const PATIENCE: Duration = Duration::from_secs(120);

/// One row: its columns with what they hold. Of bytes, a digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Row(Vec<(String, String)>);

impl Row {
    pub fn new(columns: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(columns.into_iter().collect())
    }

    /// What the column holds; nothing for one that the table does not have.
    pub fn get(&self, column: &str) -> &str {
        let found = self.0.iter().find(|(name, _)| name == column);
        found.map_or("", |(_, value)| value)
    }

    /// Whether this stands in any of its columns, alone or in a longer text.
    pub fn names(&self, text: &str) -> bool {
        self.0.iter().any(|(_, value)| value.contains(text))
    }
}

/// Rows of one table that came, went, or are others now.
#[derive(Clone, Debug)]
pub struct Change {
    pub table: String,
    pub rows: Vec<Row>,
}

/// Reads the server's database while the server runs.
pub struct Watch {
    connection: AnyConnection,
    is_file: bool,
    tables: BTreeMap<String, Table>,
}

#[derive(Default)]
struct Table {
    /// Is another one after each change.
    version: String,
    /// With how often each stands there.
    rows: HashMap<Row, usize>,
}

impl Watch {
    /// `url`: as the server takes it, `sqlite://…` or `postgres://…`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn open(url: &str) -> sqlx::Result<Self> {
        sqlx::any::install_default_drivers();
        let is_file = url.starts_with("sqlite:");
        let (url, names) = match is_file {
            true => (
                format!("{url}?mode=ro"),
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
            ),
            false => (
                url.to_owned(),
                "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = current_schema()",
            ),
        };
        let mut connection = AnyConnection::connect(&url).await?;
        let names: Vec<String> = sqlx::query_scalar(names).fetch_all(&mut connection).await?;
        let watched = names
            .into_iter()
            .filter(|name| !UNWATCHED.contains(&name.as_str()));
        let mut watch = Self {
            connection,
            is_file,
            tables: watched.map(|name| (name, Table::default())).collect(),
        };
        watch.changes().await?;
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
        self.changes().await.map(drop)
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

    /// The tables that changed since the last look, but for sessions, which every request moves.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn changed(&mut self) -> sqlx::Result<Vec<String>> {
        let changes = self.changes().await?.into_iter();
        let tables = changes.map(|change| change.table);
        Ok(tables.filter(|table| table != SESSIONS).collect())
    }

    /// What came, went or changed since the last look.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn changes(&mut self) -> sqlx::Result<Vec<Change>> {
        let mut changes = Vec::new();
        for (name, version) in self.versions().await? {
            let known = self.tables.get(&name).map(|table| &table.version);
            if known == Some(&version) {
                continue;
            }
            let rows = self.rows(&name).await?;
            let before = self.tables.insert(name.clone(), Table { version, rows });
            let before = before.unwrap_or_default().rows;
            let now = &self.tables[&name].rows;
            let new = now.iter().filter(|(row, n)| before.get(*row) != Some(n));
            let gone = before.keys().filter(|row| !now.contains_key(*row));
            let rows: Vec<Row> = new.map(|(row, _)| row).chain(gone).cloned().collect();
            if !rows.is_empty() {
                changes.push(Change { table: name, rows });
            }
        }
        Ok(changes)
    }

    /// Every row that was there at the last look, with the name of its table.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Row)> + Clone {
        let tables = self.tables.iter();
        tables.flat_map(|(name, table)| table.rows.keys().map(|row| (name.as_str(), row)))
    }

    /// For each table something that moves with every change of it, and is read sooner than the table.
    async fn versions(&mut self) -> sqlx::Result<Vec<(String, String)>> {
        if self.is_file {
            // Moves with every commit of another connection.
            let version = sqlx::query_scalar::<_, i64>("PRAGMA data_version");
            let version = version.fetch_one(&mut self.connection).await?.to_string();
            let names = self.tables.keys();
            return Ok(names.map(|name| (name.clone(), version.clone())).collect());
        }
        // Where each row lies and which transaction wrote it.
        let of_table = |name: &String| {
            format!(
                "SELECT '{name}' AS name, CAST(COALESCE(SUM(hashtextextended(\
                 CAST(xmin AS TEXT) || ' ' || CAST(ctid AS TEXT), 0)), 0) AS TEXT) AS version FROM {name}"
            )
        };
        let each: Vec<String> = self.tables.keys().map(of_table).collect();
        let rows = sqlx::query(AssertSqlSafe(each.join(" UNION ALL ")))
            .fetch_all(&mut self.connection)
            .await?;
        let pairs = rows
            .iter()
            .map(|row| Ok((row.try_get("name")?, row.try_get("version")?)));
        pairs.collect()
    }

    async fn rows(&mut self, table: &str) -> sqlx::Result<HashMap<Row, usize>> {
        let select = match table {
            // Megabytes that their own digest names.
            "plugin_components" => "SELECT site, digest FROM plugin_components".to_owned(),
            // Whether it has been sent is for the worker, whenever its turn comes; `round` moves when a clerk sends again.
            "messages" => {
                "SELECT site, id, idem, case_id, recipient, body, attachments, round FROM messages"
                    .to_owned()
            }
            table => format!("SELECT * FROM {table}"),
        };
        let rows = sqlx::query(AssertSqlSafe(select))
            .fetch_all(&mut self.connection)
            .await?;
        let mut counted = HashMap::new();
        for row in &rows {
            *counted.entry(read(row)?).or_default() += 1;
        }
        Ok(counted)
    }
}

fn read(row: &AnyRow) -> sqlx::Result<Row> {
    let columns = row.columns().iter().enumerate().map(|(place, column)| {
        let value = match row.try_get_raw(place)?.type_info().kind() {
            AnyTypeInfoKind::Text => row.try_get(place)?,
            AnyTypeInfoKind::Blob => {
                let bytes: Vec<u8> = row.try_get(place)?;
                let mut hasher = DefaultHasher::new();
                bytes.hash(&mut hasher);
                format!("{} bytes: {:x}", bytes.len(), hasher.finish())
            }
            AnyTypeInfoKind::Null => String::new(),
            _ => row.try_get::<i64, _>(place)?.to_string(),
        };
        Ok((column.name().to_owned(), value))
    });
    columns.collect::<sqlx::Result<_>>().map(Row)
}
