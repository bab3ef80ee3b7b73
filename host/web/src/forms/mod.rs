//! Forms of a definition as a person sees them, and forms as a browser sends them.

mod answered;
mod control;
mod posted;
pub mod regions;
mod stencil;
mod upload;
mod writer;

pub use answered::Answered;
pub use control::{Control, FieldView};
pub use posted::Posted;
pub use upload::{Picked, Upload};
pub use writer::{FormWriter, Stencils};

use minijinja::{Error, Value};
use serde::Serialize;
use yinxin_core::definition::Form;
use yinxin_core::form::Values;
use yinxin_core::rules::{Offer, Problem};
use yinxin_core::shared::Shared;

/// Name of the submit buttons that stand for an offer: `field=value`.
pub const OFFER: &str = "_offer";

/// A form ready for the template `forms/form.html`.
#[derive(Clone, Debug, Serialize)]
pub struct FormView {
    /// Of its sections with their fields.
    pub markup: Value,
    /// For the summary on top, in the order of the fields; those about no field first.
    pub problems: Vec<ProblemView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProblemView {
    /// Path of the page with the element, or empty for this page.
    pub page: String,
    /// Id of the element to lead to, or empty.
    pub target: String,
    pub message: String,
    pub offer: Option<OfferView>,
}

/// A way out: a button that answers a field and sends the form again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OfferView {
    pub label: String,
    /// `field=value`, what the button sends.
    pub value: String,
}

impl From<&Offer> for OfferView {
    fn from(offer: &Offer) -> Self {
        Self {
            label: offer.label.clone(),
            value: format!("{}={}", offer.field, offer.value),
        }
    }
}

/// What a form is shown with.
#[derive(Clone, Copy, Default)]
pub struct Showing<'a> {
    pub problems: &'a [Problem],
    /// Fields that the person sees and does not change.
    pub read_only: &'a [String],
    /// What a clerk refused: section and reason.
    pub refused: &'a [(String, String)],
    /// The host's own inputs that stand on the page beside the form.
    pub own: &'a [&'a str],
}

impl FormView {
    pub fn new(
        form: &Shared<Form>,
        values: &Values,
        showing: Showing<'_>,
        writer: &FormWriter<'_>,
    ) -> Result<Self, Error> {
        let markup = writer.form(form, values, showing)?;
        Ok(Self {
            markup: Value::from_safe_string(markup),
            problems: problem_views(form, showing),
        })
    }
}

/// Problems for the summary: what is about no field of the form comes first, the rest as the form goes.
fn problem_views(form: &Form, showing: Showing<'_>) -> Vec<ProblemView> {
    let fields = form.sections.iter().flat_map(|section| &section.fields);
    let names: Vec<&str> = fields
        .map(|field| field.name.as_str())
        .chain(showing.own.iter().copied())
        .collect();
    let place = |problem: &&Problem| {
        let item = problem.item.as_deref()?;
        names.iter().position(|name| *name == item)
    };
    let mut ordered: Vec<&Problem> = showing.problems.iter().collect();
    ordered.sort_by_key(place);
    ordered
        .into_iter()
        .map(|problem| ProblemView::new(problem, place(&problem).is_some()))
        .collect()
}

impl ProblemView {
    /// `led`: the page has an element with the item's id.
    pub fn new(problem: &Problem, led: bool) -> Self {
        let item = problem.item.as_deref().filter(|_| led);
        Self {
            page: String::new(),
            target: item.map(element_id).unwrap_or_default(),
            message: problem.message.clone(),
            offer: problem.offer.as_ref().map(OfferView::from),
        }
    }

    /// Views of problems about the host's own inputs, all of which stand on the page.
    pub fn all(problems: &[Problem]) -> Vec<Self> {
        problems
            .iter()
            .map(|problem| Self::new(problem, problem.item.is_some()))
            .collect()
    }
}

/// Id of a field's element; names of fields are ids already, the prefix keeps them from the page's own.
pub fn element_id(name: &str) -> String {
    format!("f-{name}")
}

#[cfg(test)]
mod tests;
