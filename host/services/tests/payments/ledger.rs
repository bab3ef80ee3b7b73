//! The check of the books: what it finds, and what it does not take for a fault.

use crate::desk::{Desk, desks};
use yinxin_core::ids::OrderId;
use yinxin_core::money::{Fen, Method};
use yinxin_services::payments::{LedgerFault, OrderState, PaymentState};
use yinxin_store::orders;
use yinxin_store::payments as rows;
use yinxin_store::postings::{self, Account, Entry};

async fn faults(desk: &Desk) -> Vec<LedgerFault> {
    desk.payments.check_ledger(&desk.site).await.unwrap()
}

#[tokio::test]
async fn what_somebody_changed_by_hand_is_found() {
    for desk in desks().await {
        let (order, _) = desk.order(1).await;
        desk.transfer(&order, "B1", 22000).await.unwrap();
        assert_eq!(faults(&desk).await, [], "{}", desk.store.name);

        // An order that is taken for unpaid, or for over.
        for state in [
            OrderState::AwaitingPayment,
            OrderState::Closed,
            OrderState::Refunded,
        ] {
            let mut tx = desk.store.begin().await.unwrap();
            orders::set_state(&mut tx, &desk.site, &order, state)
                .await
                .unwrap();
            tx.commit().await.unwrap();
            let found = faults(&desk).await;
            let named = found.iter().any(
                |fault| matches!(fault, LedgerFault::State { state: found, .. } if *found == state),
            );
            assert!(named, "{found:?} {}", desk.store.name);
        }
        let mut tx = desk.store.begin().await.unwrap();
        orders::set_state(&mut tx, &desk.site, &order, OrderState::Paid)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(faults(&desk).await, []);

        // An entry for which nothing happened, and one about an order that never was.
        let nobody = OrderId::generate();
        for (id, about) in [("invented:1", &order), ("invented:2", &nobody)] {
            let entry = Entry {
                id: id.to_owned(),
                from: Account::Fees,
                to: Account::Receivable,
                amount: Fen(100),
                order: about.as_str(),
                payment: "",
                refund: "",
                at: desk.clock_in(0),
            };
            let mut tx = desk.store.begin().await.unwrap();
            postings::post(&mut tx, &desk.site, &entry).await.unwrap();
            tx.commit().await.unwrap();
        }
        let found = faults(&desk).await;
        let differs = |account: &str| {
            found
                .iter()
                .any(|fault| matches!(fault, LedgerFault::Differs { what, .. } if *what == account))
        };
        assert!(differs("receivable") && differs("fees"), "{found:?}");
        assert!(
            found.contains(&LedgerFault::Orphan("invented:2".to_owned())),
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn money_that_was_booked_without_a_receipt_is_found() {
    for desk in desks().await {
        let (order, _) = desk.order(1).await;
        let payment = desk.begin(&order, Method::Wechat).await;
        let arrival = rows::Arrival {
            transaction: "42000",
            amount: Fen(22000),
            payer: "openid",
            at: desk.clock_in(0),
        };
        let mut tx = desk.store.begin().await.unwrap();
        let state = PaymentState::Paid;
        rows::set_arrived(
            &mut tx,
            &desk.store.sealer,
            &desk.site,
            &payment.id,
            state,
            &arrival,
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
        let found = faults(&desk).await;
        let gateway = LedgerFault::Gateway {
            method: Method::Wechat,
            expected: Fen(22000),
            found: Fen(0),
        };
        assert!(found.contains(&gateway), "{found:?} {}", desk.store.name);
        assert!(found.len() > 1, "the payment is named too: {found:?}");
        assert!(
            gateway
                .to_string()
                .starts_with("wechat holds 0.00, but 220.00"),
            "{gateway}"
        );
    }
}

#[tokio::test]
async fn what_a_gateway_keeps_is_booked_once_and_given_back() {
    for desk in desks().await {
        let fee = async |amount: i64, key: &str| {
            let mut tx = desk.store.begin().await.unwrap();
            let (site, method) = (&desk.site, Method::Wechat);
            let booked = desk
                .payments
                .post_gateway_fee(&mut tx, site, method, Fen(amount), key);
            let booked = booked.await.unwrap();
            tx.commit().await.unwrap();
            booked
        };
        assert!(
            fee(132, "4200001").await && !fee(132, "4200001").await,
            "{}",
            desk.store.name
        );
        assert!(!fee(0, "4200002").await);
        assert_eq!(desk.balance(Account::GatewayFees).await, Fen(132));
        assert_eq!(
            desk.balance(Account::Gateway(Method::Wechat)).await,
            Fen(-132)
        );
        assert!(fee(-132, "refund:4200001").await);
        assert_eq!(desk.balance(Account::GatewayFees).await, Fen(0));
    }
}
