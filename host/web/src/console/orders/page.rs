//! `/console/orders/{id}`: the order, its slip beside it, its money and all that happened to it.

use super::slip::{self, Slip};
use crate::console::invoices::{self, OrderInvoice};
use crate::console::money::{self, event_text, method_text, name_of, state_text, state_tone};
use crate::console::refunds;
use crate::console::visit::ClerkVisit;
use crate::error::WebError;
use crate::forms::ProblemView;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use yinxin_core::ids::OrderId;
use yinxin_core::money::{FeeLine, Fen, Method};
use yinxin_core::rules::Problem;
use yinxin_engine::EngineError;
use yinxin_services::payments::{OrderDetails, OrderPayment, OrderState, OrderView, PaymentState};
use yinxin_store::order_events::{OrderEvent, OrderEventKind};
use yinxin_store::{orders, payments};

/// Item under which a clerk's own sentences for refusing a slip are kept.
pub const SLIP_REASONS: &str = "transfer-slip";
const READY: [&str; 4] = [
    "finance.refuse_ready_1",
    "finance.refuse_ready_2",
    "finance.refuse_ready_3",
    "finance.refuse_ready_4",
];

/// What was typed, kept when something is wrong with it.
#[derive(Clone, Default, Serialize)]
pub struct Typed {
    pub amount: String,
    pub reference: String,
    pub payer: String,
    pub reason: String,
}

#[derive(Serialize)]
struct OrderPage {
    path: String,
    number: String,
    reference: String,
    state: String,
    tone: &'static str,
    created: String,
    until: String,
    paid: String,
    chosen: String,
    total: i64,
    received: i64,
    outstanding: i64,
    refunded: i64,
    /// Holder, bank and number of the account that transfers should come to.
    account: Option<[String; 3]>,
    takes_transfer: bool,
    payable: bool,
    /// Money that comes now is wanted.
    verifiable: bool,
    /// It is this clerk's own: a colleague decides.
    own: bool,
    refusable: bool,
    cancellable: bool,
    refundable: bool,
    slip: Option<Slip>,
    /// Ready sentences for refusing the slip.
    ready: Vec<String>,
    lines: Vec<Line>,
    payments: Vec<PaymentLine>,
    refunds: Vec<refunds::Line>,
    invoices: Vec<OrderInvoice>,
    invoice_by_hand: bool,
    history: Vec<EventLine>,
    cases: Vec<CaseLine>,
    /// Label and text of invoice, contact and delivery; those that were given.
    details: Vec<(String, String)>,
    account_id: String,
    seen: String,
    typed: Typed,
    problems: Vec<ProblemView>,
}

#[derive(Serialize)]
struct Line {
    label: String,
    quantity: u32,
    amount: i64,
    /// The case that it is for, where there are several.
    of: String,
}

#[derive(Serialize)]
struct PaymentLine {
    id: String,
    method: String,
    state: String,
    tone: &'static str,
    expected: i64,
    received: i64,
    /// What of it pays this order.
    applied: i64,
    transaction: String,
    payer: String,
    at: String,
    /// It may go to another order.
    assignable: bool,
    /// It may go back: a part that waits for the rest.
    waits: bool,
}

#[derive(Serialize)]
struct EventLine {
    at: String,
    label: String,
    by: String,
    note: String,
    /// Where the slip of then is, or empty.
    file: String,
}

#[derive(Serialize)]
struct CaseLine {
    id: String,
    path: String,
    number: String,
    subject: String,
    service: String,
    state: String,
}

pub async fn show(clerk: ClerkVisit, Path(id): Path<String>) -> Result<Response, WebError> {
    money::may(&clerk)?;
    render(&clerk, &OrderId::from_stored(id), StatusCode::OK, &[], None).await
}

/// The page; with what is wrong, and what was typed still there.
pub async fn render(
    clerk: &ClerkVisit,
    id: &OrderId,
    status: StatusCode,
    problems: &[Problem],
    typed: Option<Typed>,
) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let (site, service) = (&visit.site.id, &visit.state.payments);
    let order = service.order_view(site, id).await?;
    let history = service.history(site, id).await?;
    let mut conn = visit.state.store.read().await?;
    let details = service.details(&mut conn, site, id).await?;
    let mut attempts = Vec::new();
    for payment in service.payments_of(site, id).await? {
        let id = &payment.payment;
        let payer = payments::payer(&mut conn, &visit.state.sealer, site, id).await?;
        attempts.push(payment_line(clerk, payment, payer));
    }
    let ids = orders::cases_of(&mut conn, site, id).await?;
    let own = service
        .is_own(&mut conn, site, id, &money::by(clerk))
        .await?;
    drop(conn);
    let mut cases = Vec::new();
    for case in &ids {
        let page = match visit.state.engine.page(site, &clerk.actor(), case).await {
            Ok(page) => page,
            // The order stays when its case is gone.
            Err(EngineError::NotFound) => continue,
            Err(error) => return Err(error.into()),
        };
        cases.push(CaseLine {
            id: case.to_string(),
            path: format!("/console/cases/{case}"),
            number: page.number,
            subject: page.subject,
            service: page.service.title.clone(),
            state: page.state.clerk_label.clone(),
        });
    }
    let payable = order.state.is_payable();
    let takes_transfer = order.methods.contains(&Method::BankTransfer);
    let refusable = order.state == OrderState::SlipUploaded && !own;
    let invoices = invoices::of_order(clerk, id).await?;
    let page = OrderPage {
        path: format!("/console/orders/{id}"),
        state: state_text(clerk, order.state),
        tone: state_tone(order.state),
        created: order.created_at.minute(),
        until: if payable {
            order.expires_at.minute()
        } else {
            String::new()
        },
        paid: order.paid_at.map(|at| at.minute()).unwrap_or_default(),
        chosen: order
            .chosen
            .map(|method| method_text(clerk, method))
            .unwrap_or_default(),
        total: order.total.0,
        received: order.received.0,
        outstanding: if payable { order.outstanding.0 } else { 0 },
        refunded: order.refunded.0,
        account: visit
            .site
            .transfer
            .clone()
            .map(|account| [account.holder, account.bank, account.account]),
        verifiable: takes_transfer && payable && !own,
        own,
        cancellable: payable,
        refundable: order.state == OrderState::Paid,
        slip: slip::of_order(clerk, id, &order.slip).await?,
        ready: if refusable {
            ready(clerk).await?
        } else {
            Vec::new()
        },
        lines: order
            .lines
            .iter()
            .map(|line| fee_line(line, &cases))
            .collect(),
        payments: attempts,
        refunds: refunds::of_order(clerk, id).await?,
        invoice_by_hand: invoices.may_upload,
        invoices: invoices.lines,
        seen: money::seen(&history),
        history: history
            .iter()
            .rev()
            .map(|event| event_line(clerk, id, event))
            .collect(),
        details: given(clerk, details),
        typed: typed.unwrap_or_else(|| prefilled(&order)),
        account_id: order.account.to_string(),
        number: order.number,
        reference: order.reference,
        takes_transfer,
        payable,
        refusable,
        cases,
        problems: ProblemView::all(problems),
    };
    clerk.page_with(status, "console/order.html", page)
}

