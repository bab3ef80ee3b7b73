//! How a life comes to rest.

use super::{Life, is_refused_payment};
use crate::house::{GATEWAYS, House, finance};
use crate::people::work;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use yinxin_core::ids::PaymentId;
use yinxin_core::time::Millis;
use yinxin_services::payments::RefundState;
use yinxin_services::reconciliation::ReportState;
use yinxin_simulators::lies::Answers;
use yinxin_store::payments::Odd;

impl Life<'_> {
    /// Providers answer again and clerks clear their queues, until nothing moves any more.
    pub(super) async fn rest(&mut self) {
        for method in GATEWAYS {
            for trade in self.streets.providers.book(method).all() {
                let number = &trade.out_trade_no;
                self.streets
                    .providers
                    .answer(method, number, Answers::Truth);
                self.streets.providers.tell(method, number).await;
            }
            self.streets.providers.answer(method, "", Answers::Truth);
        }
        *self.house = House::open(self.streets).await;
        let (payments, site) = (
            self.house.services.payments.clone(),
            self.house.site.clone(),
        );
        for _ in 0..3 {
            // What a crashed worker had taken is free again, then all trades come to their end.
            self.streets.clock.advance(600);
            work(self.house, self.streets, 4 * 3600).await;
            for odd in payments
                .odd_payments(&site, Odd::Open, None, 50)
                .await
                .unwrap()
            {
                self.give_back(&odd.payment).await;
            }
            let mut waiting = Vec::new();
            for state in [RefundState::Requested, RefundState::Failed] {
                waiting.extend(payments.refunds_in(&site, state, None, 50).await.unwrap());
            }
            for refund in waiting {
                let mut tx = self.house.store.begin().await.unwrap();
                let number = format!("E{}", refund.id);
                if payments
                    .finish_refund_by_hand(&mut tx, &site, &refund.id, &number, &finance())
                    .await
                    .is_ok()
                {
                    tx.commit().await.unwrap();
                    self.streets
                        .account
                        .fetch_sub(refund.amount.0, Ordering::SeqCst);
                }
            }
        }
        work(self.house, self.streets, 4 * 3600).await;
        self.compare().await;
    }

    /// The day at the providers is compared, which is one day for them however much time passed here.
    async fn compare(&mut self) {
        let reconciliation = self.house.services.reconciliation.clone();
        let (began, now) = (self.began, Millis::now().day());
        self.streets.clock.advance(48 * 3600);
        for day in BTreeSet::from([began, now]) {
            for method in GATEWAYS {
                let by = finance();
                let report = reconciliation.run_again(&self.house.site, method, day, &by);
                let report = report.await.unwrap();
                assert!(matches!(report.state, ReportState::Done), "{report:?}");
            }
        }
        // What was found by the bills comes to its end.
        work(self.house, self.streets, 4 * 3600).await;
    }

    async fn give_back(&self, payment: &PaymentId) {
        let mut tx = self.house.store.begin().await.unwrap();
        let given = self
            .house
            .services
            .payments
            .give_back(&mut tx, &self.house.site, payment, "金额不符", &finance())
            .await;
        match given {
            Ok(_) => tx.commit().await.unwrap(),
            Err(error) => assert!(is_refused_payment(&error), "{error:?}"),
        }
    }
}
