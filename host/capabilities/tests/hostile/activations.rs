//! Plugins that are activated over and over, on two sites at the same time: in turns, new versions and old ones, and in
//! between some that are refused. Each time it is as after a start of the server, with a registry that knows nothing yet, so
//! that the code is loaded, linked, described, linted and written down each time; that it is described is counted, by a line
//! that the guest causes in the log. Nothing of an activation stays behind: no memory, no place, no open file, and no row or
//! file but those of a version that is new.
//!
//! `YINXIN_ACTIVATIONS=100000 cargo xtask test guests` does it more often than an ordinary run.

use crate::guest::{
    another, case, component, component_with, describing, entry, event, facts, limits, manifest_of,
    neighbour, site,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use yinxin_capabilities::{
    Activated, ActivationError, CallContext, Capability, Plugin, PluginEntry, Registry,
};
use yinxin_core::ids::SiteId;
use yinxin_sandbox::{Cache, Failure, Limits, Sandbox, Settings};
use yinxin_store::testing::{self, TestStore};

const ACTIVATIONS: usize = 10_000;
/// Of so many activations of a site one is of a version that was never there before, and has to be compiled.
const NEW: usize = 250;
/// Of so many one is called and done again by the same process, and behind one come three that are refused.
const ODD: usize = 50;
/// MiB that memory may grow by between the first tenth and the end. One compiled plugin has more than one; ten thousand
/// that were kept would have gigabytes.
const GROWTH: u64 = 64;

fn activations() -> usize {
    match std::env::var("YINXIN_ACTIVATIONS") {
        Ok(text) => text.parse().unwrap(),
        Err(_) => ACTIVATIONS,
    }
}

/// What the process has, as Linux counts it.
#[derive(Clone, Copy, Debug)]
struct Holdings {
    mebibytes: u64,
    mappings: usize,
    files: usize,
}

impl Holdings {
    fn now() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.split_whitespace().next())
            .and_then(|number| number.parse::<u64>().ok())
            .unwrap();
        let mappings = std::fs::read_to_string("/proc/self/maps").unwrap();
        Self {
            mebibytes: resident >> 10,
            mappings: mappings.lines().count(),
            files: std::fs::read_dir("/proc/self/fd").unwrap().count(),
        }
    }
}