/// What most transfers are: all that is missing.
fn prefilled(order: &OrderView) -> Typed {
    let wanted = order.state.is_payable() && order.outstanding.0 > 0;
    Typed {
        amount: if wanted {
            order.outstanding.to_string()
        } else {
            String::new()
        },
        ..Typed::default()
    }
}

fn fee_line(line: &FeeLine, cases: &[CaseLine]) -> Line {
    let of = cases
        .iter()
        .find(|case| cases.len() > 1 && case.id == line.case_id);
    Line {
        label: line.label.clone(),
        quantity: line.quantity,
        amount: line.amount,
        of: of.map(|case| case.number.clone()).unwrap_or_default(),
    }
}

fn payment_line(clerk: &ClerkVisit, payment: OrderPayment, payer: String) -> PaymentLine {
    let text = format!("console.payment_{}", payment.state.as_str());
    PaymentLine {
        id: payment.payment.to_string(),
        method: method_text(clerk, payment.method),
        state: clerk.visit.text(&text).to_owned(),
        tone: match payment.state {
            PaymentState::Paid => "done",
            PaymentState::Partial | PaymentState::Prepared => "waiting",
            PaymentState::Mismatch => "action",
            PaymentState::Created | PaymentState::Closed | PaymentState::Failed => "",
        },
        expected: payment.expected.0,
        received: payment.received.0,
        applied: payment.applied.0,
        transaction: payment.transaction,
        payer,
        at: payment.confirmed_at.unwrap_or(payment.created_at).minute(),
        assignable: payment.assignable.0 > 0,
        waits: payment.state == PaymentState::Partial,
    }
}

fn event_line(clerk: &ClerkVisit, order: &OrderId, event: &OrderEvent) -> EventLine {
    let amount = (event.amount != Fen(0)).then(|| format!("{} 元", event.amount));
    let note = match payments::gateway(&event.note) {
        Some(method) => method_text(clerk, method),
        None => event.note.clone(),
    };
    let parts = amount.into_iter().chain((!note.is_empty()).then_some(note));
    EventLine {
        at: event.at.minute(),
        label: event_text(clerk, event),
        by: name_of(clerk, &event.by),
        file: match event.kind {
            OrderEventKind::SlipUploaded | OrderEventKind::SlipRefused => {
                format!("/console/orders/{order}/slips/{}", event.about)
            }
            _ => String::new(),
        },
        note: parts.collect::<Vec<_>>().join(" · "),
    }
}

fn given(clerk: &ClerkVisit, details: OrderDetails) -> Vec<(String, String)> {
    let all = [
        ("invoice_title", details.invoice_title),
        ("tax_number", details.tax_number),
        ("invoice_email", details.invoice_email),
        ("contact_name", details.contact_name),
        ("contact_mobile", details.contact_mobile),
        ("delivery_name", details.delivery_name),
        ("delivery_mobile", details.delivery_mobile),
        ("delivery_address", details.delivery_address),
    ];
    let text = |name: &str| clerk.visit.text(&format!("console.{name}")).to_owned();
    all.into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (text(name), value))
        .collect()
}

/// Sentences that fit most slips, and those that this clerk wrote before.
async fn ready(clerk: &ClerkVisit) -> Result<Vec<String>, WebError> {
    let visit = &clerk.visit;
    let mut ready: Vec<String> = READY.map(|text| visit.text(text).to_owned()).to_vec();
    let kept = visit
        .state
        .staff
        .saved_reasons(&visit.site.id, &clerk.clerk.id, SLIP_REASONS)
        .await?;
    for reason in kept {
        if !ready.contains(&reason.text) {
            ready.push(reason.text);
        }
    }
    Ok(ready)
}

/// Whether the sentence is offered to everybody.
pub fn is_ready(clerk: &ClerkVisit, reason: &str) -> bool {
    READY.iter().any(|text| clerk.visit.text(text) == reason)
}
