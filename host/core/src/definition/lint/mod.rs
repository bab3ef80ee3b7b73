//! The lint of a definition: what a plugin says of itself is checked before it goes live, and each mistake is reported
//! as a good compiler would: which state, which field, why, and what to write instead.
//!
//! An error keeps the plugin from being activated. A warning is something that can be meant, and rarely is.

mod accounts;
mod bounds;
mod fields;
mod guards;
mod head;
mod index;
mod lifecycle;
mod materials;
mod papers;
mod reach;
mod report;
mod services;
mod sizes;

#[cfg(test)]
mod order_tests;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod snapshots;
#[cfg(test)]
mod tests;

use super::Definition;
use index::Index;
use report::{Place, Report};
use serde::Serialize;
use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The definition cannot go live.
    Error,
    /// It can, but hardly as it is meant.
    Warning,
}

/// One mistake. Displayed over several lines, in the manner of a compiler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub severity: Severity,
    /// From the plugin down to the thing: `yingtan › lifecycle new › state lost`.
    pub place: String,
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(f, "{severity}: {}", self.message)?;
        writeln!(f, "  --> {}", self.place)?;
        write!(f, "  = help: {}", self.help)
    }
}

/// Everything that is wrong with a definition, errors first; empty when it is fit to go live. What is too large is said
/// alone: the rest is looked at once it is not.
pub fn lint(definition: &Definition) -> Vec<Finding> {
    let index = Index::of(definition);
    let root = Place::root(&definition.id);
    let mut report = Report::default();
    sizes::check(&mut report, &root, definition);
    if !report.is_empty() {
        return report.into_findings();
    }
    head::check(&mut report, &root, definition);
    accounts::check(&mut report, &root, &index);
    services::check(&mut report, &root, &index);
    fields::check(&mut report, &root, &index);
    materials::check(&mut report, &root, &index);
    papers::check(&mut report, &root, &index);
    for lifecycle in &definition.lifecycles {
        let place = root.then("lifecycle", &lifecycle.id);
        lifecycle::check(&mut report, &place, lifecycle, &index);
        reach::check(&mut report, &place, lifecycle);
    }
    guards::check(&mut report, &root, definition);
    report.into_findings()
}

/// True when none of the findings keeps the definition from going live.
pub fn is_fit(findings: &[Finding]) -> bool {
    findings
        .iter()
        .all(|finding| finding.severity == Severity::Warning)
}
