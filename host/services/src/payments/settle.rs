//! Booking money that arrived: exactly once, whatever the order has become.

use super::books;
use super::gateway::Receipt;
use super::{PaymentError, Payments};
use crate::case_event::CaseEvent;
use yinxin_core::ids::{CaseId, PaymentId, SiteId};
use yinxin_core::money::Method;
use yinxin_core::rules::Fact;
use yinxin_store::order_events::{By, OrderEventKind};
use yinxin_store::payments::{self as rows, Arrival, PaymentState};
use yinxin_store::{Connection, StoreError, allocations};

/// What became of money that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It paid its order, or the rest of it.
    Paid,
    /// It paid its order, and more: the rest goes back.
    Excess,
    /// It is less than was due: the order waits for the rest.
    Partial,
    /// The order was paid or over already: the money goes back.
    Surplus,
    /// It is not what was asked for: a clerk decides.
    Mismatch,
    /// It was booked before.
    Already,
}

impl Payments {
    pub(super) async fn settle(
        &self,
        site: &SiteId,
        id: &PaymentId,
        receipt: &Receipt,
    ) -> Result<Settled, PaymentError> {
        let mut tx = self.store.begin().await?;
        let settled = self
            .settle_in(&mut tx, site, id, receipt, &By::host())
            .await?;
        tx.commit().await.map_err(StoreError::from)?;
        if settled != Settled::Already {
            tracing::info!(%site, payment = %id, ?settled, amount = %receipt.amount, "money arrived");
        }
        Ok(settled)
    }

    pub(super) async fn settle_in(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &PaymentId,
        receipt: &Receipt,
        by: &By,
    ) -> Result<Settled, PaymentError> {
        let order = rows::get(conn, site, id).await?.order;
        let order = self.lock(conn, site, &order).await?;
        // Read behind the lock: somebody may have booked it meanwhile.
        let payment = rows::get(conn, site, id).await?;
        let is_transfer = payment.method == Method::BankTransfer;
        let fits = is_transfer || receipt.amount == payment.amount;
        let state = if fits {
            PaymentState::Paid
        } else {
            PaymentState::Mismatch
        };
        let now = self.clock.now();
        let arrival = Arrival {
            transaction: &receipt.transaction,
            amount: receipt.amount,
            payer: &receipt.payer,
            at: now,
        };
        if !rows::set_arrived(conn, &self.sealer, site, id, state, &arrival).await? {
            return Ok(Settled::Already);
        }
        if receipt.amount.0 > 0 {
            books::receipt(conn, site, &payment, receipt.amount, now).await?;
        }
        let what = (receipt.amount, id.as_str(), receipt.transaction.as_str());
        if !fits {
            tracing::warn!(%site, order = %order.id, payment = %id, "another amount arrived than was asked for");
            self.note(conn, site, &order.id, OrderEventKind::Mismatch, by, what)
                .await?;
            return Ok(Settled::Mismatch);
        }
        // A code of an earlier price, or beside a transfer of a part, brings what is not due any more.
        let is_due = order.state.is_payable()
            && (is_transfer
                || receipt.amount == order.total
                    && allocations::of_order(conn, site, &order.id)
                        .await?
                        .is_empty());
        if is_due {
            return self
                .put_towards(conn, site, &order, &payment, receipt.amount, by)
                .await;
        }
        let reason = if order.paid_by.is_some() {
            "重复支付，退回付款人"
        } else if order.state.is_payable() {
            "订单金额已变更，退回付款人"
        } else {
            "订单已关闭，退回付款人"
        };
        self.note(conn, site, &order.id, OrderEventKind::Surplus, by, what)
            .await?;
        self.give_surplus_back(conn, site, &payment, receipt.amount, reason, by)
            .await?;
        Ok(Settled::Surplus)
    }

    /// Tells cases, in this transaction, by a job each; `cause` makes it once.
    pub(super) async fn tell(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        cases: &[CaseId],
        event: &str,
        fact: &Fact,
        cause: &str,
    ) -> Result<(), PaymentError> {
        for case in cases {
            let told = CaseEvent {
                case_id: case.clone(),
                event: event.to_owned(),
                fact: fact.clone(),
            };
            let key = format!("{event}:{cause}:{case}");
            told.enqueue(conn, site, key, self.clock.now()).await?;
        }
        Ok(())
    }
}
