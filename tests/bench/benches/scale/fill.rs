//! A site with many cases: written by statements of many rows, sealed and fingerprinted as the engine does it.
//!
//! What no list reads is left out: histories, messages, files.

use crate::FEW;
use crate::bulk::{Table, execute, hurry, without_indexes};
use crate::cases::{Made, scattered};
use std::collections::BTreeSet;
use yinxin_bench::databases::Database;
use yinxin_bench::people::{self, Person};
use yinxin_bench::plugins::Parcel;
use yinxin_bench::program::{Ground, SITE, Server};
use yinxin_core::money::{FeeLine, Method};
use yinxin_core::time::Millis;
use yinxin_services::payments::OrderDetails;
use yinxin_store::cases::{lookup_context, tails_of_name, tails_of_number};
use yinxin_store::{Dialect, plugins};

/// Jobs that nobody could do, in either site.
const DEAD: usize = 200;
/// Cases that are looked for.
const SOUGHT: usize = 40;

/// A server over a filled database.
pub struct Filled {
    pub server: Server,
    pub administrator: Person,
    /// Who has a thousand cases.
    pub person: Person,
    /// Some of the cases, spread over all.
    pub sought: Vec<Made>,
    /// Where the middle of a list goes on: `due.id` in the reviewers' queue, ids of cases and orders.
    pub middle: Middle,
    _ground: Ground,
}

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

pub async fn site(database: &Database, count: usize) -> Filled {
    let parcels = [Parcel::built("jiangxi"), Parcel::built("yingtan")];
    let ground = Ground::new(database.folder.path(), &database.url, &parcels);
    // The plugins are written down by the first start.
    drop(ground.start().await);
    let store = database.open().await;
    let (site, sealer, now) = (ground.site(), ground.sealer(), Millis::now());
    let administrator = people::administrator(&store, &site).await;
    let person = people::applicant(&store, &site).await;
    let mut conn = store.read().await.unwrap();
    let versions = plugins::in_use(&mut conn, &site).await.unwrap();
    let version = versions.iter().find(|row| row.plugin == "yingtan").unwrap();
    hurry(&store, &mut conn).await;
    let indexes = without_indexes(&store, &mut conn, &TABLES).await;

    let mut cases = Table::new(
        "cases",
        "site, id, number, account_id, plugin, plugin_digest, plugin_version, service, state, tone, queue, payable,
         ended, deleted, subject, data, version, entered_at, due_at, created_at, updated_at, claimed_by, claimed_until",
    );
    let mut jobs = Table::new(
        "jobs",
        "site, id, kind, key, case_id, payload, state, run_at, attempts, leased_until, last_error, created_at, finished_at",
    );
    let mut money = Money::new();
    let (mut lookups, mut sought, mut queue) = (Vec::new(), Vec::new(), BTreeSet::new());
    let mut tails = BTreeSet::new();
    let (mut own, mut orders) = (Vec::new(), Vec::new());
    let context = lookup_context(&site);
    execute(&mut conn, "BEGIN").await;
    for number in 0..count {
        let made = Made::new(number, count, now);
        let deleted = scattered(number as u64 + 7).is_multiple_of(50);
        let account = if number % (count / FEW) == 0 {
            own.push(made.id.clone());
            person.id.clone()
        } else {
            format!(
                "account-{:08}",
                scattered(number as u64) % (count as u64 / 20 + 1)
            )
        };
        let row = [
            SITE.into(),
            (&made.id).into(),
            (&made.number).into(),
            (&account).into(),
            "yingtan".into(),
            (&version.digest).into(),
            (&version.version).into(),
            "new-certificate".into(),
            made.state.into(),
            made.tone.into(),
            made.queue.into(),
            i64::from(made.payable).into(),
            i64::from(made.ended).into(),
            i64::from(deleted).into(),
            (&made.subject).into(),
            made.sealed(&sealer, &site).into(),
            5.into(),
            made.entered.into(),
            made.due.into(),
            made.created.into(),
            made.entered.into(),
            "".into(),
            0.into(),
        ];
        cases.row(&mut conn, row).await;
        for key in made.keys() {
            lookups.push((sealer.fingerprint(&context, key), made.id.clone()));
        }
        for (whole, parts) in [
            (&made.subject, tails_of_name(&made.subject)),
            (&made.number, tails_of_number(&made.number)),
        ] {
            tails.extend(parts.into_iter().map(|tail| (tail, whole.clone())));
        }
        if made.payable || made.queue == "maker" || (made.ended && number % 2 == 0) {
            orders.push(
                money
                    .order(&mut conn, &sealer, &site, &made, &account)
                    .await,
            );
        }
        let dead = number % (count / DEAD) == 0;
        let row = [
            SITE.into(),
            (&made.id).into(),
            if dead { "message" } else { "timer" }.into(),
            (&made.id).into(),
            (&made.id).into(),
            "{}".into(),
            if dead { "dead" } else { "done" }.into(),
            made.entered.into(),
            1.into(),
            0.into(),
            if dead { "the provider refuses it" } else { "" }.into(),
            made.created.into(),
            made.entered.into(),
        ];
        jobs.row(&mut conn, row).await;
        if made.queue == "reviewer" && !deleted {
            queue.insert((made.due, made.id.clone()));
        }
        let looked_for = number % (count / SOUGHT) == count / SOUGHT / 2;
        if looked_for && !deleted {
            sought.push(made);
        }
    }
    // In the order of their index, which stays.
    lookups.sort_unstable();
    let mut found = Table::new("case_lookups", "site, fingerprint, case_id");
    for (fingerprint, case) in lookups {
        found
            .row(&mut conn, [SITE.into(), fingerprint.into(), case.into()])
            .await;
    }
    let mut parts = Table::new("case_tails", "site, tail, whole");
    for (tail, whole) in tails {
        parts
            .row(&mut conn, [SITE.into(), tail.into(), whole.into()])
            .await;
    }
    for table in [&mut cases, &mut jobs, &mut found, &mut parts] {
        table.write(&mut conn).await;
    }
    money.write(&mut conn).await;
    execute(&mut conn, "COMMIT").await;
    for index in indexes {
        execute(&mut conn, &index).await;
    }
    // What a database does by itself after a while.
    if store.dialect() == Dialect::Postgres {
        execute(&mut conn, "VACUUM ANALYZE").await;
        execute(&mut conn, "CHECKPOINT").await;
    }
    drop(conn);
    store.close().await;
    let (due, id) = queue.iter().nth(queue.len() / 2).unwrap();
    own.sort();
    orders.sort();
    Filled {
        server: ground.start().await,
        administrator,
        person,
        sought,
        middle: Middle {
            queue: format!("{due}.{id}"),
            person: own[own.len() / 2].clone(),
            orders: orders[orders.len() / 2].clone(),
        },
        _ground: ground,
    }
}

