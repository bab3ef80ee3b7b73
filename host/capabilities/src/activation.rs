//! From a component's bytes to a plugin that can be called, and everything that stops on the way.
//!
//! The digest is the one that the site asks for → the code is compiled and fits a place of the sandbox → what is imported
//! is declared and granted → `describe` is called with no capability → the definition is linted.

use crate::answers::Fault;
use crate::bindings::{Plugin as World, PluginIndices};
use crate::convert;
use crate::desk::{Desk, Office, Shares};
use crate::grants::{Capability, Grants, Quotas};
use crate::manifest::Manifest;
use crate::plugin::{Code, Plugin, Rules};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;
use wasmtime::Store as WasmStore;
use wasmtime::component::{HasSelf, Instance, Linker};
use yinxin_core::definition::Definition;
use yinxin_core::definition::lint::{Finding, Severity, lint};
use yinxin_core::ids::SiteId;
use yinxin_sandbox::{Call, CallError, EngineError, Import, LoadError, Loaded, Sandbox};
use yinxin_store::StoreError;
use yinxin_store::plugins::Activation;

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
    #[error("the plugins of site `{site}` cannot be read: {error}")]
    Database { site: SiteId, error: StoreError },
}

impl ActivationError {
    /// True where the database failed, and the component may be as good as any.
    pub fn is_of_database(&self) -> bool {
        matches!(self, Self::Store { .. } | Self::Database { .. })
    }
}

/// The findings, one after the other, in the manner of a compiler.
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

/// Makes plugins of components.
pub(crate) struct Workshop {
    sandbox: Sandbox,
    /// Holds every interface of the contract; who may use one is asked at each call.
    linker: Linker<Office>,
    /// By site and plugin: a new version does not get second ones.
    shares: Mutex<BTreeMap<(SiteId, String), Shares>>,
}

impl Workshop {
    pub(crate) fn new(sandbox: Sandbox) -> Result<Self, EngineError> {
        let mut linker = Linker::new(sandbox.engine());
        World::add_to_linker::<_, HasSelf<Office>>(&mut linker, |office| office)
            .map_err(|error| EngineError::Setup(format!("{error:#}")))?;
        Ok(Self {
            sandbox,
            linker,
            shares: Mutex::default(),
        })
    }

    /// The whole way, for a component that is new here.
    pub(crate) async fn inspect(
        &self,
        site: &SiteId,
        component: &[u8],
        manifest: &Manifest,
        entry: &PluginEntry,
    ) -> Result<Activated, ActivationError> {
        let plugin = &manifest.name;
        let loaded = self.compile(plugin, component.to_vec()).await?;
        expected(&loaded.digest, manifest, entry)?;
        let code = self.link(site, plugin, &loaded)?;
        permitted(&code.needs, manifest, entry)?;
        let definition = describe(&code, site, plugin).await?;
        judged(
            site,
            loaded.digest,
            code,
            definition.into(),
            manifest,
            entry,
        )
    }

    /// The way of one that was described before and whose code is loaded: the same component describes the same.
    pub(crate) fn inspect_again(
        &self,
        site: &SiteId,
        known: &Plugin,
        manifest: &Manifest,
        entry: &PluginEntry,
    ) -> Result<Activated, ActivationError> {
        let (digest, mut code) = (known.digest.clone(), known.code.clone());
        code.shares = self.shares(site, &manifest.name);
        expected(&digest, manifest, entry)?;
        permitted(&code.needs, manifest, entry)?;
        let definition = known.definition.clone();
        judged(site, digest, code, definition, manifest, entry)
    }

    /// A version that was activated before, made of code that this host has compiled and kept, if it has.
    pub(crate) async fn restore_compiled(
        &self,
        site: &SiteId,
        row: &Activation,
        entry: Option<&PluginEntry>,
    ) -> Option<Result<Plugin, ActivationError>> {
        let digest = row.digest.clone();
        let load = move |sandbox: Sandbox| sandbox.load_compiled(&digest);
        let loaded = self.aside(&row.plugin, load).await.transpose()?;
        Some(loaded.and_then(|loaded| self.restored(site, row, &loaded, entry)))
    }

    /// A version that was activated before, made of its component.
    pub(crate) async fn restore(
        &self,
        site: &SiteId,
        row: &Activation,
        component: Vec<u8>,
        entry: Option<&PluginEntry>,
    ) -> Result<Plugin, ActivationError> {
        let loaded = self.compile(&row.plugin, component).await?;
        if loaded.digest != row.digest {
            return Err(ActivationError::Digest {
                plugin: row.plugin.clone(),
                wanted: row.digest.clone(),
                found: loaded.digest,
            });
        }
        self.restored(site, row, &loaded, entry)
    }

