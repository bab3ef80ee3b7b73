//! Other programs: started with what they do said first, and with an error that names the command line.

use anyhow::{Context, Result, bail};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A line in cargo's manner: `    Building plugins`.
pub fn say(verb: &str, text: impl AsRef<str>) {
    let (green, plain) = if std::io::stderr().is_terminal() {
        ("\u{1b}[1;32m", "\u{1b}[0m")
    } else {
        ("", "")
    };
    eprintln!("{green}{verb:>12}{plain} {}", text.as_ref());
}

/// An error with its causes, one a line.
pub fn complain(error: &anyhow::Error) {
    let (red, plain) = if std::io::stderr().is_terminal() {
        ("\u{1b}[1;31m", "\u{1b}[0m")
    } else {
        ("", "")
    };
    eprintln!("{red}error{plain}: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
}

/// Runs a program to its end with our output and no input; anything but success is an error.
pub fn run(command: &mut Command) -> Result<()> {
    let line = line_of(command);
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("`{line}` could not be started"))?;
    if !status.success() {
        bail!(
            "`{line}` ended with {}",
            status
                .code()
                .map_or("a signal".to_owned(), |code| format!("code {code}"))
        );
    }
    Ok(())
}

/// What a program prints; anything but success is an error that shows what it complained of.
pub fn capture(command: &mut Command) -> Result<String> {
    let line = line_of(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("`{line}` could not be started"))?;
    if !output.status.success() {
        bail!(
            "`{line}` failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// True when the program is there and ends well.
pub fn succeeds(command: &mut Command) -> bool {
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// Where a program is found, as a shell would.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// The `cargo` that runs us, or the one on the path.
pub fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder);
    command
}

fn line_of(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
