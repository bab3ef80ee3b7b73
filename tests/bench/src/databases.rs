//! The two databases, each fresh.

use std::path::Path;
use yinxin_store::Store;

/// A database to measure on.
pub struct Database {
    pub name: &'static str,
    pub url: String,
    /// Holds the file of an SQLite database.
    pub folder: tempfile::TempDir,
}

/// An SQLite file and a database of the PostgreSQL that `cargo xtask bench` has started.
pub async fn databases(name: &str) -> Vec<Database> {
    vec![sqlite(), postgres(name).await]
}

pub fn sqlite() -> Database {
    let folder = folder();
    Database {
        name: "SQLite",
        url: format!("sqlite://{}", folder.path().join("yinxin.db").display()),
        folder,
    }
}

/// On the disk that the build is on: the system's temporary folder may be memory, where nothing costs a write.
pub fn folder() -> tempfile::TempDir {
    let place = std::env::var_os("YINXIN_BENCH_FOLDER").unwrap_or_else(|| "/var/tmp".into());
    tempfile::tempdir_in(Path::new(&place)).expect("a folder for the benchmark")
}

/// A database named `name`, in place of one that was there.
///
/// # Panics
/// When no PostgreSQL answers.
pub async fn postgres(name: &str) -> Database {
    let server = std::env::var("YINXIN_TEST_POSTGRES")
        .expect("`cargo xtask bench` starts a PostgreSQL and sets YINXIN_TEST_POSTGRES");
    sqlx::any::install_default_drivers();
    let mut connection = <sqlx::AnyConnection as sqlx::Connection>::connect(&server)
        .await
        .expect("PostgreSQL answers");
    for statement in [
        format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        format!("CREATE DATABASE {name}"),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&mut connection)
            .await
            .expect("a database is made");
    }
    let (before, _) = server.rsplit_once('/').expect("the address of a database");
    Database {
        name: "PostgreSQL",
        url: format!("{before}/{name}"),
        folder: folder(),
    }
}

impl Database {
    pub async fn open(&self) -> Store {
        Store::open(&self.url).await.expect("the database opens")
    }
}
