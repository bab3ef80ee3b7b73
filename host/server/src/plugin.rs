//! `yinxin plugin check`: what activating a component would say.

use crate::serve::PlaceArguments;
use crate::{config, wiring};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::json;
use std::process::ExitCode;
use yinxin_capabilities::{Capability, PluginEntry, Registry};

#[derive(Subcommand)]
pub enum Plugin {
    /// Compile, describe and lint a plugin of the plugins folder; exit code 1 when it would not go live
    Check(Check),
}

#[derive(Args)]
pub struct Check {
    #[command(flatten)]
    places: PlaceArguments,
    /// Name of the plugin: NAME.wasm and NAME.toml
    name: String,
    /// Check it against what this site grants; without, everything that the manifest declares counts as granted
    #[arg(long)]
    site: Option<String>,
    /// Print JSON for machines
    #[arg(long)]
    json: bool,
}

impl Plugin {
    pub async fn run(self) -> Result<ExitCode> {
        let Self::Check(check) = self;
        let places = check.places.places();
        let (component, manifest) = wiring::read_plugin(&places.plugins, &check.name)?;
        let sites = config::read_sites(&places.sites)?;
        let (site, entry) = match &check.site {
            Some(id) => {
                let file = sites
                    .get(id)
                    .with_context(|| format!("there is no site `{id}`"))?;
                let entry = file.plugins.iter().find(|entry| entry.name == check.name);
                let entry = entry.with_context(|| {
                    format!(
                        "{} has no [[plugin]] `{}`",
                        file.folder.join("site.toml").display(),
                        check.name
                    )
                })?;
                (file.id()?, entry.clone())
            }
            None => {
                let file = sites.values().next().context("there is no site")?;
                let grants: Vec<Capability> = manifest
                    .capabilities
                    .iter()
                    .map(|declared| declared.interface)
                    .collect();
                let entry = PluginEntry {
                    name: check.name.clone(),
                    digest: None,
                    grants,
                    quotas: Default::default(),
                };
                (file.id()?, entry)
            }
        };
        let registry = Registry::new(wiring::sandbox_uncached()?)?;
        match registry.inspect(&site, &component, &manifest, &entry).await {
            Ok(activated) => {
                let plugin = &activated.plugin;
                if check.json {
                    let warnings: Vec<String> =
                        activated.warnings.iter().map(ToString::to_string).collect();
                    println!(
                        "{}",
                        json!({
                            "plugin": plugin.name, "version": plugin.definition.version, "digest": plugin.digest,
                            "bytes": component.len(), "warnings": warnings,
                        })
                    );
                } else {
                    for warning in &activated.warnings {
                        println!("{warning}\n");
                    }
                    println!(
                        "{} {} would go live\n  digest    {}\n  size      {} bytes\n  services  {}\n  grants    {}",
                        plugin.name,
                        plugin.definition.version,
                        plugin.digest,
                        component.len(),
                        plugin.definition.services.len(),
                        entry
                            .grants
                            .iter()
                            .map(ToString::to_string)
                            .collect::<Vec<_>>()
                            .join(", "),
                    );
                }
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => {
                if check.json {
                    println!(
                        "{}",
                        json!({ "plugin": check.name, "error": error.to_string() })
                    );
                } else {
                    eprintln!("{error}");
                }
                Ok(ExitCode::FAILURE)
            }
        }
    }
}
