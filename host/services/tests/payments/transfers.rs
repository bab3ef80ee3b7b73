//! Bank transfers: too little, too much, twice, for the wrong order, for one that is over.

use crate::desk::{Desk, clerk, desks};
use yinxin_core::ids::{FileId, OrderId, PaymentId};
use yinxin_core::money::{Fen, Method, Standing};
use yinxin_core::reference;
use yinxin_core::rules::Fact;
use yinxin_services::payments::{
    By, ByKind, OrderState, PaymentError, PaymentState, RefundState, Settled,
};
use yinxin_simulators::trades::PayMode;
use yinxin_store::payments::Odd;
use yinxin_store::postings::Account;

async fn payment_of(desk: &Desk, order: &OrderId) -> PaymentId {
    let all = desk.payments.payments_of(&desk.site, order).await.unwrap();
    all.last().unwrap().payment.clone()
}

async fn assign(desk: &Desk, payment: &PaymentId, to: &OrderId) -> Result<Settled, PaymentError> {
    let mut tx = desk.store.begin().await.unwrap();
    let settled = desk
        .payments
        .assign(&mut tx, &desk.site, payment, to, &clerk())
        .await?;
    tx.commit().await.unwrap();
    Ok(settled)
}

#[tokio::test]
async fn parts_add_up_and_only_a_transfer_brings_the_rest() {
    for desk in desks().await {
        let (order, cases) = desk.order(1).await;
        let code = desk.begin(&order, Method::Wechat).await;
        assert_eq!(
            desk.transfer(&order, "B1", 10000).await.unwrap(),
            Settled::Partial
        );
        let view = desk.payments.order_view(&desk.site, &order).await.unwrap();
        assert_eq!((view.received, view.outstanding), (Fen(10000), Fen(12000)));
        assert_eq!(
            view.state,
            OrderState::AwaitingPayment,
            "{}",
            desk.store.name
        );
        assert!(view.payment.is_none(), "the code was withdrawn");
        assert_eq!(desk.balance(Account::Receivable).await, Fen(12000));
        let again = desk
            .payments
            .begin_payment(&desk.site, &order, Method::Alipay)
            .await;
        assert!(matches!(again, Err(PaymentError::PartlyPaid)));
        // The payer was faster than the withdrawal: it goes back by itself.
        desk.pay(&code, PayMode::Normal).await;
        assert!(desk.work(60).await.is_empty());
        assert_eq!(desk.balance(Account::Gateway(Method::Wechat)).await, Fen(0));

        assert_eq!(
            desk.transfer(&order, "B2", 12000).await.unwrap(),
            Settled::Paid
        );
        let events = desk.work(1).await;
        assert_eq!(events.len(), 1);
        let Fact::Payment(fact) = &events[0].fact else {
            panic!("{:?}", events[0])
        };
        assert_eq!(
            (events[0].event.as_str(), fact.amount),
            ("slip-verified", 22000)
        );
        assert_eq!(desk.standing(&cases[0]).await, (Standing::Paid, 22000, 0));
        for payment in desk.payments.payments_of(&desk.site, &order).await.unwrap() {
            assert_eq!(payment.state, PaymentState::Paid);
            assert_eq!(payment.assignable, Fen(0));
        }
        assert_eq!(desk.balance(Account::Receivable).await, Fen(0));
        assert_eq!(
            desk.balance(Account::Gateway(Method::BankTransfer)).await,
            Fen(22000)
        );
        // Found by whatever number somebody has at hand.
        for text in [view.number.as_str(), view.reference.as_str(), "B2"] {
            let found = desk.payments.find(&desk.site, text).await.unwrap();
            assert_eq!(found.map(|found| found.id).as_ref(), Some(&order), "{text}");
        }
        assert!(reference::is_valid(&view.reference));
        let memo = format!("订单{}货款", view.reference);
        assert!(
            desk.payments
                .find(&desk.site, &memo)
                .await
                .unwrap()
                .is_some()
        );
        // A bank's number is one, even where the digits in it are another order's reference.
        let (other, _) = desk.order(1).await;
        let serial = format!("BK{}", view.reference);
        let settled = desk.transfer(&other, &serial, 22000).await.unwrap();
        assert_eq!(settled, Settled::Paid);
        let found = desk.payments.find(&desk.site, &serial).await.unwrap();
        assert_eq!(found.map(|found| found.id), Some(other));
    }
}

