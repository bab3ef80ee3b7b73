//! A site with many cases, written once and measured as often as is wanted.

use crate::bulk::{Rows, Writer};
use crate::cases::Made;
use crate::rows::{Batch, Maker};
use futures::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::spawn_blocking;
use yinxin_bench::databases::Database;
use yinxin_bench::people::{self, Person};
use yinxin_bench::plugins::Parcel;
use yinxin_bench::program::{Ground, SITE, Server};
use yinxin_core::time::Millis;
use yinxin_store::plugins;
use yinxin_store::sessions::SessionKind;

/// Cases that are looked for.
const SOUGHT: usize = 100;
/// Cases that are made at a time: some megabytes.
const BATCH: usize = 5_000;

/// A server over a filled database.
pub struct Filled {
    pub server: Server,
    pub known: Known,
    /// Some of the cases, spread over all.
    pub sought: Vec<Made>,
}

/// What the pages are asked with.
#[derive(Serialize, Deserialize)]
pub struct Known {
    pub administrator: Person,
    /// Who has a thousand cases.
    pub person: Person,
    pub middle: Middle,
    /// When it was written, in milliseconds: what the cases are made of.
    now: i64,
    count: usize,
}

/// Where the middle of a list goes on: `due.id` in the reviewers' queue, ids of cases and orders.
#[derive(Serialize, Deserialize)]
pub struct Middle {
    pub queue: String,
    pub person: String,
    pub orders: String,
}

const TABLES: [&str; 8] = [
    "cases",
    "case_lookups",
    "case_tails",
    "orders",
    "order_cases",
    "payments",
    "allocations",
    "jobs",
];

/// Fills the database, unless that was done in a run before.
pub async fn site(database: &Database, count: usize) -> Filled {
    let parcels = [Parcel::built("jiangxi"), Parcel::built("yingtan")];
    let ground = Ground::new(&database.folder, &database.url, &parcels);
    let note = database.folder.join("filled.json");
    let known: Known = match std::fs::read(&note) {
        Ok(kept) => logged_in(database, &ground, serde_json::from_slice(&kept).unwrap()).await,
        Err(_) => {
            let known = fill(database, &ground, count).await;
            std::fs::write(&note, serde_json::to_vec(&known).unwrap()).unwrap();
            known
        }
    };
    assert_eq!(known.count, count, "{} is another size", note.display());
    let apart = count / SOUGHT;
    let sought = (0..SOUGHT).map(|place| place * apart + apart / 2);
    Filled {
        sought: sought
            .filter(|number| !Maker::is_deleted(*number))
            .map(|number| Made::new(number, count, Millis(known.now)))
            .collect(),
        known,
        server: ground.start().await,
    }
}

/// Whoever was logged in when it was written.
async fn logged_in(database: &Database, ground: &Ground, known: Known) -> Known {
    let (store, site) = (database.open().await, ground.site());
    let again = Known {
        administrator: people::again(&store, &site, SessionKind::Clerk, &known.administrator).await,
        person: people::again(&store, &site, SessionKind::Applicant, &known.person).await,
        ..known
    };
    store.close().await;
    again
}

async fn fill(database: &Database, ground: &Ground, count: usize) -> Known {
    // The plugins are written down by the first start.
    drop(ground.start().await);
    let store = database.open().await;
    let site = ground.site();
    let administrator = people::administrator(&store, &site).await;
    let person = people::applicant(&store, &site).await;
    let mut conn = store.read().await.unwrap();
    let versions = plugins::in_use(&mut conn, &site).await.unwrap();
    let version = versions.iter().find(|row| row.plugin == "yingtan").unwrap();
    drop(conn);
    store.close().await;
    let maker = Arc::new(Maker {
        site,
        sealer: ground.sealer(),
        now: Millis::now(),
        count,
        digest: version.digest.clone(),
        version: version.version.clone(),
        person: person.id.clone(),
    });
    Known {
        middle: write(Writer::open(&database.url).await, &maker).await,
        administrator,
        person,
        now: maker.now.0,
        count,
    }
}

/// The cases are made by all cores while those before are written.
async fn write(mut writer: Writer, maker: &Arc<Maker>) -> Middle {
    let indexes = writer.without_indexes(&TABLES).await;
    let numbers = (0..maker.count).step_by(BATCH);
    let mut batches = stream::iter(numbers.map(|first| {
        let maker = maker.clone();
        let end = maker.count.min(first + BATCH);
        spawn_blocking(move || maker.batch(first..end))
    }))
    .buffered(3);
    let mut lookups = Vec::new();
    let mut tails = Vec::new();
    let mut days = BTreeMap::new();
    let (mut queue, mut own, mut paid) = (Vec::new(), Vec::new(), Vec::new());
    writer.execute("BEGIN").await;
    while let Some(batch) = batches.next().await {
        let batch: Batch = batch.unwrap();
        for rows in [
            batch.cases,
            batch.jobs,
            batch.orders,
            batch.order_cases,
            batch.payments,
            batch.allocations,
        ] {
            writer.write(rows).await;
        }
        lookups.extend(batch.lookups);
        tails.extend(batch.tails);
        for (day, cases) in batch.days {
            *days.entry(day).or_insert(0) += cases;
        }
        queue.extend(batch.queue);
        own.extend(batch.own);
        paid.extend(batch.paid);
    }
    // In the order of their primary keys, which stay.
    let sorted = |mut pairs: Vec<(String, String)>| {
        spawn_blocking(move || {
            pairs.sort_unstable();
            pairs.dedup();
            pairs
        })
    };
    let (lookups, tails) = (sorted(lookups), sorted(tails));
    for (table, columns, pairs) in [
        ("case_lookups", "site, fingerprint, case_id", lookups),
        ("case_tails", "site, tail, whole", tails),
    ] {
        for pairs in pairs.await.unwrap().chunks(BATCH * 2) {
            let mut rows = Rows::new(table, columns);
            for (key, value) in pairs {
                rows.push([SITE.into(), key.into(), value.into()]);
            }
            writer.write(rows).await;
        }
    }
    let mut rows = Rows::new("case_numbers", "site, day, last");
    for (day, cases) in days {
        rows.push([SITE.into(), day.into(), cases.into()]);
    }
    writer.write(rows).await;
    writer.execute("COMMIT").await;
    for index in indexes {
        writer.execute(&index).await;
    }
    writer.settle().await;
    queue.sort();
    let (due, id) = &queue[queue.len() / 2];
    let middle = |mut ids: Vec<String>| {
        ids.sort();
        ids.swap_remove(ids.len() / 2)
    };
    Middle {
        queue: format!("{due}.{id}"),
        person: middle(own),
        orders: middle(paid),
    }
}
