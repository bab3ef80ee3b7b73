//! The plugins as components, and the sandbox that all tests share.

use std::sync::OnceLock;
use yinxin_capabilities::{Capability, Manifest, PluginEntry, Quotas};
use yinxin_sandbox::{Cache, Sandbox, Settings};

/// A plugin as an operator has it: component and `plugin.toml`.
pub struct Parcel {
    pub component: Vec<u8>,
    pub manifest: Manifest,
}

impl Parcel {
    /// With all that the plugin asks for.
    pub fn entry(&self) -> PluginEntry {
        PluginEntry {
            name: self.manifest.name.clone(),
            digest: None,
            grants: self
                .manifest
                .capabilities
                .iter()
                .map(|c| c.interface)
                .collect(),
            quotas: Quotas::default(),
        }
    }
}

fn parcel(name: &str) -> Parcel {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins");
    let manifest = std::fs::read_to_string(format!("{folder}/{name}/plugin.toml")).unwrap();
    Parcel {
        component: yinxin_kit::component(name).unwrap_or_else(|error| panic!("{error:#}")),
        manifest: Manifest::parse(&manifest).unwrap(),
    }
}

/// The accounts of the site.
pub fn jiangxi() -> &'static Parcel {
    static PARCEL: OnceLock<Parcel> = OnceLock::new();
    PARCEL.get_or_init(|| parcel("jiangxi"))
}

/// The project.
pub fn yingtan() -> &'static Parcel {
    static PARCEL: OnceLock<Parcel> = OnceLock::new();
    PARCEL.get_or_init(|| parcel("yingtan"))
}

/// Applications that are put into orders.
pub fn fujian() -> &'static Parcel {
    static PARCEL: OnceLock<Parcel> = OnceLock::new();
    PARCEL.get_or_init(|| parcel("fujian"))
}

/// The plugin that misbehaves, in this version; it takes over the cases of another one, or of none.
pub fn hostile(version: &str, takes_over: Option<&str>) -> Parcel {
    static COMPONENT: OnceLock<Vec<u8>> = OnceLock::new();
    let component =
        COMPONENT.get_or_init(|| yinxin_kit::hostile().unwrap_or_else(|error| panic!("{error:#}")));
    let mut manifest = format!("name = \"hostile\"\nversion = \"{version}\"\n");
    for capability in Capability::ALL {
        manifest.push_str(&format!(
            "[[capability]]\ninterface = \"{capability}\"\nreason = \"to misbehave\"\n"
        ));
    }
    let label = format!("{version}|{}", takes_over.unwrap_or("-----"));
    Parcel {
        component: yinxin_kit::with_text(component, "1.0.0|-----", &label),
        manifest: Manifest::parse(&manifest).unwrap(),
    }
}

/// One sandbox for all tests; what it compiled is kept for the next run.
pub fn sandbox() -> Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX
        .get_or_init(|| {
            let folder = concat!(env!("CARGO_TARGET_TMPDIR"), "/compiled");
            let cache = Cache::open(folder, &[7; 32]).unwrap();
            Sandbox::new(Settings {
                cache: Some(cache),
                ..Settings::default()
            })
            .unwrap()
        })
        .clone()
}
