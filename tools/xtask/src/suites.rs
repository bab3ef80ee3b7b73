//! The test suites, and the table of how they went.

use crate::postgres::{Durability, Postgres};
use crate::processes::{self, cargo, say};
use crate::workspace::Workspace;
use crate::{components, imports, setup};
use anyhow::{Context, Result, bail};
use cargo_metadata::TargetKind;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

struct Suite {
    name: &'static str,
    about: &'static str,
    run: fn(&Workspace, &[String]) -> Result<()>,
}

/// In the order in which they run: what is quick to tell comes first.
const SUITES: [Suite; 10] = [
    Suite {
        name: "format",
        about: "cargo fmt --check",
        run: format,
    },
    Suite {
        name: "imports",
        about: "no crate imports against the direction of the house",
        run: import_directions,
    },
    Suite {
        name: "clippy",
        about: "cargo clippy, every target, warnings are errors",
        run: clippy,
    },
    Suite {
        name: "unit",
        about: "cargo test, on SQLite and on a PostgreSQL of its own",
        run: unit,
    },
    Suite {
        name: "guests",
        about: "hostile plugins, malformed components, definitions that lie",
        run: guests,
    },
    Suite {
        name: "gateways",
        about: "payment providers that lie, repeat themselves and fall silent",
        run: gateways,
    },
    Suite {
        name: "security",
        about: "who may what on every route; every form with bad input; what logs and files tell",
        run: security,
    },
    Suite {
        name: "crash",
        about: "the server killed, and its database, disk, mail and gateways taken away",
        run: crash,
    },
    Suite {
        name: "conformance",
        about: "programs that nobody here wrote, against ours",
        run: conformance,
    },
    Suite {
        name: "journeys",
        about: "people's ways through the sites, in a real browser",
        run: journeys,
    },
];

/// Integration tests of the suites that have some, by the names of their targets in whatever crate they stand. They have
/// `test = false` there, so that `unit` does not run them too.
const GUEST_TESTS: &[&str] = &["misbehaviour", "hostile", "broken_plugins", "replay"];
const GATEWAY_TESTS: &[&str] = &["gateways", "sequences", "races"];
const SECURITY_TESTS: &[&str] = &["security"];
const CRASH_TESTS: &[&str] = &["whole_ways", "crash", "faults"];
/// Of these tests so many run for each core, since they often wait for a server, a database or a time-out.
const TESTS_FOR_EACH_CORE: usize = 2;

pub fn names() -> Vec<&'static str> {
    SUITES.iter().map(|suite| suite.name).collect()
}

/// The suites with what they do, for `--help`.
pub fn overview() -> String {
    let lines = SUITES
        .iter()
        .map(|suite| format!("  {:12} {}", suite.name, suite.about));
    std::iter::once("Suites:".to_owned())
        .chain(lines)
        .collect::<Vec<_>>()
        .join("\n")
}

struct Outcome {
    name: &'static str,
    took: Duration,
    failure: Option<String>,
}

