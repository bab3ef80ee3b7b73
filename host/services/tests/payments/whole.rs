//! The usual way: begin, scan, pay, be told, go on.

use crate::desk::desks;
use yinxin_core::ids::SiteId;
use yinxin_core::money::{Fen, Method, Standing};
use yinxin_core::rules::{Fact, PaymentFact};
use yinxin_services::payments::{GatewayError, OrderState, PaymentError, PaymentState};
use yinxin_simulators::trades::{PayMode, TradeState};
use yinxin_store::gateway_notifications;
use yinxin_store::postings::Account;

#[tokio::test]
async fn an_order_is_paid_and_each_of_its_cases_hears_of_it_once() {
    for desk in desks().await {
        for method in [Method::Wechat, Method::Alipay] {
            let (order, cases) = desk.order(2).await;
            let payment = desk.begin(&order, method).await;
            assert_eq!(payment.state, PaymentState::Prepared, "{}", desk.store.name);
            assert_eq!(desk.state(&order).await, OrderState::AwaitingPayment);
            let trade = desk.pay(&payment, PayMode::Normal).await;
            assert!(trade.deliveries[0].accepted, "{:?}", trade.deliveries);

            let events = desk.work(5).await;
            assert_eq!(events.len(), 2);
            let transaction = trade.receipt.unwrap().transaction;
            let fact = Fact::Payment(PaymentFact {
                amount: 22000,
                method,
                transaction: transaction.clone(),
            });
            for event in &events {
                assert!(
                    cases.contains(&event.case_id) && event.event == "paid" && event.fact == fact,
                    "{event:?}"
                );
            }
            let view = desk.payments.order_view(&desk.site, &order).await.unwrap();
            assert_eq!(
                (view.state, view.paid_method),
                (OrderState::Paid, Some(method))
            );
            assert_eq!((view.transaction, view.payment), (transaction, None));
            assert_eq!(desk.balance(Account::Gateway(method)).await, Fen(22000));
            let again = desk
                .payments
                .begin_payment(&desk.site, &order, method)
                .await;
            assert!(matches!(
                again,
                Err(PaymentError::NotPayable(OrderState::Paid))
            ));
            let mut conn = desk.store.read().await.unwrap();
            let status = desk
                .payments
                .case_status(&mut conn, &desk.site, &cases[0])
                .await
                .unwrap();
            assert_eq!(
                (status.standing, status.method),
                (Standing::Paid, Some(method))
            );
        }
        assert_eq!(desk.balance(Account::Fees).await, Fen(-44000));
        assert!(desk.work(48 * 3600).await.is_empty());
    }
}

#[tokio::test]
async fn a_refresh_and_a_second_tab_show_the_same_code_until_it_ends() {
    for desk in desks().await {
        let (order, _) = desk.order(1).await;
        let tabs: Vec<_> = (0..6)
            .map(|_| {
                let (payments, site, order) =
                    (desk.payments.clone(), desk.site.clone(), order.clone());
                tokio::spawn(async move {
                    payments
                        .begin_payment(&site, &order, Method::Wechat)
                        .await
                        .unwrap()
                })
            })
            .collect();
        let first = desk.begin(&order, Method::Wechat).await;
        for tab in tabs {
            assert_eq!(tab.await.unwrap(), first, "{}", desk.store.name);
        }
        assert_eq!(desk.wechat.book.all().len(), 1);
        let view = desk.payments.order_view(&desk.site, &order).await.unwrap();
        assert_eq!(view.payment.as_ref(), Some(&first));

        desk.clock.advance(110 * 60);
        let second = desk.begin(&order, Method::Wechat).await;
        assert_ne!(second.code_url, first.code_url);
        desk.work(1).await;
        assert_eq!(
            desk.wechat.book.find(&first.code_url).unwrap().state,
            TradeState::Closed
        );
        assert_eq!(desk.payment_state(&first).await, PaymentState::Closed);
    }
}

