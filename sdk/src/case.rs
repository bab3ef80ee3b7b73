//! Reading a case and what a new one begins with.

use crate::identity::Standing;
use crate::{Basket, Case, Checkpoint, MaterialView, NamedValue, Sources, payments};
use core::sync::atomic::{AtomicUsize, Ordering};

/// The place behind the answer that was found last. Rules mostly ask in the form's order, which is also that of the
/// answers: a search that begins here then ends here. It holds for any list, since it is only where to look first.
static NEXT: AtomicUsize = AtomicUsize::new(0);

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

/// The value of this name, of which a list has one at most, or the empty text.
pub(crate) fn find<'a>(values: &'a [NamedValue], name: &str) -> &'a str {
    let is_it = |entry: &&NamedValue| is_same(&entry.name, name);
    let next = NEXT.load(Ordering::Relaxed);
    let at_next = values.get(next).filter(is_it).map(|entry| (next, entry));
    let found = at_next.or_else(|| values.iter().enumerate().find(|(_, entry)| is_it(entry)));
    let Some((place, entry)) = found else {
        return "";
    };
    NEXT.store(place + 1, Ordering::Relaxed);
    &entry.value
}

/// Whether two names are the same, looked at from their ends, since many of a form begin alike. In a component a
/// comparison of texts is a call that goes byte by byte.
fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().rev().eq(other.bytes().rev())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_in_any_order_and_in_any_list() {
        let long = values([("line-1", "一"), ("line-2", "二"), ("line-3", "三")]);
        let short = values([("line-3", "三三")]);
        let forwards = ["line-1", "line-2", "line-3"].map(|name| find(&long, name));
        assert_eq!(forwards, ["一", "二", "三"]);
        let backwards = ["line-3", "line-2", "line-1"].map(|name| find(&long, name));
        assert_eq!(backwards, ["三", "二", "一"]);
        for _ in 0..2 {
            assert_eq!(find(&long, "line-3"), "三");
            assert_eq!(find(&short, "line-3"), "三三");
            assert_eq!(find(&short, "line-1"), "");
            assert_eq!(find(&long, "line-"), "");
            assert_eq!(find(&long, "mine-1"), "");
        }
    }
}
