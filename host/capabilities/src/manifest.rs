//! `plugin.toml`: what a plugin says of itself beside its code. Its imports are the truth about what it needs; this
//! gives the reasons, which whoever writes `site.toml` reads before granting.

use crate::grants::Capability;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The plugin's name: the definition's id.
    pub name: String,
    /// Semantic version of the rules: the definition's version.
    pub version: String,
    #[serde(default, rename = "capability")]
    pub capabilities: Vec<Declaration>,
    /// Parameters of the plugin's own, for its build and its tests.
    #[serde(default)]
    pub parameters: BTreeMap<String, toml::Value>,
}

/// One `[[capability]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    pub interface: Capability,
    /// Why the plugin needs it, in words.
    pub reason: String,
}

#[derive(Debug, Error)]
pub enum ManifestError {
    #[error("plugin.toml cannot be read: {0}")]
    Syntax(#[from] toml::de::Error),
    #[error("plugin.toml: `{0}` is declared twice")]
    Twice(Capability),
    #[error("plugin.toml: `{0}` is declared without a reason")]
    NoReason(Capability),
    #[error("plugin.toml: `{0}` is no name: 1 to 48 of a-z, 0-9 and -")]
    Name(String),
}

impl Manifest {
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let manifest: Self = toml::from_str(text)?;
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=48).contains(&manifest.name.len()) || !manifest.name.bytes().all(allowed) {
            return Err(ManifestError::Name(manifest.name));
        }
        let mut seen = BTreeSet::new();
        for declaration in &manifest.capabilities {
            if !seen.insert(declaration.interface) {
                return Err(ManifestError::Twice(declaration.interface));
            }
            if declaration.reason.trim().is_empty() {
                return Err(ManifestError::NoReason(declaration.interface));
            }
        }
        Ok(manifest)
    }

    pub fn declares(&self, capability: Capability) -> bool {
        self.capabilities
            .iter()
            .any(|declaration| declaration.interface == capability)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_names_its_capabilities_with_reasons() {
        let manifest = Manifest::parse(
            r#"
            name = "yingtan"
            version = "1.0.0"
            [[capability]]
            interface = "storage"
            reason = "one main key per unit"
            [parameters]
            main-key-fee = 22000
            "#,
        )
        .unwrap();
        assert!(manifest.declares(Capability::Storage));
        assert!(!manifest.declares(Capability::Payments));
        assert_eq!(
            manifest.parameters["main-key-fee"].as_integer(),
            Some(22000)
        );
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text: &str| Manifest::parse(text).unwrap_err().to_string();
        let head = "name = \"a\"\nversion = \"1.0.0\"\n";
        let storage = "[[capability]]\ninterface = \"storage\"\nreason = \"r\"\n";
        assert!(
            error(&format!("{head}{storage}{storage}")).contains("`storage` is declared twice")
        );
        assert!(
            error(&format!(
                "{head}[[capability]]\ninterface = \"storage\"\nreason = \" \""
            ))
            .contains("reason")
        );
        assert!(
            error(&format!(
                "{head}[[capability]]\ninterface = \"sockets\"\nreason = \"r\""
            ))
            .contains("sockets")
        );
        assert!(error("name = \"A b\"\nversion = \"1\"").contains("`A b` is no name"));
    }
}
