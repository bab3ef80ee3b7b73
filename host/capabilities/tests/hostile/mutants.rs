//! Components that are nearly plugins: bytes of a good one changed, its code mutated by `wasm-mutate`, its code written anew
//! by `wasm-smith` behind the same imports and exports, and whole components that `wasm-smith` made up. Activation answers
//! each with a typed error or takes it, and then its rules answer, or fail in a call with an error that is the plugin's own;
//! nothing panics, hangs, or takes the sandbox with it. The good ones are the hostile plugin and those of `plugins/`.
//!
//! `YINXIN_MUTANTS=20000 cargo xtask test guests` tries more than an ordinary run; `YINXIN_MUTANTS_FROM` is the first seed.

use crate::guest::{House, component, event, facts, limits, manifest, registry, site};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use wasm_mutate::WasmMutate;
use yinxin_capabilities::{
    ActivationError, Capability, Manifest, Plugin, PluginEntry, Quotas, Registry, RuleError,
};
use yinxin_core::money::Standing;
use yinxin_core::rules::{Basket, CaseView, Checkpoint, Moment, Sources};
use yinxin_sandbox::Failure;
use yinxin_store::testing;

/// Seeds of an ordinary run, for changed bytes of each plugin; for what has to be compiled, a part.
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

/// A plugin that mutants are made of.
struct Base {
    component: Vec<u8>,
    manifest: Manifest,
}

impl Base {
    fn hostile() -> Self {
        Self {
            component: component().to_vec(),
            manifest: manifest("1.0.0", &Capability::ALL),
        }
    }

    /// All of them; those of `plugins/` as a site gets them.
    fn all() -> Vec<Arc<Self>> {
        let real = ["jiangxi", "yingtan", "fujian"].map(|name| {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
            let manifest = std::fs::read_to_string(folder.join(name).join("plugin.toml"));
            Self {
                component: yinxin_kit::component(name).unwrap_or_else(|error| panic!("{error:#}")),
                manifest: Manifest::parse(&manifest.unwrap()).unwrap(),
            }
        });
        let all = std::iter::once(Self::hostile()).chain(real);
        all.map(Arc::new).collect()
    }

    fn name(&self) -> &str {
        &self.manifest.name
    }

    /// What a site that has it grants it: all that it asks for.
    fn entry(&self) -> PluginEntry {
        let declared = self.manifest.capabilities.iter();
        PluginEntry {
            name: self.name().to_owned(),
            digest: None,
            grants: declared.map(|declared| declared.interface).collect(),
            quotas: Quotas::default(),
        }
    }

    /// The core module that was compiled from the plugin's sources, without what the component encoding puts around it.
    fn module(&self) -> &[u8] {
        &self.component[module_in(&self.component).1]
    }