/// Orders of one case each, paid or not.
struct Money {
    orders: Table,
    cases: Table,
    payments: Table,
    allocations: Table,
    count: usize,
}

impl Money {
    fn new() -> Self {
        Self {
            orders: Table::new(
                "orders",
                "site, id, number, account_id, state, total, currency, lines, methods, reference, chosen, details, slip,
                 created_at, expires_at, paid_at, paid_by_payment, version",
            ),
            cases: Table::new("order_cases", "site, order_id, case_id, live, turn"),
            payments: Table::new(
                "payments",
                "site, id, order_id, gateway, out_trade_no, code_url, amount, state, transaction_no, received, payer,
                 created_at, expires_at, checked_at, notified_at, confirmed_at",
            ),
            allocations: Table::new(
                "allocations",
                "site, id, payment_id, order_id, amount, made_at, released_at",
            ),
            count: 0,
        }
    }

    async fn order(
        &mut self,
        conn: &mut yinxin_store::Connection,
        sealer: &yinxin_store::seal::Sealer,
        site: &yinxin_core::ids::SiteId,
        made: &Made,
        account: &str,
    ) -> String {
        const FEE: i64 = 22_000;
        self.count += 1;
        let count = self.count;
        // The order has its case's id: it is as unique, and sorts by time too.
        let id = made.id.as_str();
        let paid = !made.payable;
        let state = match (paid, count % 8) {
            (true, _) => "paid",
            (false, 0) => "slip-uploaded",
            (false, _) => "awaiting-payment",
        };
        let line = FeeLine {
            code: "main-key".into(),
            label: "主锁".into(),
            quantity: 1,
            amount: FEE,
            case_id: id.into(),
        };
        let details = OrderDetails {
            invoice_title: made.subject.clone(),
            tax_number: made.uscc.clone(),
            ..OrderDetails::default()
        };
        let details = serde_json::to_vec(&details).unwrap();
        let details = sealer
            .seal(&format!("{site}/order/{id}/details"), &details)
            .unwrap();
        let payment = if paid { id } else { "" };
        let row = [
            SITE.into(),
            id.into(),
            format!("D{count:014}").into(),
            account.into(),
            state.into(),
            FEE.into(),
            "CNY".into(),
            serde_json::to_string(&[line]).unwrap().into(),
            serde_json::to_string(&[Method::BankTransfer])
                .unwrap()
                .into(),
            format!("R{count:09}").into(),
            "bank-transfer".into(),
            details.into(),
            "".into(),
            made.created.into(),
            (made.created + 30 * 24 * 3600 * 1000)
                .max(i64::MAX / 2)
                .into(),
            if paid { made.entered } else { 0 }.into(),
            payment.into(),
            2.into(),
        ];
        self.orders.row(conn, row).await;
        self.cases
            .row(
                conn,
                [SITE.into(), id.into(), id.into(), 1.into(), 1.into()],
            )
            .await;
        if paid {
            let row = [
                SITE.into(),
                id.into(),
                id.into(),
                "bank-transfer".into(),
                format!("T{count:015}").into(),
                "".into(),
                FEE.into(),
                "paid".into(),
                format!("N{count:015}").into(),
                FEE.into(),
                Vec::new().into(),
                made.created.into(),
                made.created.into(),
                made.entered.into(),
                made.entered.into(),
                made.entered.into(),
            ];
            self.payments.row(conn, row).await;
            let row = [
                SITE.into(),
                id.into(),
                id.into(),
                id.into(),
                FEE.into(),
                made.entered.into(),
                0.into(),
            ];
            self.allocations.row(conn, row).await;
        }
        made.id.clone()
    }

    async fn write(&mut self, conn: &mut yinxin_store::Connection) {
        for table in [
            &mut self.orders,
            &mut self.cases,
            &mut self.payments,
            &mut self.allocations,
        ] {
            table.write(conn).await;
        }
    }
}
