//! `yinxin:storage`: keys and values of the plugin's own.
//!
//! Reads ask the database, each on a connection of its own that goes back at once (a plugin has few of them at a time), and
//! are recorded; writes stay on the call's shelf and are seen by the call's own later reads. What the call found stays
//! found: a key that is read twice and has changed in between ends in a `Trouble`, and the whole call is run again.

use crate::bindings::yinxin::storage::storage::{Entry, Error, Host};
use crate::desk::{Access, No, Office, Outside, Trouble, answer, ask, permit};
use crate::effects::Effect;
use crate::grants::Capability;
use crate::reads::{Read, scan_digest, value_digest};
use std::collections::BTreeMap;
use yinxin_store::{StoreError, plugin_storage};

crate::desk::refusals!(storage);

/// Bytes of a key, as the contract says.
const KEY: usize = 256;
/// Bytes of a value, as the contract says.
const VALUE: usize = 64 << 10;
/// Entries of one scan, as the contract says.
const SCAN: u32 = 100;

/// What the call has written and read so far.
#[derive(Default)]
pub(crate) struct Shelf {
    /// What was written; none: removed.
    written: BTreeMap<String, Option<Vec<u8>>>,
    /// Digests of what was found in the database.
    found: BTreeMap<String, Option<String>>,
    /// Bytes in use in the database, asked at the first write.
    used: Option<u64>,
}

impl Host for Office {
    async fn get(&mut self, key: String) -> Result<Option<Vec<u8>>, Refused> {
        permit(self, Capability::Storage, Access::Read)?;
        check_key(&key)?;
        current(self, &key).await
    }

    async fn put(&mut self, key: String, value: Vec<u8>) -> Result<(), Refused> {
        permit(self, Capability::Storage, Access::Write)?;
        check_key(&key)?;
        write(self, key, value).await
    }

    async fn put_if_absent(&mut self, key: String, value: Vec<u8>) -> Result<bool, Refused> {
        permit(self, Capability::Storage, Access::Write)?;
        check_key(&key)?;
        if current(self, &key).await?.is_some() {
            return Ok(false);
        }
        write(self, key, value).await?;
        Ok(true)
    }

    async fn delete(&mut self, key: String) -> Result<bool, Refused> {
        permit(self, Capability::Storage, Access::Write)?;
        check_key(&key)?;
        if current(self, &key).await?.is_none() {
            return Ok(false);
        }
        ask(self, Effect::StorageDelete { key: key.clone() })?;
        self.host.shelf.written.insert(key, None);
        Ok(true)
    }

