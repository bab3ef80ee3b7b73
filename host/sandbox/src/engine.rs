//! The engine: one for the process, with its pool of places and its clock for interrupting guests.

use crate::cache::Cache;
use crate::limits::Limits;
use crate::turns::Turns;
use crate::usage::Usage;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::Semaphore;
use wasmtime::{Config, Enabled, Engine, EngineWeak, PoolingAllocationConfig};

/// How often a running guest is looked at. One that runs for longer than two ticks has to wait for its turns; a single
/// instruction that copies or fills memory is not interrupted.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// A guest has one memory; a second one would double every slot of the pool.
pub(crate) const MEMORIES_PER_COMPONENT: u32 = 1;
/// The guest's own table and those of the component encoding's shims: 2 or 3.
pub(crate) const TABLES_PER_COMPONENT: u32 = 4;

/// What a slot keeps mapped between calls where the kernel can say which pages are dirty: a whole guest of the usual
/// kind, whose pages then need no page fault at the next call.
const RESIDENT_WITH_PAGEMAP: usize = 2 << 20;
/// Without that help each call pays for clearing this many bytes, dirty or not, so that it is what a small guest uses.
const RESIDENT_WITHOUT_PAGEMAP: usize = 256 << 10;

/// Of so many places one plugin holds one at most, however often it is called: the others stay for everybody else's calls,
/// whatever this plugin does with its own. Three plugins could misbehave at once, and a fourth finds places free.
const SHARES: u32 = 4;

/// Settings of the process's sandbox.
pub struct Settings {
    /// Calls that can run at the same time; more wait their turn. A call that waits for the database holds its place.
    pub places: u32,
    /// Guests that can run for long at the same time; more wait their turn.
    pub turns: usize,
    /// The limits of a call where the caller has no reason for others. The pool is laid out for them: a call may have
    /// less memory, never more.
    pub limits: Limits,
    /// Where compiled components are kept between starts; none: they are compiled anew.
    pub cache: Option<Cache>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            places: 64,
            // Every other core stays for pages and for calls that are over soon.
            turns: (std::thread::available_parallelism().map_or(1, usize::from) / 2).max(1),
            limits: Limits::default(),
            cache: None,
        }
    }
}

#[derive(Debug, Error)]
pub enum EngineError {
    #[error("the WebAssembly engine cannot be set up: {0}")]
    Setup(String),
    #[error("the sandbox's clock thread cannot be started: {0}")]
    Clock(#[from] std::io::Error),
}

/// The process's sandbox. Cheap to clone; the clock thread ends with the last clone and the last loaded component.
#[derive(Clone)]
pub struct Sandbox {
    pub(crate) engine: Engine,
    pub(crate) places: Arc<Semaphore>,
    share: usize,
    pub(crate) turns: Turns,
    pub(crate) ceiling: Arc<Limits>,
    pub(crate) cache: Option<Arc<Cache>>,
}

/// What one plugin's calls may have of the sandbox, and what they took of it. Clones are the same share.
#[derive(Clone, Debug)]
pub struct Share {
    /// Places that its calls may hold at the same time.
    pub(crate) places: Arc<Semaphore>,
    pub(crate) usage: Arc<Usage>,
}

impl Sandbox {
    pub fn new(settings: Settings) -> Result<Self, EngineError> {
        let engine = Engine::new(&config(&settings))
            .map_err(|error| EngineError::Setup(format!("{error:#}")))?;
        start_clock(engine.weak())?;
        Ok(Self {
            engine,
            places: Arc::new(Semaphore::new(settings.places as usize)),
            share: (settings.places / SHARES).max(1) as usize,
            turns: Turns::new(settings.turns),
            ceiling: Arc::new(settings.limits),
            cache: settings.cache.map(Arc::new),
        })
    }

    /// The limits of a call where the caller has no reason for others.
    pub fn limits(&self) -> &Limits {
        &self.ceiling
    }

    /// A share of the places, for all calls of one plugin.
    pub fn share(&self) -> Share {
        Share {
            places: Arc::new(Semaphore::new(self.share)),
            usage: Arc::new(Usage::new()),
        }
    }

    /// Places in which no call is now.
    pub fn free_places(&self) -> usize {
        self.places.available_permits()
    }

    /// wasmtime's engine, for making a linker.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}

fn config(settings: &Settings) -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        // Counting fuel instead makes a call a tenth longer (28.3 against 25.7 µs).
        .epoch_interruption(true)
        // No component-model async: it costs bookkeeping at each call, and a rule has nothing to wait for at once.
        .concurrency_support(false)
        // A guest is one module with one memory of at most 4 GiB.
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        // The same call gives the same answer on every machine, so that a past one can be run again and compared: no
        // instruction whose result is the processor's choice, and one form of "not a number".
        .wasm_relaxed_simd(false)
        .cranelift_nan_canonicalization(true);
    config.allocation_strategy(pool(settings));
    config
}

fn pool(settings: &Settings) -> PoolingAllocationConfig {
    let places = settings.places;
    let instances = u32::try_from(settings.limits.instances).unwrap_or(u32::MAX);
    let pagemap = PoolingAllocationConfig::is_pagemap_scan_available();
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(places)
        .total_stacks(places)
        .total_core_instances(places.saturating_mul(instances))
        .total_memories(places.saturating_mul(MEMORIES_PER_COMPONENT))
        .total_tables(places.saturating_mul(TABLES_PER_COMPONENT))
        .max_core_instances_per_component(instances)
        .max_memories_per_component(MEMORIES_PER_COMPONENT)
        .max_tables_per_component(TABLES_PER_COMPONENT)
        .max_memory_size(settings.limits.memory_bytes)
        .table_elements(settings.limits.table_elements)
        // As many as one plugin may hold stay warm for those that ran there last. A call costs some 15 µs more in a place
        // that was another plugin's, and a warm place some 30 KiB.
        .max_unused_warm_slots(places / SHARES)
        // The runtime's own description of an instance: wasmtime's default, far above what a plugin needs.
        .max_component_instance_size(1 << 20)
        .max_core_instance_size(1 << 20)
        .linear_memory_keep_resident(if pagemap {
            RESIDENT_WITH_PAGEMAP
        } else {
            RESIDENT_WITHOUT_PAGEMAP
        })
        // 8,000 elements, more than a usual guest's table has.
        .table_keep_resident(64 << 10)
        // Linux 6.7 and later; elsewhere resident pages are cleared by writing over them.
        .pagemap_scan(if pagemap { Enabled::Yes } else { Enabled::No });
    pool
}

/// Moves the engine's epoch until the engine is gone. The thread holds no strong reference, so that it cannot keep the
/// engine alive.
fn start_clock(engine: EngineWeak) -> std::io::Result<()> {
    let tick = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    };
    std::thread::Builder::new()
        .name("sandbox-clock".into())
        .spawn(tick)?;
    Ok(())
}
