//! One database with its people, in which way after way is gone; and what each has to have led to.

use crate::house::{House, People, Streets, sealer};
use crate::judge;
use crate::objects::Objects;
use crate::people;
use crate::way::{End, PATIENCE, Way, work};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use yinxin_core::ids::AccountId;
use yinxin_core::time::Clock;
use yinxin_engine::EngineError;
use yinxin_engine::views::ListFilter;
use yinxin_store::blobs::Blobs;
use yinxin_store::messages;
use yinxin_store::testing::{TestStore, faults, known_objects, unfinished_jobs};
use yinxin_store::{StoreError, ledger};

/// How often people wait for what is still to be looked after. While they wait for one job, another that had its next try
/// later comes nearer; a refund is looked after two or three times when its notification was slow.
const ROUNDS: usize = 5;

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
    certificates: usize,
    /// Trades at the provider, and how many of them are paid.
    trades: (usize, usize),
    /// fen that went back
    refunded: i64,
}

pub struct World {
    pub store: TestStore,
    pub objects: Arc<Objects>,
    pub streets: Streets,
    pub house: House,
    /// The certificate that is renewed again and again, and never is in the end.
    serial: String,
    /// What a way leads to when nothing fails.
    sent: Option<Outcome>,
    refunded: Option<Outcome>,
    folder: TempDir,
}

impl World {
    /// An applicant who has not applied for anything, and a database that can be made to fail.
    pub async fn over(store: TestStore) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let objects = Arc::new(Objects::over(&folder.path().join("blobs")));
        let nobody = People {
            applicant: AccountId::generate(),
            cases: Vec::new(),
        };
        let mut streets = Streets::new(folder.path(), nobody).await;
        let house = open(&streets, &store, &objects).await;
        let applicant = people::registered(&house, &streets).await;
        let serial = people::certified(&house, &streets, &applicant, "W0000000000001").await;
        people::work(&house, &streets, 60).await;
        let all = ListFilter::default();
        let before = house
            .engine
            .my_cases(&house.site, &applicant, &all, None, 9);
        let before = before.await.unwrap().lines.into_iter();
        streets.people.cases = before.map(|line| line.id).collect();
        streets.people.applicant = applicant;
        faults::prepare(&store).await;
        let mut world = Self {
            store,
            objects,
            streets,
            house,
            serial,
            sent: None,
            refunded: None,
            folder,
        };
        for end in [End::Sent, End::Refunded] {
            let mut way = world.begin(end);
            let arrived = way.go_on(&world.house, &world.streets).await.unwrap();
            assert!(arrived, "without a fault it goes on");
            let outcome = world.outcome(&way).await;
            match end {
                End::Sent => world.sent = Some(outcome),
                End::Refunded => world.refunded = Some(outcome),
            }
            world.streets.people.cases.extend(way.case);
        }
        world
    }

    pub fn begin(&self, end: End) -> Way {
        Way::new(&self.streets, end, &self.serial)
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
        let wanted = match way.end {
            End::Sent => self.sent.as_ref(),
            End::Refunded => self.refunded.as_ref(),
        };
        assert_eq!(Some(&self.outcome(&way).await), wanted, "{what}");
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
        let trades = way.trades(&self.streets);
        Outcome {
            state: page.state.id.clone(),
            history,
            sms: way.sms(&self.streets),
            messages: sent,
            certificates: page.certificates.len(),
            trades: (
                trades.len(),
                trades.iter().filter(|(_, paid)| *paid).count(),
            ),
            refunded: page.order.map_or(0, |order| order.refunded),
        }
    }

    /// What must hold of all ways together: money, history, and objects that are neither missing nor left over.
    pub async fn judge(&self) {
        let found = judge::faults(&self.house, &self.streets).await;
        assert!(found.is_empty(), "{}: {found:?}", self.store.name);
        // What was announced and not kept is swept after an hour.
        for _ in 0..2 {
            self.house.engine.keep_house().await.unwrap();
            self.streets.clock.advance(2 * 3600);
            work(&self.house, &self.streets).await.unwrap();
        }
        let known = known_objects(&self.store).await;
        let odd: Vec<_> = known.iter().filter(|(_, state)| *state != "kept").collect();
        assert!(odd.is_empty(), "{}: {odd:?}", self.store.name);
        let root = self.folder.path().join("blobs");
        let there = files(&root, &root);
        let known: BTreeSet<String> = known.into_keys().collect();
        assert_eq!(there, known, "{}", self.store.name);
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