#[tokio::test]
async fn what_was_paid_too_much_goes_back_by_hand() {
    for desk in desks().await {
        let (order, _) = desk.order(1).await;
        assert_eq!(
            desk.transfer(&order, "B1", 25000).await.unwrap(),
            Settled::Excess
        );
        assert_eq!(desk.work(1).await.len(), 1, "{}", desk.store.name);
        assert_eq!(desk.state(&order).await, OrderState::Paid);
        let waiting = desk.refunds(&order, RefundState::Requested).await;
        assert_eq!((waiting.len(), waiting[0].amount), (1, Fen(3000)));
        assert_eq!(desk.balance(Account::RefundsDue).await, Fen(-3000));
        desk.by_hand(&waiting[0].id).await.unwrap();
        assert!(
            desk.work(1).await.is_empty(),
            "the case does not hear of it"
        );
        assert_eq!(desk.state(&order).await, OrderState::Paid);
        assert_eq!(
            desk.balance(Account::Gateway(Method::BankTransfer)).await,
            Fen(22000)
        );
        let history = desk.payments.history(&desk.site, &order).await.unwrap();
        let kinds: Vec<_> = history.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(
            kinds,
            [
                "opened",
                "transfer-verified",
                "paid",
                "excess",
                "refund-requested",
                "refund-by-hand"
            ]
        );
        let by = &history.last().unwrap().by;
        assert_eq!((by.kind, by.name.as_str()), (ByKind::Clerk, "林财务"));
    }
}

#[tokio::test]
async fn a_part_that_came_for_the_wrong_order_pays_the_right_one() {
    for desk in desks().await {
        let (wrong, _) = desk.order(1).await;
        let (right, cases) = desk.basket(&[10000], 0).await;
        desk.transfer(&wrong, "B1", 10000).await.unwrap();
        let payment = payment_of(&desk, &wrong).await;
        let same = assign(&desk, &payment, &wrong).await;
        assert!(matches!(same, Err(PaymentError::NotNow)), "{same:?}");
        assert_eq!(
            assign(&desk, &payment, &right).await.unwrap(),
            Settled::Paid
        );
        let events = desk.work(1).await;
        assert_eq!(
            (events.len(), &events[0].case_id),
            (1, &cases[0]),
            "{}",
            desk.store.name
        );
        assert_eq!(desk.state(&right).await, OrderState::Paid);
        let view = desk.payments.order_view(&desk.site, &wrong).await.unwrap();
        assert_eq!(view.outstanding, Fen(22000));
        assert!(desk.history(&wrong).await.contains(&"assigned-to"));
        assert!(desk.history(&right).await.contains(&"assigned-from"));
        assert_eq!(desk.balance(Account::Unapplied).await, Fen(0));
        // What is paid stays where it is.
        let (third, _) = desk.order(1).await;
        let moved = assign(&desk, &payment, &third).await;
        assert!(matches!(moved, Err(PaymentError::NotNow)));
        // Its refund is told to the order that it paid.
        let refunds = desk.refund(&right, None, 10000).await.unwrap();
        assert_eq!(refunds[0].payment, payment);
        desk.by_hand(&refunds[0].id).await.unwrap();
        assert_eq!(desk.work(1).await[0].event, "refunded");
        assert_eq!(desk.state(&right).await, OrderState::Refunded);
        assert_eq!(
            desk.balance(Account::Gateway(Method::BankTransfer)).await,
            Fen(0)
        );
    }
}

