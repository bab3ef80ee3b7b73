//! Beginning to pay, and watching the payment.

use super::gateway::{GatewayError, NewTrade, TradeStanding};
use super::{PaymentError, Payments, TradeJob};
use crate::job_end::JobEnd;
use serde::Serialize;
use yinxin_core::ids::{OrderId, PaymentId, SiteId};
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::Millis;
use yinxin_store::order_events::{self, By, OrderEventKind};
use yinxin_store::orders::{self, Order, OrderState};
use yinxin_store::payments::{self as rows, Payment, PaymentState};
use yinxin_store::{StoreError, allocations};

/// Seconds that a code is used: both providers' codes live for two hours, and a person needs some minutes.
const CODE_LIFE: i64 = 110 * 60;
/// Seconds that a code lives at least, even when the order's time is over before; late money goes back.
const SHORTEST_LIFE: i64 = 5 * 60;
/// Seconds of life that a code must have left to be shown again.
const ENOUGH_LIFE: i64 = 60;
/// Seconds between two questions to a gateway about one trade, however many pages wait.
const QUESTION_GAP: i64 = 2;
/// Seconds until the job looks first; the page looks earlier.
const FIRST_LOOK: i64 = 15;
/// Seconds between two looks of the job at most.
const RAREST_LOOK: i64 = 600;
/// Nobody has paid yet: that is no trouble, and no clerk has to read about it.
const NOTHING_WRONG: &str = "";

/// An attempt as the payment page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PaymentView {
    pub id: PaymentId,
    pub order: OrderId,
    pub method: Method,
    /// What the QR code says.
    pub code_url: String,
    pub amount: Fen,
    pub state: PaymentState,
    pub expires_at: Millis,
}

impl From<Payment> for PaymentView {
    fn from(payment: Payment) -> Self {
        Self {
            id: payment.id,
            order: payment.order,
            method: payment.method,
            code_url: payment.code_url,
            amount: payment.amount,
            state: payment.state,
            expires_at: payment.expires_at,
        }
    }
}

/// What the payer reads in his app.
fn subject(order: &Order) -> String {
    let first = order.lines.first().map_or("", |line| line.label.as_str());
    let what = if order.lines.len() > 1 {
        format!("{first}等{}项", order.lines.len())
    } else {
        first.to_owned()
    };
    format!("{what} 订单{}", order.number)
}

