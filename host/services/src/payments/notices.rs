//! Notifications of the gateways.

use super::gateway::{About, Acknowledgement, Forged};
use super::{CONFIRM_JOB, PaymentError, Payments, REFUND_JOB, RefundJob, TradeJob, wire};
use reqwest::header::HeaderMap;
use yinxin_core::ids::SiteId;
use yinxin_core::money::{Fen, Method};
use yinxin_store::gateway_notifications::{self, NewNotification};
use yinxin_store::order_events::{By, OrderEventKind};
use yinxin_store::payments::{self as rows, gateway_word};
use yinxin_store::{StoreError, refunds};

impl Payments {
    /// Takes what was posted to a site's notification address. It is verified over its raw bytes, kept once, and what it
    /// claims is left to a job, which asks the gateway; so the answer is fast. [`PaymentError::Forged`]: nothing was
    /// kept; answer with [`Acknowledgement::forged`].
    pub async fn receive_notification(
        &self,
        site: &SiteId,
        method: Method,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Acknowledgement, PaymentError> {
        let gateway = self.gateway(site, method)?;
        let verified = if body.len() > wire::BODY_LIMIT {
            Err(Forged::Form)
        } else {
            gateway.verify_notification(headers, body)
        };
        let notification = verified.inspect_err(|reason| {
            let count = self.count_forged(site);
            tracing::warn!(%site, gateway = gateway_word(method), %reason, count, "notification refused");
        })?;
        let trade_no = match &notification.about {
            About::Trade(number) | About::Closed(number) => number.as_str(),
            About::Refund { number, .. } => number.as_str(),
            About::Other => "",
        };
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let new = NewNotification {
            method,
            id: &notification.id,
            trade_no,
            body,
            at: now,
        };
        if gateway_notifications::insert(&mut tx, &self.sealer, site, &new).await? {
            let key = format!("notice:{}:{}", gateway_word(method), notification.id);
            match &notification.about {
                About::Trade(number) | About::Closed(number) => {
                    match rows::by_trade(&mut tx, site, method, number).await? {
                        Some(payment) => {
                            rows::set_notified(&mut tx, site, &payment.id, now).await?;
                            let job = TradeJob {
                                payment_id: payment.id,
                                once: true,
                                claimed: matches!(notification.about, About::Trade(_)),
                            };
                            Self::enqueue(&mut tx, site, CONFIRM_JOB, key, &job, now).await?;
                        }
                        None => {
                            tracing::warn!(%site, "a notification is about a trade that is not ours")
                        }
                    }
                }
                About::Refund { number, trade } => {
                    if let Some(refund) = refunds::by_number(&mut tx, site, number).await? {
                        let job = RefundJob {
                            refund_id: refund.id,
                        };
                        Self::enqueue(&mut tx, site, REFUND_JOB, key, &job, now).await?;
                    } else if let Some(payment) =
                        rows::by_trade(&mut tx, site, method, trade).await?
                    {
                        // Nobody asked us: it was made at the provider's console. The bill of the day will say how much.
                        self.lock(&mut tx, site, &payment.order).await?;
                        let what = (Fen(0), payment.id.as_str(), number.as_str());
                        let kind = OrderEventKind::RefundedElsewhere;
                        self.note(&mut tx, site, &payment.order, kind, &By::host(), what)
                            .await?;
                    }
                }
                About::Other => {}
            }
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Acknowledgement::accepted(method))
    }
}
