//! An unpaid order follows its cases.

use crate::applicant::problems;
use crate::hall::{Hall, halls};
use crate::shopper::{BANYAN, OTHER, Shopper, choice};
use std::slice::from_ref;
use yinxin_core::ids::{AccountId, CaseId, FileId, OrderId};
use yinxin_core::money::{Fen, Method};
use yinxin_engine::{Actor, EngineError, Submission};
use yinxin_services::payments::{By, ByKind, OrderEventKind, OrderState};

#[tokio::test(flavor = "multi_thread")]
async fn an_order_ends_with_a_case_that_is_withdrawn() {
    for hall in halls().await {
        let shopper = Shopper::new(&hall);
        let cases = [
            shopper.applied(BANYAN, 1).await,
            shopper.applied(BANYAN, 1).await,
        ];
        let order = shopper.order(&cases, Method::BankTransfer).await;
        let reason = [("withdraw-reason", "不需要了")];
        shopper
            .fire(&shopper.actor(), &cases[0], "withdraw", &reason)
            .await
            .unwrap();
        assert_eq!(shopper.view(&order).await.state, OrderState::Closed);
        assert!(shopper.page(&cases[1]).await.orderable, "{}", hall.name());
        let history = hall.services.payments.history(&hall.market, &order).await;
        let last = history.unwrap().pop().unwrap();
        assert_eq!(last.kind, OrderEventKind::Cancelled);
        assert_eq!(last.by, By::applicant(&shopper.account));
        shopper.order(&cases[1..], Method::BankTransfer).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_has_the_price_of_its_cases_as_they_are() {
    for hall in halls().await {
        let shopper = Shopper::new(&hall);
        let serial = shopper.certificate(BANYAN).await;
        let renewal = shopper.renewed(&serial, BANYAN, 1).await;
        let order = shopper.order(from_ref(&renewal), Method::Wechat).await;
        let payments = &hall.services.payments;
        let begin = || payments.begin_payment(&hall.market, &order, Method::Wechat);
        let first = begin().await.unwrap();
        assert_eq!(first.amount, Fen(22000));

        // What does not touch the price leaves the order alone.
        shopper.fill(&renewal, BANYAN, 1).await.unwrap();
        assert_eq!(begin().await.unwrap().id, first.id);

        assert_eq!(shopper.fill(&renewal, BANYAN, 3).await.unwrap(), []);
        let view = shopper.view(&order).await;
        assert_eq!(view.total, Fen(56000), "{}", hall.name());
        assert_eq!(view.chosen, Some(Method::Wechat));
        assert_eq!(view.payment, None, "the old code is withdrawn");
        assert_eq!(begin().await.unwrap().amount, Fen(56000));
        let history = payments.history(&hall.market, &order).await.unwrap();
        let changed = history
            .iter()
            .find(|event| event.kind == OrderEventKind::Changed)
            .unwrap();
        assert_eq!(
            (changed.by.kind, changed.amount),
            (ByKind::Host, Fen(56000))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_holds_the_price() {
    for hall in halls().await {
        let shopper = Shopper::new(&hall);
        let case = shopper.applied(BANYAN, 1).await;
        let order = shopper.order(from_ref(&case), Method::BankTransfer).await;
        let mut tx = hall.store.begin().await.unwrap();
        let by = By::applicant(&shopper.account);
        hall.services
            .payments
            .upload_slip(
                &mut tx,
                &hall.market,
                &order,
                &FileId::from_stored("slip"),
                &by,
            )
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let held = problems(shopper.fill(&case, BANYAN, 3).await);
        assert!(held[0].message.contains("汇款底单"), "{held:?}");
        let values = shopper.page(&case).await.values;
        let years = values.iter().find(|entry| entry.name == "years").unwrap();
        assert_eq!(years.value, "1", "{}", hall.name());
        assert_eq!(shopper.fill(&case, BANYAN, 1).await.unwrap(), []);
        assert_eq!(shopper.view(&order).await.state, OrderState::SlipUploaded);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_that_are_no_order_any_more_are_free_again() {
    for hall in halls().await {
        let shopper = Shopper::new(&hall);
        let cases = [
            shopper.applied(BANYAN, 1).await,
            shopper.applied(BANYAN, 1).await,
        ];
        let order = shopper.order(&cases, Method::BankTransfer).await;
        assert_eq!(shopper.fill(&cases[1], OTHER, 1).await.unwrap(), []);
        assert_eq!(shopper.view(&order).await.state, OrderState::Closed);
        for case in &cases {
            assert!(shopper.page(case).await.orderable, "{}", hall.name());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_orders_while_the_years_are_changed_pays_for_the_years_there_are() {
    for hall in halls().await {
        let shopper = Shopper::new(&hall);
        for round in 0..6 {
            let case = shopper.applied(BANYAN, 1).await;
            let cases = [case.clone()];
            let seen = choice(
                Method::BankTransfer,
                shopper.quote(&cases).await.unwrap().total,
            );
            let open = {
                let (engine, site) = (hall.engine.clone(), hall.market.clone());
                let (account, cases) = (shopper.account.clone(), cases.to_vec());
                tokio::spawn(
                    async move { engine.open_basket(&site, &account, &cases, &seen).await },
                )
            };
            if round % 2 == 1 {
                tokio::task::yield_now().await;
            }
            let saved = shopper.fill(&case, BANYAN, 3).await;
            match open.await.unwrap() {
                Ok(_) | Err(EngineError::PriceChanged(_) | EngineError::Stale) => {}
                Err(other) => panic!("{other:?}"),
            }
            match saved {
                Ok(problems) => assert_eq!(problems, []),
                Err(other) => assert!(matches!(other, EngineError::Stale), "{other:?}"),
            }
            let page = shopper.page(&case).await;
            let years = page.values.iter().find(|entry| entry.name == "years");
            let price = match years.unwrap().value.as_str() {
                "1" => 20000 + 6000 + 2000,
                _ => 54000 + 6000 + 2000,
            };
            if let Some(order) = page.order {
                assert_eq!(order.total, price, "{}", hall.name());
            }
        }
    }
}

/// A case of the plugin that forgets its orders, with this price, in an order.
async fn forgotten(hall: &Hall, account: &AccountId, amount: &str) -> (CaseId, OrderId) {
    let (engine, site) = (&hall.engine, &hall.wild);
    let case = engine
        .start(site, account, "hostile", "basket")
        .await
        .unwrap();
    price(hall, account, &case, amount).await;
    let cases = [case.clone()];
    let quote = engine.quote_basket(site, account, &cases).await.unwrap();
    let choice = choice(Method::Wechat, quote.total);
    let order = engine.open_basket(site, account, &cases, &choice).await;
    (case, order.unwrap())
}

async fn price(hall: &Hall, account: &AccountId, case: &CaseId, amount: &str) {
    let raw = [("amount".to_owned(), amount.to_owned())];
    let saved = hall
        .engine
        .save_form(&hall.wild, account, case, "fill", &raw)
        .await;
    assert_eq!(saved.unwrap().problems, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_ends_an_order_that_the_rules_forget() {
    for hall in halls().await {
        let account = AccountId::generate();
        let (engine, site, payments) = (&hall.engine, &hall.wild, &hall.services.payments);
        let by_host = async |order: &OrderId| {
            let last = payments.history(site, order).await.unwrap().pop().unwrap();
            assert_eq!(last.kind, OrderEventKind::Cancelled, "{}", hall.name());
            assert_eq!(last.by, By::host());
        };

        let (case, order) = forgotten(&hall, &account, "500").await;
        let actor = Actor::Applicant(account.clone());
        let nothing = Submission::default();
        engine
            .fire(site, &actor, &case, "good", &nothing)
            .await
            .unwrap();
        by_host(&order).await;

        let (case, order) = forgotten(&hall, &account, "500").await;
        engine.delete(site, &account, &case).await.unwrap();
        by_host(&order).await;

        let (case, order) = forgotten(&hall, &account, "500").await;
        price(&hall, &account, &case, "700").await;
        let view = payments.order_view(site, &order).await.unwrap();
        assert_eq!(view.total, Fen(700));
        // A price that no order may have.
        price(&hall, &account, &case, "-1").await;
        by_host(&order).await;
    }
}
