//! Programs that run beside a test.

use anyhow::{Context, Result, bail};
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// Components are compiled at the first start, on a machine that may be busy with other tests.
const START_LIMIT: Duration = Duration::from_secs(120);
/// Where [`free_port`] looks.
const PORTS: Range<u16> = 16_384..32_768;
/// Requests under way may end.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// A program that runs until it is stopped or killed; what it says goes into a file.
pub struct Companion {
    child: Child,
    name: &'static str,
    log: PathBuf,
}

impl Companion {
    /// Starts the program; what it says is added to `log`.
    pub fn start(
        name: &'static str,
        program: &Path,
        words: &[String],
        environment: &[(String, String)],
        log: PathBuf,
    ) -> Result<Self> {
        let file = File::options().create(true).append(true).open(&log)?;
        let child = Command::new(program)
            .args(words)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} could not be started", program.display()))?;
        Ok(Self { child, name, log })
    }

    /// Number of the process, while it lives.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until the address answers with 200.
    pub async fn until_ready(&mut self, port: u16, path: &str) -> Result<()> {
        let begun = Instant::now();
        while !answers(port, path).await {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}:\n{}", self.name, self.last_words());
            }
            if begun.elapsed() > START_LIMIT {
                bail!("{} does not answer:\n{}", self.name, self.last_words());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub async fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// SIGTERM, and SIGKILL for one that does not end.
    pub async fn stop(&mut self) -> Result<()> {
        if let Some(id) = self.child.id() {
            signal(id, "TERM").await?;
        }
        if tokio::time::timeout(STOP_LIMIT, self.child.wait())
            .await
            .is_err()
        {
            self.child.kill().await?;
            bail!("{} did not stop:\n{}", self.name, self.last_words());
        }
        Ok(())
    }

    /// The end of what it said.
    pub fn last_words(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let from = text.len().saturating_sub(4_000);
        String::from_utf8_lossy(&text[from..]).into_owned()
    }
}

/// Sends a signal by its name: `STOP`, `CONT`, `TERM`.
pub async fn signal(process: u32, name: &str) -> Result<()> {
    let status = Command::new("kill")
        .args([format!("-{name}"), process.to_string()])
        .status()
        .await?;
    if !status.success() {
        bail!("process {process} takes no signal {name}");
    }
    Ok(())
}

/// A port of the loopback interface that nobody uses now. Linux gives connections that go out ports from 32768 on: none of
/// them takes this one while its server is down.
pub fn free_port() -> Result<u16> {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    // Processes that look at the same time begin at different places.
    let first = std::process::id().wrapping_mul(61);
    for _ in PORTS {
        let next = first.wrapping_add(ASKED.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + u16::try_from(next % u32::from(PORTS.end - PORTS.start))?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port of {PORTS:?} is free")
}

async fn answers(port: u16, path: &str) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut first = [0; 12]; // `HTTP/1.1 200`
        stream.read_exact(&mut first).await?;
        std::io::Result::Ok(first.ends_with(b"200"))
    };
    let answer = tokio::time::timeout(Duration::from_secs(5), ask).await;
    matches!(answer, Ok(Ok(true)))
}