#[tokio::test]
async fn a_surplus_that_was_not_sent_back_yet_pays_another_order() {
    for desk in desks().await {
        let (order, _) = desk.order(1).await;
        let (other, _) = desk.basket(&[2000], 0).await;
        desk.transfer(&order, "B1", 25000).await.unwrap();
        let payment = payment_of(&desk, &order).await;
        // 30.00 are free, 20.00 are due: 10.00 go back after all.
        assert_eq!(
            assign(&desk, &payment, &other).await.unwrap(),
            Settled::Excess
        );
        assert_eq!(
            desk.state(&other).await,
            OrderState::Paid,
            "{}",
            desk.store.name
        );
        assert_eq!(desk.refunds(&order, RefundState::Withdrawn).await.len(), 1);
        let waiting = desk.refunds(&order, RefundState::Requested).await;
        assert_eq!(waiting[0].amount, Fen(1000));
        desk.by_hand(&waiting[0].id).await.unwrap();
        let again = assign(&desk, &payment, &desk.order(1).await.0).await;
        assert!(matches!(again, Err(PaymentError::NotNow)));
        assert_eq!(
            desk.balance(Account::Gateway(Method::BankTransfer)).await,
            Fen(24000)
        );
        assert_eq!(desk.balance(Account::RefundsDue).await, Fen(0));
    }
}

#[tokio::test]
async fn a_wrong_amount_over_a_gateway_pays_the_order_together_with_a_transfer() {
    for desk in desks().await {
        let (order, _) = desk.order(1).await;
        let code = desk.begin(&order, Method::Wechat).await;
        desk.pay(&code, PayMode::Amount).await;
        desk.work(5).await;
        let payment = payment_of(&desk, &order).await;
        assert_eq!(
            assign(&desk, &payment, &order).await.unwrap(),
            Settled::Partial
        );
        assert_eq!(
            desk.payment_state(&code).await,
            PaymentState::Partial,
            "{}",
            desk.store.name
        );
        assert_eq!(desk.transfer(&order, "B1", 1).await.unwrap(), Settled::Paid);
        assert_eq!(desk.work(1).await.len(), 1);
        assert!(
            desk.payments
                .odd_payments(&desk.site, Odd::Open, None, 9)
                .await
                .unwrap()
                .is_empty()
        );

        // All goes back the ways it came, and the case hears of it once.
        let refunds = desk.refund(&order, None, 22000).await.unwrap();
        assert_eq!(refunds.len(), 2);
        assert!(
            desk.work(60).await.is_empty(),
            "the transfer's part is not back yet"
        );
        assert_eq!(desk.state(&order).await, OrderState::Refunding);
        let by_hand = desk.refunds(&order, RefundState::Requested).await;
        assert_eq!((by_hand.len(), by_hand[0].amount), (1, Fen(1)));
        desk.by_hand(&by_hand[0].id).await.unwrap();
        let events = desk.work(1).await;
        let Fact::Payment(fact) = &events[0].fact else {
            panic!("{events:?}")
        };
        assert_eq!(
            (events.len(), events[0].event.as_str(), fact.amount),
            (1, "refunded", 22000)
        );
        assert_eq!(desk.state(&order).await, OrderState::Refunded);
        assert_eq!(desk.balance(Account::Gateway(Method::Wechat)).await, Fen(0));
    }
}

#[tokio::test]
async fn slips_are_not_exchanged_endlessly() {
    for desk in desks().await {
        let (order, _) = desk.order(1).await;
        let by = By::host();
        let mut tx = desk.store.begin().await.unwrap();
        let mut taken = 0;
        let refused = loop {
            let file = FileId::generate();
            let uploaded = desk
                .payments
                .upload_slip(&mut tx, &desk.site, &order, &file, &by);
            match uploaded.await {
                Ok(()) => taken += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, PaymentError::TooManySlips), "{refused:?}");
        assert_eq!(taken, 20, "{}", desk.store.name);
    }
}

