//! The binary `yinxin`: serves the sites, and the operator's commands.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod audit;
mod clerk;
mod codes;
mod config;
mod development;
mod ledger;
mod listen;
mod log;
mod plugin;
mod reconcile;
mod serve;
mod wiring;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use tikv_jemallocator::Jemalloc;

/// Loaded plugins are many small pieces that stay: it adds less to each than the system's, and gives back what a burst of
/// papers or pictures took.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Yinxin: the online service halls of certificate authorities.
#[derive(Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve all sites of a folder until Ctrl-C or SIGTERM
    Serve(serve::Serve),
    /// Look at a plugin as its activation would
    #[command(subcommand)]
    Plugin(plugin::Plugin),
    /// Walk the history of all cases
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Add up the money of all orders
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    /// Compare our ledger with the bills of gateways and the bank's statements
    Reconcile(reconcile::Reconcile),
    /// Members of staff who work in the console
    #[command(subcommand)]
    Clerk(clerk::Clerk),
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve(serve) => serve.run().await,
        Command::Plugin(plugin) => plugin.run().await,
        Command::Audit(audit) => audit.run().await,
        Command::Ledger(ledger) => ledger.run().await,
        Command::Reconcile(reconcile) => reconcile.run().await,
        Command::Clerk(clerk) => clerk.run().await,
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}
