//! Orders that are changed before they are paid, and lists of orders.

use crate::desk::{clerk, desks};
use yinxin_core::ids::{FileId, OrderId};
use yinxin_core::money::{Fen, Method, Standing};
use yinxin_services::payments::{
    NewLines, OrderEventKind, OrderFilter, OrderState, PaymentError, RefundState,
};
use yinxin_simulators::trades::PayMode;
use yinxin_store::orders;
use yinxin_store::postings::Account;

#[tokio::test]
async fn a_changed_order_withdraws_its_code_and_its_slip() {
    for desk in desks().await {
        let (order, cases) = desk.basket(&[10000, 12000], 0).await;
        let code = desk.begin(&order, Method::Wechat).await;
        let by = clerk();
        let mut tx = desk.store.begin().await.unwrap();
        let file = FileId::generate();
        desk.payments
            .upload_slip(&mut tx, &desk.site, &order, &file, &by)
            .await
            .unwrap();
        let before = orders::get(&mut tx, &desk.site, &order).await.unwrap();
        // The same price: the slip stays.
        let mut new = NewLines {
            cases: cases.clone(),
            lines: before.lines.clone(),
            methods: vec![Method::BankTransfer],
            chosen: Some(Method::BankTransfer),
        };
        let same = desk
            .payments
            .change_order(&mut tx, &desk.site, &order, new.clone(), &by)
            .await
            .unwrap();
        assert_eq!(
            (same.state, same.slip.as_str()),
            (OrderState::SlipUploaded, file.as_str())
        );
        // Without its second case it costs less, and that case may go elsewhere.
        new.cases.truncate(1);
        new.lines.truncate(1);
        let less = desk
            .payments
            .change_order(&mut tx, &desk.site, &order, new, &by)
            .await
            .unwrap();
        assert_eq!(
            (less.state, less.total),
            (OrderState::AwaitingPayment, Fen(10000))
        );
        assert_eq!(less.slip, "");
        tx.commit().await.unwrap();
        assert_eq!(
            desk.balance(Account::Receivable).await,
            Fen(10000),
            "{}",
            desk.store.name
        );
        assert_eq!(desk.standing(&cases[1]).await.0, Standing::None);
        // Somebody had the old code on his screen.
        desk.pay(&code, PayMode::Normal).await;
        assert!(desk.work(60).await.is_empty());
        assert_eq!(desk.balance(Account::Gateway(Method::Wechat)).await, Fen(0));
        assert_eq!(desk.state(&order).await, OrderState::AwaitingPayment);
    }
}

#[tokio::test]
async fn parts_that_are_enough_for_a_smaller_order_pay_it() {
    for desk in desks().await {
        let (order, cases) = desk.basket(&[10000, 12000], 0).await;
        desk.transfer(&order, "B1", 8000).await.unwrap();
        desk.transfer(&order, "B2", 4000).await.unwrap();
        let mut tx = desk.store.begin().await.unwrap();
        let before = orders::get(&mut tx, &desk.site, &order).await.unwrap();
        let mut new = NewLines {
            cases: cases[..1].to_vec(),
            lines: before.lines[..1].to_vec(),
            methods: vec![Method::Wechat],
            chosen: None,
        };
        let online = desk
            .payments
            .change_order(&mut tx, &desk.site, &order, new.clone(), &clerk())
            .await;
        assert!(matches!(online, Err(PaymentError::PartlyPaid)));
        new.methods = vec![Method::BankTransfer];
        let changed = desk
            .payments
            .change_order(&mut tx, &desk.site, &order, new, &clerk())
            .await;
        assert_eq!(
            changed.unwrap().state,
            OrderState::Paid,
            "{}",
            desk.store.name
        );
        tx.commit().await.unwrap();
        let events = desk.work(1).await;
        assert_eq!((events.len(), &events[0].case_id), (1, &cases[0]));
        let waiting = desk.refunds(&order, RefundState::Requested).await;
        assert_eq!((waiting.len(), waiting[0].amount), (1, Fen(2000)));
        assert_eq!(desk.balance(Account::Fees).await, Fen(-10000));
    }
}

#[tokio::test]
async fn lists_are_narrowed_by_state_method_day_and_number() {
    for desk in desks().await {
        let (first, _) = desk.order(1).await;
        let (second, _) = desk.order(1).await;
        desk.transfer(&second, "B7", 22000).await.unwrap();
        let list = async |filter: OrderFilter| -> Vec<OrderId> {
            let found = desk
                .payments
                .list(&desk.site, &filter, None, 9)
                .await
                .unwrap();
            found.into_iter().map(|order| order.id).collect()
        };
        assert_eq!(
            list(OrderFilter::default()).await,
            [second.clone(), first.clone()]
        );
        let now = desk.clock_in(0);
        for (filter, found) in [
            (
                OrderFilter {
                    state: Some(OrderState::Paid),
                    ..Default::default()
                },
                Some(&second),
            ),
            (
                OrderFilter {
                    method: Some(Method::BankTransfer),
                    ..Default::default()
                },
                Some(&second),
            ),
            (
                OrderFilter {
                    text: "B7".into(),
                    ..Default::default()
                },
                Some(&second),
            ),
            (
                OrderFilter {
                    text: "B7".into(),
                    state: Some(OrderState::Open),
                    ..Default::default()
                },
                None,
            ),
            (
                OrderFilter {
                    from: Some(now.plus(60)),
                    ..Default::default()
                },
                None,
            ),
            (
                OrderFilter {
                    until: Some(now.plus(-60)),
                    ..Default::default()
                },
                None,
            ),
        ] {
            let expected: Vec<OrderId> = found.into_iter().cloned().collect();
            assert_eq!(
                list(filter.clone()).await,
                expected,
                "{filter:?} {}",
                desk.store.name
            );
        }
        let account = desk
            .payments
            .order_view(&desk.site, &first)
            .await
            .unwrap()
            .account;
        let own = OrderFilter {
            account: Some(account),
            ..Default::default()
        };
        assert_eq!(list(own).await, std::slice::from_ref(&first));
        let all = OrderFilter::default();
        let next = desk
            .payments
            .list(&desk.site, &all, Some(second.as_str()), 9);
        assert_eq!(next.await.unwrap()[0].id, first);
    }
}

#[tokio::test]
async fn the_way_to_pay_is_kept_and_shown_in_the_history() {
    for desk in desks().await {
        let (order, _) = desk.order(1).await;
        let mut tx = desk.store.begin().await.unwrap();
        let choose = async |tx: &mut yinxin_store::Transaction, method| {
            desk.payments
                .choose_method(tx, &desk.site, &order, method)
                .await
        };
        choose(&mut tx, Method::BankTransfer).await.unwrap();
        choose(&mut tx, Method::BankTransfer).await.unwrap();
        let none = choose(&mut tx, Method::Cpcn).await;
        assert!(matches!(none, Err(PaymentError::NoMethod(Method::Cpcn))));
        tx.commit().await.unwrap();
        desk.begin(&order, Method::Alipay).await;
        let view = desk.payments.order_view(&desk.site, &order).await.unwrap();
        assert_eq!(view.chosen, Some(Method::Alipay), "{}", desk.store.name);
        let history = desk.payments.history(&desk.site, &order).await.unwrap();
        let chosen = history
            .iter()
            .filter(|event| event.kind == OrderEventKind::MethodChosen);
        let words: Vec<_> = chosen.map(|event| event.note.as_str()).collect();
        assert_eq!(words, ["bank-transfer", "alipay"]);
    }
}
