//! `yinxin audit verify`: is every row of the history as it was written?

use crate::serve::PlaceArguments;
use crate::wiring;
use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;
use std::process::ExitCode;
use yinxin_store::ledger;

#[derive(Subcommand)]
pub enum Audit {
    /// Find a changed, removed or re-ordered row; exit code 1 when there is one
    Verify(Verify),
}

#[derive(Args)]
pub struct Verify {
    #[command(flatten)]
    places: PlaceArguments,
    /// Print JSON for machines
    #[arg(long)]
    json: bool,
}

impl Audit {
    pub async fn run(self) -> Result<ExitCode> {
        let Self::Verify(verify) = self;
        let store = wiring::open_store(&verify.places.places()).await?;
        let mut conn = store.read().await?;
        let mut sound = true;
        let mut report = Vec::new();
        for site in ledger::sites(&mut conn).await? {
            let (rows, fault) = match ledger::verify(&mut conn, &site).await? {
                Ok(rows) => (rows, None),
                Err(fault) => (0, Some(fault.to_string())),
            };
            sound &= fault.is_none();
            if verify.json {
                report.push(json!({ "site": site.as_str(), "rows": rows, "fault": fault }));
            } else {
                match fault {
                    None => println!("{site}: {rows} rows, every one as it was written"),
                    Some(fault) => println!("{site}: {fault}"),
                }
            }
        }
        if verify.json {
            println!("{}", json!({ "sound": sound, "sites": report }));
        } else if sound {
            println!("the history is sound");
        }
        Ok(if sound {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
