//! The table that a benchmark prints, in Markdown, and what it stands on.

use std::process::Command;

/// What a ratio or a number is to come up to.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
    /// For the reader's information.
    None,
}

/// Prints the heading of a table: what was measured, ours, what it is compared with, the ratio, the goal.
pub fn heading(title: &str, ours: &str, peer: &str) {
    println!("\n### {title}\n");
    println!("| what | {ours} | {peer} | ratio | goal | |");
    println!("|---|---:|---:|---:|---|---|");
}

/// Prints a line. `measured` is what the goal is about, as a rule the ratio.
pub fn line(what: &str, ours: &str, peer: &str, measured: f64, goal: Goal) {
    let (goal, verdict) = match goal {
        Goal::AtMost(most) => (format!("≤ {most}"), verdict(measured <= most)),
        Goal::AtLeast(least) => (format!("≥ {least}"), verdict(measured >= least)),
        Goal::None => (String::new(), ""),
    };
    println!("| {what} | {ours} | {peer} | {measured:.2} | {goal} | {verdict} |");
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "missed" }
}

/// Microseconds with as many digits as mean something.
pub fn micros(seconds: f64) -> String {
    let micros = seconds * 1e6;
    if micros >= 100_000.0 {
        format!("{:.0} ms", micros / 1e3)
    } else if micros >= 1_000.0 {
        format!("{:.2} ms", micros / 1e3)
    } else {
        format!("{micros:.1} µs")
    }
}

/// `1,234/s`
pub fn per_second(rate: f64) -> String {
    if rate < 100.0 {
        format!("{rate:.1}/s")
    } else {
        format!("{rate:.0}/s")
    }
}

/// Prints what the numbers were taken on.
pub fn machine() {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output();
        let output = output.map(|output| output.stdout).unwrap_or_default();
        String::from_utf8_lossy(&output).trim().to_owned()
    };
    let cpu = read("/proc/cpuinfo");
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map(|rest| rest.trim_start_matches([' ', '\t', ':']))
        .unwrap_or("unknown processor");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = read("/proc/meminfo");
    let kib: u64 = memory
        .split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .unwrap_or_default();
    println!(
        "{cores} cores ({model}), {} GiB, Linux {}; {}; commit {}; load {}",
        (kib + (1 << 19)) >> 20,
        read("/proc/sys/kernel/osrelease").trim(),
        said("date", &["--utc", "+%Y-%m-%d %H:%M UTC"]),
        said("git", &["rev-parse", "--short", "HEAD"]),
        read("/proc/loadavg").split(' ').next().unwrap_or_default(),
    );
}
