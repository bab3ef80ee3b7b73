//! Which interfaces a site gives to a plugin, and how much of them. A pure type: it asks nobody.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// One interface of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Capability {
    Accounts,
    Storage,
    Payments,
    Messaging,
    Tokens,
    Identity,
    Certificates,
    Documents,
}

impl Capability {
    pub const ALL: [Self; 8] = [
        Self::Accounts,
        Self::Storage,
        Self::Payments,
        Self::Messaging,
        Self::Tokens,
        Self::Identity,
        Self::Certificates,
        Self::Documents,
    ];

    /// As it stands in `plugin.toml` and `site.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Storage => "storage",
            Self::Payments => "payments",
            Self::Messaging => "messaging",
            Self::Tokens => "tokens",
            Self::Identity => "identity",
            Self::Certificates => "certificates",
            Self::Documents => "documents",
        }
    }

    /// The interface as a component imports it.
    pub fn interface(self) -> String {
        format!("yinxin:{0}/{0}@0.1.0", self.name())
    }

    /// From an import of a component; none where the host has no such interface.
    pub fn of_interface(interface: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|capability| capability.interface() == interface)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How much a plugin may use of what it is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Quotas {
    /// Bytes of keys and values in the plugin's storage on this site.
    pub storage_bytes: u64,
    /// Effects of one rule call.
    pub effects: u32,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            storage_bytes: 64 << 20, // a hundred thousand main keys with 600 bytes each
            effects: 200,            // a decision with all its messages has about ten
        }
    }
}

/// What one plugin may do on one site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    interfaces: BTreeSet<Capability>,
    pub quotas: Quotas,
}

impl Grants {
    pub fn new(interfaces: impl IntoIterator<Item = Capability>, quotas: Quotas) -> Self {
        Self {
            interfaces: interfaces.into_iter().collect(),
            quotas,
        }
    }

    /// No capability at all, as during `describe`.
    pub fn none() -> Self {
        Self::default()
    }

    pub fn allows(&self, capability: Capability) -> bool {
        self.interfaces.contains(&capability)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_granted_is_allowed() {
        let grants = Grants::new([Capability::Storage], Quotas::default());
        assert!(grants.allows(Capability::Storage));
        assert!(!grants.allows(Capability::Payments));
        assert!(
            Capability::ALL
                .iter()
                .all(|capability| !Grants::none().allows(*capability))
        );
    }

    #[test]
    fn an_interface_is_known_by_its_whole_name_with_its_version() {
        for capability in Capability::ALL {
            assert_eq!(
                Capability::of_interface(&capability.interface()),
                Some(capability)
            );
        }
        for foreign in [
            "storage",
            "yinxin:storage/storage",
            "yinxin:storage/storage@0.2.0",
            "wasi:io/streams@0.2.0",
        ] {
            assert_eq!(Capability::of_interface(foreign), None, "{foreign}");
        }
    }
}
