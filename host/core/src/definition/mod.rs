//! What a plugin is, as data: the host's own copy of the WIT interface `yinxin:site/definition`.
//!
//! The shapes are those of `wit/site/definition.wit`, name by name, so that a definition crosses from the sandbox by
//! its serialised form; `yinxin-capabilities` has the test that holds the two together. Units, limits and meaning are
//! documented there and repeated here. Parts that pages show are shared, so that a page copies none of them.

pub mod lint;
pub mod template;

use crate::money::Method;
use crate::shared::Shared;
use ecow::EcoString;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// The plugin's name, as in `plugin.toml`.
    pub id: String,
    /// Semantic version of the rules.
    pub version: String,
    pub title: String,
    pub summary: String,
    /// Only the plugin that owns the site's accounts has one; a site needs exactly one such plugin.
    pub account_policy: Option<AccountPolicy>,
    pub services: Vec<Shared<Service>>,
    pub forms: Vec<Shared<Form>>,
    pub materials: Vec<Shared<Material>>,
    pub checks: Vec<Shared<IdentityCheck>>,
    pub documents: Vec<Shared<Document>>,
    pub messages: Vec<Message>,
    pub lifecycles: Vec<Lifecycle>,
    /// Names that `check` answers for; the transitions use these and no others.
    pub guards: Vec<String>,
    /// Versions whose open cases go on under this one; cases of others finish under theirs.
    pub takes_over: Vec<String>,
}

