//! One `check` of a form with sixty fields, in a fresh sandbox.

use crate::bare::Bare;
use crate::forms::{Ours, of_the_contract, of_the_plugin};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use yinxin_bench::plugins::Parcel;
use yinxin_bench::samples::Samples;
use yinxin_bench::table::{Goal, heading, line, micros, per_second};
use yinxin_capabilities::{Plugin, Registry};
use yinxin_core::ids::SiteId;
use yinxin_guests_measured::Measured;
use yinxin_sandbox::{Sandbox, Settings};
use yinxin_sdk::Rules;
use yinxin_store::testing::{TestStore, sqlite};

/// Turns that each of the compared takes.
const ROUNDS: usize = 15;
/// Calls of a turn: some 50 ms, many of the clock's ticks.
const CALLS: u32 = 2_000;
/// How long a turn of many threads lasts.
const TURN: Duration = Duration::from_millis(500);

struct House {
    plugin: Arc<Plugin>,
    store: TestStore,
    ours: Ours,
}

pub fn run() {
    let parcel = Parcel::measured();
    let runtime = runtime(1);
    let house = Arc::new(runtime.block_on(house(&parcel)));
    let bare = Bare::new(&parcel.component);
    let (case, at, checkpoint) = of_the_contract();
    let native = of_the_plugin();

    // Both really look at the answers, and find them right.
    let found = runtime.block_on(check(&house));
    assert!(found.is_empty(), "{found:?}");
    assert!(bare.check((&case, &at, &checkpoint)).is_empty());
    let mut wrong = case.clone();
    wrong.values[0].value = "<".into();
    assert_eq!(bare.check((&wrong, &at, &checkpoint)).len(), 1);

    let (mut ours, mut bares, mut natives) = Default::default();
    for round in 0..=ROUNDS {
        let turns: [(&mut Samples, &mut dyn FnMut()); 3] = [
            (&mut ours, &mut || {
                runtime.block_on(async {
                    for _ in 0..CALLS {
                        black_box(check(&house).await);
                    }
                });
            }),
            (&mut bares, &mut || {
                for _ in 0..CALLS {
                    black_box(bare.check(black_box((&case, &at, &checkpoint))));
                }
            }),
            (&mut natives, &mut || {
                for _ in 0..CALLS {
                    black_box(Measured::check(black_box(&native.0), &native.1, &native.2));
                }
            }),
        ];
        for (samples, turn) in turns {
            let begun = Instant::now();
            turn();
            let took = begun.elapsed().as_secs_f64() / f64::from(CALLS);
            // The first turn warms up.
            if round > 0 {
                samples.0.push(took);
            }
        }
    }
    heading("One `check` of sixty fields", "ours", "peer");
    line(
        "fresh sandbox, against bare wasmtime",
        &micros(ours.median()),
        &micros(bares.median()),
        ours.ratio_to(&bares),
        Goal::AtMost(1.25),
    );
    line(
        "fresh sandbox, against native code",
        &micros(ours.median()),
        &micros(natives.median()),
        ours.ratio_to(&natives),
        Goal::None,
    );
    threads(&house);
}

/// The same calls from one thread and from two.
fn threads(house: &Arc<House>) {
    let (one, two) = (runtime(1), runtime(2));
    let (mut alone, mut both) = (Samples::default(), Samples::default());
    for round in 0..=5 {
        for (runtime, tasks, samples) in [(&one, 1, &mut alone), (&two, 2, &mut both)] {
            let rate = rate(runtime, tasks, house);
            if round > 0 {
                samples.0.push(rate);
            }
        }
    }
    heading("`check` on two threads", "two threads", "one thread");
    line(
        "calls",
        &per_second(both.median()),
        &per_second(alone.median()),
        both.ratio_to(&alone),
        Goal::AtLeast(1.8),
    );
}

fn rate(runtime: &Runtime, tasks: usize, house: &Arc<House>) -> f64 {
    let begun = Instant::now();
    let calls: u32 = runtime.block_on(async {
        let tasks: Vec<_> = (0..tasks)
            .map(|_| {
                let house = house.clone();
                tokio::spawn(async move {
                    let mut calls = 0;
                    while begun.elapsed() < TURN {
                        black_box(check(&house).await);
                        calls += 1;
                    }
                    calls
                })
            })
            .collect();
        let mut calls = 0;
        for task in tasks {
            calls += task.await.unwrap();
        }
        calls
    });
    f64::from(calls) / begun.elapsed().as_secs_f64()
}

/// What the engine does when a form is saved.
async fn check(house: &House) -> Vec<yinxin_core::rules::Problem> {
    let ours = &house.ours;
    let context = ours.context(&house.store);
    let called = house
        .plugin
        .check(context, &ours.case, &ours.at, &ours.checkpoint);
    called.await.unwrap().value
}

async fn house(parcel: &Parcel) -> House {
    let store = sqlite().await;
    let registry = Registry::new(Sandbox::new(Settings::default()).unwrap()).unwrap();
    let site = SiteId::parse("bench").unwrap();
    let activated = registry
        .inspect(
            &site,
            &parcel.component,
            &parcel.manifest(),
            &parcel.entry(),
        )
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    House {
        plugin: activated.plugin,
        store,
        ours: Ours::new(),
    }
}

fn runtime(threads: usize) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .unwrap()
}
