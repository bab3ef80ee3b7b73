//! `/console/payments`: money that fits no order, which goes back or to the order that it was meant for.

use super::money::{self, Choice, Paged, by, method_text, one_more, problem, typed};
use super::sure::Sure;
use super::visit::ClerkVisit;
use crate::error::WebError;
use crate::forms::{Posted, ProblemView};
use crate::texts::fill;
use axum::extract::{Path, Query};
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use yinxin_core::ids::PaymentId;
use yinxin_core::money::Fen;
use yinxin_core::rules::Problem;
use yinxin_services::payments::{OrderView, PaymentError, Settled};
use yinxin_store::payments::{self as rows, Odd, Payment};
use yinxin_store::{StoreError, orders};

/// Characters of an order's number or reference, with spaces that people put in.
const NUMBER: usize = 40;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    state: String,
    after: String,
}

/// Those that wait for the clerk stand first; as the address and the catalogue name them.
const STATES: [(Odd, &str, &str); 2] = [
    (Odd::Open, "open", "finance.odd_open"),
    (Odd::Settled, "settled", "finance.given_back"),
];

#[derive(Serialize)]
struct OddPage {
    state: &'static str,
    states: Vec<Choice>,
    lines: Vec<OddLine>,
    /// How many notifications were refused, in words; empty for none.
    forged: String,
    next: String,
    first: String,
}

#[derive(Serialize)]
struct OddLine {
    id: String,
    order: String,
    order_number: String,
    method: String,
    transaction: String,
    expected: i64,
    received: i64,
    refunded: i64,
    at: String,
    /// Something is left to decide: it goes back, or to an order.
    open: bool,
}

#[derive(Serialize)]
struct AssignPage {
    id: String,
    back: String,
    order_number: String,
    received: i64,
    method: String,
    transaction: String,
    payer: String,
    typed: String,
    problems: Vec<ProblemView>,
}

pub async fn odd(clerk: ClerkVisit, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    money::may(&clerk)?;
    let visit = &clerk.visit;
    let (odd, state, _) = STATES
        .into_iter()
        .find(|(_, name, _)| *name == asked.state)
        .unwrap_or(STATES[0]);
    let after = (!asked.after.is_empty()).then_some(asked.after.as_str());
    let found = visit
        .state
        .payments
        .odd_payments(&visit.site.id, odd, after, one_more())
        .await?;
    let Paged { lines, next } = Paged::new(found, |odd| odd.payment.to_string());
    let lines = lines.into_iter().map(|odd| OddLine {
        id: odd.payment.to_string(),
        order: odd.order.to_string(),
        order_number: odd.order_number,
        method: method_text(&clerk, odd.method),
        transaction: odd.transaction,
        expected: odd.expected.0,
        received: odd.received.0,
        refunded: odd.refunded.0,
        at: odd.confirmed_at.map(|at| at.minute()).unwrap_or_default(),
        open: odd.received > odd.refunded,
    });
    let forged = match visit.state.payments.forged_notifications(&visit.site.id) {
        0 => String::new(),
        count => fill(
            visit.text("finance.forged_notifications"),
            &[("n", &count.to_string())],
        ),
    };
    let base = format!("/console/payments?state={state}");
    let page = OddPage {
        state,
        states: STATES
            .map(|(_, name, label)| Choice::new(name, visit.text(label)))
            .into(),
        lines: lines.collect(),
        forged,
        next: next
            .map(|next| format!("{base}&after={next}"))
            .unwrap_or_default(),
        first: after.map(|_| base).unwrap_or_default(),
    };
    clerk.page("console/payments.html", page)
}

pub async fn ask_give_back(
    clerk: ClerkVisit,
    Path(id): Path<String>,
) -> Result<Response, WebError> {
    money::may(&clerk)?;
    give_back_page(&clerk, &PaymentId::from_stored(id), &[]).await
}

