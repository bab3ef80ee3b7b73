//! Components: built from their crates, as `cargo xtask build` does it.

use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use wit_component::ComponentEncoder;

/// Bytes of the stack, as `xtask` sets them: calls are shallow, and the linker's 1 MiB would make an instance dearer.
const STACK: &str =
    r#"target.wasm32-unknown-unknown.rustflags=["-C", "link-arg=-zstack-size=131072"]"#;

/// Builds `plugins/<name>` and wraps its module into a component. With `YINXIN_COMPONENTS` set to a folder, its
/// `<name>.wasm` is taken instead.
pub fn component(name: &str) -> Result<Vec<u8>> {
    if let Some(folder) = std::env::var_os("YINXIN_COMPONENTS") {
        let file = Path::new(&folder).join(format!("{name}.wasm"));
        return std::fs::read(&file).with_context(|| format!("reading {}", file.display()));
    }
    wrapped(&module(
        &format!("yinxin-plugin-{name}"),
        "wasm",
        Some(STACK),
    )?)
}

/// Builds the plugin of `tests/guests`, which misbehaves in every way it is asked to. It has the linker's large stack in
/// memory, so that it can come to the end of the other one, the call stack.
pub fn hostile() -> Result<Vec<u8>> {
    wrapped(&hostile_module()?)
}

/// The core module in it.
pub fn hostile_module() -> Result<Vec<u8>> {
    module("yinxin-guests-hostile", "guests", None)
}

/// A core module as a component, as the contract in it says.
pub fn wrapped(module: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)?
        .encode()
        .context("wrapping a module into a component")
}

/// A component with one text written over by another of the same length: what an author's next version differs in.
///
/// # Panics
/// When the text is not there, or the other one is not as long.
pub fn with_text(component: &[u8], text: &str, by: &str) -> Vec<u8> {
    assert_eq!(text.len(), by.len(), "a component's texts cannot grow");
    let mut bytes = component.to_vec();
    let mut windows = bytes.windows(text.len());
    let at = windows
        .position(|window| window == text.as_bytes())
        .expect("the text is there");
    bytes.splice(at..at + text.len(), by.bytes());
    bytes
}

/// `folder` is one for each set of flags: changing them would build everything anew.
fn module(package: &str, folder: &str, flags: Option<&str>) -> Result<Vec<u8>> {
    let target = target_folder().join(folder);
    let status = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--profile",
            "plugin",
            "--package",
            package,
        ])
        .args(["--target", "wasm32-unknown-unknown", "--target-dir"])
        .arg(&target)
        .args(flags.iter().flat_map(|flags| ["--config", flags]))
        // These would replace the flags of the configuration.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .current_dir(workspace())
        .status()
        .context("starting cargo")?;
    ensure!(status.success(), "cargo did not build {package}");
    let module = target
        .join("wasm32-unknown-unknown/plugin")
        .join(format!("{}.wasm", package.replace('-', "_")));
    std::fs::read(&module).with_context(|| format!("reading {}", module.display()))
}

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where folders of our own are made: the tests' build holds the lock of the usual one.
fn target_folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| workspace().join("target"))
}
