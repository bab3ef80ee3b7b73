//! A whole event through the engine: the applicant submits, the rule asks for ten things, all is committed. Against the
//! same rows written by hand.

use crate::replay::{Rows, difference, picture};
use std::time::Instant;
use tokio::runtime::Runtime;
use yinxin_bench::databases::{Database, databases, sqlite};
use yinxin_bench::hall::{self, Hall};
use yinxin_bench::people;
use yinxin_bench::plugins::Parcel;
use yinxin_bench::samples::Samples;
use yinxin_bench::table::{Goal, heading, line, micros};
use yinxin_core::ids::{AccountId, CaseId};
use yinxin_engine::{Actor, Submission};
use yinxin_guests_measured::{STEP, answers};

/// Turns of each.
const ROUNDS: i64 = 6;
/// Events of a turn: fewer than an account may have drafts of one service.
const EVENTS: i64 = 40;

pub fn run() {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let rows = learn().await;
        heading(
            "An event with ten effects, committed",
            "the engine",
            "its rows by sqlx",
        );
        for database in databases("bench_events").await {
            measure(&database, &rows).await;
        }
        println!(
            "\nOne event writes {} rows: {}.",
            rows.count(),
            rows.summary()
        );
    });
}

/// What one event writes.
async fn learn() -> Rows {
    let database = sqlite();
    let hall = open(&database).await;
    let account = applicant(&hall).await;
    let warm = filled(&hall, &account, 2).await;
    submit(&hall, &account, &warm[0]).await;
    let mut conn = hall.store.read().await.unwrap();
    let before = picture(&mut conn).await;
    submit(&hall, &account, &warm[1]).await;
    let after = picture(&mut conn).await;
    difference(&mut conn, &before, &after).await
}

async fn measure(database: &Database, rows: &Rows) {
    let hall = open(database).await;
    let account = applicant(&hall).await;
    // The rows of the comparison in a database of their own, so that neither grows by the other's.
    let other = match database.name {
        "SQLite" => sqlite(),
        _ => yinxin_bench::databases::postgres("bench_rows").await,
    };
    let bare = other.open().await;
    rows.prepare(&bare).await;
    let (mut ours, mut bares) = (Samples::default(), Samples::default());
    for round in 0..=ROUNDS {
        let cases = filled(&hall, &account, EVENTS).await;
        let begun = Instant::now();
        for case in &cases {
            submit(&hall, &account, case).await;
        }
        let engine = begun.elapsed().as_secs_f64() / EVENTS as f64;
        let begun = Instant::now();
        for event in 1..=EVENTS {
            rows.write(&bare, round * EVENTS + event).await;
        }
        let by_hand = begun.elapsed().as_secs_f64() / EVENTS as f64;
        if round > 0 {
            ours.0.push(engine);
            bares.0.push(by_hand);
        }
    }
    line(
        database.name,
        &micros(ours.median()),
        &micros(bares.median()),
        ours.ratio_to(&bares),
        Goal::None,
    );
}

async fn open(database: &Database) -> Hall {
    let parcels = [Parcel::built("jiangxi"), Parcel::measured()];
    hall::open(database.open().await, &database.folder, &parcels).await
}

async fn applicant(hall: &Hall) -> AccountId {
    AccountId::from_stored(people::applicant(&hall.store, &hall.site).await.id)
}

/// Applications that are ready to be submitted.
async fn filled(hall: &Hall, account: &AccountId, count: i64) -> Vec<CaseId> {
    let mut cases = Vec::new();
    for _ in 0..count {
        let (engine, site) = (&hall.engine, &hall.site);
        let case = engine
            .start(site, account, "measured-0000", "sixty")
            .await
            .unwrap();
        let saved = engine
            .save_form(site, account, &case, STEP, &answers())
            .await
            .unwrap();
        assert!(saved.problems.is_empty(), "{:?}", saved.problems);
        cases.push(case);
    }
    cases
}

async fn submit(hall: &Hall, account: &AccountId, case: &CaseId) {
    let actor = Actor::Applicant(account.clone());
    let (engine, nothing) = (&hall.engine, Submission::default());
    engine
        .fire(&hall.site, &actor, case, "submit", &nothing)
        .await
        .unwrap();
}
