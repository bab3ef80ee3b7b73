//! Which money pays which order.
//!
//! Locks: whoever changes an order, its payments, their allocations or refunds holds the order's lock, and that of every
//! order where the money first arrived. Several are taken in the order of their ids, so that two never wait for each
//! other.

use super::books;
use super::{PaymentError, Payments, Settled};
use std::collections::BTreeSet;
use yinxin_core::ids::{OrderId, SiteId};
use yinxin_core::money::{Fen, Method};
use yinxin_core::rules::{Fact, PaymentFact};
use yinxin_store::allocations::{self, Allocation};
use yinxin_store::order_events::{By, OrderEventKind};
use yinxin_store::orders::{self, Order, OrderState};
use yinxin_store::payments::{self as rows, Payment, PaymentState, gateway_word};
use yinxin_store::refunds::{self, Purpose, RefundState};
use yinxin_store::{Connection, StoreError};

/// Seconds that an order lives at least after its slip or its money was found not to be enough: long enough for another
/// transfer.
pub(super) const SECOND_CHANCE: i64 = 3 * 24 * 3600;

/// The sum of what pays an order.
pub(super) fn sum<'a>(held: impl IntoIterator<Item = &'a Allocation>) -> Fen {
    Fen(held.into_iter().map(|allocation| allocation.amount.0).sum())
}

/// What of a payment belongs to nothing: neither to an order nor to a payer who is owed it.
pub(super) async fn free_of(
    conn: &mut Connection,
    site: &SiteId,
    payment: &Payment,
) -> Result<Fen, StoreError> {
    let held = sum(&allocations::of_payment(conn, site, &payment.id).await?);
    let refunds = refunds::of_payment(conn, site, &payment.id).await?;
    let owed: i64 = refunds
        .iter()
        .filter(|refund| refund.purpose == Purpose::Surplus)
        .filter(|refund| refund.state != RefundState::Withdrawn)
        .map(|refund| refund.amount.0)
        .sum();
    Ok(Fen(payment.received.0 - held.0 - owed))
}

/// Locks orders; none of them changes until the transaction ends.
pub(super) async fn lock_all(
    conn: &mut Connection,
    site: &SiteId,
    ids: &BTreeSet<OrderId>,
) -> Result<(), StoreError> {
    for id in ids {
        orders::lock(conn, site, id).await?;
    }
    Ok(())
}

/// The orders where the money of these allocations arrived.
async fn homes(
    conn: &mut Connection,
    site: &SiteId,
    held: &[Allocation],
) -> Result<BTreeSet<OrderId>, StoreError> {
    let mut homes = BTreeSet::new();
    for allocation in held {
        homes.insert(rows::get(conn, site, &allocation.payment).await?.order);
    }
    Ok(homes)
}

impl Payments {
    /// Locks an order with all that its money hangs on.
    pub(super) async fn lock(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &OrderId,
    ) -> Result<Order, PaymentError> {
        let held = allocations::of_order(conn, site, id).await?;
        let mut wanted = homes(conn, site, &held).await?;
        wanted.insert(id.clone());
        lock_all(conn, site, &wanted).await?;
        let held = allocations::of_order(conn, site, id).await?;
        if homes(conn, site, &held).await?.is_subset(&wanted) {
            Ok(orders::get(conn, site, id).await?)
        } else {
            // Money from elsewhere came between the two looks.
            Err(StoreError::Conflict.into())
        }
    }

    /// Lets free money of a payment pay for an unpaid order, as far as it goes; the rest goes back.
    pub(super) async fn put_towards(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        order: &Order,
        payment: &Payment,
        amount: Fen,
        by: &By,
    ) -> Result<Settled, PaymentError> {
        let held = sum(&allocations::of_order(conn, site, &order.id).await?);
        let due = Fen(order.total.0 - held.0);
        let part = amount.min(due);
        self.apply(conn, site, payment, &order.id, part).await?;
        if part < due {
            self.wait_for_rest(conn, site, order, payment, Fen(due.0 - part.0), by)
                .await?;
            return Ok(Settled::Partial);
        }
        self.complete(conn, site, order, payment, by).await?;
        if amount == part {
            return Ok(Settled::Paid);
        }
        let rest = Fen(amount.0 - part.0);
        self.note(
            conn,
            site,
            &order.id,
            OrderEventKind::Excess,
            by,
            (rest, payment.id.as_str(), ""),
        )
        .await?;
        self.give_surplus_back(conn, site, payment, rest, "多付的款项，退回", by)
            .await?;
        Ok(Settled::Excess)
    }

