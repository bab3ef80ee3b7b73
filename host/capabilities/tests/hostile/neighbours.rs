//! Plugins beside one another: what one does, keeps and holds is no matter of the other's, on the same site or on the next.

use crate::guest::{
    activate, another, case, component, event, facts, limits, neighbour, registry, site,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
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

/// Ways that do not end by themselves: by the processor, by memory, by the database, by the host's functions.
const ENDLESS: [&str; 5] = ["endless", "copy", "host-calls", "scans", "many-messages"];
/// Ways that end soon, and are gone again and again.
const PASSING: [&str; 7] = [
    "grow",
    "grow-at-once",
    "recurse",
    "panic",
    "long-result",
    "aliases",
    "many-effects",
];
/// Times that they begin anew.
const ROUNDS: usize = 3;
/// Visits beside them each time.
const VISITS: usize = 30;
/// So many of those that end may have come to their end for each visit that did: a few when they take turns, and several
/// hundred when they take none.
const ENDS_FOR_A_VISIT: usize = 250;

/// One host: the sandbox as it is by default, and one database for all its sites, with as many connections as a host has.
struct Host {
    store: TestStore,
    sandbox: Sandbox,
    /// Fills its share with what does not end; its storage is full of large values.
    bad: Arc<Plugin>,
    /// Begins again and again what ends, under another name and so with a share of its own.
    wild: Arc<Plugin>,
    /// The neighbour, on another site.
    good: Arc<Plugin>,
}

impl Host {
    async fn open(store: TestStore) -> Self {
        let sandbox = Sandbox::new(Settings {
            // Nothing of this ends by a limit before the good calls are over.
            limits: Limits {
                guest_time: Duration::from_secs(300),
                total_time: Duration::from_secs(300),
                ..Limits::default()
            },
            ..Settings::default()
        });
        let sandbox = sandbox.unwrap();
        let registry = yinxin_capabilities::Registry::new(sandbox.clone()).unwrap();
        let (quotas, second) = (Quotas::default(), another());
        let bad = activate(&registry, &store, &site(), "hostile", component(), quotas).await;
        let wild = activate(&registry, &store, &site(), "another", &second, quotas).await;
        let good = activate(&registry, &store, &neighbour(), "another", &second, quotas).await;
        let mut transaction = store.begin().await.unwrap();
        plugin_storage::lock(&mut transaction, &bad.site, &bad.name)
            .await
            .unwrap();
        for n in 0..100 {
            let (key, value) = (format!("large/{n}"), vec![7; 60 << 10]);
            let written = plugin_storage::write(
                &mut transaction,
                &bad.site,
                &bad.name,
                &key,
                Some(value.as_slice()),
            );
            written.await.unwrap();
        }
        transaction.commit().await.unwrap();
        Self {
            store,
            sandbox,
            bad,
            wild,
            good,
        }
    }

    /// About what a person's click costs: a few questions to the database, a rule that reads and writes, and a commit.
    async fn visit(&self, number: usize) {
        for _ in 0..5 {
            let mut connection = self.store.read().await.unwrap();
            let (site, name) = (&self.good.site, &self.good.name);
            plugin_storage::room(&mut connection, site, name)
                .await
                .unwrap();
        }
        let put = format!("k|{number}");
        let log = script(&self.store, &self.good, &[("get", "k"), ("put", &put)]).await;
        assert_eq!(log[1], "Ok(())");
    }

    async fn call(&self, plugin: &Plugin, kind: &str) -> bool {
        let context = context(&self.store);
        let called = plugin.handle(context, &case(), &event(kind, &[])).await;
        called.is_ok()
    }
}

/// Calls of every kind that do harm, on one site.
struct Harm {
    endless: JoinSet<()>,
    passing: JoinSet<()>,
    over: Arc<AtomicBool>,
    ended: Arc<AtomicUsize>,
}

impl Harm {
    /// Comes back when all of the share is taken: a quarter of the places.
    async fn begin(host: &Arc<Host>) -> Self {
        let mut harm = Self {
            endless: JoinSet::new(),
            passing: JoinSet::new(),
            over: Arc::default(),
            ended: Arc::default(),
        };
        let places = host.sandbox.free_places();
        // More than the share has places, so that some wait for it.
        for n in 0..places / 2 {
            let host = host.clone();
            harm.endless.spawn(async move {
                let kind = ENDLESS[n % ENDLESS.len()];
                host.call(&host.bad, kind).await;
            });
        }
        for kind in PASSING {
            let (host, over, ended) = (host.clone(), harm.over.clone(), harm.ended.clone());
            harm.passing.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    // Each in a task of its own, as a request is. One task would hold its thread for many of them.
                    let host = host.clone();
                    let called = tokio::spawn(async move { host.call(&host.wild, kind).await });
                    assert!(!called.await.unwrap(), "{kind}");
                    ended.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while host.sandbox.free_places() > places - places / 4 {
            tokio::task::yield_now().await;
        }
        harm
    }

    /// How many of those that end came to their end meanwhile.
    async fn end(mut self) -> usize {
        assert!(
            self.endless.try_join_next().is_none(),
            "a good call waited for a bad one to end"
        );
        self.over.store(true, Ordering::Relaxed);
        while let Some(outcome) = self.passing.join_next().await {
            outcome.unwrap();
        }
        self.endless.shutdown().await;
        self.ended.load(Ordering::Relaxed)
    }
}

/// Far more bad calls than their plugins have places, of every kind, over the same database: a visit of another site waits
/// for no endless one, and those that end again and again do not crowd it out.
#[tokio::test(flavor = "multi_thread")]
async fn other_sites_go_on_while_all_kinds_of_harm_are_done() {
    for store in testing::stores_with(16).await {
        let host = Arc::new(Host::open(store).await);
        let mut ended = 0;
        for _ in 0..ROUNDS {
            let harm = Harm::begin(&host).await;
            for number in 0..VISITS {
                host.visit(number).await;
            }
            ended += harm.end().await;
            assert_eq!(host.sandbox.free_places(), 64, "every place is free again");
        }
        println!(
            "{}: {ended} that do harm came to an end meanwhile",
            host.store.name
        );
        assert!(ended > PASSING.len(), "the others were at work");
        let most = ROUNDS * VISITS * ENDS_FOR_A_VISIT;
        assert!(ended < most, "{}: {ended} of {most}", host.store.name);
    }
}

/// A database that does not answer a plugin has a few connections wait for it, and not all that the host has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_waits_for_the_database_leaves_connections_to_others() {
    let mut stores = testing::stores_with(16).await;
    let host = Arc::new(Host::open(stores.pop().unwrap()).await);
    assert_eq!(host.store.name, "postgres");
    let withheld = host.store.withhold("plugin_storage").await;
    let mut waiting = JoinSet::new();
    for _ in 0..16 {
        let host = host.clone();
        waiting.spawn(async move { host.call(&host.bad, "host-calls").await });
    }
    while host.sandbox.free_places() > 64 - 16 {
        tokio::task::yield_now().await;
    }
    // Eleven of the sixteen are there for whoever asks: one withholds the table, four wait for it.
    for _ in 0..20 {
        let asks = (0..11).map(|_| async {
            let mut connection = host.store.read().await.unwrap();
            let (site, name) = (&host.good.site, &host.good.name);
            let room = plugin_storage::room(&mut connection, site, name).await;
            assert_eq!(room.unwrap(), 0);
            connection
        });
        assert_eq!(futures::future::join_all(asks).await.len(), 11);
    }
    assert!(waiting.try_join_next().is_none());
    withheld.rollback().await.unwrap();
    waiting.shutdown().await;
    assert_eq!(host.sandbox.free_places(), 64);
}
