//! Components that are nearly plugins: bytes of a good one changed, its code mutated by `wasm-mutate`, and components that
//! `wasm-smith` made up. Activation answers each with a typed error or takes it, and then its rules answer, or fail in a
//! call; nothing panics, hangs, or takes the sandbox with it.
//!
//! `YINXIN_MUTANTS=20000 cargo xtask test guests` tries more than an ordinary run; `YINXIN_MUTANTS_FROM` is the first seed.

use crate::guest::{House, case, component, event, facts, limits, manifest, registry, site};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use wasm_mutate::WasmMutate;
use yinxin_capabilities::{ActivationError, Capability, PluginEntry, Registry};
use yinxin_core::rules::{Basket, Checkpoint, Moment};
use yinxin_store::testing;

/// Seeds of an ordinary run, of changed bytes; of the others, which have to be compiled, a part.
const SEEDS: u64 = 200;
/// Longer than any activation and the calls after it take: what is not back by then hangs.
const HUNG: Duration = Duration::from_secs(300);

fn seeds(part: u64) -> std::ops::Range<u64> {
    let number = |name: &str, usual: u64| match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text}")),
        Err(_) => usual,
    };
    let from = number("YINXIN_MUTANTS_FROM", 0);
    from..from + number("YINXIN_MUTANTS", SEEDS).div_ceil(part)
}

/// Marsaglia's xorshift: the same numbers on every machine.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).unwrap()
    }
}

/// A few changes of the kinds that a bad disk, a bad transfer or a bad mind makes.
fn changed(bytes: &[u8], seed: u64) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    let mut bytes = bytes.to_vec();
    for _ in 0..=dice.below(3) {
        let at = dice.below(bytes.len());
        let length = 1 + dice.below(64);
        match dice.below(7) {
            0 => bytes[at] ^= 1 << dice.below(8),
            1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][dice.below(5)],
            2 => bytes.truncate(at.max(1)),
            3 => drop(bytes.drain(at..(at + length).min(bytes.len() - 1).max(at))),
            4 => {
                let piece = bytes[at..(at + length).min(bytes.len())].to_vec();
                let to = dice.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            5 => {
                let piece: Vec<u8> = (0..length).map(|_| dice.next() as u8).collect();
                bytes.splice(at..at, piece);
            }
            // A length that promises what is not there.
            _ => {
                let to = (at + 5).min(bytes.len());
                bytes.splice(at..to, [0xff, 0xff, 0xff, 0xff, 0x0f]);
            }
        }
    }
    bytes
}

/// What became of the mutants, by the kind of the end.
#[derive(Debug, Default)]
struct Ends(BTreeMap<&'static str, u32>);

impl Ends {
    fn count(&mut self, end: &'static str) {
        *self.0.entry(end).or_default() += 1;
    }
}

fn named(error: &ActivationError) -> &'static str {
    match error {
        ActivationError::Digest { .. } => "another digest",
        ActivationError::UnknownInterface { .. } => "unknown interface",
        ActivationError::Undeclared { .. } => "undeclared",
        ActivationError::NotGranted { .. } => "not granted",
        ActivationError::Load { .. } => "not loaded",
        ActivationError::NoRules { .. } => "no rules",
        ActivationError::Contract { .. } => "against the contract",
        ActivationError::Describe(_) => "describe failed",
        ActivationError::Definition { .. } => "no definition",
        ActivationError::Mismatch { .. } => "another name",
        ActivationError::Lint { .. } => "refused by the lint",
        // The compiler panicked, or the database failed: neither is an answer.
        other => panic!("{other}"),
    }
}

struct Yard {
    house: House,
    registry: Registry,
}

impl Yard {
    async fn open() -> Arc<Self> {
        let house = House::open(testing::sqlite().await).await;
        let registry = registry(limits());
        Arc::new(Self { house, registry })
    }

