//! Transfers that the finance clerk finds on the account, and slips that prove nothing.

use super::page::{SLIP_REASONS, Typed, is_ready, render};
use crate::console::money::{self, by, overtaken, problem, state_text, typed};
use crate::console::sure::Sure;
use crate::console::visit::ClerkVisit;
use crate::error::WebError;
use crate::forms::Posted;
use crate::texts::fill;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use yinxin_core::ids::OrderId;
use yinxin_core::money::Fen;
use yinxin_core::rules::Problem;
use yinxin_services::payments::{OrderView, PaymentError, Settled, Transfer};
use yinxin_store::{StoreError, orders};

/// Characters of a bank's number of a transfer; the longest in use have 32.
pub const SERIAL: usize = 64;
/// Characters of a holder's name.
pub const PAYER: usize = 80;
/// Characters of a reason, a line on a phone or two.
pub const REASON: usize = 120;

const WRONG: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

/// The clerk found the money on the account.
pub async fn verify(
    clerk: ClerkVisit,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, WebError> {
    money::may_act(&clerk).await?;
    let visit = &clerk.visit;
    let (site, id) = (&visit.site.id, OrderId::from_stored(id));
    let kept = Typed {
        amount: typed(&posted, "amount", 20),
        reference: typed(&posted, "reference", SERIAL),
        payer: typed(&posted, "payer", PAYER),
        reason: String::new(),
    };
    let amount = Fen::parse_yuan(&kept.amount).filter(|amount| amount.0 > 0);
    let problems = problems(&clerk, &kept, amount);
    let Some(amount) = amount.filter(|_| problems.is_empty()) else {
        return render(&clerk, &id, WRONG, &problems, Some(kept)).await;
    };
    let order = visit.state.payments.order_view(site, &id).await?;
    // What was agreed to is this amount, and no other.
    let agreed = posted.get("_agreed") == amount.0.to_string();
    if !agreed && let Some(sentence) = consequence(&clerk, &order, amount) {
        // What a colleague has done since is no reason to ask whether one is sure.
        let mut conn = visit.state.store.read().await?;
        let told = overtaken(&clerk, &mut conn, &id, &posted).await?;
        drop(conn);
        if let Some(told) = told {
            return late(&clerk, &id, told, Some(kept)).await;
        }
        return sure(&clerk, &order, kept, amount, sentence, posted.get("_seen"));
    }
    let transfer = Transfer {
        reference: &kept.reference,
        amount,
        payer: &kept.payer,
    };
    let mut tx = visit.state.store.begin().await?;
    let by = by(&clerk);
    let booked = visit
        .state
        .payments
        .verify_transfer(&mut tx, site, &id, &transfer, &by)
        .await;
    match booked {
        Ok(settled) => {
            if let Some(told) = overtaken(&clerk, &mut tx, &id, &posted).await? {
                drop(tx);
                return late(&clerk, &id, told, Some(kept)).await;
            }
            tx.commit().await.map_err(StoreError::from)?;
            tracing::info!(%site, order = %id, clerk = %clerk.clerk.id, ?settled, "a transfer was booked");
            Ok(visit.go(&format!("/console/orders/{id}"), flash(settled)))
        }
        Err(PaymentError::AlreadyBooked) => {
            drop(tx);
            let told = problem("reference", taken(&clerk, &kept.reference).await?);
            render(&clerk, &id, WRONG, &[told], Some(kept)).await
        }
        Err(error) => {
            drop(tx);
            refused(&clerk, &id, error, Some(kept)).await
        }
    }
}

fn problems(clerk: &ClerkVisit, kept: &Typed, amount: Option<Fen>) -> Vec<Problem> {
    let text = |name: &str| clerk.visit.text(name).to_owned();
    let mut problems = Vec::new();
    if amount.is_none() {
        problems.push(problem("amount", text("console.amount_wrong")));
    }
    if kept.reference.is_empty() {
        problems.push(problem("reference", text("console.reference_missing")));
    }
    if kept.payer.is_empty() {
        problems.push(problem("payer", text("finance.payer_missing")));
    }
    problems
}

/// What else than paying the order the amount would do, as a sentence; none when it is just what is missing.
fn consequence(clerk: &ClerkVisit, order: &OrderView, amount: Fen) -> Option<String> {
    let visit = &clerk.visit;
    let told = |text: &str, more: &[(&str, String)]| {
        let sentence = fill(
            visit.text(text),
            &[
                ("amount", &amount.to_string()),
                ("outstanding", &order.outstanding.to_string()),
            ],
        );
        more.iter().fold(sentence, |sentence, (name, value)| {
            fill(&sentence, &[(*name, value.as_str())])
        })
    };
    if !order.state.is_payable() {
        let state = state_text(clerk, order.state);
        return Some(told("finance.sure_late", &[("state", state)]));
    }
    let more = amount.0 - order.outstanding.0;
    match more {
        0 => None,
        1.. => Some(told(
            "finance.sure_excess",
            &[("excess", Fen(more).to_string())],
        )),
        _ => Some(told(
            "finance.sure_partial",
            &[("missing", Fen(-more).to_string())],
        )),
    }
}

fn sure(
    clerk: &ClerkVisit,
    order: &OrderView,
    kept: Typed,
    amount: Fen,
    sentence: String,
    seen: &str,
) -> Result<Response, WebError> {
    let text = |name: &str| clerk.visit.text(name).to_owned();
    let back = format!("/console/orders/{}", order.id);
    Sure {
        title: text("finance.sure_verify"),
        about: format!("{} {}", text("payment.order"), order.number),
        action: format!("{back}/transfer"),
        back,
        sentences: vec![sentence],
        facts: vec![
            (text("finance.amount"), amount.to_string()),
            (text("finance.bank_serial"), kept.reference.clone()),
            (text("finance.payer"), kept.payer.clone()),
        ],
        kept: vec![
            ("_seen", seen.to_owned()),
            ("_agreed", amount.0.to_string()),
            ("amount", kept.amount),
            ("reference", kept.reference),
            ("payer", kept.payer),
        ],
        label: text("finance.sure_yes"),
        danger: true,
        ..Sure::default()
    }
    .page(clerk)
}

fn flash(settled: Settled) -> &'static str {
    match settled {
        Settled::Paid => "transfer-booked",
        Settled::Partial => "transfer-part",
        Settled::Excess | Settled::Surplus | Settled::Mismatch => "transfer-surplus",
        Settled::Already => "transfer-known",
    }
}

