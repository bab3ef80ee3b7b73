//! Importing a bank's file and saying what its lines are for.

use crate::desk::{Desk, clerk, desks};
use std::sync::Arc;
use yinxin_core::ids::{ClerkId, OrderId, SiteId};
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::Clock;
use yinxin_services::payments::{By, OrderDetails, OrderState, PaymentError, Settled};
use yinxin_services::statements::{
    LineState, LineView, Statement, StatementError, Statements, SuggestionKind,
};
use yinxin_store::orders;
use yinxin_store::postings::Account;

pub fn statements(desk: &Desk) -> Arc<Statements> {
    Arc::new(Statements::new(
        desk.store.store.clone(),
        desk.store.sealer.clone(),
        desk.clock.clone(),
        desk.payments.clone(),
    ))
}

/// A file of today with these serial numbers, amounts, payers and memos.
pub fn file(desk: &Desk, lines: &[(&str, &str, &str, &str)]) -> Vec<u8> {
    let day = desk.clock.now().day();
    let mut text = "交易日期,借方发生额,贷方发生额,对方户名,摘要,交易流水号\n".to_owned();
    for (serial, amount, payer, memo) in lines {
        text.push_str(&format!("{day},,{amount},{payer},{memo},{serial}\n"));
    }
    text.push_str(&format!("{day},88.00,,物业公司,水电,DEBIT\n"));
    text.into_bytes()
}

pub async fn import(
    desk: &Desk,
    statements: &Statements,
    lines: &[(&str, &str, &str, &str)],
) -> Statement {
    statements
        .import(&desk.site, "11月.csv", &file(desk, lines), &clerk())
        .await
        .unwrap()
}

pub async fn lines(desk: &Desk, statements: &Statements, statement: &Statement) -> Vec<LineView> {
    let view = statements
        .get(&desk.site, &statement.id, None, None, 100)
        .await
        .unwrap();
    view.lines
}

async fn reference(desk: &Desk, order: &OrderId) -> String {
    let mut conn = desk.store.read().await.unwrap();
    orders::get(&mut conn, &desk.site, order)
        .await
        .unwrap()
        .reference
}

async fn kinds(
    desk: &Desk,
    statements: &Statements,
    statement: &Statement,
) -> Vec<(SuggestionKind, i64)> {
    let lines = lines(desk, statements, statement).await;
    lines
        .into_iter()
        .map(|view| view.suggestion.unwrap())
        .map(|suggestion| (suggestion.kind, suggestion.difference.0))
        .collect()
}

