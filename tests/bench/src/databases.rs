//! The two databases, each fresh, or as it was kept.

use std::path::{Path, PathBuf};
use yinxin_store::Store;

/// A database to measure on.
pub struct Database {
    pub name: &'static str,
    pub url: String,
    /// Holds the file of an SQLite database, and what belongs to the server over it.
    pub folder: PathBuf,
    /// Takes the folder away in the end.
    _fresh: Option<tempfile::TempDir>,
}

/// An SQLite file and a database of the PostgreSQL that `cargo xtask bench` has started.
pub async fn databases(name: &str) -> Vec<Database> {
    vec![sqlite(), postgres(name).await]
}

pub fn sqlite() -> Database {
    let fresh = folder();
    let database = kept_sqlite(fresh.path());
    Database {
        _fresh: Some(fresh),
        ..database
    }
}

/// In a folder that stays.
pub fn kept_sqlite(folder: &Path) -> Database {
    Database {
        name: "SQLite",
        url: format!("sqlite://{}", folder.join("yinxin.db").display()),
        folder: folder.to_owned(),
        _fresh: None,
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
    let fresh = folder();
    for statement in [
        format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        format!("CREATE DATABASE {name}"),
    ] {
        execute(statement).await.expect("a database is made");
    }
    Database {
        folder: fresh.path().to_owned(),
        _fresh: Some(fresh),
        name: "PostgreSQL",
        url: address_of(name),
    }
}

/// A database named `name` that stays, as what belongs to it stays in `folder`. The PostgreSQL has to be one that stays too.
///
/// # Panics
/// When no PostgreSQL answers.
pub async fn kept_postgres(name: &str, folder: &Path) -> Database {
    let database = Database {
        name: "PostgreSQL",
        url: address_of(name),
        folder: folder.to_owned(),
        _fresh: None,
    };
    // It fails where there is one.
    execute(format!("CREATE DATABASE {name}")).await.ok();
    database
}

fn server() -> String {
    std::env::var("YINXIN_TEST_POSTGRES")
        .expect("`cargo xtask bench` starts a PostgreSQL and sets YINXIN_TEST_POSTGRES")
}

fn address_of(name: &str) -> String {
    let server = server();
    let (before, _) = server.rsplit_once('/').expect("the address of a database");
    format!("{before}/{name}")
}

async fn execute(statement: String) -> Result<(), sqlx::Error> {
    sqlx::any::install_default_drivers();
    let mut connection = <sqlx::AnyConnection as sqlx::Connection>::connect(&server()).await?;
    sqlx::query(sqlx::AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .map(drop)
}

impl Database {
    pub async fn open(&self) -> Store {
        Store::open(&self.url).await.expect("the database opens")
    }
}
