//! Notifications of the gateways.

use super::gateway::{About, Acknowledgement, Forged};
use super::{CONFIRM_JOB, PaymentError, Payments, REFUND_JOB, RefundJob, TradeJob, wire};
use reqwest::header::HeaderMap;
use std::sync::atomic::Ordering;
use yinxin_core::ids::SiteId;
use yinxin_core::money::Method;
use yinxin_store::gateway_notifications::{self, NewNotification};
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
            let count = self.forged.fetch_add(1, Ordering::Relaxed) + 1;
            tracing::warn!(%site, gateway = gateway_word(method), %reason, count, "notification refused");
        })?;
        let trade_no = match &notification.about {
            About::Trade(number) | About::Refund(number) => number.as_str(),
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
                About::Trade(number) => {
                    match rows::by_trade(&mut tx, site, method, number).await? {
                        Some(payment) => {
                            rows::set_notified(&mut tx, site, &payment.id, now).await?;
                            let job = TradeJob {
                                payment_id: payment.id,
                                once: true,
                            };
                            Self::enqueue(&mut tx, site, CONFIRM_JOB, key, &job, now).await?;
                        }
                        None => {
                            tracing::warn!(%site, "a notification is about a trade that is not ours")
                        }
                    }
                }
                About::Refund(number) => {
                    if let Some(refund) = refunds::by_number(&mut tx, site, number).await? {
                        let job = RefundJob {
                            refund_id: refund.id,
                        };
                        Self::enqueue(&mut tx, site, REFUND_JOB, key, &job, now).await?;
                    }
                }
                About::Other => {}
            }
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Acknowledgement::accepted(method))
    }
}
