//! From a component's bytes to an active plugin, and which version answers for which case.
//!
//! Activation: the digest is the one that the site asks for → what is imported is declared and granted → the code is
//! compiled and fits a place of the sandbox → `describe` is called with no capability → the definition is linted → the
//! version is written down → the switch, which is one pointer. Whoever asked before goes on with the version before.

use crate::answers::Fault;
use crate::bindings::{Plugin as World, PluginIndices};
use crate::convert;
use crate::desk::{Desk, Office};
use crate::grants::{Capability, Grants, Quotas};
use crate::manifest::Manifest;
use crate::plugin::{Code, Plugin};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, PoisonError, RwLock};
use thiserror::Error;
use wasmtime::Store as WasmStore;
use wasmtime::component::{HasSelf, Linker};
use yinxin_core::definition::Definition;
use yinxin_core::definition::lint::{Finding, Severity, lint};
use yinxin_core::ids::SiteId;
use yinxin_core::time::Millis;
use yinxin_sandbox::{Call, CallError, EngineError, LoadError, Loaded, Sandbox};
use yinxin_store::plugins::{self, Activation};
use yinxin_store::{Store, StoreError};

/// What every plugin exports.
const RULES: &str = "yinxin:site/rules@0.1.0";

/// One `[[plugin]]` of `site.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PluginEntry {
    pub name: String,
    /// sha256 of the component, lower-case hexadecimal. Without it whatever lies in the folder is taken, which is for
    /// development.
    pub digest: Option<String>,
    #[serde(default)]
    pub grants: Vec<Capability>,
    #[serde(default)]
    pub quotas: Quotas,
}

impl PluginEntry {
    pub fn grants(&self) -> Grants {
        Grants::new(self.grants.iter().copied(), self.quotas)
    }
}

/// Why a component did not become an active plugin. The version before stays active.
#[derive(Debug, Error)]
pub enum ActivationError {
    #[error("plugin `{plugin}`: the component's digest is {found}, but the site asks for {wanted}")]
    Digest {
        plugin: String,
        wanted: String,
        found: String,
    },
    #[error("plugin `{plugin}`: it imports `{interface}`, which this host does not have")]
    UnknownInterface { plugin: String, interface: String },
    #[error("plugin `{plugin}`: it imports `{interface}`, which its plugin.toml does not declare")]
    Undeclared { plugin: String, interface: String },
    #[error(
        "plugin `{plugin}`: it imports `{interface}`, which the site's site.toml does not grant"
    )]
    NotGranted { plugin: String, interface: String },
    #[error("plugin `{plugin}`: {error}")]
    Load { plugin: String, error: LoadError },
    #[error("plugin `{plugin}`: it does not export `{RULES}`")]
    NoRules { plugin: String },
    #[error("plugin `{plugin}`: it does not fit the contract: {reason}")]
    Contract { plugin: String, reason: String },
    #[error(transparent)]
    Describe(#[from] CallError),
    #[error("plugin `{plugin}`: {fault}")]
    Definition { plugin: String, fault: Fault },
    #[error(
        "plugin `{plugin}`: its {what} is `{declared}` in plugin.toml and `{described}` in its definition"
    )]
    Mismatch {
        plugin: String,
        what: &'static str,
        declared: String,
        described: String,
    },
    #[error("plugin `{plugin}`: its definition is refused\n{}", listed(.findings))]
    Lint {
        plugin: String,
        findings: Vec<Finding>,
    },
    #[error(
        "plugin `{plugin}`: the component of version {version} ({digest}) is not in the database"
    )]
    Lost {
        plugin: String,
        version: String,
        digest: String,
    },
    #[error("plugin `{plugin}`: the compiler was stopped")]
    Stopped { plugin: String },
    #[error("plugin `{plugin}`: {error}")]
    Store { plugin: String, error: StoreError },
}

fn listed(findings: &[Finding]) -> String {
    findings.iter().fold(String::new(), |mut text, finding| {
        // Writing to a string does not fail.
        let _ = write!(text, "\n{finding}\n");
        text
    })
}

