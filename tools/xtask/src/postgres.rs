//! A PostgreSQL for one run of the tests or benchmarks: its own cluster in a temporary folder, on a free port, gone afterwards.

use crate::processes::{capture, find, run, say, succeeds};
use crate::setup::is_root;
use anyhow::{Context, Result, bail};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A cluster answers within a second; a loaded machine may take longer.
const START_LIMIT: Duration = Duration::from_secs(60);

pub struct Postgres {
    server: Child,
    port: u16,
    folder: TempDir,
}

/// The folder with `initdb`, `postgres` and `pg_isready`: Debian's newest, or the one on the path.
pub fn programs() -> Option<PathBuf> {
    let whole = |folder: &PathBuf| {
        ["initdb", "postgres", "pg_isready"]
            .iter()
            .all(|name| folder.join(name).is_file())
    };
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let number = |folder: &PathBuf| -> u32 {
        let version = folder
            .parent()
            .and_then(Path::file_name)
            .map(|name| name.to_string_lossy().into_owned());
        version
            .and_then(|version| version.parse().ok())
            .unwrap_or_default()
    };
    let packaged = versions
        .map(|version| version.path().join("bin"))
        .filter(whole)
        .max_by_key(number);
    packaged.or_else(|| {
        find("initdb")
            .and_then(|file| file.parent().map(Path::to_owned))
            .filter(whole)
    })
}

/// What a commit promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Nothing has to survive a crash, as in tests.
    None,
    /// As an operator has it, so that a commit costs what it costs.
    Full,
}

impl Postgres {
    pub fn start(durability: Durability) -> Result<Self> {
        let programs = programs().context("PostgreSQL is not installed")?;
        let folder = tempfile::Builder::new()
            .prefix("yinxin-postgres-")
            .tempdir()?;
        let user = user()?;
        if let Some(user) = &user {
            run(Command::new("chown").arg(user).arg(folder.path()))?;
        }
        let data = folder.path().join("data");
        say("Starting", "a PostgreSQL of our own");
        let mut initdb = command(&programs.join("initdb"), user.as_deref(), folder.path());
        initdb.args([
            "--username=yinxin",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "--pgdata",
        ]);
        capture(initdb.arg(&data))?;

        // Taken and given back: between the two somebody else could take it, and the start would fail with a word.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let mut server = command(&programs.join("postgres"), user.as_deref(), folder.path());
        server
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .args(["-h", "127.0.0.1", "-p", &port.to_string()]);
        // Tests open a pool each.
        server.args(["-c", "max_connections=300"]);
        if durability == Durability::None {
            for setting in [
                "fsync=off",
                "synchronous_commit=off",
                "full_page_writes=off",
                // The log of what is written would grow to a gigabyte.
                "wal_level=minimal",
                "max_wal_senders=0",
                "max_wal_size=128MB",
            ] {
                server.args(["-c", setting]);
            }
        }
        let log = std::fs::File::create(folder.path().join("log"))?;
        let server = server
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let mut started = Self {
            server,
            port,
            folder,
        };
        started.wait(&programs)?;
        Ok(started)
    }

    pub fn url(&self) -> String {
        format!("postgres://yinxin@127.0.0.1:{}/postgres", self.port)
    }

    fn wait(&mut self, programs: &Path) -> Result<()> {
        let begun = Instant::now();
        let port = self.port.to_string();
        let ready = || {
            succeeds(Command::new(programs.join("pg_isready")).args([
                "-h",
                "127.0.0.1",
                "-p",
                &port,
            ]))
        };
        while !ready() {
            if self.server.try_wait()?.is_some() || begun.elapsed() > START_LIMIT {
                let log =
                    std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                bail!("PostgreSQL does not start:\n{log}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT is PostgreSQL's fast shutdown; the folder goes after it.
        if succeeds(Command::new("kill").args(["-INT", &self.server.id().to_string()])) {
            self.server.wait().ok();
        }
    }
}

/// PostgreSQL refuses to run as root: then it runs as the user of Debian's package, or as nobody.
fn user() -> Result<Option<String>> {
    if !is_root()? {
        return Ok(None);
    }
    let known = |name: &&str| succeeds(Command::new("id").arg(name));
    let user = ["postgres", "nobody"]
        .into_iter()
        .find(known)
        .context("there is no user to run PostgreSQL as")?;
    Ok(Some(user.to_owned()))
}

/// The program as the user; it is told to stop when we are gone without a word.
fn command(program: &Path, user: Option<&str>, folder: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "INT"]);
    if let Some(user) = user {
        command.args(["--reuid", user, "--regid", &group_of(user), "--init-groups"]);
    }
    command.arg("--").arg(program).current_dir(folder);
    command
}

fn group_of(user: &str) -> String {
    capture(Command::new("id").args(["--group", user]))
        .map_or_else(|_| user.to_owned(), |id| id.trim().to_owned())
}
