//! Which version of a plugin answers for which case. Activation ends here: the version is written down, and the switch is
//! one pointer. Whoever asked before goes on with the version before.

use crate::activation::{Activated, ActivationError, PluginEntry, Workshop};
use crate::manifest::Manifest;
use crate::plugin::Plugin;
use futures::{StreamExt, stream};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use yinxin_core::ids::SiteId;
use yinxin_core::time::Millis;
use yinxin_sandbox::{EngineError, Sandbox};
use yinxin_store::plugins::{self, Activation};
use yinxin_store::{Store, StoreError};

/// Plugins that are compiled at the same time: as many as a small machine has cores, twice.
const AT_ONCE: usize = 4;

/// The plugins of all sites of this process.
pub struct Registry {
    workshop: Workshop,
    sites: RwLock<BTreeMap<SiteId, Arc<Shelf>>>,
}

/// The versions of one site. Never changed: an activation puts a new one in its place.
#[derive(Clone, Default)]
struct Shelf {
    /// By name: under which new cases begin.
    active: BTreeMap<String, Arc<Plugin>>,
    /// By name and digest: all that are loaded.
    versions: BTreeMap<(String, String), Arc<Plugin>>,
    /// By name: why the version that should be active is not.
    refused: BTreeMap<String, String>,
}

impl Registry {
    pub fn new(sandbox: Sandbox) -> Result<Self, EngineError> {
        let workshop = Workshop::new(sandbox)?;
        Ok(Self {
            workshop,
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

    /// By plugin, why the version that the site asks for is not active; the one before may be.
    pub fn refused(&self, site: &SiteId) -> BTreeMap<String, String> {
        self.shelf(site).refused.clone()
    }

    /// Keeps why a plugin's version is not active, until one is.
    pub fn refuse(&self, site: &SiteId, plugin: &str, why: String) {
        self.change(site, |shelf| {
            shelf.refused.insert(plugin.to_owned(), why);
        });
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
        self.workshop
            .inspect(site, component, manifest, entry)
            .await
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
        // What was loaded from the database a moment ago, at a start, is neither compiled nor described again.
        let loaded = self.version(site, &manifest.name, &yinxin_sandbox::digest(component));
        let activated = match loaded {
            Some(loaded) => self
                .workshop
                .inspect_again(site, &loaded, manifest, entry)?,
            None => self.inspect(site, component, manifest, entry).await?,
        };
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

    /// Loads what the database has of a site and this process has not: the active versions, and those that still have
    /// open cases. A plugin that `site.toml` no longer names keeps its cases, with no capability. A version that cannot be
    /// loaded any more is left out, so that its cases stop and not the site, nor others.
    pub async fn load(
        &self,
        store: &Store,
        site: &SiteId,
        entries: &[PluginEntry],
    ) -> Result<(), ActivationError> {
        let failed = |error| ActivationError::Database {
            site: site.clone(),
            error,
        };
        let mut connection = store.read().await.map_err(failed)?;
        let rows = plugins::in_use(&mut connection, site).await;
        drop(connection);
        let rows = rows.map_err(failed)?;
        let unknown = rows
            .into_iter()
            .filter(|row| self.version(site, &row.plugin, &row.digest).is_none());
        let entry = |row: &Activation| entries.iter().find(|entry| entry.name == row.plugin);
        // One after the other, so that the pieces of each lie beside one another in memory. Only where its code is not kept
        // a component itself is read and compiled.
        let mut to_compile = Vec::new();
        for row in unknown {
            let entry = entry(&row);
            match self.workshop.restore_compiled(site, &row, entry).await {
                Some(plugin) => self.take(site, &row, entry, plugin)?,
                None => to_compile.push(row),
            }
        }
        let compiled = to_compile.into_iter().map(|row| async {
            let plugin = self.compile(store, site, &row, entry(&row)).await;
            (row, plugin)
        });
        let mut compiled = stream::iter(compiled).buffered(AT_ONCE);
        while let Some((row, plugin)) = compiled.next().await {
            self.take(site, &row, entry(&row), plugin)?;
        }
        Ok(())
    }

    async fn compile(
        &self,
        store: &Store,
        site: &SiteId,
        row: &Activation,
        entry: Option<&PluginEntry>,
    ) -> Result<Plugin, ActivationError> {
        let read = async {
            let mut connection = store.read().await?;
            plugins::component(&mut connection, site, &row.digest).await
        };
        let component = read.await.map_err(|error| ActivationError::Database {
            site: site.clone(),
            error,
        })?;
        let Some(component) = component else {
            return Err(ActivationError::Lost {
                plugin: row.plugin.clone(),
                version: row.version.clone(),
                digest: row.digest.clone(),
            });
        };
        self.workshop.restore(site, row, component, entry).await
    }

    /// Takes a version of the database in, or says why it cannot be loaded. Fails where the database did.
    fn take(
        &self,
        site: &SiteId,
        row: &Activation,
        entry: Option<&PluginEntry>,
        plugin: Result<Plugin, ActivationError>,
    ) -> Result<(), ActivationError> {
        let active = row.active && entry.is_some();
        match plugin {
            Ok(plugin) => self.switch(Arc::new(plugin), active),
            Err(error) if error.is_of_database() => return Err(error),
            Err(error) => {
                let (plugin, version) = (&row.plugin, &row.version);
                tracing::error!(%site, %plugin, %version, %error, "a version cannot be loaded");
                if active {
                    self.refuse(site, plugin, error.to_string());
                }
            }
        }
        Ok(())
    }

    fn shelf(&self, site: &SiteId) -> Arc<Shelf> {
        let sites = self.sites.read().unwrap_or_else(PoisonError::into_inner);
        sites.get(site).cloned().unwrap_or_default()
    }

    fn switch(&self, plugin: Arc<Plugin>, active: bool) {
        let name = plugin.name.clone();
        let site = plugin.site.clone();
        self.change(&site, |shelf| {
            let version = (name.clone(), plugin.digest.clone());
            shelf.versions.insert(version, plugin.clone());
            if active {
                shelf.refused.remove(&name);
                shelf.active.insert(name, plugin);
            }
        });
    }

    fn change(&self, site: &SiteId, change: impl FnOnce(&mut Shelf)) {
        let mut sites = self.sites.write().unwrap_or_else(PoisonError::into_inner);
        let mut shelf = sites
            .get(site)
            .map_or_else(Shelf::default, |shelf| Shelf::clone(shelf));
        change(&mut shelf);
        sites.insert(site.clone(), Arc::new(shelf));
    }
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
