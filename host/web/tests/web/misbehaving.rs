//! What a person sees while the plugin behind the page misbehaves, in each of its rules: a sentence, a number to name, what
//! was typed; and that nothing has happened. `handle` goes every way that the hostile plugin's first lifecycle has, under
//! the applicant's hand and under a clerk's, so that a new misbehaviour comes under this; what nobody is looking at, payments,
//! certificates and time, waits as a job that the console shows, and money that came stays where it is.

mod answers;
mod events;
mod hands;
mod log;

use crate::hall::{Answer, Hall, hall_within};
use crate::market::{Person, encoded, site};
use http::StatusCode;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use yinxin_capabilities::{Capability, Manifest, PluginEntry, Quotas, Registry};
use yinxin_core::ids::CaseId;
use yinxin_core::time::{Clock, Millis, SystemClock};
use yinxin_engine::Actor;
use yinxin_sandbox::{Limits, Sandbox, Settings};
use yinxin_services::payments::Payments;

/// Of the transitions these do what the definition says. Whatever else the first lifecycle has counts as a misbehaviour.
const WELL: [&str; 3] = ["good", "script", "copy-once"];
/// This one declines, in its own words.
const DECLINES: (&str, &str) = ("decline", "不行");

/// Goes with the machine's clock, so much ahead of it.
#[derive(Default)]
struct Ahead(AtomicI64);

