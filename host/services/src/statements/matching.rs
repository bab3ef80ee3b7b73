//! Which order a line may be for. A suggestion, worked out for each look: a person says yes.

use super::{Line, booked};
use serde::{Deserialize, Serialize};
use yinxin_core::ids::{OrderId, SiteId};
use yinxin_core::money::{Fen, Method};
use yinxin_core::reference;
use yinxin_store::orders::{self, Order, OrderState};
use yinxin_store::payments::{self, PaymentState};
use yinxin_store::seal::Sealer;
use yinxin_store::{Connection, StoreError, allocations, statements};

/// Orders of one total that are looked through for the payer's name; more are not told apart by it.
const SAME_TOTAL: i64 = 50;
/// Parts whose orders are looked through in the same way: those that wait for their rest, a handful at a time.
const PARTS: i64 = 200;

/// How well a line fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuggestionKind {
    /// The memo has the reference of an unpaid order, and the amount is what is missing.
    Exact,
    /// The memo has the reference of an unpaid order; the amount is less or more than what is missing.
    Reference,
    /// Of all unpaid orders one misses this amount and names the payer.
    Amount,
    /// The memo has the reference of an order that is paid or over.
    Paid,
    /// The transfer was booked before, by hand.
    Known,
    /// Nothing fits.
    None,
}

/// An order that a line may be for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SuggestedOrder {
    pub id: OrderId,
    pub number: String,
    pub reference: String,
    pub state: OrderState,
    pub total: Fen,
    /// What it still wants; 0 when it is paid or over.
    pub missing: Fen,
}

/// What a line may be for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    pub kind: SuggestionKind,
    pub order: Option<SuggestedOrder>,
    /// The line's amount less what is missing: negative, a part; positive, what would go back. Of a transfer that was
    /// booked before: less what was booked.
    pub difference: Fen,
}

impl Suggestion {
    fn new(kind: SuggestionKind, line: &Line, order: SuggestedOrder) -> Self {
        Self {
            kind,
            difference: Fen(line.amount.0 - order.missing.0),
            order: Some(order),
        }
    }
}

/// The best fit.
pub(super) async fn suggest(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    line: &Line,
) -> Result<Suggestion, StoreError> {
    if let Some(payment) = booked(conn, site, &line.serial).await? {
        let order = orders::get(conn, site, &payment.order).await?;
        return Ok(Suggestion {
            kind: SuggestionKind::Known,
            order: Some(suggested(conn, site, &order).await?),
            difference: Fen(line.amount.0 - payment.received.0),
        });
    }
    if let Some(found) = by_reference(conn, site, line).await? {
        return Ok(found);
    }
    if let Some(order) = by_amount(conn, sealer, site, line).await? {
        return Ok(Suggestion::new(SuggestionKind::Amount, line, order));
    }
    Ok(Suggestion {
        kind: SuggestionKind::None,
        order: None,
        difference: Fen(0),
    })
}

/// By the references in the memo; an unpaid order goes before one that is over, and one whose amount fits before others.
pub(super) async fn by_reference(
    conn: &mut Connection,
    site: &SiteId,
    line: &Line,
) -> Result<Option<Suggestion>, StoreError> {
    let mut best: Option<Suggestion> = None;
    for reference in reference::in_memo(&line.details.memo) {
        let Some(id) = statements::order_of_reference(conn, site, &reference).await? else {
            continue;
        };
        let order = orders::get(conn, site, &id).await?;
        let takes_transfers = order.methods.contains(&Method::BankTransfer);
        let payable = order.state.is_payable();
        let order = suggested(conn, site, &order).await?;
        let kind = match payable {
            false => SuggestionKind::Paid,
            true if takes_transfers && order.missing == line.amount => SuggestionKind::Exact,
            true => SuggestionKind::Reference,
        };
        let rank = |kind: SuggestionKind| match kind {
            SuggestionKind::Exact => 2,
            SuggestionKind::Reference => 1,
            _ => 0,
        };
        if best
            .as_ref()
            .is_none_or(|best| rank(best.kind) < rank(kind))
        {
            best = Some(Suggestion::new(kind, line, order));
        }
    }
    Ok(best)
}

/// By amount and the payer's name, where that is one order only.
async fn by_amount(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    line: &Line,
) -> Result<Option<SuggestedOrder>, StoreError> {
    let payer = comparable(&line.details.payer);
    if payer.is_empty() {
        return Ok(None);
    }
    let mut found = None;
    let mut candidates = statements::unpaid_orders(conn, site, line.amount, SAME_TOTAL).await?;
    // Of these the rest is missing.
    let partial = PaymentState::Partial;
    for part in payments::in_state(conn, site, partial, None, PARTS).await? {
        if !candidates.contains(&part.order) {
            candidates.push(part.order);
        }
    }
    for id in candidates {
        let order = orders::get(conn, site, &id).await?;
        if !order.methods.contains(&Method::BankTransfer) {
            continue;
        }
        let details = orders::details(conn, sealer, site, &id).await?;
        let names = [&details.invoice_title, &details.contact_name];
        if names.into_iter().all(|name| comparable(name) != payer) {
            continue;
        }
        let order = suggested(conn, site, &order).await?;
        if order.missing != line.amount {
            continue;
        }
        if found.is_some() {
            return Ok(None);
        }
        found = Some(order);
    }
    Ok(found)
}

async fn suggested(
    conn: &mut Connection,
    site: &SiteId,
    order: &Order,
) -> Result<SuggestedOrder, StoreError> {
    let missing = if order.state.is_payable() {
        let parts = allocations::of_order(conn, site, &order.id).await?;
        let held: i64 = parts.iter().map(|part| part.amount.0).sum();
        Fen((order.total.0 - held).max(0))
    } else {
        Fen(0)
    };
    Ok(SuggestedOrder {
        id: order.id.clone(),
        number: order.number.clone(),
        reference: order.reference.clone(),
        state: order.state,
        total: order.total,
        missing,
    })
}

/// A name without what banks and people write differently: full-width characters, spaces, case.
fn comparable(name: &str) -> String {
    name.chars()
        .map(super::columns::half_width)
        .filter(|c| !c.is_whitespace())
        .flat_map(char::to_uppercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_company_is_the_same_in_full_width_and_with_spaces() {
        assert_eq!(
            comparable("福州（榕城）科技 有限公司"),
            comparable("福州(榕城)科技有限公司")
        );
        assert_eq!(comparable("Ａbc"), comparable("ABC "));
        assert_ne!(comparable("福州一公司"), comparable("福州二公司"));
    }
}