/// A plugin that went live, and what the lint still has to say.
#[derive(Clone)]
pub struct Activated {
    pub plugin: Arc<Plugin>,
    pub warnings: Vec<Finding>,
}

/// The plugins of all sites of this process.
pub struct Registry {
    sandbox: Sandbox,
    linker: Arc<Linker<Office>>,
    sites: RwLock<BTreeMap<SiteId, Arc<Shelf>>>,
}

/// The versions of one site. Never changed: an activation puts a new one in its place.
#[derive(Clone, Default)]
struct Shelf {
    /// By name: under which new cases begin.
    active: BTreeMap<String, Arc<Plugin>>,
    /// By name and digest: all that are loaded.
    versions: BTreeMap<(String, String), Arc<Plugin>>,
}

impl Registry {
    pub fn new(sandbox: Sandbox) -> Result<Self, EngineError> {
        let mut linker = Linker::new(sandbox.engine());
        World::add_to_linker::<_, HasSelf<Office>>(&mut linker, |office| office)
            .map_err(|error| EngineError::Setup(format!("{error:#}")))?;
        Ok(Self {
            sandbox,
            linker: Arc::new(linker),
            sites: RwLock::default(),
        })
    }

    /// The version under which new cases begin.
    pub fn plugin(&self, site: &SiteId, name: &str) -> Option<Arc<Plugin>> {
        self.shelf(site).active.get(name).cloned()
    }

    /// All active plugins of a site, by name.
    pub fn plugins(&self, site: &SiteId) -> Vec<Arc<Plugin>> {
        self.shelf(site).active.values().cloned().collect()
    }

    /// One version, active or not.
    pub fn version(&self, site: &SiteId, name: &str, digest: &str) -> Option<Arc<Plugin>> {
        self.shelf(site)
            .versions
            .get(&(name.to_owned(), digest.to_owned()))
            .cloned()
    }

    /// The version that decides a case which began under `digest`: that one, unless the active one takes its cases over.
    pub fn for_case(&self, site: &SiteId, name: &str, digest: &str) -> Option<Arc<Plugin>> {
        let began = self.version(site, name, digest)?;
        match self.plugin(site, name) {
            Some(active)
                if active
                    .definition
                    .takes_over
                    .contains(&began.definition.version) =>
            {
                Some(active)
            }
            _ => Some(began),
        }
    }

    /// Everything of an activation but writing it down and switching: what `yinxin plugin check` shows.
    pub async fn inspect(
        &self,
        site: &SiteId,
        component: &[u8],
        manifest: &Manifest,
        entry: &PluginEntry,
    ) -> Result<Activated, ActivationError> {
        let plugin = manifest.name.clone();
        let name = || plugin.clone();
        let loaded = self.compile(&plugin, component).await?;
        if let Some(wanted) = entry
            .digest
            .as_ref()
            .filter(|wanted| **wanted != loaded.digest)
        {
            let (wanted, found) = (wanted.clone(), loaded.digest);
            return Err(ActivationError::Digest {
                plugin,
                wanted,
                found,
            });
        }
        let grants = entry.grants();
        permitted(&loaded, manifest, &grants)?;
        let code = self.link(&plugin, &loaded)?;
        let definition = describe(&code, site, &plugin).await?;
        for (what, declared, described) in [
            ("name", &manifest.name, &definition.id),
            ("version", &manifest.version, &definition.version),
        ] {
            if declared != described {
                let (declared, described) = (declared.clone(), described.clone());
                return Err(ActivationError::Mismatch {
                    plugin: name(),
                    what,
                    declared,
                    described,
                });
            }
        }
        let findings = lint(&definition);
        if findings
            .iter()
            .any(|finding| finding.severity == Severity::Error)
        {
            return Err(ActivationError::Lint {
                plugin: name(),
                findings,
            });
        }
        let plugin = Plugin {
            site: site.clone(),
            name: plugin,
            digest: loaded.digest,
            definition: Arc::new(definition),
            grants: Arc::new(grants),
            code,
        };
        Ok(Activated {
            plugin: Arc::new(plugin),
            warnings: findings,
        })
    }

