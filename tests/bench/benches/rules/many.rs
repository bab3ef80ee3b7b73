//! Many plugins: what each holds of memory, and how long a start takes with a hundred of them, compiled before.
//!
//! Each number is taken in a process of its own: this program again, as a child. Memory is the middle of three, which differ by
//! what the allocator happens to keep.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use yinxin_bench::hall::sandbox;
use yinxin_bench::plugins::Parcel;
use yinxin_bench::program::Ground;
use yinxin_bench::samples::Samples;
use yinxin_bench::table::{Goal, heading, line, micros};
use yinxin_capabilities::Registry;
use yinxin_core::ids::SiteId;
use yinxin_store::Store;

/// First word of a child's command line.
pub const CHILD: &str = "child";

/// Plugins of a start.
const STARTED: usize = 100;
/// Threads that read plugins wait for more work for ten seconds, and what they give back when they end the allocator keeps for
/// another ten in case it is wanted again; plugins are loaded for longer.
const SETTLED: Duration = Duration::from_secs(25);
/// What a database leaves behind is given back later: after twenty-five seconds a hundred plugins still had two megabytes of
/// it.
const SETTLED_AGAIN: Duration = Duration::from_secs(70);
/// Starts that are measured.
const STARTS: usize = 5;

pub fn run() {
    let place = compiled();
    let most = [1, 100, 1_000];
    // What is compiled already is found in the cache, so a second run takes seconds.
    told(&place, "memory", most[2]);

    heading(
        "Memory of loaded plugins",
        "anonymous, KiB each",
        "resident, KiB each",
    );
    let first = held(&place, "memory", most[0]);
    println!(
        "| 1 plugin, the whole process | {:.0} | {:.0} | | | |",
        first["Anonymous"], first["Rss"]
    );
    for count in &most[1..] {
        let there = held(&place, "memory", *count);
        each(&format!("{count} plugins"), *count, &first, &there);
    }
    // The first one writes the plugins down.
    for count in [1, STARTED] {
        told(&place, "start", count);
    }
    let [first, there] = [1, STARTED].map(|count| held(&place, "memory-again", count));
    let again = format!("{STARTED} plugins, from the database");
    each(&again, STARTED, &first, &there);

    heading(
        "Ready with 100 plugins, compiled before (ms)",
        "median",
        "slowest",
    );
    let starts = (0..STARTS).map(|_| told(&place, "start", STARTED)["ms"]);
    started("the registry", &Samples(starts.collect()));
    started("`yinxin serve`, until /readyz says so", &servers());
}

/// The row of what each plugin adds to a process with one.
fn each(what: &str, count: usize, first: &BTreeMap<String, f64>, there: &BTreeMap<String, f64>) {
    let added = |key: &str| (there[key] - first[key]) / (count - 1) as f64;
    line(
        what,
        &format!("{:.0}", added("Anonymous")),
        &format!("{:.0}", added("Rss")),
        added("Anonymous"),
        Goal::AtMost(100.0),
    );
}

fn started(what: &str, starts: &Samples) {
    line(
        what,
        &micros(starts.median() / 1e3),
        &micros(starts.quantile(1.0) / 1e3),
        starts.median(),
        Goal::AtMost(200.0),
    );
}

/// Milliseconds of the real server's starts.
fn servers() -> Samples {
    let place = compiled().join("server");
    let mut parcels: Vec<Parcel> = parcels(STARTED - 1);
    parcels.push(Parcel::built("jiangxi"));
    std::fs::create_dir_all(&place).unwrap();
    let database = format!("sqlite://{}", place.join("yinxin.db").display());
    let ground = Ground::new(&place, &database, &parcels);
    let runtime = Runtime::new().unwrap();
    let start = || runtime.block_on(ground.start()).took;
    start();
    let milliseconds = |took: Duration| took.as_secs_f64() * 1e3;
    Samples((0..STARTS).map(|_| milliseconds(start())).collect())
}

