//! The measured plugin, and as many others as are wanted that differ from it in their name alone.

use std::path::{Path, PathBuf};
use yinxin_capabilities::{Capability, Manifest, PluginEntry, Quotas};

/// Name of the plugin as it is built; the last four digits can be written over.
const NAME: &str = "measured-0000";

/// A plugin as an operator has it.
pub struct Parcel {
    pub name: String,
    pub component: Vec<u8>,
    /// The text of `plugin.toml`.
    pub manifest: String,
}

impl Parcel {
    /// A component that `cargo xtask bench` has built, by its file's name without the ending.
    pub fn built(file: &str) -> Self {
        let folder = folder();
        let read = |ending: &str| {
            let path = folder.join(format!("{file}.{ending}"));
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let manifest = String::from_utf8(read("toml")).expect("plugin.toml is a text");
        Self {
            name: Manifest::parse(&manifest)
                .expect("plugin.toml is right")
                .name,
            component: read("wasm"),
            manifest,
        }
    }

    /// The measured plugin.
    pub fn measured() -> Self {
        Self::built("measured")
    }

    /// It with another name, so that it has another digest and is another plugin.
    pub fn renamed(&self, number: usize) -> Self {
        let name = format!("measured-{number:04}");
        let mut component = self.component.clone();
        let places: Vec<usize> = component
            .windows(NAME.len())
            .enumerate()
            .filter(|(_, window)| *window == NAME.as_bytes())
            .map(|(at, _)| at)
            .collect();
        assert!(!places.is_empty(), "the component does not hold its name");
        for at in places {
            component.splice(at..at + NAME.len(), name.bytes());
        }
        Self {
            manifest: self.manifest.replace(NAME, &name),
            component,
            name,
        }
    }

    pub fn manifest(&self) -> Manifest {
        Manifest::parse(&self.manifest).expect("plugin.toml is right")
    }

    /// What `site.toml` says of it: everything that it asks for.
    pub fn entry(&self) -> PluginEntry {
        PluginEntry {
            name: self.name.clone(),
            digest: None,
            grants: self.grants(),
            quotas: Quotas::default(),
        }
    }

    pub fn grants(&self) -> Vec<Capability> {
        let declared = self.manifest().capabilities;
        declared.iter().map(|declared| declared.interface).collect()
    }

    /// Puts it where a server looks for it.
    pub fn write(&self, folder: &Path) {
        std::fs::write(folder.join(format!("{}.wasm", self.name)), &self.component)
            .expect("a component is written");
        std::fs::write(folder.join(format!("{}.toml", self.name)), &self.manifest)
            .expect("a manifest is written");
    }

    /// The part of a `site.toml` that names it.
    pub fn in_site(&self) -> String {
        let grants: Vec<String> = self
            .grants()
            .iter()
            .map(|grant| format!("\"{grant}\""))
            .collect();
        format!(
            "[[plugin]]\nname = \"{}\"\ngrants = [{}]\n",
            self.name,
            grants.join(", ")
        )
    }
}

fn folder() -> PathBuf {
    std::env::var_os("YINXIN_COMPONENTS")
        .expect("`cargo xtask bench` builds the plugins and sets YINXIN_COMPONENTS")
        .into()
}
