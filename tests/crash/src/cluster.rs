//! A PostgreSQL of one's own, to be stopped and started again. It keeps what it has acknowledged, as one in earnest does.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::process::Command;
use yinxin_house::processes::free_port;

const START_LIMIT: Duration = Duration::from_secs(60);

pub struct Cluster {
    programs: PathBuf,
    user: Option<&'static str>,
    port: u16,
    folder: TempDir,
}

impl Cluster {
    pub async fn start() -> Result<Self> {
        let programs = programs().context("PostgreSQL is not installed")?;
        // PostgreSQL refuses to run as root.
        let root = output(Command::new("id").arg("-u")).await?.trim() == "0";
        let cluster = Self {
            programs,
            user: root.then_some("postgres"),
            port: free_port()?,
            folder: tempfile::Builder::new()
                .prefix("yinxin-crash-postgres-")
                .tempdir()?,
        };
        if let Some(user) = cluster.user {
            output(Command::new("chown").arg(user).arg(cluster.folder.path())).await?;
        }
        let mut initdb = cluster.command("initdb");
        initdb.args([
            "--username=yinxin",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]);
        output(initdb.arg("--pgdata").arg(cluster.data())).await?;
        cluster.again().await?;
        Ok(cluster)
    }

    pub fn url(&self) -> String {
        format!("postgres://yinxin@127.0.0.1:{}/postgres", self.port)
    }

    /// As when its computer fails: nothing is finished, what was acknowledged is found in the log at the next start.
    pub async fn crash(&self) -> Result<()> {
        let mut stop = self.command("pg_ctl");
        output(
            stop.args(["stop", "-m", "immediate", "-D"])
                .arg(self.data()),
        )
        .await?;
        Ok(())
    }

    /// Starts it on the same data and port, and waits until it answers.
    pub async fn again(&self) -> Result<()> {
        // fsync is for a computer that fails, which this one does not.
        let options = format!(
            "-h 127.0.0.1 -p {} -k {} -c fsync=off -c max_connections=60",
            self.port,
            self.folder.path().display()
        );
        let mut start = self.command("pg_ctl");
        start
            .args(["start", "--no-wait", "-o", &options, "-D"])
            .arg(self.data());
        output(start.arg("-l").arg(self.folder.path().join("log"))).await?;
        let begun = Instant::now();
        loop {
            let port = self.port.to_string();
            let mut asked = self.command("pg_isready");
            if output(asked.args(["-h", "127.0.0.1", "-p", &port]))
                .await
                .is_ok()
            {
                return Ok(());
            }
            if begun.elapsed() > START_LIMIT {
                bail!("PostgreSQL does not start again");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = match self.user {
            Some(user) => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", user, "--regid", user, "--init-groups", "--"]);
                command.arg(program);
                command
            }
            None => Command::new(program),
        };
        command.current_dir(self.folder.path());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = self.command("pg_ctl").into_std();
        stop.args(["stop", "-m", "immediate", "-D"])
            .arg(self.data());
        stop.output().ok();
    }
}

/// The folder with PostgreSQL's programs: Debian's newest.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let number = |path: &Path| -> u32 {
        let name = path.parent().and_then(Path::file_name).unwrap_or_default();
        name.to_string_lossy().parse().unwrap_or_default()
    };
    versions
        .map(|version| version.path().join("bin"))
        .filter(|folder| folder.join("initdb").is_file())
        .max_by_key(|folder| number(folder))
}

async fn output(command: &mut Command) -> Result<String> {
    let output = command.output().await?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
