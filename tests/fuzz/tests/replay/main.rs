//! Every fuzz target over its corpus, and over mutations of it that are the same on every machine.
//!
//! `YINXIN_FUZZ_ROUNDS=1000000 cargo xtask test guests` mutates more often than an ordinary run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod watch;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use yinxin_fuzz_targets::{TARGETS, bases};

/// Mutations of a target in an ordinary run.
const ROUNDS: u64 = 2000;
/// What takes longer hangs, even on a machine that does a lot else: the slowest input decodes a large picture in a second.
const HUNG: Duration = Duration::from_secs(120);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The inputs of a target, by name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = folder().join("corpus").join(target);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|file| {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(file).unwrap())
        })
        .collect()
}

/// Runs one input; on a panic, the input is written where it can be found again. One that does not come back within
/// [`HUNG`] is written there too, and named, and ends the process: nothing else stops it.
fn try_one(target: &str, run: fn(&[u8]), what: &str, input: &[u8]) {
    let begun = Instant::now();
    let watched = watch::over(HUNG, target, what, input);
    let outcome = std::panic::catch_unwind(|| run(input));
    drop(watched);
    if outcome.is_err() {
        let found = watch::keep(target, input);
        panic!(
            "{target}, {what}: broke after {:?}; the input is {}",
            begun.elapsed(),
            found.display()
        );
    }
}

#[test]
fn every_input_of_the_corpora_is_borne() {
    for (target, run) in TARGETS {
        let corpus = corpus(target);
        assert!(corpus.len() >= 3, "{target} has hardly a corpus");
        for (name, input) in corpus {
            try_one(target, run, &name, &input);
        }
        try_one(target, run, "nothing", &[]);
    }
}

#[test]
fn so_are_mutations_of_them() {
    let rounds = match std::env::var("YINXIN_FUZZ_ROUNDS") {
        Ok(text) => text.parse().unwrap(),
        Err(_) => ROUNDS,
    };
    let only = std::env::var("YINXIN_FUZZ_TARGET").ok();
    // Two at a time, on the two cores that there are.
    let mut running = Vec::new();
    for (target, run) in TARGETS {
        if only.as_deref().is_some_and(|only| only != target) {
            continue;
        }
        let mutate = move || {
            let corpus = corpus(target);
            let begun = Instant::now();
            for round in 0..rounds {
                let input = mutated(&corpus, round);
                try_one(target, run, &format!("round {round}"), &input);
            }
            println!("{target}: {rounds} inputs in {:?}", begun.elapsed());
        };
        running.push(std::thread::spawn(mutate));
        if running.len() == 2 {
            running.drain(..).for_each(|thread| thread.join().unwrap());
        }
    }
    running
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

/// Each target has its corpus, its program for libFuzzer, and nothing is left over from one that is gone.
#[test]
fn targets_programs_and_corpora_are_the_same() {
    let names = |folder: &str| -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self::folder().join(folder))
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                path.file_stem().unwrap().to_string_lossy().into_owned()
            })
            .collect();
        names.sort();
        names
    };
    let targets: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names("corpus"), targets);
    assert_eq!(names("fuzz/fuzz_targets"), targets);
}

/// A new plugin's definition is fuzzed as well.
#[test]
fn every_plugin_is_a_base() {
    let mut plugins: Vec<String> = std::fs::read_dir(folder().join("../../plugins"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    plugins.sort();
    let bases: Vec<&str> = bases().iter().map(|(name, _)| *name).collect();
    assert_eq!(bases, plugins);
}

/// Marsaglia's xorshift.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (end.max(1) as u64)).unwrap()
    }
}

/// An input of the corpus, changed in a few places, or two of them joined in the middle.
fn mutated(corpus: &[(String, Vec<u8>)], round: u64) -> Vec<u8> {
    let mut dice = Dice((round + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut input = corpus[dice.below(corpus.len())].1.clone();
    if dice.below(4) == 0 {
        let other = &corpus[dice.below(corpus.len())].1;
        let (cut, from) = (dice.below(input.len() + 1), dice.below(other.len() + 1));
        input.truncate(cut);
        input.extend_from_slice(&other[from..]);
    }
    for _ in 0..=dice.below(5) {
        let at = dice.below(input.len() + 1);
        let end = (at + dice.below(32)).min(input.len());
        match dice.below(8) {
            0 if at < input.len() => input[at] ^= 1 << dice.below(8),
            1 if at < input.len() => input[at] = u8::try_from(dice.below(256)).unwrap(),
            2 => drop(input.drain(at..end)),
            3 => {
                let piece = input[at..end].to_vec();
                let to = dice.below(input.len() + 1);
                input.splice(to..to, piece);
            }
            4 => input.truncate(at),
            5 => {
                let piece: Vec<u8> = (0..dice.below(16))
                    .map(|_| u8::try_from(dice.below(256)).unwrap())
                    .collect();
                input.splice(at..at, piece);
            }
            6 => {
                const WORDS: [&[u8]; 10] = [
                    b"\0",
                    b"\xff\xff\xff\xff",
                    b"-1",
                    b"9223372036854775807",
                    b"%00",
                    b"\r\n",
                    b"PK\x03\x04",
                    b"\\u0000",
                    b"\xe2\x80\xae",
                    b"{\"",
                ];
                input.splice(at..at, WORDS[dice.below(WORDS.len())].iter().copied());
            }
            _ => {
                for byte in &mut input[at..end] {
                    if byte.is_ascii_digit() {
                        *byte = b'0' + u8::try_from(dice.below(10)).unwrap();
                    }
                }
            }
        }
    }
    input
}
