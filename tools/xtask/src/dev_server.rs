//! `cargo xtask run`: the simulators and the server on this machine, until Ctrl-C.

use crate::arguments::RunOptions;
use crate::processes::say;
use crate::workspace::Workspace;
use crate::{components, setup};
use anyhow::{Context, Result, bail};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Command as Programme, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

/// Compiling the plugins and setting up the database take a few seconds on a slow machine.
const START_LIMIT: Duration = Duration::from_secs(90);
/// The server lets requests in progress end.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// Where everything listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ports {
    sites: u16,
    simulators: u16,
    mail: u16,
}

impl Ports {
    fn above(sites: u16) -> Self {
        Self {
            sites,
            simulators: sites + 10,
            mail: sites + 9,
        }
    }
}

pub fn run(workspace: &Workspace, options: &RunOptions) -> Result<()> {
    setup::wasm_target()?;
    setup::debian([&setup::FONTS])?;
    components::build_plugins(workspace)?;
    components::build_programs(workspace)?;
    let var = workspace.root().join("var");
    if options.fresh && var.exists() {
        say("Deleting", "./var");
        std::fs::remove_dir_all(&var).context("./var cannot be deleted")?;
    }
    std::fs::create_dir_all(&var).context("./var cannot be made")?;
    let ports = Ports::above(options.port);
    for port in [ports.sites, ports.simulators, ports.mail] {
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err() {
            bail!("port {port} is taken; choose others with --port");
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(workspace, var, ports))
}

fn simulators(workspace: &Workspace, var: &std::path::Path, ports: Ports) -> Command {
    let mut command = Command::new(workspace.program("yinxin-simulators"));
    command
        .args(["--listen", &format!("127.0.0.1:{}", ports.simulators)])
        .args(["--smtp-listen", &format!("127.0.0.1:{}", ports.mail)])
        .arg("--state-dir")
        .arg(var.join("simulators"));
    command
}

fn server(workspace: &Workspace, var: &std::path::Path, ports: Ports) -> Command {
    let mut command = Command::new(workspace.program("yinxin"));
    command
        .arg("serve")
        .args(["--listen", &format!("127.0.0.1:{}", ports.sites)])
        .arg("--sites")
        .arg(workspace.root().join("sites"))
        .arg("--plugins")
        .arg(workspace.plugins_dir())
        .arg("--data")
        .arg(var.join("data"))
        .args([
            "--simulators",
            &format!("http://127.0.0.1:{}", ports.simulators),
        ])
        .args(["--simulators-smtp", &format!("127.0.0.1:{}", ports.mail)])
        .arg("--simulators-state")
        .arg(var.join("simulators"));
    command
}

fn addresses(ports: Ports) -> String {
    let Ports {
        sites,
        simulators,
        mail,
    } = ports;
    [
        (
            format!("http://yingtan.localhost:{sites}/"),
            "applicants: Jiangxi with the Yingtan project",
        ),
        (
            format!("http://yingtan.localhost:{sites}/console"),
            "clerks",
        ),
        (
            format!("http://fujian.localhost:{sites}/"),
            "applicants: Fujian",
        ),
        (format!("http://fujian.localhost:{sites}/console"), "clerks"),
        (
            format!("http://127.0.0.1:{simulators}/"),
            "simulators: phone, purse, courier, mailbox",
        ),
        (format!("127.0.0.1:{mail}"), "mail server (SMTP)"),
    ]
    .map(|(address, what)| format!("  {address:44} {what}"))
    .join("\n")
}

async fn serve(workspace: &Workspace, var: PathBuf, ports: Ports) -> Result<()> {
    let mut simulators = start(simulators(workspace, &var, ports), "the simulators")?;
    until_ready(&mut simulators, ports.simulators, "/", "the simulators").await?;
    let mut server = start(server(workspace, &var, ports), "yinxin")?;
    let ready = until_ready(&mut server, ports.sites, "/readyz", "yinxin").await;
    if let Err(error) = ready {
        stop(&mut simulators).await;
        return Err(error);
    }
    println!("\n{}\n\nCtrl-C stops everything.\n", addresses(ports));

    let mut terminate = signal(SignalKind::terminate())?;
    let ended = tokio::select! {
        _ = tokio::signal::ctrl_c() => None,
        _ = terminate.recv() => None,
        status = server.wait() => Some(("yinxin", status)),
        status = simulators.wait() => Some(("the simulators", status)),
    };
    say("Stopping", "yinxin and its simulators");
    stop(&mut server).await;
    stop(&mut simulators).await;
    match ended {
        None => Ok(()),
        Some((name, status)) => bail!("{name} ended by itself: {}", status?),
    }
}

fn start(mut command: Command, name: &str) -> Result<Child> {
    say("Starting", name);
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
        .spawn()
        .with_context(|| format!("{name} could not be started"))
}

/// Asks as a browser would until the answer is 200.
async fn until_ready(child: &mut Child, port: u16, path: &str, name: &str) -> Result<()> {
    let begun = Instant::now();
    while !answers(port, path).await {
        if let Some(status) = child.try_wait()? {
            bail!("{name} did not start: {status}; its own words are above");
        }
        if begun.elapsed() > START_LIMIT {
            bail!(
                "{name} did not answer within {} seconds",
                START_LIMIT.as_secs()
            );
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
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
    matches!(
        tokio::time::timeout(Duration::from_secs(5), ask).await,
        Ok(Ok(true))
    )
}

/// Asks the program to end, and ends it where it does not.
async fn stop(child: &mut Child) {
    if let Some(id) = child.id() {
        Programme::new("kill")
            .args(["-INT", &id.to_string()])
            .stderr(Stdio::null())
            .status()
            .ok();
    }
    if tokio::time::timeout(STOP_LIMIT, child.wait())
        .await
        .is_err()
    {
        child.kill().await.ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_follow_the_port() {
        let ports = Ports::above(9000);
        assert_eq!(
            ports,
            Ports {
                sites: 9000,
                simulators: 9010,
                mail: 9009
            }
        );
        assert!(addresses(ports).contains("http://yingtan.localhost:9000/"));
    }
}
