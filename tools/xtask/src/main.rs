//! `cargo xtask`: builds, runs and tests Yinxin. It fetches what a fresh machine lacks and says so first.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod arguments;
mod bench;
mod components;
mod dev_server;
mod fuzz;
mod imports;
mod postgres;
mod processes;
mod setup;
mod suites;
mod workspace;

use arguments::{Arguments, Task};
use clap::Parser;
use std::process::ExitCode;
use workspace::Workspace;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match perform(arguments.task) {
        Ok(code) => code,
        Err(error) => {
            processes::complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::open()?;
    setup::debian([&setup::MAKE])?;
    match task {
        Task::Run(options) => dev_server::run(&workspace, &options)?,
        Task::Build => {
            setup::wasm_target()?;
            components::build_plugins(&workspace)?;
            components::build_programs(&workspace)?;
        }
        Task::Plugins => {
            setup::wasm_target()?;
            components::build_plugins(&workspace)?;
        }
        Task::Test { suite, rest } => return Ok(suites::run(&workspace, suite.as_deref(), &rest)),
        Task::Fuzz(options) => fuzz::run(&workspace, &options)?,
        Task::Bench { name } => bench::run(&workspace, name.as_deref())?,
    }
    Ok(ExitCode::SUCCESS)
}
