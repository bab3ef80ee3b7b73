//! `/console/payments` and `/console/refunds`: money that came in a wrong amount, and money on its way back.

use super::orders::method_text;
use super::visit::ClerkVisit;
use crate::error::WebError;
use crate::forms::Posted;
use axum::extract::{Path, Query};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use yinxin_core::definition::Role;
use yinxin_core::ids::PaymentId;
use yinxin_services::payments::{By, PaymentError, RefundState};
use yinxin_store::StoreError;

/// Lines of a page.
const LINES: usize = 30;
/// Characters of a reason or a bank's number.
const TEXT_LIMIT: usize = 80;

/// Those that wait for the clerk stand first.
const STATES: [RefundState; 4] = [
    RefundState::Failed,
    RefundState::Requested,
    RefundState::Processing,
    RefundState::Done,
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    state: String,
    after: String,
}

#[derive(Serialize)]
struct OddPage {
    lines: Vec<OddLine>,
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
    /// Something is left to give back.
    open: bool,
}

#[derive(Serialize)]
struct RefundsPage {
    state: &'static str,
    states: Vec<(&'static str, String)>,
    lines: Vec<RefundLine>,
    next: String,
    first: String,
}

#[derive(Serialize)]
struct RefundLine {
    id: String,
    order: String,
    case: String,
    amount: i64,
    reason: String,
    at: String,
    finished: String,
    /// The provider's number, or why it refused.
    answer: String,
    failed: bool,
    /// It may be booked as paid out by hand.
    by_hand: bool,
}

pub async fn odd(clerk: ClerkVisit, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    clerk.require(Role::Finance)?;
    let visit = &clerk.visit;
    let after = (!asked.after.is_empty()).then_some(asked.after.as_str());
    let mut found = visit
        .state
        .payments
        .odd_payments(&visit.site.id, after, one_more())
        .await?;
    let more = found.len() > LINES;
    found.truncate(LINES);
    let next = found
        .last()
        .filter(|_| more)
        .map(|last| format!("/console/payments?after={}", last.payment));
    let lines = found.into_iter().map(|odd| OddLine {
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
    let page = OddPage {
        lines: lines.collect(),
        next: next.unwrap_or_default(),
        first: after
            .map(|_| "/console/payments".to_owned())
            .unwrap_or_default(),
    };
    clerk.page("console/payments.html", page)
}

pub async fn give_back(
    clerk: ClerkVisit,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, WebError> {
    clerk.require(Role::Finance)?;
    let visit = &clerk.visit;
    let reason = typed(&posted, "reason");
    let reason = if reason.is_empty() {
        visit.text("console.payment_mismatch")
    } else {
        &reason
    };
    let (payments, site) = (&visit.state.payments, &visit.site.id);
    let mut tx = visit.state.store.begin().await?;
    let by = By::clerk(&clerk.clerk.id, &clerk.clerk.name);
    let asked = payments
        .give_back(&mut tx, site, &PaymentId::from_stored(id), reason, &by)
        .await;
    if !happened(asked.map(|_| ()))? {
        return Ok(visit.go("/console/payments", "nothing-to-do"));
    }
    tx.commit().await.map_err(StoreError::from)?;
    Ok(visit.go("/console/payments", "refund-requested"))
}

pub async fn refunds(clerk: ClerkVisit, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    clerk.require(Role::Finance)?;
    let visit = &clerk.visit;
    let wanted = STATES
        .into_iter()
        .find(|state| state.as_str() == asked.state);
    let state = wanted.unwrap_or(RefundState::Failed);
    let after = (!asked.after.is_empty()).then_some(asked.after.as_str());
    let mut found = visit
        .state
        .payments
        .refunds_in(&visit.site.id, state, after, one_more())
        .await?;
    let more = found.len() > LINES;
    found.truncate(LINES);
    let base = format!("/console/refunds?state={}", state.as_str());
    let next = found
        .last()
        .filter(|_| more)
        .map(|last| format!("{base}&after={}", last.id));
    let lines = found.into_iter().map(|refund| RefundLine {
        id: refund.id,
        order: refund.order.to_string(),
        case: refund.case.map(|case| case.to_string()).unwrap_or_default(),
        amount: refund.amount.0,
        reason: refund.reason,
        at: refund.requested_at.minute(),
        finished: refund.finished_at.map(|at| at.minute()).unwrap_or_default(),
        answer: refund.provider_no,
        failed: refund.state == RefundState::Failed,
        by_hand: matches!(refund.state, RefundState::Failed | RefundState::Requested),
    });
    let states = STATES.map(|state| {
        (
            state.as_str(),
            visit
                .text(&format!("console.refund_{}", state.as_str()))
                .to_owned(),
        )
    });
    let page = RefundsPage {
        state: state.as_str(),
        states: states.to_vec(),
        lines: lines.collect(),
        next: next.unwrap_or_default(),
        first: after.map(|_| base).unwrap_or_default(),
    };
    clerk.page("console/refunds.html", page)
}

pub async fn retry(clerk: ClerkVisit, Path(id): Path<String>) -> Result<Response, WebError> {
    clerk.require(Role::Finance)?;
    let visit = &clerk.visit;
    let mut tx = visit.state.store.begin().await?;
    let by = By::clerk(&clerk.clerk.id, &clerk.clerk.name);
    let retried = visit
        .state
        .payments
        .retry_refund(&mut tx, &visit.site.id, &id, &by)
        .await;
    if !happened(retried)? {
        return Ok(visit.go("/console/refunds", "nothing-to-do"));
    }
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(site = %visit.site.id, refund = id, clerk = %clerk.clerk.id, "a refund is tried again");
    Ok(visit.go("/console/refunds", "refund-requested"))
}

/// Paid out over the counter or the bank's own page.
pub async fn finish(
    clerk: ClerkVisit,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, WebError> {
    clerk.require(Role::Finance)?;
    let visit = &clerk.visit;
    let reference = typed(&posted, "reference");
    if reference.is_empty() {
        return Ok(visit.go("/console/refunds", "reference-missing"));
    }
    let (payments, site) = (&visit.state.payments, &visit.site.id);
    let mut tx = visit.state.store.begin().await?;
    let by = By::clerk(&clerk.clerk.id, &clerk.clerk.name);
    if !happened(
        payments
            .finish_refund_by_hand(&mut tx, site, &id, &reference, &by)
            .await,
    )? {
        return Ok(visit.go("/console/refunds", "not-by-hand"));
    }
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(%site, refund = id, clerk = %clerk.clerk.id, "a refund was paid out by hand");
    Ok(visit.go("/console/refunds?state=done", "refund-booked"))
}

/// False when somebody else was faster, or the page was an old one.
fn happened(outcome: Result<(), PaymentError>) -> Result<bool, WebError> {
    match outcome {
        Ok(()) => Ok(true),
        Err(PaymentError::NotNow | PaymentError::NothingToRefund) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn typed(posted: &Posted, name: &str) -> String {
    posted.get(name).trim().chars().take(TEXT_LIMIT).collect()
}

/// One more than a page shows, to know whether there is a next one.
fn one_more() -> i64 {
    i64::try_from(LINES + 1).unwrap_or(i64::MAX)
}
