//! The rows that one event writes, learned from the tables before and after it, and written again with sqlx and nothing
//! else: one transaction, one statement a row, no reads.

use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Column, Row, TypeInfo, ValueRef};
use std::collections::BTreeMap;
use yinxin_store::{Connection, Store};

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Null,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

type Columns = Vec<(String, Value)>;

/// All rows of all tables, by table and by what makes a row the only one.
pub struct Picture(BTreeMap<String, BTreeMap<String, Columns>>);

/// What is unique in each table.
struct Keys(BTreeMap<String, Vec<Vec<String>>>);

/// The rows that one event has written.
pub struct Rows {
    inserted: Vec<(String, Columns)>,
    /// With the names of their keys.
    updated: Vec<(String, Columns, Vec<String>)>,
    keys: Keys,
}

/// Texts shorter than this are words, not names of things.
const NAME: usize = 8;

/// Looks at every row. Of an SQLite database: the other one has the same tables.
pub async fn picture(conn: &mut Connection) -> Picture {
    let keys = keys(conn).await;
    let mut tables = BTreeMap::new();
    for (table, unique) in &keys.0 {
        let rows = sqlx::query(AssertSqlSafe(format!("SELECT * FROM {table}")))
            .fetch_all(&mut *conn)
            .await
            .unwrap();
        let rows = rows.iter().map(|row| {
            let columns = columns(row);
            let key: Vec<String> = unique[0]
                .iter()
                .map(|name| format!("{:?}", value(&columns, name)))
                .collect();
            (key.join("/"), columns)
        });
        tables.insert(table.clone(), rows.collect());
    }
    Picture(tables)
}

/// What became of the rows between the two.
pub async fn difference(conn: &mut Connection, before: &Picture, after: &Picture) -> Rows {
    let keys = keys(conn).await;
    let (mut inserted, mut updated) = (Vec::new(), Vec::new());
    for (table, rows) in &after.0 {
        for (key, columns) in rows {
            match before.0[table].get(key) {
                None => inserted.push((table.clone(), columns.clone())),
                Some(old) if old != columns => {
                    updated.push((table.clone(), columns.clone(), keys.0[table][0].clone()));
                }
                Some(_) => {}
            }
        }
    }
    Rows {
        inserted,
        updated,
        keys,
    }
}

impl Rows {
    pub fn count(&self) -> usize {
        self.inserted.len() + self.updated.len()
    }

    /// `2 jobs, 1 orders, …`
    pub fn summary(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let tables = self.inserted.iter().map(|(table, _)| table);
        for table in tables.chain(self.updated.iter().map(|(table, ..)| table)) {
            *counts.entry(table).or_default() += 1;
        }
        let counts: Vec<String> = counts
            .iter()
            .map(|(table, count)| format!("{count} {table}"))
            .collect();
        counts.join(", ")
    }

    /// Puts the rows that are updated where there are none yet.
    pub async fn prepare(&self, store: &Store) {
        let mut tx = store.begin().await.unwrap();
        for (table, columns, _) in &self.updated {
            insert(&mut tx, table, columns).await;
        }
        tx.commit().await.unwrap();
    }

    /// Writes them as the `turn`th event would.
    pub async fn write(&self, store: &Store, turn: i64) {
        let mut tx = store.begin().await.unwrap();
        for (table, columns, keys) in &self.updated {
            update(&mut tx, table, columns, keys).await;
        }
        for (table, columns) in &self.inserted {
            insert(&mut tx, table, &self.renamed(table, columns, turn)).await;
        }
        tx.commit().await.unwrap();
    }

    /// With other names and numbers in whatever has to be unique, of the same length.
    fn renamed(&self, table: &str, columns: &Columns, turn: i64) -> Columns {
        let unique: Vec<&String> = self.keys.0[table].iter().flatten().collect();
        let mut columns = columns.clone();
        for (name, value) in &mut columns {
            if name == "site" || !unique.contains(&&*name) {
                continue;
            }
            match value {
                Value::Number(number) => *number += turn,
                Value::Text(text) if text.len() >= NAME && text.is_ascii() => {
                    text.replace_range(..NAME, &format!("{turn:08x}"));
                }
                _ => {}
            }
        }
        columns
    }
}

async fn insert(conn: &mut Connection, table: &str, columns: &Columns) {
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let places: Vec<String> = (1..=columns.len()).map(|n| format!("${n}")).collect();
    let text = format!(
        "INSERT INTO {table} ({}) VALUES ({})",
        names.join(", "),
        places.join(", ")
    );
    execute(conn, text, columns.iter().map(|(_, value)| value)).await;
}

async fn update(conn: &mut Connection, table: &str, columns: &Columns, keys: &[String]) {
    let (mut set, mut at, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (n, (name, value)) in columns.iter().enumerate() {
        let part = format!("{name} = ${}", n + 1);
        if keys.contains(name) {
            at.push(part);
        } else {
            set.push(part);
        }
        values.push(value);
    }
    let text = format!(
        "UPDATE {table} SET {} WHERE {}",
        set.join(", "),
        at.join(" AND ")
    );
    execute(conn, text, values.into_iter()).await;
}

async fn execute<'v>(conn: &mut Connection, text: String, values: impl Iterator<Item = &'v Value>) {
    let mut query = sqlx::query(AssertSqlSafe(text.clone()));
    for value in values {
        query = match value {
            Value::Null => query.bind(None::<String>),
            Value::Number(number) => query.bind(*number),
            Value::Text(text) => query.bind(text.clone()),
            Value::Bytes(bytes) => query.bind(bytes.clone()),
        };
    }
    let done = query.execute(conn).await;
    let done = done.unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(done.rows_affected(), 1, "{text}");
}

fn columns(row: &AnyRow) -> Columns {
    row.columns()
        .iter()
        .map(|column| {
            let name = column.name();
            let raw = row.try_get_raw(name).unwrap();
            let value = match raw.type_info().name() {
                _ if raw.is_null() => Value::Null,
                "BIGINT" | "INTEGER" => Value::Number(row.get(name)),
                "TEXT" => Value::Text(row.get(name)),
                "BLOB" => Value::Bytes(row.get(name)),
                other => panic!("a column of type {other}"),
            };
            (name.to_owned(), value)
        })
        .collect()
}

fn value<'c>(columns: &'c Columns, name: &str) -> &'c Value {
    let found = columns.iter().find(|(known, _)| known == name);
    &found.unwrap().1
}

/// The primary key first.
async fn keys(conn: &mut Connection) -> Keys {
    let tables = names(
        conn,
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'
         AND name NOT LIKE '%migrations'",
    )
    .await;
    let mut keys = BTreeMap::new();
    for table in tables {
        let primary = format!("SELECT name FROM pragma_table_info('{table}') WHERE pk > 0");
        let mut unique = vec![names(conn, &primary).await];
        let indexes = format!(
            "SELECT name FROM pragma_index_list('{table}') WHERE \"unique\" = 1 AND origin = 'c'"
        );
        for index in names(conn, &indexes).await {
            let columns = format!("SELECT name FROM pragma_index_info('{index}')");
            unique.push(names(conn, &columns).await);
        }
        keys.insert(table, unique);
    }
    Keys(keys)
}

async fn names(conn: &mut Connection, query: &str) -> Vec<String> {
    let rows = sqlx::query(AssertSqlSafe(query.to_owned()))
        .fetch_all(conn)
        .await
        .unwrap();
    rows.iter().map(|row| row.get("name")).collect()
}
