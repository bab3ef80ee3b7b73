//! What goes otherwise: forged, wrong, late, twice, expired.

use crate::desk::{clerk, desks};
use std::sync::Arc;
use yinxin_core::ids::FileId;
use yinxin_core::money::{Fen, Method};
use yinxin_services::payments::{
    Alipay, Forged, GatewayError, NewRefund, OrderState, PaymentError, PaymentState, Payments,
    RefundState, Settled, Transfer, Wechat,
};
use yinxin_simulators::trades::{PayMode, TradeState};
use yinxin_store::payments::Odd;
use yinxin_store::postings::Account;
use yinxin_store::{gateway_notifications, jobs, orders};

#[tokio::test]
async fn a_forged_notification_is_refused_and_nothing_of_it_is_kept() {
    for desk in desks().await {
        for (method, mode) in [
            (Method::Wechat, PayMode::Forge),
            (Method::Wechat, PayMode::Signtest),
            (Method::Alipay, PayMode::Forge),
        ] {
            let (order, _) = desk.order(1).await;
            let payment = desk.begin(&order, method).await;
            let before = desk.payments.forged_notifications(&desk.site);
            let trade = desk.pay(&payment, mode).await;
            assert_eq!(
                trade.deliveries[0].status, 401,
                "{mode:?} {}",
                desk.store.name
            );
            assert_eq!(desk.payments.forged_notifications(&desk.site), before + 1);
            assert!(desk.work(5).await.is_empty());
            let mut conn = desk.store.read().await.unwrap();
            let kept = gateway_notifications::count(&mut conn, &desk.site, &trade.out_trade_no)
                .await
                .unwrap();
            assert_eq!(kept, 0);
            assert_eq!(desk.state(&order).await, OrderState::AwaitingPayment);
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_not_signed_by_the_provider_is_not_believed() {
    for desk in desks().await {
        // The configured platform key is not that of whoever answers: as with somebody on the line.
        let mut wechat = desk.wechat_merchant.clone();
        wechat.platform_keys[0]
            .1
            .clone_from(&desk.alipay_merchant.alipay_key);
        let mut alipay = desk.alipay_merchant.clone();
        alipay
            .alipay_key
            .clone_from(&desk.wechat_merchant.platform_keys[0].1);
        let mut payments = Payments::new(
            desk.store.store.clone(),
            desk.store.sealer.clone(),
            desk.clock.clone(),
        );
        payments.add_gateway(desk.site.clone(), Arc::new(Wechat::new(wechat).unwrap()));
        payments.add_gateway(desk.site.clone(), Arc::new(Alipay::new(alipay).unwrap()));
        for method in [Method::Wechat, Method::Alipay] {
            let (order, _) = desk.order(1).await;
            let begun = payments.begin_payment(&desk.site, &order, method).await;
            let refused = GatewayError::Unverified(Forged::Signature);
            assert!(
                matches!(begun, Err(PaymentError::Gateway(error)) if error == refused),
                "{method:?}"
            );

            // Neither is what they say of a trade that was paid.
            let payment = desk.begin(&order, method).await;
            desk.pay(&payment, PayMode::Drop).await;
            let seen = payments.poll(&desk.site, &payment.id).await.unwrap();
            assert_eq!(seen.state, PaymentState::Prepared, "{}", desk.store.name);
        }
    }
}

#[tokio::test]
async fn a_wrong_amount_waits_for_a_clerk_who_gives_it_back() {
    for desk in desks().await {
        for method in [Method::Wechat, Method::Alipay] {
            let (order, _) = desk.order(1).await;
            let payment = desk.begin(&order, method).await;
            desk.pay(&payment, PayMode::Amount).await;
            assert!(desk.work(5).await.is_empty());
            assert_eq!(
                desk.payment_state(&payment).await,
                PaymentState::Mismatch,
                "{}",
                desk.store.name
            );
            assert_eq!(desk.state(&order).await, OrderState::AwaitingPayment);
            let odd = desk
                .payments
                .odd_payments(&desk.site, Odd::Open, None, 10)
                .await
                .unwrap();
            let odd = odd.iter().find(|odd| odd.payment == payment.id).unwrap();
            assert_eq!(
                (odd.expected, odd.received, odd.refunded),
                (Fen(22000), Fen(21999), Fen(0))
            );
            assert_eq!(desk.balance(Account::Unapplied).await, Fen(-21999));

            let mut tx = desk.store.begin().await.unwrap();
            let back = desk
                .payments
                .give_back(&mut tx, &desk.site, &payment.id, "金额不符", &clerk())
                .await;
            assert_eq!(back.unwrap().amount, Fen(21999));
            let twice = desk
                .payments
                .give_back(&mut tx, &desk.site, &payment.id, "金额不符", &clerk())
                .await;
            assert!(matches!(twice, Err(PaymentError::NothingToRefund)));
            tx.commit().await.unwrap();
            for (odd, count) in [(Odd::Open, 0), (Odd::Settled, 1)] {
                let listed = desk.payments.odd_payments(&desk.site, odd, None, 10).await;
                let own = listed.unwrap().into_iter();
                let own = own.filter(|odd| odd.payment == payment.id);
                assert_eq!(own.count(), count, "{odd:?} {}", desk.store.name);
            }
            assert!(desk.work(60).await.is_empty());
            for account in [
                Account::Gateway(method),
                Account::Unapplied,
                Account::RefundsDue,
            ] {
                assert_eq!(
                    desk.balance(account).await,
                    Fen(0),
                    "{account} {}",
                    desk.store.name
                );
            }

            // The order can still be paid as it should be.
            let payment = desk.begin(&order, method).await;
            desk.pay(&payment, PayMode::Normal).await;
            assert_eq!(desk.work(5).await.len(), 1);
            // Clear the desk for the other gateway.
            assert_eq!(desk.balance(Account::Gateway(method)).await, Fen(22000));
        }
    }
}

#[tokio::test]
async fn money_that_comes_after_the_order_was_closed_goes_back_by_itself() {
    for desk in desks().await {
        for method in [Method::Wechat, Method::Alipay] {
            let (order, cases) = desk.order(1).await;
            let payment = desk.begin(&order, method).await;
            let mut tx = desk.store.begin().await.unwrap();
            desk.payments
                .close_order(&mut tx, &desk.site, &order)
                .await
                .unwrap();
            tx.commit().await.unwrap();
            // The payer was faster than our withdrawal.
            desk.pay(&payment, PayMode::Normal).await;
            assert!(desk.work(60).await.is_empty(), "{}", desk.store.name);
            assert_eq!(desk.state(&order).await, OrderState::Closed);
            assert_eq!(desk.payment_state(&payment).await, PaymentState::Paid);
            let done = desk
                .payments
                .refunds_in(&desk.site, RefundState::Done, None, 10)
                .await
                .unwrap();
            assert!(
                done.iter()
                    .any(|refund| refund.order == order && refund.amount == Fen(22000))
            );
            assert_eq!(desk.balance(Account::Gateway(method)).await, Fen(0));

            let mut tx = desk.store.begin().await.unwrap();
            let expires = desk.clock_in(3600);
            let again = desk
                .payments
                .reopen_order(&mut tx, &desk.site, &order, expires)
                .await
                .unwrap();
            assert_eq!(
                orders::cases_of(&mut tx, &desk.site, &again.id)
                    .await
                    .unwrap(),
                cases
            );
        }
    }
}

#[tokio::test]
async fn an_order_paid_at_both_gateways_gives_the_second_back() {
    for desk in desks().await {
        let (order, _) = desk.order(1).await;
        let first = desk.begin(&order, Method::Wechat).await;
        let second = desk.begin(&order, Method::Alipay).await;
        desk.pay(&first, PayMode::Normal).await;
        desk.pay(&second, PayMode::Normal).await;
        let events = desk.work(60).await;
        assert_eq!(events.len(), 1, "{events:?} {}", desk.store.name);
        assert_eq!(desk.state(&order).await, OrderState::Paid);
        let done = desk
            .payments
            .refunds_in(&desk.site, RefundState::Done, None, 10)
            .await
            .unwrap();
        assert_eq!(done.len(), 1);
        assert_eq!(done[0].amount, Fen(22000));
        let held = desk.balance(Account::Gateway(Method::Wechat)).await.0
            + desk.balance(Account::Gateway(Method::Alipay)).await.0;
        assert_eq!(held, 22000);
        assert_eq!(desk.balance(Account::Fees).await, Fen(-22000));
        assert_eq!(desk.balance(Account::RefundsDue).await, Fen(0));
    }
}

#[tokio::test]
async fn an_order_that_nobody_pays_is_closed_and_its_trade_withdrawn() {
    for desk in desks().await {
        let (order, _) = desk.order(1).await;
        let payment = desk.begin(&order, Method::Wechat).await;
        assert_eq!(
            desk.payments.close_expired(&desk.site, 10).await.unwrap(),
            0
        );
        desk.clock.advance(25 * 3600);
        let late = desk
            .payments
            .begin_payment(&desk.site, &order, Method::Wechat)
            .await;
        assert!(matches!(late, Err(PaymentError::Expired)));
        assert_eq!(
            desk.payments.close_expired(&desk.site, 10).await.unwrap(),
            1,
            "{}",
            desk.store.name
        );
        assert_eq!(
            desk.payments.close_expired(&desk.site, 10).await.unwrap(),
            0
        );
        assert!(desk.work(5).await.is_empty());
        assert_eq!(desk.state(&order).await, OrderState::Closed);
        assert_eq!(
            desk.wechat.book.find(&payment.code_url).unwrap().state,
            TradeState::Closed
        );
        let mut conn = desk.store.read().await.unwrap();
        assert!(jobs::next_due(&mut conn).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_bank_transfer_is_verified_by_a_clerk_and_booked_once() {
    for desk in desks().await {
        let (order, _) = desk.order(1).await;
        let mut tx = desk.store.begin().await.unwrap();
        desk.payments
            .upload_slip(&mut tx, &desk.site, &order, &FileId::generate(), &clerk())
            .await
            .unwrap();
        desk.payments
            .refuse_slip(&mut tx, &desk.site, &order, "看不清", &clerk())
            .await
            .unwrap();
        desk.payments
            .upload_slip(&mut tx, &desk.site, &order, &FileId::generate(), &clerk())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        desk.clock.advance(48 * 3600);
        assert_eq!(
            desk.payments.close_expired(&desk.site, 10).await.unwrap(),
            0,
            "a slip waits for its clerk"
        );

        let transfer = Transfer {
            reference: "ICBC20261120001",
            amount: Fen(22000),
            payer: "鹰潭某某公司",
        };
        let mut tx = desk.store.begin().await.unwrap();
        let settled = desk
            .payments
            .verify_transfer(&mut tx, &desk.site, &order, &transfer, &clerk())
            .await
            .unwrap();
        assert_eq!(settled, Settled::Paid);
        let twice = desk
            .payments
            .verify_transfer(&mut tx, &desk.site, &order, &transfer, &clerk())
            .await;
        assert!(
            matches!(twice, Err(PaymentError::AlreadyBooked)),
            "{}",
            desk.store.name
        );
        tx.commit().await.unwrap();
        let events = desk.work(1).await;
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].event, "slip-verified");
        assert_eq!(desk.state(&order).await, OrderState::Paid);

        // No gateway can give it back: a clerk does.
        let mut tx = desk.store.begin().await.unwrap();
        let new = NewRefund {
            order: &order,
            case: None,
            amount: Fen(22000),
            reason: "申请已撤销",
            by: &clerk(),
        };
        let refund = desk
            .payments
            .refund(&mut tx, &desk.site, new)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert!(desk.work(3600).await.is_empty());
        let waiting = desk
            .payments
            .refunds_in(&desk.site, RefundState::Requested, None, 10)
            .await;
        assert_eq!(waiting.unwrap().len(), 1);
        let mut tx = desk.store.begin().await.unwrap();
        desk.payments
            .finish_refund_by_hand(&mut tx, &desk.site, &refund[0].id, "ICBC2", &clerk())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(desk.work(1).await[0].event, "refunded");
        assert_eq!(desk.state(&order).await, OrderState::Refunded);
        assert_eq!(
            desk.balance(Account::Gateway(Method::BankTransfer)).await,
            Fen(0)
        );
    }
}
