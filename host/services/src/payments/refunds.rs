//! Sending money back.

use super::gateway::{RefundOrder, RefundStanding};
use super::{PaymentError, Payments, REFUND_JOB, RefundJob};
use crate::job_end::JobEnd;
use serde::Serialize;
use yinxin_core::ids::{CaseId, OrderId, PaymentId, SiteId};
use yinxin_core::money::{Fen, Method};
use yinxin_core::rules::{Fact, PaymentFact};
use yinxin_core::time::Millis;
use yinxin_store::orders::{self, OrderState};
use yinxin_store::payments::{self as rows, Payment, PaymentState};
use yinxin_store::postings::{self, Account, Entry};
use yinxin_store::refunds::{self, Purpose, Refund, RefundState};
use yinxin_store::{Connection, StoreError};

/// Seconds between two looks at a refund that the gateway has.
const FIRST_LOOK: i64 = 5;
/// Banks take hours to days.
const RAREST_LOOK: i64 = 3600;

/// A refund of what was paid for an order.
#[derive(Clone, Debug)]
pub struct NewRefund<'a> {
    pub order: &'a OrderId,
    /// The case that asks for it and hears of it; none: all cases of the order.
    pub case: Option<&'a CaseId>,
    pub amount: Fen,
    /// In words, for the payer.
    pub reason: &'a str,
    /// Clerk id, account id, or `host`.
    pub requested_by: &'a str,
}

/// A payment that a clerk has to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OddPayment {
    pub payment: PaymentId,
    pub order: OrderId,
    pub order_number: String,
    pub method: Method,
    pub transaction: String,
    pub expected: Fen,
    pub received: Fen,
    /// What went back or is on its way.
    pub refunded: Fen,
    pub confirmed_at: Option<Millis>,
}

impl Payments {
    /// Has money of a paid order sent back; the event `refunded` follows.
    pub async fn refund(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        new: NewRefund<'_>,
    ) -> Result<Refund, PaymentError> {
        let order = orders::lock(conn, site, new.order).await?;
        let paid_by = match order.state {
            OrderState::Paid | OrderState::Refunding => {
                order.paid_by.ok_or(PaymentError::NothingToRefund)?
            }
            _ => return Err(PaymentError::NothingToRefund),
        };
        let payment = rows::get(conn, site, &paid_by).await?;
        let left = payment.received.0 - refunds::total_of(conn, site, &payment.id).await?.0;
        if new.amount.0 <= 0 || new.amount.0 > left {
            return Err(PaymentError::NothingToRefund);
        }
        orders::set_state(conn, site, &order.id, OrderState::Refunding).await?;
        let refund = Refund {
            id: PaymentId::generate().to_string(),
            order: order.id,
            payment: payment.id.clone(),
            case: new.case.cloned(),
            purpose: Purpose::Order,
            amount: new.amount,
            reason: new.reason.to_owned(),
            state: RefundState::Requested,
            requested_by: new.requested_by.to_owned(),
            provider_no: String::new(),
            requested_at: self.clock.now(),
            finished_at: None,
        };
        self.request(conn, site, &payment, refund).await
    }

    /// Sends back what a clerk found odd: the rest of a payment in [`PaymentState::Mismatch`].
    pub async fn give_back(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &PaymentId,
        reason: &str,
        clerk: &str,
    ) -> Result<Refund, PaymentError> {
        let order = rows::get(conn, site, id).await?.order;
        orders::lock(conn, site, &order).await?;
        let payment = rows::get(conn, site, id).await?;
        let left = payment.received.0 - refunds::total_of(conn, site, id).await?.0;
        if payment.state != PaymentState::Mismatch || left <= 0 {
            return Err(PaymentError::NothingToRefund);
        }
        self.give_surplus_back(conn, site, &payment, Fen(left), reason, clerk)
            .await
    }

    pub(super) async fn give_surplus_back(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        payment: &Payment,
        amount: Fen,
        reason: &str,
        requested_by: &str,
    ) -> Result<Refund, PaymentError> {
        let refund = Refund {
            id: PaymentId::generate().to_string(),
            order: payment.order.clone(),
            payment: payment.id.clone(),
            case: None,
            purpose: Purpose::Surplus,
            amount,
            reason: reason.to_owned(),
            state: RefundState::Requested,
            requested_by: requested_by.to_owned(),
            provider_no: String::new(),
            requested_at: self.clock.now(),
            finished_at: None,
        };
        self.request(conn, site, payment, refund).await
    }

