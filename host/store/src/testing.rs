//! Fresh databases for tests: SQLite in a temporary folder and PostgreSQL in a schema of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod faults;

use crate::{Connection, Dialect, Store, Transaction, seal::Sealer};
use sqlx::Row;
use std::collections::BTreeMap;
use std::sync::Arc;
use yinxin_core::time::Millis;

/// A store that vanishes with the value.
#[derive(Debug)]
pub struct TestStore {
    pub store: Store,
    pub sealer: Arc<Sealer>,
    pub name: &'static str,
    _place: Place,
}

/// What goes with it.
#[derive(Debug)]
enum Place {
    Folder {
        _folder: tempfile::TempDir,
    },
    Schema {
        _schema: Schema,
    },
    /// Stays until PostgreSQL goes.
    Database,
}

/// A schema of the PostgreSQL database, 2.6 MB with all its empty tables.
#[derive(Debug)]
struct Schema(String);

impl Drop for Schema {
    fn drop(&mut self) {
        // What still holds a lock is waited for, but not by a test; a thread of its own, since this one may run a runtime.
        let statements = format!("SET lock_timeout = '10s'; DROP SCHEMA {} CASCADE", self.0);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.map(|runtime| runtime.block_on(execute(statements)).ok())
        });
    }
}

impl std::ops::Deref for TestStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl TestStore {
    /// How many rows each table has, to see that something left nothing behind.
    pub async fn rows(&self) -> BTreeMap<String, i64> {
        let mut connection = self.store.read().await.expect("the database answers");
        let mut counts = BTreeMap::new();
        for name in tables(&mut connection, self.store.dialect()).await {
            let count = sqlx::query(sqlx::AssertSqlSafe(format!(
                "SELECT COUNT(*) AS n FROM {name}"
            )));
            let count = count
                .fetch_one(&mut *connection)
                .await
                .expect("rows are counted");
            counts.insert(name, count.try_get("n").expect("a count"));
        }
        counts
    }

    /// Has all jobs of a kind that are done run again: as if each worker had died after it did its job and before it
    /// could say so. Gives their number.
    pub async fn forget_done(&self, kind: &str) -> u64 {
        let mut connection = self.store.read().await.expect("the database answers");
        sqlx::query("UPDATE jobs SET state = 'queued' WHERE kind = $1 AND state = 'done'")
            .bind(kind.to_owned())
            .execute(&mut *connection)
            .await
            .expect("jobs are put back")
            .rows_affected()
    }

    /// Has every read of a table of the PostgreSQL database wait, as while an operator alters it, until the transaction is
    /// dropped.
    pub async fn withhold(&self, table: &str) -> Transaction {
        let mut transaction = self.store.begin().await.expect("the database answers");
        let lock = format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
        sqlx::query(sqlx::AssertSqlSafe(lock))
            .execute(&mut *transaction)
            .await
            .expect("the table is locked");
        transaction
    }

    /// Copies an SQLite database into a new file, so that the operator's commands can be tried on it.
    pub async fn save(&self, file: &std::path::Path) {
        let mut connection = self.store.read().await.expect("the database answers");
        sqlx::query("VACUUM INTO $1")
            .bind(file.display().to_string())
            .execute(&mut *connection)
            .await
            .expect("the database is copied");
    }

    /// Puts off the queued jobs of a kind, as when their worker is busy.
    pub async fn delay(&self, kind: &str, until: Millis) {
        let mut connection = self.store.read().await.expect("the database answers");
        sqlx::query("UPDATE jobs SET run_at = $2 WHERE kind = $1 AND state = 'queued'")
            .bind(kind.to_owned())
            .bind(until.0)
            .execute(&mut *connection)
            .await
            .expect("jobs are put off");
    }
}

/// Names of all tables.
async fn tables(connection: &mut Connection, dialect: Dialect) -> Vec<String> {
    let tables = match dialect {
        Dialect::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        }
        Dialect::Postgres => {
            "SELECT CAST(table_name AS TEXT) AS name FROM information_schema.tables WHERE table_schema = current_schema()"
        }
    };
    let tables = sqlx::query(tables)
        .fetch_all(connection)
        .await
        .expect("tables are listed");
    tables
        .iter()
        .map(|table| table.try_get("name").expect("a name"))
        .collect()
}

