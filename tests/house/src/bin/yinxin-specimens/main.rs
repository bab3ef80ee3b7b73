//! Has people go through every site and keeps what the product gave them: certificates, revocation lists, papers. Programs
//! that nobody here wrote judge them in tests/conformance/issued.py.
//!
//!     yinxin-specimens FOLDER HOST:PORT
//!
//! HOST:PORT is the mail server that the product's mail goes to. What is of a site stands in FOLDER/<site>, what the files
//! have to say in FOLDER/facts.json, and with it every document that the plugins describe: whether there is a specimen of
//! each, and of each site, is for the judges to find out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod fujian;
mod jiangxi;
mod shelf;

use anyhow::{Result, bail};
use serde_json::json;
use shelf::{Documents, Shelf};
use std::path::Path;
use yinxin_house::{Database, House, Options};

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let (Some(folder), Some(smtp)) = (words.next(), words.next()) else {
        bail!("usage: yinxin-specimens FOLDER HOST:PORT");
    };
    // The kit's sandbox has a runtime of its own, which does not go inside of another.
    let documents = shelf::documents_of_all_plugins()?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(open(Path::new(&folder), smtp, &documents))
}

async fn open(folder: &Path, smtp: String, documents: &Documents) -> Result<()> {
    let options = Options {
        smtp: Some(smtp),
        ..Options::default()
    };
    let mut house = House::open_with(Database::Sqlite, options).await?;
    let made = make(&house, folder, documents).await;
    if made.is_err() {
        let log = std::fs::read_to_string(house.server_log())?;
        let last: Vec<&str> = log.lines().rev().take(20).collect();
        eprintln!("what the server said last, the newest first:");
        eprintln!("{}", last.join("\n"));
    }
    house.stop_server().await?;
    house.stop_simulators().await?;
    made
}

async fn make(house: &House, folder: &Path, documents: &Documents) -> Result<()> {
    let mut fujian = Shelf::of("fujian", folder, documents)?;
    let unit = fujian::go(house, &mut fujian).await?;
    let mut jiangxi = Shelf::of("jiangxi", folder, documents)?;
    jiangxi::go(house, &mut jiangxi).await?;
    let facts = json!({
        "documents": documents,
        "sites": { "fujian": fujian.facts(), "jiangxi": jiangxi.facts() },
        "invoice": unit,
    });
    let text = serde_json::to_string_pretty(&facts)?;
    std::fs::write(folder.join("facts.json"), text)?;
    Ok(())
}
