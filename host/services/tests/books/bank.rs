//! A day compared with the bank's statement.

use crate::desk::{clerk, desks};
use crate::differences::reconciliation;
use crate::statements::{import, lines, statements};
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::Clock;
use yinxin_services::reconciliation::{
    DifferenceKind, DifferenceState, RECONCILE_JOB, ReportState,
};
use yinxin_store::jobs;

#[tokio::test]
async fn the_banks_lines_are_compared_with_what_was_booked() {
    for desk in desks().await {
        let (statements, reconciliation) = (
            statements(&desk),
            reconciliation(&desk, desk.payments.clone()),
        );
        let day = desk.clock.now().day();
        let (both, _) = desk.order(1).await;
        let (ours, _) = desk.order(1).await;
        let (theirs, _) = desk.order(1).await;
        desk.transfer(&both, "BOTH", 22000).await.unwrap();
        desk.transfer(&ours, "OURS", 22000).await.unwrap();
        let imported = import(
            &desk,
            &statements,
            &[
                ("BOTH", "220.00", "甲", ""),
                ("THEIRS", "220.00", "乙", ""),
                ("INTEREST", "0.37", "银行", "利息"),
            ],
        )
        .await;
        let views = lines(&desk, &statements, &imported).await;
        statements
            .ignore(&desk.site, &views[2].line.id, "利息", &clerk())
            .await
            .unwrap();
        desk.clock.advance(24 * 3600);

        let by = clerk();
        let run = || reconciliation.run_again(&desk.site, Method::BankTransfer, day, &by);
        let report = run().await.unwrap();
        assert_eq!(report.state, ReportState::Done);
        assert_eq!(
            (report.theirs.payments, report.theirs.received),
            (2, Fen(44000))
        );
        assert_eq!(
            (report.ours.payments, report.ours.received),
            (2, Fen(44000))
        );
        let view = reconciliation.report(&desk.site, &report.id).await.unwrap();
        let mut found: Vec<_> = view
            .open
            .iter()
            .map(|difference| (difference.number.as_str(), difference.kind))
            .collect();
        found.sort_by_key(|(number, _)| *number);
        assert_eq!(
            found,
            [
                ("OURS", DifferenceKind::MissingAtTheirs),
                ("THEIRS", DifferenceKind::MissingAtOurs),
            ],
            "{}",
            desk.store.name
        );

        // What is confirmed later agrees then.
        statements
            .confirm(&desk.site, &views[1].line.id, &theirs, None, &clerk())
            .await
            .unwrap();
        assert_eq!(run().await.unwrap().open, 1);
        let settled = reconciliation
            .differences(&desk.site, DifferenceState::Settled, None, 10)
            .await
            .unwrap();
        assert_eq!(settled[0].settled_by, "host");
    }
}

#[tokio::test]
async fn an_imported_statement_has_its_days_compared_anew() {
    for desk in desks().await {
        let statements = statements(&desk);
        let today = desk.clock.now().day();
        let [first, second] = [today.yesterday().unwrap().yesterday().unwrap(), today];
        let text = format!("交易日期,收入金额,流水号\n{first},1.00,K1\n{second},2.00,K2\n");
        statements
            .import(&desk.site, "x.csv", text.as_bytes(), &clerk())
            .await
            .unwrap();
        let mut days = Vec::new();
        loop {
            let mut tx = desk.store.begin().await.unwrap();
            let now = desk.clock.now();
            let job = jobs::lease(&mut tx, now, now.plus(60)).await.unwrap();
            tx.commit().await.unwrap();
            let Some(job) = job else { break };
            assert_eq!(job.kind, RECONCILE_JOB);
            days.push(job.key.split(':').nth(1).unwrap().to_owned());
        }
        days.sort();
        // Today is not over.
        let expected = [first, first.tomorrow().unwrap()].map(|day| day.to_string());
        assert_eq!(days, expected, "{}", desk.store.name);
    }
}