#[tokio::test]
async fn an_overlapping_file_adds_only_what_is_new() {
    for desk in desks().await {
        let statements = statements(&desk);
        let [one, two, three] = [
            ("A1", "220.00", "甲", ""),
            ("A2", "\"1,320.00\"", "乙", ""),
            ("A3", "5.00", "丙", ""),
        ];
        let first = import(&desk, &statements, &[one, two]).await;
        assert_eq!((first.added, first.known, first.debits), (2, 0, 1));
        assert_eq!((first.total, first.open), (Fen(154_000), 2));
        let second = import(&desk, &statements, &[one, two, three]).await;
        assert_eq!((second.added, second.known), (1, 2), "{}", desk.store.name);
        let again = import(&desk, &statements, &[three]).await;
        assert_eq!((again.added, again.known), (0, 1));
        assert_eq!(lines(&desk, &statements, &first).await.len(), 2);
        let list = statements.list(&desk.site, None, 2).await.unwrap();
        assert_eq!(list.len(), 2);
        assert_eq!((&list[1].id, list[1].open), (&second.id, 1));

        // The bank's number stands for another amount: the file is of another account, or changed.
        let before = desk.store.rows().await;
        let changed = file(&desk, &[("A4", "1.00", "", ""), ("A1", "221.00", "甲", "")]);
        let refused = statements
            .import(&desk.site, "x.csv", &changed, &clerk())
            .await;
        let Err(StatementError::Refused(faults)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(faults.len(), 1);
        assert!(faults[0].message.starts_with("第 3 行"), "{faults:?}");
        let damaged = file(&desk, &[("A4", "1.00", "", ""), ("A5", "很多", "", "")]);
        let refused = statements
            .import(&desk.site, "x.csv", &damaged, &clerk())
            .await;
        assert!(matches!(refused, Err(StatementError::Refused(_))));
        assert_eq!(desk.store.rows().await, before, "nothing is half imported");
    }
}

#[tokio::test]
async fn overlapping_files_imported_at_once_keep_each_line_once() {
    for desk in desks().await {
        let statements = statements(&desk);
        let serials: Vec<String> = (0..60).map(|number| format!("O{number:02}")).collect();
        let importing: Vec<_> = (0..4)
            .map(|first| {
                let mut lines: Vec<_> = serials
                    .iter()
                    .skip(first * 10)
                    .map(|serial| (serial.as_str(), "1.00", "甲", ""))
                    .collect();
                // Banks sort by time, some the newest first.
                if first % 2 == 1 {
                    lines.reverse();
                }
                let (bytes, statements) = (file(&desk, &lines), statements.clone());
                let site = desk.site.clone();
                tokio::spawn(
                    async move { statements.import(&site, "x.csv", &bytes, &clerk()).await },
                )
            })
            .collect();
        let mut added = 0;
        for import in importing {
            added += import.await.unwrap().unwrap().added;
        }
        assert_eq!(added, 60, "{}", desk.store.name);
    }
}

#[tokio::test]
async fn a_large_file_in_gbk_is_imported_within_its_page() {
    for desk in desks().await {
        let statements = statements(&desk);
        let serials: Vec<String> = (0..4_998).map(|number| format!("S{number}")).collect();
        let many: Vec<_> = serials
            .iter()
            .map(|serial| (serial.as_str(), "1.00", "福州榕城科技有限公司", "货款"))
            .collect();
        let utf8 = String::from_utf8(file(&desk, &many)).unwrap();
        let bytes = encoding_rs::GBK.encode(&utf8).0.into_owned();
        let imported = statements
            .import(&desk.site, "大.csv", &bytes, &clerk())
            .await
            .unwrap();
        assert_eq!(imported.added, 4_998, "{}", desk.store.name);
        let page = statements
            .get(&desk.site, &imported.id, Some(LineState::Open), None, 20)
            .await
            .unwrap();
        assert_eq!(page.lines.len(), 20);
        assert_eq!(page.lines[0].line.position, 2);
        assert_eq!(page.lines[0].line.details.payer, "福州榕城科技有限公司");
        let next = statements
            .get(&desk.site, &imported.id, None, page.next.as_deref(), 20)
            .await
            .unwrap();
        assert_eq!(next.lines[0].line.position, 22);
    }
}

#[tokio::test]
async fn each_line_is_told_what_it_may_be_for() {
    for desk in desks().await {
        let statements = statements(&desk);
        let [exact, part, more, named, paid] = [
            desk.order(1).await.0,
            desk.order(1).await.0,
            desk.order(1).await.0,
            desk.order(1).await.0,
            desk.order(1).await.0,
        ];
        desk.transfer(&paid, "EARLIER", 22000).await.unwrap();
        let mut tx = desk.store.begin().await.unwrap();
        for (order, title) in [
            (&named, "福州（榕城）科技有限公司"),
            (&part, "闽江物流有限公司"),
        ] {
            let details = OrderDetails {
                invoice_title: title.to_owned(),
                ..OrderDetails::default()
            };
            orders::set_details(&mut tx, &desk.store.sealer, &desk.site, order, &details)
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
        let [to_exact, to_part, to_more, to_paid] = [
            format!("订单{}", reference(&desk, &exact).await),
            reference(&desk, &part).await,
            reference(&desk, &more).await,
            reference(&desk, &paid).await,
        ];
        let imported = import(
            &desk,
            &statements,
            &[
                ("B1", "220.00", "甲", &to_exact),
                ("B2", "200.00", "甲", &to_part),
                ("B3", "230.00", "甲", &to_more),
                ("B4", "220.00", "福州(榕城)科技有限公司", "货款"),
                ("B5", "220.00", "甲", &to_paid),
                ("EARLIER", "220.00", "甲", "货款"),
                ("B6", "220.00", "无名公司", "货款 123456789"),
            ],
        )
        .await;
        assert_eq!(
            kinds(&desk, &statements, &imported).await,
            [
                (SuggestionKind::Exact, 0),
                (SuggestionKind::Reference, -2000),
                (SuggestionKind::Reference, 1000),
                (SuggestionKind::Amount, 0),
                (SuggestionKind::Paid, 22000),
                (SuggestionKind::Known, 0),
                (SuggestionKind::None, 0),
            ],
            "{}",
            desk.store.name
        );

        // A part came: what is missing is less, and so is what fits.
        let views = lines(&desk, &statements, &imported).await;
        let kind = Some(SuggestionKind::Reference);
        let settled = statements
            .confirm(&desk.site, &views[1].line.id, &part, kind, &clerk())
            .await;
        assert_eq!(settled.unwrap(), Settled::Partial);
        let rest = [
            ("B7", "20.00", "甲", to_part.as_str()),
            ("B8", "20.00", "闽江物流有限公司", "尾款"),
            ("B9", "220.00", "闽江物流有限公司", "货款"),
        ];
        let rest = import(&desk, &statements, &rest).await;
        assert_eq!(
            kinds(&desk, &statements, &rest).await,
            [
                (SuggestionKind::Exact, 0),
                (SuggestionKind::Amount, 0),
                (SuggestionKind::None, 0),
            ]
        );
    }
}

#[tokio::test]
async fn a_confirmed_line_pays_its_order_once() {
    for desk in desks().await {
        let statements = statements(&desk);
        let (order, cases) = desk.order(2).await;
        let memo = reference(&desk, &order).await;
        let imported = import(&desk, &statements, &[("C1", "220.00", "甲", &memo)]).await;
        let line = lines(&desk, &statements, &imported).await.remove(0).line;
        let exact = Some(SuggestionKind::Exact);
        let settled = statements
            .confirm(&desk.site, &line.id, &order, exact, &clerk())
            .await;
        assert_eq!(settled.unwrap(), Settled::Paid);
        let events = desk.work(1).await;
        assert_eq!(events.len(), cases.len());
        assert!(events.iter().all(|event| event.event == "slip-verified"));
        let view = statements.line(&desk.site, &line.id).await.unwrap();
        assert_eq!(view.line.state, LineState::Confirmed);
        assert_eq!(view.line.order.as_ref(), Some(&order));
        assert!(view.line.payment.is_some() && !view.order_number.is_empty());
        assert_eq!(view.line.settled_name, clerk().name);
        let again = statements
            .confirm(&desk.site, &line.id, &order, None, &clerk())
            .await;
        assert!(matches!(again, Err(StatementError::NotOpen)));
        let reopened = statements.reopen(&desk.site, &line.id, &clerk()).await;
        assert!(matches!(reopened, Err(StatementError::NotOpen)));
        assert_eq!(
            desk.balance(Account::Gateway(Method::BankTransfer)).await,
            Fen(22000),
            "{}",
            desk.store.name
        );
    }
}

#[tokio::test]
async fn of_clerks_who_confirm_at_once_one_books() {
    for desk in desks().await {
        let statements = statements(&desk);
        let (order, _) = desk.order(1).await;
        let memo = reference(&desk, &order).await;
        let imported = import(&desk, &statements, &[("D1", "220.00", "甲", &memo)]).await;
        let line = lines(&desk, &statements, &imported).await.remove(0).line.id;
        let racing: Vec<_> = (0..6)
            .map(|_| {
                let (statements, site) = (statements.clone(), desk.site.clone());
                let (line, order) = (line.clone(), order.clone());
                tokio::spawn(async move {
                    let exact = Some(SuggestionKind::Exact);
                    statements
                        .confirm(&site, &line, &order, exact, &clerk())
                        .await
                })
            })
            .collect();
        let mut booked = 0;
        for clerk in racing {
            match clerk.await.unwrap() {
                Ok(Settled::Paid) => booked += 1,
                Err(StatementError::NotOpen) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(booked, 1, "{}", desk.store.name);
        assert_eq!(
            desk.balance(Account::Gateway(Method::BankTransfer)).await,
            Fen(22000)
        );
    }
}

#[tokio::test]
async fn all_that_fits_exactly_is_booked_with_one_yes_and_each_says_how() {
    for desk in desks().await {
        let statements = statements(&desk);
        let (one, _) = desk.order(1).await;
        let (two, _) = desk.order(1).await;
        let [to_one, to_two] = [reference(&desk, &one).await, reference(&desk, &two).await];
        let imported = import(
            &desk,
            &statements,
            &[
                ("E1", "220.00", "甲", &to_one),
                ("E2", "220.00", "甲", &to_one),
                ("E3", "220.00", "乙", &to_two),
                ("E4", "219.00", "丙", ""),
            ],
        )
        .await;
        let outcomes = statements
            .confirm_all_exact(&desk.site, &imported.id, &clerk())
            .await
            .unwrap();
        let lines_of: Vec<i64> = outcomes.iter().map(|outcome| outcome.position).collect();
        assert_eq!(lines_of, [2, 3, 4]);
        assert!(matches!(outcomes[0].result, Ok(Settled::Paid)));
        // The same order is paid by then; a person has to look at it.
        assert!(
            matches!(&outcomes[1].result, Err(StatementError::Changed(now)) if now.kind == SuggestionKind::Paid),
            "{:?} {}",
            outcomes[1],
            desk.store.name
        );
        assert!(matches!(outcomes[2].result, Ok(Settled::Paid)));
        let left = statements.list(&desk.site, None, 1).await.unwrap();
        assert_eq!(left[0].open, 2);
        assert_eq!(desk.state(&two).await, OrderState::Paid);
    }
}

#[tokio::test]
async fn what_changed_since_it_was_shown_is_not_booked() {
    for desk in desks().await {
        let statements = statements(&desk);
        let (order, _) = desk.order(1).await;
        let (other, _) = desk.order(1).await;
        let memo = reference(&desk, &order).await;
        let imported = import(&desk, &statements, &[("F1", "220.00", "甲", &memo)]).await;
        let line = lines(&desk, &statements, &imported).await.remove(0).line.id;
        desk.transfer(&order, "BY-HAND", 10000).await.unwrap();
        let exact = Some(SuggestionKind::Exact);
        for order in [&order, &other] {
            let changed = statements
                .confirm(&desk.site, &line, order, exact, &clerk())
                .await;
            assert!(
                matches!(changed, Err(StatementError::Changed(_))),
                "{changed:?}"
            );
        }
        assert_eq!(
            statements.line(&desk.site, &line).await.unwrap().line.state,
            LineState::Open,
            "{}",
            desk.store.name
        );
        // An order that he picked himself needs no suggestion.
        let settled = statements
            .confirm(&desk.site, &line, &other, None, &clerk())
            .await;
        assert_eq!(settled.unwrap(), Settled::Paid);
    }
}

#[tokio::test]
async fn a_transfer_that_was_booked_by_hand_is_tied_to_its_payment() {
    for desk in desks().await {
        let statements = statements(&desk);
        let (order, _) = desk.order(1).await;
        let (other, _) = desk.order(1).await;
        desk.transfer(&order, "G1", 22000).await.unwrap();
        let imported = import(&desk, &statements, &[("G1", "220.00", "甲", "")]).await;
        let line = lines(&desk, &statements, &imported).await.remove(0).line.id;
        let wrong = statements
            .confirm(&desk.site, &line, &other, None, &clerk())
            .await;
        assert!(matches!(wrong, Err(StatementError::BookedBefore(_))));
        let known = Some(SuggestionKind::Known);
        let settled = statements
            .confirm(&desk.site, &line, &order, known, &clerk())
            .await;
        assert_eq!(settled.unwrap(), Settled::Already, "{}", desk.store.name);
        let view = statements.line(&desk.site, &line).await.unwrap();
        assert!(view.line.payment.is_some());
        assert_eq!(
            desk.balance(Account::Gateway(Method::BankTransfer)).await,
            Fen(22000)
        );
    }
}

#[tokio::test]
async fn nobody_confirms_his_own_payment() {
    for desk in desks().await {
        let statements = statements(&desk);
        let (order, _) = desk.order(1).await;
        let memo = reference(&desk, &order).await;
        let imported = import(&desk, &statements, &[("H1", "220.00", "林小明", &memo)]).await;
        let line = lines(&desk, &statements, &imported).await.remove(0).line.id;
        let payer = By::clerk(&ClerkId::generate(), "林小明");
        let refused = statements
            .confirm(&desk.site, &line, &order, None, &payer)
            .await;
        assert!(
            matches!(
                refused,
                Err(StatementError::Payment(PaymentError::OwnPayment))
            ),
            "{refused:?}"
        );
        let outcomes = statements
            .confirm_all_exact(&desk.site, &imported.id, &payer)
            .await
            .unwrap();
        assert!(outcomes[0].result.is_err());
        let view = statements.line(&desk.site, &line).await.unwrap();
        assert_eq!(view.line.state, LineState::Open, "{}", desk.store.name);
        assert_eq!(desk.state(&order).await, OrderState::Open);
    }
}

#[tokio::test]
async fn a_line_is_ignored_with_a_reason_and_opened_again() {
    for desk in desks().await {
        let statements = statements(&desk);
        let imported = import(&desk, &statements, &[("I1", "0.37", "银行", "利息")]).await;
        let line = lines(&desk, &statements, &imported).await.remove(0).line.id;
        let refused = statements.ignore(&desk.site, &line, " ", &clerk()).await;
        assert!(matches!(refused, Err(StatementError::NoReason)));
        statements
            .ignore(&desk.site, &line, "利息", &clerk())
            .await
            .unwrap();
        let view = statements.line(&desk.site, &line).await.unwrap();
        assert_eq!(
            (view.line.state, view.line.reason.as_str()),
            (LineState::Ignored, "利息")
        );
        let twice = statements.ignore(&desk.site, &line, "利息", &clerk()).await;
        assert!(matches!(twice, Err(StatementError::NotOpen)));
        statements
            .reopen(&desk.site, &line, &clerk())
            .await
            .unwrap();
        let list = statements.list(&desk.site, None, 1).await.unwrap();
        assert_eq!(list[0].open, 1, "{}", desk.store.name);
        let other = SiteId::parse("hunan").unwrap();
        assert!(statements.line(&other, &line).await.is_err());
        assert!(
            statements
                .ignore(&other, &line, "利息", &clerk())
                .await
                .is_err()
        );
    }
}
