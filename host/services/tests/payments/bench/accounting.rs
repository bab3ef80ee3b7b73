//! What should have come of it all.

use super::{Bench, LEASE};
use crate::desk::clerk;
use yinxin_core::ids::OrderId;
use yinxin_core::money::Fen;
use yinxin_core::rules::Fact;
use yinxin_core::time::Clock;
use yinxin_services::payments::{
    By, OrderFilter, OrderState, PaymentError, PaymentState, RefundState,
};
use yinxin_store::jobs;
use yinxin_store::payments::Odd;
use yinxin_store::postings::{self, Account};

impl Bench<'_> {
    /// All is brought to its end: the gateways answer, clerks decide what is theirs, what is unpaid is cancelled.
    pub async fn settle(&mut self) {
        self.tills.values().for_each(|till| till.calm());
        self.dies = false;
        // What was begun by a process that died is taken for dead by then.
        self.clock.advance(LEASE);
        for _ in 0..200 {
            while !self.work(50).await {}
            let filter = OrderFilter::default();
            for order in self
                .payments
                .list(&self.site, &filter, None, 99)
                .await
                .unwrap()
            {
                if !matches!(
                    order.state,
                    OrderState::Open | OrderState::AwaitingPayment | OrderState::SlipUploaded
                ) {
                    continue;
                }
                let mut tx = self.store.begin().await.unwrap();
                self.payments
                    .cancel_order(&mut tx, &self.site, &order.id, &By::host())
                    .await
                    .unwrap();
                tx.commit().await.unwrap();
            }
            for odd in self
                .payments
                .odd_payments(&self.site, Odd::Open, None, 99)
                .await
                .unwrap()
            {
                let mut tx = self.store.begin().await.unwrap();
                let back = self
                    .payments
                    .give_back(&mut tx, &self.site, &odd.payment, "金额不符", &clerk())
                    .await;
                match back {
                    Ok(_) => tx.commit().await.unwrap(),
                    Err(PaymentError::NothingToRefund) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            for state in [RefundState::Failed, RefundState::Requested] {
                for refund in self
                    .payments
                    .refunds_in(&self.site, state, None, 99)
                    .await
                    .unwrap()
                {
                    self.pay_out(&refund.id, refund.amount).await;
                }
            }
            let mut conn = self.store.read().await.unwrap();
            let Some(next) = jobs::next_due(&mut conn).await.unwrap() else {
                let owed = postings::balance(&mut conn, &self.site, Account::RefundsDue).await;
                if owed.unwrap() == Fen(0) {
                    return;
                }
                continue;
            };
            drop(conn);
            let gap = (next.0 - self.clock.now().0) / 1000 + 1;
            self.clock.advance(gap.max(1));
        }
        panic!("it never comes to an end: {:#?}", self.log);
    }

    pub async fn check(&self) {
        let faults = self.payments.check_ledger(&self.site).await.unwrap();
        assert_eq!(faults, [], "{} after {:#?}", self.site, self.log);
    }

    async fn balance(&self, account: Account) -> i64 {
        let mut conn = self.store.read().await.unwrap();
        postings::balance(&mut conn, &self.site, account)
            .await
            .unwrap()
            .0
    }

    /// Everybody's money is where it belongs.
    pub async fn account_for(&self) {
        let why = || format!("{} after {:#?}", self.site, self.log);
        let mut kept = 0;
        for (method, till) in &self.tills {
            let (came, went) = till.turnover();
            kept += came - went;
            assert!(
                self.balance(Account::Gateway(*method)).await >= came - went,
                "{}",
                why()
            );
        }
        kept += self.bank.0 - self.bank.1;
        let mut earned = 0;
        for id in &self.orders {
            let view = self.payments.order_view(&self.site, id).await.unwrap();
            let told = async |event: &str| self.told_of(id, event).await;
            let paid = told("paid").await + told("slip-verified").await;
            match view.state {
                OrderState::Paid => {
                    earned += view.total.0 - view.refunded.0;
                    assert!(paid > 0 && view.refunded < view.total, "{}", why());
                }
                OrderState::Refunded => {
                    assert_eq!(view.refunded, view.total, "{}", why());
                    assert!(paid > 0 && told("refunded").await > 0, "{}", why());
                }
                OrderState::Closed => {
                    assert_eq!((paid, told("refunded").await), (0, 0), "{}", why());
                }
                other => panic!("{other:?} is no end: {}", why()),
            }
            for payment in self.payments.payments_of(&self.site, id).await.unwrap() {
                assert_ne!(payment.state, PaymentState::Partial, "{}", why());
                assert_eq!(payment.assignable, Fen(0), "{}", why());
            }
        }
        assert_eq!(kept, earned, "{}", why());
        assert_eq!(self.balance(Account::Fees).await, -earned, "{}", why());
        for account in [Account::Receivable, Account::Unapplied, Account::RefundsDue] {
            assert_eq!(self.balance(account).await, 0, "{account} {}", why());
        }
    }

    /// How many cases of the order were told; each once of being paid, and of its money no more than it was.
    async fn told_of(&self, order: &OrderId, event: &str) -> usize {
        let mut conn = self.store.read().await.unwrap();
        let cases = yinxin_store::orders::cases_of(&mut conn, &self.site, order)
            .await
            .unwrap();
        let view = self.payments.order_view(&self.site, order).await.unwrap();
        let mut heard = 0;
        for case in &cases {
            let told: Vec<_> = self
                .told
                .iter()
                .filter(|told| told.case_id == *case && told.event == event)
                .collect();
            heard += usize::from(!told.is_empty());
            let sum: i64 = told
                .iter()
                .map(|told| match &told.fact {
                    Fact::Payment(fact) => fact.amount,
                    _ => panic!("{told:?}"),
                })
                .sum();
            assert!(sum <= view.total.0, "{told:?} after {:#?}", self.log);
            assert!(event == "refunded" || told.len() <= 1, "{told:?}");
        }
        heard
    }
}
