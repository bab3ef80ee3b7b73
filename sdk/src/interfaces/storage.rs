//! Keys and values of this plugin on this site.

#[cfg(target_arch = "wasm32")]
use crate::bindings::yinxin::storage::storage as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::fake::storage as host;

pub use crate::bindings::yinxin::storage::storage::{Entry, Error};

/// The value under `key`, or none. Sees what this call wrote before.
pub fn get(key: &str) -> Result<Option<Vec<u8>>, Error> {
    host::get(key)
}

/// The value under `key` as text; bytes that are no UTF-8 are replaced.
pub fn get_text(key: &str) -> Result<Option<String>, Error> {
    let value = get(key)?;
    Ok(value.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Writes over what was there; at most 64 KiB. An effect.
pub fn put(key: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
    host::put(key, value.as_ref())
}

/// Writes only where nothing stands; false: the key was taken. Of two calls at once only one gets true. An effect.
pub fn put_if_absent(key: &str, value: impl AsRef<[u8]>) -> Result<bool, Error> {
    host::put_if_absent(key, value.as_ref())
}

/// Removes `key`; false: it was not there. An effect.
pub fn delete(key: &str) -> Result<bool, Error> {
    host::delete(key)
}

/// Entries whose key begins with `prefix`, in byte order, after the key `after`; at most `limit`, at most 100.
pub fn scan(prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<Entry>, Error> {
    host::scan(prefix, after, limit)
}
