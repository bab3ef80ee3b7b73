//! What a run of cases leaves in the tables, sealed and fingerprinted as the engine does it.
//!
//! What no list reads is left out: histories, messages, files.

use crate::FEW;
use crate::bulk::Rows;
use crate::cases::{Made, scattered};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use yinxin_bench::program::SITE;
use yinxin_core::ids::SiteId;
use yinxin_core::money::{FeeLine, Method};
use yinxin_core::time::Millis;
use yinxin_services::payments::OrderDetails;
use yinxin_store::cases::{lookup_context, signature, tails_of_name, tails_of_number};
use yinxin_store::seal::Sealer;

/// Jobs that nobody could do, in either site.
const DEAD: usize = 200;
const FEE: i64 = 22_000;

/// What all cases of a site have in common.
pub struct Maker {
    pub site: SiteId,
    pub sealer: Arc<Sealer>,
    pub now: Millis,
    /// Cases of the site.
    pub count: usize,
    /// Of the plugin that they are decided by.
    pub digest: String,
    pub version: String,
    /// The account of the person who has [`FEW`] of them.
    pub person: String,
}

/// The rows of some cases.
pub struct Batch {
    pub cases: Rows,
    pub jobs: Rows,
    pub orders: Rows,
    pub order_cases: Rows,
    pub payments: Rows,
    pub allocations: Rows,
    /// Fingerprint and case.
    pub lookups: Vec<(String, String)>,
    /// Tail and whole.
    pub tails: Vec<(String, String)>,
    /// How many of them were begun on which day.
    pub days: BTreeMap<String, i64>,
    /// Due date and id of what stands in the reviewers' queue.
    pub queue: Vec<(i64, String)>,
    /// Ids of the person's cases.
    pub own: Vec<String>,
    /// Ids of what is paid.
    pub paid: Vec<String>,
}

impl Batch {
    fn new() -> Self {
        Self {
            cases: Rows::new(
                "cases",
                "site, id, number, account_id, plugin, plugin_digest, plugin_version, service, state, tone, queue,
                 payable, ended, deleted, subject, data, version, entered_at, due_at, created_at, updated_at, claimed_by,
                 claimed_until, subject_signature",
            ),
            jobs: Rows::new(
                "jobs",
                "site, id, kind, key, case_id, payload, state, run_at, attempts, leased_until, last_error, created_at,
                 finished_at",
            ),
            orders: Rows::new(
                "orders",
                "site, id, number, account_id, state, total, currency, lines, methods, reference, chosen, details, slip,
                 created_at, expires_at, paid_at, paid_by_payment, version",
            ),
            order_cases: Rows::new("order_cases", "site, order_id, case_id, live, turn"),
            payments: Rows::new(
                "payments",
                "site, id, order_id, gateway, out_trade_no, code_url, amount, state, transaction_no, received, payer,
                 created_at, expires_at, checked_at, notified_at, confirmed_at",
            ),
            allocations: Rows::new(
                "allocations",
                "site, id, payment_id, order_id, amount, made_at, released_at",
            ),
            lookups: Vec::new(),
            tails: Vec::new(),
            days: BTreeMap::new(),
            queue: Vec::new(),
            own: Vec::new(),
            paid: Vec::new(),
        }
    }
}

impl Maker {
    pub fn case(&self, number: usize) -> Made {
        Made::new(number, self.count, self.now)
    }

    /// Whether its applicant has deleted it.
    pub fn is_deleted(number: usize) -> bool {
        scattered(number as u64 + 7).is_multiple_of(50)
    }

    pub fn batch(&self, numbers: Range<usize>) -> Batch {
        let mut batch = Batch::new();
        let context = lookup_context(&self.site);
        for number in numbers {
            let made = self.case(number);
            let account = if number % (self.count / FEW) == 0 {
                batch.own.push(made.id.clone());
                self.person.clone()
            } else {
                let accounts = self.count as u64 / 20 + 1;
                format!("account-{:08}", scattered(number as u64) % accounts)
            };
            let deleted = Self::is_deleted(number);
            if made.queue == "reviewer" && !deleted {
                batch.queue.push((made.due, made.id.clone()));
            }
            *batch.days.entry(made.day()).or_default() += 1;
            for key in made.keys() {
                let fingerprint = self.sealer.fingerprint(&context, key);
                batch.lookups.push((fingerprint, made.id.clone()));
            }
            for (whole, tails) in [
                (&made.subject, tails_of_name(&made.subject)),
                (&made.number, tails_of_number(&made.number)),
            ] {
                let tails = tails.into_iter().map(|tail| (tail, whole.clone()));
                batch.tails.extend(tails);
            }
            if made.payable || made.queue == "maker" || (made.ended && number % 2 == 0) {
                self.order(&mut batch, number, &made, &account);
            }
            self.job(&mut batch, number, &made);
            self.row(&mut batch, &made, account, deleted);
        }
        // A unit has several cases.
        batch.tails.sort_unstable();
        batch.tails.dedup();
        batch
    }