#[tokio::test]
async fn a_repeated_notification_is_kept_and_booked_once() {
    for desk in desks().await {
        for method in [Method::Wechat, Method::Alipay] {
            let (order, _) = desk.order(1).await;
            let payment = desk.begin(&order, method).await;
            let trade = desk.pay(&payment, PayMode::Repeat).await;
            assert_eq!(
                trade
                    .deliveries
                    .iter()
                    .filter(|delivery| delivery.accepted)
                    .count(),
                3
            );
            assert_eq!(desk.work(5).await.len(), 1, "{}", desk.store.name);
            let mut conn = desk.store.read().await.unwrap();
            let kept = gateway_notifications::count(&mut conn, &desk.site, &trade.out_trade_no)
                .await
                .unwrap();
            assert_eq!(kept, 1);
            assert_eq!(desk.balance(Account::Gateway(method)).await, Fen(22000));
        }
    }
}

#[tokio::test]
async fn a_lost_notification_is_made_up_for_by_the_page_and_by_the_job() {
    for desk in desks().await {
        let (watched, _) = desk.order(1).await;
        let payment = desk.begin(&watched, Method::Wechat).await;
        desk.pay(&payment, PayMode::Drop).await;
        let seen = desk.payments.poll(&desk.site, &payment.id).await.unwrap();
        assert_eq!(seen.state, PaymentState::Paid, "{}", desk.store.name);
        assert_eq!(desk.work(1).await.len(), 1);

        let (left, _) = desk.order(1).await;
        let payment = desk.begin(&left, Method::Alipay).await;
        desk.pay(&payment, PayMode::Drop).await;
        assert_eq!(desk.work(3600).await.len(), 1);
        assert_eq!(desk.state(&left).await, OrderState::Paid);
    }
}

#[tokio::test]
async fn all_who_confirm_at_once_book_once() {
    for desk in desks().await {
        let (order, _) = desk.order(1).await;
        let payment = desk.begin(&order, Method::Wechat).await;
        desk.pay(&payment, PayMode::Normal).await;
        let payload = serde_json::json!({"payment_id": payment.id, "once": true}).to_string();
        let racing: Vec<_> = (0..8)
            .map(|_| {
                let (payments, site, payload) =
                    (desk.payments.clone(), desk.site.clone(), payload.clone());
                tokio::spawn(
                    async move { payments.run_job(&site, "payment-confirm", &payload).await },
                )
            })
            .collect();
        for runner in racing {
            runner.await.unwrap().unwrap();
        }
        assert_eq!(desk.work(5).await.len(), 1, "{}", desk.store.name);
        assert_eq!(desk.balance(Account::Fees).await, Fen(-22000));
    }
}

#[tokio::test]
async fn a_gateway_that_is_down_leaves_an_attempt_that_goes_on_with_the_same_trade() {
    for mut desk in desks().await {
        let (order, _) = desk.order(1).await;
        let payments = desk.payments.clone();
        let site = desk.site.clone();
        // The line goes dead before the code arrives; the trade is known to the provider all the same.
        desk.stop_providers().await;
        let refused = payments.begin_payment(&site, &order, Method::Wechat).await;
        assert!(
            matches!(
                refused,
                Err(PaymentError::Gateway(GatewayError::Unreachable(_)))
            ),
            "{refused:?}"
        );
        let mut conn = desk.store.read().await.unwrap();
        let attempts = yinxin_store::payments::of_order(&mut conn, &site, &order)
            .await
            .unwrap();
        assert_eq!(attempts.len(), 1);
        assert_eq!(attempts[0].state, PaymentState::Created);
        drop(conn);
        desk.start_providers().await;
        let payment = desk.begin(&order, Method::Wechat).await;
        assert_eq!(payment.id, attempts[0].id, "{}", desk.store.name);
        desk.pay(&payment, PayMode::Normal).await;
        assert_eq!(desk.work(5).await.len(), 1);
    }
}

#[tokio::test]
async fn another_site_neither_sees_nor_pays_the_order() {
    let other = SiteId::parse("fujian").unwrap();
    for desk in desks().await {
        let (order, _) = desk.order(1).await;
        let payment = desk.begin(&order, Method::Wechat).await;
        assert!(desk.payments.order_view(&other, &order).await.is_err());
        assert!(desk.payments.poll(&other, &payment.id).await.is_err());
        let begun = desk
            .payments
            .begin_payment(&other, &order, Method::Wechat)
            .await;
        assert!(
            matches!(begun, Err(PaymentError::NoMethod(Method::Wechat))),
            "{}",
            desk.store.name
        );
    }
}
