//! The simulators and the server on free ports, with data of their own.

use crate::diary::Diary;
use crate::processes::{Companion, free_port};
use crate::simulated::Simulated;
use anyhow::{Context, Result, bail};
use sqlx::Connection;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::process::Command;

/// Password of the clerks that a server with simulators makes, one for each role.
pub const CLERK_PASSWORD: &str = "yinxin-demo-2026";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// A file in the data folder.
    Sqlite,
    /// A database of its own in the PostgreSQL that `YINXIN_TEST_POSTGRES` names; `cargo xtask test` starts one.
    Postgres,
}

/// How a house differs from the usual one.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Instead of a fresh database of the kind.
    pub database_url: Option<String>,
    /// Instead of a folder `data` in the house's own.
    pub data: Option<PathBuf>,
    /// Instead of the repository's `sites`.
    pub sites: Option<PathBuf>,
    /// Instead of the built plugins.
    pub plugins: Option<PathBuf>,
    /// Where mail goes, `127.0.0.1:2525`, instead of the simulators' own mailbox.
    pub smtp: Option<String>,
    /// More words for `yinxin serve`.
    pub words: Vec<String>,
    /// More of the environment for `yinxin serve`.
    pub environment: Vec<(String, String)>,
    /// Instead of the built `yinxin`: a program that becomes it.
    pub server: Option<PathBuf>,
    /// Ports of the simulators' HTTP and SMTP, where the caller has to know them before.
    pub simulators: Option<[u16; 2]>,
    /// Clients come to the server itself; otherwise each browser says, as a proxy would, which address it comes from.
    pub no_proxy: bool,
    /// Ports by which the server reaches the two, where something stands in between.
    pub lines: Option<[u16; 2]>,
}

pub struct House {
    folder: TempDir,
    options: Options,
    database_url: Option<String>,
    pub port: u16,
    simulators_port: u16,
    smtp_port: u16,
    simulators: Option<Companion>,
    server: Option<Companion>,
    pub simulated: Simulated,
    /// What its people have sent, and what they were answered.
    pub diary: Diary,
}

impl House {
    /// Starts simulators and server, and waits until both answer.
    pub async fn open(database: Database) -> Result<Self> {
        Self::open_with(database, Options::default()).await
    }

