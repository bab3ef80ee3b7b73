//! One database of one site with its people, in which way after way is gone; and what each has to have led to.

use crate::filling::{self, Newcomer};
use crate::house::{House, People, Streets, sealer};
use crate::judge;
use crate::objects::Objects;
use crate::office::Office;
use crate::people;
use crate::sites::Place;
use crate::way::{End, PATIENCE, Way, work};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use yinxin_core::ids::{AccountId, OrderId};
use yinxin_core::time::Clock;
use yinxin_engine::EngineError;
use yinxin_engine::views::{ListFilter, OrderView};
use yinxin_services::reconciliation::DifferenceState;
use yinxin_store::blobs::Blobs;
use yinxin_store::messages;
use yinxin_store::testing::{TestStore, faults, known_objects, unfinished_jobs};
use yinxin_store::{StoreError, ledger};

/// How often people wait for what is still to be looked after. While they wait for one job, another that had its next try
/// later comes nearer; a refund is looked after two or three times when its notification was slow.
const ROUNDS: usize = 5;

/// More differences than there can be.
const MANY: i64 = 100;
/// Seconds before the first way: what was booked at the beginning is of a day that nobody imports a file of.
const BEFORE: i64 = 3 * 24 * 3600;

/// What a way has led to, each in order of its names: how often something happened counts, and not when.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    state: String,
    /// Rows of its history.
    history: Vec<String>,
    /// Template codes.
    sms: Vec<String>,
    /// Messages as we have them: template and state.
    messages: Vec<String>,
    /// Mails that came; one that came again is one.
    mail: usize,
    /// What happened to the account of who registered on the way.
    account: Vec<String>,
    certificates: usize,
    /// Trades at the provider, and how many of them are paid.
    trades: (usize, usize),
    /// fen that went back
    refunded: i64,
    /// Invoices as we have them, oldest first: state, whether it counts, whether it was voided, and fen.
    invoices: Vec<(String, bool, bool, i64)>,
    /// What the provider of invoices has issued, red below zero: fen, in order.
    issued: Vec<i64>,
    /// What the comparison with the bank's file has found, and a clerk would have to settle.
    differences: usize,
}

pub struct World {
    pub store: TestStore,
    pub objects: Arc<Objects>,
    pub streets: Streets,
    pub house: House,
    /// Whose applications they are, where people register once and apply for many.
    applicant: Option<AccountId>,
    /// The certificate that is renewed again and again, and never is in the end.
    serial: String,
    /// Ways that were begun.
    begun: u32,
    /// What each way leads to when nothing fails.
    usual: Vec<(End, Outcome)>,
    folder: TempDir,
}