    /// Takes a component through the whole pipeline and switches to it. Doing it again with what is active already
    /// writes nothing.
    pub async fn activate(
        &self,
        store: &Store,
        site: &SiteId,
        component: &[u8],
        manifest: &Manifest,
        entry: &PluginEntry,
    ) -> Result<Activated, ActivationError> {
        let activated = self.inspect(site, component, manifest, entry).await?;
        let plugin = &activated.plugin;
        let known = self
            .plugin(site, &plugin.name)
            .is_some_and(|active| active.digest == plugin.digest);
        if !known {
            write_down(store, plugin, component)
                .await
                .map_err(|error| ActivationError::Store {
                    plugin: plugin.name.clone(),
                    error,
                })?;
            tracing::info!(%site, plugin = %plugin.name, version = %plugin.definition.version,
                digest = %plugin.digest, "plugin activated");
        }
        self.switch(plugin.clone(), true);
        Ok(activated)
    }

    /// Loads what the database has of a site: the active versions, and those that still have open cases. A plugin that
    /// `site.toml` no longer names keeps its cases, with no capability.
    pub async fn load(
        &self,
        store: &Store,
        site: &SiteId,
        entries: &[PluginEntry],
    ) -> Result<(), ActivationError> {
        let failed = |plugin: &str, error| ActivationError::Store {
            plugin: plugin.to_owned(),
            error,
        };
        let mut connection = store.read().await.map_err(|error| failed("", error))?;
        let rows = plugins::in_use(&mut connection, site)
            .await
            .map_err(|error| failed("", error))?;
        for row in rows {
            if self.version(site, &row.plugin, &row.digest).is_some() {
                continue;
            }
            let component = plugins::component(&mut connection, site, &row.digest).await;
            let component = component
                .map_err(|error| failed(&row.plugin, error))?
                .ok_or_else(|| {
                    let Activation {
                        plugin,
                        version,
                        digest,
                        ..
                    } = row.clone();
                    ActivationError::Lost {
                        plugin,
                        version,
                        digest,
                    }
                })?;
            let entry = entries.iter().find(|entry| entry.name == row.plugin);
            let active = row.active && entry.is_some();
            let plugin = self.restore(site, row, &component, entry).await?;
            self.switch(Arc::new(plugin), active);
        }
        Ok(())
    }

    /// A version that was activated before: its definition was linted then and is taken from the database.
    async fn restore(
        &self,
        site: &SiteId,
        row: Activation,
        component: &[u8],
        entry: Option<&PluginEntry>,
    ) -> Result<Plugin, ActivationError> {
        let loaded = self.compile(&row.plugin, component).await?;
        if loaded.digest != row.digest {
            let (wanted, found) = (row.digest, loaded.digest);
            return Err(ActivationError::Digest {
                plugin: row.plugin,
                wanted,
                found,
            });
        }
        let definition: Definition = serde_json::from_str(&row.definition).map_err(|error| {
            let fault = Fault::BadDefinition(error.to_string());
            ActivationError::Definition {
                plugin: row.plugin.clone(),
                fault,
            }
        })?;
        let code = self.link(&row.plugin, &loaded)?;
        Ok(Plugin {
            site: site.clone(),
            name: row.plugin,
            digest: loaded.digest,
            definition: Arc::new(definition),
            grants: Arc::new(entry.map_or_else(Grants::none, PluginEntry::grants)),
            code,
        })
    }

    async fn compile(&self, plugin: &str, component: &[u8]) -> Result<Loaded, ActivationError> {
        let (sandbox, component) = (self.sandbox.clone(), component.to_vec());
        // Tens of milliseconds of pure computing: not on a thread that serves pages.
        let compiled = tokio::task::spawn_blocking(move || sandbox.load(&component)).await;
        let plugin = plugin.to_owned();
        match compiled {
            Ok(Ok(loaded)) => Ok(loaded),
            Ok(Err(error)) => Err(ActivationError::Load { plugin, error }),
            Err(_) => Err(ActivationError::Stopped { plugin }),
        }
    }

