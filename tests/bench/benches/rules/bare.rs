//! The same component called with wasmtime and nothing else: instantiate, call, drop. No limits, no clock, no answers
//! looked at, no conversion of what goes in; what it imports traps.

mod bindings {
    wasmtime::component::bindgen!({
        path: [
            "../../wit/accounts", "../../wit/storage", "../../wit/payments", "../../wit/messaging", "../../wit/tokens",
            "../../wit/identity", "../../wit/certificates", "../../wit/documents", "../../wit/site",
        ],
        world: "yinxin:site/plugin",
    });
}

pub use bindings::exports::yinxin::site::rules::{
    CaseView, Checkpoint, Moment, NamedValue, Problem,
};
pub use bindings::yinxin::payments::payments::Standing;

use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};
use wasmtime::{Config, Enabled, Engine, PoolingAllocationConfig, Store};

/// Bytes of a slot, as in our own pool.
const MEMORY: usize = 32 << 20;
/// Bytes of a slot that stay mapped between calls, as in our own pool.
const RESIDENT: usize = 2 << 20;
/// Calls at a time.
const PLACES: u32 = 64;

pub struct Bare {
    engine: Engine,
    component: InstancePre<()>,
    check: ComponentExportIndex,
}

type Arguments<'a> = (&'a CaseView, &'a Moment, &'a Checkpoint);

impl Bare {
    /// wasmtime with its pool, laid out as ours for many short calls, and all else at its defaults.
    pub fn new(component: &[u8]) -> Self {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(PLACES)
            .total_core_instances(PLACES * 8)
            .total_memories(PLACES)
            .total_tables(PLACES * 4)
            .max_memory_size(MEMORY)
            .linear_memory_keep_resident(RESIDENT)
            .table_keep_resident(RESIDENT)
            .pagemap_scan(Enabled::Auto);
        let mut config = Config::new();
        config.wasm_component_model(true).allocation_strategy(pool);
        Self::over(Engine::new(&config).unwrap(), component)
    }

    fn over(engine: Engine, bytes: &[u8]) -> Self {
        let compiled = Component::from_binary(&engine, bytes).unwrap();
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&compiled).unwrap();
        let rules = compiled
            .get_export_index(None, "yinxin:site/rules@0.1.0")
            .unwrap();
        let check = compiled.get_export_index(Some(&rules), "check").unwrap();
        Self {
            component: linker.instantiate_pre(&compiled).unwrap(),
            engine,
            check,
        }
    }

    /// One call in a fresh store.
    pub fn check(&self, arguments: Arguments<'_>) -> Vec<Problem> {
        let mut store = Store::new(&self.engine, ());
        let instance = self.component.instantiate(&mut store).unwrap();
        let check = instance
            .get_typed_func::<Arguments<'_>, (Vec<Problem>,)>(&mut store, self.check)
            .unwrap();
        check.call(&mut store, arguments).unwrap().0
    }
}
