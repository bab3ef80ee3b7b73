//! `/console/refunds`: money on its way back; by a gateway's hand, or by the clerk's from the bank.

use super::money::{self, Choice, Paged, by, method_text, one_more, problem, typed};
use super::orders::SERIAL;
use super::visit::ClerkVisit;
use crate::error::WebError;
use crate::forms::{Posted, ProblemView};
use axum::extract::{Path, Query};
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use yinxin_core::ids::{ClerkId, OrderId};
use yinxin_core::money::Method;
use yinxin_core::rules::Problem;
use yinxin_services::payments::{PaymentError, Refund, RefundState};
use yinxin_store::{StoreError, orders, payments, refunds as rows};

/// Those that wait for the clerk stand first.
const STATES: [RefundState; 5] = [
    RefundState::Requested,
    RefundState::Failed,
    RefundState::Processing,
    RefundState::Done,
    RefundState::Withdrawn,
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    state: String,
    after: String,
}

#[derive(Serialize)]
struct RefundsPage {
    state: &'static str,
    states: Vec<Choice>,
    lines: Vec<Line>,
    next: String,
    first: String,
    problems: Vec<ProblemView>,
}

/// A refund in a list, or in its order.
#[derive(Serialize)]
pub struct Line {
    id: String,
    order: String,
    order_number: String,
    case: String,
    amount: i64,
    reason: String,
    /// Of the order's price, or what came too much.
    what: String,
    state: String,
    tone: &'static str,
    /// Who asked for it.
    by: String,
    at: String,
    finished: String,
    /// How it goes back.
    way: String,
    by_transfer: bool,
    payer: String,
    /// Number of the transaction on which the money came.
    transaction: String,
    /// The provider's number, or why it refused.
    answer: String,
    failed: bool,
    retryable: bool,
    /// It may be booked as paid out by hand.
    by_hand: bool,
    /// A bank's number that was typed and not taken.
    typed: String,
}

/// An order's refunds, oldest first.
pub async fn of_order(clerk: &ClerkVisit, order: &OrderId) -> Result<Vec<Line>, WebError> {
    let visit = &clerk.visit;
    let mut conn = visit.state.store.read().await?;
    let found = rows::of_order(&mut conn, &visit.site.id, order).await?;
    drop(conn);
    lines(clerk, found).await
}

async fn lines(clerk: &ClerkVisit, found: Vec<Refund>) -> Result<Vec<Line>, WebError> {
    let mut lines = Vec::new();
    for refund in found {
        lines.push(line(clerk, refund).await?);
    }
    Ok(lines)
}

async fn line(clerk: &ClerkVisit, refund: Refund) -> Result<Line, WebError> {
    let visit = &clerk.visit;
    let site = &visit.site.id;
    let mut conn = visit.state.store.read().await?;
    let order = orders::get(&mut conn, site, &refund.order).await?;
    let payment = payments::get(&mut conn, site, &refund.payment).await?;
    let payer = payments::payer(&mut conn, &visit.state.sealer, site, &payment.id).await?;
    drop(conn);
    let text = |path: &str| visit.text(path).to_owned();
    let by_transfer = payment.method == Method::BankTransfer;
    let method = method_text(clerk, payment.method);
    let failed = refund.state == RefundState::Failed;
    Ok(Line {
        by: who_asked(clerk, &refund).await?,
        order: order.id.to_string(),
        order_number: order.number,
        case: refund.case.map(|case| case.to_string()).unwrap_or_default(),
        amount: refund.amount.0,
        reason: refund.reason,
        what: text(&format!("finance.refund_what_{}", refund.purpose.as_str())),
        state: text(&format!("console.refund_{}", refund.state.as_str())),
        tone: match refund.state {
            RefundState::Requested | RefundState::Processing => "waiting",
            RefundState::Failed => "refused",
            RefundState::Done => "done",
            RefundState::Withdrawn => "",
        },
        at: refund.requested_at.minute(),
        finished: refund.finished_at.map(|at| at.minute()).unwrap_or_default(),
        way: if by_transfer {
            text("finance.refund_by_transfer")
        } else {
            crate::texts::fill(
                visit.text("finance.refund_by_gateway"),
                &[("method", &method)],
            )
        },
        by_transfer,
        payer,
        transaction: payment.transaction,
        answer: refund.provider_no,
        failed,
        // No gateway pays a transfer back.
        retryable: failed && !by_transfer,
        by_hand: failed || (by_transfer && refund.state == RefundState::Requested),
        typed: String::new(),
        id: refund.id,
    })
}

/// A clerk by name; rules and applicants by what they are.
async fn who_asked(clerk: &ClerkVisit, refund: &Refund) -> Result<String, WebError> {
    let visit = &clerk.visit;
    if refund.requested_by == "host" {
        return Ok(visit.text("finance.by_host").to_owned());
    }
    let id = ClerkId::from_stored(refund.requested_by.as_str());
    match visit.state.staff.get(&visit.site.id, &id).await {
        Ok(colleague) => Ok(colleague.name),
        Err(StoreError::NotFound) => Ok(visit.text("finance.by_applicant").to_owned()),
        Err(error) => Err(error.into()),
    }
}

