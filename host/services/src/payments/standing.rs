//! How one case stands in its order: what it owes, has paid, and got back.

use super::{PaymentError, Payments};
use yinxin_core::ids::{CaseId, OrderId, SiteId};
use yinxin_core::money::{Fen, Method, Standing};
use yinxin_store::orders::{self, Order, OrderState};
use yinxin_store::refunds::{self, Purpose, Refund, RefundState};
use yinxin_store::{Connection, payments as rows};

/// What a case owes and has paid: its share of its newest order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseStatus {
    /// None when nobody has asked for money yet.
    pub order: Option<OrderId>,
    pub standing: Standing,
    pub total: Fen,
    /// What went back to the payer, or is on its way.
    pub refunded: Fen,
    /// How it was paid.
    pub method: Option<Method>,
}

/// The part of an order's price that one of its cases bears: the lines that name it, or all when it is alone. In an
/// order whose lines name no case, none has a share of its own.
pub(super) fn share(order: &Order, cases: &[CaseId], case: &CaseId) -> Option<Fen> {
    if cases.len() == 1 {
        return Some(order.total);
    }
    if order.lines.iter().all(|line| line.case_id.is_empty()) {
        return None;
    }
    let own = order
        .lines
        .iter()
        .filter(|line| line.case_id == case.as_str());
    Some(Fen(own.map(|line| line.amount).sum()))
}

/// The refunds of what was paid for an order, as far as they are wanted.
pub(super) fn wanted(refunds: &[Refund]) -> impl Iterator<Item = &Refund> {
    refunds
        .iter()
        .filter(|refund| refund.purpose == Purpose::Order && refund.state != RefundState::Withdrawn)
}

/// Whether the whole share of a case went back, by refunds of its own.
pub(super) fn has_all_back(
    order: &Order,
    cases: &[CaseId],
    refunds: &[Refund],
    case: &CaseId,
) -> bool {
    let own = refunds.iter().filter(|refund| {
        refund.purpose == Purpose::Order
            && refund.state == RefundState::Done
            && refund.case.as_ref() == Some(case)
    });
    let back: i64 = own.map(|refund| refund.amount.0).sum();
    share(order, cases, case).is_some_and(|share| back > 0 && back >= share.0)
}

impl Payments {
    /// What a case owes and has paid, by its newest order. A refund of another case of the order does not show.
    pub async fn case_status(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        case: &CaseId,
    ) -> Result<CaseStatus, PaymentError> {
        let order = orders::of_case(conn, site, case).await?;
        self.case_status_in(conn, site, case, order.as_ref()).await
    }

    /// The same, where the case's newest order has been read already.
    pub async fn case_status_in(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        case: &CaseId,
        order: Option<&Order>,
    ) -> Result<CaseStatus, PaymentError> {
        let Some(order) = order else {
            return Ok(CaseStatus {
                order: None,
                standing: Standing::None,
                total: Fen(0),
                refunded: Fen(0),
                method: None,
            });
        };
        let cases = orders::cases_of(conn, site, &order.id).await?;
        let total = share(order, &cases, case).unwrap_or(order.total);
        let method = match &order.paid_by {
            Some(paid_by) => Some(rows::get(conn, site, paid_by).await?.method),
            None => None,
        };
        let refunds = refunds::of_order(conn, site, &order.id).await?;
        let (standing, refunded) = match order.state {
            OrderState::Refunded => (Standing::Refunded, total),
            OrderState::Paid | OrderState::Refunding => {
                let own: Vec<&Refund> = wanted(&refunds)
                    .filter(|refund| refund.case.as_ref().is_none_or(|asked| asked == case))
                    .collect();
                let owed: i64 = own.iter().map(|refund| refund.amount.0).sum();
                let is_open = own.iter().any(|refund| refund.state != RefundState::Done);
                let standing = match (is_open, owed) {
                    (true, _) => Standing::Refunding,
                    (false, back) if back > 0 && back >= total.0 => Standing::Refunded,
                    _ => Standing::Paid,
                };
                (standing, Fen(owed).min(total))
            }
            unpaid => (unpaid.standing(), Fen(0)),
        };
        Ok(CaseStatus {
            order: Some(order.id.clone()),
            standing,
            total,
            refunded,
            method,
        })
    }
}
