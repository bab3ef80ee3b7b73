//! `yinxin-simulators`: all simulated services under one address.

use clap::Parser;
use std::net::SocketAddr;
use std::path::PathBuf;
use yinxin_simulators::{Options, start};

/// Simulated SMS, mail, face check, courier and payment providers for development, demonstrations and tests.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Address of the web server
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Address of the SMTP server
    #[arg(long, default_value = "127.0.0.1:8025")]
    smtp_listen: SocketAddr,
    /// Folder for keys and secrets, which are made there at the first start
    #[arg(long)]
    state_dir: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).init();
    let arguments = Arguments::parse();
    let options = Options {
        listen: arguments.listen,
        smtp_listen: arguments.smtp_listen,
        state_dir: arguments.state_dir,
    };
    let running = start(&options).await?;
    tracing::info!(url = running.url(), smtp = %running.smtp_address, "the simulators listen");
    tokio::select! {
        ended = running.failed() => ended,
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}
