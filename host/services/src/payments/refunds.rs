//! Asking for money to be sent back.

use super::allocating::free_of;
use super::standing::{share, wanted};
use super::{PaymentError, Payments, REFUND_JOB, RefundJob, books};
use yinxin_core::ids::{CaseId, OrderId, PaymentId, SiteId};
use yinxin_core::money::{Fen, Method};
use yinxin_store::order_events::{By, OrderEventKind};
use yinxin_store::orders::{self, Order, OrderState};
use yinxin_store::payments::{self as rows, Payment, PaymentState};
use yinxin_store::refunds::{self, Purpose, Refund, RefundState};
use yinxin_store::{Connection, allocations};

/// A refund of what was paid for an order.
#[derive(Clone, Debug)]
pub struct NewRefund<'a> {
    pub order: &'a OrderId,
    /// The case that asks for it and hears of it; none: all cases of the order.
    pub case: Option<&'a CaseId>,
    pub amount: Fen,
    /// In words, for the payer.
    pub reason: &'a str,
    pub by: &'a By,
}

impl Payments {
    /// Has money of a paid order sent back, over each payment that it came by; the event `refunded` follows when all of it
    /// is there. Gives the refunds, one for each payment. A case gets its share at most.
    pub async fn refund(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        new: NewRefund<'_>,
    ) -> Result<Vec<Refund>, PaymentError> {
        let order = self.lock(conn, site, new.order).await?;
        if !matches!(order.state, OrderState::Paid | OrderState::Refunding) {
            return Err(PaymentError::NothingToRefund);
        }
        let known = refunds::of_order(conn, site, &order.id).await?;
        self.check_share(conn, site, &order, &known, &new).await?;

        // The same number for all of them: that of the first.
        let request = PaymentId::generate().to_string();
        let (mut made, mut open) = (Vec::new(), new.amount.0);
        for held in allocations::of_order(conn, site, &order.id).await? {
            let back: i64 = wanted(&known)
                .filter(|refund| refund.payment == held.payment)
                .map(|refund| refund.amount.0)
                .sum();
            let part = open.min(held.amount.0 - back);
            if part <= 0 {
                continue;
            }
            open -= part;
            let id = match made.first() {
                None => request.clone(),
                Some(_) => PaymentId::generate().to_string(),
            };
            let payment = rows::get(conn, site, &held.payment).await?;
            let refund = Refund {
                id,
                request: request.clone(),
                order: order.id.clone(),
                payment: held.payment,
                case: new.case.cloned(),
                purpose: Purpose::Order,
                amount: Fen(part),
                reason: new.reason.to_owned(),
                state: RefundState::Requested,
                requested_by: new.by.word().to_owned(),
                provider_no: String::new(),
                paid_from: None,
                requested_at: self.clock.now(),
                finished_at: None,
            };
            made.push(self.request(conn, site, &payment, refund, new.by).await?);
        }
        if open > 0 {
            return Err(PaymentError::NothingToRefund);
        }
        self.restate_order(conn, site, &order).await?;
        Ok(made)
    }

    /// Refuses more than is left of the order, or of the share of the case that asks.
    async fn check_share(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        order: &Order,
        known: &[Refund],
        new: &NewRefund<'_>,
    ) -> Result<(), PaymentError> {
        let owed: i64 = wanted(known).map(|refund| refund.amount.0).sum();
        let mut left = order.total.0 - owed;
        if let Some(case) = new.case {
            let cases = orders::cases_of(conn, site, &order.id).await?;
            if let Some(share) = share(order, &cases, case) {
                let own: i64 = wanted(known)
                    .filter(|refund| refund.case.as_ref().is_none_or(|asked| asked == case))
                    .map(|refund| refund.amount.0)
                    .sum();
                left = left.min(share.0 - own);
            }
        }
        if new.amount.0 <= 0 || new.amount.0 > left {
            Err(PaymentError::NothingToRefund)
        } else {
            Ok(())
        }
    }

    /// The order's state follows from its refunds. One over several cases goes on while any of its money stays.
    pub(super) async fn restate_order(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        order: &Order,
    ) -> Result<(), PaymentError> {
        let all = refunds::of_order(conn, site, &order.id).await?;
        let (mut owed, mut back) = (0, 0);
        for refund in wanted(&all) {
            owed += refund.amount.0;
            if refund.state == RefundState::Done {
                back += refund.amount.0;
            }
        }
        let is_alone = orders::cases_of(conn, site, &order.id).await?.len() == 1;
        let state = if back >= order.total.0 {
            OrderState::Refunded
        } else if owed > back && (is_alone || owed >= order.total.0) {
            OrderState::Refunding
        } else {
            OrderState::Paid
        };
        Ok(orders::set_state(conn, site, &order.id, state).await?)
    }

    /// Sends back what a clerk found odd: all of a payment in [`PaymentState::Mismatch`] that is left, or a part that
    /// waits with an order for the rest of the price.
    pub async fn give_back(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &PaymentId,
        reason: &str,
        by: &By,
    ) -> Result<Refund, PaymentError> {
        let order = self.lock_of_payment(conn, site, id).await?;
        let payment = rows::get(conn, site, id).await?;
        let payer = rows::payer(conn, &self.sealer, site, id).await?;
        self.refuse_own(conn, site, &order, by, &payer).await?;
        match payment.state {
            PaymentState::Mismatch => {}
            PaymentState::Partial => {
                for part in super::assigning::loose(conn, site, &payment).await?.parts {
                    self.release(conn, site, &part.0).await?;
                }
                rows::set_standing(conn, site, id, PaymentState::Paid).await?;
            }
            _ => return Err(PaymentError::NothingToRefund),
        }
        let left = free_of(conn, site, &payment).await?;
        if left.0 <= 0 {
            return Err(PaymentError::NothingToRefund);
        }
        self.give_surplus_back(conn, site, &payment, left, reason, by)
            .await
    }

    pub(super) async fn give_surplus_back(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        payment: &Payment,
        amount: Fen,
        reason: &str,
        by: &By,
    ) -> Result<Refund, PaymentError> {
        let id = PaymentId::generate().to_string();
        let refund = Refund {
            request: id.clone(),
            id,
            order: payment.order.clone(),
            payment: payment.id.clone(),
            case: None,
            purpose: Purpose::Surplus,
            amount,
            reason: reason.to_owned(),
            state: RefundState::Requested,
            requested_by: by.word().to_owned(),
            provider_no: String::new(),
            paid_from: None,
            requested_at: self.clock.now(),
            finished_at: None,
        };
        self.request(conn, site, payment, refund, by).await
    }

    /// Writes the refund, owes it, and has it carried out where a gateway can.
    async fn request(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        payment: &Payment,
        refund: Refund,
        by: &By,
    ) -> Result<Refund, PaymentError> {
        refunds::insert(conn, site, &refund).await?;
        books::refund_due(conn, site, &refund, refund.requested_at).await?;
        let what = (refund.amount, refund.id.as_str(), refund.reason.as_str());
        let kind = OrderEventKind::RefundRequested;
        self.note(conn, site, &refund.order, kind, by, what).await?;
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
}
