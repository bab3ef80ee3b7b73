//! What the host asks a plugin and what it answers: the host's own copy of the WIT interface `yinxin:site/rules`.

use crate::identity::Standing as IdentityStanding;
use crate::money::{FeeLine, Method, Standing as PaymentStanding};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedValue {
    pub name: String,
    /// Canonical text of the field's kind: ISO date, integer fen, `yes`; empty when unanswered.
    pub value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ItemStanding {
    Missing,
    Uploaded,
    Passed,
    Refused,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaterialView {
    pub material: String,
    pub files: u32,
    pub standing: ItemStanding,
    /// The clerk's reason where it was refused, else empty.
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckView {
    pub check: String,
    pub standing: IdentityStanding,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseView {
    pub id: String,
    /// Acceptance number, as people read it out.
    pub number: String,
    pub service: String,
    pub state: String,
    /// milliseconds since 1970-01-01 UTC
    pub created: u64,
    pub values: Vec<NamedValue>,
    pub materials: Vec<MaterialView>,
    pub checks: Vec<CheckView>,
    pub payment: PaymentStanding,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// milliseconds since 1970-01-01 UTC
    pub now: u64,
    /// ISO date in China (UTC+8)
    pub today: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    pub label: String,
    pub field: String,
    pub value: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The field, material or check that it is about; none: the case as a whole.
    pub item: Option<String>,
    /// A sentence that says what to do.
    pub message: String,
    pub offer: Option<Offer>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Checkpoint {
    /// The applicant saves this step.
    Step(String),
    /// A transition asks for this guard.
    Guard(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemJudgement {
    /// Material id or section id.
    pub item: String,
    pub passed: bool,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentFact {
    /// fen
    pub amount: i64,
    pub method: Method,
    /// The provider's number of the transaction.
    pub transaction: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFact {
    /// lower-case hexadecimal
    pub serial: String,
    /// milliseconds since 1970-01-01 UTC
    pub not_before: u64,
    /// milliseconds since 1970-01-01 UTC
    pub not_after: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    None,
    Payment(PaymentFact),
    Certificate(CertificateFact),
    /// Why it failed, in words.
    Failure(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Id of the transition.
    pub transition: String,
    pub at: Moment,
    /// Account id, clerk id, or empty for the host.
    pub actor: String,
    /// Values of the transition's input form.
    pub input: Vec<NamedValue>,
    pub judgements: Vec<ItemJudgement>,
    pub fact: Fact,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The next state: one of the transition's `to`.
    pub to: String,
    /// Values to set in the case.
    pub values: Vec<NamedValue>,
    /// A sentence for the applicant's history, or empty.
    pub note: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basket {
    pub cases: Vec<CaseView>,
    pub at: Moment,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quotation {
    pub lines: Vec<FeeLine>,
    /// fen, once per order
    pub shipping: i64,
    /// fen, the payment's own cost
    pub handling: i64,
    pub methods: Vec<Method>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sources {
    pub service: String,
    pub profile: Vec<NamedValue>,
    /// An earlier case to copy from.
    pub earlier: Option<CaseView>,
    /// Fields read from a certificate: `subject.CN`, `subject.O`, `serial`, `not-after`, …
    pub certificate: Vec<NamedValue>,
    pub at: Moment,
}
