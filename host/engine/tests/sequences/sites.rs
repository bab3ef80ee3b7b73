//! Sites as their operators have them: the folders of `sites`, each with its rules and with whom it works.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use yinxin_capabilities::{Manifest, PluginEntry};
use yinxin_core::ids::SiteId;
use yinxin_core::money::Method;
use yinxin_store::payments::gateway_word;

/// What a `site.toml` says that matters here. Secrets and addresses are the simulators'.
#[derive(Clone, Debug, Deserialize)]
pub struct Place {
    id: String,
    pub address: String,
    pub brand: Brand,
    #[serde(rename = "plugin")]
    pub plugins: Vec<PluginEntry>,
    payments: BTreeMap<String, toml::Table>,
    /// A provider of face checks.
    pub face: Option<toml::Table>,
    /// A provider of invoices.
    pub invoice: Option<Invoicing>,
    pub issuer: Names,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Brand {
    pub name: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Invoicing {
    pub goods_code: String,
    pub tax_rate: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Names {
    pub organisation: String,
    pub root: String,
    pub issuing: String,
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

impl Place {
    /// All there are, so that a new one comes in by itself.
    pub fn all() -> Vec<Self> {
        let mut all: Vec<Self> = std::fs::read_dir(root().join("sites"))
            .unwrap()
            .map(|entry| entry.unwrap().path().join("site.toml"))
            .map(|file| toml::from_str(&read(&file)).unwrap())
            .collect();
        all.sort_by(|one, other| one.id.cmp(&other.id));
        assert!(all.len() > 1, "{all:?}");
        all
    }

    pub fn named(id: &str) -> Self {
        Self::all()
            .into_iter()
            .find(|place| place.id == id)
            .unwrap()
    }

    pub fn site(&self) -> SiteId {
        SiteId::parse(&self.id).unwrap()
    }

    pub fn has_plugin(&self, name: &str) -> bool {
        self.plugins.iter().any(|plugin| plugin.name == name)
    }

    pub fn takes(&self, method: Method) -> bool {
        let word = match method {
            Method::BankTransfer => "transfer",
            gateway => gateway_word(gateway),
        };
        self.payments.contains_key(word)
    }
}

/// What a plugin asks of a site.
pub fn manifest(plugin: &str) -> Manifest {
    let file = root().join("plugins").join(plugin).join("plugin.toml");
    Manifest::parse(&read(&file)).unwrap()
}
