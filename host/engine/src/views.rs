//! What a page needs to know of a case: plain data, gathered from the database and the definition. No rule is called to
//! show a page.

use serde::Serialize;
use std::sync::Arc;
use yinxin_core::definition::{
    Definition, Document, Form, IdentityCheck, Material, Service, State, Tone,
};
use yinxin_core::form::Values;
use yinxin_core::identity;
use yinxin_core::ids::{CaseId, ClerkId};
use yinxin_core::money::{FeeLine, Fen, Method};
use yinxin_core::rules::{ItemStanding, Problem};
use yinxin_core::shared::Shared;
use yinxin_core::time::Millis;
use yinxin_services::payments::OrderDetails;

/// One case on one page, for its applicant or a clerk.
#[derive(Clone, Debug)]
pub struct CasePage {
    pub id: CaseId,
    /// Acceptance number.
    pub number: String,
    pub subject: String,
    pub definition: Arc<Definition>,
    pub service: Shared<Service>,
    pub state: Shared<State>,
    /// To be sent back with an action: an action on an older version is refused as stale.
    pub version: i64,
    pub values: Values,
    pub created_at: Millis,
    pub entered_at: Millis,
    pub due_at: Option<Millis>,
    pub steps: Vec<StepView>,
    /// What the viewer may do now; nothing else is shown.
    pub actions: Vec<ActionView>,
    pub materials: Vec<MaterialView>,
    /// The clerk's word on form sections, by section id; materials carry their own.
    pub sections: Vec<ItemView>,
    pub checks: Vec<CheckView>,
    pub papers: Vec<PaperView>,
    /// The newest order that it is or was in.
    pub order: Option<OrderView>,
    /// The applicant may put it into an order now.
    pub orderable: bool,
    pub certificates: Vec<CertificateView>,
    /// Newest last. An applicant does not see who of the staff it was.
    pub history: Vec<HistoryLine>,
    /// Only for clerks.
    pub claim: Option<ClaimView>,
    /// Only for clerks.
    pub messages: Vec<MessageView>,
}

/// What a step is, with its parts looked up.
#[derive(Clone, Debug)]
pub enum StepKind {
    Agreement(Shared<Document>),
    Form(Shared<Form>),
    Documents(Vec<Shared<Document>>),
    Identity(Shared<IdentityCheck>),
    /// Only those that the answers ask for.
    Materials(Vec<Shared<Material>>),
    Summary,
    Token,
}

/// One line of the task list.
#[derive(Clone, Debug)]
pub struct StepView {
    pub id: String,
    pub title: String,
    pub hint: String,
    pub kind: StepKind,
    pub complete: bool,
    /// The applicant may work on it in this state.
    pub open: bool,
    /// What the last look at it found wrong.
    pub problems: Vec<Problem>,
}

/// A button.
#[derive(Clone, Debug)]
pub struct ActionView {
    /// Id of the transition.
    pub id: String,
    pub label: String,
    /// The way out rather than the way on.
    pub negative: bool,
    /// A sentence to confirm first.
    pub confirm: Option<String>,
    /// What the actor has to say.
    pub input: Option<Shared<Form>>,
    pub judges_items: bool,
    /// Titles of the steps that are not complete yet; the action is possible when it is empty.
    pub missing: Vec<String>,
}

/// A material that the answers ask for, and what was uploaded.
#[derive(Clone, Debug)]
pub struct MaterialView {
    pub material: Shared<Material>,
    /// One place for each file that is asked for, in order; empty places included.
    pub files: Vec<Option<FileView>>,
    pub standing: ItemStanding,
    /// Why a clerk refused it, else empty.
    pub reason: String,
}

/// One uploaded file.
#[derive(Clone, Debug, Serialize)]
pub struct FileView {
    pub id: String,
    pub name: String,
    pub media_type: String,
    /// bytes
    pub size: u64,
    pub width: u32,
    pub height: u32,
    /// There is a re-encoded view and a thumbnail.
    pub is_picture: bool,
    pub uploaded_at: Millis,
    /// Names inside an archive.
    pub entries: Vec<String>,
}

/// The clerk's word on a section of a form.
#[derive(Clone, Debug)]
pub struct ItemView {
    pub item: String,
    pub standing: ItemStanding,
    pub reason: String,
}

/// An identity check of the case.
#[derive(Clone, Debug)]
pub struct CheckView {
    pub check: Shared<IdentityCheck>,
    pub standing: identity::Standing,
    /// Path of the phone's page, `/p/<token>`, while the QR code may be scanned.
    pub path: Option<String>,
    pub expires_at: Option<Millis>,
}

/// A paper that can be made now.
#[derive(Clone, Debug)]
pub struct PaperView {
    pub document: Shared<Document>,
    /// When it was made last.
    pub made_at: Option<Millis>,
    /// The data changed since: it has to be printed again.
    pub outdated: bool,
}

/// The order of a case.
#[derive(Clone, Debug)]
pub struct OrderView {
    pub id: String,
    pub number: String,
    /// `open`, `awaiting-payment`, `slip-uploaded`, `paid`, `refunding`, `refunded` or `closed`.
    pub state: String,
    /// Of the whole order.
    pub lines: Vec<FeeLine>,
    /// fen
    pub total: i64,
    /// What of it is for this case, fen; the whole where it is alone.
    pub share: i64,
    /// What of the share went back or is on its way, fen.
    pub refunded: i64,
    pub methods: Vec<Method>,
    /// The way to pay that the applicant picked.
    pub chosen: Option<Method>,
    /// Memo of a bank transfer.
    pub reference: String,
    pub created_at: Millis,
    pub expires_at: Option<Millis>,
    pub paid_at: Option<Millis>,
    pub paid_by: Option<Method>,
    /// The provider's number, once paid.
    pub transaction: String,
}

