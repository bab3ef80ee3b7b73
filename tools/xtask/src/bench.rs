//! Benchmarks: bench targets of the workspace's crates.

use crate::components;
use crate::postgres::{Durability, Postgres};
use crate::processes::{cargo, run as run_command, say};
use crate::setup;
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use cargo_metadata::TargetKind;

/// Runs the benchmark of this name, or all, optimised as they would be released.
pub fn run(workspace: &Workspace, only: Option<&str>) -> Result<()> {
    let benches: Vec<&str> = workspace
        .packages()
        .flat_map(|package| &package.targets)
        .filter(|target| target.kind.contains(&TargetKind::Bench))
        .map(|target| target.name.as_str())
        .collect();
    let chosen: Vec<&str> = benches
        .iter()
        .copied()
        .filter(|name| only.is_none_or(|only| only == *name))
        .collect();
    if chosen.is_empty() {
        match only {
            Some(name) if !benches.is_empty() => bail!(
                "there is no benchmark `{name}`; there are {}",
                benches.join(", ")
            ),
            _ => bail!("no crate of the workspace has a benchmark"),
        }
    }
    setup::debian(setup::JUDGES.iter().chain([&setup::FONTS]))?;
    setup::wasm_target()?;
    components::build_plugins(workspace)?;
    components::build_measured(workspace)?;
    components::build_optimised_programs(workspace)?;
    let postgres = match std::env::var("YINXIN_TEST_POSTGRES") {
        Ok(_) => None,
        Err(_) => Some(Postgres::start(Durability::Full)?),
    };
    for name in chosen {
        say("Measuring", name);
        let mut command = cargo(workspace.root());
        // The whole workspace, so that dependencies have the features that they were built with for the programs.
        command
            .args(["bench", "--quiet", "--workspace", "--bench", name])
            .env("CARGO_TARGET_DIR", workspace.target())
            .env("YINXIN_COMPONENTS", workspace.plugins_dir())
            .env("YINXIN_BIN", workspace.optimised_program("yinxin"))
            .env(
                "YINXIN_SIMULATORS_BIN",
                workspace.optimised_program("yinxin-simulators"),
            );
        if let Some(postgres) = &postgres {
            command.env("YINXIN_TEST_POSTGRES", postgres.url());
        }
        run_command(&mut command)?;
    }
    Ok(())
}
