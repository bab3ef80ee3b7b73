//! Money on its way back.

use crate::desk::{Desk, clerk, desks};
use yinxin_core::ids::OrderId;
use yinxin_core::money::{Fen, Method};
use yinxin_core::rules::Fact;
use yinxin_services::job_end::JobEnd;
use yinxin_services::payments::{
    By, NewRefund, OrderState, PaymentError, PaymentView, REFUND_JOB, RefundState,
};
use yinxin_simulators::trades::PayMode;
use yinxin_store::postings::Account;

fn new<'a>(order: &'a OrderId, amount: i64, by: &'a By) -> NewRefund<'a> {
    NewRefund {
        order,
        case: None,
        amount: Fen(amount),
        reason: "申请已撤销",
        by,
    }
}

/// An order of one case that was paid over WeChat.
async fn paid(desk: &Desk) -> (OrderId, PaymentView) {
    let (order, _) = desk.order(1).await;
    let payment = desk.begin(&order, Method::Wechat).await;
    desk.pay(&payment, PayMode::Normal).await;
    desk.work(5).await;
    (order, payment)
}

/// One attempt may fail, and a clerk pay out by hand what another one is about to succeed with.
#[tokio::test]
async fn a_gateway_is_asked_about_a_refund_by_one_attempt_at_a_time() {
    for desk in desks().await {
        let (order, _) = paid(&desk).await;
        let refunds = desk.refund(&order, None, 100).await.unwrap();
        let job = serde_json::json!({ "refund_id": refunds[0].id }).to_string();
        let attempt = || desk.payments.run_job(&desk.site, REFUND_JOB, &job);
        let mut first = Box::pin(attempt());
        assert!(futures::poll!(&mut first).is_pending());
        assert!(matches!(attempt().await.unwrap(), JobEnd::Again { .. }));
        assert_eq!(desk.refunds(&order, RefundState::Requested).await.len(), 1);
        // It dies, and the next one goes on.
        drop(first);
        attempt().await.unwrap();
        assert_eq!(desk.refunds(&order, RefundState::Requested).await.len(), 0);
    }
}

#[tokio::test]
async fn a_paid_order_is_refunded_in_parts_and_its_case_hears_of_each() {
    for desk in desks().await {
        for method in [Method::Wechat, Method::Alipay] {
            let (order, cases) = desk.order(1).await;
            let payment = desk.begin(&order, method).await;
            let mut tx = desk.store.begin().await.unwrap();
            let early = desk
                .payments
                .refund(&mut tx, &desk.site, new(&order, 100, &clerk()))
                .await;
            assert!(matches!(early, Err(PaymentError::NothingToRefund)));
            drop(tx);
            desk.pay(&payment, PayMode::Normal).await;
            desk.work(5).await;

            for (amount, state) in [(2000, OrderState::Paid), (20000, OrderState::Refunded)] {
                let mut tx = desk.store.begin().await.unwrap();
                let more = desk
                    .payments
                    .refund(&mut tx, &desk.site, new(&order, 22001, &clerk()))
                    .await;
                assert!(matches!(more, Err(PaymentError::NothingToRefund)));
                desk.payments
                    .refund(&mut tx, &desk.site, new(&order, amount, &clerk()))
                    .await
                    .unwrap();
                tx.commit().await.unwrap();
                assert_eq!(
                    desk.state(&order).await,
                    OrderState::Refunding,
                    "{}",
                    desk.store.name
                );
                let events = desk.work(60).await;
                assert_eq!(events.len(), 1);
                assert_eq!(
                    (events[0].event.as_str(), &events[0].case_id),
                    ("refunded", &cases[0])
                );
                let Fact::Payment(fact) = &events[0].fact else {
                    panic!("{:?}", events[0])
                };
                assert_eq!((fact.amount, fact.method), (amount, method));
                assert_eq!(desk.state(&order).await, state);
            }
            let view = desk.payments.order_view(&desk.site, &order).await.unwrap();
            assert_eq!(view.refunded, Fen(22000));
            for account in [Account::Gateway(method), Account::Fees, Account::RefundsDue] {
                assert_eq!(
                    desk.balance(account).await,
                    Fen(0),
                    "{account} {}",
                    desk.store.name
                );
            }
        }
    }
}