/// Where compiled plugins are kept from run to run, by the digest of the plugin that they come from.
fn compiled() -> PathBuf {
    let component = Parcel::measured().component;
    let digest = hex::encode(ring::digest::digest(&ring::digest::SHA256, &component));
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-plugins");
    let place = all.join(&digest[..16]);
    if !place.exists() {
        std::fs::remove_dir_all(&all).ok();
        std::fs::create_dir_all(&place).unwrap();
    }
    place
}

fn parcels(count: usize) -> Vec<Parcel> {
    let measured = Parcel::measured();
    (0..count).map(|number| measured.renamed(number)).collect()
}

/// What a process with so many plugins holds, in KiB.
fn held(place: &Path, what: &str, count: usize) -> BTreeMap<String, f64> {
    let three = std::thread::scope(|scope| {
        let children = [(); 3].map(|()| scope.spawn(|| told(place, what, count)));
        children.map(|child| child.join().unwrap())
    });
    let median = |key: &String| Samples(three.iter().map(|there| there[key]).collect()).median();
    let keys = three[0].keys();
    keys.map(|key| (key.clone(), median(key))).collect()
}

/// What a child says, a number a line.
fn told(place: &Path, what: &str, count: usize) -> BTreeMap<String, f64> {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([CHILD, what, &count.to_string()])
        .arg(place)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| {
            let (key, value) = line.split_once(' ').unwrap();
            (key.to_owned(), value.parse().unwrap())
        })
        .collect()
}

pub fn child(arguments: &[String]) {
    let [what, count, place] = arguments else {
        panic!("not a child's command line")
    };
    let (count, place) = (count.parse().unwrap(), Path::new(place));
    let runtime = Runtime::new().unwrap();
    match what.as_str() {
        "memory" => runtime.block_on(memory(count, place)),
        "memory-again" => runtime.block_on(async {
            let _registry = start(count, place).await;
            tell_memory(SETTLED_AGAIN).await;
        }),
        _ => drop(runtime.block_on(start(count, place))),
    }
}

/// Loads plugins one after the other and tells what the process holds.
async fn memory(count: usize, place: &Path) {
    let registry = Registry::new(sandbox(&place.join("compiled"))).unwrap();
    let site = SiteId::parse("bench").unwrap();
    let measured = Parcel::measured();
    let mut kept = Vec::new();
    for number in 0..count {
        let parcel = measured.renamed(number);
        let activated = registry
            .inspect(
                &site,
                &parcel.component,
                &parcel.manifest(),
                &parcel.entry(),
            )
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        kept.push(activated.plugin);
    }
    tell_memory(SETTLED).await;
    drop(kept);
}

/// Tells what the process holds after a while of rest.
async fn tell_memory(rest: Duration) {
    tokio::time::sleep(rest).await;
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    for key in ["Rss", "Anonymous"] {
        let line = rollup
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{key}:")))
            .unwrap();
        println!("{key} {}", line.trim().trim_end_matches(" kB"));
    }
}

/// What a server does with the plugins of a site at its start, and how long it takes.
async fn start(count: usize, place: &Path) -> Registry {
    let file = place.join(format!("registry-{count}.db"));
    let database = format!("sqlite://{}", file.display());
    let parcels: Vec<_> = parcels(count)
        .into_iter()
        .map(|parcel| (parcel.component.clone(), parcel.manifest(), parcel.entry()))
        .collect();
    let entries: Vec<_> = parcels.iter().map(|(.., entry)| entry.clone()).collect();
    let site = SiteId::parse("bench").unwrap();
    let store = Store::open(&database).await.unwrap();
    let begun = Instant::now();
    let registry = Registry::new(sandbox(&place.join("compiled"))).unwrap();
    registry.load(&store, &site, &entries).await.unwrap();
    for (component, manifest, entry) in &parcels {
        registry
            .activate(&store, &site, component, manifest, entry)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
    }
    println!("ms {}", begun.elapsed().as_secs_f64() * 1e3);
    registry
}
