//! A data folder whose disk can be filled: a small file system of its own, or, where mounting is not allowed, a limit that
//! lets no file of the server's grow any more.

use anyhow::{Context, Result, bail};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use yinxin_house::house::server_program;

/// Room for the database, compiled plugins and some uploads at every site.
const SIZE: &str = "size=96m";

pub struct Disk {
    folder: TempDir,
    mounted: bool,
}

impl Disk {
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("yinxin-disk-").tempdir()?;
        // `YINXIN_DISK=limit` tries the other way where this one would do.
        let wanted = std::env::var("YINXIN_DISK").is_ok_and(|word| word == "limit");
        let mounted = !wanted
            && run(Command::new("mount")
                .args(["-t", "tmpfs", "-o", SIZE, "yinxin-disk"])
                .arg(folder.path()))
            .is_ok();
        Ok(Self { folder, mounted })
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// How it is filled, for the record of a run.
    pub fn kind(&self) -> &'static str {
        if self.mounted {
            "a full file system"
        } else {
            "files that may not grow"
        }
    }

    /// A program that becomes the server and lives on when a file may not grow: the signal of that would end it.
    pub fn server(&self, beside: &Path) -> Result<PathBuf> {
        let script = beside.join("yinxin-ignoring-XFSZ");
        let text = format!(
            "#!/bin/sh\ntrap '' XFSZ\nexec {} \"$@\"\n",
            server_program().display()
        );
        std::fs::write(&script, text)?;
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))?;
        Ok(script)
    }

    /// Leaves no room.
    pub fn fill(&self, server: u32) -> Result<()> {
        if !self.mounted {
            return limit(server, "1");
        }
        let mut file = std::fs::File::create(self.filling())?;
        // Large pieces, then single bytes for what is left.
        for piece in [vec![1; 1 << 20], vec![1; 4096], vec![1]] {
            loop {
                match file.write_all(&piece) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// Makes room again.
    pub fn free(&self, server: u32) -> Result<()> {
        if !self.mounted {
            return limit(server, "unlimited");
        }
        Ok(std::fs::remove_file(self.filling())?)
    }

    fn filling(&self) -> PathBuf {
        self.folder.path().join("filling")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted {
            // Lazily: the server may still end.
            let _ = run(Command::new("umount").arg("-l").arg(self.folder.path()));
        }
    }
}

fn limit(process: u32, bytes: &str) -> Result<()> {
    run(Command::new("prlimit").args([
        format!("--pid={process}"),
        // Soft only: a process may not raise its hard limit again.
        format!("--fsize={bytes}:"),
    ]))
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
