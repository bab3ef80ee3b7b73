//! What goes into a rule: the contract's records over texts that stay where they are. Wasmtime copies them into the
//! guest's memory, once; the owned records that `bindgen!` makes would have each of a form's sixty answers copied and freed
//! on its way there, at every call.
//!
//! That these records are the contract's is looked at when an export is fetched, at every call, by wasmtime.

use crate::bindings::exports::yinxin::site::rules as wit;
use crate::bindings::yinxin::identity::identity::Standing as IdentityStanding;
use crate::bindings::yinxin::payments::payments as pay;
use crate::convert::{identity_standing, method, payment_standing};
use wasmtime::component::{ComponentType, Lower};
use yinxin_core::rules;

#[derive(ComponentType, Lower)]
#[cfg_attr(test, derive(serde::Serialize))]
#[component(record)]
pub(crate) struct NamedValue<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(ComponentType, Lower)]
#[cfg_attr(test, derive(serde::Serialize))]
#[component(record)]
pub(crate) struct MaterialView<'a> {
    material: &'a str,
    files: u32,
    standing: wit::ItemStanding,
    reason: &'a str,
}

#[derive(ComponentType, Lower)]
#[cfg_attr(test, derive(serde::Serialize))]
#[component(record)]
pub(crate) struct CheckView<'a> {
    check: &'a str,
    standing: IdentityStanding,
}

#[derive(ComponentType, Lower)]
#[cfg_attr(test, derive(serde::Serialize))]
#[component(record)]
pub(crate) struct CaseView<'a> {
    id: &'a str,
    number: &'a str,
    service: &'a str,
    state: &'a str,
    created: u64,
    values: Vec<NamedValue<'a>>,
    materials: Vec<MaterialView<'a>>,
    checks: Vec<CheckView<'a>>,
    payment: pay::Standing,
}

#[derive(ComponentType, Lower)]
#[cfg_attr(test, derive(serde::Serialize))]
#[component(record)]
pub(crate) struct Moment<'a> {
    now: u64,
    today: &'a str,
}

#[derive(ComponentType, Lower)]
#[cfg_attr(test, derive(serde::Serialize))]
#[component(variant)]
pub(crate) enum Checkpoint<'a> {
    #[component(name = "step")]
    Step(&'a str),
    #[component(name = "guard")]
    Guard(&'a str),
}

#[derive(ComponentType, Lower)]
#[cfg_attr(test, derive(serde::Serialize))]
#[component(record)]
pub(crate) struct ItemJudgement<'a> {
    item: &'a str,
    passed: bool,
    reason: &'a str,
}

#[derive(ComponentType, Lower)]
#[cfg_attr(test, derive(serde::Serialize))]
#[component(record)]
pub(crate) struct PaymentFact<'a> {
    amount: i64,
    method: pay::Method,
    transaction: &'a str,
}

#[derive(ComponentType, Lower)]
#[cfg_attr(test, derive(serde::Serialize))]
#[component(record)]
pub(crate) struct CertificateFact<'a> {
    serial: &'a str,
    #[component(name = "not-before")]
    not_before: u64,
    #[component(name = "not-after")]
    not_after: u64,
}

#[derive(ComponentType, Lower)]
#[cfg_attr(test, derive(serde::Serialize))]
#[component(variant)]
pub(crate) enum Fact<'a> {
    #[component(name = "none")]
    None,
    #[component(name = "payment")]
    Payment(PaymentFact<'a>),
    #[component(name = "certificate")]
    Certificate(CertificateFact<'a>),
    #[component(name = "failure")]
    Failure(&'a str),
}

#[derive(ComponentType, Lower)]
#[cfg_attr(test, derive(serde::Serialize))]
#[component(record)]
pub(crate) struct Event<'a> {
    transition: &'a str,
    at: Moment<'a>,
    actor: &'a str,
    input: Vec<NamedValue<'a>>,
    judgements: Vec<ItemJudgement<'a>>,
    fact: Fact<'a>,
}

#[derive(ComponentType, Lower)]
#[cfg_attr(test, derive(serde::Serialize))]
#[component(record)]
pub(crate) struct Basket<'a> {
    cases: Vec<CaseView<'a>>,
    at: Moment<'a>,
}