    async fn scan(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<Entry>, Refused> {
        permit(self, Capability::Storage, Access::Read)?;
        for text in [Some(&prefix), after.as_ref()].into_iter().flatten() {
            if text.len() > KEY || text.contains('\0') {
                return Err(No::Answer(Error::BadKey));
            }
        }
        let limit = limit.min(SCAN);
        let within = |key: &str| {
            key.starts_with(&prefix) && after.as_deref().is_none_or(|after| key > after)
        };
        // Removed keys take no place in the answer, so that as many more are fetched as may have been removed.
        let written = self
            .host
            .shelf
            .written
            .iter()
            .filter(|(key, _)| within(key));
        let written: Vec<_> = written
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let removed = written.iter().filter(|(_, value)| value.is_none()).count();
        let fetch = limit.saturating_add(u32::try_from(removed).unwrap_or(u32::MAX));
        let found = find(self, &prefix, after.as_deref(), fetch).await?;
        let mut merged: BTreeMap<String, Vec<u8>> = found.into_iter().collect();
        for (key, value) in written {
            match value {
                Some(value) => merged.insert(key, value),
                None => merged.remove(&key),
            };
        }
        let entries = merged.into_iter().take(limit as usize);
        Ok(entries.map(|(key, value)| Entry { key, value }).collect())
    }

    fn convert_error(&mut self, no: Refused) -> wasmtime::Result<Error> {
        answer(no)
    }
}

fn check_key(key: &str) -> Result<(), Refused> {
    // PostgreSQL keeps no zero character in a text.
    if key.is_empty() || key.len() > KEY || key.contains('\0') {
        return Err(No::Answer(Error::BadKey));
    }
    Ok(())
}

/// The value under a key as this call sees it.
async fn current(office: &mut Office, key: &str) -> Result<Option<Vec<u8>>, Refused> {
    if let Some(value) = office.host.shelf.written.get(key) {
        return Ok(value.clone());
    }
    let outside = outside(office)?;
    let since = office.begins_to_wait();
    let value = async {
        let (_part, mut connection) = outside.reader().await?;
        plugin_storage::get(&mut connection, &office.host.site, &office.host.plugin, key).await
    };
    let value = value.await;
    office.goes_on(since).await;
    let value = value.map_err(|error| failed(office, error))?;
    let digest = value
        .as_ref()
        .map(|value| value_digest(&outside.sealer, value));
    match office.host.shelf.found.get(key) {
        Some(before) if *before == digest => {}
        Some(_) => return Err(changed(office)),
        None => {
            office.budget.read()?;
            office
                .host
                .shelf
                .found
                .insert(key.to_owned(), digest.clone());
            office.host.reads.push(Read::Storage {
                key: key.to_owned(),
                digest,
            });
        }
    }
    Ok(value)
}

async fn find(
    office: &mut Office,
    prefix: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<(String, Vec<u8>)>, Refused> {
    let outside = outside(office)?;
    let since = office.begins_to_wait();
    let found = async {
        let (_part, mut connection) = outside.reader().await?;
        let desk = &office.host;
        plugin_storage::scan(
            &mut connection,
            &desk.site,
            &desk.plugin,
            prefix,
            after,
            i64::from(limit),
        )
        .await
    };
    let found = found.await;
    office.goes_on(since).await;
    let found = found.map_err(|error| failed(office, error))?;
    let digest = scan_digest(&outside.sealer, &found);
    let after = after.map(str::to_owned);
    let read = Read::StorageScan {
        prefix: prefix.to_owned(),
        after,
        limit,
        digest,
    };
    if !office.host.reads.contains(&read) {
        office.budget.read()?;
        office.host.reads.push(read);
    }
    Ok(found)
}

/// Buffers a value. Room is reckoned as if every written key were new, so that a call which writes over its own values
/// near the quota is refused up to one call's effects too early, and never too late.
async fn write(office: &mut Office, key: String, value: Vec<u8>) -> Result<(), Refused> {
    if value.len() > VALUE {
        return Err(No::Answer(Error::ValueTooLarge(value.len() as u64)));
    }
    let quota = office.host.grants.quotas.storage_bytes;
    let used = used(office).await?;
    let shelf = office
        .host
        .shelf
        .written
        .iter()
        .filter(|(written, _)| **written != key);
    let shelf: usize = shelf
        .map(|(key, value)| value.as_ref().map_or(0, |value| key.len() + value.len()))
        .sum();
    if used.saturating_add((shelf + key.len() + value.len()) as u64) > quota {
        return Err(No::Answer(Error::QuotaExceeded(quota)));
    }
    ask(
        office,
        Effect::StoragePut {
            key: key.clone(),
            value: value.clone(),
        },
    )?;
    office.host.shelf.written.insert(key, Some(value));
    Ok(())
}

/// Bytes that the plugin uses on this site. Not recorded as a read: two calls at once may pass the quota by what one
/// call can write, which is less harm than running each again for the other's sake.
async fn used(office: &mut Office) -> Result<u64, Refused> {
    if let Some(used) = office.host.shelf.used {
        return Ok(used);
    }
    let outside = outside(office)?;
    let since = office.begins_to_wait();
    let used = async {
        let (_part, mut connection) = outside.reader().await?;
        plugin_storage::room(&mut connection, &office.host.site, &office.host.plugin).await
    };
    let used = used.await;
    office.goes_on(since).await;
    let used = used.map_err(|error| failed(office, error))?;
    let used = u64::try_from(used).unwrap_or(0);
    office.host.shelf.used = Some(used);
    Ok(used)
}

fn outside(office: &Office) -> Result<Outside, Refused> {
    office
        .host
        .outside
        .clone()
        .ok_or(No::Answer(Error::Unavailable))
}

fn failed(office: &Office, error: StoreError) -> Refused {
    // The first trouble is the one that is reported.
    let _ = office.host.trouble.set(Trouble::Store(error));
    No::Answer(Error::Unavailable)
}

fn changed(office: &Office) -> Refused {
    let _ = office.host.trouble.set(Trouble::Changed);
    No::Answer(Error::Unavailable)
}