    pub async fn open_with(database: Database, options: Options) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("yinxin-house-").tempdir()?;
        let database_url = match (&options.database_url, database) {
            (Some(url), _) => Some(url.clone()),
            (None, Database::Sqlite) => None,
            (None, Database::Postgres) => Some(fresh_postgres().await?),
        };
        let [simulators_port, smtp_port] = match options.simulators {
            Some(ports) => ports,
            None => [free_port()?, free_port()?],
        };
        let mut house = Self {
            folder,
            options,
            database_url,
            port: free_port()?,
            simulators_port,
            smtp_port,
            simulators: None,
            server: None,
            simulated: Simulated::at(simulators_port)?,
            diary: Diary::default(),
        };
        house.start_simulators().await?;
        house.start_server().await?;
        Ok(house)
    }

    pub async fn start_simulators(&mut self) -> Result<()> {
        let words = [
            format!("--listen=127.0.0.1:{}", self.simulators_port),
            format!("--smtp-listen=127.0.0.1:{}", self.smtp_port),
            format!("--state-dir={}", self.simulators_state().display()),
        ];
        let program = program("YINXIN_SIMULATORS_BIN", "yinxin-simulators");
        let log = self.folder.path().join("simulators.log");
        let mut companion = Companion::start("the simulators", &program, &words, &[], log)?;
        companion.until_ready(self.simulators_port, "/").await?;
        self.simulators = Some(companion);
        Ok(())
    }

    /// Starts the server on the same data and port as before.
    pub async fn start_server(&mut self) -> Result<()> {
        let direct = [self.simulators_port, self.smtp_port];
        let [simulators, line] = self.options.lines.unwrap_or(direct);
        let own = || format!("127.0.0.1:{line}");
        let smtp = self.options.smtp.clone().unwrap_or_else(own);
        let mut words = vec![
            "serve".to_owned(),
            format!("--listen=127.0.0.1:{}", self.port),
            format!("--simulators=http://127.0.0.1:{simulators}"),
            format!("--simulators-smtp={smtp}"),
            format!("--simulators-state={}", self.simulators_state().display()),
        ];
        if !self.options.no_proxy {
            // So that limits for one address do not bind all.
            words.push("--behind-proxy".to_owned());
        }
        words.extend(self.places());
        words.extend(self.options.words.iter().cloned());
        let environment = &self.options.environment;
        let program = self.options.server.clone();
        let program = program.unwrap_or_else(server_program);
        let mut companion =
            Companion::start("yinxin", &program, &words, environment, self.server_log())?;
        companion.until_ready(self.port, "/readyz").await?;
        self.server = Some(companion);
        Ok(())
    }

    /// Kills the server at once, as a power failure of the process would.
    pub async fn kill_server(&mut self) -> Result<()> {
        match self.server.take() {
            Some(mut server) => server.kill().await,
            None => bail!("the server does not run"),
        }
    }

    /// Asks the server to end.
    pub async fn stop_server(&mut self) -> Result<()> {
        match self.server.take() {
            Some(mut server) => server.stop().await,
            None => Ok(()),
        }
    }

    /// Ends the simulators; what they know of payments stays in their folder, what phones and mailboxes hold does not.
    pub async fn stop_simulators(&mut self) -> Result<()> {
        match self.simulators.take() {
            Some(mut simulators) => simulators.stop().await,
            None => Ok(()),
        }
    }

    /// Numbers of the processes of server and simulators.
    pub fn processes(&self) -> (Option<u32>, Option<u32>) {
        let id = |companion: &Option<Companion>| companion.as_ref().and_then(Companion::id);
        (id(&self.server), id(&self.simulators))
    }

    /// Runs an operator's command, such as `audit verify`, on the house's data; gives what it printed.
    pub async fn command(&self, words: &[&str]) -> Result<String> {
        let output = Command::new(server_program())
            .args(words)
            .args(self.places())
            .env("NO_COLOR", "1")
            .output()
            .await?;
        let said =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        if !output.status.success() {
            bail!(
                "yinxin {}: {}\n{}",
                words.join(" "),
                output.status,
                said.join("\n")
            );
        }
        Ok(said.concat())
    }

    /// Address of a page: `house.address("yingtan", "/login")`.
    pub fn address(&self, site: &str, path: &str) -> String {
        format!("http://{site}.localhost:{}{path}", self.port)
    }

    /// Folder of database, blobs and keys.
    pub fn data(&self) -> PathBuf {
        let own = || self.folder.path().join("data");
        self.options.data.clone().unwrap_or_else(own)
    }

    /// Where the database is, as `--database` takes it.
    pub fn database_url(&self) -> String {
        let own = || format!("sqlite://{}/yinxin.db", self.data().display());
        self.database_url.clone().unwrap_or_else(own)
    }

    /// What the server has said since its first start.
    pub fn server_log(&self) -> PathBuf {
        self.folder.path().join("yinxin.log")
    }

    /// A folder of the house that vanishes with it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn simulators_state(&self) -> PathBuf {
        self.folder.path().join("simulators")
    }

    fn places(&self) -> Vec<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let sites = self
            .options
            .sites
            .clone()
            .unwrap_or_else(|| root.join("sites"));
        let plugins = self.options.plugins.clone().unwrap_or_else(built_plugins);
        let mut places = vec![
            format!("--sites={}", sites.display()),
            format!("--plugins={}", plugins.display()),
            format!("--data={}", self.data().display()),
            format!("--secrets={}", self.simulators_state().display()),
        ];
        places.extend(
            self.database_url
                .iter()
                .map(|url| format!("--database={url}")),
        );
        places
    }
}

/// The built server.
pub fn server_program() -> PathBuf {
    program("YINXIN_BIN", "yinxin")
}

/// A database of its own, which stays until the PostgreSQL goes.
async fn fresh_postgres() -> Result<String> {
    let base = std::env::var("YINXIN_TEST_POSTGRES")
        .context("YINXIN_TEST_POSTGRES names no PostgreSQL: run this by `cargo xtask test`")?;
    let name = format!("house_{}", uuid::Uuid::new_v4().simple());
    let mut connection = sqlx::PgConnection::connect(&base).await?;
    let create = format!("CREATE DATABASE {name}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(create))
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    let mut url = url::Url::parse(&base)?;
    url.set_path(&name);
    Ok(url.to_string())
}

/// Folder of the built plugins.
pub fn built_plugins() -> PathBuf {
    std::env::var_os("YINXIN_COMPONENTS").map_or_else(|| target().join("plugins"), PathBuf::from)
}

fn program(variable: &str, name: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| target().join("debug").join(name), PathBuf::from)
}

fn target() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(own, PathBuf::from)
}