// ---- accounts

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LoginId {
    Uscc,
    Mobile,
    Email,
    Username,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Proof {
    PictureCode,
    SmsCode,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountPolicy {
    /// Which values log in. Each names a field of the registration form with the field kind of that name.
    pub login_ids: Vec<LoginId>,
    /// Form asked at registration; the host adds password, proofs and the agreement to the site's terms.
    pub registration_form: String,
    /// Form of the profile: what pre-fills later applications.
    pub profile_form: String,
    pub registration_proofs: Vec<Proof>,
    pub login_proofs: Vec<Proof>,
    pub recovery_proofs: Vec<Proof>,
    /// Characters, 8 to 64.
    pub password_length: u32,
    /// Profile fields that only a clerk changes.
    pub clerk_only_fields: Vec<String>,
    /// Profile field with the name shown for the account.
    pub name_field: String,
    /// Profile field with the mobile number that gets codes.
    pub mobile_field: String,
}

// ---- services

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ServiceKind {
    New,
    Renewal,
    Reissue,
    Inspection,
    Change,
    Freeze,
    Restore,
    Revoke,
    KeyRecovery,
    Bind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Ordering {
    /// Each case is its own order, opened by the host when money is asked for.
    Single,
    /// The applicant puts cases into an order.
    Basket,
}

/// A paper for an order, printed once for all cases of the service in it. In its texts `{order-number}`,
/// `{order-total}`, `{order-method}` and `{order-reference}` stand for the order's own, next to fields of the case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    pub document: String,
    /// Offered when the order is paid, or to be paid, in one of these ways; empty: in any.
    pub methods: Vec<Method>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    pub id: String,
    pub kind: ServiceKind,
    pub title: String,
    pub summary: String,
    /// Price in words, shown before anything is filled in.
    pub price_note: String,
    /// How long it takes, in words.
    pub time_note: String,
    /// What to have at hand, one line each.
    pub at_hand: Vec<String>,
    pub lifecycle: String,
    pub steps: Vec<Step>,
    pub ordering: Ordering,
    /// Papers for the orders of its cases.
    pub receipts: Vec<Receipt>,
    /// The applicant first names the certificate that it is about: one of his, or one whose file he has.
    pub from_certificate: bool,
    /// Field whose value names the case in lists.
    pub subject_field: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepContent {
    /// A document that must be read and accepted.
    Agreement(String),
    /// A form, by id.
    Form(String),
    /// Papers to download and print, by id.
    Documents(Vec<String>),
    /// An identity check, by id.
    Identity(String),
    /// Materials to upload, by id.
    Materials(Vec<String>),
    /// All answers on one page, before submitting.
    Summary,
    /// A task for the token.
    Token,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub id: String,
    pub title: String,
    /// One sentence under the title in the task list.
    pub hint: String,
    pub content: StepContent,
}

// ---- forms

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    pub value: EcoString,
    pub label: EcoString,
    pub hint: EcoString,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberRange {
    pub min: i64,
    pub max: i64,
    pub unit: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FieldKind {
    Text,
    Multiline,
    /// Name of a person, 2 to 32 characters, rare ones included.
    PersonName,
    /// Name of an organisation.
    OrganisationName,
    /// GB 32100 unified social credit code, check character verified.
    Uscc,
    /// GB 11643 identity number, check digit verified; sealed at rest.
    IdentityNumber,
    /// Taxpayer number: 15, 17, 18 or 20 letters and digits.
    TaxNumber,
    /// Mainland mobile number, 11 digits.
    Mobile,
    /// Fixed line or mobile.
    Phone,
    Email,
    Postcode,
    Address,
    /// Province and city.
    Region,
    /// ISO 8601 date.
    Date,
    Number(Box<NumberRange>),
    /// Yuan with two places; kept in fen.
    Money,
    /// One of a few, shown as radio buttons or, from eight on, as a list.
    Choice(Vec<Choice>),
    /// A box to tick; the value is `yes` or empty.
    Flag,
    /// Login name: 1 to 12 letters or digits.
    Username,
    /// Answer to a challenge question; only its hash is kept.
    SecretAnswer,
    /// Courier's tracking number: 8 to 32 letters and digits.
    TrackingNumber,
    /// PKCS#10 certificate request, PEM; its self-signature is verified.
    CertificateRequest,
    /// A PDF that a clerk attaches, at most 5 MiB; the value is the file's id.
    Attachment,
}

/// True when the field has one of the values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    pub field: String,
    pub values: Vec<String>,
}

/// Of these a server holds thousands: short texts lie within, and what few fields have is boxed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    pub name: EcoString,
    pub label: EcoString,
    pub hint: EcoString,
    pub kind: FieldKind,
    pub required: bool,
    /// Characters; 0 stands for the kind's own limit, which free text does not have.
    pub max_length: u32,
    /// Asked only when this holds.
    pub shown_when: Option<Box<Condition>>,
    /// The autocomplete token of the HTML standard, or empty.
    pub autocomplete: EcoString,
}

const _: () = assert!(size_of::<Field>() <= 104);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    pub id: String,
    pub title: String,
    pub hint: String,
    pub fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    pub id: String,
    pub title: String,
    pub sections: Vec<Section>,
}

// ---- materials, checks, documents

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FileFormat {
    Jpeg,
    Png,
    Bmp,
    Pdf,
    Zip,
    Rar,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Material {
    pub id: String,
    pub title: String,
    pub hint: String,
    pub formats: Vec<FileFormat>,
    /// Bytes of one file.
    pub max_bytes: u64,
    /// Files, at least 1; a card's two sides are 2.
    pub files: u32,
    /// Captions of the files where there is more than one, such as front and back.
    pub captions: Vec<String>,
    pub required: bool,
    pub shown_when: Option<Box<Condition>>,
    /// The paper to download, print, stamp and scan for it, if there is one.
    pub template: Option<String>,
    /// Ready sentences for a refusal.
    pub refusal_reasons: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityCheck {
    pub id: String,
    pub title: String,
    pub hint: String,
    /// Field with the person's name.
    pub name_field: String,
    /// Field with the person's identity number.
    pub number_field: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub label: String,
    /// `{field}` is replaced by the field's value as a person reads it.
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StampBox {
    pub label: String,
    pub width_mm: u32,
    pub height_mm: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Block {
    Heading(String),
    /// `{field}` as in `row`.
    Paragraph(String),
    /// Table of two columns.
    Table(Vec<Row>),
    /// The QR code of an identity check; bound to the case's number.
    IdentityQr(String),
    /// The case's number as QR code.
    NumberQr,
    /// The order's cases of this service: number and subject of each. On a receipt only.
    OrderCases,
    /// Empty boxes for seals and signatures.
    Stamps(Vec<StampBox>),
    /// Lines to sign: label and blank.
    Signatures(Vec<String>),
    /// Small print.
    Note(String),
    PageBreak,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    pub id: String,
    pub title: String,
    pub blocks: Vec<Block>,
    pub shown_when: Option<Box<Condition>>,
    /// States in which it can be downloaded; empty: in all.
    pub states: Vec<String>,
}

// ---- messages

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmsText {
    /// The template's code at the provider, by which the provider knows the text.
    pub template_code: String,
    /// The text with `{parameter}`s, for the record and for providers without templates.
    pub text: String,
    /// Names of the parameters in the provider's order.
    pub parameters: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailText {
    pub subject: String,
    pub body: String,
    /// Fields of the kind `attachment` whose files go along.
    pub attachments: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageContent {
    Sms(SmsText),
    Mail(MailText),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Recipient {
    /// The mobile number of the account.
    Account,
    /// A field of the case with a mobile number or mail address.
    Field(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub id: String,
    pub to: Recipient,
    pub content: MessageContent,
}

// ---- lifecycles

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    Reviewer,
    Finance,
    Maker,
    Shipper,
    Administrator,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HostEvent {
    IdentityPassed,
    IdentityFailed,
    Paid,
    Refunded,
    SlipVerified,
    TokenDone,
    TokenFailed,
    Issued,
    IssueFailed,
    Delivered,
    Invoiced,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TimerBase {
    /// Since the case came into the state.
    Entered,
    /// The end of the validity of the case's newest certificate.
    CertificateExpiry,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    pub base: TimerBase,
    /// Days after (or, negative, before) the base.
    pub days: i32,
    /// Count working days of the site's calendar only.
    pub working: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Actor {
    Applicant,
    Clerk(Role),
    Host(HostEvent),
    Timer(Timer),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Tone {
    /// The applicant is filling in.
    Draft,
    /// Others are at work.
    Waiting,
    /// The applicant has to do something.
    Action,
    Done,
    Refused,
}

/// How long the state may last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    pub days: u32,
    pub working: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub id: String,
    pub applicant_label: String,
    pub clerk_label: String,
    /// What happens next, in words for the applicant.
    pub next: String,
    pub tone: Tone,
    /// Steps that the applicant may edit here.
    pub open_steps: Vec<String>,
    /// The work queue of the console that the case stands in.
    pub queue: Option<Role>,
    /// The applicant pays here.
    pub payable: bool,
    pub due: Option<Due>,
    /// Nothing follows.
    pub ends: bool,
    /// The applicant may delete the case here.
    pub deletable: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    pub id: String,
    /// What the button says, or what the history says of a host event or timer.
    pub label: String,
    pub from: Vec<String>,
    /// Where it may lead; `handle` chooses one of them.
    pub to: Vec<String>,
    pub actor: Actor,
    /// Names asked of `check` before `handle` is called; any problem stops the transition.
    pub guards: Vec<String>,
    /// Form with what the actor has to say: a reason, a tracking number.
    pub input: Option<String>,
    /// Steps that have to be complete.
    pub complete: Vec<String>,
    /// The clerk judges each material and form section: passed, or refused with a reason.
    pub judges_items: bool,
    /// A sentence to confirm before, or none.
    pub confirm: Option<String>,
    /// Shown as the way out, not as the way on.
    pub negative: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifecycle {
    pub id: String,
    pub initial: String,
    pub states: Vec<Shared<State>>,
    pub transitions: Vec<Transition>,
}

impl AccountPolicy {
    /// Whether only a clerk changes this field of the profile.
    pub fn is_for_clerks(&self, field: &str) -> bool {
        self.clerk_only_fields.iter().any(|name| name == field)
    }
}

impl Receipt {
    /// What a receipt's texts may say of the order, next to the fields of its cases.
    pub const PLACEHOLDERS: [&'static str; 4] = [
        "order-number",
        "order-total",
        "order-method",
        "order-reference",
    ];
}

impl Form {
    /// The fields of all sections, in the order in which they are asked.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.sections.iter().flat_map(|section| &section.fields)
    }

    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields().find(|field| field.name == name)
    }
}
