//! Between the contract's records, as the bindings have them, and the host's own words.
//!
//! A definition crosses by its serialised form: both sides have the same names, and it happens once an activation. What
//! crosses at every call is moved by hand, in the direction in which it goes.

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

fn named(value: &rules::NamedValue) -> wit::NamedValue {
    wit::NamedValue {
        name: value.name.clone(),
        value: value.value.clone(),
    }
}

fn material(view: &rules::MaterialView) -> wit::MaterialView {
    wit::MaterialView {
        material: view.material.clone(),
        files: view.files,
        standing: match view.standing {
            rules::ItemStanding::Missing => wit::ItemStanding::Missing,
            rules::ItemStanding::Uploaded => wit::ItemStanding::Uploaded,
            rules::ItemStanding::Passed => wit::ItemStanding::Passed,
            rules::ItemStanding::Refused => wit::ItemStanding::Refused,
        },
        reason: view.reason.clone(),
    }
}

fn check(view: &rules::CheckView) -> wit::CheckView {
    wit::CheckView {
        check: view.check.clone(),
        standing: identity_standing(view.standing),
    }
}

pub(crate) fn case(view: &rules::CaseView) -> wit::CaseView {
    wit::CaseView {
        id: view.id.clone(),
        number: view.number.clone(),
        service: view.service.clone(),
        state: view.state.clone(),
        created: view.created,
        values: view.values.iter().map(named).collect(),
        materials: view.materials.iter().map(material).collect(),
        checks: view.checks.iter().map(check).collect(),
        payment: payment_standing(view.payment),
    }
}

pub(crate) fn moment(at: &rules::Moment) -> wit::Moment {
    wit::Moment {
        now: at.now,
        today: at.today.clone(),
    }
}

pub(crate) fn checkpoint(checkpoint: &rules::Checkpoint) -> wit::Checkpoint {
    match checkpoint {
        rules::Checkpoint::Step(id) => wit::Checkpoint::Step(id.clone()),
        rules::Checkpoint::Guard(id) => wit::Checkpoint::Guard(id.clone()),
    }
}

fn fact(fact: &rules::Fact) -> wit::Fact {
    match fact {
        rules::Fact::None => wit::Fact::None,
        rules::Fact::Payment(paid) => wit::Fact::Payment(wit::PaymentFact {
            amount: paid.amount,
            method: method(paid.method),
            transaction: paid.transaction.clone(),
        }),
        rules::Fact::Certificate(issued) => wit::Fact::Certificate(wit::CertificateFact {
            serial: issued.serial.clone(),
            not_before: issued.not_before,
            not_after: issued.not_after,
        }),
        rules::Fact::Failure(reason) => wit::Fact::Failure(reason.clone()),
    }
}

pub(crate) fn event(event: &rules::Event) -> wit::Event {
    let judgement = |judged: &rules::ItemJudgement| wit::ItemJudgement {
        item: judged.item.clone(),
        passed: judged.passed,
        reason: judged.reason.clone(),
    };
    wit::Event {
        transition: event.transition.clone(),
        at: moment(&event.at),
        actor: event.actor.clone(),
        input: event.input.iter().map(named).collect(),
        judgements: event.judgements.iter().map(judgement).collect(),
        fact: fact(&event.fact),
    }
}

pub(crate) fn basket(basket: &rules::Basket) -> wit::Basket {
    wit::Basket {
        cases: basket.cases.iter().map(case).collect(),
        at: moment(&basket.at),
    }
}

pub(crate) fn sources(sources: &rules::Sources) -> wit::Sources {
    wit::Sources {
        service: sources.service.clone(),
        profile: sources.profile.iter().map(named).collect(),
        earlier: sources.earlier.as_ref().map(case),
        certificate: sources.certificate.iter().map(named).collect(),
        at: moment(&sources.at),
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
