//! Fresh databases for tests: SQLite in a temporary folder and PostgreSQL in a schema of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::{Dialect, Store, seal::Sealer};
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
    _folder: Option<tempfile::TempDir>,
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
        let tables = match self.store.dialect() {
            Dialect::Sqlite => {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            }
            Dialect::Postgres => {
                "SELECT CAST(table_name AS TEXT) AS name FROM information_schema.tables WHERE table_schema = current_schema()"
            }
        };
        let mut connection = self.store.read().await.expect("the database answers");
        let tables = sqlx::query(tables)
            .fetch_all(&mut *connection)
            .await
            .expect("tables are listed");
        let mut counts = BTreeMap::new();
        for table in tables {
            let name: String = table.try_get("name").expect("a name");
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

/// One fresh store of each database. PostgreSQL is found by `YINXIN_TEST_POSTGRES`; `cargo xtask test` starts one.
///
/// # Panics
/// When a database cannot be opened: a test without its database has not passed.
pub async fn stores() -> Vec<TestStore> {
    vec![sqlite().await, postgres().await]
}

/// A fresh SQLite database in a temporary folder.
pub async fn sqlite() -> TestStore {
    let folder = tempfile::tempdir().expect("temporary folder");
    let url = format!("sqlite://{}/yinxin.db", folder.path().display());
    let store = Store::open_with(&url, 8, None).await.expect("SQLite opens");
    TestStore {
        store,
        sealer: Arc::new(Sealer::new(&[7; 32])),
        name: "sqlite",
        _folder: Some(folder),
    }
}

/// A fresh schema of the PostgreSQL database for tests.
pub async fn postgres() -> TestStore {
    let url = std::env::var("YINXIN_TEST_POSTGRES")
        .unwrap_or_else(|_| "postgres://yinxin:yinxin@127.0.0.1:54329/yinxin".to_owned());
    let schema = format!("t{}", uuid::Uuid::new_v4().simple());
    sqlx::any::install_default_drivers();
    let mut connection = <sqlx::AnyConnection as sqlx::Connection>::connect(&url)
        .await
        .expect(
            "PostgreSQL answers; `cargo xtask test unit` starts one and sets YINXIN_TEST_POSTGRES",
        );
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE SCHEMA {schema}")))
        .execute(&mut connection)
        .await
        .expect("schema is created");
    let store = Store::open_with(&url, 8, Some(schema))
        .await
        .expect("PostgreSQL opens");
    TestStore {
        store,
        sealer: Arc::new(Sealer::new(&[7; 32])),
        name: "postgres",
        _folder: None,
    }
}