impl Ahead {
    fn put(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for Ahead {
    fn now(&self) -> Millis {
        SystemClock.now().plus(self.0.load(Ordering::SeqCst))
    }
}

/// A hall where the hostile plugin decides.
async fn wild() -> Hall {
    wild_at(Arc::new(SystemClock), |_| {}).await
}

/// The same at a time of one's own, with more ways to pay.
async fn wild_at(clock: Arc<dyn Clock>, tills: impl FnOnce(&mut Payments)) -> Hall {
    let limits = Limits {
        guest_time: Duration::from_millis(150),
        total_time: Duration::from_secs(1),
        reads_count: 100,
        ..Limits::default()
    };
    let hall = hall_within(limits, clock, tills).await;
    activate(&hall, &hall.registry).await;
    hall
}

/// With everything that it asks for.
async fn activate(hall: &Hall, registry: &Registry) {
    let mut declared = String::from("name = 'hostile'\nversion = '1.0.0'\n");
    for interface in Capability::ALL {
        declared.push_str(&format!(
            "[[capability]]\ninterface = '{interface}'\nreason = 'to misbehave'\n"
        ));
    }
    let manifest = Manifest::parse(&declared).unwrap();
    let component = yinxin_kit::hostile().unwrap();
    let entry = entry(&Capability::ALL);
    registry
        .activate(&hall.state.store, &site(), &component, &manifest, &entry)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
}

/// What the site's `site.toml` says of it.
fn entry(grants: &[Capability]) -> PluginEntry {
    PluginEntry {
        name: "hostile".into(),
        digest: None,
        grants: grants.to_vec(),
        quotas: Quotas::default(),
    }
}

/// A hall that was started again after everything but the profile was taken from the plugin.
async fn withdrawn() -> Hall {
    let limits = Limits {
        guest_time: Duration::from_secs(60),
        total_time: Duration::from_secs(60),
        ..Limits::default()
    };
    let hall = hall_within(limits, Arc::new(SystemClock), |_| {}).await;
    let before = Registry::new(Sandbox::new(Settings::default()).unwrap()).unwrap();
    activate(&hall, &before).await;
    hall.registry
        .load(
            &hall.state.store,
            &site(),
            &[entry(&[Capability::Accounts])],
        )
        .await
        .unwrap();
    hall
}

/// Rows of all tables; only what was asked how often is counted whatever becomes of it.
async fn kept(hall: &Hall) -> BTreeMap<String, i64> {
    let mut rows = hall.store.rows().await;
    rows.remove("rate_limits");
    rows
}

async fn begin(person: &mut Person, hall: &Hall, service: &str) -> CaseId {
    let path = format!("/services/hostile/{service}");
    let answer = person.post(hall, &path, "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let id = answer.header("location").strip_prefix("/cases/");
    CaseId::from_stored(id.unwrap().to_owned())
}

/// State and version of a case, as its owner's page is made of them.
async fn standing(person: &Person, hall: &Hall, case: &CaseId) -> (String, i64) {
    let viewer = Actor::Applicant(person.account.clone());
    let page = hall.state.engine.page(&site(), &viewer, case).await;
    let page = page.unwrap();
    (page.state.id.clone(), page.version)
}

/// A page for a person, with the number that the log has too, and nothing of how it is made.
fn is_plain(answer: &Answer, what: &str) {
    let id = answer.header("x-request-id");
    assert!(id.len() > 20 && answer.body.contains(id), "{what}: {id}");
    tells_nothing(answer, what);
}

/// A page, and nothing on it of how it is made.
fn tells_nothing(answer: &Answer, what: &str) {
    assert!(answer.body.contains("<html"), "{what}: {}", answer.body);
    let written = without_tokens(&answer.body).to_lowercase();
    for internal in [
        "wasm",
        "trap",
        "backtrace",
        "panicked",
        "unreachable",
        "plugin `",
        "0x",
        "sandbox",
        "handle",
        ".rs",
        "guest",
    ] {
        // Words of scripts and styles are not shown; they stand in files of their own.
        assert!(
            !written.contains(internal),
            "{what}: `{internal}` in {}",
            answer.body
        );
    }
}

/// A page without the tokens of its forms: their letters are chance, and one in a hundred has `0x` in it.
fn without_tokens(page: &str) -> String {
    let mut parts = page.split("name=\"_csrf\" value=\"");
    let first = parts.next().unwrap_or_default();
    let after = parts.map(|part| part.split_once('"').expect("a token ends").1);
    std::iter::once(first).chain(after).collect()
}

/// The page of a transition that was not taken, with what was typed. True where the plugin misbehaved, and did not only
/// decline.
fn is_put_off(answer: &Answer, typed: &str, what: &str) -> bool {
    assert!(
        answer.body.contains(&typed.replace('&', "&amp;")),
        "{what}: what was typed is gone: {}",
        answer.body
    );
    if what == DECLINES.0 {
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{what}");
        assert!(answer.body.contains(DECLINES.1), "{}", answer.body);
        return false;
    }
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{what}");
    assert!(
        answer
            .body
            .contains("什么都没有改变，您填写的内容还在。请稍后再试"),
        "{what}: {}",
        answer.body
    );
    is_plain(answer, what);
    true
}

/// Ways to harm that an answer asks for: in the field `amount` of `check`, in `quoted` of `quote`.
const HARMS: [&str; 7] = [
    "endless",
    "grow-at-once",
    "copy-beyond",
    "recurse",
    "hand-over",
    "host-calls",
    "panic",
];

/// What is said in whatever rule it happens.
const LATER: &str = "什么都没有改变，您填写的内容还在。请稍后再试；需要帮助时请告知错误编号";

/// A case that others than the applicant move, and how `handle` is to take that.
async fn to_be_moved(person: &mut Person, hall: &Hall, told: &str) -> CaseId {
    let case = begin(person, hall, "moved").await;
    fill(person, hall, &case, told).await;
    case
}

async fn fill(person: &mut Person, hall: &Hall, case: &CaseId, told: &str) {
    let path = format!("/cases/{case}/steps/fill");
    let body = encoded(&format!("unit=福州甲公司&amount=22000&told={told}"));
    let answer = person.post(hall, &path, &body).await;
    assert_eq!(
        answer.status,
        StatusCode::SEE_OTHER,
        "{told}: {}",
        answer.body
    );
}

/// Every way that `handle` can go, but those that it goes well.
fn misbehaviours(hall: &Hall) -> Vec<String> {
    let plugin = hall.registry.plugin(&site(), "hostile").unwrap();
    let transitions = plugin.definition.lifecycles[0].transitions.iter();
    let ids = transitions.map(|transition| transition.id.clone());
    ids.filter(|id| !WELL.contains(&id.as_str())).collect()
}