    fn row(&self, batch: &mut Batch, made: &Made, account: String, deleted: bool) {
        batch.cases.push([
            SITE.into(),
            (&made.id).into(),
            (&made.number).into(),
            account.into(),
            "yingtan".into(),
            (&self.digest).into(),
            (&self.version).into(),
            "new-certificate".into(),
            made.state.into(),
            made.tone.into(),
            made.queue.into(),
            i64::from(made.payable).into(),
            i64::from(made.ended).into(),
            i64::from(deleted).into(),
            (&made.subject).into(),
            made.sealed(&self.sealer, &self.site).into(),
            5.into(),
            made.entered.into(),
            made.due.into(),
            made.created.into(),
            made.entered.into(),
            "".into(),
            0.into(),
            signature(&made.subject).into(),
        ]);
    }

    fn job(&self, batch: &mut Batch, number: usize, made: &Made) {
        let dead = number.is_multiple_of(self.count / DEAD);
        batch.jobs.push([
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
        ]);
    }

    /// An order of this one case, paid or not. It has its case's id: that is as unique, and sorts by time too.
    fn order(&self, batch: &mut Batch, number: usize, made: &Made, account: &str) {
        let id = &made.id;
        let paid = !made.payable;
        // Of the first thousand all that is not paid has a slip, so that the clerk's list is full in a small site too.
        let slip = number < FEW || scattered(number as u64 + 11).is_multiple_of(8);
        let state = match (paid, slip) {
            (true, _) => "paid",
            (false, true) => "slip-uploaded",
            (false, false) => "awaiting-payment",
        };
        let line = FeeLine {
            code: "main-key".into(),
            label: "主锁".into(),
            quantity: 1,
            amount: FEE,
            case_id: id.clone(),
        };
        let details = OrderDetails {
            invoice_title: made.subject.clone(),
            tax_number: made.uscc.clone(),
            ..OrderDetails::default()
        };
        let details = serde_json::to_vec(&details).unwrap();
        let context = format!("{}/order/{id}/details", self.site);
        batch.orders.push([
            SITE.into(),
            id.into(),
            format!("D{number:014}").into(),
            account.to_owned().into(),
            state.into(),
            FEE.into(),
            "CNY".into(),
            serde_json::to_string(&[line]).unwrap().into(),
            serde_json::to_string(&[Method::BankTransfer])
                .unwrap()
                .into(),
            format!("R{number:09}").into(),
            "bank-transfer".into(),
            self.sealer.seal(&context, &details).unwrap().into(),
            "".into(),
            made.created.into(),
            // No worker closes it while it is measured.
            (i64::MAX / 2).into(),
            if paid { made.entered } else { 0 }.into(),
            if paid { id.clone() } else { String::new() }.into(),
            2.into(),
        ]);
        batch
            .order_cases
            .push([SITE.into(), id.into(), id.into(), 1.into(), 1.into()]);
        if !paid {
            return;
        }
        batch.paid.push(id.clone());
        batch.payments.push([
            SITE.into(),
            id.into(),
            id.into(),
            "bank-transfer".into(),
            format!("T{number:015}").into(),
            "".into(),
            FEE.into(),
            "paid".into(),
            format!("N{number:015}").into(),
            FEE.into(),
            Vec::new().into(),
            made.created.into(),
            made.created.into(),
            made.entered.into(),
            made.entered.into(),
            made.entered.into(),
        ]);
        batch.allocations.push([
            SITE.into(),
            id.into(),
            id.into(),
            id.into(),
            FEE.into(),
            made.entered.into(),
            0.into(),
        ]);
    }
}
