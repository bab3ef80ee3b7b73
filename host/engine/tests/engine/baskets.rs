//! Orders over several applications (manual rows F-6, F-7 and F-8).

use crate::applicant::problems;
use crate::hall::{administrator, halls};
use crate::shopper::{BANYAN, OTHER, Shopper, choice};
use futures::future::join_all;
use std::slice::from_ref;
use yinxin_core::ids::CaseId;
use yinxin_core::money::{Fen, Method};
use yinxin_engine::views::ListFilter;
use yinxin_engine::{Actor, EngineError};
use yinxin_services::payments::{OrderEventKind, OrderState, Settled};

#[tokio::test(flavor = "multi_thread")]
async fn cases_of_one_unit_become_one_order_with_one_postage() {
    for hall in halls().await {
        let shopper = Shopper::new(&hall);
        let (one, two) = (
            shopper.applied(BANYAN, 1).await,
            shopper.applied(BANYAN, 3).await,
        );
        let (engine, site) = (&hall.engine, &hall.market);
        let offered = engine.basket_cases(site, &shopper.account).await.unwrap();
        let ids: Vec<&CaseId> = offered.iter().map(|case| &case.id).collect();
        assert_eq!(ids, [&two, &one], "{}", hall.name());
        assert_eq!(offered[0].service, "企业证书新办");
        assert_eq!(offered[0].state, "待审核");
        assert!(shopper.page(&one).await.orderable);

        let both = [one.clone(), two.clone(), one.clone()];
        let quote = shopper.quote(&both).await.unwrap();
        assert_eq!(quote.cases.len(), 2, "each once");
        let codes: Vec<_> = quote
            .lines
            .iter()
            .map(|line| (line.code.as_str(), line.case_id == one.as_str()))
            .collect();
        let expected = [
            ("enterprise-year", true),
            ("key", true),
            ("enterprise-three-years", false),
            ("key", false),
            ("shipping", false),
        ];
        assert_eq!(codes, expected);
        assert_eq!(quote.total, Fen(20000 + 6000 + 54000 + 6000 + 2000));
        assert_eq!(quote.methods, [Method::BankTransfer]);

        let order = shopper.order(&both, Method::BankTransfer).await;
        let view = shopper.view(&order).await;
        assert_eq!(view.total, quote.total);
        assert_eq!(view.chosen, Some(Method::BankTransfer));
        assert_eq!(view.reference.len(), 9);
        let left = engine.basket_cases(site, &shopper.account).await.unwrap();
        assert!(left.is_empty());
        let page = shopper.page(&two).await;
        assert!(!page.orderable);
        let shown = page.order.unwrap();
        assert_eq!((shown.total, shown.share), (88000, 60000));
        assert_eq!(page.history.last().unwrap().label, "加入订单");
        let lines = engine
            .my_cases(site, &shopper.account, &ListFilter::default(), None, 10)
            .await
            .unwrap();
        for line in &lines.lines {
            assert!(line.payable && !line.orderable);
            assert_eq!(line.order.as_ref().unwrap().number, view.number);
        }
        let cases = engine
            .order_cases(site, &shopper.actor(), &order)
            .await
            .unwrap();
        assert_eq!(cases.len(), 2);
        let details = engine.last_details(site, &shopper.account).await.unwrap();
        assert_eq!(details.invoice_title, BANYAN.0, "for the next time");
        hall_ledger(&shopper).await;
    }
}

