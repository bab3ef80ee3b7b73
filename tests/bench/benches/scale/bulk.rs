//! Rows by the thousand, into tables whose indexes are made afterwards, as an import would do it.

use sqlx::postgres::PgConnection;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteLockingMode, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ColumnIndex, ConnectOptions, Connection, Decode, Row, Type};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::str::FromStr;

pub enum Value {
    Text(Cow<'static, str>),
    Number(i64),
    Bytes(Vec<u8>),
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone().into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

/// Rows for one table.
pub struct Rows {
    table: &'static str,
    columns: &'static str,
    width: usize,
    values: Vec<Value>,
}

impl Rows {
    pub fn new(table: &'static str, columns: &'static str) -> Self {
        Self {
            table,
            columns,
            width: columns.split(',').count(),
            values: Vec::new(),
        }
    }

    pub fn push<const N: usize>(&mut self, row: [Value; N]) {
        assert_eq!(N, self.width, "{}", self.table);
        self.values.extend(row);
    }
}

/// A connection that writes fast and promises nothing; the only one to its database.
pub enum Writer {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Writer {
    pub async fn open(url: &str) -> Self {
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url)
                .unwrap()
                .locking_mode(SqliteLockingMode::Exclusive)
                .journal_mode(SqliteJournalMode::Off)
                .synchronous(SqliteSynchronous::Off)
                // In KiB.
                .pragma("cache_size", "-1000000")
                .pragma("temp_store", "MEMORY");
            return Self::Sqlite(options.connect().await.unwrap());
        }
        let mut conn = PgConnection::connect(url).await.unwrap();
        for setting in [
            "SET synchronous_commit = off",
            "SET maintenance_work_mem = '1GB'",
        ] {
            sqlx::query(setting).execute(&mut conn).await.unwrap();
        }
        Self::Postgres(conn)
    }

    pub async fn execute(&mut self, statement: &str) {
        let query = AssertSqlSafe(statement.to_owned());
        let done = match self {
            Self::Sqlite(conn) => sqlx::query(query).execute(conn).await.map(drop),
            Self::Postgres(conn) => sqlx::query(query).execute(conn).await.map(drop),
        };
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    pub async fn write(&mut self, rows: Rows) {
        match self {
            Self::Sqlite(conn) => insert(conn, rows).await,
            Self::Postgres(conn) => copy(conn, &rows).await,
        }
    }

    /// Takes the indexes of these tables away that are not their primary keys; gives the statements that make them.
    pub async fn without_indexes(&mut self, tables: &[&str]) -> Vec<String> {
        let found: Result<Vec<[String; 3]>, _> = match self {
            Self::Sqlite(conn) => sqlx::query(
                "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
            )
            .fetch_all(conn)
            .await
            .map(|rows| rows.iter().map(three_texts).collect()),
            Self::Postgres(conn) => sqlx::query(
                "SELECT CAST(indexname AS TEXT), CAST(tablename AS TEXT), indexdef FROM pg_indexes
                 WHERE schemaname = current_schema() AND indexname NOT LIKE '%_pkey'",
            )
            .fetch_all(conn)
            .await
            .map(|rows| rows.iter().map(three_texts).collect()),
        };
        let mut makings = Vec::new();
        for [name, table, making] in found.unwrap() {
            if tables.contains(&table.as_str()) {
                self.execute(&format!("DROP INDEX {name}")).await;
                makings.push(making);
            }
        }
        makings
    }

    /// What a database does by itself after a while; nothing is left to be written to the disk beside what is measured.
    pub async fn settle(mut self) {
        if let Self::Postgres(_) = &self {
            self.execute("VACUUM ANALYZE").await;
            self.execute("CHECKPOINT").await;
        }
        match self {
            Self::Sqlite(mut conn) => {
                let file: String = sqlx::query_scalar("SELECT file FROM pragma_database_list")
                    .fetch_one(&mut conn)
                    .await
                    .unwrap();
                conn.close().await.unwrap();
                std::fs::File::open(file).unwrap().sync_all().unwrap();
            }
            Self::Postgres(conn) => conn.close().await.unwrap(),
        }
    }
}

fn three_texts<R: Row>(row: &R) -> [String; 3]
where
    usize: ColumnIndex<R>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
{
    [0, 1, 2].map(|column| row.get(column))
}

/// By statements of many rows. Their placeholders have no numbers, because SQLite looks each number up among all.
async fn insert(conn: &mut SqliteConnection, rows: Rows) {
    /// Values of a statement: below SQLite's 32,766.
    const VALUES: usize = 8_000;
    let at_once = VALUES / rows.width * rows.width;
    let mut values = rows.values.into_iter();
    while values.len() > 0 {
        let count = values.len().min(at_once);
        let row = format!("({})", vec!["?"; rows.width].join(", "));
        let text = format!(
            "INSERT INTO {} ({}) VALUES {}",
            rows.table,
            rows.columns,
            vec![row.as_str(); count / rows.width].join(", ")
        );
        let mut query = sqlx::query(AssertSqlSafe(text));
        for value in values.by_ref().take(count) {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Number(number) => query.bind(number),
                Value::Bytes(bytes) => query.bind(bytes),
            };
        }
        query.execute(&mut *conn).await.unwrap();
    }
}

/// By `COPY`, in its text format.
async fn copy(conn: &mut PgConnection, rows: &Rows) {
    let mut text = String::new();
    for (place, value) in rows.values.iter().enumerate() {
        match value {
            Value::Text(value) => value.chars().for_each(|c| match c {
                '\\' => text.push_str("\\\\"),
                '\t' => text.push_str("\\t"),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                other => text.push(other),
            }),
            Value::Number(number) => write!(text, "{number}").unwrap(),
            Value::Bytes(bytes) => {
                text.push_str("\\\\x");
                text.push_str(&hex::encode(bytes));
            }
        }
        text.push(if (place + 1) % rows.width == 0 {
            '\n'
        } else {
            '\t'
        });
    }
    let statement = format!("COPY {} ({}) FROM STDIN", rows.table, rows.columns);
    let mut copy = conn.copy_in_raw(&statement).await.unwrap();
    copy.send(text.into_bytes()).await.unwrap();
    copy.finish().await.unwrap();
}
