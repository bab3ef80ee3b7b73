//! SIGKILL at moments that chance picks: while people apply, pay and wait, while clerks review, make and ship, and while
//! the server starts. It is started again on the same data and port; simulators stay up and remember everything.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use yinxin_crash::books;
use yinxin_crash::chance::Chance;
use yinxin_crash::people::{Desk, Pays, Person, Through, Troubles};
use yinxin_crash::records::{Records, SOON};
use yinxin_house::{Database, House};

const KILLS: usize = 12;
/// Milliseconds that the server lives at least and at most. A start takes about as long as the shortest.
const LIVES: (usize, usize) = (300, 2_500);
/// One start in so many is killed too, within so many milliseconds.
const KILLED_STARTS: usize = 5;
const START: usize = 1_200;
/// Who works at once.
const PEOPLE: [(&str, Pays); 5] = [
    ("fujian", Pays::Wechat),
    ("fujian", Pays::Alipay),
    ("fujian", Pays::Transfer),
    ("yingtan", Pays::Wechat),
    ("yingtan", Pays::Alipay),
];
/// Everything that waits has come to rest by then, or hangs.
const DRAIN: Duration = Duration::from_secs(120);

fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

fn wanted(database: &str) -> bool {
    std::env::var("YINXIN_KILLS_DATABASE").is_ok_and(|only| only != database)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_over_sqlite_nothing_acknowledged_is_lost_and_nothing_happens_twice() {
    if !wanted("sqlite") {
        killed(Database::Sqlite).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_over_postgresql_nothing_acknowledged_is_lost_and_nothing_happens_twice() {
    if !wanted("postgres") {
        killed(Database::Postgres).await;
    }
}

async fn killed(database: Database) {
    let kills = number("YINXIN_KILLS", KILLS);
    let mut chance = Chance::new(number("YINXIN_KILLS_SEED", 1) as u64);
    let house = House::open(database).await.unwrap();
    let troubles = Arc::new(Troubles::default());
    let desks: BTreeMap<&str, Arc<Desk>> = [
        (
            "fujian",
            Arc::new(Desk::open(&house, "fujian").await.unwrap()),
        ),
        (
            "yingtan",
            Arc::new(Desk::open(&house, "yingtan").await.unwrap()),
        ),
    ]
    .into();

    // One way of each kind without a kill says what a history has.
    let mut usual = BTreeMap::new();
    let (mut through, mut people) = (Vec::new(), Vec::new());
    for (place, (site, pays)) in PEOPLE.into_iter().enumerate() {
        let mut person = Person::new(&house, site, place as u64 + 1, pays);
        person.register(&troubles).await.unwrap().unwrap();
        let gone = person
            .go(&mut desks[site].again(), &troubles)
            .await
            .unwrap();
        drain(&house).await;
        for one in gone {
            let mut records = Records::of(&house).await.unwrap();
            usual.insert(one.kind.clone(), records.history(&one.case).await.unwrap());
        }
    }
    assert_eq!(troubles.met(), 0, "nothing was killed yet");

    let stop = Arc::new(AtomicBool::new(false));
    let mut workers = Vec::new();
    for (place, (site, pays)) in PEOPLE.into_iter().enumerate() {
        // Browsers are made while the house is ours; each kill needs a fraction of a way.
        let people: VecDeque<Person> = (1..=kills as u64 + 8)
            .map(|turn| Person::new(&house, site, turn * 100 + place as u64, pays))
            .collect();
        let (stop, troubles, desk) = (stop.clone(), troubles.clone(), desks[site].clone());
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
        for _ in 0..kills {
            let life = LIVES.0 + chance.below(LIVES.1 - LIVES.0);
            tokio::time::sleep(Duration::from_millis(life as u64)).await;
            house.kill_server().await.unwrap();
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
    let (counted, faults) = books::compare(&house).await.unwrap();
    println!(
        "{database:?}: {kills} kills and {killed_starts} of a start in {took} s; {} applications came through; \
         {} connections lost, {} times told to come later, {} steps found done already; {counted}",
        through.len(),
        troubles.lost.load(Ordering::SeqCst),
        troubles.later.load(Ordering::SeqCst),
        troubles.refused.load(Ordering::SeqCst),
    );
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(
        troubles.met() >= kills,
        "the kills hit nobody: {troubles:?}"
    );
    let mut records = Records::of(&house).await.unwrap();
    for Through { kind, case } in &through {
        let history = records.history(case).await.unwrap();
        assert_eq!(history, usual[kind], "{kind} {case}");
    }
    // Who was told of his account has it.
    for person in people.iter_mut().rev().take(PEOPLE.len()) {
        person.log_in("logs in", &troubles).await.unwrap();
    }
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