/// The market's ledger holds together.
async fn hall_ledger(shopper: &Shopper<'_>) {
    let mut conn = shopper.hall.store.read().await.unwrap();
    yinxin_store::ledger::verify(&mut conn, shopper.market())
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_units_are_refused_with_the_rules_reason() {
    for hall in halls().await {
        let shopper = Shopper::new(&hall);
        let cases = [
            shopper.applied(BANYAN, 1).await,
            shopper.applied(OTHER, 1).await,
        ];
        let refused = problems(shopper.quote(&cases).await);
        assert!(refused[0].message.contains("同一个单位"), "{refused:?}");
        let choice = choice(Method::BankTransfer, Fen(54000));
        let refused = problems(shopper.open(&cases, &choice).await);
        assert!(refused[0].message.contains("同一个单位"), "{}", hall.name());
        assert!(
            problems(shopper.quote(&[]).await)[0]
                .message
                .contains("勾选")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_in_the_order_leaves_the_transfer_only() {
    for hall in halls().await {
        let shopper = Shopper::new(&hall);
        let serial = shopper.certificate(BANYAN).await;
        let renewal = shopper.renewed(&serial, BANYAN, 1).await;
        let new = shopper.applied(BANYAN, 1).await;

        let alone = shopper.quote(from_ref(&renewal)).await.unwrap();
        assert_eq!(
            alone.methods,
            [Method::BankTransfer, Method::Wechat],
            "the rules allow Alipay too, which the site has not"
        );
        let mixed = [renewal.clone(), new.clone()];
        let quote = shopper.quote(&mixed).await.unwrap();
        assert_eq!(quote.methods, [Method::BankTransfer], "{}", hall.name());
        let online = shopper
            .open(&mixed, &choice(Method::Wechat, quote.total))
            .await;
        assert!(problems(online)[0].message.contains("另选一种"));

        // Without the new one it can be paid online, and with it again not.
        let order = shopper.order(from_ref(&renewal), Method::Wechat).await;
        let payments = &hall.services.payments;
        let begun = payments
            .begin_payment(&hall.market, &order, Method::Wechat)
            .await
            .unwrap();
        assert_eq!(begun.amount, alone.total);
        // Other details and another way to pay leave the code alone.
        let mut details = choice(Method::BankTransfer, alone.total);
        details.details.contact_name = "陈国栋".to_owned();
        shopper
            .change(&order, from_ref(&renewal), &details)
            .await
            .unwrap();
        let view = shopper.view(&order).await;
        assert_eq!(view.payment.map(|open| open.id), Some(begun.id));
        assert_eq!(view.chosen, Some(Method::BankTransfer));
        let history = payments.history(&hall.market, &order).await.unwrap();
        let kinds: Vec<_> = history.iter().map(|event| event.kind).collect();
        assert!(!kinds.contains(&OrderEventKind::Changed), "{kinds:?}");
        let transfer = choice(Method::BankTransfer, quote.total);
        shopper.change(&order, &mixed, &transfer).await.unwrap();
        let view = shopper.view(&order).await;
        assert_eq!(view.methods, [Method::BankTransfer]);
        assert_eq!(view.payment, None, "the code is withdrawn");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_orders_or_sees_what_is_not_theirs() {
    for hall in halls().await {
        let (shopper, stranger) = (Shopper::new(&hall), Shopper::new(&hall));
        let case = shopper.applied(BANYAN, 1).await;
        let own = stranger.applied(BANYAN, 1).await;
        let mixed = [own.clone(), case.clone()];
        let transfer = choice(Method::BankTransfer, Fen(54000));
        let not_found = |error: Option<EngineError>| {
            assert!(matches!(error, Some(EngineError::NotFound)), "{error:?}");
        };
        not_found(stranger.quote(&mixed).await.err());
        not_found(stranger.open(&mixed, &transfer).await.err());
        let order = shopper.order(from_ref(&case), Method::BankTransfer).await;
        not_found(stranger.change(&order, &[own], &transfer).await.err());
        not_found(stranger.cancel(&order).await.err());
        let (engine, actor) = (&hall.engine, stranger.actor());
        not_found(engine.order_cases(&hall.market, &actor, &order).await.err());
        not_found(engine.receipts(&hall.market, &actor, &order).await.err());
        let elsewhere = engine
            .receipts(&hall.site, &Actor::Clerk(administrator()), &order)
            .await;
        not_found(elsewhere.err());
        let here = engine
            .receipts(&hall.market, &Actor::Clerk(administrator()), &order)
            .await;
        assert_eq!(here.unwrap().len(), 1, "{}", hall.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_is_put_into_two_orders_at_once_is_in_one() {
    for hall in halls().await {
        let shopper = Shopper::new(&hall);
        let shared = shopper.applied(BANYAN, 1).await;
        let baskets = [
            vec![shared.clone(), shopper.applied(BANYAN, 1).await],
            vec![shopper.applied(BANYAN, 1).await, shared.clone()],
            vec![shared.clone(), shopper.applied(BANYAN, 1).await],
        ];
        let total = shopper.quote(&baskets[0]).await.unwrap().total;
        let opened = baskets.iter().map(|cases| {
            let (engine, site) = (hall.engine.clone(), hall.market.clone());
            let (account, cases) = (shopper.account.clone(), cases.clone());
            tokio::spawn(async move {
                let choice = choice(Method::BankTransfer, total);
                engine.open_basket(&site, &account, &cases, &choice).await
            })
        });
        let mut orders = 0;
        for outcome in join_all(opened).await {
            match outcome.unwrap() {
                Ok(_) => orders += 1,
                Err(EngineError::Problems(problems)) => {
                    assert!(problems[0].message.contains("已经在订单"), "{problems:?}");
                    assert_eq!(problems[0].item.as_deref(), Some(shared.as_str()));
                }
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(orders, 1, "{}", hall.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_changed_and_cancelled_until_it_is_paid() {
    for hall in halls().await {
        let shopper = Shopper::new(&hall);
        let (one, two) = (
            shopper.applied(BANYAN, 1).await,
            shopper.applied(BANYAN, 1).await,
        );
        let order = shopper.order(from_ref(&one), Method::BankTransfer).await;
        let both = [one.clone(), two.clone()];
        let total = shopper.quote(&both).await.unwrap().total;
        let transfer = choice(Method::BankTransfer, total);
        shopper.change(&order, &both, &transfer).await.unwrap();
        assert_eq!(shopper.view(&order).await.total, total);
        let only = shopper.quote(from_ref(&two)).await.unwrap().total;
        let transfer = choice(Method::BankTransfer, only);
        shopper
            .change(&order, from_ref(&two), &transfer)
            .await
            .unwrap();
        assert!(shopper.page(&one).await.orderable, "it is free again");
        let history = shopper.page(&one).await.history;
        assert_eq!(history.last().unwrap().label, "移出订单");

        shopper.cancel(&order).await.unwrap();
        assert!(shopper.page(&two).await.orderable);
        let again = problems(shopper.cancel(&order).await);
        assert!(again[0].message.contains("已经取消"));
        let late = problems(shopper.change(&order, &both, &transfer).await);
        assert!(late[0].message.contains("已经取消"), "{late:?}");

        let order = shopper.order(&both, Method::BankTransfer).await;
        let settled = shopper.transfer(&order, "B1").await;
        assert_eq!(settled, Settled::Paid, "{}", hall.name());
        let late = problems(shopper.change(&order, &both, &transfer).await);
        assert!(late[0].message.contains("已经付款"), "{late:?}");
        let late = problems(shopper.cancel(&order).await);
        assert!(late[0].message.contains("已经付款"));
        let late = problems(shopper.quote(&both).await);
        assert!(late[0].message.contains("付过款"), "{late:?}");
        hall_ledger(&shopper).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_price_than_the_applicant_saw_is_shown_first() {
    for hall in halls().await {
        let shopper = Shopper::new(&hall);
        let case = shopper.applied(BANYAN, 1).await;
        let cases = [case.clone()];
        let seen = shopper.quote(&cases).await.unwrap().total;
        assert_eq!(shopper.fill(&case, BANYAN, 2).await.unwrap(), []);
        let transfer = choice(Method::BankTransfer, seen);
        let quote = match shopper.open(&cases, &transfer).await {
            Err(EngineError::PriceChanged(quote)) => quote,
            other => panic!("{other:?}"),
        };
        assert_eq!(quote.total, Fen(seen.0 + 20000), "{}", hall.name());
        assert!(shopper.page(&case).await.order.is_none());
        let transfer = choice(Method::BankTransfer, quote.total);
        shopper.open(&cases, &transfer).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_case_hears_once_that_its_order_was_paid() {
    for hall in halls().await {
        let shopper = Shopper::new(&hall);
        let cases = [
            shopper.applied(BANYAN, 1).await,
            shopper.applied(BANYAN, 3).await,
        ];
        let clerk = Actor::Clerk(administrator());
        shopper
            .fire(&clerk, &cases[0], "accept", &[])
            .await
            .unwrap();
        let order = shopper.order(&cases, Method::BankTransfer).await;
        assert_eq!(shopper.transfer(&order, "B7").await, Settled::Paid);
        hall.work(60).await;
        for (case, state) in cases.iter().zip(["papers", "submitted"]) {
            let page = shopper.page(case).await;
            assert_eq!(page.state.id, state, "{}", hall.name());
            let heard = page.history.iter().filter(|row| row.label == "汇款已核实");
            assert_eq!(heard.count(), 1);
        }
        // Each case hears of its own share, and both together have asked for the invoice.
        let page = shopper.page(&cases[1]).await;
        assert!(page.history.iter().any(|row| row.note.contains("600.00")));
        let invoices = hall.services.invoices.of_order(&hall.market, &order).await;
        let invoices = invoices.unwrap();
        assert_eq!(invoices.len(), 1);
        assert_eq!(invoices[0].amount, shopper.view(&order).await.total);
        // What is given back of one case is its share, and does not show on the other.
        let reason = [("reason", "单位要求撤回")];
        shopper
            .fire(&clerk, &cases[1], "cancel", &reason)
            .await
            .unwrap();
        let [kept, gone] = [&cases[0], &cases[1]];
        let gone = shopper.page(gone).await.order.unwrap();
        assert_eq!((gone.share, gone.refunded), (60000, 60000));
        let kept = shopper.page(kept).await.order.unwrap();
        assert_eq!((kept.share, kept.refunded), (26000, 0));
        let state = shopper.view(&order).await.state;
        assert_eq!(state, OrderState::Paid, "the other case goes on");
        hall_ledger(&shopper).await;
    }
}
