//! SIGKILL at moments that chance picks: while people apply, pay and wait, while clerks review, make and ship, and while
//! the server starts. It is started again on the same data and port; simulators stay up and remember everything.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use yinxin_crash::books;
use yinxin_crash::chance::Chance;
use yinxin_crash::people::{Through, Traveller, Troubles};
use yinxin_crash::promises::Promises;
use yinxin_crash::records::{Records, SOON};
use yinxin_house::{Database, Desk, House, sites};

const KILLS: usize = 12;
/// Milliseconds that the server lives at least and at most. A start takes about as long as the shortest.
const LIVES: (usize, usize) = (300, 2_500);
/// One start in so many is killed too, within so many milliseconds.
const KILLED_STARTS: usize = 5;
const START: usize = 1_200;
/// Everything that waits has come to rest by then, or hangs.
const DRAIN: Duration = Duration::from_secs(120);

fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

fn is_wanted(database: &str) -> bool {
    std::env::var("YINXIN_KILLS_DATABASE").map_or(true, |only| only == database)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_over_sqlite_nothing_acknowledged_is_lost_and_nothing_happens_twice() {
    if is_wanted("sqlite") {
        killed(Database::Sqlite).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_over_postgresql_nothing_acknowledged_is_lost_and_nothing_happens_twice() {
    if is_wanted("postgres") {
        killed(Database::Postgres).await;
    }
}

async fn killed(database: Database) {
    let kills = number("YINXIN_KILLS", KILLS);
    let mut chance = Chance::new(number("YINXIN_KILLS_SEED", 1) as u64);
    let house = House::open(database).await.unwrap();
    let diary = house.diary.clone();
    let mut promises = Promises::default();
    let troubles = Arc::new(Troubles::default());
    let mut desks: BTreeMap<&str, Arc<Desk>> = BTreeMap::new();
    for (_, way) in sites::ways() {
        if !desks.contains_key(way.domain) {
            let desk = Desk::open(&house, way.domain).await.unwrap();
            desks.insert(way.domain, Arc::new(desk));
        }
    }

    // One way of each kind without a kill says what a history has, and what people are told.
    let mut usual = BTreeMap::new();
    let (mut through, mut people) = (Vec::new(), Vec::new());
    for (place, (_, way)) in sites::ways().enumerate() {
        let mut person = Traveller::new(&house, way, place as u64 + 1);
        person.register(&troubles).await.unwrap().unwrap();
        let gone = person
            .go(&mut desks[way.domain].again(), &troubles)
            .await
            .unwrap();
        drain(&house).await;
        let mut records = Records::of(&house).await.unwrap();
        for one in gone {
            let had = had(&mut records, &one.case).await;
            usual.insert(one.kind, had);
        }
        people.push(person);
    }
    assert_eq!(troubles.met(), 0, "nothing was killed yet");
    look(&house, &mut promises, "before the first kill").await;

    let stop = Arc::new(AtomicBool::new(false));
    let mut workers = Vec::new();
    for (place, (_, way)) in sites::ways().enumerate() {
        // Browsers are made while the house is ours; each kill needs a fraction of a way.
        let people: VecDeque<Traveller> = (1..=kills as u64 + 8)
            .map(|turn| Traveller::new(&house, way, turn * 100 + place as u64))
            .collect();
        let (stop, troubles, desk) = (stop.clone(), troubles.clone(), desks[way.domain].clone());
        // A thread each: what they do is no future that may wander from one to another.
        let runtime = tokio::runtime::Handle::current();
        let work = async move || {
            let (mut through, mut done) = (Vec::new(), Vec::new());
            for mut person in people {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                if person.register(&troubles).await.unwrap().is_none() {
                    continue;
                }
                through.extend(person.go(&mut desk.again(), &troubles).await.unwrap());
                done.push(person);
            }
            (through, done)
        };
        workers.push(tokio::task::spawn_blocking(move || {
            runtime.block_on(work())
        }));
    }

    let begun = Instant::now();
    let house = Arc::new(Mutex::new(house));
    let mut killed_starts = 0;
    {
        let mut house = house.lock().await;
        for kill in 1..=kills {
            let life = LIVES.0 + chance.below(LIVES.1 - LIVES.0);
            tokio::time::sleep(Duration::from_millis(life as u64)).await;
            house.kill_server().await.unwrap();
            // Now, while nobody can do again what was lost.
            look(&house, &mut promises, &format!("after kill {kill}")).await;
            // As if it had been down for longer than a worker's lease.
            let mut records = Records::of(&house).await.unwrap();
            records.pass_time(SOON).await.unwrap();
            drop(records);
            if chance.once_in(KILLED_STARTS) {
                let soon = Duration::from_millis(chance.below(START) as u64);
                // What is dropped in the middle is killed.
                if tokio::time::timeout(soon, house.start_server())
                    .await
                    .is_err()
                {
                    killed_starts += 1;
                } else {
                    house.kill_server().await.unwrap();
                }
            }
            house.start_server().await.unwrap();
            look(&house, &mut promises, &format!("after start {kill}")).await;
        }
    }
    stop.store(true, Ordering::SeqCst);
    for worker in workers {
        let (more, done) = worker.await.unwrap();
        through.extend(more);
        people.extend(done);
    }
    let house = house.lock().await;
    let took = begun.elapsed().as_secs();

    drain(&house).await;
    look(&house, &mut promises, "at the end").await;
    let (counted, faults) = books::compare(&house).await.unwrap();
    println!(
        "{database:?}: {kills} kills and {killed_starts} of a start in {took} s; {} applications came through; \
         {} connections lost, {} times told to come later, {} steps found done already; \
         {} of {} things sent were acknowledged and found again; {counted}",
        through.len(),
        troubles.lost.load(Ordering::SeqCst),
        troubles.later.load(Ordering::SeqCst),
        troubles.refused.load(Ordering::SeqCst),
        promises.kept,
        diary.read().len(),
    );
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(
        troubles.met() >= kills,
        "the kills hit nobody: {troubles:?}"
    );
    let mut records = Records::of(&house).await.unwrap();
    for Through { kind, case } in &through {
        let had = had(&mut records, case).await;
        assert_eq!(had, usual[kind], "{kind} {case}");
    }
    // Who was told of his account has it.
    for person in people.iter_mut().rev().take(sites::ways().count()) {
        person.log_in("logs in", &troubles).await.unwrap();
    }
}

/// Everything that was acknowledged stands there, and once; and what stood there before.
async fn look(house: &House, promises: &mut Promises, when: &str) {
    let mut records = Records::of(house).await.unwrap();
    let faults = promises.look(&house.diary, &mut records).await.unwrap();
    assert!(faults.is_empty(), "{when}:\n{}", faults.join("\n"));
}

/// The history of a case, and what its applicant was told.
async fn had(records: &mut Records, case: &str) -> [BTreeMap<String, usize>; 2] {
    [
        records.history(case).await.unwrap(),
        records.told(case).await.unwrap(),
    ]
}

/// Waits until nobody has anything to do any more.
async fn drain(house: &House) {
    let begun = Instant::now();
    let mut records = Records::of(house).await.unwrap();
    loop {
        let left = records.unfinished().await.unwrap();
        if left.is_empty() {
            return;
        }
        assert!(
            begun.elapsed() < DRAIN,
            "this waits for ever:\n{}",
            left.join("\n")
        );
        records.pass_time(SOON).await.unwrap();
        // Whoever was cut off on the way to the face check began another visit; this one ends by itself. An invoice whose
        // order never left the house is ordered again.
        records.age_questions(SOON).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}
