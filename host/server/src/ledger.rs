//! `yinxin ledger verify`: does the ledger of money say the same as the orders, payments and refunds?

use crate::serve::PlaceArguments;
use crate::wiring;
use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Map, json};
use std::process::ExitCode;
use yinxin_services::payments::check_ledger;
use yinxin_store::postings;

#[derive(Subcommand)]
pub enum Ledger {
    /// Add up every account and compare it with the orders, payments and refunds; exit code 1 when something is wrong
    Verify(Verify),
}

#[derive(Args)]
pub struct Verify {
    #[command(flatten)]
    places: PlaceArguments,
    /// Print JSON for machines; amounts are fen
    #[arg(long)]
    json: bool,
}

impl Ledger {
    pub async fn run(self) -> Result<ExitCode> {
        let Self::Verify(verify) = self;
        let store = wiring::open_store(&verify.places.places()).await?;
        let mut conn = store.read().await?;
        let sites = postings::sites(&mut conn).await?;
        drop(conn);
        let mut sound = true;
        let mut report = Vec::new();
        for site in sites {
            let faults = check_ledger(&store, &site).await?;
            sound &= faults.is_empty();
            let mut conn = store.read().await?;
            let balances = postings::balances(&mut conn, &site).await?;
            if verify.json {
                let balances: Map<_, _> = balances
                    .into_iter()
                    .map(|(account, held)| (account, json!(held.0)))
                    .collect();
                let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
                report
                    .push(json!({ "site": site.as_str(), "balances": balances, "faults": faults }));
                continue;
            }
            println!("{site}");
            for (account, held) in balances {
                println!("  {account:<22} {:>16}", held.to_string());
            }
            for fault in faults {
                println!("  FAULT {fault}");
            }
        }
        if verify.json {
            println!("{}", json!({ "sound": sound, "sites": report }));
        } else if sound {
            println!("the money ledger is sound");
        }
        Ok(if sound {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
