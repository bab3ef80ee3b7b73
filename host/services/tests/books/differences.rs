//! A day compared with the gateways' bills.

use crate::desk::{Desk, clerk, desks};
use jiff::civil::Date;
use std::sync::Arc;
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::Clock;
use yinxin_services::payments::{OrderState, PaymentView, Payments, check_ledger};
use yinxin_services::reconciliation::{
    BillKind, Difference, DifferenceKind, DifferenceState, Reconciliation, ReconciliationError,
    Report, ReportState, Side,
};
use yinxin_simulators::bills::Manner;
use yinxin_simulators::trades::{Book, PayMode, Refund, Trade, now};
use yinxin_store::postings::Account;

pub const GATEWAYS: [Method; 2] = [Method::Wechat, Method::Alipay];

pub fn reconciliation(desk: &Desk, payments: Arc<Payments>) -> Reconciliation {
    Reconciliation::new(
        desk.store.store.clone(),
        desk.store.sealer.clone(),
        desk.clock.clone(),
        payments,
    )
}

/// Both providers make their bills in this manner.
pub fn set(desk: &Desk, manner: Manner) {
    desk.wechat.bills.set(manner.clone());
    desk.alipay.bills.set(manner);
}

/// Bills of the day that is not over, so that nobody has to wait for tomorrow.
pub fn early() -> Manner {
    Manner {
        ready_hour: -1,
        ..Manner::default()
    }
}

pub fn book(desk: &Desk, method: Method) -> Arc<Book> {
    match method {
        Method::Wechat => desk.wechat.book.clone(),
        _ => desk.alipay.book.clone(),
    }
}

/// Pays an order; the notification arrives and is worked on where the mode lets it.
pub async fn paid(desk: &Desk, method: Method, mode: PayMode) -> (PaymentView, Trade) {
    let (order, _) = desk.order(1).await;
    let payment = desk.begin(&order, method).await;
    let trade = desk.pay(&payment, mode).await;
    if mode == PayMode::Normal {
        desk.work(2).await;
        assert_eq!(desk.state(&order).await, OrderState::Paid);
    }
    (payment, trade)
}

/// Today; for us it is over then.
pub fn end_day(desk: &Desk) -> Date {
    let day = desk.clock.now().day();
    desk.clock.advance(24 * 3600);
    day
}

pub async fn open(
    reconciliation: &Reconciliation,
    desk: &Desk,
    report: &Report,
) -> Vec<Difference> {
    let view = reconciliation.report(&desk.site, &report.id).await.unwrap();
    view.open
}

#[tokio::test]
async fn a_day_on_which_all_agrees_is_compared_as_often_as_one_likes() {
    for desk in desks().await {
        let reconciliation = reconciliation(&desk, desk.payments.clone());
        set(&desk, early());
        for method in GATEWAYS {
            let (payment, _) = paid(&desk, method, PayMode::Normal).await;
            desk.refund(&payment.order, None, 2000).await.unwrap();
            desk.work(60).await;
        }
        let day = end_day(&desk);
        for method in GATEWAYS {
            for _ in 0..2 {
                let report = reconciliation
                    .run_again(&desk.site, method, day, &clerk())
                    .await
                    .unwrap();
                let side = Side {
                    payments: 1,
                    received: Fen(22000),
                    refunds: 1,
                    refunded: Fen(2000),
                };
                assert_eq!(report.state, ReportState::Done, "{}", report.problem);
                assert_eq!(
                    (report.theirs, report.ours),
                    (side, side),
                    "{}",
                    desk.store.name
                );
                // 0.60 % of 220.00 less 0.60 % of 20.00.
                assert_eq!((report.fee, report.open), (Fen(132 - 12), 0));
                assert_eq!(report.run_name, clerk().name);
            }
            let held = Fen(22000 - 2000 - 120);
            assert_eq!(desk.balance(Account::Gateway(method)).await, held);
        }
        assert_eq!(desk.balance(Account::GatewayFees).await, Fen(240));
        let faults = check_ledger(&desk.store, &desk.site).await.unwrap();
        assert!(faults.is_empty(), "{faults:?}");
        let reports = reconciliation.reports(&desk.site, None, 10).await.unwrap();
        assert_eq!(reports.len(), 2);
    }
}

