//! What a fresh machine lacks: found by looking, installed after saying so.

use crate::components::WASM_TARGET;
use crate::postgres;
use crate::processes::{capture, find, run, say, succeeds};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The standard library for plugins, for the toolchain that rust-toolchain.toml pins.
pub fn wasm_target() -> Result<()> {
    let library =
        capture(Command::new("rustc").args(["--print", "target-libdir", "--target", WASM_TARGET]))?;
    let holds_core = |folder: &Path| {
        let mut files = std::fs::read_dir(folder).into_iter().flatten().flatten();
        files.any(|file| file.file_name().to_string_lossy().starts_with("libcore-"))
    };
    if holds_core(Path::new(library.trim())) {
        return Ok(());
    }
    say(
        "Installing",
        format!("the Rust target {WASM_TARGET} (for the plugins)"),
    );
    run(Command::new("rustup").args(["target", "add", WASM_TARGET])).with_context(|| {
        format!("plugins are built for {WASM_TARGET}: install it for this toolchain and try again")
    })
}

/// A part of the toolchain that the smallest installation leaves out: `rustfmt`, `clippy`.
pub fn toolchain_component(name: &str, program: &str) -> Result<()> {
    if succeeds(Command::new(program).arg("--version")) {
        return Ok(());
    }
    say("Installing", format!("the Rust component {name}"));
    run(Command::new("rustup").args(["component", "add", name]))
}

/// A Debian package, and how to see whether what it brings is there already, from wherever it came.
pub struct Package {
    name: &'static str,
    present: fn() -> bool,
}

/// What the server's allocator is built with, besides the compiler that Rust itself asks for.
pub const MAKE: Package = Package {
    name: "make",
    present: || find("make").is_some(),
};

/// Chinese names in papers, rare characters included.
pub const FONTS: Package = Package {
    name: "fonts-noto-cjk",
    present: || Path::new("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc").is_file(),
};

/// What unit tests and conformance ask: the second database, and the judges of papers, codes and certificates.
pub const JUDGES: [Package; 5] = [
    Package {
        name: "postgresql",
        present: || postgres::programs().is_some(),
    },
    Package {
        name: "poppler-utils",
        present: || find("pdftotext").is_some() && find("pdffonts").is_some(),
    },
    Package {
        // Without it poppler reads no PDF whose Chinese font is not embedded, such as a provider's invoice.
        name: "poppler-data",
        present: || Path::new("/usr/share/poppler/cMap/Adobe-GB1").is_dir(),
    },
    Package {
        name: "zbar-tools",
        present: || find("zbarimg").is_some(),
    },
    Package {
        name: "openssl",
        present: || find("openssl").is_some(),
    },
];

/// What the journeys drive.
pub const BROWSER: [Package; 3] = [
    Package {
        name: "chromium",
        present: || find("chromium").is_some(),
    },
    Package {
        name: "nodejs",
        present: || find("node").is_some(),
    },
    Package {
        name: "npm",
        present: || find("npm").is_some(),
    },
];

/// Virtual environments of Python, for the peers.
pub const PYTHON: [Package; 2] = [
    Package {
        name: "python3",
        present: || find("python3").is_some(),
    },
    Package {
        name: "python3-venv",
        present: || succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"])),
    },
];

/// Installs those of the packages that are missing, through apt-get as root or by sudo.
pub fn debian<'p>(packages: impl IntoIterator<Item = &'p Package>) -> Result<()> {
    let missing: Vec<&str> = packages
        .into_iter()
        .filter(|p| !(p.present)())
        .map(|p| p.name)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    if find("apt-get").is_none() {
        bail!(
            "this machine lacks {}, and has no apt-get: install it by its own means",
            missing.join(", ")
        );
    }
    say(
        "Installing",
        format!("Debian packages: {}", missing.join(", ")),
    );
    run(apt_get()?.args(["update", "--quiet"])).context("the package lists cannot be fetched")?;
    run(apt_get()?
        .args(["install", "--yes", "--quiet", "--no-install-recommends"])
        .args(&missing))
}

fn apt_get() -> Result<Command> {
    let mut command = if is_root()? {
        Command::new("env")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["--non-interactive", "env"]);
        sudo
    };
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    Ok(command)
}

pub fn is_root() -> Result<bool> {
    Ok(capture(Command::new("id").arg("--user"))?.trim() == "0")
}

/// The journeys' packages from npm, as locked.
pub fn npm(workspace: &Workspace) -> Result<()> {
    let folder = workspace.root().join("tests/journeys");
    let lock = folder.join("package-lock.json");
    if is_newer(&folder.join("node_modules/.package-lock.json"), &lock) {
        return Ok(());
    }
    say(
        "Installing",
        "npm packages of tests/journeys (browser driver, accessibility checker)",
    );
    // The driver uses Debian's browser; its own would be another 300 MB.
    run(Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund"])
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
        .current_dir(&folder))
}

/// The Python of a virtual environment with the peers: programs that nobody here wrote and that speak with ours.
pub fn peers(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target().join("peers");
    let python = folder.join("bin/python");
    let wanted = workspace.root().join("tests/conformance/requirements.txt");
    let installed = folder.join("installed.txt");
    let same = || {
        let (wanted, installed) = (
            std::fs::read(&wanted).ok()?,
            std::fs::read(&installed).ok()?,
        );
        Some(wanted == installed)
    };
    if python.is_file() && same() == Some(true) {
        return Ok(python);
    }
    debian(&PYTHON)?;
    say(
        "Installing",
        "Python peers of tests/conformance (payment, SMS, mail and certificate programs of others)",
    );
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&folder))?;
    run(Command::new(&python)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
        ])
        .arg(&wanted))?;
    std::fs::copy(&wanted, &installed)
        .with_context(|| format!("{} cannot be written", installed.display()))?;
    Ok(python)
}

fn is_newer(made: &Path, source: &Path) -> bool {
    let time = |file: &Path| std::fs::metadata(file).and_then(|data| data.modified());
    matches!((time(made), time(source)), (Ok(made), Ok(source)) if made >= source)
}
