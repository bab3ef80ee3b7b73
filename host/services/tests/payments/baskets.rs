//! One order over several cases, of which one gets its money back.

use crate::desk::desks;
use yinxin_core::money::{Fen, Method, Standing};
use yinxin_services::payments::{OrderState, PaymentError};
use yinxin_simulators::trades::PayMode;
use yinxin_store::postings::Account;

#[tokio::test]
async fn a_case_that_is_refunded_does_not_show_on_the_others() {
    for desk in desks().await {
        let (order, cases) = desk.basket(&[10000, 12000], 1500).await;
        assert_eq!(desk.standing(&cases[0]).await, (Standing::Due, 10000, 0));
        let code = desk.begin(&order, Method::Wechat).await;
        desk.pay(&code, PayMode::Normal).await;
        assert_eq!(desk.work(5).await.len(), 2);

        let more = desk.refund(&order, Some(&cases[0]), 10001).await;
        assert!(
            matches!(more, Err(PaymentError::NothingToRefund)),
            "{}",
            desk.store.name
        );
        desk.refund(&order, Some(&cases[0]), 10000).await.unwrap();
        assert_eq!(
            desk.state(&order).await,
            OrderState::Paid,
            "the other goes on"
        );
        assert_eq!(
            desk.standing(&cases[0]).await,
            (Standing::Refunding, 10000, 10000)
        );
        assert_eq!(desk.standing(&cases[1]).await, (Standing::Paid, 12000, 0));
        let events = desk.work(60).await;
        assert_eq!((events.len(), &events[0].case_id), (1, &cases[0]));
        assert_eq!(
            desk.standing(&cases[0]).await,
            (Standing::Refunded, 10000, 10000)
        );
        assert_eq!(desk.standing(&cases[1]).await, (Standing::Paid, 12000, 0));
        let twice = desk.refund(&order, Some(&cases[0]), 1).await;
        assert!(matches!(twice, Err(PaymentError::NothingToRefund)));

        // What is left, with what both shared, goes back as a whole.
        let more = desk.refund(&order, None, 13501).await;
        assert!(matches!(more, Err(PaymentError::NothingToRefund)));
        desk.refund(&order, None, 13500).await.unwrap();
        assert_eq!(desk.state(&order).await, OrderState::Refunding);
        let events = desk.work(60).await;
        let told: Vec<_> = events.iter().map(|event| &event.case_id).collect();
        assert_eq!(told, [&cases[1]], "the first has heard of its own");
        assert_eq!(desk.state(&order).await, OrderState::Refunded);
        assert_eq!(
            desk.standing(&cases[1]).await,
            (Standing::Refunded, 12000, 12000)
        );
        assert_eq!(desk.balance(Account::Gateway(Method::Wechat)).await, Fen(0));
        assert_eq!(desk.balance(Account::Fees).await, Fen(0));
    }
}

#[tokio::test]
async fn a_refunded_case_may_be_ordered_again_while_its_order_goes_on() {
    for desk in desks().await {
        let (order, cases) = desk.basket(&[10000, 12000], 0).await;
        desk.transfer(&order, "B1", 22000).await.unwrap();
        let refunds = desk.refund(&order, Some(&cases[0]), 10000).await.unwrap();
        let (other, _) = desk.order(1).await;
        let mut tx = desk.store.begin().await.unwrap();
        let add = async |tx: &mut yinxin_store::Transaction| {
            yinxin_store::orders::add_case(tx, &desk.site, &other, &cases[0])
                .await
                .unwrap()
        };
        assert!(!add(&mut tx).await, "{}", desk.store.name);
        drop(tx);
        desk.by_hand(&refunds[0].id).await.unwrap();
        let mut tx = desk.store.begin().await.unwrap();
        assert!(add(&mut tx).await);
    }
}

#[tokio::test]
async fn a_refund_of_a_case_spans_the_payments_that_paid_its_order() {
    for desk in desks().await {
        let (order, cases) = desk.basket(&[10000, 12000], 0).await;
        for (reference, amount) in [("B1", 7000), ("B2", 7000), ("B3", 8000)] {
            desk.transfer(&order, reference, amount).await.unwrap();
        }
        desk.work(1).await;
        let refunds = desk.refund(&order, Some(&cases[1]), 12000).await.unwrap();
        let parts: Vec<i64> = refunds.iter().map(|refund| refund.amount.0).collect();
        assert_eq!(parts, [7000, 5000], "{}", desk.store.name);
        desk.by_hand(&refunds[1].id).await.unwrap();
        assert!(desk.work(1).await.is_empty());
        desk.by_hand(&refunds[0].id).await.unwrap();
        assert_eq!(desk.work(1).await.len(), 1);
        let rest = desk.refund(&order, Some(&cases[0]), 10000).await.unwrap();
        let parts: Vec<i64> = rest.iter().map(|refund| refund.amount.0).collect();
        assert_eq!(parts, [2000, 8000]);
        assert_eq!(desk.balance(Account::RefundsDue).await, Fen(-10000));
    }
}
