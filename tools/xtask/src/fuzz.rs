//! Fuzzing: programs that libFuzzer drives, in tests/fuzz/fuzz, a workspace of its own.

use crate::arguments::FuzzOptions;
use crate::processes::{cargo, run as run_command, say, succeeds};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;

/// Its command line has been stable since.
const CARGO_FUZZ: &str = "^0.13";
/// Bytes of an input: more than any notification or form has, and most files are only longer than this, not more.
const LONGEST: &str = "65536";

/// Runs the target of this name, or all, one after the other.
pub fn run(workspace: &Workspace, options: &FuzzOptions) -> Result<()> {
    let folder = workspace.root().join("tests/fuzz");
    let targets = targets(&folder)?;
    if let Some(unknown) = options
        .target
        .as_ref()
        .filter(|name| !targets.contains(name))
    {
        bail!(
            "there is no target `{unknown}`; there are {}",
            targets.join(", ")
        );
    }
    if !succeeds(cargo(workspace.root()).args(["fuzz", "--version"])) {
        say(
            "Installing",
            "cargo-fuzz (builds and runs programs for libFuzzer)",
        );
        run_command(cargo(workspace.root()).args([
            "install",
            "cargo-fuzz",
            "--locked",
            "--version",
            CARGO_FUZZ,
        ]))?;
    }
    // The same versions as in the house itself.
    let lock = folder.join("fuzz/Cargo.lock");
    std::fs::copy(workspace.root().join("Cargo.lock"), &lock)
        .with_context(|| format!("{} cannot be written", lock.display()))?;
    let chosen = targets
        .iter()
        .filter(|name| options.target.as_ref().is_none_or(|only| only == *name));
    for target in chosen {
        say(
            "Fuzzing",
            format!("{target} for {} seconds", options.seconds),
        );
        let grown = workspace.target().join("fuzz-corpus").join(target);
        std::fs::create_dir_all(&grown)
            .with_context(|| format!("{} cannot be made", grown.display()))?;
        run_command(&mut command(workspace, &folder, target, &grown, options.seconds))
            .with_context(|| {
                format!(
                    "{target} broke on an input, which is under tests/fuzz/fuzz/artifacts/{target}: mend what broke and \
                     put it into tests/fuzz/corpus/{target}"
                )
            })?;
    }
    Ok(())
}

/// New inputs go to the first folder; those of the repository are only read.
fn command(
    workspace: &Workspace,
    folder: &Path,
    target: &str,
    grown: &Path,
    seconds: u64,
) -> Command {
    let mut command = cargo(workspace.root());
    command
        .args(["fuzz", "run", "--sanitizer", "none", "--fuzz-dir"])
        .arg(folder.join("fuzz"))
        .arg("--target-dir")
        .arg(workspace.target().join("fuzz"))
        .arg(target)
        .arg(grown)
        .arg(folder.join("corpus").join(target))
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={LONGEST}"))
        .args(["-timeout=30", "-rss_limit_mb=4096", "-print_final_stats=1"])
        // The pinned toolchain is a stable one, and instrumentation for coverage is not.
        .env("RUSTC_BOOTSTRAP", "1")
        .env_remove("CARGO_TARGET_DIR");
    command
}

/// Names of the targets, sorted.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let folder = folder.join("fuzz/fuzz_targets");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .with_context(|| format!("{} cannot be read", folder.display()))?
        .flatten()
        .filter_map(|entry| {
            let path = entry.path();
            Some(path.file_stem()?.to_string_lossy().into_owned())
        })
        .collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_is_a_target() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz");
        let names = targets(&folder).unwrap();
        assert!(names.contains(&"upload".to_owned()), "{names:?}");
        let declared = std::fs::read_to_string(folder.join("fuzz/Cargo.toml")).unwrap();
        for name in &names {
            assert!(declared.contains(&format!("name = \"{name}\"")), "{name}");
        }
    }
}
