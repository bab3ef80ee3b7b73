//! A plugin's component: built from its crate, as `cargo xtask build` does it.

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
    let package = format!("yinxin-plugin-{name}");
    let target = target_folder();
    let status = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--profile",
            "plugin",
            "--package",
            &package,
        ])
        .args([
            "--target",
            "wasm32-unknown-unknown",
            "--config",
            STACK,
            "--target-dir",
        ])
        .arg(&target)
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
    let module = std::fs::read(&module).with_context(|| format!("reading {}", module.display()))?;
    ComponentEncoder::default()
        .validate(true)
        .module(&module)?
        .encode()
        .with_context(|| format!("wrapping {package} into a component"))
}

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A folder of its own: the tests' build holds the lock of the usual one.
fn target_folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target
        .unwrap_or_else(|| workspace().join("target"))
        .join("wasm")
}
