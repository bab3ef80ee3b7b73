//! What guests return, without a guest: for `tests/fuzz`, which tries the conversions and the checks of answers with what
//! no guest of ours says. Everything comes as the JSON of the contract's records.

use crate::answers::{self, Fault};
use crate::bindings::exports::yinxin::site::rules as wit;
use crate::bindings::yinxin::site::definition::Definition as WitDefinition;
use crate::convert;
use serde::de::DeserializeOwned;
use yinxin_core::definition::{Definition, Transition};
use yinxin_core::rules::{Basket, Decision, NamedValue, Problem, Quotation};

fn read<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    serde_json::from_slice(json).ok()
}

/// The definition in the host's words; none where the JSON is not that of the contract's record.
pub fn definition(json: &[u8]) -> Option<Result<Definition, serde_json::Error>> {
    let found: WitDefinition = read(json)?;
    Some(convert::definition(&found))
}

/// A decision, held against the definition.
pub fn decision(
    definition: &Definition,
    transition: &Transition,
    json: &[u8],
) -> Option<Result<Decision, Fault>> {
    let decision = convert::core_decision(read::<wit::Decision>(json)?);
    let checked = answers::decision(definition, transition, &decision);
    Some(checked.map(|()| decision))
}

/// Values that a rule sets, held against the definition.
pub fn values(definition: &Definition, json: &[u8]) -> Option<Result<Vec<NamedValue>, Fault>> {
    let values = convert::core_values(read::<Vec<wit::NamedValue>>(json)?);
    let checked = answers::values(definition, &values);
    Some(checked.map(|()| values))
}

/// Problems of a case.
pub fn problems(json: &[u8]) -> Option<Result<Vec<Problem>, Fault>> {
    let problems = convert::core_problems(read::<Vec<wit::Problem>>(json)?);
    let checked = answers::problems(&problems);
    Some(checked.map(|()| problems))
}

/// A price, held against the basket.
pub fn quotation(basket: &Basket, json: &[u8]) -> Option<Result<Quotation, Fault>> {
    let quotation = convert::core_quotation(read::<wit::Quotation>(json)?);
    let checked = answers::quotation(basket, &quotation);
    Some(checked.map(|()| quotation))
}