/// Which order a case in a list is in.
#[derive(Clone, Debug)]
pub struct OrderMark {
    pub id: String,
    pub number: String,
    /// As in [`OrderView`].
    pub state: String,
}

/// A case that can be put into an order, or is in one.
#[derive(Clone, Debug)]
pub struct BasketCase {
    pub id: CaseId,
    /// Acceptance number.
    pub number: String,
    pub subject: String,
    pub plugin: String,
    /// Title of the project.
    pub project: String,
    /// Title of the service.
    pub service: String,
    /// In the applicant's words.
    pub state: String,
    /// When it came into the state.
    pub since: Millis,
}

/// What these cases cost as one order.
#[derive(Clone, Debug)]
pub struct BasketQuote {
    pub plugin: String,
    pub cases: Vec<BasketCase>,
    /// Shipping and handling included: the lines `shipping` and `handling`, which name no case.
    pub lines: Vec<FeeLine>,
    pub total: Fen,
    /// Those that the rules allow and the site has.
    pub methods: Vec<Method>,
}

/// What the applicant says with an order.
#[derive(Clone, Debug)]
pub struct BasketChoice {
    pub method: Method,
    pub details: OrderDetails,
    /// The total that the applicant saw: at another one nothing is ordered.
    pub expected_total: Fen,
}

/// A paper for an order.
#[derive(Clone, Debug)]
pub struct ReceiptView {
    /// Id of the document in the definition.
    pub document: String,
    pub title: String,
}

/// A certificate that was issued for the case.
#[derive(Clone, Debug)]
pub struct CertificateView {
    pub serial: String,
    pub subject: String,
    pub not_before: Millis,
    pub not_after: Millis,
    /// `valid`, `held`, `revoked` or `expired`.
    pub standing: String,
}

/// One event.
#[derive(Clone, Debug)]
pub struct HistoryLine {
    pub at: Millis,
    pub label: String,
    pub note: String,
    /// `我`, `工作人员`, the clerk's name for clerks, or `系统`.
    pub actor: String,
    pub from_state: String,
    pub to_state: String,
}

/// Who works on the case.
#[derive(Clone, Debug)]
pub struct ClaimView {
    pub clerk: ClerkId,
    pub until: Millis,
    pub mine: bool,
}

/// A message that went out for the case.
#[derive(Clone, Debug)]
pub struct MessageView {
    pub id: String,
    /// `sms` or `mail`
    pub channel: String,
    /// Masked.
    pub recipient: String,
    pub subject: String,
    pub text: String,
    /// `queued`, `sending`, `sent`, `failed` or `dead`.
    pub state: String,
    pub last_error: String,
    pub created_at: Millis,
}

/// A line of a list.
#[derive(Clone, Debug)]
pub struct CaseLine {
    pub id: CaseId,
    pub number: String,
    pub subject: String,
    pub service_title: String,
    pub project_title: String,
    /// In the words for the viewer.
    pub state_label: String,
    pub next: String,
    pub tone: Tone,
    pub payable: bool,
    /// The applicant may put it into an order now.
    pub orderable: bool,
    /// The newest order that it is or was in; only in lists of the applicant.
    pub order: Option<OrderMark>,
    pub entered_at: Millis,
    pub due_at: Option<Millis>,
    pub created_at: Millis,
    pub claim: Option<ClaimView>,
    /// Labels of what the viewer may do now.
    pub actions: Vec<String>,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Lines {
    pub lines: Vec<CaseLine>,
    /// Key of the next page, for the address; none: this was the last.
    pub next: Option<String>,
}

/// What a list is narrowed by.
#[derive(Clone, Debug, Default)]
pub struct ListFilter {
    /// Name, acceptance number; for clerks also a mobile, USCC, identity number or serial, exactly.
    pub text: String,
    pub plugin: String,
    pub service: String,
    pub state: String,
    pub tone: String,
}

/// A service that can be begun.
#[derive(Clone, Debug)]
pub struct Offer {
    pub plugin: String,
    pub project_title: String,
    pub project_summary: String,
    pub service: Shared<Service>,
}

/// A plugin of which the version that the site asks for is not active.
#[derive(Clone, Debug, Serialize)]
pub struct RefusedPlugin {
    pub name: String,
    /// As the operator's log has it.
    pub why: String,
    /// The version that new cases begin under all the same.
    pub goes_on: Option<String>,
}

/// How a role's queue stands.
#[derive(Clone, Debug)]
pub struct QueueView {
    pub role: yinxin_core::definition::Role,
    /// [`yinxin_store::cases::COUNTED`] stands for that many and more.
    pub cases: i64,
    /// Likewise.
    pub overdue: i64,
    pub oldest: Option<Millis>,
}

/// What a form step's saving came to. What was typed is kept in either case.
#[derive(Clone, Debug, Default)]
pub struct Saved {
    pub problems: Vec<Problem>,
}

/// A file to be sent to the browser.
#[derive(Clone, Debug)]
pub struct Download {
    pub name: String,
    pub media_type: String,
    pub bytes: Vec<u8>,
}

/// Which form of an uploaded file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rendition {
    Thumbnail,
    /// Re-encoded, upright, without metadata: what a clerk looks at.
    View,
    Original,
}