async fn give_back_page(
    clerk: &ClerkVisit,
    id: &PaymentId,
    problems: &[Problem],
) -> Result<Response, WebError> {
    let (payment, order, payer) = load(clerk, id).await?;
    let text = |name: &str| clerk.visit.text(name).to_owned();
    let method = method_text(clerk, payment.method);
    Sure {
        title: text("finance.give_back"),
        about: format!("{} {}", text("payment.order"), order.number),
        back: "/console/payments".to_owned(),
        action: format!("/console/payments/{id}/give-back"),
        sentences: vec![text("finance.sure_give_back")],
        facts: facts(clerk, &payment, method, payer),
        label: text("finance.give_back"),
        danger: true,
        reason: text("console.give_back_reason"),
        typed_reason: text("console.payment_mismatch"),
        problems: ProblemView::all(problems),
        ..Sure::default()
    }
    .page(clerk)
}

fn facts(
    clerk: &ClerkVisit,
    payment: &Payment,
    method: String,
    payer: String,
) -> Vec<(String, String)> {
    let text = |name: &str| clerk.visit.text(name).to_owned();
    let facts = [
        (text("console.received"), payment.received.to_string()),
        (text("payment.method"), method),
        (text("payment.transaction"), payment.transaction.clone()),
        (text("finance.payer"), payer),
    ];
    facts
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

pub async fn give_back(
    clerk: ClerkVisit,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, WebError> {
    money::may_act(&clerk).await?;
    let visit = &clerk.visit;
    let (payments, site) = (&visit.state.payments, &visit.site.id);
    let id = PaymentId::from_stored(id);
    let reason = typed(&posted, "reason", super::orders::REASON);
    if reason.is_empty() {
        let missing = problem("reason", visit.text("finance.reason_missing"));
        return give_back_page(&clerk, &id, &[missing]).await;
    }
    let mut tx = visit.state.store.begin().await?;
    let asked = payments
        .give_back(&mut tx, site, &id, &reason, &by(&clerk))
        .await;
    match asked {
        Ok(_) => {}
        Err(PaymentError::OwnPayment) => {
            drop(tx);
            let own = problem("", visit.text("finance.own_refund"));
            return give_back_page(&clerk, &id, &[own]).await;
        }
        Err(
            PaymentError::NotNow
            | PaymentError::NothingToRefund
            | PaymentError::Store(StoreError::Conflict),
        ) => {
            drop(tx);
            let (_, order, _) = load(&clerk, &id).await?;
            let told = problem("", money::who_was_faster_with(&clerk, &order.id).await?);
            return give_back_page(&clerk, &id, &[told]).await;
        }
        Err(error) => return Err(error.into()),
    }
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(%site, payment = %id, clerk = %clerk.clerk.id, "odd money goes back");
    Ok(visit.go("/console/payments", "refund-requested"))
}

pub async fn ask_assign(clerk: ClerkVisit, Path(id): Path<String>) -> Result<Response, WebError> {
    money::may(&clerk)?;
    let id = PaymentId::from_stored(id);
    assign_page(&clerk, &id, String::new(), &[]).await
}

/// First the order by its number, then what that would do, then it is done.
pub async fn assign(
    clerk: ClerkVisit,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, WebError> {
    money::may_act(&clerk).await?;
    let visit = &clerk.visit;
    let (payments, site) = (&visit.state.payments, &visit.site.id);
    let id = PaymentId::from_stored(id);
    let to = typed(&posted, "to", NUMBER);
    let text = |name: &str| visit.text(name).to_owned();
    if to.is_empty() {
        let missing = problem("to", text("finance.assign_missing"));
        return assign_page(&clerk, &id, to, &[missing]).await;
    }
    let Some(target) = payments.find(site, &to).await? else {
        let unknown = problem("to", text("finance.assign_unknown"));
        return assign_page(&clerk, &id, to, &[unknown]).await;
    };
    if posted.get("_agreed") != target.id.as_str() {
        return sure(&clerk, &id, to, target).await;
    }
    let mut tx = visit.state.store.begin().await?;
    let assigned = payments
        .assign(&mut tx, site, &id, &target.id, &by(&clerk))
        .await;
    let refusal = match assigned {
        Ok(settled) => {
            tx.commit().await.map_err(StoreError::from)?;
            tracing::info!(%site, payment = %id, order = %target.id, clerk = %clerk.clerk.id, ?settled, "money was assigned");
            let flash = match settled {
                Settled::Partial => "transfer-part",
                Settled::Excess | Settled::Surplus | Settled::Mismatch => "transfer-surplus",
                Settled::Paid | Settled::Already => "assigned",
            };
            return Ok(visit.go(&format!("/console/orders/{}", target.id), flash));
        }
        Err(PaymentError::OwnPayment) => problem("", text("finance.own")),
        Err(PaymentError::NotPayable(_) | PaymentError::NoMethod(_)) => {
            problem("to", text("finance.assign_over"))
        }
        Err(PaymentError::NotNow | PaymentError::Store(StoreError::Conflict)) => {
            drop(tx);
            let (_, order, _) = load(&clerk, &id).await?;
            let told = problem("", money::who_was_faster_with(&clerk, &order.id).await?);
            return assign_page(&clerk, &id, to, &[told]).await;
        }
        Err(error) => return Err(error.into()),
    };
    drop(tx);
    assign_page(&clerk, &id, to, &[refusal]).await
}

async fn assign_page(
    clerk: &ClerkVisit,
    id: &PaymentId,
    typed: String,
    problems: &[Problem],
) -> Result<Response, WebError> {
    let (payment, order, payer) = load(clerk, id).await?;
    let page = AssignPage {
        id: id.to_string(),
        back: format!("/console/orders/{}", order.id),
        order_number: order.number,
        received: payment.received.0,
        method: method_text(clerk, payment.method),
        transaction: payment.transaction,
        payer,
        typed,
        problems: ProblemView::all(problems),
    };
    let status = if problems.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    clerk.page_with(status, "console/assign.html", page)
}

/// What assigning would do.
async fn sure(
    clerk: &ClerkVisit,
    id: &PaymentId,
    to: String,
    target: OrderView,
) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let (payment, order, payer) = load(clerk, id).await?;
    let text = |name: &str| visit.text(name).to_owned();
    let loose = visit
        .state
        .payments
        .payments_of(&visit.site.id, &order.id)
        .await?;
    let amount = loose
        .iter()
        .find(|known| known.payment == *id)
        .map_or(Fen(0), |known| known.assignable);
    if amount.0 <= 0 {
        let gone = problem("", text("finance.not_now"));
        return assign_page(clerk, id, to, &[gone]).await;
    }
    if order.id == target.id {
        let same = problem("to", text("finance.assign_same"));
        return assign_page(clerk, id, to, &[same]).await;
    }
    if !target.state.is_payable() {
        let over = problem("to", text("finance.assign_over"));
        return assign_page(clerk, id, to, &[over]).await;
    }
    let more = amount.0 - target.outstanding.0;
    let result = match more {
        0 => text("finance.assign_result_paid"),
        1.. => fill(
            visit.text("finance.assign_result_excess"),
            &[("excess", &Fen(more).to_string())],
        ),
        _ => fill(
            visit.text("finance.assign_result_partial"),
            &[("missing", &Fen(-more).to_string())],
        ),
    };
    let moved = fill(
        visit.text("finance.sure_assign_text"),
        &[
            ("amount", &amount.to_string()),
            ("serial", &payment.transaction),
            ("from", &order.number),
            ("to", &target.number),
        ],
    );
    let after = fill(
        visit.text("finance.sure_assign_after"),
        &[
            ("to", &target.number),
            ("outstanding", &target.outstanding.to_string()),
            ("result", &result),
        ],
    );
    let method = method_text(clerk, payment.method);
    Sure {
        title: text("finance.sure_assign"),
        about: format!("{} {}", text("payment.order"), order.number),
        back: format!("/console/payments/{id}/assign"),
        action: format!("/console/payments/{id}/assign"),
        sentences: vec![moved, after],
        facts: facts(clerk, &payment, method, payer),
        kept: vec![("to", to), ("_agreed", target.id.to_string())],
        label: text("finance.assign_yes"),
        danger: true,
        ..Sure::default()
    }
    .page(clerk)
}

/// The payment, the order that it came for, and who paid.
async fn load(
    clerk: &ClerkVisit,
    id: &PaymentId,
) -> Result<(Payment, orders::Order, String), WebError> {
    let visit = &clerk.visit;
    let site = &visit.site.id;
    let mut conn = visit.state.store.read().await?;
    let payment = rows::get(&mut conn, site, id).await?;
    let order = orders::get(&mut conn, site, &payment.order).await?;
    let payer = rows::payer(&mut conn, &visit.state.sealer, site, id).await?;
    Ok((payment, order, payer))
}