    /// Takes a mutant in and, where that goes well, calls it.
    async fn try_one(&self, bytes: &[u8]) -> &'static str {
        let all = Capability::ALL;
        let entry = PluginEntry {
            name: "hostile".into(),
            digest: None,
            grants: all.to_vec(),
            quotas: Default::default(),
        };
        let manifest = manifest("1.0.0", &all);
        let plugin = match self
            .registry
            .inspect(&site(), bytes, &manifest, &entry)
            .await
        {
            Ok(activated) => activated.plugin,
            Err(error) => {
                assert!(error.to_string().contains("hostile"), "{error}");
                return named(&error);
            }
        };
        let at = Moment {
            now: 0,
            today: "2026-11-20".into(),
        };
        let context = || self.house.context(facts());
        let decided = plugin
            .handle(context(), &case(), &event("good", &[("remark", "x")]))
            .await;
        let step = Checkpoint::Step("fill".into());
        let checked = plugin.check(context(), &case(), &at, &step).await;
        let basket = Basket {
            cases: vec![case()],
            at,
        };
        let quoted = plugin.quote(context(), &basket).await;
        if decided.is_ok() && checked.is_ok() && quoted.is_ok() {
            "lives"
        } else {
            "lives and errs"
        }
    }
}

/// As many at once as there are cores here. A panic anywhere ends the test, with the mutant's seed.
async fn all_of(
    yard: &Arc<Yard>,
    seeds: std::ops::Range<u64>,
    mutant: impl Fn(u64) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> Ends {
    let mutant = Arc::new(mutant);
    let mut ends = Ends::default();
    let mut running = tokio::task::JoinSet::new();
    for seed in seeds {
        while running.len() >= 2 {
            ends.count(running.join_next().await.unwrap().unwrap());
        }
        let (yard, mutant) = (yard.clone(), mutant.clone());
        running.spawn(async move {
            let Some(bytes) = tokio::task::spawn_blocking(move || mutant(seed))
                .await
                .unwrap_or_else(|error| panic!("seed {seed}: {error}"))
            else {
                return "no mutant";
            };
            let tried = tokio::spawn(async move { yard.try_one(&bytes).await });
            match tokio::time::timeout(HUNG, tried).await {
                Ok(Ok(end)) => end,
                Ok(Err(error)) => panic!("seed {seed}: {error}"),
                Err(_) => panic!("seed {seed} hangs"),
            }
        });
    }
    while let Some(end) = running.join_next().await {
        ends.count(end.unwrap());
    }
    // After all of them the sandbox is as good as new.
    assert!(yard.house.handle("good").await.is_ok());
    assert_eq!(yard.try_one(component()).await, "lives");
    println!("{ends:?}");
    ends
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_with_changed_bytes_is_refused_or_contained() {
    let yard = Yard::open().await;
    let ends = all_of(&yard, seeds(1), |seed| Some(changed(component(), seed))).await;
    assert!(ends.0.contains_key("not loaded"), "{ends:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_with_mutated_code_is_refused_or_contained() {
    let yard = Yard::open().await;
    let module = yinxin_kit::hostile_module().unwrap();
    // Not every mutation leaves a module that can be wrapped: a few tries each.
    let mutated = move |seed: u64| {
        (0..20).find_map(|attempt| {
            let mut mutate = WasmMutate::default();
            mutate
                .seed(seed * 20 + attempt)
                .fuel(300)
                .preserve_semantics(false);
            let mut mutants = mutate.run(&module).ok()?;
            let mutant = mutants.next()?.ok()?;
            yinxin_kit::wrapped(&mutant).ok()
        })
    };
    let ends = all_of(&yard, seeds(10), mutated).await;
    let lives = ["lives", "lives and errs", "describe failed"];
    assert!(
        lives.iter().any(|end| ends.0.contains_key(end)),
        "the mutants have to be worth something: {ends:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_was_made_up_is_refused() {
    let yard = Yard::open().await;
    let made_up = |seed: u64| {
        let mut dice = Dice::new(seed);
        let noise: Vec<u8> = (0..4096).map(|_| dice.next() as u8).collect();
        let config = wasm_smith::Config::default();
        let component =
            wasm_smith::Component::new(config, &mut arbitrary::Unstructured::new(&noise)).ok()?;
        Some(component.to_bytes())
    };
    let ends = all_of(&yard, seeds(2), made_up).await;
    assert!(!ends.0.contains_key("lives"), "{ends:?}");
    assert!(ends.0.values().sum::<u32>() > 0);
}
