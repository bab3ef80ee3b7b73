//! What a person sees while the plugin behind the page misbehaves: a sentence, a number to name, what was typed; and that
//! nothing has happened. Every transition of the hostile plugin is gone through, so that a new misbehaviour comes under this.

use crate::hall::{Answer, Hall, hall_within};
use crate::market::{Person, encoded, site};
use http::StatusCode;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use yinxin_capabilities::{Capability, Manifest, PluginEntry, Quotas, Registry};
use yinxin_core::ids::CaseId;
use yinxin_engine::Actor;
use yinxin_sandbox::{Limits, Sandbox, Settings};

/// Of the transitions these do what the definition says. Whatever else it has counts as a misbehaviour.
const WELL: [&str; 3] = ["good", "script", "copy-once"];
/// This one declines, in its own words.
const DECLINES: (&str, &str) = ("decline", "不行");

/// A hall where the hostile plugin decides.
async fn wild() -> Hall {
    let hall = hall_within(Limits {
        guest_time: Duration::from_millis(150),
        total_time: Duration::from_secs(1),
        reads_count: 100,
        ..Limits::default()
    })
    .await;
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
    let hall = hall_within(Limits {
        guest_time: Duration::from_secs(60),
        total_time: Duration::from_secs(60),
        ..Limits::default()
    })
    .await;
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
    assert!(answer.body.contains("<html"), "{what}: {}", answer.body);
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
            !answer.body.to_lowercase().contains(internal),
            "{what}: `{internal}` in {}",
            answer.body
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_misbehaviour_has_a_plain_page_and_changes_nothing() {
    let hall = wild().await;
    let mut person = Person::new(&hall, "li").await;
    let plugin = hall.registry.plugin(&site(), "hostile").unwrap();
    let lifecycle = &plugin.definition.lifecycles[0];
    let mut case = begin(&mut person, &hall, "new").await;
    let mut harms = 0;
    for transition in &lifecycle.transitions {
        let id = transition.id.as_str();
        let path = format!("/cases/{case}/actions/{id}");
        let asked = person.get(&hall, &path).await;
        assert_eq!(asked.status, StatusCode::OK, "{id}: {}", asked.body);

        let before = standing(&person, &hall, &case).await;
        let rows = kept(&hall).await;
        let typed = format!("我写的说明 {id} & 一二三");
        let body = format!(
            "_version={}&remark={}",
            before.1,
            encoded(&typed.replace('&', "%26"))
        );
        let answer = person.post(&hall, &path, &body).await;
        let after = standing(&person, &hall, &case).await;
        if WELL.contains(&id) {
            assert_eq!(
                answer.status,
                StatusCode::SEE_OTHER,
                "{id}: {}",
                answer.body
            );
            assert_eq!(after.0, "done", "{id}");
            case = begin(&mut person, &hall, "new").await;
            continue;
        }
        assert_eq!(after, before, "{id}");
        assert_eq!(kept(&hall).await, rows, "{id}");
        assert!(
            answer.body.contains(&typed.replace('&', "&amp;")),
            "{id}: what was typed is gone: {}",
            answer.body
        );
        if id == DECLINES.0 {
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{id}");
            assert!(answer.body.contains(DECLINES.1), "{}", answer.body);
            continue;
        }
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{id}");
        assert!(
            answer
                .body
                .contains("什么都没有改变，您填写的内容还在。请稍后再试"),
            "{id}: {}",
            answer.body
        );
        is_plain(&answer, id);
        harms += 1;
        // The case's page is as it was, and the site's others too.
        let page = person.get(&hall, &format!("/cases/{case}")).await;
        assert_eq!(page.status, StatusCode::OK, "after {id}");
    }
    assert!(harms >= 20, "{harms}");
}

/// Counts what is written to the log: lines about a capability that is not granted, and lines about the log's own limit.
#[derive(Clone, Default)]
struct Lines {
    denied: Arc<AtomicUsize>,
    stopped: Arc<AtomicUsize>,
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("yinxin")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        for (mark, count) in [
            ("an interface that it is not granted", &self.denied),
            ("caused more than 16384 bytes of log", &self.stopped),
        ] {
            count.fetch_add(usize::from(text.0.contains(mark)), Ordering::Relaxed);
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The fields of an event, one after the other.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!("{field}={value:?} "));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_would_fill_the_log_has_a_plain_page_and_a_hundred_lines() {
    let hall = withdrawn().await;
    let mut person = Person::new(&hall, "li").await;
    let case = begin(&mut person, &hall, "new").await;
    let path = format!("/cases/{case}/actions/denied-forever");
    let before = standing(&person, &hall, &case).await;
    let rows = kept(&hall).await;
    let lines = Lines::default();
    // For all tests of this process: with one of a thread's own, what another thread says first is never listened to.
    tracing::subscriber::set_global_default(lines.clone()).unwrap();
    let body = encoded(&format!("_version={}&remark=我写的说明", before.1));
    let answer = person.post(&hall, &path, &body).await;
    assert_eq!(
        answer.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{}",
        answer.body
    );
    is_plain(&answer, "denied-forever");
    for words in ["什么都没有改变，您填写的内容还在。请稍后再试", "我写的说明"]
    {
        assert!(answer.body.contains(words), "{}", answer.body);
    }
    assert_eq!(standing(&person, &hall, &case).await, before);
    assert_eq!(kept(&hall).await, rows);
    // It would have called for ever: it was the log that ended it, after 16 KiB of lines with 142 bytes each.
    let counted = [&lines.denied, &lines.stopped].map(|count| count.load(Ordering::Relaxed));
    assert_eq!(counted, [(16 << 10) / 142, 1]);
    // The next page is as usual, and so is the rule that calls nothing.
    let good = format!("/cases/{case}/actions/good");
    let body = encoded(&format!("_version={}&remark=x", before.1));
    let answer = person.post(&hall, &good, &body).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
}

/// Ways to harm that are asked for by the answer in the field `amount`, in `check` and in `quote`.
const HARMS: [&str; 7] = [
    "endless",
    "grow-at-once",
    "copy-beyond",
    "recurse",
    "hand-over",
    "host-calls",
    "panic",
];

/// Prices that nobody can be asked for; their answers check well.
const LIES: [&str; 9] = [
    "-1",
    "9223372036854775807",
    "sum-overflows",
    "least",
    "shipping-overflows",
    "back-and-forth",
    "many-lines",
    "stranger",
    "no-method",
];

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_the_rules_could_not_look_at_are_kept_and_not_passed() {
    let hall = wild().await;
    let mut person = Person::new(&hall, "li").await;
    let case = begin(&mut person, &hall, "new").await;
    let path = format!("/cases/{case}/steps/fill");
    for harm in HARMS.into_iter().chain(["aliases"]) {
        let body = encoded(&format!("unit=福州甲公司&amount={harm}"));
        let answer = person.post(&hall, &path, &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{harm}");
        assert!(
            answer
                .body
                .contains("内容已为您保存，但系统暂时无法核对，请稍后再次点击保存。错误编号："),
            "{harm}: {}",
            answer.body
        );
        for kept in ["福州甲公司", harm] {
            assert!(answer.body.contains(kept), "{harm}: {}", answer.body);
        }
        assert!(!answer.body.contains("wasm"), "{harm}");
        let viewer = Actor::Applicant(person.account.clone());
        let page = hall.state.engine.page(&site(), &viewer, &case).await;
        let step = &page.unwrap().steps[0];
        assert!(!step.complete, "{harm}: nobody has looked at the answers");
    }
    let body = encoded("unit=福州甲公司&amount=22000");
    let answer = person.post(&hall, &path, &body).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_cannot_be_asked_for_opens_no_order() {
    let hall = wild().await;
    let mut person = Person::new(&hall, "li").await;
    let case = begin(&mut person, &hall, "basket").await;
    let fill = format!("/cases/{case}/steps/fill");
    let details = format!("/orders/new/details?case={case}");
    let order = format!("case={case}&_total=0&{}", crate::market::DETAILS);
    for wish in LIES {
        let body = encoded(&format!("unit=福州甲公司&amount={wish}"));
        person.post(&hall, &fill, &body).await;
        let orders = kept(&hall).await;
        let shown = person.get(&hall, &details).await;
        let opened = person.post(&hall, "/orders/new/details", &order).await;
        for answer in [&shown, &opened] {
            assert_eq!(
                answer.status,
                StatusCode::SERVICE_UNAVAILABLE,
                "{wish}: {}",
                answer.body
            );
            is_plain(answer, wish);
        }
        assert_eq!(kept(&hall).await, orders, "{wish}");
    }
    // Answers that the rules could not look at are not priced at all.
    for harm in HARMS {
        let body = encoded(&format!("unit=福州甲公司&amount={harm}"));
        person.post(&hall, &fill, &body).await;
        let orders = kept(&hall).await;
        let shown = person.get(&hall, &details).await;
        let opened = person.post(&hall, "/orders/new/details", &order).await;
        for answer in [&shown, &opened] {
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{harm}");
            assert!(answer.body.contains("改好后再下单"), "{}", answer.body);
        }
        assert_eq!(kept(&hall).await, orders, "{harm}");
    }
    // The same case, with a price.
    let body = encoded("unit=福州甲公司&amount=22000");
    person.post(&hall, &fill, &body).await;
    let shown = person.get(&hall, &details).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.body);
    assert!(shown.body.contains("220.00"), "{}", shown.body);
}