    fn link(&self, plugin: &str, loaded: &Loaded) -> Result<Code, ActivationError> {
        if !loaded.exports.iter().any(|export| export == RULES) {
            return Err(ActivationError::NoRules {
                plugin: plugin.to_owned(),
            });
        }
        let contract = |error: wasmtime::Error| ActivationError::Contract {
            plugin: plugin.to_owned(),
            reason: format!("{error:#}"),
        };
        let component = self
            .linker
            .instantiate_pre(&loaded.component)
            .map_err(contract)?;
        let indices = PluginIndices::new(&component).map_err(contract)?;
        Ok(Code {
            sandbox: self.sandbox.clone(),
            component,
            indices,
        })
    }

    fn shelf(&self, site: &SiteId) -> Arc<Shelf> {
        let sites = self.sites.read().unwrap_or_else(PoisonError::into_inner);
        sites.get(site).cloned().unwrap_or_default()
    }

    fn switch(&self, plugin: Arc<Plugin>, active: bool) {
        let mut sites = self.sites.write().unwrap_or_else(PoisonError::into_inner);
        let mut shelf = sites
            .get(&plugin.site)
            .map_or_else(Shelf::default, |shelf| Shelf::clone(shelf));
        shelf
            .versions
            .insert((plugin.name.clone(), plugin.digest.clone()), plugin.clone());
        if active {
            shelf.active.insert(plugin.name.clone(), plugin.clone());
        }
        sites.insert(plugin.site.clone(), Arc::new(shelf));
    }
}

/// Imported ⊆ declared ⊆ granted, by interface. An interface of which only types are used asks for nothing.
fn permitted(loaded: &Loaded, manifest: &Manifest, grants: &Grants) -> Result<(), ActivationError> {
    for import in loaded
        .imports
        .iter()
        .filter(|import| !import.functions.is_empty())
    {
        let (plugin, interface) = (manifest.name.clone(), import.interface.clone());
        let Some(capability) = Capability::of_interface(&interface) else {
            return Err(ActivationError::UnknownInterface { plugin, interface });
        };
        if !manifest.declares(capability) {
            return Err(ActivationError::Undeclared { plugin, interface });
        }
        if !grants.allows(capability) {
            return Err(ActivationError::NotGranted { plugin, interface });
        }
    }
    Ok(())
}

/// Asks the plugin for its definition, in a sandbox with no capability.
async fn describe(code: &Code, site: &SiteId, plugin: &str) -> Result<Definition, ActivationError> {
    let limits = code.sandbox.limits().for_activation();
    let call = Call {
        plugin,
        export: "describe",
        limits: &limits,
    };
    let desk = Desk::bare(site.clone(), plugin.to_owned());
    let run = async |store: &mut WasmStore<Office>,
                     rules: &crate::bindings::exports::yinxin::site::rules::Guest| {
        rules.call_describe(store).await
    };
    let (described, _) = code.call(call, desk, run).await?;
    convert::definition(&described).map_err(|error| {
        let fault = Fault::BadDefinition(error.to_string());
        ActivationError::Definition {
            plugin: plugin.to_owned(),
            fault,
        }
    })
}

async fn write_down(store: &Store, plugin: &Plugin, component: &[u8]) -> Result<(), StoreError> {
    let definition = serde_json::to_string(&*plugin.definition)
        .map_err(|_| StoreError::Damaged("a plugin's definition"))?;
    let activation = Activation {
        plugin: plugin.name.clone(),
        digest: plugin.digest.clone(),
        version: plugin.definition.version.clone(),
        definition,
        active: true,
        activated_at: Millis::now(),
    };
    let mut transaction = store.begin().await?;
    plugins::save_component(&mut transaction, &plugin.site, &plugin.digest, component).await?;
    plugins::activate(&mut transaction, &plugin.site, &activation).await?;
    transaction.commit().await?;
    Ok(())
}