/// Runs one suite or all, one after the other; a failure does not keep the next from running.
pub fn run(workspace: &Workspace, only: Option<&str>, rest: &[String]) -> ExitCode {
    let mut outcomes = Vec::new();
    for suite in SUITES
        .iter()
        .filter(|suite| only.is_none_or(|name| name == suite.name))
    {
        say("Testing", format!("{}: {}", suite.name, suite.about));
        let begun = Instant::now();
        let failure = (suite.run)(workspace, rest).err();
        if let Some(error) = &failure {
            processes::complain(error);
        }
        let failure = failure.map(|error| {
            error
                .to_string()
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned()
        });
        outcomes.push(Outcome {
            name: suite.name,
            took: begun.elapsed(),
            failure,
        });
    }
    println!("{}", summary(&outcomes));
    if outcomes.iter().all(|outcome| outcome.failure.is_none()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn summary(outcomes: &[Outcome]) -> String {
    let mut lines = vec![String::new()];
    for outcome in outcomes {
        let (word, why) = match &outcome.failure {
            None => ("passed", ""),
            Some(failure) => ("FAILED", failure.as_str()),
        };
        let line = format!(
            "{:12} {word} {:>8.1} s  {why}",
            outcome.name,
            outcome.took.as_secs_f64()
        );
        lines.push(line.trim_end().to_owned());
    }
    let failed = outcomes
        .iter()
        .filter(|outcome| outcome.failure.is_some())
        .count();
    lines.push(format!(
        "{} passed, {failed} failed",
        outcomes.len() - failed
    ));
    lines.join("\n")
}

fn format(workspace: &Workspace, _: &[String]) -> Result<()> {
    setup::toolchain_component("rustfmt", "rustfmt")?;
    processes::run(cargo(workspace.root()).args(["fmt", "--all", "--check"]))
}

fn import_directions(workspace: &Workspace, _: &[String]) -> Result<()> {
    let problems = imports::check(workspace);
    if !problems.is_empty() {
        bail!("the walls are broken:\n  {}", problems.join("\n  "));
    }
    Ok(())
}

fn clippy(workspace: &Workspace, _: &[String]) -> Result<()> {
    setup::toolchain_component("clippy", "cargo-clippy")?;
    let lint = |targets: &[&str]| {
        let mut command = cargo(workspace.root());
        command
            .args(["clippy", "--workspace", "--quiet"])
            .args(targets);
        processes::run(command.args(["--", "--deny", "warnings"]))
    };
    lint(&["--all-targets"])?;
    // `--all-targets` leaves out those with `test = false`.
    let suites = [GUEST_TESTS, GATEWAY_TESTS, SECURITY_TESTS, CRASH_TESTS].concat();
    let targets = suites.into_iter().flat_map(|name| ["--test", name]);
    lint(&targets.collect::<Vec<_>>())
}

fn unit(workspace: &Workspace, rest: &[String]) -> Result<()> {
    setup::debian(setup::JUDGES.iter().chain([&setup::FONTS]))?;
    prepare_plugins(workspace)?;
    let python = setup::peers(workspace)?;
    let mut command = cargo(workspace.root());
    command
        .args(["test", "--workspace", "--quiet", "--no-fail-fast", "--"])
        .args(rest);
    with_postgres(environment(&mut command, workspace).env("YINXIN_TEST_PYTHON", python))
}

fn guests(workspace: &Workspace, rest: &[String]) -> Result<()> {
    integration(workspace, GUEST_TESTS, rest)
}

fn gateways(workspace: &Workspace, rest: &[String]) -> Result<()> {
    integration(workspace, GATEWAY_TESTS, rest)
}

fn security(workspace: &Workspace, rest: &[String]) -> Result<()> {
    integration(workspace, SECURITY_TESTS, rest)
}

fn crash(workspace: &Workspace, rest: &[String]) -> Result<()> {
    integration(workspace, CRASH_TESTS, rest)
}

/// Runs the integration tests of these names, with plugins and programs built and a PostgreSQL at hand.
fn integration(workspace: &Workspace, names: &[&str], rest: &[String]) -> Result<()> {
    setup::debian(setup::JUDGES.iter().chain([&setup::FONTS]))?;
    prepare_plugins(workspace)?;
    components::build_programs(workspace)?;
    let known: Vec<&str> = workspace
        .packages()
        .flat_map(|package| &package.targets)
        .filter(|target| target.kind.contains(&TargetKind::Test))
        .map(|target| target.name.as_str())
        .collect();
    if let Some(missing) = names.iter().find(|name| !known.contains(name)) {
        bail!("no crate has an integration test named `{missing}`");
    }
    let mut command = cargo(workspace.root());
    // The whole workspace, so that dependencies have the features that they were built with for `unit`.
    command.args(["test", "--workspace", "--quiet", "--no-fail-fast"]);
    for name in names {
        command.args(["--test", name]);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    command.env(
        "RUST_TEST_THREADS",
        (cores * TESTS_FOR_EACH_CORE).to_string(),
    );
    command.arg("--").args(rest);
    with_postgres(environment(&mut command, workspace))
}

/// Each file of tests/conformance is a program that prints what it checks and fails when something does not hold; but
/// those named `…_server.py` are servers that the crates' own tests start and talk to.
fn conformance(workspace: &Workspace, rest: &[String]) -> Result<()> {
    let folder = workspace.root().join("tests/conformance");
    let stem = |file: &PathBuf| {
        file.file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let mut scripts: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| format!("{} cannot be read", folder.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|file| file.extension().is_some_and(|extension| extension == "py"))
        .filter(|file| !stem(file).ends_with("_server"))
        .collect();
    scripts.sort();
    if let Some(unknown) = rest
        .iter()
        .find(|name| !scripts.iter().any(|file| stem(file) == **name))
    {
        let known: Vec<String> = scripts.iter().map(stem).collect();
        bail!(
            "there is no tests/conformance/{unknown}.py; there are {}",
            known.join(", ")
        );
    }
    setup::debian(setup::JUDGES.iter().chain([&setup::FONTS]))?;
    let python = setup::peers(workspace)?;
    prepare_plugins(workspace)?;
    components::build_programs_with_people(workspace)?;
    let mut failed = Vec::new();
    for script in scripts
        .iter()
        .filter(|file| rest.is_empty() || rest.contains(&stem(file)))
    {
        say("Judging", stem(script));
        let mut command = Command::new(&python);
        command.arg("-B").arg(script).current_dir(workspace.root());
        if let Err(error) = processes::run(environment(&mut command, workspace)) {
            processes::complain(&error);
            failed.push(stem(script));
        }
    }
    if !failed.is_empty() {
        bail!("these do not agree with us: {}", failed.join(", "));
    }
    Ok(())
}

fn journeys(workspace: &Workspace, rest: &[String]) -> Result<()> {
    setup::debian(
        setup::BROWSER
            .iter()
            .chain(&setup::JUDGES)
            .chain([&setup::FONTS]),
    )?;
    setup::npm(workspace)?;
    let python = setup::peers(workspace)?;
    prepare_plugins(workspace)?;
    components::build_programs(workspace)?;
    let mut command = Command::new("node");
    command
        .arg(workspace.root().join("tests/journeys/run.mjs"))
        .args(rest);
    processes::run(
        environment(&mut command, workspace)
            .env("YINXIN_TEST_PYTHON", python)
            .current_dir(workspace.root()),
    )
}

/// Tests find the plugins built; hostile guests they build themselves.
fn prepare_plugins(workspace: &Workspace) -> Result<()> {
    setup::wasm_target()?;
    components::build_plugins(workspace)
}

/// Where tests find what was built.
fn environment<'c>(command: &'c mut Command, workspace: &Workspace) -> &'c mut Command {
    command
        .env("CARGO_TARGET_DIR", workspace.target())
        .env("YINXIN_COMPONENTS", workspace.plugins_dir())
        .env("YINXIN_BIN", workspace.program("yinxin"))
        .env(
            "YINXIN_SIMULATORS_BIN",
            workspace.program("yinxin-simulators"),
        )
}

/// Runs with a PostgreSQL of its own, unless the caller has named one.
fn with_postgres(command: &mut Command) -> Result<()> {
    if std::env::var_os("YINXIN_TEST_POSTGRES").is_some() {
        return processes::run(command);
    }
    let postgres = Postgres::start(Durability::None)?;
    processes::run(command.env("YINXIN_TEST_POSTGRES", postgres.url()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts_the_suites() {
        let outcome = |name, failure: Option<&str>| Outcome {
            name,
            took: Duration::from_millis(1540),
            failure: failure.map(str::to_owned),
        };
        let table = summary(&[
            outcome("format", None),
            outcome("unit", Some("`cargo test` ended with code 101")),
        ]);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines,
            [
                "",
                "format       passed      1.5 s",
                "unit         FAILED      1.5 s  `cargo test` ended with code 101",
                "1 passed, 1 failed",
            ]
        );
    }

    #[test]
    fn every_suite_is_explained() {
        for name in names() {
            assert!(overview().contains(name));
        }
    }
}
