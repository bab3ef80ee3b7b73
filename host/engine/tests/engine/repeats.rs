//! A worker may die after what it did was committed and before it could say so: everything that runs twice happens once.

use crate::applicant::Application;
use crate::hall::{administrator, halls};
use yinxin_core::time::Clock;
use yinxin_simulators::trades::PayMode;
use yinxin_store::jobs;

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_run_twice_do_nothing_twice() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::submitted(&hall, &account, "sub").await;
        case.pass(&administrator()).await.unwrap();
        case.pay(PayMode::Repeat).await;
        case.post_and_make().await;
        hall.work(120).await; // until the face check's result was asked for
        assert_eq!(case.state().await, "to-ship");

        let before = hall.store.rows().await;
        let received = hall.pocket.sms();
        for kind in [
            "payment-confirm",
            "message",
            "certificate-issue",
            "identity-result",
        ] {
            assert!(
                hall.store.forget_done(kind).await > 0,
                "there were jobs of the kind {kind}"
            );
        }
        hall.work(5).await;
        assert_eq!(hall.store.rows().await, before, "{}", hall.name());
        assert_eq!(hall.pocket.sms(), received);

        // An event that fits no more is noted in the history, and moves nothing.
        let events = hall.store.forget_done("case-event").await;
        assert_eq!(events, 3, "identity passed, paid, issued");
        hall.work(5).await;
        let mut noted = before.clone();
        *noted.get_mut("ledger").unwrap() += 3;
        assert_eq!(hall.store.rows().await, noted);
        let page = case.page().await;
        assert_eq!(page.state.id, "to-ship");
        let labels: Vec<_> = page
            .history
            .iter()
            .rev()
            .map(|line| line.label.as_str())
            .collect();
        assert!(labels[..3].contains(&"已收到付款"), "{labels:?}");
        assert_eq!(hall.pocket.sms(), received);
        hall.verified_ledger().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_worker_died_is_done_by_another_one() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::submitted(&hall, &account, "sub").await;
        case.pass(&administrator()).await.unwrap();
        hall.engine.work_off().await.unwrap();
        case.pay_unnoticed(PayMode::Normal).await;
        // One takes the job and is never heard of again.
        let now = hall.clock.now();
        let mut tx = hall.store.begin().await.unwrap();
        let taken = jobs::lease(&mut tx, now, now.plus(120)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(taken.unwrap().kind, "payment-confirm");
        hall.engine.work_off().await.unwrap();
        assert_eq!(case.state().await, "to-pay");
        hall.clock.advance(121);
        hall.engine.work_off().await.unwrap();
        assert_eq!(case.state().await, "to-post", "{}", hall.name());
        assert!(
            hall.engine
                .dead_jobs(&hall.site, &administrator(), None, 10)
                .await
                .unwrap()
                .is_empty()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_workers_at_once_do_each_job_once() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::submitted(&hall, &account, "sub").await;
        case.pass(&administrator()).await.unwrap();
        case.pay_unnoticed(PayMode::Repeat).await;
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let engine = hall.engine.clone();
                tokio::spawn(async move { engine.work_off().await.unwrap() })
            })
            .collect();
        for worker in workers {
            worker.await.unwrap();
        }
        hall.work(5).await;
        assert_eq!(case.state().await, "to-post", "{}", hall.name());
        let paid = case.history().await;
        let paid = paid
            .iter()
            .filter(|row| row.entry.transition == "paid")
            .count();
        assert_eq!(paid, 1);
        assert_eq!(hall.pocket.sms().len(), 2, "passed and paid");
    }
}
