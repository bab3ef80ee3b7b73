//! Builds crates into WebAssembly components, and the programs that run on this machine.

use crate::processes::{self, say};
use crate::workspace::{Guest, Workspace};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use wit_component::{ComponentEncoder, DecodedWasm};
use wit_parser::WorldItem;

pub const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// A plugin's calls are shallow; what the linker gives by default (1 MiB) would only make an instance dearer.
const STACK_BYTES: u32 = 128 * 1024;

/// What a component says of itself.
pub struct Component {
    pub file: PathBuf,
    pub bytes: usize,
    /// Interfaces with functions that it calls: its capabilities.
    pub calls: Vec<String>,
    /// Hexadecimal SHA-256 of the file, as `site.toml` pins it.
    pub digest: String,
}

/// Builds every crate under plugins/ and prints what came of it.
pub fn build_plugins(workspace: &Workspace) -> Result<()> {
    let plugins = workspace.guests_under("plugins")?;
    if plugins.is_empty() {
        bail!("there is no crate under plugins/");
    }
    for component in build(workspace, &plugins, &workspace.plugins_dir())? {
        print(&component, workspace.root());
    }
    Ok(())
}

/// Builds the plugin that benchmarks measure, beside the others.
pub fn build_measured(workspace: &Workspace) -> Result<()> {
    let measured = workspace.guests_under("tests/bench/plugin")?;
    build(workspace, &measured, &workspace.plugins_dir()).map(|_| ())
}

/// Builds the server and the simulators for this machine.
pub fn build_programs(workspace: &Workspace) -> Result<()> {
    build_binaries(
        workspace,
        "yinxin and its simulators",
        "dev",
        &["yinxin", "yinxin-simulators"],
    )
}

/// Builds them as a benchmark measures them.
pub fn build_optimised_programs(workspace: &Workspace) -> Result<()> {
    build_binaries(
        workspace,
        "yinxin and its simulators, optimised (a first time takes half an hour)",
        "bench",
        &["yinxin", "yinxin-simulators"],
    )
}

/// Builds the programs, and the one whose people get what conformance judges.
pub fn build_programs_with_people(workspace: &Workspace) -> Result<()> {
    build_binaries(
        workspace,
        "yinxin, its simulators and people who use them",
        "dev",
        &["yinxin", "yinxin-simulators", "yinxin-specimens"],
    )
}

/// Of the whole workspace, so that dependencies have one set of features and are compiled once, whatever is built.
fn build_binaries(workspace: &Workspace, what: &str, profile: &str, names: &[&str]) -> Result<()> {
    say("Building", what);
    let mut command = processes::cargo(workspace.root());
    command.args(["build", "--quiet", "--workspace", "--profile", profile]);
    for name in names {
        command.args(["--bin", name]);
    }
    processes::run(&mut command)
}

fn build(workspace: &Workspace, guests: &[Guest], folder: &Path) -> Result<Vec<Component>> {
    if guests.is_empty() {
        return Ok(Vec::new());
    }
    say(
        "Building",
        guests
            .iter()
            .map(|guest| guest.name.as_str())
            .collect::<Vec<_>>()
            .join(", "),
    );
    let mut cargo = processes::cargo(workspace.root());
    cargo.args([
        "build",
        "--quiet",
        "--lib",
        "--profile",
        "plugin",
        "--target",
        WASM_TARGET,
    ]);
    let flags =
        format!("target.{WASM_TARGET}.rustflags=[\"-C\", \"link-arg=-zstack-size={STACK_BYTES}\"]");
    cargo.args(["--config", &flags]);
    for guest in guests {
        cargo.args(["--package", &guest.package]);
    }
    // The variable would replace the flags of the configuration.
    processes::run(
        cargo
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS"),
    )?;

    std::fs::create_dir_all(folder)
        .with_context(|| format!("{} cannot be made", folder.display()))?;
    let built = workspace.target().join(WASM_TARGET).join("plugin");
    guests
        .iter()
        .map(|guest| {
            let module = built.join(format!("{}.wasm", guest.library));
            let component = wrap(&module, &folder.join(format!("{}.wasm", guest.name)))
                .with_context(|| format!("{} does not become a component", guest.name))?;
            if let Some(declaration) = &guest.declaration {
                let beside = folder.join(format!("{}.toml", guest.name));
                std::fs::copy(declaration, &beside)
                    .with_context(|| format!("{} cannot be written", beside.display()))?;
            }
            Ok(component)
        })
        .collect()
}

/// Makes a component of a core module that wit-bindgen has left its world in.
fn wrap(module: &Path, file: &Path) -> Result<Component> {
    let module =
        std::fs::read(module).with_context(|| format!("{} was not built", module.display()))?;
    let component = ComponentEncoder::default()
        .validate(true)
        .module(&module)?
        .encode()?;
    let described = describe(&component, file)?;
    // A running server may hold the old file mapped: it is replaced, never written over.
    let beside = file.with_extension("wasm.new");
    std::fs::write(&beside, &component)
        .with_context(|| format!("{} cannot be written", beside.display()))?;
    std::fs::rename(&beside, file)
        .with_context(|| format!("{} cannot be replaced", file.display()))?;
    Ok(described)
}

fn describe(component: &[u8], file: &Path) -> Result<Component> {
    let DecodedWasm::Component(resolve, world) = wit_component::decode(component)? else {
        bail!("it holds interfaces and no code");
    };
    let imports = resolve.worlds.get(world).map(|world| &world.imports);
    let calls = imports
        .into_iter()
        .flatten()
        .filter(|(_, item)| match item {
            // An interface of which only types are named is no capability.
            WorldItem::Interface { id, .. } => resolve
                .interfaces
                .get(*id)
                .is_some_and(|interface| !interface.functions.is_empty()),
            _ => true,
        })
        .map(|(key, _)| resolve.name_world_key(key))
        .collect();
    let digest = ring::digest::digest(&ring::digest::SHA256, component);
    Ok(Component {
        file: file.to_owned(),
        bytes: component.len(),
        calls,
        digest: hex::encode(digest),
    })
}

fn print(component: &Component, root: &Path) {
    let file = component.file.strip_prefix(root).unwrap_or(&component.file);
    println!(
        "{} ({:.1} KiB)",
        file.display(),
        component.bytes as f64 / 1024.0
    );
    println!("  digest   {}", component.digest);
    if component.calls.is_empty() {
        println!("  imports  nothing");
    }
    for (n, import) in component.calls.iter().enumerate() {
        println!("  {:8} {import}", if n == 0 { "imports" } else { "" });
    }
}
