//! Plugins beside one another: what one does, keeps and holds is no matter of the other's, on the same site or on the next.

use crate::guest::{
    activate, another, case, component, event, facts, limits, neighbour, registry, site,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use yinxin_capabilities::{CallContext, Effect, Handled, Plugin, Quotas};
use yinxin_sandbox::{Limits, Sandbox, Settings};
use yinxin_store::plugin_storage;
use yinxin_store::testing::{self, TestStore};

fn context(store: &TestStore) -> CallContext {
    CallContext {
        store: store.store.clone(),
        sealer: store.sealer.clone(),
        facts: Some(facts().into()),
    }
}

async fn script(store: &TestStore, plugin: &Plugin, calls: &[(&str, &str)]) -> Vec<String> {
    let handled = plugin
        .handle(context(store), &case(), &event("script", calls))
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    commit(store, plugin, &handled).await;
    let log = &handled.result.as_ref().unwrap().values[0].value;
    log.split('\n').map(str::to_owned).collect()
}

async fn commit(store: &TestStore, plugin: &Plugin, handled: &Handled) {
    let mut transaction = store.begin().await.unwrap();
    for effect in &handled.effects {
        let (key, value) = match effect {
            Effect::StoragePut { key, value } => (key, Some(value.as_slice())),
            Effect::StorageDelete { key } => (key, None),
            other => panic!("{other:?}"),
        };
        plugin_storage::write(&mut transaction, &plugin.site, &plugin.name, key, value)
            .await
            .unwrap();
    }
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn nobody_finds_anothers_keys() {
    for store in testing::stores().await {
        let registry = registry(Limits {
            guest_time: Duration::from_secs(20),
            ..limits()
        });
        let quotas = Quotas::default();
        let (here, there) = (site(), neighbour());
        let hostile = activate(&registry, &store, &here, "hostile", component(), quotas).await;
        let other = activate(&registry, &store, &here, "another", &another(), quotas).await;
        let abroad = activate(&registry, &store, &there, "hostile", component(), quotas).await;
        let all = [&hostile, &other, &abroad];

        for (n, plugin) in all.into_iter().enumerate() {
            let own = format!("k|{n}");
            script(
                &store,
                plugin,
                &[("put", &own), ("put", &format!("own/{n}|x"))],
            )
            .await;
        }
        for (n, plugin) in all.into_iter().enumerate() {
            let log = script(
                &store,
                plugin,
                &[
                    ("get", "k"),
                    ("scan", "||100"),
                    // Names that could lead out of one's own part.
                    ("get", "hostile/k"),
                    ("get", "hunan/hostile/k"),
                    ("get", "../k"),
                    ("scan", "%||100"),
                    ("scan", "own/||100"),
                ],
            )
            .await;
            let expected = [
                format!("Some(\"{n}\")"),
                format!("k own/{n}"),
                "None".to_owned(),
                "None".to_owned(),
                "None".to_owned(),
                String::new(),
                format!("own/{n}"),
            ];
            assert_eq!(log, expected, "{} {n}", store.name);
        }
        // Nor takes one away, or keeps another from taking, what has the same name.
        assert_eq!(
            script(&store, &other, &[("delete", "k")]).await,
            ["Ok(true)"]
        );
        assert_eq!(
            script(&store, &hostile, &[("get", "k")]).await,
            ["Some(\"0\")"]
        );
        assert_eq!(
            script(&store, &abroad, &[("get", "k")]).await,
            ["Some(\"2\")"]
        );
        assert_eq!(
            script(&store, &other, &[("put-if-absent", "k|9")]).await,
            ["Ok(true)"]
        );
    }
}

/// Medians of the calls, for the record; nothing is asserted about them.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

async fn good_calls(store: &TestStore, plugin: &Plugin, count: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..count {
        let begun = Instant::now();
        let handled = plugin
            .handle(context(store), &case(), &event("good", &[]))
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        times.push(begun.elapsed());
        assert_eq!(handled.result.unwrap().to, "done");
    }
    times
}

/// Far more bad calls than there are places, of every kind, on one site; each good call on another comes through while
/// all that were there before it are still running.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_to_other_sites_go_on_while_all_kinds_of_harm_are_done() {
    let sandbox = Sandbox::new(Settings {
        places: 16,
        // Nothing of this ends by a limit before the good calls are over.
        limits: Limits {
            guest_time: Duration::from_secs(300),
            total_time: Duration::from_secs(300),
            ..Limits::default()
        },
        ..Settings::default()
    })
    .unwrap();
    let registry = yinxin_capabilities::Registry::new(sandbox.clone()).unwrap();
    let (good_store, bad_store) = (testing::sqlite().await, Arc::new(testing::sqlite().await));
    let quotas = Quotas::default();
    let bad = activate(
        &registry,
        &bad_store,
        &site(),
        "hostile",
        component(),
        quotas,
    )
    .await;
    let good = activate(
        &registry,
        &good_store,
        &neighbour(),
        "another",
        &another(),
        quotas,
    )
    .await;
    let alone = good_calls(&good_store, &good, 200).await;

    // Those that would never end: more than the plugin's share, so that some of them wait for it.
    let mut endless = tokio::task::JoinSet::new();
    for n in 0..40 {
        let (plugin, store) = (bad.clone(), bad_store.clone());
        let kind = ["endless", "copy", "host-calls", "many-messages"][n % 3];
        endless.spawn(async move {
            let _ = plugin
                .handle(context(&store), &case(), &event(kind, &[]))
                .await;
        });
    }
    // And those that end by themselves, again and again, under another name and so with a share of their own.
    let wild = activate(
        &registry,
        &bad_store,
        &site(),
        "another",
        &another(),
        quotas,
    )
    .await;
    let (over, ended) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut passing = tokio::task::JoinSet::new();
    for kind in [
        "grow",
        "grow-at-once",
        "recurse",
        "panic",
        "long-result",
        "aliases",
        "many-effects",
    ] {
        let (plugin, store) = (wild.clone(), bad_store.clone());
        let (over, ended) = (over.clone(), ended.clone());
        passing.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let outcome = plugin
                    .handle(context(&store), &case(), &event(kind, &[]))
                    .await;
                assert!(outcome.is_err(), "{kind}");
                ended.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    // Four of sixteen places are a share; all of it is taken before the count begins.
    while sandbox.free_places() > 12 {
        tokio::task::yield_now().await;
    }
    let among = good_calls(&good_store, &good, 200).await;
    assert!(
        endless.try_join_next().is_none(),
        "a good call waited for a bad one to end"
    );
    over.store(true, Ordering::Relaxed);
    while let Some(outcome) = passing.join_next().await {
        outcome.unwrap();
    }
    println!(
        "median of a good call: {:?} alone, {:?} among 40 endless ones and {} that ended",
        median(alone),
        median(among),
        ended.load(Ordering::Relaxed)
    );
    endless.shutdown().await;
    assert_eq!(sandbox.free_places(), 16, "every place is free again");
}