#[tokio::test]
async fn a_slip_keeps_the_order_and_a_cancelled_one_gives_back_what_comes() {
    for desk in desks().await {
        let (order, cases) = desk.order(1).await;
        let account = By::applicant(
            &desk
                .payments
                .order_view(&desk.site, &order)
                .await
                .unwrap()
                .account,
        );
        let mut tx = desk.store.begin().await.unwrap();
        for _ in 0..2 {
            let file = FileId::generate();
            desk.payments
                .upload_slip(&mut tx, &desk.site, &order, &file, &account)
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
        desk.clock.advance(48 * 3600);
        assert_eq!(
            desk.payments.close_expired(&desk.site, 10).await.unwrap(),
            0,
            "{}",
            desk.store.name
        );
        let mut tx = desk.store.begin().await.unwrap();
        desk.payments
            .cancel_order(&mut tx, &desk.site, &order, &account)
            .await
            .unwrap();
        let twice = desk
            .payments
            .cancel_order(&mut tx, &desk.site, &order, &account)
            .await;
        assert!(matches!(
            twice,
            Err(PaymentError::NotPayable(OrderState::Closed))
        ));
        tx.commit().await.unwrap();
        assert_eq!(desk.standing(&cases[0]).await.0, Standing::Closed);
        assert_eq!(desk.balance(Account::Receivable).await, Fen(0));
        // The clerk finds the money a day later.
        assert_eq!(
            desk.transfer(&order, "B1", 22000).await.unwrap(),
            Settled::Surplus
        );
        assert!(desk.work(5).await.is_empty());
        let waiting = desk.refunds(&order, RefundState::Requested).await;
        desk.by_hand(&waiting[0].id).await.unwrap();
        assert_eq!(
            desk.balance(Account::Gateway(Method::BankTransfer)).await,
            Fen(0)
        );
    }
}

#[tokio::test]
async fn an_order_that_is_over_gives_its_parts_back() {
    for desk in desks().await {
        let (order, _) = desk.order(1).await;
        desk.transfer(&order, "B1", 10000).await.unwrap();
        desk.transfer(&order, "B2", 5000).await.unwrap();
        desk.clock.advance(25 * 3600);
        let close = || desk.payments.close_expired(&desk.site, 10);
        assert_eq!(close().await.unwrap(), 0, "there is time for the rest");
        desk.clock.advance(3 * 24 * 3600);
        assert_eq!(close().await.unwrap(), 1, "{}", desk.store.name);
        assert_eq!(desk.state(&order).await, OrderState::Closed);
        let waiting = desk.refunds(&order, RefundState::Requested).await;
        assert_eq!(
            waiting.iter().map(|refund| refund.amount.0).sum::<i64>(),
            15000
        );
        assert_eq!(desk.balance(Account::RefundsDue).await, Fen(-15000));
        assert!(desk.history(&order).await.contains(&"expired"));
        for refund in waiting {
            desk.by_hand(&refund.id).await.unwrap();
        }
        assert_eq!(
            desk.balance(Account::Gateway(Method::BankTransfer)).await,
            Fen(0)
        );
        assert!(desk.work(5).await.is_empty());
    }
}

#[tokio::test]
async fn two_clerks_who_book_one_transfer_at_once_book_it_once() {
    for desk in desks().await {
        let (order, _) = desk.order(1).await;
        let (other, _) = desk.order(1).await;
        let (first, second) = tokio::join!(
            desk.transfer(&order, "B1", 22000),
            desk.transfer(&order, " B1 ", 22000),
        );
        let both = [first, second];
        let booked = both
            .iter()
            .filter(|settled| matches!(settled, Ok(Settled::Paid)));
        assert_eq!(booked.count(), 1, "{both:?} {}", desk.store.name);
        let refused = both.iter().filter(|settled| {
            matches!(
                settled,
                Err(PaymentError::AlreadyBooked | PaymentError::Store(_))
            )
        });
        assert_eq!(refused.count(), 1, "{both:?}");
        let elsewhere = desk.transfer(&other, "B1", 22000).await;
        assert!(matches!(elsewhere, Err(PaymentError::AlreadyBooked)));
        // In the wide characters of an input method it is still the same transfer.
        let wide = desk.transfer(&other, "Ｂ　１", 22000).await;
        assert!(matches!(wide, Err(PaymentError::AlreadyBooked)), "{wide:?}");
        assert_eq!(desk.work(1).await.len(), 1);
        assert_eq!(
            desk.balance(Account::Gateway(Method::BankTransfer)).await,
            Fen(22000)
        );
    }
}