pub async fn list(clerk: ClerkVisit, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    money::may(&clerk)?;
    render(&clerk, &asked, StatusCode::OK, &[], ("", "")).await
}

/// `kept`: a refund, and the bank's number that was typed for it.
async fn render(
    clerk: &ClerkVisit,
    asked: &Asked,
    status: StatusCode,
    problems: &[Problem],
    kept: (&str, &str),
) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let state = STATES
        .into_iter()
        .find(|state| state.as_str() == asked.state)
        .unwrap_or(RefundState::Requested);
    let after = (!asked.after.is_empty()).then_some(asked.after.as_str());
    let found = visit
        .state
        .payments
        .refunds_in(&visit.site.id, state, after, one_more())
        .await?;
    let page = Paged::new(found, |refund| refund.id.clone());
    let base = format!("/console/refunds?state={}", state.as_str());
    let mut lines = lines(clerk, page.lines).await?;
    for line in &mut lines {
        if line.id == kept.0 {
            line.typed = kept.1.to_owned();
        }
    }
    let states = STATES.map(|state| {
        let text = format!("console.refund_{}", state.as_str());
        Choice::new(state.as_str(), visit.text(&text))
    });
    let view = RefundsPage {
        state: state.as_str(),
        states: states.into_iter().collect(),
        lines,
        next: page
            .next
            .map(|next| format!("{base}&after={next}"))
            .unwrap_or_default(),
        first: after.map(|_| base).unwrap_or_default(),
        problems: ProblemView::all(problems),
    };
    clerk.page_with(status, "console/refunds.html", view)
}

pub async fn retry(clerk: ClerkVisit, Path(id): Path<String>) -> Result<Response, WebError> {
    money::may_act(&clerk).await?;
    let visit = &clerk.visit;
    let mut tx = visit.state.store.begin().await?;
    let retried = visit
        .state
        .payments
        .retry_refund(&mut tx, &visit.site.id, &id, &by(&clerk))
        .await;
    match happened(retried)? {
        Outcome::Done => {}
        Outcome::Late => {
            drop(tx);
            return late(&clerk, &Asked::default(), &id).await;
        }
        Outcome::Own => return Ok(visit.go("/console/refunds?state=failed", "own-order")),
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
    money::may_act(&clerk).await?;
    let visit = &clerk.visit;
    let reference = typed(&posted, "reference", SERIAL);
    let asked = Asked {
        state: posted.get("_state").to_owned(),
        after: String::new(),
    };
    if reference.is_empty() {
        let missing = problem(&id, visit.text("finance.refund_serial_missing"));
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return render(&clerk, &asked, status, &[missing], (&id, "")).await;
    }
    let (payments, site) = (&visit.state.payments, &visit.site.id);
    let mut tx = visit.state.store.begin().await?;
    let finished = payments
        .finish_refund_by_hand(&mut tx, site, &id, &reference, &by(&clerk))
        .await;
    match happened(finished)? {
        Outcome::Done => {}
        Outcome::Late => {
            drop(tx);
            return late(&clerk, &asked, &id).await;
        }
        Outcome::Own => {
            drop(tx);
            let own = problem(&id, visit.text("finance.own_refund"));
            let status = StatusCode::FORBIDDEN;
            return render(&clerk, &asked, status, &[own], (&id, &reference)).await;
        }
    }
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(%site, refund = id, clerk = %clerk.clerk.id, "a refund was paid out by hand");
    Ok(visit.go("/console/refunds?state=done", "refund-booked"))
}

/// The list as it is now, for whoever was not the first.
async fn late(clerk: &ClerkVisit, asked: &Asked, id: &str) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let mut conn = visit.state.store.read().await?;
    let refund = rows::get(&mut conn, &visit.site.id, id).await?;
    drop(conn);
    let told = problem("", money::who_was_faster_with(clerk, &refund.order).await?);
    render(clerk, asked, StatusCode::CONFLICT, &[told], ("", "")).await
}

enum Outcome {
    Done,
    /// Somebody else was faster, or the page was an old one.
    Late,
    /// It is the clerk's own money.
    Own,
}

fn happened(outcome: Result<(), PaymentError>) -> Result<Outcome, WebError> {
    match outcome {
        Ok(()) => Ok(Outcome::Done),
        Err(
            PaymentError::NotNow
            | PaymentError::NothingToRefund
            | PaymentError::Store(StoreError::Conflict),
        ) => Ok(Outcome::Late),
        Err(PaymentError::OwnPayment) => Ok(Outcome::Own),
        Err(error) => Err(error.into()),
    }
}
