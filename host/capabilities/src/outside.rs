//! What guests return, and what they ask of the host, without a guest: for `tests/fuzz`, which tries the conversions, the
//! checks of answers and the imported functions with what no guest of ours says. Everything comes as the JSON of the
//! contract's records.

use crate::answers::{self, Fault};
use crate::bindings::exports::yinxin::site::rules as wit;
use crate::bindings::yinxin::accounts::accounts;
use crate::bindings::yinxin::certificates::certificates;
use crate::bindings::yinxin::documents::documents;
use crate::bindings::yinxin::identity::identity;
use crate::bindings::yinxin::messaging::messaging;
use crate::bindings::yinxin::payments::payments;
use crate::bindings::yinxin::site::definition::Definition as WitDefinition;
use crate::bindings::yinxin::storage::storage;
use crate::bindings::yinxin::tokens::tokens;
use crate::context::CallContext;
use crate::convert;
use crate::desk::{Connections, Desk, Mode, No, Office};
use crate::effects::Effect;
use crate::grants::{Capability, Grants, Quotas};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::sync::Arc;
use yinxin_core::definition::{Definition, Transition};
use yinxin_core::ids::SiteId;
use yinxin_core::rules::{Basket, Decision, NamedValue, Problem, Quotation};
use yinxin_sandbox::{Exceeded, Limits, Room};

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

/// One call of an imported function, with its arguments: all that the contract has.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Call {
    Profile,
    Remember(Vec<accounts::Entry>),
    StorageGet(String),
    StoragePut(String, Vec<u8>),
    StoragePutIfAbsent(String, Vec<u8>),
    StorageDelete(String),
    /// Prefix, after, limit.
    StorageScan(String, Option<String>, u32),
    PaymentStatus,
    PaymentRequest(Vec<payments::FeeLine>, Vec<payments::Method>),
    PaymentCancel,
    PaymentRefund(i64, String),
    PaymentInvoice,
    MessageSend(String, Vec<messaging::Parameter>),
    IdentityStatus(String),
    IdentityVoid(String),
    CertificatesIssued,
    CertificateIssue(certificates::Request),
    CertificateRevoke(String, String),
    CertificateHold(String),
    CertificateRelease(String),
    DocumentLatest(String),
    DocumentVoid(String),
    TokenStatus,
    TokenRequest(tokens::Task),
    TokenCancel,
}

impl Call {
    /// None where the JSON is no call with arguments of the contract's types.
    pub fn read(json: &[u8]) -> Option<Self> {
        read(json)
    }
}

/// What became of the calls of one rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Asked {
    /// What each call was answered, as it prints itself.
    pub answers: Vec<String>,
    /// What the host would do, had the rule come back well.
    pub effects: Vec<Effect>,
    /// The limit by which the last call ended the rule.
    pub ended: Option<Exceeded>,
}

/// The calls of one rule that may write and is granted everything, one after the other.
pub async fn asked(
    site: SiteId,
    definition: Arc<Definition>,
    context: CallContext,
    limits: &Limits,
    calls: Vec<Call>,
) -> Asked {
    let grants = Grants::new(Capability::ALL, Quotas::default());
    let (mode, name) = (Mode::Transactional, definition.id.clone());
    let connections = Connections::default();
    let desk = Desk::new(
        site,
        name,
        mode,
        Arc::new(grants),
        definition,
        connections,
        context,
    );
    let mut office = Room::without_guest(limits, desk);
    let (mut answers, mut ended) = (Vec::new(), None);
    for call in calls {
        match one(&mut office, call).await {
            Ok(answer) => answers.push(answer),
            Err(limit) => {
                ended = Some(limit);
                break;
            }
        }
    }
    Asked {
        answers,
        effects: office.host.effects,
        ended,
    }
}

async fn one(office: &mut Office, call: Call) -> Result<String, Exceeded> {
    match call {
        Call::Profile => said(accounts::Host::profile(office)),
        Call::Remember(entries) => said(accounts::Host::remember(office, entries)),
        Call::StorageGet(key) => said(storage::Host::get(office, key).await),
        Call::StoragePut(key, value) => said(storage::Host::put(office, key, value).await),
        Call::StoragePutIfAbsent(key, value) => {
            said(storage::Host::put_if_absent(office, key, value).await)
        }
        Call::StorageDelete(key) => said(storage::Host::delete(office, key).await),
        Call::StorageScan(prefix, after, limit) => {
            said(storage::Host::scan(office, prefix, after, limit).await)
        }
        Call::PaymentStatus => said(payments::Host::status(office)),
        Call::PaymentRequest(lines, methods) => {
            said(payments::Host::request(office, lines, methods))
        }
        Call::PaymentCancel => said(payments::Host::cancel(office)),
        Call::PaymentRefund(amount, reason) => said(payments::Host::refund(office, amount, reason)),
        Call::PaymentInvoice => said(payments::Host::invoice(office)),
        Call::MessageSend(id, parameters) => said(messaging::Host::send(office, id, parameters)),
        Call::IdentityStatus(check) => said(identity::Host::status(office, check)),
        Call::IdentityVoid(check) => said(identity::Host::void(office, check)),
        Call::CertificatesIssued => said(certificates::Host::issued(office)),
        Call::CertificateIssue(request) => said(certificates::Host::issue(office, request)),
        Call::CertificateRevoke(serial, reason) => {
            said(certificates::Host::revoke(office, serial, reason))
        }
        Call::CertificateHold(serial) => said(certificates::Host::hold(office, serial)),
        Call::CertificateRelease(serial) => said(certificates::Host::release(office, serial)),
        Call::DocumentLatest(document) => said(documents::Host::latest(office, document)),
        Call::DocumentVoid(document) => said(documents::Host::void(office, document)),
        Call::TokenStatus => said(tokens::Host::status(office)),
        Call::TokenRequest(task) => said(tokens::Host::request(office, task)),
        Call::TokenCancel => said(tokens::Host::cancel(office)),
    }
}

/// An answer, good or not, as it prints itself; or the limit that ends the rule.
fn said<T: Debug, E: Debug>(answer: Result<T, No<E>>) -> Result<String, Exceeded> {
    match answer {
        Ok(value) => Ok(format!("Ok({value:?})")),
        Err(No::Answer(error)) => Ok(format!("Err({error:?})")),
        Err(No::Trap(limit)) => Err(limit),
    }
}