/// In a process of its own, because it is a whole process's memory that is looked at, and its log.
#[test]
fn ten_thousand_activations_leave_nothing_behind() {
    const NAME: &str = "activations::ten_thousand_activations_leave_nothing_behind";
    const ALONE: &str = "YINXIN_ACTIVATES_ALONE";
    if std::env::var_os(ALONE).is_some() {
        let log = Log::default();
        tracing::subscriber::set_global_default(log.clone()).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        return runtime.unwrap().block_on(over_and_over(&log));
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    print!("{said}");
    assert!(
        output.status.success() && said.contains(" activations: "),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// What the log tells of: the hostile plugin asks for what it is not granted, once, whenever it is described; and each
/// version that is written down has its line.
#[derive(Clone, Default)]
struct Log {
    described: Arc<AtomicUsize>,
    written_down: Arc<AtomicUsize>,
}

impl Log {
    fn counts(&self) -> (usize, usize) {
        let read = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        (read(&self.described), read(&self.written_down))
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("yinxin_capabilities")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        match (metadata.target(), *metadata.level()) {
            ("yinxin_capabilities::desk", Level::WARN) => &self.described,
            ("yinxin_capabilities::registry", Level::INFO) => &self.written_down,
            other => panic!("{other:?}"),
        }
        .fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// A host that is started again and again over one database and one folder of compiled plugins.
struct Host {
    sandbox: Sandbox,
    store: TestStore,
    folder: tempfile::TempDir,
}

impl Host {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::new(Settings {
            limits: Limits {
                guest_time: std::time::Duration::from_secs(20),
                total_time: std::time::Duration::from_secs(60),
                ..limits()
            },
            // Compiled once, as between starts of the server; what is tried is everything behind the compiler.
            cache: Some(Cache::open(folder.path().join("compiled"), &[7; 32]).unwrap()),
            ..Settings::default()
        });
        Self {
            sandbox: sandbox.unwrap(),
            store: testing::sqlite().await,
            folder,
        }
    }

    /// As after a start.
    fn registry(&self) -> Registry {
        Registry::new(self.sandbox.clone()).unwrap()
    }

    async fn activate(
        &self,
        site: &SiteId,
        registry: &Registry,
        version: &Version,
    ) -> Result<Activated, ActivationError> {
        let all = Capability::ALL;
        let entry = PluginEntry {
            name: version.name.into(),
            ..entry(&all)
        };
        let manifest = manifest_of(version.name, "1.0.0", &all);
        registry
            .activate(&self.store, site, &version.component, &manifest, &entry)
            .await
    }

    async fn is_well(&self, plugin: &Plugin) {
        let context = CallContext {
            store: self.store.store.clone(),
            sealer: self.store.sealer.clone(),
            facts: Some(facts().into()),
        };
        let good = plugin.handle(context, &case(), &event("good", &[])).await;
        assert_eq!(good.unwrap().result.unwrap().to, "done");
    }

    /// Rows of the tables that have some.
    async fn rows(&self) -> BTreeMap<String, i64> {
        let mut rows = self.store.rows().await;
        rows.retain(|_, count| *count > 0);
        rows
    }

    fn compiled(&self) -> usize {
        files(&self.folder.path().join("compiled"))
    }
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

struct Version {
    name: &'static str,
    component: Vec<u8>,
}

impl Version {
    /// The usual rules with another sentence for the applicant.
    fn numbered(number: usize) -> Self {
        let sentence = format!("第{number:06}个版本，请您等待办理");
        Self {
            name: "hostile",
            component: component_with("请等待工作人员处理您的申请", &sentence),
        }
    }
}

/// What came of the activations of one site.
#[derive(Default)]
struct Done {
    /// Digests of what went live.
    live: BTreeSet<String>,
    described: usize,
    written_down: usize,
    /// After the first tenth.
    early: Option<Holdings>,
}

/// One site's part of them.
async fn activated(host: Arc<Host>, site: SiteId, count: usize) -> Done {
    let usual = [("hostile", component().to_vec()), ("another", another())];
    let usual = usual.map(|(name, component)| Version { name, component });
    let of_hostile = |component| Version {
        name: "hostile",
        component,
    };
    let no_component = of_hostile(b"\0asm no component".to_vec());
    let [refused_by_lint, panicking] =
        ["no-services", "panic"].map(|mode| of_hostile(describing(mode)));

    let mut done = Done::default();
    for round in 0..count {
        if round == count / 10 {
            done.early = Some(Holdings::now());
        }
        let registry = host.registry();
        let new = (round % NEW == NEW - 1).then(|| Version::numbered(round));
        let version = new.as_ref().unwrap_or(&usual[round % usual.len()]);
        let activate = async |version| host.activate(&site, &registry, version).await;
        let live = activate(version).await;
        let live = live.unwrap_or_else(|error| panic!("{error}")).plugin;
        assert_eq!(live.name, version.name);
        done.live.insert(live.digest.clone());
        done.described += 1;
        done.written_down += 1;
        if round % ODD == 0 {
            host.is_well(&live).await;
            // The same process knows it: it neither describes it nor writes it down.
            let again = activate(version).await.unwrap().plugin;
            assert_eq!(again.digest, live.digest);
        }
        if round % ODD == ODD / 2 {
            let refused = activate(&no_component).await;
            assert!(matches!(refused, Err(ActivationError::Load { .. })));
            let refused = activate(&refused_by_lint).await;
            assert!(matches!(refused, Err(ActivationError::Lint { .. })));
            let refused = activate(&panicking).await;
            assert!(matches!(
                refused,
                Err(ActivationError::Describe(error)) if error.failure == Failure::Panic
            ));
            done.described += 2;
            // The version before goes on.
            host.is_well(&live).await;
        }
    }
    done
}

async fn over_and_over(log: &Log) {
    let host = Arc::new(Host::open().await);
    let places = host.sandbox.free_places();
    let count = activations() / 2;
    let mut rows = host.rows().await;
    let sites = [site(), neighbour()];
    let tasks = sites.clone().map(|site| {
        let host = host.clone();
        tokio::spawn(activated(host, site, count))
    });
    let [mut one, other] = {
        let [one, other] = tasks;
        [one.await.unwrap(), other.await.unwrap()]
    };
    let early = one.early.take().unwrap();
    let late = Holdings::now();
    println!(
        "{} activations: {early:?} after the first tenth, {late:?} at the end",
        one.written_down + other.written_down
    );
    assert!(late.mebibytes < early.mebibytes + GROWTH);
    assert!(late.mappings < early.mappings + 100);
    assert!(late.files < early.files + 20);
    assert_eq!(host.sandbox.free_places(), places, "a place was lost");
    let counted = (
        one.described + other.described,
        one.written_down + other.written_down,
    );
    assert_eq!(log.counts(), counted, "as often as it was asked for");

    // A row and a file for each version that there ever was, and no other; the two that were refused are compiled too.
    let versions = 2 + count / NEW;
    assert_eq!([one.live.len(), other.live.len()], [versions; 2]);
    assert_eq!(one.live, other.live);
    for table in ["plugin_activations", "plugin_components"] {
        rows.insert(table.into(), 2 * versions as i64);
    }
    assert_eq!(host.rows().await, rows);
    assert_eq!(host.compiled(), versions + 2);

    // What the database has of all this is what is active, and it is well.
    let registry = host.registry();
    let entries = ["another", "hostile"].map(|name| PluginEntry {
        name: name.into(),
        ..entry(&Capability::ALL)
    });
    for site in sites {
        registry.load(&host.store, &site, &entries).await.unwrap();
        let active = registry.plugins(&site);
        let names: Vec<_> = active.iter().map(|plugin| plugin.name.as_str()).collect();
        assert_eq!(names, ["another", "hostile"]);
        for plugin in active {
            host.is_well(&plugin).await;
        }
    }
}