#[tokio::test]
async fn a_lost_notification_is_found_by_the_bill_and_booked() {
    let by = clerk();
    for desk in desks().await {
        let reconciliation = reconciliation(&desk, desk.payments.clone());
        set(&desk, early());
        for method in GATEWAYS {
            let (payment, trade) = paid(&desk, method, PayMode::Drop).await;
            assert_ne!(desk.state(&payment.order).await, OrderState::Paid);
            // He paid yesterday.
            book(&desk, method).with(|trades| {
                let trade = trades.get_mut(&trade.out_trade_no).unwrap();
                trade.receipt.as_mut().unwrap().at -= 24 * 3_600_000;
            });
            let today = desk.clock.now().day();
            let yesterday = today.yesterday().unwrap();
            let report = reconciliation
                .run_again(&desk.site, method, yesterday, &by)
                .await
                .unwrap();
            assert_eq!(report.theirs.payments, 1);
            assert_eq!(
                (report.open, report.ours),
                (0, report.theirs),
                "{}",
                desk.store.name
            );
            assert_eq!(desk.state(&payment.order).await, OrderState::Paid);

            // We booked it today, and today's bill does not have it: it stood in yesterday's.
            desk.clock.advance(48 * 3600);
            let report = reconciliation
                .run_again(&desk.site, method, today, &by)
                .await
                .unwrap();
            assert_eq!((report.state, report.open), (ReportState::Done, 0));
            assert_eq!(report.ours, Side::default());
            desk.clock.advance(-48 * 3600);
        }
    }
}

#[tokio::test]
async fn a_refund_made_behind_our_back_waits_for_a_clerk() {
    let by = clerk();
    for desk in desks().await {
        let reconciliation = reconciliation(&desk, desk.payments.clone());
        set(&desk, early());
        for method in GATEWAYS {
            let (payment, trade) = paid(&desk, method, PayMode::Normal).await;
            book(&desk, method).with(|trades| {
                let trade = trades.get_mut(&trade.out_trade_no).unwrap();
                trade.refunds.push(Refund {
                    out_refund_no: String::new(),
                    number: "50300001".to_owned(),
                    amount: 5000,
                    reason: "后台退款".to_owned(),
                    at: now(),
                });
            });
            let day = end_day(&desk);
            let run = || reconciliation.run_again(&desk.site, method, day, &by);
            let report = run().await.unwrap();
            let found = open(&reconciliation, &desk, &report).await;
            assert_eq!(found.len(), 1, "{}", desk.store.name);
            assert_eq!(
                (
                    found[0].about,
                    found[0].kind,
                    found[0].ours,
                    found[0].theirs
                ),
                (
                    BillKind::Refund,
                    DifferenceKind::RefundDiffers,
                    None,
                    Some(Fen(5000))
                )
            );
            assert_eq!(found[0].order.as_ref(), Some(&payment.order));

            let id = &found[0].id;
            let refused = reconciliation.settle(&desk.site, id, "", &clerk()).await;
            assert!(matches!(refused, Err(ReconciliationError::NoNote)));
            reconciliation
                .settle(&desk.site, id, "财务在商户平台退款，已补登", &clerk())
                .await
                .unwrap();
            // It does not come back by itself, only by hand.
            assert_eq!(run().await.unwrap().open, 0);
            let settled = reconciliation.difference(&desk.site, id).await.unwrap();
            assert_eq!(settled.settled_name, clerk().name);
            let twice = reconciliation
                .settle(&desk.site, id, "再来", &clerk())
                .await;
            assert!(matches!(twice, Err(ReconciliationError::NotNow)));
            reconciliation
                .reopen(&desk.site, id, &clerk())
                .await
                .unwrap();
            let queue = reconciliation
                .differences(&desk.site, DifferenceState::Open, None, 10)
                .await
                .unwrap();
            assert_eq!(queue.len(), 1);
            reconciliation
                .settle(&desk.site, id, "已补登", &clerk())
                .await
                .unwrap();
            desk.clock.advance(-24 * 3600);
        }
    }
}

