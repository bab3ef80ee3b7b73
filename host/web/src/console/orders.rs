//! `/console/orders`: what applicants pay for, and transfers that the finance clerk finds on the account.

use super::visit::ClerkVisit;
use crate::error::WebError;
use crate::forms::{Posted, ProblemView};
use axum::extract::{Path, Query};
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use yinxin_core::definition::Role;
use yinxin_core::ids::OrderId;
use yinxin_core::money::{Fen, Method};
use yinxin_core::rules::Problem;
use yinxin_services::payments::{By, OrderState, OrderView, PaymentError, Transfer};
use yinxin_store::{StoreError, orders, payments, refunds};

/// Lines of a page.
const LINES: usize = 30;

/// What a finance clerk looks for first stands first.
const STATES: [OrderState; 7] = [
    OrderState::SlipUploaded,
    OrderState::AwaitingPayment,
    OrderState::Paid,
    OrderState::Refunding,
    OrderState::Refunded,
    OrderState::Closed,
    OrderState::Open,
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    state: String,
    after: String,
}

#[derive(Serialize)]
struct OrdersPage {
    state: &'static str,
    states: Vec<(&'static str, String)>,
    lines: Vec<OrderLine>,
    next: String,
    first: String,
}

#[derive(Serialize)]
struct OrderLine {
    path: String,
    number: String,
    title: String,
    total: i64,
    method: String,
    created: String,
    paid: String,
}

#[derive(Serialize)]
struct OrderPage {
    path: String,
    number: String,
    state: String,
    lines: Vec<(String, u32, i64)>,
    total: i64,
    created: String,
    until: String,
    paid: String,
    method: String,
    transaction: String,
    refunded: i64,
    /// Label and text of invoice, contact and delivery; those that were given.
    details: Vec<(String, String)>,
    account: String,
    cases: Vec<CaseLine>,
    payments: Vec<PaymentLine>,
    refunds: Vec<RefundLine>,
    /// A slip waits for the clerk.
    verifiable: bool,
    problems: Vec<ProblemView>,
    typed: Typed,
}

/// What was typed of a transfer, kept when something is wrong with it.
#[derive(Default, Serialize)]
struct Typed {
    reference: String,
    amount: String,
    payer: String,
}

#[derive(Serialize)]
struct CaseLine {
    path: String,
    number: String,
    subject: String,
    state: String,
}

#[derive(Serialize)]
struct PaymentLine {
    method: String,
    state: String,
    amount: i64,
    received: i64,
    transaction: String,
    created: String,
}

#[derive(Serialize)]
struct RefundLine {
    amount: i64,
    state: String,
    reason: String,
    at: String,
    number: String,
}

pub async fn list(clerk: ClerkVisit, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    clerk.require(Role::Finance)?;
    let visit = &clerk.visit;
    let wanted = STATES
        .into_iter()
        .find(|state| state.as_str() == asked.state);
    let state = wanted.unwrap_or(OrderState::Paid);
    let after = (!asked.after.is_empty()).then_some(asked.after.as_str());
    let one_more = i64::try_from(LINES + 1).unwrap_or(i64::MAX);
    let mut found = visit
        .state
        .payments
        .orders_in(&visit.site.id, state, after, one_more)
        .await?;
    let more = found.len() > LINES;
    found.truncate(LINES);
    let base = format!("/console/orders?state={}", state.as_str());
    let next = found
        .last()
        .filter(|_| more)
        .map(|last| format!("{base}&after={}", last.id));
    let states = STATES.map(|state| (state.as_str(), state_text(&clerk, state)));
    let page = OrdersPage {
        state: state.as_str(),
        states: states.to_vec(),
        lines: found.into_iter().map(|order| line(&clerk, order)).collect(),
        next: next.unwrap_or_default(),
        first: after.map(|_| base).unwrap_or_default(),
    };
    clerk.page("console/orders.html", page)
}

fn line(clerk: &ClerkVisit, order: OrderView) -> OrderLine {
    OrderLine {
        path: format!("/console/orders/{}", order.id),
        title: order
            .lines
            .first()
            .map(|line| line.label.clone())
            .unwrap_or_default(),
        number: order.number,
        total: order.total.0,
        method: order
            .paid_method
            .map(|method| method_text(clerk, method))
            .unwrap_or_default(),
        created: order.created_at.minute(),
        paid: order.paid_at.map(|at| at.minute()).unwrap_or_default(),
    }
}

pub async fn show(clerk: ClerkVisit, Path(id): Path<String>) -> Result<Response, WebError> {
    clerk.require(Role::Finance)?;
    render(
        &clerk,
        &OrderId::from_stored(id),
        StatusCode::OK,
        &[],
        Typed::default(),
    )
    .await
}

/// The clerk found the money on the account.
pub async fn verify(
    clerk: ClerkVisit,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, WebError> {
    clerk.require(Role::Finance)?;
    let visit = &clerk.visit;
    let order = OrderId::from_stored(id.as_str());
    let typed = Typed {
        reference: posted.get("reference").trim().to_owned(),
        amount: posted.get("amount").trim().to_owned(),
        payer: posted.get("payer").trim().to_owned(),
    };
    let amount = Fen::parse_yuan(&typed.amount).filter(|amount| amount.0 > 0);
    let mut problems = Vec::new();
    let mut missing = |item: &str, text: &str| {
        let message = visit.text(text).to_owned();
        problems.push(Problem {
            item: Some(item.to_owned()),
            message,
            offer: None,
        });
    };
    if typed.reference.is_empty() {
        missing("reference", "console.reference_missing");
    }
    if amount.is_none() {
        missing("amount", "console.amount_wrong");
    }
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let Some(amount) = amount.filter(|_| problems.is_empty()) else {
        return render(&clerk, &order, status, &problems, typed).await;
    };
    let transfer = Transfer {
        reference: &typed.reference,
        amount,
        payer: &typed.payer,
    };
    let by = By::clerk(&clerk.clerk.id, &clerk.clerk.name);
    let mut tx = visit.state.store.begin().await?;
    let booked = visit
        .state
        .payments
        .verify_transfer(&mut tx, &visit.site.id, &order, &transfer, &by)
        .await;
    match booked {
        Ok(_) => {}
        // The bank's number is unique: this transfer has been booked before.
        Err(PaymentError::AlreadyBooked) => {
            drop(tx);
            let problem = Problem {
                item: Some("reference".to_owned()),
                message: visit.text("console.reference_known").to_owned(),
                offer: None,
            };
            return render(&clerk, &order, status, &[problem], typed).await;
        }
        Err(error) => return Err(error.into()),
    }
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(site = %visit.site.id, %order, clerk = %clerk.clerk.id, "a transfer was booked");
    Ok(visit.go(&format!("/console/orders/{id}"), "transfer-booked"))
}

pub async fn refuse_slip(clerk: ClerkVisit, Path(id): Path<String>) -> Result<Response, WebError> {
    clerk.require(Role::Finance)?;
    let visit = &clerk.visit;
    let order = OrderId::from_stored(id.as_str());
    let by = By::clerk(&clerk.clerk.id, &clerk.clerk.name);
    let mut tx = visit.state.store.begin().await?;
    visit
        .state
        .payments
        .refuse_slip(&mut tx, &visit.site.id, &order, "", &by)
        .await?;
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(site = %visit.site.id, %order, clerk = %clerk.clerk.id, "a slip was refused");
    Ok(visit.go(&format!("/console/orders/{id}"), "slip-refused"))
}

async fn render(
    clerk: &ClerkVisit,
    id: &OrderId,
    status: StatusCode,
    problems: &[Problem],
    typed: Typed,
) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let site = &visit.site.id;
    let order = visit.state.payments.order_view(site, id).await?;
    let mut conn = visit.state.store.read().await?;
    let details = visit.state.payments.details(&mut conn, site, id).await?;
    let attempts = payments::of_order(&mut conn, site, id).await?;
    let back = refunds::of_order(&mut conn, site, id).await?;
    let ids = orders::cases_of(&mut conn, site, id).await?;
    drop(conn);
    let mut cases = Vec::new();
    for case in &ids {
        let page = visit.state.engine.page(site, &clerk.actor(), case).await?;
        cases.push(CaseLine {
            path: format!("/console/cases/{case}"),
            number: page.number,
            subject: page.subject,
            state: page.state.clerk_label,
        });
    }
    let given = [
        ("invoice_title", details.invoice_title),
        ("tax_number", details.tax_number),
        ("invoice_email", details.invoice_email),
        ("contact_name", details.contact_name),
        ("contact_mobile", details.contact_mobile),
        ("delivery_name", details.delivery_name),
        ("delivery_mobile", details.delivery_mobile),
        ("delivery_address", details.delivery_address),
    ];
    let given = given.into_iter().filter(|(_, text)| !text.is_empty());
    let text = |path: String| visit.text(&path).to_owned();
    let page = OrderPage {
        path: format!("/console/orders/{id}"),
        number: order.number,
        state: state_text(clerk, order.state),
        lines: order
            .lines
            .iter()
            .map(|line| (line.label.clone(), line.quantity, line.amount))
            .collect(),
        total: order.total.0,
        created: order.created_at.minute(),
        until: order.expires_at.minute(),
        paid: order.paid_at.map(|at| at.minute()).unwrap_or_default(),
        method: order
            .paid_method
            .map(|method| method_text(clerk, method))
            .unwrap_or_default(),
        transaction: order.transaction,
        refunded: order.refunded.0,
        details: given
            .map(|(name, value)| (text(format!("console.{name}")), value))
            .collect(),
        account: order.account.to_string(),
        cases,
        payments: attempts
            .into_iter()
            .map(|payment| PaymentLine {
                method: method_text(clerk, payment.method),
                state: text(format!("console.payment_{}", payment.state.as_str())),
                amount: payment.amount.0,
                received: payment.received.0,
                transaction: payment.transaction,
                created: payment.created_at.minute(),
            })
            .collect(),
        refunds: back
            .into_iter()
            .map(|refund| RefundLine {
                amount: refund.amount.0,
                state: text(format!("console.refund_{}", refund.state.as_str())),
                reason: refund.reason,
                at: refund.requested_at.minute(),
                number: refund.provider_no,
            })
            .collect(),
        verifiable: order.state == OrderState::SlipUploaded,
        problems: ProblemView::all(problems),
        typed,
    };
    clerk.page_with(status, "console/order.html", page)
}

/// An order that nobody began to pay looks to its applicant like one that waits for money; a clerk tells them apart.
fn state_text(clerk: &ClerkVisit, state: OrderState) -> String {
    let name = match state {
        OrderState::Open => "console.order_open".to_owned(),
        other => format!("orders.{}", other.as_str()),
    };
    clerk.visit.text(&name).to_owned()
}

pub fn method_text(clerk: &ClerkVisit, method: Method) -> String {
    let name = match method {
        Method::Wechat => "wechat",
        Method::Alipay => "alipay",
        Method::Cpcn => "cpcn",
        Method::BankTransfer => "bank-transfer",
    };
    clerk.visit.text(&format!("payment.{name}")).to_owned()
}
