//! Whether a bill is there, is believed, and whose it is.

use crate::desk::{clerk, desks};
use crate::differences::{GATEWAYS, book, early, end_day, open, paid, reconciliation, set};
use std::sync::Arc;
use yinxin_core::ids::SiteId;
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::{Clock, Millis};
use yinxin_services::payments::{Alipay, Payments, Wechat};
use yinxin_services::reconciliation::{
    DifferenceKind, ReconciliationError, ReportState, Side, report_id,
};
use yinxin_simulators::bills::Manner;
use yinxin_simulators::trades::{PayMode, Receipt, Trade, TradeState, now};
use yinxin_store::postings::Account;

#[tokio::test]
async fn a_day_without_a_bill_is_quiet_by_the_evening() {
    let by = clerk();
    for desk in desks().await {
        let reconciliation = reconciliation(&desk, desk.payments.clone());
        set(&desk, early());
        let (payment, trade) = paid(&desk, Method::Alipay, PayMode::Normal).await;
        book(&desk, Method::Alipay).with(|trades| trades.remove(&trade.out_trade_no));
        let day = desk.clock.now().day();
        let noon = Millis::start_of(day.tomorrow().unwrap()).plus(12 * 3600);
        desk.clock.advance((noon.0 - desk.clock.now().0) / 1000);
        let run = || reconciliation.run_again(&desk.site, Method::Alipay, day, &by);
        assert_eq!(run().await.unwrap().state, ReportState::Waiting);
        desk.clock.advance(7 * 3600);
        let report = run().await.unwrap();
        assert_eq!(report.state, ReportState::Done, "{}", desk.store.name);
        let found = open(&reconciliation, &desk, &report).await;
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].kind, found[0].order.as_ref()),
            (DifferenceKind::MissingAtTheirs, Some(&payment.order))
        );
    }
}

#[tokio::test]
async fn a_bill_that_was_changed_or_cut_is_not_believed() {
    let by = clerk();
    for desk in desks().await {
        let reconciliation = reconciliation(&desk, desk.payments.clone());
        for method in GATEWAYS {
            paid(&desk, method, PayMode::Normal).await;
            paid(&desk, method, PayMode::Normal).await;
        }
        let day = end_day(&desk);
        let tampered = Manner {
            tampered: true,
            ..early()
        };
        let cut = Manner {
            cut: true,
            ..early()
        };
        for (method, manner, why) in [
            (Method::Wechat, tampered, "its hash does not fit"),
            (Method::Wechat, cut.clone(), "sums do not fit"),
            (Method::Alipay, cut, "sums do not fit"),
        ] {
            // A cut file of WeChat Pay has the right hash; its sums say that something is missing.
            set(&desk, manner);
            let report = reconciliation
                .run_again(&desk.site, method, day, &clerk())
                .await
                .unwrap();
            assert_eq!(report.state, ReportState::Waiting);
            assert!(
                report.problem.contains(why),
                "{} {}",
                report.problem,
                desk.store.name
            );
            assert_eq!((report.theirs, report.open), (Side::default(), 0));
            assert_eq!(desk.balance(Account::GatewayFees).await, Fen(0));
        }
        set(&desk, early());
        for method in GATEWAYS {
            let run = || reconciliation.run_again(&desk.site, method, day, &by);
            let report = run().await.unwrap();
            assert_eq!(
                (report.state, report.theirs.payments),
                (ReportState::Done, 2)
            );
            // What was found stands when the bill cannot be had later.
            set(
                &desk,
                Manner {
                    cut: true,
                    ..early()
                },
            );
            assert!(matches!(run().await, Err(ReconciliationError::NoBill(_))));
            let kept = reconciliation
                .report(&desk.site, &report_id(method, &day.to_string()))
                .await
                .unwrap();
            assert_eq!(kept.report.state, ReportState::Done);
            set(&desk, early());
        }
    }
}

#[tokio::test]
async fn sites_that_share_a_merchant_see_each_their_own() {
    let other = SiteId::parse("hunan").unwrap();
    for desk in desks().await {
        let mut payments = Payments::new(
            desk.store.store.clone(),
            desk.store.sealer.clone(),
            desk.clock.clone(),
        );
        for site in [&desk.site, &other] {
            let wechat = Wechat::new(desk.wechat_merchant.clone()).unwrap();
            let alipay = Alipay::new(desk.alipay_merchant.clone()).unwrap();
            payments.add_gateway(site.clone(), Arc::new(wechat));
            payments.add_gateway(site.clone(), Arc::new(alipay));
        }
        let reconciliation = reconciliation(&desk, Arc::new(payments));
        set(&desk, early());
        paid(&desk, Method::Wechat, PayMode::Normal).await;
        let strange = Trade {
            out_trade_no: "nobodys1".to_owned(),
            subject: "证书".to_owned(),
            amount: 100,
            notify_url: String::new(),
            code_url: String::new(),
            state: TradeState::Paid,
            scanned: true,
            created: now(),
            expires: now() + 1000,
            receipt: Some(Receipt {
                transaction: "42001".to_owned(),
                amount: 100,
                at: now(),
            }),
            refunds: Vec::new(),
            deliveries: Vec::new(),
        };
        desk.wechat
            .book
            .with(|trades| trades.insert(strange.out_trade_no.clone(), strange));
        let day = end_day(&desk);
        for (site, payments, open) in [(&desk.site, 2, 1), (&other, 1, 1)] {
            let report = reconciliation
                .run_again(site, Method::Wechat, day, &clerk())
                .await
                .unwrap();
            // Nobody's is everybody's until somebody says whose it is.
            assert_eq!(
                (report.theirs.payments, report.open),
                (payments, open),
                "{site} {}",
                desk.store.name
            );
        }
    }
}