#[tokio::test]
async fn another_amount_is_a_difference_until_it_agrees() {
    let by = clerk();
    for desk in desks().await {
        let reconciliation = reconciliation(&desk, desk.payments.clone());
        set(&desk, early());
        for method in GATEWAYS {
            let (_, trade) = paid(&desk, method, PayMode::Normal).await;
            let change = |amount: i64| {
                book(&desk, method).with(|trades| {
                    let trade = trades.get_mut(&trade.out_trade_no).unwrap();
                    trade.receipt.as_mut().unwrap().amount = amount;
                });
            };
            change(21000);
            let day = end_day(&desk);
            let run = || reconciliation.run_again(&desk.site, method, day, &by);
            let report = run().await.unwrap();
            let found = open(&reconciliation, &desk, &report).await;
            assert_eq!(found.len(), 1, "{}", desk.store.name);
            assert_eq!(
                (found[0].kind, found[0].ours, found[0].theirs),
                (
                    DifferenceKind::AmountDiffers,
                    Some(Fen(22000)),
                    Some(Fen(21000))
                )
            );
            change(22000);
            assert_eq!(run().await.unwrap().open, 0);
            let settled = reconciliation
                .difference(&desk.site, &found[0].id)
                .await
                .unwrap();
            assert_eq!(
                (settled.state, settled.settled_by.as_str()),
                (DifferenceState::Settled, "host")
            );
            // And again, if it does not agree again.
            change(20000);
            assert_eq!(run().await.unwrap().open, 1);
            change(22000);
            run().await.unwrap();
            desk.clock.advance(-24 * 3600);
        }
    }
}

#[tokio::test]
async fn what_one_side_alone_has_is_a_difference() {
    for desk in desks().await {
        let reconciliation = reconciliation(&desk, desk.payments.clone());
        set(&desk, early());
        for method in GATEWAYS {
            // One that we do not know, in place of one of ours.
            let (payment, trade) = paid(&desk, method, PayMode::Normal).await;
            book(&desk, method).with(|trades| {
                let mut strange = trades.remove(&trade.out_trade_no).unwrap();
                strange.out_trade_no = "strange1".to_owned();
                trades.insert(strange.out_trade_no.clone(), strange);
            });
            let day = end_day(&desk);
            let report = reconciliation
                .run_again(&desk.site, method, day, &clerk())
                .await
                .unwrap();
            let mut found = open(&reconciliation, &desk, &report).await;
            found.sort_by_key(|difference| difference.ours);
            let kinds: Vec<_> = found.iter().map(|difference| difference.kind).collect();
            assert_eq!(
                kinds,
                [
                    DifferenceKind::MissingAtOurs,
                    DifferenceKind::MissingAtTheirs
                ],
                "{}",
                desk.store.name
            );
            assert_eq!(
                (found[0].number.as_str(), &found[0].order),
                ("strange1", &None)
            );
            assert_eq!(found[1].order.as_ref(), Some(&payment.order));
            assert_eq!(found[1].number, trade.out_trade_no);
            assert_eq!((report.ours.payments, report.theirs.payments), (1, 1));
            desk.clock.advance(-24 * 3600);
        }
    }
}

#[tokio::test]
async fn a_refund_of_another_amount_or_that_they_do_not_have_is_a_difference() {
    let by = clerk();
    for desk in desks().await {
        let reconciliation = reconciliation(&desk, desk.payments.clone());
        set(&desk, early());
        for method in GATEWAYS {
            let (payment, trade) = paid(&desk, method, PayMode::Normal).await;
            desk.refund(&payment.order, None, 2000).await.unwrap();
            desk.work(60).await;
            let day = end_day(&desk);
            let run = || reconciliation.run_again(&desk.site, method, day, &by);
            assert_eq!(run().await.unwrap().open, 0);
            for theirs in [Some(1900), None] {
                book(&desk, method).with(|trades| {
                    let trade = trades.get_mut(&trade.out_trade_no).unwrap();
                    match theirs {
                        Some(amount) => trade.refunds[0].amount = amount,
                        None => trade.refunds.clear(),
                    }
                });
                let report = run().await.unwrap();
                let found = open(&reconciliation, &desk, &report).await;
                assert_eq!(found.len(), 1, "{}", desk.store.name);
                assert_eq!(
                    (found[0].kind, found[0].ours, found[0].theirs),
                    (
                        DifferenceKind::RefundDiffers,
                        Some(Fen(2000)),
                        theirs.map(Fen)
                    )
                );
                assert_eq!(found[0].order.as_ref(), Some(&payment.order));
            }
            desk.clock.advance(-24 * 3600);
        }
    }
}