    pub(super) async fn apply(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        payment: &Payment,
        order: &OrderId,
        amount: Fen,
    ) -> Result<(), PaymentError> {
        let now = self.clock.now();
        let allocation = Allocation {
            // Only the time-ordered form is wanted of it.
            id: yinxin_core::ids::PaymentId::generate().to_string(),
            payment: payment.id.clone(),
            order: order.clone(),
            amount,
            made_at: now,
        };
        allocations::insert(conn, site, &allocation).await?;
        books::applied(conn, site, &allocation, now).await
    }

    pub(super) async fn release(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        allocation: &Allocation,
    ) -> Result<(), PaymentError> {
        let now = self.clock.now();
        if !allocations::release(conn, site, &allocation.id, now).await? {
            return Err(StoreError::Conflict.into());
        }
        books::released(conn, site, allocation, now).await
    }

    /// Too little came: only a transfer may bring the rest, and codes that are open would bring all.
    async fn wait_for_rest(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        order: &Order,
        payment: &Payment,
        outstanding: Fen,
        by: &By,
    ) -> Result<(), PaymentError> {
        rows::set_standing(conn, site, &payment.id, PaymentState::Partial).await?;
        orders::set_state(conn, site, &order.id, OrderState::AwaitingPayment).await?;
        orders::set_chosen(conn, site, &order.id, Method::BankTransfer).await?;
        let until = self.clock.now().plus(SECOND_CHANCE);
        orders::extend(conn, site, &order.id, until).await?;
        self.withdraw_attempts(conn, site, &order.id, Some(payment))
            .await?;
        let about = payment.id.as_str();
        self.note(
            conn,
            site,
            &order.id,
            OrderEventKind::Partial,
            by,
            (outstanding, about, ""),
        )
        .await
    }

    /// All of the price is there; `last` brought the rest of it. The cases hear of it.
    pub(super) async fn complete(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        order: &Order,
        last: &Payment,
        by: &By,
    ) -> Result<(), PaymentError> {
        orders::set_chosen(conn, site, &order.id, last.method).await?;
        orders::set_paid(conn, site, &order.id, &last.id, self.clock.now()).await?;
        for allocation in allocations::of_order(conn, site, &order.id).await? {
            self.restate(conn, site, &allocation).await?;
        }
        self.withdraw_attempts(conn, site, &order.id, Some(last))
            .await?;
        let word = gateway_word(last.method);
        let what = (order.total, last.id.as_str(), word);
        self.note(conn, site, &order.id, OrderEventKind::Paid, by, what)
            .await?;
        let fact = Fact::Payment(PaymentFact {
            amount: order.total.0,
            method: last.method,
            transaction: rows::get(conn, site, &last.id).await?.transaction,
        });
        let event = match last.method {
            Method::BankTransfer => "slip-verified",
            _ => "paid",
        };
        let cases = orders::cases_of(conn, site, &order.id).await?;
        self.tell(conn, site, &cases, event, &fact, last.id.as_str())
            .await
    }

    /// A payment of an order that is paid now may still wait with another.
    async fn restate(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        paid: &Allocation,
    ) -> Result<(), PaymentError> {
        let mut state = PaymentState::Paid;
        for other in allocations::of_payment(conn, site, &paid.payment).await? {
            let order = orders::get(conn, site, &other.order).await?;
            if order.state.is_payable() {
                state = PaymentState::Partial;
            }
        }
        Ok(rows::set_standing(conn, site, &paid.payment, state).await?)
    }

    /// Gives back what was paid towards an order beyond `keep`, the newest first.
    pub(super) async fn give_parts_back(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        order: &OrderId,
        keep: Fen,
        reason: &str,
        by: &By,
    ) -> Result<(), PaymentError> {
        let held = allocations::of_order(conn, site, order).await?;
        let mut excess = sum(&held).0 - keep.0;
        for allocation in held.iter().rev() {
            if excess <= 0 {
                break;
            }
            let payment = rows::get(conn, site, &allocation.payment).await?;
            let back = excess.min(allocation.amount.0);
            excess -= back;
            self.release(conn, site, allocation).await?;
            let kept = Fen(allocation.amount.0 - back);
            if kept.0 > 0 {
                self.apply(conn, site, &payment, order, kept).await?;
            }
            self.give_surplus_back(conn, site, &payment, Fen(back), reason, by)
                .await?;
            self.restate(conn, site, allocation).await?;
        }
        Ok(())
    }
}
