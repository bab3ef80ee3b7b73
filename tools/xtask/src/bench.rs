//! Benchmarks: bench targets of the workspace's crates.

use crate::components;
use crate::processes::{cargo, run as run_command, say};
use crate::setup;
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use cargo_metadata::TargetKind;

/// Runs the benchmark of this name, or all, optimised as they would be released.
pub fn run(workspace: &Workspace, only: Option<&str>) -> Result<()> {
    let benches: Vec<(&str, &str)> = workspace
        .packages()
        .flat_map(|package| {
            package
                .targets
                .iter()
                .map(|target| (package.name.as_str(), target))
        })
        .filter(|(_, target)| target.kind.contains(&TargetKind::Bench))
        .map(|(package, target)| (package, target.name.as_str()))
        .collect();
    let chosen: Vec<_> = benches
        .iter()
        .filter(|(_, name)| only.is_none_or(|only| only == *name))
        .collect();
    if chosen.is_empty() {
        let known: Vec<&str> = benches.iter().map(|(_, name)| *name).collect();
        match only {
            Some(name) if !known.is_empty() => bail!(
                "there is no benchmark `{name}`; there are {}",
                known.join(", ")
            ),
            _ => bail!("no crate of the workspace has a benchmark"),
        }
    }
    setup::wasm_target()?;
    components::build_plugins(workspace)?;
    for (package, name) in chosen {
        say("Measuring", *name);
        let mut command = cargo(workspace.root());
        command.args(["bench", "--quiet", "--package", package, "--bench", name]);
        run_command(command.env("YINXIN_COMPONENTS", workspace.plugins_dir()))?;
    }
    Ok(())
}
