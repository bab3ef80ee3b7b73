//! Booking money that arrived: exactly once, whatever the order has become.

use super::gateway::Receipt;
use super::{PaymentError, Payments};
use crate::case_event::CaseEvent;
use yinxin_core::ids::{CaseId, OrderId, PaymentId, SiteId};
use yinxin_core::money::Fen;
use yinxin_core::rules::{Fact, PaymentFact};
use yinxin_store::orders::{self, Order};
use yinxin_store::payments::{self as rows, Arrival, Payment, PaymentState};
use yinxin_store::postings::{self, Account, Entry};
use yinxin_store::{Connection, StoreError};

/// What became of money that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It paid its order.
    Paid,
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
        let settled = self.settle_in(&mut tx, site, id, receipt, "paid").await?;
        tx.commit().await.map_err(StoreError::from)?;
        if settled != Settled::Already {
            tracing::info!(%site, payment = %id, ?settled, amount = %receipt.amount, "money arrived");
        }
        Ok(settled)
    }

    /// `event`: what the cases hear when this pays the order.
    pub(super) async fn settle_in(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &PaymentId,
        receipt: &Receipt,
        event: &str,
    ) -> Result<Settled, PaymentError> {
        let order = rows::get(conn, site, id).await?.order;
        let order = orders::lock(conn, site, &order).await?;
        // Read behind the lock: somebody may have booked it meanwhile.
        let payment = rows::get(conn, site, id).await?;
        let fits = receipt.amount == payment.amount;
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
        if fits && order.state.is_payable() {
            self.pay_order(conn, site, &order, &payment, receipt, event)
                .await?;
            return Ok(Settled::Paid);
        }
        if receipt.amount.0 > 0 {
            self.post(
                conn,
                site,
                &payment,
                "arrived",
                Account::Unapplied,
                receipt.amount,
            )
            .await?;
        }
        if !fits {
            tracing::warn!(%site, order = %order.id, payment = %id, "another amount arrived than was asked for");
            return Ok(Settled::Mismatch);
        }
        let reason = if order.paid_by.is_some() {
            "重复支付，原路退回"
        } else {
            "订单已关闭，原路退回"
        };
        self.give_surplus_back(conn, site, &payment, receipt.amount, reason, "host")
            .await?;
        Ok(Settled::Surplus)
    }

    async fn pay_order(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        order: &Order,
        payment: &Payment,
        receipt: &Receipt,
        event: &str,
    ) -> Result<(), PaymentError> {
        orders::set_paid(conn, site, &order.id, &payment.id, self.clock.now()).await?;
        self.post(conn, site, payment, "paid", Account::Fees, receipt.amount)
            .await?;
        self.withdraw_attempts(conn, site, &order.id, Some(payment))
            .await?;
        let fact = Fact::Payment(PaymentFact {
            amount: receipt.amount.0,
            method: payment.method,
            transaction: receipt.transaction.clone(),
        });
        let cases = orders::cases_of(conn, site, &order.id).await?;
        self.tell(conn, site, &cases, event, &fact, payment.id.as_str())
            .await
    }

    /// Moves money that arrived from `from`, where it belongs, to what the gateway holds.
    async fn post(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        payment: &Payment,
        what: &str,
        from: Account,
        amount: Fen,
    ) -> Result<(), PaymentError> {
        let entry = Entry {
            id: format!("{what}:{}", payment.id),
            from,
            to: Account::Gateway(payment.method),
            amount,
            order: &payment.order,
            payment: payment.id.as_str(),
            refund: "",
            at: self.clock.now(),
        };
        postings::post(conn, site, &entry).await?;
        Ok(())
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

    /// The cases that a refund is told to.
    pub(super) async fn cases_told(
        conn: &mut Connection,
        site: &SiteId,
        order: &OrderId,
        case: Option<&CaseId>,
    ) -> Result<Vec<CaseId>, PaymentError> {
        match case {
            Some(case) => Ok(vec![case.clone()]),
            None => Ok(orders::cases_of(conn, site, order).await?),
        }
    }
}
