//! The pages that are compared, each asked for many times in turns of the small site and the large one.

use crate::cases::Made;
use crate::fill::Filled;
use std::time::Instant;
use yinxin_bench::client::{Client, get};
use yinxin_bench::program::HOST;
use yinxin_bench::samples::Samples;
use yinxin_bench::table::{Goal, heading, line, micros};

/// Times that each page is asked for, of either site, after a round for each case that is looked for: that one opens
/// connections, compiles templates and brings what lies on the disk into memory.
const TIMES: usize = 1_000;

type Path = fn(&Filled, &Made) -> String;

struct Page {
    what: &'static str,
    path: Path,
    /// Asked by the person with a thousand cases rather than by a clerk.
    applicant: bool,
    /// The case that was looked for has to be on it.
    finds: bool,
}

const fn of_a_clerk(what: &'static str, path: Path) -> Page {
    Page {
        what,
        path,
        applicant: false,
        finds: false,
    }
}

const fn search(what: &'static str, path: Path) -> Page {
    Page {
        finds: true,
        ..of_a_clerk(what, path)
    }
}

const fn of_an_applicant(what: &'static str, path: Path) -> Page {
    Page {
        applicant: true,
        ..of_a_clerk(what, path)
    }
}

fn found_by(text: &str) -> String {
    let text: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    format!("/console/search?text={text}")
}

/// A part of the name from its middle.
fn middle(name: &str, characters: usize) -> String {
    name.chars().skip(3).take(characters).collect()
}

const PAGES: [Page; 23] = [
    of_a_clerk("desk", |_, _| "/console".into()),
    of_a_clerk("queue, first page", |_, _| {
        "/console/queues/reviewer".into()
    }),
    of_a_clerk("queue, from its middle", |filled, _| {
        format!(
            "/console/queues/reviewer?after={}",
            filled.known.middle.queue
        )
    }),
    of_a_clerk("all cases", |_, _| "/console/search".into()),
    of_a_clerk("all that was sent back", |_, _| {
        "/console/search?tone=refused".into()
    }),
    of_a_clerk("all of a service without cases", |_, _| {
        "/console/search?service=none&tone=waiting".into()
    }),
    search("search by number", |_, case| found_by(&case.number)),
    search("search by name", |_, case| found_by(&case.subject)),
    search("search by part of a name", |_, case| {
        found_by(&middle(&case.subject, 5))
    }),
    // One name in eighty has them: too many of a million to be fetched one by one, and half a page of a thousand.
    of_a_clerk("search by two characters", |_, case| {
        found_by(&middle(&case.subject, 2))
    }),
    // One in twenty: a full page of either site.
    of_a_clerk("search by two characters that more have", |_, case| {
        found_by(&case.subject.chars().skip(7).take(2).collect::<String>())
    }),
    of_a_clerk("search by what all have", |_, _| found_by("建设")),
    search("search by mobile", |_, case| found_by(&case.mobile)),
    search("search by USCC", |_, case| found_by(&case.uscc)),
    search("search by serial", |_, case| {
        found_by(if case.serial.is_empty() {
            &case.number
        } else {
            &case.serial
        })
    }),
    of_a_clerk("search, nothing found", |_, _| found_by("没有这个单位")),
    of_a_clerk("orders", |_, _| "/console/orders".into()),
    of_a_clerk("orders that are paid", |_, _| {
        "/console/orders?state=paid".into()
    }),
    of_a_clerk("orders, from the middle", |filled, _| {
        format!(
            "/console/orders?state=paid&after={}",
            filled.known.middle.orders
        )
    }),
    of_a_clerk("jobs", |_, _| "/console/jobs".into()),
    of_an_applicant("own cases, of 1,000", |_, _| "/cases".into()),
    of_an_applicant("own cases, from the middle", |filled, _| {
        format!("/cases?after={}", filled.known.middle.person)
    }),
    of_an_applicant("own orders", |_, _| "/orders".into()),
];

pub async fn compare(database: &str, small: &Filled, large: &Filled, many: usize) {
    heading(
        &format!("Pages on {database}, 95 of 100 within"),
        &format!("{many} cases"),
        &format!("{} cases", crate::FEW),
    );
    for page in &PAGES {
        let (mut many, mut few) = (Samples::default(), Samples::default());
        let mut clients = [
            Client::connect(large.server.address).await,
            Client::connect(small.server.address).await,
        ];
        let round = large.sought.len();
        for turn in 0..round + TIMES {
            for ((filled, samples), client) in [(large, &mut many), (small, &mut few)]
                .into_iter()
                .zip(&mut clients)
            {
                let took = ask(page, filled, turn, client).await;
                if turn >= round {
                    samples.0.push(took);
                }
            }
        }
        line(
            page.what,
            &micros(many.p95()),
            &micros(few.p95()),
            many.p95() / few.p95(),
            Goal::AtMost(1.5),
        );
    }
}

async fn ask(page: &Page, filled: &Filled, turn: usize, client: &mut Client) -> f64 {
    let case = &filled.sought[turn % filled.sought.len()];
    let person = if page.applicant {
        &filled.known.person
    } else {
        &filled.known.administrator
    };
    let path = (page.path)(filled, case);
    let request = get(HOST, &path, &person.cookie);
    let begun = Instant::now();
    let answer = client.send(&request).await;
    let took = begun.elapsed().as_secs_f64();
    assert_eq!(answer.status, 200, "{path}");
    if page.finds {
        let text = answer.text();
        assert!(text.contains(&case.number), "{path} does not find its case");
    }
    took
}