#[derive(ComponentType, Lower)]
#[cfg_attr(test, derive(serde::Serialize))]
#[component(record)]
pub(crate) struct Sources<'a> {
    service: &'a str,
    profile: Vec<NamedValue<'a>>,
    earlier: Option<CaseView<'a>>,
    certificate: Vec<NamedValue<'a>>,
    at: Moment<'a>,
}

fn named(value: &rules::NamedValue) -> NamedValue<'_> {
    NamedValue {
        name: &value.name,
        value: &value.value,
    }
}

fn all_named(values: &[rules::NamedValue]) -> Vec<NamedValue<'_>> {
    values.iter().map(named).collect()
}

fn material(view: &rules::MaterialView) -> MaterialView<'_> {
    MaterialView {
        material: &view.material,
        files: view.files,
        standing: match view.standing {
            rules::ItemStanding::Missing => wit::ItemStanding::Missing,
            rules::ItemStanding::Uploaded => wit::ItemStanding::Uploaded,
            rules::ItemStanding::Passed => wit::ItemStanding::Passed,
            rules::ItemStanding::Refused => wit::ItemStanding::Refused,
        },
        reason: &view.reason,
    }
}

fn check(view: &rules::CheckView) -> CheckView<'_> {
    CheckView {
        check: &view.check,
        standing: identity_standing(view.standing),
    }
}

pub(crate) fn case(view: &rules::CaseView) -> CaseView<'_> {
    CaseView {
        id: &view.id,
        number: &view.number,
        service: &view.service,
        state: &view.state,
        created: view.created,
        values: all_named(&view.values),
        materials: view.materials.iter().map(material).collect(),
        checks: view.checks.iter().map(check).collect(),
        payment: payment_standing(view.payment),
    }
}

pub(crate) fn moment(at: &rules::Moment) -> Moment<'_> {
    Moment {
        now: at.now,
        today: &at.today,
    }
}

pub(crate) fn checkpoint(checkpoint: &rules::Checkpoint) -> Checkpoint<'_> {
    match checkpoint {
        rules::Checkpoint::Step(id) => Checkpoint::Step(id),
        rules::Checkpoint::Guard(id) => Checkpoint::Guard(id),
    }
}

fn fact(fact: &rules::Fact) -> Fact<'_> {
    match fact {
        rules::Fact::None => Fact::None,
        rules::Fact::Payment(paid) => Fact::Payment(PaymentFact {
            amount: paid.amount,
            method: method(paid.method),
            transaction: &paid.transaction,
        }),
        rules::Fact::Certificate(issued) => Fact::Certificate(CertificateFact {
            serial: &issued.serial,
            not_before: issued.not_before,
            not_after: issued.not_after,
        }),
        rules::Fact::Failure(reason) => Fact::Failure(reason),
    }
}

fn judgement(judged: &rules::ItemJudgement) -> ItemJudgement<'_> {
    ItemJudgement {
        item: &judged.item,
        passed: judged.passed,
        reason: &judged.reason,
    }
}

pub(crate) fn event(event: &rules::Event) -> Event<'_> {
    Event {
        transition: &event.transition,
        at: moment(&event.at),
        actor: &event.actor,
        input: all_named(&event.input),
        judgements: event.judgements.iter().map(judgement).collect(),
        fact: fact(&event.fact),
    }
}

pub(crate) fn basket(basket: &rules::Basket) -> Basket<'_> {
    Basket {
        cases: basket.cases.iter().map(case).collect(),
        at: moment(&basket.at),
    }
}

pub(crate) fn sources(sources: &rules::Sources) -> Sources<'_> {
    Sources {
        service: &sources.service,
        profile: all_named(&sources.profile),
        earlier: sources.earlier.as_ref().map(case),
        certificate: all_named(&sources.certificate),
        at: moment(&sources.at),
    }
}
