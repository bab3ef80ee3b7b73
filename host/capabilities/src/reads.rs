//! What a rule call read, recorded by keyed digest, so that the commit can ask whether all of it still holds.

use crate::context::CaseFacts;
use serde::{Deserialize, Serialize};
use yinxin_core::ids::SiteId;
use yinxin_store::seal::Sealer;
use yinxin_store::{Connection, StoreError, plugin_storage};

/// One thing that was read. Digests are keyed (HMAC-SHA256), so that the ledger, which keeps them, gives away nothing
/// that could be guessed; none stands for "nothing there".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Read {
    /// A key of the plugin's own storage.
    Storage {
        key: String,
        digest: Option<String>,
    },
    /// A run of keys of the plugin's own storage.
    StorageScan {
        prefix: String,
        after: Option<String>,
        limit: u32,
        digest: String,
    },
    Profile {
        digest: String,
    },
    /// What the case owes and has paid, and the ways to pay that the site has.
    Payment {
        digest: String,
    },
    Checks {
        digest: String,
    },
    Certificates {
        digest: String,
    },
    Documents {
        digest: String,
    },
    /// Whether a certificate request was uploaded for the case.
    Request {
        present: bool,
    },
}

/// A part of the facts that a plugin can have read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Profile,
    Payment,
    Checks,
    Certificates,
    Documents,
    Request,
}

impl Read {
    pub(crate) fn of(part: Part, facts: &CaseFacts, sealer: &Sealer) -> Self {
        match part {
            Part::Profile => Self::Profile {
                digest: digest(sealer, &(&facts.profile, &facts.profile_fields)),
            },
            Part::Payment => Self::Payment {
                digest: digest(sealer, &(&facts.payment, &facts.methods)),
            },
            Part::Checks => Self::Checks {
                digest: digest(sealer, &facts.checks),
            },
            Part::Certificates => Self::Certificates {
                digest: digest(sealer, &facts.certificates),
            },
            Part::Documents => Self::Documents {
                digest: digest(sealer, &facts.documents),
            },
            Part::Request => Self::Request {
                present: facts.has_request,
            },
        }
    }

    fn part(&self) -> Option<Part> {
        match self {
            Self::Storage { .. } | Self::StorageScan { .. } => None,
            Self::Profile { .. } => Some(Part::Profile),
            Self::Payment { .. } => Some(Part::Payment),
            Self::Checks { .. } => Some(Part::Checks),
            Self::Certificates { .. } => Some(Part::Certificates),
            Self::Documents { .. } => Some(Part::Documents),
            Self::Request { .. } => Some(Part::Request),
        }
    }
}

/// True when everything that was read still is as it was: ask in the transaction that commits the call's effects, after
/// [`plugin_storage::lock`], with facts gathered in that same transaction.
pub async fn hold(
    conn: &mut Connection,
    site: &SiteId,
    plugin: &str,
    sealer: &Sealer,
    facts: &CaseFacts,
    reads: &[Read],
) -> Result<bool, StoreError> {
    for read in reads {
        let now = match read {
            Read::Storage { key, .. } => {
                let value = plugin_storage::get(conn, site, plugin, key).await?;
                Read::Storage {
                    key: key.clone(),
                    digest: value.map(|value| value_digest(sealer, &value)),
                }
            }
            Read::StorageScan {
                prefix,
                after,
                limit,
                ..
            } => {
                let found = plugin_storage::scan(
                    conn,
                    site,
                    plugin,
                    prefix,
                    after.as_deref(),
                    i64::from(*limit),
                )
                .await?;
                let digest = scan_digest(sealer, &found);
                Read::StorageScan {
                    prefix: prefix.clone(),
                    after: after.clone(),
                    limit: *limit,
                    digest,
                }
            }
            other => match other.part() {
                Some(part) => Read::of(part, facts, sealer),
                None => return Ok(false),
            },
        };
        if now != *read {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(crate) fn value_digest(sealer: &Sealer, value: &[u8]) -> String {
    sealer.fingerprint("plugin storage", &hex::encode(value))
}

pub(crate) fn scan_digest(sealer: &Sealer, entries: &[(String, Vec<u8>)]) -> String {
    let entries: Vec<_> = entries
        .iter()
        .map(|(key, value)| (key, value_digest(sealer, value)))
        .collect();
    digest(sealer, &entries)
}

fn digest(sealer: &Sealer, part: &impl Serialize) -> String {
    // These are plain records of texts and numbers, of which JSON always has a form.
    let text = serde_json::to_string(part).unwrap_or_default();
    sealer.fingerprint("read", &text)
}