/// Says which order has a transfer of this number already.
async fn taken(clerk: &ClerkVisit, serial: &str) -> Result<String, WebError> {
    let visit = &clerk.visit;
    let mut conn = visit.state.store.read().await?;
    let found = orders::called(&mut conn, &visit.site.id, serial, 1).await?;
    Ok(match found.first() {
        Some(order) => fill(
            visit.text("finance.serial_taken"),
            &[("serial", serial), ("order", &order.number)],
        ),
        None => visit.text("console.reference_known").to_owned(),
    })
}

/// The slip does not show what it should: the applicant reads why, and uploads another.
pub async fn refuse_slip(
    clerk: ClerkVisit,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, WebError> {
    money::may_act(&clerk).await?;
    let visit = &clerk.visit;
    let (site, id) = (&visit.site.id, OrderId::from_stored(id));
    let reason = typed(&posted, "reason", REASON);
    if reason.is_empty() {
        let missing = problem("reason", visit.text("finance.refuse_reason_missing"));
        return render(&clerk, &id, WRONG, &[missing], None).await;
    }
    let mut tx = visit.state.store.begin().await?;
    let refused_slip = visit
        .state
        .payments
        .refuse_slip(&mut tx, site, &id, &reason, &by(&clerk))
        .await;
    if let Err(error) = refused_slip {
        drop(tx);
        return refused(&clerk, &id, error, None).await;
    }
    if let Some(told) = overtaken(&clerk, &mut tx, &id, &posted).await? {
        drop(tx);
        return late(&clerk, &id, told, None).await;
    }
    tx.commit().await.map_err(StoreError::from)?;
    if !is_ready(&clerk, &reason) {
        let staff = &visit.state.staff;
        staff
            .save_reason(site, &clerk.clerk.id, SLIP_REASONS, &reason)
            .await?;
    }
    tracing::info!(%site, order = %id, clerk = %clerk.clerk.id, "a slip was refused");
    Ok(visit.go(&format!("/console/orders/{id}"), "slip-sent-back"))
}

/// The order's page as it is now, for whoever was not the first.
pub async fn late(
    clerk: &ClerkVisit,
    id: &OrderId,
    told: String,
    kept: Option<Typed>,
) -> Result<Response, WebError> {
    let told = problem("", told);
    render(clerk, id, StatusCode::CONFLICT, &[told], kept).await
}

/// Why a payment's action did not happen, beside what was typed.
pub async fn refused(
    clerk: &ClerkVisit,
    id: &OrderId,
    error: PaymentError,
    kept: Option<Typed>,
) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    match error {
        PaymentError::OwnPayment => {
            let own = problem("", visit.text("finance.own"));
            render(clerk, id, StatusCode::FORBIDDEN, &[own], kept).await
        }
        PaymentError::NotNow
        | PaymentError::NotPayable(_)
        | PaymentError::Expired
        | PaymentError::Store(StoreError::Conflict) => {
            let history = visit.state.payments.history(&visit.site.id, id).await?;
            let told = money::who_was_faster(clerk, &history);
            late(clerk, id, told, kept).await
        }
        error => Err(error.into()),
    }
}