    /// Writes the refund, owes it, and has it carried out where a gateway can.
    async fn request(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        payment: &Payment,
        refund: Refund,
    ) -> Result<Refund, PaymentError> {
        refunds::insert(conn, site, &refund).await?;
        let entry = Entry {
            id: format!("refund-due:{}", refund.id),
            from: Account::RefundsDue,
            to: match refund.purpose {
                Purpose::Order => Account::Fees,
                Purpose::Surplus => Account::Unapplied,
            },
            amount: refund.amount,
            order: &refund.order,
            payment: refund.payment.as_str(),
            refund: &refund.id,
            at: refund.requested_at,
        };
        postings::post(conn, site, &entry).await?;
        // A transfer goes back by a clerk's hand: see `finish_refund_by_hand`.
        if payment.method != Method::BankTransfer {
            let job = RefundJob {
                refund_id: refund.id.clone(),
            };
            Self::enqueue(
                conn,
                site,
                REFUND_JOB,
                refund.id.clone(),
                &job,
                refund.requested_at,
            )
            .await?;
        }
        Ok(refund)
    }

    /// The job that carries a refund out and asks until it is over.
    pub(super) async fn pay_back(&self, site: &SiteId, id: &str) -> Result<JobEnd, PaymentError> {
        let mut conn = self.store.read().await?;
        let refund = refunds::get(&mut conn, site, id).await?;
        let payment = rows::get(&mut conn, site, &refund.payment).await?;
        drop(conn);
        let gateway = self.gateway(site, payment.method)?;
        let number = refund.out_refund_no();
        let order = RefundOrder {
            out_trade_no: &payment.out_trade_no,
            out_refund_no: &number,
            amount: refund.amount,
            total: payment.received,
            reason: &refund.reason,
        };
        let outcome = match refund.state {
            RefundState::Done | RefundState::Failed => return Ok(JobEnd::Done),
            RefundState::Requested => gateway.refund(&order).await,
            RefundState::Processing => match gateway.query_refund(&order).await {
                // It may never have got there; the number makes a repetition harmless.
                Ok(RefundStanding::Unknown) => gateway.refund(&order).await,
                outcome => outcome,
            },
        };
        let again = |why: String| {
            let at = self.next_look(refund.requested_at, FIRST_LOOK, RAREST_LOOK);
            JobEnd::Again { at, why }
        };
        match outcome {
            Ok(RefundStanding::Done(number)) => {
                let mut tx = self.store.begin().await?;
                self.finish(&mut tx, site, &refund, payment.method, &number)
                    .await?;
                tx.commit().await.map_err(StoreError::from)?;
                Ok(JobEnd::Done)
            }
            Ok(RefundStanding::Failed(why)) => {
                tracing::warn!(%site, refund = id, %why, "a refund was refused");
                let mut tx = self.store.begin().await?;
                let now = Some(self.clock.now());
                refunds::set_state(&mut tx, site, id, RefundState::Failed, &why, now).await?;
                tx.commit().await.map_err(StoreError::from)?;
                Ok(JobEnd::Done)
            }
            Ok(RefundStanding::Processing | RefundStanding::Unknown) => {
                let mut tx = self.store.begin().await?;
                refunds::set_state(&mut tx, site, id, RefundState::Processing, "", None).await?;
                tx.commit().await.map_err(StoreError::from)?;
                Ok(again("the gateway is at work".to_owned()))
            }
            Err(error) => Ok(again(error.to_string())),
        }
    }