    /// The component with another core module in it.
    fn with_module(&self, module: &[u8]) -> Vec<u8> {
        let (size, content) = module_in(&self.component);
        let mut bytes = self.component[..size.start].to_vec();
        let mut rest = module.len();
        while rest >= 0x80 {
            bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
        bytes.extend(module);
        bytes.extend(&self.component[content.end..]);
        bytes
    }
}

/// Where the largest core module of a component stands, and the number before it that says how large it is.
fn module_in(component: &[u8]) -> (Range<usize>, Range<usize>) {
    const CORE_MODULE: u8 = 1;
    let mut found = (0..0, 0..0);
    let mut at = 8;
    while at < component.len() {
        let (kind, size_at) = (component[at], at + 1);
        let (mut size, mut begins) = (0, size_at);
        loop {
            let byte = component[begins];
            size |= usize::from(byte & 0x7f) << (7 * (begins - size_at));
            begins += 1;
            if byte < 0x80 {
                break;
            }
        }
        if kind == CORE_MODULE && size > found.1.len() {
            found = (size_at..begins, begins..begins + size);
        }
        at = begins + size;
    }
    found
}

/// How one mutant ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// It did not go live, for this reason.
    Refused(&'static str),
    /// It went live and a call of it failed.
    Contained(&'static str),
    /// All its rules answered.
    Lives,
}

/// What became of the mutants.
#[derive(Debug, Default)]
struct Ends {
    ends: BTreeMap<End, usize>,
    /// Seeds that gave no mutant at all.
    none: usize,
}

impl Ends {
    fn count(&mut self, end: Option<End>) {
        match end {
            Some(end) => *self.ends.entry(end).or_default() += 1,
            None => self.none += 1,
        }
    }

    fn of(&self, is: impl Fn(&End) -> bool) -> usize {
        let counted = self.ends.iter().filter(|(end, _)| is(end));
        counted.map(|(_, count)| count).sum()
    }

    fn tried(&self) -> usize {
        self.of(|_| true)
    }

    fn refused(&self) -> usize {
        self.of(|end| matches!(end, End::Refused(_)))
    }

    /// Those whose code was run.
    fn ran(&self) -> usize {
        self.tried() - self.of(|end| matches!(end, End::Refused(why) if *why != DESCRIBE))
    }
}

const DESCRIBE: &str = "describe failed";

fn refused(error: &ActivationError) -> End {
    End::Refused(match error {
        ActivationError::UnknownInterface { .. } => "unknown interface",
        ActivationError::Undeclared { .. } => "undeclared",
        ActivationError::NotGranted { .. } => "not granted",
        ActivationError::Load { .. } => "not loaded",
        ActivationError::NoRules { .. } => "no rules",
        ActivationError::Contract { .. } => "against the contract",
        ActivationError::Describe(call) => {
            is_its_own(&call.failure);
            DESCRIBE
        }
        ActivationError::Definition { .. } => "no definition",
        ActivationError::Mismatch { .. } => "another name",
        ActivationError::Lint { .. } => "refused by the lint",
        // The compiler panicked, or the database failed: neither is an answer.
        other => panic!("{other}"),
    })
}

fn contained(error: &RuleError) -> End {
    End::Contained(match error {
        RuleError::Answer { .. } => "its answer was refused",
        RuleError::Call(call) => is_its_own(&call.failure),
        // The database is well, and nobody else writes.
        RuleError::Store { .. } | RuleError::Changed { .. } => panic!("{error}"),
    })
}

/// What can be laid at the mutant's own door; two of them at a time leave no place to wait for.
fn is_its_own(failure: &Failure) -> &'static str {
    match failure {
        Failure::GuestTime { .. } | Failure::TotalTime { .. } => "it did not end",
        Failure::Memory { .. } | Failure::Table { .. } => "it grew",
        Failure::HostCallBytes { .. } | Failure::ResultTooLarge { .. } => "it said too much",
        Failure::EffectsCount { .. } | Failure::EffectsBytes { .. } => "it asked for too much",
        Failure::Reads { .. } | Failure::Log { .. } => "it called too often",
        Failure::BadResult { .. } => "its result could not be read",
        Failure::StackOverflow => "it exhausted its stack",
        Failure::Panic => "it panicked",
        Failure::Trap { .. } => "it trapped",
        Failure::Instantiation { .. } => "it could not be instantiated",
        Failure::BadArguments { .. } => "its arguments could not be read",
        Failure::Host { .. } | Failure::Busy { .. } => panic!("{failure}"),
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
    async fn try_one(&self, base: &Base, bytes: &[u8]) -> End {
        let (manifest, entry) = (&base.manifest, base.entry());
        let inspected = self
            .registry
            .inspect(&site(), bytes, manifest, &entry)
            .await;
        match inspected {
            Ok(activated) => self.call(&activated.plugin).await,
            Err(error) => {
                assert!(error.to_string().contains(base.name()), "{error}");
                refused(&error)
            }
        }
    }

    /// Every rule, about a case in its first state.
    async fn call(&self, plugin: &Plugin) -> End {
        let context = || self.house.context(facts());
        let at = Moment {
            now: 0,
            today: "2026-11-20".into(),
        };
        // A plugin that has an account policy and nothing else offers no service, and has no event to decide.
        let definition = &plugin.definition;
        let service = definition.services.first();
        let lifecycle = definition
            .lifecycles
            .iter()
            .find(|known| service.is_some_and(|service| known.id == service.lifecycle));
        let step = service.and_then(|service| service.steps.first());
        let case = CaseView {
            id: "case".into(),
            number: "20261120-1".into(),
            service: service.map_or("none", |service| &service.id).to_owned(),
            state: lifecycle.map_or("none", |known| &known.initial).to_owned(),
            created: 0,
            values: facts().values,
            materials: Vec::new(),
            checks: Vec::new(),
            payment: Standing::None,
        };
        // The hostile plugin's is `good`, behind the one that runs a script, which is empty here.
        let mut outcomes = Vec::new();
        let transitions = lifecycle.map_or(&[][..], |known| &known.transitions);
        for transition in transitions.iter().take(2) {
            let asked = event(&transition.id, &[("remark", "x")]);
            let decided = plugin.handle(context(), &case, &asked).await;
            outcomes.push(decided.map(|_| ()));
        }
        let step = Checkpoint::Step(step.map_or("none", |step| &step.id).to_owned());
        let checked = plugin.check(context(), &case, &at, &step).await;
        outcomes.push(checked.map(|_| ()));
        let sources = Sources {
            service: case.service.clone(),
            profile: facts().profile,
            earlier: None,
            certificate: Vec::new(),
            at: at.clone(),
        };
        let filled = plugin.prefill(context(), &sources).await;
        outcomes.push(filled.map(|_| ()));
        let basket = Basket {
            cases: vec![case],
            at,
        };
        let quoted = plugin.quote(context(), &basket).await;
        outcomes.push(quoted.map(|_| ()));
        let mut failed = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        failed.next().map_or(End::Lives, contained)
    }
}

/// As many at once as there are cores here. A panic anywhere ends the test, with the mutant's seed.
async fn all_of(
    yard: &Arc<Yard>,
    base: &Arc<Base>,
    seeds: Range<u64>,
    mutant: impl Fn(&Base, u64) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> Ends {
    let mutant = Arc::new(mutant);
    let mut ends = Ends::default();
    let mut running = tokio::task::JoinSet::new();
    for seed in seeds {
        while running.len() >= 2 {
            ends.count(running.join_next().await.unwrap().unwrap());
        }
        let (yard, base, mutant) = (yard.clone(), base.clone(), mutant.clone());
        running.spawn(async move {
            let what = format!("{} seed {seed}", base.name());
            let mutate = {
                let base = base.clone();
                tokio::task::spawn_blocking(move || mutant(&base, seed))
            };
            let made = mutate
                .await
                .unwrap_or_else(|error| panic!("{what}: {error}"));
            let bytes = made?;
            let tried = tokio::spawn(async move { yard.try_one(&base, &bytes).await });
            match tokio::time::timeout(HUNG, tried).await {
                Ok(Ok(end)) => Some(end),
                Ok(Err(error)) => panic!("{what}: {error}"),
                Err(_) => panic!("{what} hangs"),
            }
        });
    }
    while let Some(end) = running.join_next().await {
        ends.count(end.unwrap());
    }
    // After all of them the sandbox is as good as new.
    assert!(yard.house.handle("good").await.is_ok());
    assert_eq!(yard.try_one(base, &base.component).await, End::Lives);
    println!("{}: {ends:?}", base.name());
    ends
}

/// How many of the seeds there are, in percent.
fn percent(part: usize, seeds: &Range<u64>) -> u64 {
    part as u64 * 100 / (seeds.end - seeds.start)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_with_changed_bytes_is_refused_or_contained() {
    let yard = Yard::open().await;
    let mut ran = 0;
    for base in Base::all() {
        let seeds = seeds(1);
        let changed = |base: &Base, seed| Some(changed(&base.component, seed));
        let ends = all_of(&yard, &base, seeds.clone(), changed).await;
        assert_eq!(percent(ends.tried(), &seeds), 100, "{ends:?}");
        assert!(ends.refused() > 0, "{ends:?}");
        ran += ends.ran();
    }
    assert!(
        ran > 0,
        "a byte may well be changed where nothing comes of it"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_with_mutated_code_is_refused_or_contained() {
    let yard = Yard::open().await;
    let mutated = |base: &Base, seed: u64| {
        // Not every seed finds something to mutate: a few tries each.
        (0..20).find_map(|attempt| {
            let mut mutate = WasmMutate::default();
            mutate
                .seed(seed * 20 + attempt)
                .fuel(300)
                .preserve_semantics(false);
            let mut mutants = mutate.run(base.module()).ok()?;
            let mutant = mutants.next()?.ok()?;
            Some(base.with_module(&mutant))
        })
    };
    for base in Base::all() {
        let seeds = seeds(if base.name() == "hostile" { 5 } else { 10 });
        let ends = all_of(&yard, &base, seeds.clone(), mutated).await;
        assert!(percent(ends.tried(), &seeds) >= 90, "{ends:?}");
        assert!(percent(ends.ran(), &seeds) >= 25, "{ends:?}");
    }
}

/// What wasm-smith may use: what the sandbox's engine takes.
fn plain() -> wasm_smith::Config {
    wasm_smith::Config {
        gc_enabled: false,
        reference_types_enabled: false,
        exceptions_enabled: false,
        threads_enabled: false,
        memory64_enabled: false,
        relaxed_simd_enabled: false,
        wide_arithmetic_enabled: false,
        compact_imports_enabled: false,
        ..wasm_smith::Config::default()
    }
}

fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    (0..bytes).map(|_| dice.next() as u8).collect()
}

/// Code that nobody wrote, in the place of a plugin's: what it describes is hardly ever a definition, but it is run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_whose_code_was_made_up_is_refused_or_contained() {
    let yard = Yard::open().await;
    let base = Arc::new(Base::hostile());
    let made_up = |base: &Base, seed: u64| {
        let config = wasm_smith::Config {
            module_shape: Some(base.module().to_vec()),
            ..plain()
        };
        let noise = noise(seed, 16 << 10);
        let module =
            wasm_smith::Module::new(config, &mut arbitrary::Unstructured::new(&noise)).ok()?;
        Some(base.with_module(&module.to_bytes()))
    };
    let seeds = seeds(2);
    let ends = all_of(&yard, &base, seeds.clone(), made_up).await;
    assert!(percent(ends.tried(), &seeds) >= 90, "{ends:?}");
    assert!(percent(ends.ran(), &seeds) >= 25, "{ends:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_was_made_up_is_refused() {
    let yard = Yard::open().await;
    let base = Arc::new(Base::hostile());
    let made_up = |_: &Base, seed: u64| {
        let noise = noise(seed, 4 << 10);
        let component =
            wasm_smith::Component::new(plain(), &mut arbitrary::Unstructured::new(&noise)).ok()?;
        Some(component.to_bytes())
    };
    let seeds = seeds(1);
    let ends = all_of(&yard, &base, seeds.clone(), made_up).await;
    assert!(percent(ends.tried(), &seeds) >= 90, "{ends:?}");
    assert_eq!(ends.refused(), ends.tried(), "{ends:?}");
}
