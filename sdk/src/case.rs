//! Reading a case and what a new one begins with.

use crate::identity::Standing;
use crate::{Basket, Case, Checkpoint, MaterialView, NamedValue, Sources, payments};

/// Answers by name; empty ones are left out, so that a blank never covers what the applicant would see otherwise.
pub fn values<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<NamedValue> {
    entries
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| NamedValue {
            name: name.into(),
            value: value.into(),
        })
        .collect()
}

pub(crate) fn find<'a>(values: &'a [NamedValue], name: &str) -> &'a str {
    values
        .iter()
        .find(|entry| entry.name == name)
        .map_or("", |entry| &entry.value)
}

impl Case {
    /// The answer in its canonical text, or the empty text where there is none.
    pub fn text(&self, field: &str) -> &str {
        find(&self.values, field)
    }

    pub fn is(&self, field: &str, value: &str) -> bool {
        self.text(field) == value
    }

    /// True when the box is ticked.
    pub fn flag(&self, field: &str) -> bool {
        self.is(field, "yes")
    }

    /// The answer as an integer: a number, or fen of an amount.
    pub fn integer(&self, field: &str) -> Option<i64> {
        self.text(field).parse().ok()
    }

    pub fn is_paid(&self) -> bool {
        self.payment == payments::Standing::Paid
    }

    pub fn material(&self, id: &str) -> Option<&MaterialView> {
        self.materials.iter().find(|view| view.material == id)
    }

    /// Where the identity check of this id stands.
    pub fn standing_of(&self, check: &str) -> Standing {
        self.checks
            .iter()
            .find(|view| view.check == check)
            .map_or(Standing::None, |view| view.standing)
    }
}

impl Basket {
    /// The only case, where a service orders its cases one by one.
    pub fn only(&self) -> Option<&Case> {
        match self.cases.as_slice() {
            [case] => Some(case),
            _ => None,
        }
    }
}

impl Sources {
    /// A field of the account's profile.
    pub fn profile(&self, field: &str) -> &str {
        find(&self.profile, field)
    }

    /// A field read from a certificate: `subject.CN`, `serial`, `not-after`.
    pub fn certificate(&self, field: &str) -> &str {
        find(&self.certificate, field)
    }
}

impl Checkpoint {
    /// True when the applicant saves the step `id`.
    pub fn is_step(&self, id: &str) -> bool {
        matches!(self, Checkpoint::Step(step) if step == id)
    }

    /// True when a transition asks for the guard `id`.
    pub fn is_guard(&self, id: &str) -> bool {
        matches!(self, Checkpoint::Guard(guard) if guard == id)
    }
}
