//! Many rows a statement, into tables whose indexes are made afterwards, as an import would do it.

use sqlx::{AssertSqlSafe, Row};
use yinxin_store::{Connection, Dialect, Store};

pub enum Value {
    Text(String),
    Number(i64),
    Bytes(Vec<u8>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
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

/// Values of a statement: below SQLite's 32,766.
const VALUES: usize = 8_000;

/// Rows for one table, written when there are enough.
pub struct Table {
    head: String,
    columns: usize,
    values: Vec<Value>,
}

impl Table {
    pub fn new(name: &str, columns: &str) -> Self {
        Self {
            head: format!("INSERT INTO {name} ({columns}) VALUES "),
            columns: columns.split(',').count(),
            values: Vec::new(),
        }
    }

    pub async fn row<const N: usize>(&mut self, conn: &mut Connection, row: [Value; N]) {
        assert_eq!(N, self.columns, "{}", self.head);
        self.values.extend(row);
        if self.values.len() + self.columns > VALUES {
            self.write(conn).await;
        }
    }

    pub async fn write(&mut self, conn: &mut Connection) {
        if self.values.is_empty() {
            return;
        }
        let mut text = self.head.clone();
        for place in 0..self.values.len() {
            let before = match place % self.columns {
                0 if place == 0 => "(",
                0 => "), (",
                _ => ", ",
            };
            text.push_str(before);
            text.push_str(&format!("${}", place + 1));
        }
        text.push(')');
        let mut query = sqlx::query(AssertSqlSafe(text));
        for value in self.values.drain(..) {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Number(number) => query.bind(number),
                Value::Bytes(bytes) => query.bind(bytes),
            };
        }
        query.execute(conn).await.unwrap();
    }
}

/// A connection that writes fast and promises nothing.
pub async fn hurry(store: &Store, conn: &mut Connection) {
    let settings: &[&str] = match store.dialect() {
        Dialect::Sqlite => &[
            "PRAGMA synchronous = OFF",
            "PRAGMA cache_size = -1000000",
            "PRAGMA temp_store = MEMORY",
        ],
        Dialect::Postgres => &[
            "SET synchronous_commit = off",
            "SET maintenance_work_mem = '1GB'",
        ],
    };
    for setting in settings {
        execute(conn, setting).await;
    }
}

pub async fn execute(conn: &mut Connection, statement: &str) {
    sqlx::query(AssertSqlSafe(statement.to_owned()))
        .execute(conn)
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// Takes the indexes of these tables away that are not their primary keys; gives the statements that make them.
pub async fn without_indexes(store: &Store, conn: &mut Connection, tables: &[&str]) -> Vec<String> {
    let query = match store.dialect() {
        Dialect::Sqlite => {
            "SELECT name, tbl_name AS place, sql AS made FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        }
        Dialect::Postgres => {
            "SELECT CAST(indexname AS TEXT) AS name, CAST(tablename AS TEXT) AS place, indexdef AS made FROM pg_indexes
             WHERE schemaname = current_schema() AND indexname NOT LIKE '%_pkey'"
        }
    };
    let rows = sqlx::query(query).fetch_all(&mut *conn).await.unwrap();
    let mut made = Vec::new();
    for row in rows {
        if tables.contains(&row.get::<String, _>("place").as_str()) {
            let name: String = row.get("name");
            execute(conn, &format!("DROP INDEX {name}")).await;
            made.push(row.get("made"));
        }
    }
    made
}