/// Jobs that somebody still has to do by `until`, or that seem to be under way: kind, state and what was last said of it.
pub async fn unfinished_jobs(store: &Store, until: Millis) -> Vec<String> {
    let mut connection = store.read().await.expect("the database answers");
    let rows = sqlx::query(
        "SELECT kind, state, last_error FROM jobs WHERE state IN ('running', 'dead') OR state = 'queued' AND run_at <= $1",
    )
    .bind(until.0)
    .fetch_all(&mut *connection)
    .await
    .expect("jobs are listed");
    let text =
        |row: &sqlx::any::AnyRow, column: &str| -> String { row.try_get(column).expect("a text") };
    rows.iter()
        .map(|row| {
            format!(
                "{} {} {}",
                text(row, "kind"),
                text(row, "state"),
                text(row, "last_error")
            )
        })
        .collect()
}

/// Keys of the objects that the tables know of, each with its state.
pub async fn known_objects(store: &Store) -> BTreeMap<String, String> {
    let mut connection = store.read().await.expect("the database answers");
    let rows = sqlx::query("SELECT key, state FROM blobs")
        .fetch_all(&mut *connection)
        .await
        .expect("objects are listed");
    rows.iter()
        .map(|row| {
            (
                row.try_get("key").expect("a key"),
                row.try_get("state").expect("a state"),
            )
        })
        .collect()
}

/// One fresh store of each database. PostgreSQL is found by `YINXIN_TEST_POSTGRES`; `cargo xtask test` starts one.
///
/// # Panics
/// When a database cannot be opened: a test without its database has not passed.
pub async fn stores() -> Vec<TestStore> {
    stores_with(CONNECTIONS).await
}

/// The same with so many connections; a host has sixteen.
///
/// # Panics
/// As [`stores`].
pub async fn stores_with(connections: u32) -> Vec<TestStore> {
    vec![
        sqlite_with(connections).await,
        postgres_with(connections).await,
    ]
}

/// Of a usual test's store: many of them are open at once, over one small PostgreSQL.
const CONNECTIONS: u32 = 8;

/// A fresh SQLite database in a temporary folder.
pub async fn sqlite() -> TestStore {
    sqlite_with(CONNECTIONS).await
}

async fn sqlite_with(connections: u32) -> TestStore {
    let folder = tempfile::tempdir().expect("temporary folder");
    let url = format!("sqlite://{}/yinxin.db", folder.path().display());
    let store = Store::open_with(&url, connections, None)
        .await
        .expect("SQLite opens");
    TestStore {
        store,
        sealer: Arc::new(Sealer::new(&[7; 32])),
        name: "sqlite",
        _place: Place::Folder { _folder: folder },
    }
}

/// A fresh schema of the PostgreSQL database for tests.
pub async fn postgres() -> TestStore {
    postgres_with(CONNECTIONS).await
}

async fn postgres_with(connections: u32) -> TestStore {
    let schema = format!("t{}", uuid::Uuid::new_v4().simple());
    create(format!("CREATE SCHEMA {schema}")).await;
    let place = Place::Schema {
        _schema: Schema(schema.clone()),
    };
    postgres_at(&postgres_url(), connections, Some(schema), place).await
}

/// A fresh PostgreSQL database that sorts texts as people in China do; the usual one sorts them by their bytes.
pub async fn postgres_in_chinese() -> TestStore {
    let name = format!("chinese_{}", uuid::Uuid::new_v4().simple());
    let how = "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'zh-CN' LOCALE 'C'";
    create(format!("CREATE DATABASE {name} {how}")).await;
    let url = postgres_url();
    let (server, _) = url
        .rsplit_once('/')
        .expect("an address ends with a database");
    postgres_at(
        &format!("{server}/{name}"),
        CONNECTIONS,
        None,
        Place::Database,
    )
    .await
}

fn postgres_url() -> String {
    std::env::var("YINXIN_TEST_POSTGRES")
        .unwrap_or_else(|_| "postgres://yinxin:yinxin@127.0.0.1:54329/yinxin".to_owned())
}

async fn create(statement: String) {
    execute(statement).await.expect(
        "PostgreSQL answers; `cargo xtask test unit` starts one and sets YINXIN_TEST_POSTGRES",
    );
}

async fn execute(statements: String) -> Result<(), sqlx::Error> {
    sqlx::any::install_default_drivers();
    let mut connection =
        <sqlx::AnyConnection as sqlx::Connection>::connect(&postgres_url()).await?;
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements))
        .execute(&mut connection)
        .await?;
    Ok(())
}

async fn postgres_at(
    url: &str,
    connections: u32,
    schema: Option<String>,
    place: Place,
) -> TestStore {
    let store = Store::open_with(url, connections, schema)
        .await
        .expect("PostgreSQL opens");
    TestStore {
        store,
        sealer: Arc::new(Sealer::new(&[7; 32])),
        name: "postgres",
        _place: place,
    }
}
