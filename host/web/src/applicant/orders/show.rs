//! `/orders/{id}`: the whole order.

use super::history::{HistoryEntry, history, refusal};
use super::invoices::{self, InvoiceLine};
use super::lines::{CaseLine, OrderLines, case_lines, order_lines};
use super::receipts::{self, ReceiptLine};
use super::{Possible, cases, form, is_basket, method_text, own, way};
use crate::applicant::Answers;
use crate::error::WebError;
use crate::live;
use crate::page::{Applicant, Visit};
use crate::texts::fill;
use axum::extract::Path;
use axum::response::Response;
use serde::Serialize;
use yinxin_core::money::Method;
use yinxin_engine::Actor;
use yinxin_services::payments::{OrderPayment, OrderState, OrderView, Refund};
use yinxin_store::refunds::{self, Purpose};

#[derive(Serialize)]
struct OrderPage {
    path: String,
    order: OrderLines,
    /// Where it stands, in a sentence.
    standing: String,
    /// Why the slip was sent back, or empty.
    refused: String,
    /// How it is to be paid, or empty.
    way: String,
    cases: Vec<CaseLine>,
    details: Vec<Answers>,
    payments: Vec<PaymentLine>,
    refunds: Vec<RefundLine>,
    invoices: Vec<InvoiceLine>,
    /// Said where there is no invoice yet and one will follow.
    invoice_follows: bool,
    receipts: Vec<ReceiptLine>,
    history: Vec<HistoryEntry>,
    pay: bool,
    /// The slip is to be uploaded, or may be replaced.
    slip: bool,
    has_slip: bool,
    change: bool,
    cancel: bool,
    live: String,
}

#[derive(Serialize)]
struct PaymentLine {
    method: String,
    amount: i64,
    at: String,
    transaction: String,
}

#[derive(Serialize)]
struct RefundLine {
    label: String,
    state: String,
    reason: String,
    at: String,
}

pub async fn show(applicant: Applicant, Path(id): Path<String>) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let (site, payments) = (&visit.site.id, &visit.state.payments);
    let order = own(&applicant, &id).await?;
    let cases = cases(&applicant, &order).await?;
    let basket = is_basket(&cases);
    let possible = Possible::of(visit, &order, basket);
    let events = payments.history(site, &order.id).await?;
    let mut conn = visit.state.store.read().await?;
    let details = payments.details(&mut conn, site, &order.id).await?;
    let back = refunds::of_order(&mut conn, site, &order.id).await?;
    drop(conn);
    let viewer = Actor::Applicant(applicant.account.clone());
    let money = payments.payments_of(site, &order.id).await?;
    let invoices = invoices::lines(visit, &order).await?;
    let change = if possible.change {
        format!("/orders/{}/edit/details", order.id)
    } else {
        String::new()
    };
    let page = OrderPage {
        path: format!("/orders/{}", order.id),
        standing: standing(visit, &order, possible),
        refused: if possible.slip && order.slip.is_empty() {
            refusal(&events)
        } else {
            String::new()
        },
        way: way(&order)
            .filter(|_| order.paid_at.is_none())
            .map(|method| method_text(visit, method).to_owned())
            .unwrap_or_default(),
        details: form::shown(visit, &details, &change),
        payments: money
            .iter()
            .filter(|payment| payment.applied.0 > 0)
            .map(|payment| payment_line(visit, payment))
            .collect(),
        refunds: back
            .iter()
            .map(|refund| refund_line(visit, refund))
            .collect(),
        invoice_follows: basket && order.state == OrderState::Paid && invoices.is_empty(),
        invoices,
        receipts: if possible.pay || order.state == OrderState::Paid {
            receipts::lines(visit, &viewer, &order).await?
        } else {
            Vec::new()
        },
        history: history(visit, &events),
        pay: possible.pay,
        slip: possible.slip,
        has_slip: !order.slip.is_empty(),
        change: possible.change,
        cancel: possible.cancel,
        live: live::order_fingerprint(visit, &order).await?,
        cases: case_lines(&order.lines, &cases),
        order: order_lines(visit, &order, &cases),
    };
    visit.page("applicant/orders/order.html", page)
}

fn standing(visit: &Visit, order: &OrderView, possible: Possible) -> String {
    let until = order.expires_at.minute();
    let (received, missing) = (order.received.to_string(), order.outstanding.to_string());
    let text = match order.state {
        OrderState::Open | OrderState::AwaitingPayment if !possible.pay => "orders.expired",
        OrderState::Open | OrderState::AwaitingPayment if order.received.0 > 0 => {
            "orders.state_partial"
        }
        OrderState::Open | OrderState::AwaitingPayment
            if way(order) == Some(Method::BankTransfer) =>
        {
            "orders.state_transfer"
        }
        OrderState::Open | OrderState::AwaitingPayment => "orders.state_open",
        OrderState::SlipUploaded => "orders.state_slip",
        OrderState::Paid => "orders.state_paid",
        OrderState::Refunding => "orders.state_refunding",
        OrderState::Refunded => "orders.state_refunded",
        OrderState::Closed => "orders.closed_text",
    };
    fill(
        visit.text(text),
        &[
            ("until", &until),
            ("received", &received),
            ("missing", &missing),
        ],
    )
}

fn payment_line(visit: &Visit, payment: &OrderPayment) -> PaymentLine {
    PaymentLine {
        method: method_text(visit, payment.method).to_owned(),
        amount: payment.applied.0,
        at: payment.confirmed_at.unwrap_or(payment.created_at).minute(),
        transaction: payment.transaction.clone(),
    }
}

fn refund_line(visit: &Visit, refund: &Refund) -> RefundLine {
    let amount = refund.amount.to_string();
    let label = match refund.purpose {
        Purpose::Order => "orders.refund.order",
        Purpose::Surplus => "orders.refund.surplus",
    };
    RefundLine {
        label: fill(visit.text(label), &[("amount", &amount)]),
        state: visit
            .text(&format!("orders.refund.{}", refund.state.as_str()))
            .to_owned(),
        reason: refund.reason.clone(),
        at: refund.finished_at.unwrap_or(refund.requested_at).minute(),
    }
}
