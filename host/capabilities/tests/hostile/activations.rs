//! Plugins that are activated over and over, the same and in turns: nothing of one activation stays behind, neither memory
//! nor a place of the sandbox.
//!
//! `YINXIN_ACTIVATIONS=100000 cargo xtask test guests` does it more often than an ordinary run.

use crate::guest::{House, another, component, entry, limits, manifest, manifest_of, site};
use std::sync::atomic::{AtomicUsize, Ordering};
use yinxin_capabilities::{Capability, PluginEntry, Registry};
use yinxin_sandbox::{Cache, Limits, Sandbox, Settings};
use yinxin_store::testing;

const ACTIVATIONS: usize = 10_000;
/// MiB that memory may grow by between the first tenth and the end. One compiled plugin has more than one; ten thousand
/// that were kept would have gigabytes.
const GROWTH: u64 = 64;

fn activations() -> usize {
    match std::env::var("YINXIN_ACTIVATIONS") {
        Ok(text) => text.parse().unwrap(),
        Err(_) => ACTIVATIONS,
    }
}

/// What the process has, as Linux counts it: MiB in memory, and mappings.
fn memory() -> (u64, usize) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse::<u64>().ok())
        .unwrap();
    let mappings = std::fs::read_to_string("/proc/self/maps").unwrap();
    (resident >> 10, mappings.lines().count())
}

/// In a process of its own, because it is a whole process's memory that is looked at.
#[test]
fn ten_thousand_activations_leave_nothing_behind() {
    const NAME: &str = "activations::ten_thousand_activations_leave_nothing_behind";
    const ALONE: &str = "YINXIN_ACTIVATES_ALONE";
    if std::env::var_os(ALONE).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        return runtime.unwrap().block_on(over_and_over());
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

async fn over_and_over() {
    let house = House::open(testing::sqlite().await).await;
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
    })
    .unwrap();
    let registry = Registry::new(sandbox.clone()).unwrap();
    let all = Capability::ALL;
    let (places, store) = (sandbox.free_places(), &house.store);
    let second = another();
    let done = AtomicUsize::new(0);
    let rows = || async { plugins_in_use(store).await };

    let activate = async |round: usize| {
        // The same for a while, then in turns, then with one in between that is refused.
        let (name, bytes) = match round % 8 {
            0..4 => ("hostile", component()),
            4 | 6 => ("another", second.as_slice()),
            _ => ("hostile", component()),
        };
        let entry = PluginEntry {
            name: name.into(),
            ..entry(&all)
        };
        let manifest = manifest_of(name, "1.0.0", &all);
        let activated = registry
            .activate(store, &site(), bytes, &manifest, &entry)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(activated.plugin.name, name);
        done.fetch_add(1, Ordering::Relaxed);
    };
    let count = activations();
    for round in 0..count / 10 {
        activate(round).await;
    }
    let (before, mappings) = memory();
    let kept = rows().await;
    for round in count / 10..count {
        activate(round).await;
        if round % 100 == 0 {
            let refused = registry
                .activate(
                    store,
                    &site(),
                    b"\0asm no component",
                    &manifest("1.0.0", &all),
                    &entry(&all),
                )
                .await;
            assert!(refused.is_err());
        }
    }
    let (after, mappings_after) = memory();
    println!(
        "{} activations: {before} MiB and {mappings} mappings after the first tenth, {after} MiB and {mappings_after} at the end",
        done.load(Ordering::Relaxed)
    );
    assert!(after < before + GROWTH, "{before} MiB became {after} MiB");
    assert!(
        mappings_after < mappings + 100,
        "{mappings} mappings became {mappings_after}"
    );
    assert_eq!(sandbox.free_places(), places, "a place was lost");
    assert_eq!(rows().await, kept, "rows were left behind");
    assert_eq!(registry.plugins(&site()).len(), 2);
}

async fn plugins_in_use(store: &testing::TestStore) -> usize {
    let mut connection = store.read().await.unwrap();
    yinxin_store::plugins::in_use(&mut connection, &site())
        .await
        .unwrap()
        .len()
}
