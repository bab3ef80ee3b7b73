//! What a plugin answered, held against its own definition before anybody acts on it.

use crate::desk::is_unprintable;
use crate::payments;
use thiserror::Error;
use yinxin_core::definition::{Definition, Transition};
use yinxin_core::money::Fen;
use yinxin_core::rules::{Basket, CaseView, Decision, NamedValue, Problem, Quotation};

/// Bytes of one value that a rule sets. A certificate request in PEM has 2 KiB.
const VALUE: usize = 8 << 10;
/// Values that a rule sets at once; the longest form has sixty fields.
const VALUES: usize = 256;
/// Characters of a sentence to a person.
const SENTENCE: usize = 500;
/// Problems of one check.
const PROBLEMS: usize = 256;
/// Bytes of the name of what a problem is about: a field, a section, a material.
const ITEM: usize = 64;

/// How an answer contradicts the definition or the contract.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    #[error("the service `{service}` has no transition `{transition}`")]
    NoTransition { service: String, transition: String },
    #[error("it leads to `{to}`, where `{transition}` does not lead")]
    UnknownState { transition: String, to: String },
    #[error("it sets `{0}`, which no form has")]
    UnknownField(String),
    #[error("it sets `{field}` to more than {limit} bytes or to characters that cannot be printed")]
    BadValue { field: String, limit: usize },
    #[error("it has more than {limit} {what}")]
    TooMany { what: &'static str, limit: usize },
    #[error(
        "a sentence in it is empty, has more than {limit} characters, or characters that cannot be printed"
    )]
    BadSentence { limit: usize },
    #[error("its price cannot be asked for: {0}")]
    BadPrice(String),
    #[error("its definition cannot be read: {0}")]
    BadDefinition(String),
}

/// The transition of the case's service.
pub(crate) fn transition<'a>(
    definition: &'a Definition,
    case: &CaseView,
    id: &str,
) -> Result<&'a Transition, Fault> {
    let service = definition
        .services
        .iter()
        .find(|service| service.id == case.service);
    let lifecycle = service.and_then(|service| {
        definition
            .lifecycles
            .iter()
            .find(|l| l.id == service.lifecycle)
    });
    let transition =
        lifecycle.and_then(|lifecycle| lifecycle.transitions.iter().find(|t| t.id == id));
    transition.ok_or_else(|| Fault::NoTransition {
        service: case.service.clone(),
        transition: id.to_owned(),
    })
}

pub(crate) fn decision(
    definition: &Definition,
    transition: &Transition,
    decision: &Decision,
) -> Result<(), Fault> {
    if !transition.to.contains(&decision.to) {
        return Err(Fault::UnknownState {
            transition: transition.id.clone(),
            to: decision.to.chars().take(ITEM).collect(),
        });
    }
    values(definition, &decision.values)?;
    if decision.note.is_empty() {
        Ok(())
    } else {
        sentence(&decision.note)
    }
}

pub(crate) fn values(definition: &Definition, values: &[NamedValue]) -> Result<(), Fault> {
    if values.len() > VALUES {
        return Err(Fault::TooMany {
            what: "values",
            limit: VALUES,
        });
    }
    for NamedValue { name, value } in values {
        if !definition
            .forms
            .iter()
            .any(|form| form.field(name).is_some())
        {
            return Err(Fault::UnknownField(name.chars().take(ITEM).collect()));
        }
        bounded(name, value, VALUE)?;
    }
    Ok(())
}

/// `field` is named in the fault, which is for the log: as much of it as a name has.
fn bounded(field: &str, text: &str, limit: usize) -> Result<(), Fault> {
    if text.len() > limit || is_unprintable(text) {
        return Err(Fault::BadValue {
            field: field.chars().take(ITEM).collect(),
            limit,
        });
    }
    Ok(())
}

pub(crate) fn problems(problems: &[Problem]) -> Result<(), Fault> {
    if problems.len() > PROBLEMS {
        return Err(Fault::TooMany {
            what: "problems",
            limit: PROBLEMS,
        });
    }
    for problem in problems {
        sentence(&problem.message)?;
        if let Some(item) = &problem.item {
            bounded(item, item, ITEM)?;
        }
        if let Some(offer) = &problem.offer {
            sentence(&offer.label)?;
            bounded(&offer.field, &offer.field, ITEM)?;
            bounded(&offer.field, &offer.value, VALUE)?;
        }
    }
    Ok(())
}

pub(crate) fn quotation(basket: &Basket, quotation: &Quotation) -> Result<(), Fault> {
    let lines = match quotation.lines.is_empty() {
        true => Fen(0), // a basket of services that cost nothing
        false => {
            payments::total(&quotation.lines, payments::BASKET_LINES).map_err(Fault::BadPrice)?
        }
    };
    let in_basket =
        |id: &str| id.is_empty() || basket.cases.iter().any(|case| case.id.as_str() == id);
    if let Some(line) = quotation
        .lines
        .iter()
        .find(|line| !in_basket(&line.case_id))
    {
        // Its length was looked at with the sum.
        return Err(Fault::BadPrice(format!(
            "line `{}` is for a case that is not in the basket",
            line.code
        )));
    }
    let extras = [quotation.shipping, quotation.handling];
    if extras.iter().any(|amount| *amount < 0) {
        return Err(Fault::BadPrice(
            "shipping or handling is negative".to_owned(),
        ));
    }
    let total = extras
        .iter()
        .try_fold(lines, |sum, amount| sum.checked_add(Fen(*amount)));
    let total = total.ok_or_else(|| Fault::BadPrice("the sum is above the limit".to_owned()))?;
    if total > Fen(0) && quotation.methods.is_empty() {
        return Err(Fault::BadPrice("there is no way to pay it".to_owned()));
    }
    Ok(())
}

fn sentence(text: &str) -> Result<(), Fault> {
    if text.trim().is_empty() || text.chars().count() > SENTENCE || is_unprintable(text) {
        return Err(Fault::BadSentence { limit: SENTENCE });
    }
    Ok(())
}
