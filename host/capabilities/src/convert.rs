//! Between the contract's records, as the bindings have them, and the host's own words.
//!
//! A definition crosses by its serialised form: both sides have the same names, and it happens once an activation. What
//! crosses at every call is moved by hand, in the direction in which it goes; what a rule is given is `given.rs`.

use crate::bindings::exports::yinxin::site::rules as wit;
use crate::bindings::yinxin::identity::identity::Standing as IdentityStanding;
use crate::bindings::yinxin::payments::payments as pay;
use crate::bindings::yinxin::site::definition::Definition as WitDefinition;
use yinxin_core::definition::Definition;
use yinxin_core::{identity, money, rules};

/// The definition in the host's own words.
pub(crate) fn definition(found: &WitDefinition) -> Result<Definition, serde_json::Error> {
    serde_json::from_value(serde_json::to_value(found)?)
}

// ---- from the host to the guest

pub(crate) fn identity_standing(standing: identity::Standing) -> IdentityStanding {
    match standing {
        identity::Standing::None => IdentityStanding::None,
        identity::Standing::Waiting => IdentityStanding::Waiting,
        identity::Standing::Passed => IdentityStanding::Passed,
        identity::Standing::Failed => IdentityStanding::Failed,
    }
}

pub(crate) fn payment_standing(standing: money::Standing) -> pay::Standing {
    match standing {
        money::Standing::None => pay::Standing::None,
        money::Standing::Due => pay::Standing::Due,
        money::Standing::Paid => pay::Standing::Paid,
        money::Standing::Refunding => pay::Standing::Refunding,
        money::Standing::Refunded => pay::Standing::Refunded,
        money::Standing::Closed => pay::Standing::Closed,
    }
}

pub(crate) fn method(method: money::Method) -> pay::Method {
    match method {
        money::Method::Wechat => pay::Method::Wechat,
        money::Method::Alipay => pay::Method::Alipay,
        money::Method::Cpcn => pay::Method::Cpcn,
        money::Method::BankTransfer => pay::Method::BankTransfer,
    }
}

// ---- from the guest to the host

pub(crate) fn core_method(method: pay::Method) -> money::Method {
    match method {
        pay::Method::Wechat => money::Method::Wechat,
        pay::Method::Alipay => money::Method::Alipay,
        pay::Method::Cpcn => money::Method::Cpcn,
        pay::Method::BankTransfer => money::Method::BankTransfer,
    }
}

pub(crate) fn core_fee_line(line: pay::FeeLine) -> money::FeeLine {
    money::FeeLine {
        code: line.code,
        label: line.label,
        quantity: line.quantity,
        amount: line.amount,
        case_id: line.case_id,
    }
}

fn core_named(value: wit::NamedValue) -> rules::NamedValue {
    rules::NamedValue {
        name: value.name,
        value: value.value,
    }
}

pub(crate) fn core_values(values: Vec<wit::NamedValue>) -> Vec<rules::NamedValue> {
    values.into_iter().map(core_named).collect()
}

pub(crate) fn core_problems(problems: Vec<wit::Problem>) -> Vec<rules::Problem> {
    let offer = |offer: wit::Offer| rules::Offer {
        label: offer.label,
        field: offer.field,
        value: offer.value,
    };
    let problem = |problem: wit::Problem| rules::Problem {
        item: problem.item,
        message: problem.message,
        offer: problem.offer.map(offer),
    };
    problems.into_iter().map(problem).collect()
}

pub(crate) fn core_decision(decision: wit::Decision) -> rules::Decision {
    rules::Decision {
        to: decision.to,
        values: core_values(decision.values),
        note: decision.note,
    }
}

pub(crate) fn core_quotation(quotation: wit::Quotation) -> rules::Quotation {
    rules::Quotation {
        lines: quotation.lines.into_iter().map(core_fee_line).collect(),
        shipping: quotation.shipping,
        handling: quotation.handling,
        methods: quotation.methods.into_iter().map(core_method).collect(),
    }
}

#[cfg(test)]
mod tests;