#[tokio::test]
async fn a_refund_that_runs_twice_at_once_pays_out_once() {
    for desk in desks().await {
        let (order, payment) = paid(&desk).await;
        let mut tx = desk.store.begin().await.unwrap();
        let refund = desk
            .payments
            .refund(&mut tx, &desk.site, new(&order, 22000, &clerk()))
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let payload = serde_json::json!({"refund_id": refund[0].id}).to_string();
        let racing: Vec<_> = (0..6)
            .map(|_| {
                let (payments, site, payload) =
                    (desk.payments.clone(), desk.site.clone(), payload.clone());
                tokio::spawn(async move { payments.run_job(&site, "refund", &payload).await })
            })
            .collect();
        for runner in racing {
            runner.await.unwrap().unwrap();
        }
        assert_eq!(desk.work(60).await.len(), 1, "{}", desk.store.name);
        let trade = desk.wechat.book.find(&payment.code_url).unwrap();
        assert_eq!(trade.refunded(), 22000);
        assert_eq!(trade.refunds.len(), 1);
        assert_eq!(desk.balance(Account::Gateway(Method::Wechat)).await, Fen(0));
    }
}

#[tokio::test]
async fn a_refund_that_the_gateway_refuses_is_left_to_a_clerk() {
    for desk in desks().await {
        let (order, _) = desk.order(1).await;
        let payment = desk.begin(&order, Method::Wechat).await;
        let trade = desk.pay(&payment, PayMode::Normal).await;
        desk.work(5).await;
        // Somebody gave half of it back at the provider's console: there is not enough left.
        desk.wechat.book.with(|trades| {
            let refund = yinxin_simulators::trades::Refund {
                out_refund_no: "console".to_owned(),
                number: "1".to_owned(),
                amount: 11000,
                reason: String::new(),
                at: 0,
            };
            trades
                .get_mut(&trade.out_trade_no)
                .unwrap()
                .refunds
                .push(refund);
        });
        let mut tx = desk.store.begin().await.unwrap();
        let refund = desk
            .payments
            .refund(&mut tx, &desk.site, new(&order, 22000, &clerk()))
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert!(desk.work(60).await.is_empty());
        let failed = desk
            .payments
            .refunds_in(&desk.site, RefundState::Failed, None, 10)
            .await
            .unwrap();
        assert_eq!(
            (failed.len(), failed[0].provider_no.as_str()),
            (1, "NOT_ENOUGH"),
            "{}",
            desk.store.name
        );
        assert_eq!(
            desk.balance(Account::RefundsDue).await,
            Fen(-22000),
            "still owed"
        );

        let mut tx = desk.store.begin().await.unwrap();
        desk.payments
            .retry_refund(&mut tx, &desk.site, &refund[0].id, &clerk())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        desk.work(60).await;
        let failed = desk
            .payments
            .refunds_in(&desk.site, RefundState::Failed, None, 10)
            .await
            .unwrap();
        assert_eq!(failed.len(), 1);

        let mut tx = desk.store.begin().await.unwrap();
        desk.payments
            .finish_refund_by_hand(&mut tx, &desk.site, &refund[0].id, "ICBC1", &clerk())
            .await
            .unwrap();
        let twice = desk
            .payments
            .finish_refund_by_hand(&mut tx, &desk.site, &refund[0].id, "ICBC1", &clerk())
            .await;
        assert!(matches!(twice, Err(PaymentError::NotNow)));
        tx.commit().await.unwrap();
        assert_eq!(desk.work(5).await[0].event, "refunded");
        assert_eq!(desk.state(&order).await, OrderState::Refunded);
        assert_eq!(desk.balance(Account::RefundsDue).await, Fen(0));
    }
}
