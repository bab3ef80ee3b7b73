//! `yinxin serve`.

use crate::development::Simulators;
use crate::listen;
use crate::log::Log;
use crate::wiring::{self, Host, Places};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use yinxin_services::rate_limits::RateLimits;
use yinxin_web::{AppState, Config, Parts, Sites, Texts};

/// Requests under way when the process is told to stop may take this long; then they are cut off.
const GRACE: Duration = Duration::from_secs(10);
/// How often orders that ran out are closed and what has expired is swept.
const HOUSEKEEPING: Duration = Duration::from_secs(60);
/// Password of the demo clerks; they exist only with `--simulators`.
const DEMO_PASSWORD: &str = "yinxin-demo-2026";

/// Where things lie, for every command that opens a host.
#[derive(Args, Debug)]
pub struct PlaceArguments {
    /// Folder of sites: NAME/site.toml
    #[arg(long, default_value = "sites")]
    sites: PathBuf,
    /// Folder of plugins: NAME.wasm and NAME.toml
    #[arg(long, default_value = "plugins")]
    plugins: PathBuf,
    /// Folder for the master key, uploads and, without --database, the database
    #[arg(long, default_value = "var/data", env = "YINXIN_DATA")]
    data: PathBuf,
    /// Folder that `file:NAME` in site.toml refers to [default: DATA/secrets]
    #[arg(long)]
    secrets: Option<PathBuf>,
    /// sqlite:///path/file.db or postgres://… [default: a file in DATA]
    #[arg(long, env = "YINXIN_DATABASE", hide_env_values = true)]
    database: Option<String>,
}

impl PlaceArguments {
    pub fn places(&self) -> Places {
        Places {
            sites: self.sites.clone(),
            plugins: self.plugins.clone(),
            data: self.data.clone(),
            secrets: self
                .secrets
                .clone()
                .unwrap_or_else(|| self.data.join("secrets")),
            database: self.database.clone(),
        }
    }
}

#[derive(Args, Debug)]
pub struct Serve {
    #[command(flatten)]
    places: PlaceArguments,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// People come by https, here or at a proxy in front: cookies are Secure, HSTS is sent
    #[arg(long)]
    https: bool,
    /// A proxy of ours stands in front: its last X-Forwarded-For entry is the client
    #[arg(long)]
    behind_proxy: bool,
    /// Development: use the simulators at this address instead of every gateway, and make demo clerks
    #[arg(long, requires_all = ["simulators_state", "simulators_smtp"])]
    simulators: Option<String>,
    /// Development: the simulators' state folder, which holds the keys that they share with us
    #[arg(long)]
    simulators_state: Option<PathBuf>,
    /// Development: the simulators' mail server
    #[arg(long)]
    simulators_smtp: Option<SocketAddr>,
    /// Logs as JSON, one object a line
    #[arg(long)]
    log_json: bool,
}

impl Serve {
    pub async fn run(self) -> Result<ExitCode> {
        let _log = Log::start(self.log_json)?;
        let mut places = self.places.places();
        // The demo clerks' password is in everybody's source, and a simulated payment costs nothing.
        if self.simulators.is_some() && !self.listen.ip().is_loopback() {
            bail!(
                "--simulators is for trying out on this machine: {} is open to others",
                self.listen
            );
        }
        let simulators = match (&self.simulators, self.simulators_smtp) {
            (Some(url), Some(smtp)) => Some(Simulators {
                url: url.trim_end_matches('/').to_owned(),
                smtp,
                port: self.listen.port(),
            }),
            _ => None,
        };
        if let Some(state) = &self.simulators_state {
            places.secrets.clone_from(state);
        }
        let host = wiring::assemble(&places, simulators.as_ref()).await?;
        if let Some(simulators) = &simulators {
            simulators.register_texts(&host).await?;
            for site in host.sites.values() {
                let logins = host.staff.create_demo(&site.id()?, DEMO_PASSWORD).await?;
                tracing::info!(
                    site = site.id,
                    clerks = logins.join(", "),
                    password = DEMO_PASSWORD,
                    "demo clerks"
                );
            }
        }

        let stop = CancellationToken::new();
        let state = state(&host, self.https, self.behind_proxy, stop.clone())?;
        let listener = TcpListener::bind(self.listen)
            .await
            .with_context(|| format!("{} cannot be listened on", self.listen))?;
        let work = tokio::spawn({
            let (engine, stop) = (host.engine.clone(), stop.clone());
            async move { engine.work(stop).await }
        });
        let housekeeping = tokio::spawn(keep_house(host.engine.clone(), stop.clone()));
        tracing::info!(address = %self.listen, sites = host.sites.len(), "serving");

        let router = yinxin_web::router(state);
        let server = tokio::spawn(listen::serve(listener, router, stop.clone()));
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping");
        stop.cancel();
        if tokio::time::timeout(GRACE, server).await.is_err() {
            tracing::warn!("some requests did not end in time");
        }
        for task in [work, housekeeping] {
            if tokio::time::timeout(GRACE, task).await.is_err() {
                tracing::warn!("a job did not end in time; it runs again after the next start");
            }
        }
        host.store.close().await;
        Ok(ExitCode::SUCCESS)
    }
}

fn state(
    host: &Host,
    https: bool,
    behind_proxy: bool,
    shutdown: CancellationToken,
) -> Result<AppState> {
    let sites = host.sites.values().map(|file| {
        Ok(yinxin_web::Site {
            id: file.id()?,
            brand: file.brand.clone(),
            transfer: file.payments.transfer.clone(),
            domains: file.domains.clone(),
            folder: file.folder.clone(),
            closed: host.closed.contains(&file.id),
        })
    });
    let services = &host.services;
    Ok(AppState::new(Parts {
        config: Config {
            https,
            behind_proxy,
        },
        sites: Sites::new(sites.collect::<Result<Vec<_>>>()?),
        texts: Texts::chinese()?,
        store: host.store.clone(),
        sealer: host.sealer.clone(),
        clock: host.clock.clone(),
        engine: host.engine.clone(),
        sessions: services.accounts.sessions().clone(),
        limits: RateLimits::new(host.store.clone(), host.clock.clone()),
        accounts: services.accounts.clone(),
        staff: host.staff.clone(),
        content: Arc::clone(&host.content),
        payments: services.payments.clone(),
        invoices: services.invoices.clone(),
        statements: host.statements.clone(),
        reconciliation: services.reconciliation.clone(),
        identity: services.identity.clone(),
        messaging: services.messaging.clone(),
        uploads: services.uploads.clone(),
        certificates: services.certificates.clone(),
        shutdown,
        cookie_key: host.cookie_key,
    }))
}

async fn keep_house(engine: yinxin_engine::Engine, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(HOUSEKEEPING) => {}
        }
        if let Err(error) = engine.keep_house().await {
            tracing::error!(%error, "housekeeping failed; trying again in a minute");
        }
    }
}
