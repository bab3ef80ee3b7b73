//! Databases of the PostgreSQL that `YINXIN_TEST_POSTGRES` names. They stay until it goes.

use anyhow::{Context, Result};
use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use std::sync::atomic::{AtomicU64, Ordering};
use url::Url;

/// An empty one that sorts and compares texts as people in China do, where the tests of the store do so byte by byte.
///
/// # Errors
/// There is no PostgreSQL, or it makes none.
pub async fn create() -> Result<String> {
    named("TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'zh-CN' LOCALE 'C'").await
}

/// A copy of one that nobody is connected with.
///
/// # Errors
/// As [`create`]; somebody stays connected.
pub async fn copy(url: &str) -> Result<String> {
    let url = Url::parse(url)?;
    let name = url.path().trim_start_matches('/');
    named(&format!("TEMPLATE {name}")).await
}

async fn named(how: &str) -> Result<String> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let base = std::env::var("YINXIN_TEST_POSTGRES")
        .context("YINXIN_TEST_POSTGRES names no PostgreSQL: run this by `cargo xtask test`")?;
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("security_{}_{number}", std::process::id());
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(&base).await?;
    // One that an earlier process of the same number left.
    for statement in [
        format!("DROP DATABASE IF EXISTS {name}"),
        format!("CREATE DATABASE {name} {how}"),
    ] {
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut connection)
            .await?;
    }
    connection.close().await?;
    let mut url = Url::parse(&base)?;
    url.set_path(&name);
    Ok(url.to_string())
}
