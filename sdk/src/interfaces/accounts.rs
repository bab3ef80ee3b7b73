//! The profile of the account that the case belongs to.

#[cfg(target_arch = "wasm32")]
use crate::bindings::yinxin::accounts::accounts as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::fake::accounts as host;

pub use crate::bindings::yinxin::accounts::accounts::{Entry, Error};

/// The whole profile, in the order of the profile form.
pub fn profile() -> Result<Vec<Entry>, Error> {
    host::profile()
}

/// One field of the profile; empty where it is unanswered or unknown.
pub fn profile_text(field: &str) -> Result<String, Error> {
    let entries = profile()?;
    Ok(entries
        .into_iter()
        .find(|entry| entry.name == field)
        .map_or_else(String::new, |entry| entry.value))
}

/// Writes fields into the profile, so that the next application starts with them; at most 64. An effect.
pub fn remember<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<(), Error> {
    let entries: Vec<Entry> = entries
        .into_iter()
        .map(|(name, value)| Entry {
            name: name.into(),
            value: value.into(),
        })
        .collect();
    host::remember(&entries)
}
