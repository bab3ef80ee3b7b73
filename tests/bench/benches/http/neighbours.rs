//! What a person waits for a page while a plugin runs wild: others send applications that its rule never comes to an end
//! with, or takes all memory for again and again, as many at a time as the sandbox gives to one plugin and more.

use crate::load::Side;
use crate::pages::{Hall, ground, hall, show, submissions};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use yinxin_bench::client::Client;
use yinxin_bench::databases::folder;
use yinxin_bench::plugins::Parcel;
use yinxin_bench::samples::Samples;
use yinxin_bench::table::{Goal, heading, line, micros};
use yinxin_guests_measured::{ENDLESS, GREEDY, WILD};

/// People who send such applications.
const PEOPLE: usize = 24;
/// How long a turn lasts.
const TURN: Duration = Duration::from_secs(2);
/// Turns alone and turns beside them.
const ROUNDS: usize = 4;

/// In turns on one server.
pub async fn run() {
    let folder = folder();
    let ground = ground(
        folder.path(),
        &[Parcel::built("jiangxi"), Parcel::measured()],
    );
    let server = ground.0.start().await;
    let hall = hall(server.address, &ground).await;
    let page = show(&hall);
    heading(
        "A page beside a plugin that runs wild",
        "beside it",
        "alone",
    );
    for (way, answer) in [("endless loops", ENDLESS), ("all memory", GREEDY)] {
        let (mut alone, mut beside) = (Samples::default(), Samples::default());
        for _ in 0..ROUNDS {
            alone.0.extend(waits(&page).await.0);
            let wild = Wild::begin(&hall, answer).await;
            beside.0.extend(waits(&page).await.0);
            assert!(wild.end().await > 0, "no rule was stopped");
        }
        for (quantile, part) in [("half within", 0.5), ("95 of 100 within", 0.95)] {
            let (beside, alone) = (beside.quantile(part), alone.quantile(part));
            line(
                &format!("{way}: {quantile}"),
                &micros(beside),
                &micros(alone),
                beside / alone,
                Goal::None,
            );
        }
    }
}

/// Seconds that one person waits for each page, for the length of a turn.
async fn waits(page: &Side) -> Samples {
    let mut client = Client::connect(page.address).await;
    let (begun, mut waits) = (Instant::now(), Samples::default());
    while begun.elapsed() < TURN {
        let asked = Instant::now();
        assert_eq!(client.status(&page.requests[0][0]).await, page.status);
        waits.0.push(asked.elapsed().as_secs_f64());
    }
    waits
}

/// People who send over and over what makes the plugin run wild.
struct Wild {
    people: JoinSet<u32>,
    over: Arc<AtomicBool>,
}

impl Wild {
    async fn begin(hall: &Hall, answer: &str) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let mut people = JoinSet::new();
        for number in 0..PEOPLE {
            let case = &hall.cases[number % hall.cases.len()];
            let requests = submissions(hall, case, |_| (WILD, answer.to_owned()));
            let (address, over) = (hall.address, Arc::clone(&over));
            people.spawn(async move {
                let mut client = Client::connect(address).await;
                let mut stopped = 0;
                // Each from addresses of their own.
                for request in requests.iter().skip(number).step_by(PEOPLE) {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    // The answers are kept without the rule's word; or somebody else's to the same application were.
                    let status = client.status(request).await;
                    assert!(status == 422 || status == 409, "{status}");
                    stopped += 1;
                }
                stopped
            });
        }
        // Until all places that the plugin may have are taken.
        tokio::time::sleep(Duration::from_millis(200)).await;
        Self { people, over }
    }

    /// How many times they were told that the rules had no answer.
    async fn end(self) -> u32 {
        self.over.store(true, Ordering::Relaxed);
        self.people.join_all().await.into_iter().sum()
    }
}
