//! What can be asked of `cargo xtask`.

use crate::suites;
use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};

/// Builds, runs and tests Yinxin.
///
/// On a fresh machine it installs what is missing, and says what it installs before it does: the WebAssembly target of
/// the toolchain for everything, a Chinese font for `run`, and for `test` a browser, PostgreSQL and the programs that
/// judge what Yinxin makes.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    after_help = "Begin with:  cargo xtask run"
)]
pub struct Arguments {
    #[command(subcommand)]
    pub task: Task,
}

#[derive(Debug, Subcommand)]
pub enum Task {
    /// Serve all sites on this machine, with simulated payments, messages and face checks
    ///
    /// Builds everything, starts the simulators and the server on a SQLite database under ./var, and prints the
    /// addresses. Ctrl-C stops both. What you entered is still there at the next start; --fresh begins anew.
    Run(RunOptions),
    /// Build the plugins as components, the server and the simulators
    ///
    /// Each crate under plugins/ becomes <target>/plugins/<name>.wasm. Its size, its imports (its capabilities) and
    /// its digest are printed; the digest is what site.toml names.
    Build,
    /// Run the tests; all of them, or one suite
    ///
    /// Without a name every suite runs, whatever happens to the others, and the last line counts them.
    #[command(after_help = suites::overview())]
    Test {
        /// Suite to run
        #[arg(value_parser = PossibleValuesParser::new(suites::names()))]
        suite: Option<String>,
        /// Passed on to the suite: sites for journeys, programs for conformance, a filter for unit and guests
        #[arg(
            requires = "suite",
            allow_hyphen_values = true,
            trailing_var_arg = true
        )]
        rest: Vec<String>,
    },
    /// Run the benchmarks; all of them, or one by its name
    Bench {
        /// Benchmark to run
        name: Option<String>,
    },
    /// Look for input that breaks something, with libFuzzer; all targets, or one
    ///
    /// Targets are forms, uploads, notifications, bills, bank statements, what plugins return and how they define
    /// themselves: the files of tests/fuzz/fuzz/fuzz_targets. The first run builds everything with instrumentation, which
    /// takes a quarter of an hour; cargo-fuzz is installed where it is missing. Inputs that reach something new are kept
    /// under <target>/fuzz-corpus; `cargo xtask test guests` replays those of tests/fuzz/corpus in seconds.
    Fuzz(FuzzOptions),
    /// Build the plugins only, and print size, imports and digest of each
    Plugins,
}

#[derive(Args, Clone, Debug)]
pub struct FuzzOptions {
    /// Target to fuzz
    pub target: Option<String>,
    /// How long each target runs
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
}

#[derive(Args, Clone, Debug)]
pub struct RunOptions {
    /// Delete ./var first: accounts, applications, files, keys
    #[arg(long)]
    pub fresh: bool,
    /// Port of the sites on 127.0.0.1; the simulators take the ten above
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1024..=65000))]
    pub port: u16,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(words: &[&str]) -> Result<Task, String> {
        let words = std::iter::once("xtask").chain(words.iter().copied());
        Arguments::try_parse_from(words)
            .map(|a| a.task)
            .map_err(|e| e.to_string())
    }

    #[test]
    fn the_description_of_the_arguments_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_suite_takes_what_follows_its_name() {
        let Ok(Task::Test { suite, rest }) = parse(&["test", "journeys", "yingtan"]) else {
            panic!("not read")
        };
        assert_eq!(
            (suite.as_deref(), rest),
            (Some("journeys"), vec!["yingtan".to_owned()])
        );
        let Ok(Task::Test { suite, rest }) = parse(&["test", "unit", "--", "--nocapture"]) else {
            panic!("not read")
        };
        assert_eq!(
            (suite.as_deref(), rest),
            (Some("unit"), vec!["--nocapture".to_owned()])
        );
        assert!(matches!(
            parse(&["test"]),
            Ok(Task::Test { suite: None, .. })
        ));
    }

    #[test]
    fn fuzzing_takes_a_target_and_a_time() {
        let Ok(Task::Fuzz(options)) = parse(&["fuzz", "upload", "--seconds", "600"]) else {
            panic!("not read")
        };
        assert_eq!(
            (options.target.as_deref(), options.seconds),
            (Some("upload"), 600)
        );
        assert!(matches!(
            parse(&["fuzz"]),
            Ok(Task::Fuzz(FuzzOptions {
                target: None,
                seconds: 60
            }))
        ));
        assert!(parse(&["fuzz", "--seconds", "0"]).is_err());
    }

    #[test]
    fn an_unknown_suite_is_answered_with_the_known_ones() {
        let error = parse(&["test", "journey"]).unwrap_err();
        for name in suites::names() {
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn the_port_is_one_that_a_person_may_take() {
        assert!(matches!(
            parse(&["run"]),
            Ok(Task::Run(RunOptions {
                fresh: false,
                port: 8080
            }))
        ));
        assert!(matches!(
            parse(&["run", "--fresh", "--port", "9000"]),
            Ok(Task::Run(RunOptions {
                fresh: true,
                port: 9000
            }))
        ));
        assert!(parse(&["run", "--port", "80"]).is_err());
    }
}
