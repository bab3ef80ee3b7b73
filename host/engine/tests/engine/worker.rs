//! The worker itself: it wakes, stops, gives up and is asked to try again; pages that wait hear of it.

use crate::applicant::Application;
use crate::hall::{administrator, clerk, halls};
use crate::shelf;
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use yinxin_capabilities::Registry;
use yinxin_core::definition::Role;
use yinxin_core::rules::Fact;
use yinxin_core::time::Clock;
use yinxin_sandbox::wasmtime::component::Linker;
use yinxin_sandbox::{Call, Limits, Sandbox, Settings};
use yinxin_services::case_event::CaseEvent;
use yinxin_simulators::trades::PayMode;
use yinxin_store::jobs::{self, NewJob};
use yinxin_store::testing::unfinished_jobs;

/// Far longer than anything here takes; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_waits_for_its_payment_hears_of_it() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::submitted(&hall, &account, "sub").await;
        case.pass(&administrator()).await.unwrap();
        let stop = CancellationToken::new();
        let worker = {
            let (engine, stop) = (hall.engine.clone(), stop.clone());
            tokio::spawn(async move { engine.work(stop).await })
        };
        let mut news = Box::pin(hall.engine.watch(&hall.site, &case.id));
        case.pay_unnoticed(PayMode::Normal).await;
        let paid = async {
            while case.state().await != "to-post" {
                news.next().await;
            }
        };
        tokio::time::timeout(PATIENCE, paid)
            .await
            .unwrap_or_else(|_| panic!("{}: nobody heard", hall.name()));
        stop.cancel();
        tokio::time::timeout(PATIENCE, worker)
            .await
            .expect("the worker stops")
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_ends_before_a_clerk_who_may_try_again() {
    for hall in halls().await {
        let job = NewJob {
            kind: "of-a-later-version",
            key: "1".to_owned(),
            case_id: String::new(),
            payload: "{}".to_owned(),
            run_at: hall.clock.now(),
        };
        let mut tx = hall.store.begin().await.unwrap();
        jobs::enqueue(&mut tx, &hall.site, job).await.unwrap();
        tx.commit().await.unwrap();
        let (engine, boss) = (&hall.engine, administrator());
        let dead = async || engine.dead_jobs(&hall.site, &boss, None, 9).await.unwrap();
        hall.engine.work_off().await.unwrap();
        assert!(dead().await.is_empty(), "one failure is no end");
        hall.work(24 * 3600).await;
        let given_up = dead().await;
        assert_eq!(given_up.len(), 1, "{}", hall.name());
        assert!(given_up[0].last_error.contains("of-a-later-version"));
        assert!(
            engine
                .dead_jobs(&hall.neighbour, &boss, None, 9)
                .await
                .unwrap()
                .is_empty()
        );
        let elsewhere = engine
            .revive_job(&hall.neighbour, &boss, &given_up[0].id)
            .await
            .unwrap();
        assert!(!elsewhere);
        assert!(
            engine
                .revive_job(&hall.site, &boss, &given_up[0].id)
                .await
                .unwrap()
        );
        assert!(dead().await.is_empty());
        hall.work(24 * 3600).await;
        assert_eq!(dead().await.len(), 1, "it still cannot be done");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_cannot_be_issued_goes_back_to_the_maker_with_the_reason() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::paid(&hall, &account, "sub").await;
        case.post_and_make().await;
        // As the issuer's service tells it.
        let told = CaseEvent {
            case_id: case.id.clone(),
            event: "issue-failed".to_owned(),
            fact: Fact::Failure("签发机构的证书已经到期。".to_owned()),
        };
        let mut tx = hall.store.begin().await.unwrap();
        let earlier = hall.clock.now().plus(-3600);
        told.enqueue(&mut tx, &hall.site, "issue-failed/1".to_owned(), earlier)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        hall.store
            .delay("certificate-issue", hall.clock.now().plus(3600))
            .await;
        hall.engine.work_off().await.unwrap();
        let page = case.page().await;
        assert_eq!(page.state.id, "to-make", "{}", hall.name());
        assert!(page.history.last().unwrap().note.contains("已经到期"));
        let maker = clerk("制作员", &[Role::Maker]);
        let queue = hall.engine.queues(&hall.site, &maker).await.unwrap();
        assert_eq!(queue[0].cases, 1);
    }
}

/// A component with nothing in it.
const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

/// Takes a place of the sandbox and keeps it until the task is aborted.
async fn taken(sandbox: &Sandbox) -> tokio::task::JoinHandle<()> {
    let (within, free) = (sandbox.clone(), sandbox.free_places());
    let holder = tokio::spawn(async move {
        let component = within.load(EMPTY).unwrap().component;
        let empty = Linker::new(within.engine()).instantiate_pre(&component);
        let limits = Limits {
            total_time: Duration::from_secs(600),
            ..Limits::default()
        };
        let call = Call {
            plugin: "another",
            export: "endless",
            limits: &limits,
            share: None,
        };
        let never = async |store, _| {
            std::future::pending::<()>().await;
            (store, Ok(()))
        };
        let ended = within.call(call, &empty.unwrap(), (), never).await;
        ended.map(|_| ()).unwrap();
    });
    while sandbox.free_places() == free {
        tokio::task::yield_now().await;
    }
    holder
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_finds_the_sandbox_full_is_tried_until_there_is_a_place() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::paid(&hall, &account, "sub").await;
        case.post_and_make().await;
        let told = CaseEvent {
            case_id: case.id.clone(),
            event: "issue-failed".to_owned(),
            fact: Fact::Failure("签发机构的证书已经到期。".to_owned()),
        };
        let now = hall.clock.now();
        let mut tx = hall.store.begin().await.unwrap();
        told.enqueue(&mut tx, &hall.site, "issue-failed/1".to_owned(), now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        hall.store
            .delay("certificate-issue", now.plus(90 * 24 * 3600))
            .await;

        // The same house with one place in all, which somebody else's call does not give back.
        let narrow = Sandbox::new(Settings {
            places: 1,
            limits: Limits {
                total_time: Duration::from_millis(20),
                ..Limits::default()
            },
            ..Settings::default()
        });
        let narrow = narrow.unwrap();
        let registry = Registry::new(narrow.clone()).unwrap();
        let entries = [shelf::jiangxi().entry(), shelf::yingtan().entry()];
        registry
            .load(&hall.store, &hall.site, &entries)
            .await
            .unwrap();
        let engine = hall.engine_over(Arc::new(registry));
        let holder = taken(&narrow).await;
        let before = case.state().await;
        for _ in 0..15 {
            engine.work_off().await.unwrap();
            hall.clock.advance(2 * 3600 + 1);
        }
        let waiting = unfinished_jobs(&hall.store, hall.clock.now()).await;
        let waits = |job: &&String| job.starts_with("case-event queued");
        let events: Vec<_> = waiting.iter().filter(waits).collect();
        assert_eq!(events.len(), 1, "{}: {waiting:?}", hall.name());
        assert!(events[0].contains("busy with others"), "{events:?}");
        assert_eq!(case.state().await, before);

        holder.abort();
        hall.engine.work_off().await.unwrap();
        let page = case.page().await;
        assert_eq!(page.state.id, "to-make", "{}", hall.name());
        assert!(page.history.last().unwrap().note.contains("已经到期"));
    }
}
