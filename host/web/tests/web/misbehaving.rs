//! What a person sees while the plugin behind the page misbehaves, in each of its rules: a sentence, a number to name, what
//! was typed; and that nothing has happened. `handle` goes every way that the hostile plugin's first lifecycle has, under
//! the applicant's hand and under a clerk's, so that a new misbehaviour comes under this; what nobody is looking at, payments,
//! certificates and time, waits as a job that the console shows, and money that came stays where it is.

use crate::console::{at_work, hire};
use crate::finance::{agreed, seen, transfer};
use crate::hall::{Answer, Browser, Hall, hall_within, send};
use crate::market::{DETAILS, Person, encoded, order_in, site};
use crate::till::Till;
use http::{Method, StatusCode, header};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use yinxin_capabilities::{Capability, Manifest, PluginEntry, Quotas, Registry};
use yinxin_core::ids::{CaseId, OrderId};
use yinxin_core::rules::{CertificateFact, Fact};
use yinxin_core::time::{Clock, Millis, SystemClock};
use yinxin_engine::Actor;
use yinxin_sandbox::{Limits, Sandbox, Settings};
use yinxin_services::case_event::CaseEvent;
use yinxin_services::payments::{OrderState, Payments};
use yinxin_store::cases;

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
    let order = format!("case={case}&_total=0&{}", DETAILS);
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
    // Answers that the rules could not look at are not priced at all: `quote` is not asked.
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

/// The answers check well, and it is the price that harms.
#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_does_not_come_opens_no_order() {
    let hall = wild().await;
    let mut person = Person::new(&hall, "li").await;
    let case = begin(&mut person, &hall, "basket").await;
    let fill = format!("/cases/{case}/steps/fill");
    let details = format!("/orders/new/details?case={case}");
    let order = format!("case={case}&_total=0&{}", DETAILS);
    for harm in HARMS {
        let body = encoded(&format!("unit=福州甲公司&amount=22000&quoted={harm}"));
        let filled = person.post(&hall, &fill, &body).await;
        assert_eq!(
            filled.status,
            StatusCode::SEE_OTHER,
            "{harm}: {}",
            filled.body
        );
        let orders = kept(&hall).await;
        let shown = person.get(&hall, &details).await;
        let opened = person.post(&hall, "/orders/new/details", &order).await;
        for answer in [&shown, &opened] {
            assert_eq!(
                answer.status,
                StatusCode::SERVICE_UNAVAILABLE,
                "{harm}: {}",
                answer.body
            );
            is_plain(answer, harm);
            assert!(answer.body.contains(LATER), "{harm}: {}", answer.body);
        }
        assert_eq!(kept(&hall).await, orders, "{harm}");
        let page = person.get(&hall, &format!("/cases/{case}")).await;
        assert_eq!(page.status, StatusCode::OK, "after {harm}");
    }
    let body = encoded("unit=福州甲公司&amount=22000&quoted=");
    person.post(&hall, &fill, &body).await;
    let shown = person.get(&hall, &details).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.body);
}

/// What is said in whatever rule it happens.
const LATER: &str = "什么都没有改变，您填写的内容还在。请稍后再试；需要帮助时请告知错误编号";

#[tokio::test(flavor = "multi_thread")]
async fn a_beginning_that_harms_begins_nothing() {
    let hall = wild().await;
    let mut person = Person::new(&hall, "li").await;
    let plugin = hall.registry.plugin(&site(), "hostile").unwrap();
    let services = plugin.definition.services.iter();
    let beginnings: Vec<&str> = services
        .map(|service| service.id.as_str())
        .filter(|id| id.starts_with("begins-"))
        .collect();
    for harm in HARMS {
        assert!(beginnings.contains(&format!("begins-{harm}").as_str()));
    }
    for id in beginnings {
        let rows = kept(&hall).await;
        let shown = person.get(&hall, &format!("/services/hostile/{id}")).await;
        assert_eq!(shown.status, StatusCode::OK, "{id}: {}", shown.body);
        let path = format!("/services/hostile/{id}");
        let answer = person.post(&hall, &path, "").await;
        assert_eq!(
            answer.status,
            StatusCode::SERVICE_UNAVAILABLE,
            "{id}: {}",
            answer.body
        );
        is_plain(&answer, id);
        assert!(answer.body.contains(LATER), "{id}: {}", answer.body);
        assert_eq!(kept(&hall).await, rows, "{id}");
        let page = person.get(&hall, "/cases").await;
        assert_eq!(page.status, StatusCode::OK, "after {id}");
    }
    begin(&mut person, &hall, "new").await;
}

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