impl World {
    /// An applicant who has not applied for anything, and a database that can be made to fail.
    pub async fn over(store: TestStore, place: &Place) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let objects = Arc::new(Objects::over(&folder.path().join("blobs")));
        let mut streets = Streets::new(place.clone(), folder.path(), People::nobody()).await;
        if let Some(invoicing) = &place.invoice {
            streets.office = Some(Office::open(folder.path(), invoicing).await);
        }
        let house = open(&streets, &store, &objects).await;
        let (mut applicant, mut serial) = (None, String::new());
        if place.has_plugin("fujian") {
            let account = filling::registered(&house, &streets, &Newcomer::first()).await;
            let account = account.unwrap();
            serial = people::certified(&house, &streets, &account, "W0000000000001").await;
            people::work(&house, &streets, 300).await;
            let all = ListFilter::default();
            let before = house.engine.my_cases(&house.site, &account, &all, None, 9);
            let before = before.await.unwrap().lines.into_iter();
            streets.people.cases = before.map(|line| line.id).collect();
            applicant = Some(account);
            streets.clock.advance(BEFORE);
        }
        faults::prepare(&store).await;
        let mut world = Self {
            store,
            objects,
            streets,
            house,
            applicant,
            serial,
            begun: 0,
            usual: Vec::new(),
            folder,
        };
        for end in world.ends() {
            let mut way = world.begin(end);
            let arrived = way.go_on(&world.house, &world.streets).await.unwrap();
            assert!(arrived, "without a fault it goes on");
            let outcome = world.outcome(&way).await;
            world.usual.push((end, outcome));
            world.streets.people.cases.extend(way.case);
        }
        world
    }

    /// Where ways lead here.
    pub fn ends(&self) -> Vec<End> {
        let mut ends = End::ALL.to_vec();
        ends.retain(|end| self.streets.place.has_plugin(end.service().0));
        ends
    }

    /// For those who read what failed.
    pub fn name(&self) -> String {
        format!("{} on {}", self.house.site, self.store.name)
    }

    pub fn begin(&mut self, end: End) -> Way {
        if let Some(office) = &self.streets.office {
            office.turn_the_page();
        }
        self.begun += 1;
        let applicant = self.applicant.as_ref();
        Way::new(&self.streets, end, self.begun, applicant, &self.serial)
    }

    /// Starts the host again where it is to be, has people go on to the end, and compares with a way without a fault.
    pub async fn finish(&mut self, mut way: Way, what: &str, restart: bool) {
        if restart {
            self.house = open(&self.streets, &self.store, &self.objects).await;
        }
        // What a worker had taken when it died is free again.
        self.streets.clock.advance(150);
        let mut arrived = false;
        for _ in 0..ROUNDS {
            arrived = match way.go_on(&self.house, &self.streets).await {
                Ok(arrived) => arrived,
                Err(error) => panic!("{what}: {error:?}"),
            };
            if arrived {
                break;
            }
            // The worker tried in vain for so long that its next try is far off.
            self.streets.clock.advance(PATIENCE);
        }
        assert!(arrived, "{what} does not come to its end");
        let mut left = self.unfinished().await;
        for _ in 0..ROUNDS {
            if left.is_empty() {
                break;
            }
            work(&self.house, &self.streets).await.unwrap();
            left = self.unfinished().await;
        }
        assert!(left.is_empty(), "{what} leaves {left:?}");
        let outcome = self.outcome(&way).await;
        let (_, wanted) = self.usual.iter().find(|(end, _)| *end == way.end).unwrap();
        assert_eq!(&outcome, wanted, "{what}");
        self.streets.people.cases.extend(way.case);
    }

    /// Jobs that are due before long, or that were given up.
    async fn unfinished(&self) -> Vec<String> {
        let soon = self.streets.clock.now().plus(PATIENCE);
        unfinished_jobs(&self.store, soon).await
    }

    async fn outcome(&self, way: &Way) -> Outcome {
        let (site, case) = (&self.house.site, way.case.as_ref().unwrap());
        let who = crate::house::any_clerk();
        let page = self.house.engine.page(site, &who, case).await.unwrap();
        let mut conn = self.store.read().await.unwrap();
        let rows = ledger::of_case(&mut conn, site, case).await.unwrap();
        let mut history: Vec<String> = rows
            .into_iter()
            .map(|row| format!("{} {}", row.entry.transition, row.entry.label))
            .collect();
        history.sort();
        let mut sent: Vec<String> = messages::of_case(&mut conn, &sealer(), site, case, None, 100)
            .await
            .unwrap()
            .into_iter()
            .map(|message| format!("{} {}", message.template, message.state.as_str()))
            .collect();
        sent.sort();
        let reconciliation = &self.house.services.reconciliation;
        let told = reconciliation.differences(site, DifferenceState::Open, None, MANY);
        let told = told.await;
        let trades = way.trades(&self.streets);
        let mut account = Vec::new();
        if self.applicant.is_none() {
            let accounts = &self.house.services.accounts;
            let events = accounts.events(site, way.applicant(), None, 100).await;
            account.extend(events.unwrap().into_iter().map(|event| event.kind));
        }
        let (invoices, issued) = match &page.order {
            Some(order) => self.invoiced(order).await,
            None => (Vec::new(), Vec::new()),
        };
        Outcome {
            state: page.state.id.clone(),
            history,
            sms: way.sms(&self.streets),
            messages: sent,
            mail: way.mail(&self.streets),
            account,
            certificates: page.certificates.len(),
            trades: (
                trades.len(),
                trades.iter().filter(|(_, paid)| *paid).count(),
            ),
            refunded: page.order.map_or(0, |order| order.refunded),
            invoices,
            issued,
            differences: told.unwrap().len(),
        }
    }

    /// The invoices of an order, as we have them and as their provider has.
    async fn invoiced(&self, order: &OrderView) -> (Vec<(String, bool, bool, i64)>, Vec<i64>) {
        let id = OrderId::from_stored(order.id.clone());
        let invoices = &self.house.services.invoices;
        let ours = invoices.of_order(&self.house.site, &id).await.unwrap();
        let ours = ours.into_iter().map(|invoice| {
            let voided = !invoice.red_number.is_empty();
            let state = invoice.state.as_str().to_owned();
            (state, invoice.live, voided, invoice.amount.0)
        });
        let office = self.streets.office.as_ref();
        let mut theirs = office.map_or_else(Vec::new, |office| office.under(&order.number));
        theirs.sort_unstable();
        (ours.collect(), theirs)
    }

    /// What must hold of all ways together: money, history, and objects that are neither missing nor left over.
    pub async fn judge(&self) {
        let found = judge::faults(&self.house, &self.streets).await;
        assert!(found.is_empty(), "{}: {found:?}", self.name());
        // What was announced and not kept is swept after an hour.
        for _ in 0..2 {
            self.house.engine.keep_house().await.unwrap();
            self.streets.clock.advance(2 * 3600);
            work(&self.house, &self.streets).await.unwrap();
        }
        let known = known_objects(&self.store).await;
        let odd: Vec<_> = known.iter().filter(|(_, state)| *state != "kept").collect();
        assert!(odd.is_empty(), "{}: {odd:?}", self.name());
        let root = self.folder.path().join("blobs");
        let there = files(&root, &root);
        let known: BTreeSet<String> = known.into_keys().collect();
        assert_eq!(there, known, "{}", self.name());
    }
}

async fn open(streets: &Streets, store: &TestStore, objects: &Arc<Objects>) -> House {
    let blobs = Blobs::new(objects.clone(), sealer());
    House::over(streets, store.store.clone(), blobs).await
}

fn files(root: &Path, folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(root, &path));
        } else {
            let name = path.strip_prefix(root).unwrap();
            found.insert(name.to_str().unwrap().to_owned());
        }
    }
    found
}

/// What failed is told as a failure of ours, and never as a mistake of the person's.
pub fn assert_is_ours(error: &EngineError) {
    let ours = matches!(
        error,
        EngineError::Store(StoreError::Database(_) | StoreError::Unavailable(_))
            | EngineError::Service(_)
            | EngineError::Outage(_)
            | EngineError::Rule(_)
    );
    assert!(ours, "{error:?}");
}
