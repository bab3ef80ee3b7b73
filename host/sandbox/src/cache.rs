//! Compiled components on disk, so that a start does not compile again what has not changed.
//!
//! Loading machine code is running it: wasmtime takes a `.cwasm` file at its word, and a forged one owns the process.
//! So a file is only loaded when this host wrote it. Each ends with an HMAC-SHA256 over the sha256 of its code and its own
//! name, under a key that the host holds and the folder does not. The name is made of the component's digest and of
//! everything in the engine that the code depends on (wasmtime's version, processor features, settings), so that a file can
//! neither be changed nor passed off as another.
//!
//! What was verified is then mapped into memory, not copied: a thousand plugins cost the pages that their calls touch, which
//! the system can take back, instead of a gigabyte. So nobody may write to a file that is mapped. Files are 0400 in a folder
//! that is 0700, and are replaced, never written over; whoever can write there all the same runs as the host's own user, and
//! can as well read its master key.

use ring::{digest, hmac};
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use thiserror::Error;
use wasmtime::Engine;
use wasmtime::component::Component;

/// Numbers the files that this process writes.
static WRITERS: AtomicU64 = AtomicU64::new(0);

/// Bytes of the HMAC at the end of a file.
const TAG: usize = digest::SHA256_OUTPUT_LEN;

/// Bytes read at a time: a file has hundreds of kilobytes, and what its reading took stays with the process for a while.
const PIECE: usize = 16 << 10;

#[derive(Debug, Error)]
pub enum CacheError {
    #[error("the folder for compiled plugins, {path}, cannot be used: {error}")]
    Folder {
        path: PathBuf,
        error: std::io::Error,
    },
    #[error("the folder for compiled plugins, {path}, is open to others; it has to be 0700")]
    OpenToOthers { path: PathBuf },
}

/// A folder of compiled components. What cannot be read is compiled again, what cannot be written is left out: a cache
/// that fails costs time and nothing else.
pub struct Cache {
    folder: PathBuf,
    key: hmac::Key,
}

impl Cache {
    /// Opens or makes the folder. `key` is 32 secret bytes of this host's, derived for this use alone.
    pub fn open(folder: impl Into<PathBuf>, key: &[u8; 32]) -> Result<Self, CacheError> {
        let folder = folder.into();
        let io = |error| CacheError::Folder {
            path: folder.clone(),
            error,
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(io)?;
        let mode = fs::metadata(&folder).map_err(io)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(CacheError::OpenToOthers { path: folder });
        }
        Ok(Self {
            folder,
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
        })
    }

    /// The compiled component of this digest, if it was kept by this host for this engine.
    pub(crate) fn fetch(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let name = name(engine, digest);
        let file = fs::File::open(self.folder.join(&name)).ok()?;
        if !self.is_ours(&name, &file) {
            tracing::warn!(file = %name, "compiled plugin is damaged or not of this host; it is compiled again");
            return None;
        }
        // The very file that was verified, whatever its name leads to meanwhile.
        let verified = format!("/proc/self/fd/{}", file.as_raw_fd());
        // SAFETY: the bytes came out of `Component::serialize` in a process that held this host's key, for an engine
        // with the same version and settings: the HMAC over code and name has just been verified. Nobody writes to the
        // file: see above.
        let loaded = unsafe { Component::deserialize_file(engine, verified) };
        match loaded {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!(file = %name, %error, "compiled plugin was refused; it is compiled again");
                None
            }
        }
    }

    /// Keeps a compiled component: written beside and renamed, so that no reader sees half a file.
    pub(crate) fn keep(&self, engine: &Engine, digest: &str, component: &Component) {
        let name = name(engine, digest);
        let written = component
            .serialize()
            .map_err(std::io::Error::other)
            .and_then(|code| self.write(&name, &code));
        if let Err(error) = written {
            tracing::warn!(file = %name, %error, "compiled plugin could not be kept");
        }
    }

    /// Whether this host wrote the file, under this name.
    fn is_ours(&self, name: &str, file: &fs::File) -> bool {
        read(file)
            .is_ok_and(|(code, tag)| hmac::verify(&self.key, &signed(&code, name), &tag).is_ok())
    }

    fn write(&self, name: &str, code: &[u8]) -> std::io::Result<()> {
        let digest = digest::digest(&digest::SHA256, code);
        let tag = hmac::sign(&self.key, &signed(&digest, name));
        // Two threads or processes that compile the same component must not write into one file.
        let writer = WRITERS.fetch_add(1, Ordering::Relaxed);
        let temporary = self
            .folder
            .join(format!("{name}.{}-{writer}", std::process::id()));
        let written = write_new(&temporary, &[code, tag.as_ref()])
            .and_then(|()| fs::rename(&temporary, self.folder.join(name)));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }
}

/// What the HMAC is over.
fn signed(code: &digest::Digest, name: &str) -> Vec<u8> {
    [code.as_ref(), name.as_bytes()].concat()
}

/// The sha256 of a file's code, and the HMAC that follows it.
fn read(mut file: &fs::File) -> std::io::Result<(digest::Digest, [u8; TAG])> {
    let bytes = file.metadata()?.len().saturating_sub(TAG as u64);
    let mut code = BufReader::with_capacity(PIECE, file.take(bytes));
    let mut context = digest::Context::new(&digest::SHA256);
    loop {
        let piece = code.fill_buf()?;
        if piece.is_empty() {
            break;
        }
        context.update(piece);
        let read = piece.len();
        code.consume(read);
    }
    let mut tag = [0; TAG];
    file.read_exact(&mut tag)?;
    Ok((context.finish(), tag))
}

fn write_new(path: &Path, parts: &[&[u8]]) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o400)
        .open(path)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_all()
}

/// `<component's digest>-<engine's digest>.cwasm`
fn name(engine: &Engine, digest: &str) -> String {
    let mut hasher = Sha256Hasher(digest::Context::new(&digest::SHA256));
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let engine = hex::encode(hasher.0.finish());
    format!("{digest}-{}.cwasm", engine.get(..16).unwrap_or(&engine))
}

/// The standard library's hashers promise no stability between versions; this one is sha256.
struct Sha256Hasher(digest::Context);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finish();
        digest
            .as_ref()
            .iter()
            .take(8)
            .fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }
}