/// A clerk's action with what he typed.
async fn act(hall: &Hall, clerk: &Browser, path: &str, answers: &[(&str, &str)]) -> Answer {
    let mut body = String::new();
    for (name, value) in answers {
        body.push_str(&format!(
            "--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        ));
    }
    body.push_str("--x--\r\n");
    let request = clerk
        .request(Method::POST, path)
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x");
    send(hall, request.body(body.into()).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clerk_is_told_so_and_finds_the_case_and_his_words_as_they_were() {
    let hall = wild().await;
    hire(&hall).await;
    let mut person = Person::new(&hall, "li").await;
    let (mut reviewer, token) = at_work(&hall, "reviewer").await;
    let case = begin(&mut person, &hall, "moved").await;
    let path = format!("/console/cases/{case}/actions/told-decide");
    let misbehaviours = misbehaviours(&hall);
    assert!(misbehaviours.len() >= 20, "{misbehaviours:?}");
    for told in &misbehaviours {
        fill(&mut person, &hall, &case, told).await;
        let asked = reviewer.get(&hall, &path).await;
        assert_eq!(asked.status, StatusCode::OK, "{told}: {}", asked.body);
        let before = standing(&person, &hall, &case).await;
        let rows = kept(&hall).await;
        let typed = format!("经办人的话 {told} & 一二三");
        let version = before.1.to_string();
        let answers = [
            ("_csrf", token.as_str()),
            ("_version", &version),
            ("remark", &typed),
        ];
        let answer = act(&hall, &reviewer, &path, &answers).await;
        assert_eq!(standing(&person, &hall, &case).await, before, "{told}");
        assert_eq!(kept(&hall).await, rows, "{told}");
        assert!(
            answer.body.contains(&typed.replace('&', "&amp;")),
            "{told}: what was typed is gone: {}",
            answer.body
        );
        if told == DECLINES.0 {
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{told}");
            assert!(answer.body.contains(DECLINES.1), "{}", answer.body);
            continue;
        }
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{told}");
        assert!(
            answer
                .body
                .contains("什么都没有改变，您填写的内容还在。请稍后再试"),
            "{told}: {}",
            answer.body
        );
        is_plain(&answer, told);
        let page = reviewer.get(&hall, &format!("/console/cases/{case}")).await;
        assert_eq!(page.status, StatusCode::OK, "after {told}");
    }
    fill(&mut person, &hall, &case, "").await;
    let version = standing(&person, &hall, &case).await.1.to_string();
    let answers = [
        ("_csrf", token.as_str()),
        ("_version", &version),
        ("remark", "好"),
    ];
    let answer = act(&hall, &reviewer, &path, &answers).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(standing(&person, &hall, &case).await.0, "making");
}

/// Orders the case, and has finance book the transfer that pays for it.
async fn paid(
    hall: &Hall,
    person: &mut Person,
    (finance, token): &mut (Browser, String),
    case: &CaseId,
    number: &str,
) -> OrderId {
    let order = person.orders(hall, &[case]).await;
    let path = format!("/console/orders/{order}");
    let page = finance.get(hall, &path).await;
    let body = transfer(token, &seen(&page), "220", number);
    let transfer = format!("{path}/transfer");
    let mut answer = finance.post(hall, &transfer, &body, &[]).await;
    if answer.status == StatusCode::OK {
        let body = agreed(&answer, &body);
        answer = finance.post(hall, &transfer, &body, &[]).await;
    }
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    order
}

/// Orders the case, and pays for it with WeChat's code.
async fn paid_by_code(hall: &Hall, till: &Till, person: &mut Person, case: &CaseId) -> OrderId {
    let details = DETAILS.replace("method=bank-transfer", "method=wechat");
    let body = format!("case={case}&_total=22000&{details}");
    let opened = person.post(hall, "/orders/new/details", &body).await;
    assert_eq!(opened.status, StatusCode::SEE_OTHER, "{}", opened.body);
    let order = order_in(&opened);
    let payments = &hall.state.payments;
    let view = payments.order_view(&site(), &order).await.unwrap();
    till.pay(&view.payment.unwrap().code_url).await;
    let news = async {
        while payments.order_view(&site(), &order).await.unwrap().state != OrderState::Paid {
            person
                .post(hall, &format!("/orders/{order}/pay/check"), "")
                .await;
            tokio::time::sleep(Duration::from_millis(100)).await; // between two questions
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(30), news).await;
    in_time.expect("the payment is known");
    order
}

/// The order is paid, once, and all books agree.
async fn is_accounted_for(hall: &Hall, order: &OrderId, what: &str) {
    let payments = &hall.state.payments;
    let view = payments.order_view(&site(), order).await.unwrap();
    assert_eq!(view.state, OrderState::Paid, "{what}");
    let faults = payments.check_ledger(&site()).await.unwrap();
    assert!(faults.is_empty(), "{what}: {faults:?}");
}

/// What the administrator's page of jobs says of this case: each row that leads to it, as text.
async fn rows_of(hall: &Hall, administrator: &mut Browser, case: &CaseId) -> Vec<String> {
    let page = administrator.get(hall, "/console/jobs").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let rows = page.body.split("<tr>").skip(1);
    let link = format!("/console/cases/{case}");
    rows.filter(|row| row.contains(&link))
        .map(str::to_owned)
        .collect()
}

/// What an applicant's page says whose application waits for an event to be taken up.
async fn waits_quietly(person: &mut Person, hall: &Hall, case: &CaseId, what: &str) -> String {
    let page = person.get(hall, &format!("/cases/{case}")).await;
    assert_eq!(page.status, StatusCode::OK, "{what}");
    tells_nothing(&page, what);
    page.body
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_the_rules_do_not_take_in_is_kept_and_its_event_waits() {
    let hall = wild().await;
    hire(&hall).await;
    let mut person = Person::new(&hall, "li").await;
    let mut finance = at_work(&hall, "finance").await;
    let (mut administrator, _) = at_work(&hall, "admin").await;
    let mut harms = misbehaviours(&hall);
    // These need nobody beside them, or take their time; what they do has been seen at the applicant's and the clerk's hand.
    harms
        .retain(|harm| !["many-reads", "watch", "denied-forever", "grow"].contains(&harm.as_str()));
    for (place, told) in harms.iter().enumerate() {
        let case = to_be_moved(&mut person, &hall, told).await;
        let number = format!("HARM{place}");
        let order = paid(&hall, &mut person, &mut finance, &case, &number).await;
        let before = standing(&person, &hall, &case).await;
        hall.state.engine.work_off().await.unwrap();
        assert_eq!(standing(&person, &hall, &case).await, before, "{told}");
        is_accounted_for(&hall, &order, told).await;
        let rows = rows_of(&hall, &mut administrator, &case).await;
        assert_eq!(rows.len(), 1, "{told}: {rows:?}");
        for said in ["处理申请事件", "已尝试 1 次"] {
            assert!(rows[0].contains(said), "{told}: no {said} in {}", rows[0]);
        }
        assert!(!rows[0].contains("/revive"), "{told}: it goes on by itself");
        let page = waits_quietly(&mut person, &hall, &case, told).await;
        assert!(page.contains("已付款"), "{told}: {page}");
        let page = person.get(&hall, &format!("/orders/{order}")).await;
        assert_eq!(page.status, StatusCode::OK, "{told}");
        tells_nothing(&page, told);
        assert!(page.body.contains("已付款"), "{told}: {}", page.body);
    }
}

/// Has `handle` take the next event of the case so: as if the plugin had been mended, or had not.
async fn set_told(hall: &Hall, case: &CaseId, told: &str) {
    let state = &hall.state;
    let mut tx = state.store.begin().await.unwrap();
    let mut kept = cases::get(&mut tx, &state.sealer, &site(), case)
        .await
        .unwrap();
    kept.values.set("told", told);
    cases::update(&mut tx, &state.sealer, &site(), &kept)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// Longer than the longest wait between two tries.
const NEXT_TRY: i64 = 3 * 3600;
/// Tries before a job is left to a person.
const TRIES: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_never_taken_in_is_left_to_a_person_and_taken_up_again_once() {
    let clock = Arc::new(Ahead::default());
    let till = Till::open().await;
    let gateway = till.gateway();
    let hall = wild_at(clock.clone(), |payments| {
        payments.add_gateway(site(), gateway);
    })
    .await;
    hire(&hall).await;
    let mut person = Person::new(&hall, "li").await;
    let mut finance = at_work(&hall, "finance").await;
    let case = to_be_moved(&mut person, &hall, "panic").await;
    let order = paid_by_code(&hall, &till, &mut person, &case).await;
    // What the issuer tells comes in the same way. There the case stands in the state behind, where it was by hand.
    let making = to_be_moved(&mut person, &hall, "").await;
    let by_hand = paid(&hall, &mut person, &mut finance, &making, "WELL").await;
    hall.state.engine.work_off().await.unwrap();
    assert_eq!(standing(&person, &hall, &making).await.0, "making");
    set_told(&hall, &making, "unknown-state").await;
    let issued = CaseEvent {
        case_id: making.clone(),
        event: "issued".to_owned(),
        fact: Fact::Certificate(CertificateFact {
            serial: "0a".to_owned(),
            not_before: 0,
            not_after: 1_900_000_000_000,
        }),
    };
    let mut tx = hall.state.store.begin().await.unwrap();
    issued
        .enqueue(&mut tx, &site(), "issued".to_owned(), clock.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    // And time: a week in one state.
    let late = begin(&mut person, &hall, "late").await;
    fill(&mut person, &hall, &late, "recurse").await;
    clock.put(8 * 24 * 3600);

    for _ in 0..TRIES {
        hall.state.engine.work_off().await.unwrap();
        // Nobody stays logged in for so long.
        let (mut administrator, _) = at_work(&hall, "admin").await;
        for waits in [&case, &making, &late] {
            let rows = rows_of(&hall, &mut administrator, waits).await;
            assert!(!rows.is_empty(), "{waits}");
        }
        clock.put(NEXT_TRY);
    }
    hall.state.engine.work_off().await.unwrap();
    assert_eq!(standing(&person, &hall, &case).await.0, "draft");
    assert_eq!(standing(&person, &hall, &making).await.0, "making");
    assert_eq!(standing(&person, &hall, &late).await.0, "draft");
    for order in [&order, &by_hand] {
        is_accounted_for(&hall, order, "after the last try").await;
    }

    // The plugin is mended, and somebody has each done again.
    let (mut administrator, token) = at_work(&hall, "admin").await;
    for (stuck, title, state) in [
        (&case, "处理申请事件", "making"),
        (&making, "处理申请事件", "done"),
        (&late, "定时事项", "done"),
    ] {
        let rows = rows_of(&hall, &mut administrator, stuck).await;
        let dead: Vec<&String> = rows.iter().filter(|row| row.contains("/revive")).collect();
        assert_eq!(dead.len(), 1, "{rows:?}");
        let row = dead[0];
        assert!(row.contains(title), "{row}");
        assert!(row.contains("已尝试 12 次"), "{row}");
        set_told(&hall, stuck, "").await;
        let (_, rest) = row.split_once("action=\"").unwrap();
        let path = rest.split('"').next().unwrap().replace("&#x2f;", "/");
        let answer = administrator
            .post(&hall, &path, &format!("_csrf={token}"), &[])
            .await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        hall.state.engine.work_off().await.unwrap();
        assert_eq!(standing(&person, &hall, stuck).await.0, state);
        let rows = rows_of(&hall, &mut administrator, stuck).await;
        assert!(rows.is_empty(), "{rows:?}");
    }
    for order in [&order, &by_hand] {
        is_accounted_for(&hall, order, "after all").await;
    }
}
