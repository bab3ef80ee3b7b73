//! Where findings are collected, and the checks that every part of a definition shares: ids, labels, references.

use super::bounds::{FINDINGS, ID_LENGTH, LABEL_LENGTH, SENTENCE, TEXT_LENGTH};
use super::{Finding, Severity};
use crate::field;
use std::collections::HashSet;

/// The way from the plugin down to a thing.
#[derive(Clone, Debug)]
pub(super) struct Place(String);

impl Place {
    pub(super) fn root(id: &str) -> Self {
        Self(if id.is_empty() {
            "(plugin without id)".to_owned()
        } else {
            id.to_owned()
        })
    }

    /// `what` is the kind of the thing: `state`.
    pub(super) fn then(&self, what: &str, id: &str) -> Self {
        let id = if id.is_empty() { "(without id)" } else { id };
        Self(format!("{} › {what} {id}", self.0))
    }

    /// A part that has no id, by its number in the list, counted from 1.
    pub(super) fn nth(&self, what: &str, index: usize) -> Self {
        Self(format!("{} › {what} {}", self.0, index + 1))
    }
}

#[derive(Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
}

impl Report {
    pub(super) fn into_findings(self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::with_capacity(self.findings.len());
        for finding in self.findings {
            // What two services share is looked at once for each of them.
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
        findings.sort_by_key(|finding| finding.severity);
        findings
    }

    pub(super) fn error(
        &mut self,
        place: &Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Severity::Error, place, message.into(), help.into());
    }

    pub(super) fn warning(
        &mut self,
        place: &Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Severity::Warning, place, message.into(), help.into());
    }

    fn push(&mut self, severity: Severity, place: &Place, message: String, help: String) {
        if self.findings.len() >= FINDINGS {
            // A warning makes room for an error, which is what keeps a definition back.
            let warning = |finding: &Finding| finding.severity == Severity::Warning;
            let Some(dropped) = self.findings.iter().position(warning) else {
                return;
            };
            if severity == Severity::Warning {
                return;
            }
            self.findings.remove(dropped);
        }
        self.findings.push(Finding {
            severity,
            place: cut(&place.0),
            message: cut(&message),
            help: cut(&help),
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// A name that refers to nothing. `what` is the kind of thing that was looked for: `form`.
    pub(super) fn unknown<'k>(
        &mut self,
        place: &Place,
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) {
        let known: Vec<&str> = known.into_iter().collect();
        self.error(
            place,
            format!("{what} `{name}` does not exist"),
            suggestion(what, name, &known),
        );
    }

    /// Ids of one list: well-formed, and each once. `what` is the kind of the thing: `state`.
    pub(super) fn ids<'i>(
        &mut self,
        place: &Place,
        what: &str,
        ids: impl IntoIterator<Item = &'i str>,
    ) {
        let mut seen = HashSet::new();
        for id in ids {
            if !is_id(id) {
                self.error(
                    &place.then(what, id),
                    format!("`{id}` is no id of a {what}"),
                    format!("write 1 to {ID_LENGTH} of a-z, 0-9 and `-`, such as `main-lock`"),
                );
            }
            if !seen.insert(id) {
                self.error(
                    &place.then(what, id),
                    format!("there are two {what}s `{id}`"),
                    "give one of them another id",
                );
            }
        }
    }

    /// A text that people see and that is never empty. `what` says which: `applicant label`.
    pub(super) fn label(&mut self, place: &Place, what: &str, text: &str) {
        if text.trim().is_empty() {
            self.error(
                place,
                format!("the {what} is missing"),
                format!("write a {what}: a person reads it here"),
            );
        }
        self.bounded(place, what, text, LABEL_LENGTH);
    }

    /// A short text that may be empty.
    pub(super) fn hint(&mut self, place: &Place, what: &str, text: &str) {
        self.bounded(place, what, text, TEXT_LENGTH);
    }

    /// Running text that is never empty.
    pub(super) fn text(&mut self, place: &Place, what: &str, text: &str) {
        if text.trim().is_empty() {
            self.error(
                place,
                format!("the {what} is missing"),
                format!("write a {what}: a person reads it here"),
            );
        }
        self.bounded(place, what, text, TEXT_LENGTH);
    }

    pub(super) fn bounded(&mut self, place: &Place, what: &str, text: &str, most: usize) {
        // Line breaks are kept where a text is running; elsewhere they are drawn as spaces.
        let unprintable = |c: char| field::text::is_forbidden(c) && !matches!(c, '\n' | '\t');
        if text.chars().any(unprintable) {
            self.error(
                place,
                format!("the {what} has characters that cannot be printed"),
                "remove control characters, and marks that turn the direction of writing",
            );
        }
        let length = text.chars().count();
        if length > most {
            self.error(
                place,
                format!("the {what} has {length} characters"),
                format!("at most {most} are allowed; shorten it"),
            );
        }
    }
}

/// 1 to 48 of `a-z`, `0-9` and `-`.
pub(super) fn is_id(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=ID_LENGTH).contains(&text.len()) && text.bytes().all(allowed)
}

/// A report quotes what it is about, and stays one.
fn cut(text: &str) -> String {
    match text.char_indices().nth(SENTENCE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// What to write instead of a name that is unknown: the one that looks most like it, or what there is.
pub(super) fn suggestion(what: &str, name: &str, known: &[&str]) -> String {
    /// More names than this are no help on a terminal.
    const LISTED: usize = 12;
    // What is no name at all is like none, and comparing it would take as long as it is.
    let is_short = |text: &&str| text.len() <= 2 * ID_LENGTH;
    let nearest = known
        .iter()
        .copied()
        .filter(|known| is_short(known) && is_short(&name))
        .map(|known| (distance(name, known), known))
        .min();
    match nearest {
        None if known.is_empty() => format!("there is no {what} yet; add `{name}`"),
        // A third of the letters may be wrong, as in compilers' suggestions.
        Some((far, near)) if far <= name.chars().count().max(3) / 3 => {
            format!("did you mean `{near}`?")
        }
        _ => {
            let mut listed = known
                .iter()
                .take(LISTED)
                .map(|k| format!("`{k}`"))
                .collect::<Vec<_>>()
                .join(", ");
            if known.len() > LISTED {
                listed.push_str(", …");
            }
            format!("the {what}s are {listed}")
        }
    }
}

/// Levenshtein's edit distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((to, diagonal), above) in b.iter().zip(&row).zip(row.iter().skip(1)) {
            let left = next.last().copied().unwrap_or(usize::MAX - 1);
            next.push(
                (diagonal + usize::from(from != *to))
                    .min(above + 1)
                    .min(left + 1),
            );
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
