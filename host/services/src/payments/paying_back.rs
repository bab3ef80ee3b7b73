//! Carrying refunds out: by the gateway's job, or by a clerk's hand.

use super::allocating::lock_all;
use super::gateway::{RefundOrder, RefundStanding};
use super::standing::has_all_back;
use super::{PaymentError, Payments, REFUND_JOB, RefundJob, books};
use crate::invoices;
use crate::job_end::JobEnd;
use std::collections::BTreeSet;
use std::sync::PoisonError;
use yinxin_core::ids::{OrderId, PaymentId, SiteId};
use yinxin_core::money::Method;
use yinxin_core::rules::{Fact, PaymentFact};
use yinxin_store::order_events::{By, OrderEventKind};
use yinxin_store::orders::{self, Order};
use yinxin_store::payments as rows;
use yinxin_store::refunds::{self, Purpose, Refund, RefundState};
use yinxin_store::{Connection, StoreError, allocations};

/// Why the job of a refund runs again, for a clerk.
const REFUNDING: &str = "支付平台正在退款";
/// Seconds between two looks at a refund that the gateway has.
const FIRST_LOOK: i64 = 5;
/// Banks take hours to days.
const RAREST_LOOK: i64 = 3600;

impl Payments {
    /// The job that carries a refund out and asks until it is over.
    pub(super) async fn pay_back(&self, site: &SiteId, id: &str) -> Result<JobEnd, PaymentError> {
        let Some(_asking) = self.ask(site, id) else {
            return Ok(JobEnd::Again {
                at: self.clock.now().plus(FIRST_LOOK),
                why: REFUNDING.to_owned(),
            });
        };
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
            RefundState::Done | RefundState::Failed | RefundState::Withdrawn => {
                return Ok(JobEnd::Done);
            }
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
                self.lock_of_refund(&mut tx, site, &refund).await?;
                let how = (payment.method, number.as_str(), OrderEventKind::RefundDone);
                self.finish(&mut tx, site, &refund, how, &By::host())
                    .await?;
                tx.commit().await.map_err(StoreError::from)?;
                Ok(JobEnd::Done)
            }
            Ok(RefundStanding::Failed(why)) => {
                self.fail(site, &refund, &why).await?;
                Ok(JobEnd::Done)
            }
            Ok(RefundStanding::Processing | RefundStanding::Unknown) => {
                let mut tx = self.store.begin().await?;
                refunds::set_state(&mut tx, site, id, RefundState::Processing, "", None).await?;
                tx.commit().await.map_err(StoreError::from)?;
                Ok(again(REFUNDING.to_owned()))
            }
            Err(error) => Ok(again(error.in_words())),
        }
    }

    /// To be held from reading a refund's state until the gateway's answer is written down; none while another attempt
    /// does so. A refund that one attempt failed for may be paid out by hand, and no other attempt may succeed then.
    fn ask(&self, site: &SiteId, id: &str) -> Option<impl Sized + '_> {
        let asked = || self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let own = (site.clone(), id.to_owned());
        let is_first = asked().insert(own.clone());
        is_first.then(|| {
            scopeguard::guard(own, move |own| {
                asked().remove(&own);
            })
        })
    }

    async fn fail(&self, site: &SiteId, refund: &Refund, why: &str) -> Result<(), PaymentError> {
        tracing::warn!(%site, refund = refund.id, %why, "a refund was refused");
        let mut tx = self.store.begin().await?;
        self.lock_of_refund(&mut tx, site, refund).await?;
        let now = Some(self.clock.now());
        let failed = RefundState::Failed;
        if refunds::set_state(&mut tx, site, &refund.id, failed, why, now).await? {
            let what = (refund.amount, refund.id.as_str(), why);
            let kind = OrderEventKind::RefundFailed;
            self.note(&mut tx, site, &refund.order, kind, &By::host(), what)
                .await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Books a refund that is through, once. The cases hear of it when all that was asked for with it is.
    async fn finish(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        refund: &Refund,
        (paid_from, provider_no, kind): (Method, &str, OrderEventKind),
        by: &By,
    ) -> Result<(), PaymentError> {
        let now = self.clock.now();
        if !refunds::finish(conn, site, &refund.id, provider_no, paid_from, now).await? {
            return Ok(());
        }
        books::refunded(conn, site, refund, paid_from, now).await?;
        let what = (refund.amount, refund.id.as_str(), provider_no);
        self.note(conn, site, &refund.order, kind, by, what).await?;
        if refund.purpose == Purpose::Surplus {
            return Ok(());
        }
        let order = orders::get(conn, site, &refund.order).await?;
        self.restate_order(conn, site, &order).await?;
        let all = refunds::of_order(conn, site, &order.id).await?;
        let asked = || all.iter().filter(|other| other.request == refund.request);
        if asked().any(|other| other.state != RefundState::Done) {
            return Ok(());
        }
        let fact = Fact::Payment(PaymentFact {
            amount: asked().map(|other| other.amount.0).sum(),
            method: paid_from,
            transaction: provider_no.to_owned(),
        });
        invoices::refunded(conn, site, &order.id, now).await?;
        let cases = orders::cases_of(conn, site, &order.id).await?;
        let told = match &refund.case {
            Some(case) => {
                // It may be ordered anew while its order goes on.
                if has_all_back(&order, &cases, &all, case) {
                    orders::free_case(conn, site, &order.id, case).await?;
                }
                vec![case.clone()]
            }
            // One that has its own money back heard of it then, and may be in another order by now.
            None => cases
                .iter()
                .filter(|case| !has_all_back(&order, &cases, &all, case))
                .cloned()
                .collect(),
        };
        self.tell(conn, site, &told, "refunded", &fact, &refund.request)
            .await
    }

    /// Locks the order that a refund is of, and where the money came.
    async fn lock_of_refund(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        refund: &Refund,
    ) -> Result<(), PaymentError> {
        let home = rows::get(conn, site, &refund.payment).await?.order;
        lock_all(conn, site, &BTreeSet::from([home, refund.order.clone()])).await?;
        Ok(())
    }

    /// Locks the order where a payment arrived, and those that it pays for; gives the first.
    pub(super) async fn lock_of_payment(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &PaymentId,
    ) -> Result<Order, PaymentError> {
        let home: OrderId = rows::get(conn, site, id).await?.order;
        let mut wanted = BTreeSet::from([home.clone()]);
        let held = allocations::of_payment(conn, site, id).await?;
        wanted.extend(held.iter().map(|allocation| allocation.order.clone()));
        lock_all(conn, site, &wanted).await?;
        let held = allocations::of_payment(conn, site, id).await?;
        if held
            .iter()
            .any(|allocation| !wanted.contains(&allocation.order))
        {
            return Err(StoreError::Conflict.into());
        }
        Ok(orders::get(conn, site, &home).await?)
    }

    /// What a clerk needs to know before he lets money out: [`PaymentError::OwnPayment`] when it is his own.
    async fn refuse_own_refund(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        refund: &Refund,
        by: &By,
    ) -> Result<(), PaymentError> {
        self.lock_of_refund(conn, site, refund).await?;
        let payer = rows::payer(conn, &self.sealer, site, &refund.payment).await?;
        let order = orders::get(conn, site, &refund.order).await?;
        self.refuse_own(conn, site, &order, by, &payer).await
    }

    /// A clerk lets a failed refund be tried again.
    pub async fn retry_refund(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &str,
        by: &By,
    ) -> Result<(), PaymentError> {
        let refund = refunds::get(conn, site, id).await?;
        self.refuse_own_refund(conn, site, &refund, by).await?;
        if !refunds::reopen(conn, site, id).await? {
            return Err(PaymentError::NotNow);
        }
        let what = (refund.amount, id, "");
        let kind = OrderEventKind::RefundRetried;
        self.note(conn, site, &refund.order, kind, by, what).await?;
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
        by: &By,
    ) -> Result<(), PaymentError> {
        let refund = refunds::get(conn, site, id).await?;
        self.refuse_own_refund(conn, site, &refund, by).await?;
        // Behind the lock: somebody may have assigned the money elsewhere.
        let refund = refunds::get(conn, site, id).await?;
        let payment = rows::get(conn, site, &refund.payment).await?;
        let by_hand =
            payment.method == Method::BankTransfer && refund.state == RefundState::Requested;
        let failed = !by_hand && refunds::reopen(conn, site, id).await?;
        if !by_hand && !failed {
            return Err(PaymentError::NotNow);
        }
        let how = (
            Method::BankTransfer,
            reference,
            OrderEventKind::RefundByHand,
        );
        self.finish(conn, site, &refund, how, by).await
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