    /// Its definition was linted when it was activated, and is taken from the database.
    fn restored(
        &self,
        site: &SiteId,
        row: &Activation,
        loaded: &Loaded,
        entry: Option<&PluginEntry>,
    ) -> Result<Plugin, ActivationError> {
        let definition: Definition = serde_json::from_str(&row.definition).map_err(|error| {
            let fault = Fault::BadDefinition(error.to_string());
            ActivationError::Definition {
                plugin: row.plugin.clone(),
                fault,
            }
        })?;
        let code = self.link(site, &row.plugin, loaded)?;
        Ok(Plugin {
            site: site.clone(),
            name: row.plugin.clone(),
            digest: row.digest.clone(),
            definition: Arc::new(definition),
            grants: Arc::new(entry.map_or_else(Grants::none, PluginEntry::grants)),
            code,
        })
    }

    async fn compile(&self, plugin: &str, component: Vec<u8>) -> Result<Loaded, ActivationError> {
        let load = move |sandbox: Sandbox| sandbox.load(&component);
        self.aside(plugin, load).await
    }

    /// Loads code where it keeps no page waiting: what is not compiled yet takes tens of milliseconds of pure computing.
    async fn aside<T: Send + 'static>(
        &self,
        plugin: &str,
        load: impl FnOnce(Sandbox) -> Result<T, LoadError> + Send + 'static,
    ) -> Result<T, ActivationError> {
        let sandbox = self.sandbox.clone();
        let loaded = tokio::task::spawn_blocking(move || load(sandbox)).await;
        let plugin = plugin.to_owned();
        match loaded {
            Ok(Ok(loaded)) => Ok(loaded),
            Ok(Err(error)) => Err(ActivationError::Load { plugin, error }),
            Err(_) => Err(ActivationError::Stopped { plugin }),
        }
    }

    fn link(&self, site: &SiteId, plugin: &str, loaded: &Loaded) -> Result<Code, ActivationError> {
        let needs = needs(plugin, &loaded.imports)?;
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
        let rules = Rules::of(&loaded.component, RULES).map_err(contract)?;
        Ok(Code {
            sandbox: self.sandbox.clone(),
            shares: self.shares(site, plugin),
            component,
            indices,
            rules,
            needs,
        })
    }

    fn shares(&self, site: &SiteId, plugin: &str) -> Shares {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let whose = (site.clone(), plugin.to_owned());
        shares
            .entry(whose)
            .or_insert_with(|| Shares::new(self.sandbox.share()))
            .clone()
    }
}

/// The digest is the one that the site asks for, if it asks for one.
fn expected(digest: &str, manifest: &Manifest, entry: &PluginEntry) -> Result<(), ActivationError> {
    if let Some(wanted) = entry.digest.as_ref().filter(|wanted| *wanted != digest) {
        return Err(ActivationError::Digest {
            plugin: manifest.name.clone(),
            wanted: wanted.clone(),
            found: digest.to_owned(),
        });
    }
    Ok(())
}

/// What a component imports. An interface of which only types are used asks for nothing.
fn needs(plugin: &str, imports: &[Import]) -> Result<Arc<[Capability]>, ActivationError> {
    let called = imports.iter().filter(|import| !import.functions.is_empty());
    called
        .map(|import| {
            Capability::of_interface(&import.interface).ok_or_else(|| {
                ActivationError::UnknownInterface {
                    plugin: plugin.to_owned(),
                    interface: import.interface.clone(),
                }
            })
        })
        .collect()
}

/// Imported ⊆ declared ⊆ granted, by interface.
fn permitted(
    needs: &[Capability],
    manifest: &Manifest,
    entry: &PluginEntry,
) -> Result<(), ActivationError> {
    let grants = entry.grants();
    for &capability in needs {
        let (plugin, interface) = (manifest.name.clone(), capability.interface());
        if !manifest.declares(capability) {
            return Err(ActivationError::Undeclared { plugin, interface });
        }
        if !grants.allows(capability) {
            return Err(ActivationError::NotGranted { plugin, interface });
        }
    }
    Ok(())
}

/// From a definition, and code that may run, to a plugin.
fn judged(
    site: &SiteId,
    digest: String,
    code: Code,
    definition: Arc<Definition>,
    manifest: &Manifest,
    entry: &PluginEntry,
) -> Result<Activated, ActivationError> {
    let name = || manifest.name.clone();
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
        name: name(),
        digest,
        definition,
        grants: Arc::new(entry.grants()),
        code,
    };
    Ok(Activated {
        plugin: Arc::new(plugin),
        warnings: findings,
    })
}

/// Asks the plugin for its definition, in a sandbox with no capability.
async fn describe(code: &Code, site: &SiteId, plugin: &str) -> Result<Definition, ActivationError> {
    let limits = code.sandbox.limits().for_activation();
    let call = Call {
        plugin,
        export: "describe",
        limits: &limits,
        share: Some(&code.shares.places),
    };
    let desk = Desk::bare(site.clone(), plugin.to_owned());
    // Here every export is compared with the contract, not only the one that is called.
    let run = async |store: &mut WasmStore<Office>, instance: &Instance| {
        let world = code.indices.load(&mut *store, instance)?;
        world.yinxin_site_rules().call_describe(store).await
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