impl Payments {
    /// Begins to pay, or goes on: a refreshed page and a second tab get the same code while it is valid.
    pub async fn begin_payment(
        &self,
        site: &SiteId,
        id: &OrderId,
        method: Method,
    ) -> Result<PaymentView, PaymentError> {
        let gateway = self.gateway(site, method)?;
        let (order, payment) = self.attempt(site, id, method).await?;
        if payment.state == PaymentState::Prepared {
            return Ok(payment.into());
        }
        // The row is there before the gateway hears of it. Two tabs may both ask: it is the same trade, and the code
        // that is kept first is what both show.
        let subject = subject(&order);
        let trade = NewTrade {
            out_trade_no: &payment.out_trade_no,
            subject: &subject,
            amount: payment.amount,
            expires_at: payment.expires_at,
        };
        match gateway.prepare(&trade).await {
            Ok(code) => {
                let mut tx = self.store.begin().await?;
                rows::set_prepared(&mut tx, site, &payment.id, &code).await?;
                let payment = rows::get(&mut tx, site, &payment.id).await?;
                tx.commit().await.map_err(StoreError::from)?;
                match payment.state {
                    // The order was closed in between; nobody sees the code.
                    PaymentState::Closed | PaymentState::Failed => Err(PaymentError::NotNow),
                    _ => Ok(payment.into()),
                }
            }
            Err(error @ GatewayError::Refused(_)) => {
                // The next try is a new trade. The job still asks once whether this one was paid after all.
                let mut tx = self.store.begin().await?;
                rows::end(&mut tx, site, &payment.id, PaymentState::Failed).await?;
                tx.commit().await.map_err(StoreError::from)?;
                Err(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The order's open attempt at the gateway, or a new one.
    async fn attempt(
        &self,
        site: &SiteId,
        id: &OrderId,
        method: Method,
    ) -> Result<(Order, Payment), PaymentError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let order = self.payable(&mut tx, site, id).await?;
        if order.expires_at <= now {
            return Err(PaymentError::Expired);
        }
        if !order.methods.contains(&method) {
            return Err(PaymentError::NoMethod(method));
        }
        if !allocations::of_order(&mut tx, site, id).await?.is_empty() {
            return Err(PaymentError::PartlyPaid);
        }
        for payment in rows::of_order(&mut tx, site, id).await? {
            let open = matches!(
                payment.state,
                PaymentState::Created | PaymentState::Prepared
            );
            if !open || payment.method != method {
                continue;
            }
            if payment.expires_at > now.plus(ENOUGH_LIFE) && payment.amount == order.total {
                return Ok((order, payment));
            }
            self.withdraw_attempt(&mut tx, site, &payment).await?;
        }
        let id = PaymentId::generate();
        let expires_at = order
            .expires_at
            .min(now.plus(CODE_LIFE))
            .max(now.plus(SHORTEST_LIFE));
        let payment = Payment {
            // Both providers allow 32 letters and digits; two sites of one merchant never meet.
            out_trade_no: id.as_str().replace('-', ""),
            id,
            order: order.id.clone(),
            method,
            code_url: String::new(),
            amount: order.total,
            state: PaymentState::Created,
            transaction: String::new(),
            received: Fen(0),
            created_at: now,
            expires_at,
            checked_at: Millis(0),
            notified_at: None,
            confirmed_at: None,
        };
        if !rows::insert(&mut tx, site, &payment).await? {
            return Err(StoreError::Conflict.into());
        }
        if order.state == OrderState::Open {
            orders::set_state(&mut tx, site, &order.id, OrderState::AwaitingPayment).await?;
        }
        self.chose(&mut tx, site, &order, method).await?;
        self.watch_attempt(&mut tx, site, &payment, now.plus(FIRST_LOOK))
            .await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok((order, payment))
    }

    /// How an attempt stands, for a page that waits. Asks the gateway when nobody has for two seconds; a gateway that
    /// does not answer changes nothing.
    pub async fn poll(&self, site: &SiteId, id: &PaymentId) -> Result<PaymentView, PaymentError> {
        let mut conn = self.store.read().await?;
        let payment = rows::get(&mut conn, site, id).await?;
        drop(conn);
        if !matches!(
            payment.state,
            PaymentState::Created | PaymentState::Prepared
        ) {
            return Ok(payment.into());
        }
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let mine = rows::take_check(&mut tx, site, id, now.plus(-QUESTION_GAP), now).await?;
        tx.commit().await.map_err(StoreError::from)?;
        if mine && let Err(error) = self.look(site, &payment).await {
            if let PaymentError::Store(_) = error {
                return Err(error);
            }
            tracing::warn!(%error, payment = %id, "the gateway did not say how the payment stands");
        }
        let mut conn = self.store.read().await?;
        Ok(rows::get(&mut conn, site, id).await?.into())
    }

    /// Asks the gateway and keeps what it says.
    pub(super) async fn look(
        &self,
        site: &SiteId,
        payment: &Payment,
    ) -> Result<TradeStanding, PaymentError> {
        let standing = self
            .gateway(site, payment.method)?
            .query(&payment.out_trade_no)
            .await?;
        match &standing {
            TradeStanding::Paid(receipt) => {
                self.settle(site, &payment.id, receipt).await?;
            }
            TradeStanding::Closed => self.end(site, &payment.id).await?,
            TradeStanding::Refunded => {
                self.end(site, &payment.id).await?;
                self.note_once(site, payment, OrderEventKind::RefundedElsewhere)
                    .await?;
            }
            TradeStanding::Unpaid => {}
        }
        Ok(standing)
    }

    /// Leaves a word in the order's history about an attempt whose money was not booked.
    async fn note_once(
        &self,
        site: &SiteId,
        payment: &Payment,
        kind: OrderEventKind,
    ) -> Result<(), PaymentError> {
        let mut tx = self.store.begin().await?;
        self.lock(&mut tx, site, &payment.order).await?;
        let about = payment.id.as_str();
        let has_money = rows::get(&mut tx, site, &payment.id)
            .await?
            .state
            .has_money();
        let said = order_events::of_order(&mut tx, site, &payment.order)
            .await?
            .iter()
            .any(|event| event.kind == kind && event.about == about);
        if !has_money && !said {
            let what = (Fen(0), about, "");
            self.note(&mut tx, site, &payment.order, kind, &By::host(), what)
                .await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    async fn end(&self, site: &SiteId, id: &PaymentId) -> Result<(), PaymentError> {
        let mut tx = self.store.begin().await?;
        rows::end(&mut tx, site, id, PaymentState::Closed).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// The job that looks at an attempt until it is over: also at one that we closed, since its code may still be
    /// payable, and also when no notification ever comes.
    pub(super) async fn confirm(
        &self,
        site: &SiteId,
        job: &TradeJob,
    ) -> Result<JobEnd, PaymentError> {
        let id = &job.payment_id;
        let mut conn = self.store.read().await?;
        let payment = rows::get(&mut conn, site, id).await?;
        drop(conn);
        if payment.state.has_money() {
            return Ok(JobEnd::Done);
        }
        let again = |why: &str| {
            let at = self.next_look(payment.created_at, FIRST_LOOK, RAREST_LOOK);
            JobEnd::Again {
                at,
                why: why.to_owned(),
            }
        };
        let looked = self.look(site, &payment).await;
        if job.claimed && matches!(looked, Ok(TradeStanding::Unpaid | TradeStanding::Closed)) {
            self.note_once(site, &payment, OrderEventKind::NoticeUnconfirmed)
                .await?;
        }
        match looked {
            Ok(TradeStanding::Unpaid) if job.once || payment.state == PaymentState::Failed => {
                Ok(JobEnd::Done)
            }
            Ok(TradeStanding::Unpaid) if payment.expires_at > self.clock.now() => {
                Ok(again(NOTHING_WRONG))
            }
            Ok(TradeStanding::Unpaid) => self.withdraw(site, id).await,
            Ok(_) => Ok(JobEnd::Done),
            Err(PaymentError::Gateway(error)) => Ok(again(&error.in_words())),
            Err(error) => Err(error),
        }
    }

    /// The job that closes a trade at its gateway. A trade that cannot be closed may have been paid: asked last.
    pub(super) async fn withdraw(
        &self,
        site: &SiteId,
        id: &PaymentId,
    ) -> Result<JobEnd, PaymentError> {
        let mut conn = self.store.read().await?;
        let payment = rows::get(&mut conn, site, id).await?;
        drop(conn);
        if payment.state.has_money() {
            return Ok(JobEnd::Done);
        }
        let outcome = match self
            .gateway(site, payment.method)?
            .close(&payment.out_trade_no)
            .await
        {
            Ok(()) | Err(GatewayError::Refused(_)) => self.look(site, &payment).await,
            Err(error) => Err(error.into()),
        };
        match outcome {
            Ok(TradeStanding::Unpaid) => self.end(site, id).await.map(|()| JobEnd::Done),
            Ok(_) => Ok(JobEnd::Done),
            Err(PaymentError::Gateway(error)) => {
                let at = self.next_look(payment.created_at, FIRST_LOOK, RAREST_LOOK);
                Ok(JobEnd::Again {
                    at,
                    why: error.in_words(),
                })
            }
            Err(error) => Err(error),
        }
    }
}
