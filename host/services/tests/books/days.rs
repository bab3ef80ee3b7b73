//! When days are compared, and what happens while there is no bill.

use crate::desk::{Desk, clerk, desks};
use crate::differences::reconciliation;
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::{Clock, Millis};
use yinxin_services::job_end::JobEnd;
use yinxin_services::payments::PaymentError;
use yinxin_services::reconciliation::{
    RECONCILE_JOB, Reconciliation, ReconciliationError, ReportState,
};
use yinxin_simulators::bills::Manner;
use yinxin_store::jobs::{self, Job};

/// Moves the clock to the next day at this hour and minute in China.
fn to_tomorrow(desk: &Desk, hour: i64, minute: i64) {
    let tomorrow = desk.clock.now().day().tomorrow().unwrap();
    let wanted = Millis::start_of(tomorrow).plus(hour * 3600 + minute * 60);
    desk.clock
        .advance((wanted.0 - desk.clock.now().0) / 1000 + 1);
}

async fn due(desk: &Desk) -> Vec<Job> {
    let mut found = Vec::new();
    loop {
        let mut tx = desk.store.begin().await.unwrap();
        let now = desk.clock.now();
        let job = jobs::lease(&mut tx, now, now.plus(60)).await.unwrap();
        tx.commit().await.unwrap();
        match job {
            Some(job) => found.push(job),
            None => return found,
        }
    }
}

async fn run(desk: &Desk, reconciliation: &Reconciliation, job: &Job) -> JobEnd {
    let end = reconciliation
        .run_job(&desk.site, &job.payload)
        .await
        .unwrap();
    let mut tx = desk.store.begin().await.unwrap();
    match &end {
        JobEnd::Done => jobs::finish(&mut tx, &desk.site, &job.id).await.unwrap(),
        JobEnd::Again { at, why } => {
            jobs::retry(&mut tx, &desk.site, &job.id, *at, why)
                .await
                .unwrap();
        }
    }
    tx.commit().await.unwrap();
    end
}

#[tokio::test]
async fn each_morning_the_day_before_is_compared_once() {
    for desk in desks().await {
        let reconciliation = reconciliation(&desk, desk.payments.clone());
        let early = Manner {
            ready_hour: -1,
            ..Manner::default()
        };
        desk.wechat.bills.set(early.clone());
        desk.alipay.bills.set(early);
        let today = desk.clock.now().day();
        to_tomorrow(&desk, 10, 29);
        reconciliation.plan(&desk.site).await.unwrap();
        assert!(due(&desk).await.is_empty(), "the bills are not ready");
        desk.clock.advance(60);
        reconciliation.plan(&desk.site).await.unwrap();
        reconciliation.plan(&desk.site).await.unwrap();
        let planned = due(&desk).await;
        assert_eq!(planned.len(), 3, "{}", desk.store.name);
        assert!(planned.iter().all(|job| job.kind == RECONCILE_JOB));
        for job in &planned {
            // Alipay does not tell a quiet day from a late bill.
            let again = matches!(run(&desk, &reconciliation, job).await, JobEnd::Again { .. });
            assert_eq!(again, job.key.starts_with("alipay"), "{}", job.key);
        }
        let states = |reports: Vec<yinxin_services::reconciliation::Report>| {
            let mut states: Vec<_> = reports
                .into_iter()
                .map(|report| (report.method, report.state, report.day))
                .collect();
            states.sort_by_key(|(method, ..)| *method);
            states
        };
        let day = today.to_string();
        let reports = reconciliation.reports(&desk.site, None, 10).await.unwrap();
        assert_eq!(
            states(reports),
            [
                (Method::Wechat, ReportState::Done, day.clone()),
                (Method::Alipay, ReportState::Waiting, day.clone()),
                (Method::BankTransfer, ReportState::NoBill, day.clone()),
            ]
        );
        reconciliation.plan(&desk.site).await.unwrap();
        assert!(due(&desk).await.is_empty(), "once is enough");
        // By the evening a bill would be there.
        desk.clock.advance(8 * 3600);
        let waiting = due(&desk).await;
        assert_eq!(waiting.len(), 1);
        assert_eq!(run(&desk, &reconciliation, &waiting[0]).await, JobEnd::Done);

        // Nobody was there for three days: they are made up for, also when a clerk began with the last of them.
        desk.clock.advance(3 * 24 * 3600);
        let last = desk.clock.now().day().yesterday().unwrap();
        reconciliation
            .run_again(&desk.site, Method::BankTransfer, last, &clerk())
            .await
            .unwrap();
        reconciliation.plan(&desk.site).await.unwrap();
        assert_eq!(due(&desk).await.len(), 8);
    }
}

#[tokio::test]
async fn a_bill_that_is_not_there_is_asked_for_again_and_given_up_after_three_days() {
    for mut desk in desks().await {
        let reconciliation = reconciliation(&desk, desk.payments.clone());
        let late = Manner {
            ready_hour: 60,
            ..Manner::default()
        };
        desk.wechat.bills.set(late);
        let yesterday = desk.clock.now().day().yesterday().unwrap();
        let payload = serde_json::json!({"method": Method::Wechat, "day": yesterday}).to_string();
        let again = reconciliation.run_job(&desk.site, &payload).await.unwrap();
        let JobEnd::Again { at, why } = again else {
            panic!("{again:?}");
        };
        let wait = (at.0 - desk.clock.now().0) / 1000;
        assert!((500..=7200).contains(&wait), "{wait}");
        assert!(why.contains("not made yet"), "{why}");

        desk.stop_providers().await;
        let again = reconciliation.run_job(&desk.site, &payload).await.unwrap();
        assert!(
            matches!(&again, JobEnd::Again { why, .. } if why.contains("cannot be reached")),
            "{again:?}"
        );
        desk.clock.advance(5 * 24 * 3600);
        let end = reconciliation.run_job(&desk.site, &payload).await.unwrap();
        assert_eq!(end, JobEnd::Done, "{}", desk.store.name);
        let reports = reconciliation.reports(&desk.site, None, 1).await.unwrap();
        assert_eq!(reports[0].state, ReportState::Failed);
        assert!(!reports[0].problem.is_empty());

        // A clerk who tries too early need not come back: a job does.
        let early = reconciliation
            .run_again(&desk.site, Method::Wechat, yesterday, &clerk())
            .await
            .unwrap();
        assert_eq!(early.state, ReportState::Waiting);
        desk.clock.advance(3600);
        assert_eq!(due(&desk).await.len(), 1);
        desk.start_providers().await;
        let ready = Manner {
            ready_hour: 0,
            ..Manner::default()
        };
        desk.wechat.bills.set(ready);
        let report = reconciliation
            .run_again(&desk.site, Method::Wechat, yesterday, &clerk())
            .await
            .unwrap();
        assert_eq!((report.state, report.fee), (ReportState::Done, Fen(0)));
    }
}

#[tokio::test]
async fn only_a_day_that_is_over_is_compared_and_only_what_the_site_takes() {
    for desk in desks().await {
        let reconciliation = reconciliation(&desk, desk.payments.clone());
        let today = desk.clock.now().day();
        let run = reconciliation
            .run_again(&desk.site, Method::Wechat, today, &clerk())
            .await;
        assert!(matches!(run, Err(ReconciliationError::NotOver)));
        let run = reconciliation
            .run_again(
                &desk.site,
                Method::Cpcn,
                today.yesterday().unwrap(),
                &clerk(),
            )
            .await;
        assert!(matches!(
            run,
            Err(ReconciliationError::Payment(PaymentError::NoMethod(_)))
        ));
    }
}
