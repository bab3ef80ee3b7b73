//! From a component's bytes to something that can be called: compile or fetch from the cache, look at its imports and
//! exports, and check that a place of the pool is large enough for it.

use crate::engine::{MEMORIES_PER_COMPONENT, Sandbox, TABLES_PER_COMPONENT};
use thiserror::Error;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

/// A WebAssembly page, the unit of memory sizes in a component.
const PAGE: u64 = 64 << 10;

/// Largest component taken: a Rust plugin has 50 to 500 KiB; compiling costs about 1 ms a kilobyte.
const COMPONENT_LIMIT: usize = 4 << 20;

#[derive(Debug, Error)]
pub enum LoadError {
    #[error("the component has {bytes} bytes, of {limit}")]
    TooLarge { bytes: usize, limit: usize },
    #[error("the component is not valid: {0}")]
    Invalid(String),
    #[error("the component imports `{0}`, which is not an interface of functions and types")]
    BareImport(String),
    #[error("the component begins with {wanted} bytes of memory, of {limit}")]
    Memory { wanted: u64, limit: usize },
    #[error("the component has {wanted} memories, of {limit}")]
    Memories { wanted: u32, limit: u32 },
    #[error("the component begins with a table of {wanted} elements, of {limit}")]
    Table { wanted: u64, limit: usize },
    #[error("the component has {wanted} tables, of {limit}")]
    Tables { wanted: u32, limit: u32 },
    #[error("the component imports core modules, so that what it needs cannot be told")]
    Unbounded,
}

/// One imported interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// `package:name/interface@version`
    pub interface: String,
    /// Names of the functions that are imported. An interface of which only types are used has none, and asks for no
    /// capability.
    pub functions: Vec<String>,
}

/// A compiled component.
#[derive(Clone)]
pub struct Loaded {
    pub component: Component,
    /// See [`digest`].
    pub digest: String,
    pub imports: Vec<Import>,
    /// Names of what it exports.
    pub exports: Vec<String>,
}

impl Sandbox {
    /// Compiles a component, or takes its code from the cache. Blocks for tens of milliseconds when it compiles.
    pub fn load(&self, bytes: &[u8]) -> Result<Loaded, LoadError> {
        if bytes.len() > COMPONENT_LIMIT {
            return Err(LoadError::TooLarge {
                bytes: bytes.len(),
                limit: COMPONENT_LIMIT,
            });
        }
        let digest = digest(bytes);
        let component = match self.fetch(&digest) {
            Some(component) => component,
            None => self.compile(bytes, &digest)?,
        };
        self.judged(component, digest)
    }

    /// The component of this digest, if this host has compiled it and its cache has the code: nothing else of it is needed.
    pub fn load_compiled(&self, digest: &str) -> Result<Option<Loaded>, LoadError> {
        let component = self.fetch(digest);
        component
            .map(|component| self.judged(component, digest.to_owned()))
            .transpose()
    }

    fn fetch(&self, digest: &str) -> Option<Component> {
        self.cache.as_ref()?.fetch(&self.engine, digest)
    }

    fn judged(&self, component: Component, digest: String) -> Result<Loaded, LoadError> {
        self.fits(&component)?;
        let imports = self.imports(&component)?;
        let exports = component
            .component_type()
            .exports(&self.engine)
            .map(|(name, _)| name.to_owned())
            .collect();
        Ok(Loaded {
            component,
            digest,
            imports,
            exports,
        })
    }

    fn compile(&self, bytes: &[u8], digest: &str) -> Result<Component, LoadError> {
        // `Component::new` would take text as well; a plugin is binary.
        let component = Component::from_binary(&self.engine, bytes)
            .map_err(|error| LoadError::Invalid(format!("{error:#}")))?;
        let Some(cache) = &self.cache else {
            return Ok(component);
        };
        cache.keep(&self.engine, digest, &component);
        // The mapped file instead of the copy in memory, as after a restart.
        Ok(cache.fetch(&self.engine, digest).unwrap_or(component))
    }

    /// The pool's sizes hold for every instance, so that what does not fit is found here and not at the first call.
    fn fits(&self, component: &Component) -> Result<(), LoadError> {
        let needs = component.resources_required().ok_or(LoadError::Unbounded)?;
        if needs.num_memories > MEMORIES_PER_COMPONENT {
            return Err(LoadError::Memories {
                wanted: needs.num_memories,
                limit: MEMORIES_PER_COMPONENT,
            });
        }
        if needs.num_tables > TABLES_PER_COMPONENT {
            return Err(LoadError::Tables {
                wanted: needs.num_tables,
                limit: TABLES_PER_COMPONENT,
            });
        }
        let memory = needs
            .max_initial_memory_size
            .unwrap_or(0)
            .saturating_mul(PAGE);
        if memory > self.ceiling.memory_bytes as u64 {
            return Err(LoadError::Memory {
                wanted: memory,
                limit: self.ceiling.memory_bytes,
            });
        }
        let table = needs.max_initial_table_size.unwrap_or(0);
        if table > self.ceiling.table_elements as u64 {
            return Err(LoadError::Table {
                wanted: table,
                limit: self.ceiling.table_elements,
            });
        }
        Ok(())
    }

    fn imports(&self, component: &Component) -> Result<Vec<Import>, LoadError> {
        let mut imports = Vec::new();
        for (name, import) in component.component_type().imports(&self.engine) {
            let ComponentItem::ComponentInstance(interface) = import.ty else {
                return Err(LoadError::BareImport(name.to_owned()));
            };
            let mut functions = Vec::new();
            for (item, export) in interface.exports(&self.engine) {
                match export.ty {
                    ComponentItem::Type(_) => {}
                    // Resources, modules and components count: whatever is more than a type asks for something.
                    _ => functions.push(item.to_owned()),
                }
            }
            imports.push(Import {
                interface: name.to_owned(),
                functions,
            });
        }
        Ok(imports)
    }
}

/// A component's name for all: sha256 in lower-case hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    hex::encode(ring::digest::digest(&ring::digest::SHA256, bytes))
}
