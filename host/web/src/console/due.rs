//! What waits for a finance clerk, for the desk.

use super::money::told;
use super::orders;
use super::visit::ClerkVisit;
use crate::error::WebError;
use serde::Serialize;
use std::collections::BTreeSet;
use yinxin_core::ids::PaymentId;
use yinxin_core::money::Method;
use yinxin_services::invoices::InvoiceState;
use yinxin_services::payments::RefundState;
use yinxin_services::reconciliation::DifferenceState;
use yinxin_store::invoices;
use yinxin_store::payments::{self, Odd, Payment};

/// One more than is told says "99+".
const COUNTED: i64 = 100;
/// Statements that are looked through; older ones were worked off long ago.
const STATEMENTS: i64 = 20;

#[derive(Serialize)]
pub struct Due {
    path: &'static str,
    title: String,
    count: String,
}

/// Piles with something on them; all of them together are a good day's beginning.
pub async fn due(clerk: &ClerkVisit) -> Result<Vec<Due>, WebError> {
    let visit = &clerk.visit;
    let (state, site) = (&visit.state, &visit.site.id);
    let waiting = orders::waiting(clerk).await?;
    let failed = state
        .payments
        .refunds_in(site, RefundState::Failed, None, COUNTED)
        .await?;
    let requested = state
        .payments
        .refunds_in(site, RefundState::Requested, None, COUNTED)
        .await?;
    let mut conn = state.store.read().await?;
    let odd = payments::odd(&mut conn, site, Odd::Open, None, COUNTED).await?;
    let ids: Vec<&PaymentId> = requested.iter().map(|refund| &refund.payment).collect();
    let paid = payments::with_ids(&mut conn, site, &ids).await?;
    let is_transfer = |payment: &&Payment| payment.method == Method::BankTransfer;
    let transfers: BTreeSet<&PaymentId> = paid
        .iter()
        .filter(is_transfer)
        .map(|payment| &payment.id)
        .collect();
    let by_hand = ids.into_iter().filter(|id| transfers.contains(id)).count();
    let mut refused = 0;
    for stuck in [InvoiceState::Failed, InvoiceState::VoidFailed] {
        refused += invoices::in_state(&mut conn, site, stuck, None, COUNTED)
            .await?
            .len();
    }
    drop(conn);
    let statements = state.statements.list(site, None, STATEMENTS).await;
    let statements = statements.map_err(WebError::internal)?;
    let lines: i64 = statements.iter().map(|statement| statement.open).sum();
    let differences = state
        .reconciliation
        .differences(site, DifferenceState::Open, None, COUNTED)
        .await
        .map_err(WebError::internal)?;
    let piles = [
        ("/console/orders", "desk_slips", waiting.slips),
        (
            "/console/orders?state=partly",
            "desk_partial",
            waiting.partly,
        ),
        (
            "/console/statements",
            "desk_lines",
            usize::try_from(lines).unwrap_or_default(),
        ),
        ("/console/payments", "desk_odd", odd.len()),
        ("/console/refunds?state=requested", "desk_by_hand", by_hand),
        ("/console/refunds?state=failed", "desk_failed", failed.len()),
        ("/console/invoices?state=failed", "desk_invoices", refused),
        (
            "/console/reconciliation",
            "desk_differences",
            differences.len(),
        ),
    ];
    let piles = piles.into_iter().filter(|(.., count)| *count > 0);
    Ok(piles
        .map(|(path, text, count)| Due {
            path,
            title: visit.text(&format!("finance.{text}")).to_owned(),
            count: told(count),
        })
        .collect())
}