    /// Books a refund that is through: once.
    async fn finish(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        refund: &Refund,
        paid_from: Method,
        provider_no: &str,
    ) -> Result<(), PaymentError> {
        let order = orders::lock(conn, site, &refund.order).await?;
        let now = self.clock.now();
        let done = RefundState::Done;
        if !refunds::set_state(conn, site, &refund.id, done, provider_no, Some(now)).await? {
            return Ok(());
        }
        let entry = Entry {
            id: format!("refunded:{}", refund.id),
            from: Account::Gateway(paid_from),
            to: Account::RefundsDue,
            amount: refund.amount,
            order: &refund.order,
            payment: refund.payment.as_str(),
            refund: &refund.id,
            at: now,
        };
        postings::post(conn, site, &entry).await?;
        if refund.purpose == Purpose::Surplus {
            return Ok(());
        }
        let all = refunds::of_order(conn, site, &order.id).await?;
        let ours = || all.iter().filter(|other| other.purpose == Purpose::Order);
        let back: i64 = ours()
            .filter(|other| other.state == done)
            .map(|other| other.amount.0)
            .sum();
        let state = if back >= order.total.0 {
            OrderState::Refunded
        } else if ours().any(|other| other.state != done) {
            OrderState::Refunding
        } else {
            OrderState::Paid
        };
        orders::set_state(conn, site, &order.id, state).await?;
        let fact = Fact::Payment(PaymentFact {
            amount: refund.amount.0,
            method: paid_from,
            transaction: provider_no.to_owned(),
        });
        let cases = Self::cases_told(conn, site, &order.id, refund.case.as_ref()).await?;
        self.tell(conn, site, &cases, "refunded", &fact, &refund.id)
            .await
    }

    /// A clerk lets a failed refund be tried again.
    pub async fn retry_refund(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &str,
    ) -> Result<(), PaymentError> {
        let refund = refunds::get(conn, site, id).await?;
        orders::lock(conn, site, &refund.order).await?;
        let payment = rows::get(conn, site, &refund.payment).await?;
        let left = payment.received.0 - refunds::total_of(conn, site, &refund.payment).await?.0;
        if refund.amount.0 > left || !refunds::reopen(conn, site, id).await? {
            return Err(PaymentError::NotNow);
        }
        let now = self.clock.now();
        let job = RefundJob {
            refund_id: id.to_owned(),
        };
        Self::enqueue(
            conn,
            site,
            REFUND_JOB,
            format!("retry:{id}:{}", now.0),
            &job,
            now,
        )
        .await
    }

    /// A clerk paid a refund out by hand, which no gateway could carry out: one of a bank transfer, or one that failed.
    /// `reference`: the bank's number of the transfer.
    pub async fn finish_refund_by_hand(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &str,
        reference: &str,
    ) -> Result<(), PaymentError> {
        let refund = refunds::get(conn, site, id).await?;
        orders::lock(conn, site, &refund.order).await?;
        let payment = rows::get(conn, site, &refund.payment).await?;
        let left = payment.received.0 - refunds::total_of(conn, site, &refund.payment).await?.0;
        let by_hand =
            payment.method == Method::BankTransfer && refund.state == RefundState::Requested;
        // A failed one does not count in what is left; meanwhile the money may have been promised anew.
        let failed = !by_hand && refund.amount.0 <= left && refunds::reopen(conn, site, id).await?;
        if !by_hand && !failed {
            return Err(PaymentError::NotNow);
        }
        self.finish(conn, site, &refund, Method::BankTransfer, reference)
            .await
    }

    /// A clerk's list: payments of a wrong amount of which something is left to decide, oldest first.
    pub async fn odd_payments(
        &self,
        site: &SiteId,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<OddPayment>, PaymentError> {
        let mut conn = self.store.read().await?;
        let mut odd = Vec::new();
        for payment in rows::in_state(&mut conn, site, PaymentState::Mismatch, after, limit).await?
        {
            let order = orders::get(&mut conn, site, &payment.order).await?;
            odd.push(OddPayment {
                refunded: refunds::total_of(&mut conn, site, &payment.id).await?,
                order: order.id,
                order_number: order.number,
                payment: payment.id,
                method: payment.method,
                transaction: payment.transaction,
                expected: payment.amount,
                received: payment.received,
                confirmed_at: payment.confirmed_at,
            });
        }
        Ok(odd)
    }

    /// A clerk's list: refunds in a state, oldest first.
    pub async fn refunds_in(
        &self,
        site: &SiteId,
        state: RefundState,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Refund>, PaymentError> {
        let mut conn = self.store.read().await?;
        Ok(refunds::in_state(&mut conn, site, state, after, limit).await?)
    }
}
