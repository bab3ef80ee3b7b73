//! What one visit adds to a field of a definition: the answer, and what is wrong with it.

use super::{OfferView, Showing};
use std::borrow::Cow;
use yinxin_core::definition::{Field, FieldKind};
use yinxin_core::form::Values;
use yinxin_core::money::Fen;

#[derive(Clone, Debug)]
pub struct Answered<'a> {
    /// What the control holds: the value as a person types it.
    pub value: Cow<'a, str>,
    /// What is wrong with it, or empty.
    pub error: &'a str,
    pub offer: Option<OfferView>,
    pub read_only: bool,
    /// The condition under which the field is asked does not hold.
    pub unmet: bool,
}

impl<'a> Answered<'a> {
    pub fn new(field: &Field, values: &'a Values, showing: Showing<'a>) -> Self {
        let mut problems = showing.problems.iter();
        let problem = problems.find(|problem| problem.item.as_deref() == Some(&field.name));
        Self {
            value: shown_value(field, values.get(&field.name)),
            error: problem.map_or("", |problem| &problem.message),
            offer: problem
                .and_then(|problem| problem.offer.as_ref())
                .map(OfferView::from),
            read_only: showing.read_only.iter().any(|name| *name == field.name),
            unmet: !values.shows(field.shown_when.as_deref()),
        }
    }
}

fn shown_value<'a>(field: &Field, value: &'a str) -> Cow<'a, str> {
    match field.kind {
        FieldKind::Money => value
            .parse()
            .map_or(Cow::Borrowed(value), |fen| Fen(fen).to_string().into()),
        FieldKind::SecretAnswer => Cow::Borrowed(""),
        _ => Cow::Borrowed(value),
    }
}
