//! The workspace as cargo sees it.

use anyhow::{Context, Result, bail};
use cargo_metadata::{Metadata, MetadataCommand, Package, TargetKind};
use std::path::{Path, PathBuf};

pub struct Workspace {
    pub metadata: Metadata,
}

/// How the names of crates begin that become components.
pub const GUEST_PREFIXES: [&str; 2] = ["yinxin-plugin-", "yinxin-guests-"];

/// A crate that becomes a component.
pub struct Guest {
    /// What is left of the crate's name without its prefix: `yingtan`.
    pub name: String,
    /// `yinxin-plugin-yingtan`
    pub package: String,
    /// File name of the core module without its extension: `yinxin_plugin_yingtan`.
    pub library: String,
    /// What a plugin declares of itself; a hostile guest has none.
    pub declaration: Option<PathBuf>,
}

impl Workspace {
    pub fn open() -> Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml");
        let metadata = MetadataCommand::new()
            .manifest_path(&manifest)
            .no_deps()
            .exec()
            .with_context(|| format!("cargo cannot read {}", manifest.display()))?;
        Ok(Self { metadata })
    }

    pub fn root(&self) -> &Path {
        self.metadata.workspace_root.as_std_path()
    }

    pub fn target(&self) -> &Path {
        self.metadata.target_directory.as_std_path()
    }

    /// Where the built components of the plugins are.
    pub fn plugins_dir(&self) -> PathBuf {
        self.target().join("plugins")
    }

    /// A program of the development build.
    pub fn program(&self, name: &str) -> PathBuf {
        self.target().join("debug").join(name)
    }

    /// A program as a benchmark measures it. cargo puts what the profile `bench` builds into `release`.
    pub fn optimised_program(&self, name: &str) -> PathBuf {
        self.target().join("release").join(name)
    }

    pub fn packages(&self) -> impl Iterator<Item = &Package> {
        self.metadata.packages.iter()
    }

    /// The crate's folder, seen from the root: `host/core`.
    pub fn folder_of<'p>(&self, package: &'p Package) -> &'p Path {
        let manifest = package.manifest_path.as_std_path();
        let folder = manifest.parent().unwrap_or(manifest);
        folder.strip_prefix(self.root()).unwrap_or(folder)
    }

    /// The crates in a folder, which all become components.
    pub fn guests_under(&self, folder: &str) -> Result<Vec<Guest>> {
        let mut guests = Vec::new();
        for package in self.packages() {
            let place = self.folder_of(package);
            if !place.starts_with(folder) {
                continue;
            }
            let library = package
                .targets
                .iter()
                .find(|target| target.kind.contains(&TargetKind::CDyLib));
            let Some(library) = library else {
                bail!(
                    "{} builds no component; write in its Cargo.toml:\n\n[lib]\ncrate-type = [\"cdylib\", \"rlib\"]",
                    place.display()
                );
            };
            let name = package.name.as_str();
            let plain = GUEST_PREFIXES
                .iter()
                .find_map(|prefix| name.strip_prefix(prefix));
            let declaration = package.manifest_path.with_file_name("plugin.toml");
            guests.push(Guest {
                declaration: declaration
                    .is_file()
                    .then(|| declaration.into_std_path_buf()),
                name: plain.unwrap_or(name).to_owned(),
                package: name.to_owned(),
                library: library.name.replace('-', "_"),
            });
        }
        Ok(guests)
    }
}
