//! Money that came for the wrong order.

use super::allocating::{free_of, lock_all};
use super::{PaymentError, Payments, Settled, books};
use std::collections::BTreeSet;
use yinxin_core::ids::{OrderId, PaymentId, SiteId};
use yinxin_core::money::{Fen, Method};
use yinxin_store::allocations::{self, Allocation};
use yinxin_store::order_events::{By, OrderEventKind};
use yinxin_store::orders::{self, Order};
use yinxin_store::payments::{self as rows, Payment};
use yinxin_store::refunds::{self, Purpose, Refund, RefundState};
use yinxin_store::{Connection, StoreError};

/// Money of a payment that a clerk may still assign: where it is now.
pub(super) struct Loose {
    /// Parts that wait with orders for the rest of the price.
    pub parts: Vec<(Allocation, Order)>,
    /// Refunds of a surplus that nobody is at work on.
    pub refunds: Vec<Refund>,
    /// What belongs to nothing.
    pub free: Fen,
}

impl Loose {
    pub fn total(&self) -> Fen {
        let parts: i64 = self.parts.iter().map(|(part, _)| part.amount.0).sum();
        let refunds: i64 = self.refunds.iter().map(|refund| refund.amount.0).sum();
        Fen(parts + refunds + self.free.0)
    }
}

/// What of a payment can be assigned.
pub(super) async fn loose(
    conn: &mut Connection,
    site: &SiteId,
    payment: &Payment,
) -> Result<Loose, StoreError> {
    let mut parts = Vec::new();
    for allocation in allocations::of_payment(conn, site, &payment.id).await? {
        let order = orders::get(conn, site, &allocation.order).await?;
        if order.state.is_payable() {
            parts.push((allocation, order));
        }
    }
    let idle = |refund: &Refund| match refund.state {
        // No gateway is asked for these before a clerk wants it.
        RefundState::Requested => payment.method == Method::BankTransfer,
        RefundState::Failed => true,
        _ => false,
    };
    let refunds = refunds::of_payment(conn, site, &payment.id)
        .await?
        .into_iter()
        .filter(|refund| refund.purpose == Purpose::Surplus && idle(refund))
        .collect();
    let free = free_of(conn, site, payment).await?;
    Ok(Loose {
        parts,
        refunds,
        free,
    })
}

/// The orders that the money of a payment hangs on.
async fn touched(
    conn: &mut Connection,
    site: &SiteId,
    payment: &PaymentId,
) -> Result<BTreeSet<OrderId>, StoreError> {
    let mut orders = BTreeSet::from([rows::get(conn, site, payment).await?.order]);
    for allocation in allocations::of_payment(conn, site, payment).await? {
        orders.insert(allocation.order);
    }
    Ok(orders)
}

impl Payments {
    /// Lets money that pays for nothing pay for the order `to`: a payment of a wrong amount, a part that waits with an
    /// order, a surplus that was not sent back yet. What `to` does not need goes back.
    pub async fn assign(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &PaymentId,
        to: &OrderId,
        by: &By,
    ) -> Result<Settled, PaymentError> {
        let mut wanted = touched(conn, site, id).await?;
        wanted.insert(to.clone());
        lock_all(conn, site, &wanted).await?;
        if !touched(conn, site, id).await?.is_subset(&wanted) {
            return Err(StoreError::Conflict.into());
        }
        let target = orders::get(conn, site, to).await?;
        let payment = rows::get(conn, site, id).await?;
        if !target.state.is_payable() {
            return Err(PaymentError::NotPayable(target.state));
        }
        let loose = loose(conn, site, &payment).await?;
        let amount = loose.total();
        let stays = loose.parts.iter().any(|(part, _)| part.order == *to);
        if !payment.state.has_money() || amount.0 <= 0 || stays {
            return Err(PaymentError::NotNow);
        }
        let home = orders::get(conn, site, &payment.order).await?;
        let payer = rows::payer(conn, &self.sealer, site, id).await?;
        for order in [&target, &home] {
            self.refuse_own(conn, site, order, by, &payer).await?;
        }

        for (part, _) in &loose.parts {
            self.release(conn, site, part).await?;
        }
        for refund in &loose.refunds {
            self.withdraw_refund(conn, site, refund, by).await?;
        }
        let from = loose.parts.first().map_or(&home, |(_, order)| order);
        let what = (amount, id.as_str(), target.number.as_str());
        self.note(conn, site, &from.id, OrderEventKind::AssignedTo, by, what)
            .await?;
        let what = (amount, id.as_str(), from.number.as_str());
        self.note(conn, site, to, OrderEventKind::AssignedFrom, by, what)
            .await?;
        self.put_towards(conn, site, &target, &payment, amount, by)
            .await
    }

    async fn withdraw_refund(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        refund: &Refund,
        by: &By,
    ) -> Result<(), PaymentError> {
        let now = self.clock.now();
        if !refunds::withdraw(conn, site, &refund.id, now).await? {
            return Err(StoreError::Conflict.into());
        }
        books::refund_withdrawn(conn, site, refund, now).await?;
        let what = (refund.amount, refund.id.as_str(), "");
        let kind = OrderEventKind::RefundWithdrawn;
        self.note(conn, site, &refund.order, kind, by, what).await
    }
}
