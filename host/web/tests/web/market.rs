//! A hall where Fujian's rules decide, and applicants who have logged in.

use crate::hall::{Answer, Browser, Hall, hall, hall_with, send};
use crate::till::Till;
use http::{Method, StatusCode, header};
use ring::digest::{SHA256, digest};
use yinxin_capabilities::{Manifest, PluginEntry};
use yinxin_core::form::Values;
use yinxin_core::ids::{AccountId, CaseId, OrderId, SiteId};
use yinxin_store::accounts::NewAccount;
use yinxin_store::cases::{Case, Standing};
use yinxin_store::ledger::{self, Entry};
use yinxin_store::sessions::{Session, SessionKind};
use yinxin_store::{accounts, cases, sessions};

pub const UNIT: (&str, &str) = ("福州甲公司", "91350100M000100Y43");
pub const OTHER_UNIT: (&str, &str) = ("厦门乙公司", "91360600MA35XK4C12");
pub const DETAILS: &str = "invoice_kind=unit&invoice_title=福州甲公司&tax_number=91350100M000100Y43\
    &invoice_email=a@example.cn&delivery_name=王丽&delivery_mobile=13800138000&delivery_address=福州市鼓楼区一号\
    &contact_name=王丽&contact_mobile=13800138000&method=bank-transfer";

pub fn site() -> SiteId {
    SiteId::parse("jiangxi").unwrap()
}

/// A hall where Fujian's rules decide.
pub async fn market() -> Hall {
    opened(hall().await).await
}

/// The same, which takes WeChat's codes too.
pub async fn market_with_till() -> (Hall, Till) {
    let till = Till::open().await;
    let gateway = till.gateway();
    let hall = hall_with(false, |payments| payments.add_gateway(site(), gateway)).await;
    (opened(hall).await, till)
}

pub async fn opened(hall: Hall) -> Hall {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins/fujian");
    let manifest = std::fs::read_to_string(format!("{folder}/plugin.toml")).unwrap();
    let manifest = Manifest::parse(&manifest).unwrap();
    let component = yinxin_kit::component("fujian").unwrap();
    let entry: PluginEntry = toml::from_str(
        "name = 'fujian'\ngrants = ['storage', 'payments', 'messaging', 'certificates']",
    )
    .unwrap();
    hall.registry
        .activate(&hall.state.store, &site(), &component, &manifest, &entry)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    hall
}

/// Somebody who has logged in.
pub struct Person {
    pub account: AccountId,
    pub browser: Browser,
}

impl Person {
    pub async fn new(hall: &Hall, name: &str) -> Self {
        let account = AccountId::generate();
        let now = hall.state.clock.now();
        let token = format!("the-token-of-{name}");
        let session = Session {
            id: name.to_owned(),
            kind: SessionKind::Applicant,
            subject: account.to_string(),
            csrf: name.to_owned(),
            created_at: now,
            seen_at: now,
            expires_at: now.plus(3600),
            user_agent: String::new(),
        };
        let hash = hex::encode(digest(&SHA256, token.as_bytes()));
        let new = NewAccount {
            id: &account,
            password_hash: "",
            name,
            mobile_masked: "138****8000",
            created_at: now,
        };
        let mut tx = hall.state.store.begin().await.unwrap();
        accounts::insert(&mut tx, &site(), new).await.unwrap();
        sessions::insert(&mut tx, &site(), &hash, &session, "")
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let mut browser = Browser::default();
        browser.cookies.insert("yinxin-session".to_owned(), token);
        Self { account, browser }
    }

    /// A case that waits to be paid.
    pub async fn case(&self, hall: &Hall, number: &str, unit: (&str, &str)) -> CaseId {
        self.case_of(hall, "new-enterprise", number, unit).await
    }

    /// A case of this service that waits to be paid.
    pub async fn case_of(
        &self,
        hall: &Hall,
        service: &str,
        number: &str,
        unit: (&str, &str),
    ) -> CaseId {
        let plugin = hall.registry.plugins(&site()).into_iter().next().unwrap();
        let now = hall.state.clock.now();
        let values = [("unit-name", unit.0), ("uscc", unit.1), ("years", "1")];
        let case = Case {
            id: CaseId::generate(),
            number: number.to_owned(),
            account: self.account.clone(),
            plugin: plugin.name.clone(),
            plugin_digest: plugin.digest.clone(),
            plugin_version: plugin.definition.version.clone(),
            service: service.to_owned(),
            state: "accepted".to_owned(),
            standing: Standing {
                tone: "action".to_owned(),
                queue: String::new(),
                payable: true,
                ended: false,
                deleted: false,
            },
            subject: unit.0.to_owned(),
            values: Values::from_iter(values),
            version: 1,
            entered_at: now,
            due_at: None,
            created_at: now,
            updated_at: now,
            claim: None,
        };
        let mut tx = hall.state.store.begin().await.unwrap();
        cases::insert(&mut tx, &hall.state.sealer, &site(), &case)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        case.id
    }

    pub async fn get(&mut self, hall: &Hall, path: &str) -> Answer {
        self.browser.get(hall, path).await
    }

    pub async fn post(&mut self, hall: &Hall, path: &str, body: &str) -> Answer {
        let body = format!("_csrf={}&{body}", self.token());
        self.browser.post(hall, path, &encoded(&body), &[]).await
    }

    /// Presses a form's button twice at the same moment.
    pub async fn post_twice(&self, hall: &Hall, path: &str, body: &str) -> (Answer, Answer) {
        let body = encoded(&format!("_csrf={}&{body}", self.token()));
        let press = || {
            let request = self
                .browser
                .request(Method::POST, path)
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            send(hall, request.body(body.clone().into()).unwrap())
        };
        tokio::join!(press(), press())
    }

    /// The session's own token, which [`Person::new`] gave it.
    fn token(&self) -> String {
        let cookie = &self.browser.cookies["yinxin-session"];
        cookie.strip_prefix("the-token-of-").unwrap().to_owned()
    }

    pub async fn upload(&self, hall: &Hall, path: &str, name: &str, content: &str) -> Answer {
        self.send_file(hall, path, &[], name, content.as_bytes())
            .await
    }

    /// A form with a file, and with these answers before it.
    pub async fn send_file(
        &self,
        hall: &Hall,
        path: &str,
        answers: &[(&str, &str)],
        name: &str,
        content: &[u8],
    ) -> Answer {
        let token = self.token();
        let mut body = String::new();
        for (name, value) in [("_csrf", token.as_str())].iter().chain(answers) {
            body.push_str(&format!(
                "--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            ));
        }
        body.push_str(&format!(
            "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
        ));
        let mut body = body.into_bytes();
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n--x--\r\n");
        let request = self
            .browser
            .request(Method::POST, path)
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x");
        send(hall, request.body(body.into()).unwrap()).await
    }

    /// Orders these cases by transfer; where the browser is led.
    pub async fn orders(&mut self, hall: &Hall, ids: &[&CaseId]) -> OrderId {
        let query = chosen(ids);
        let page = self
            .get(hall, &format!("/orders/new/details?{query}"))
            .await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let total = total_on(&page);
        let body = format!("{query}&_total={total}&{DETAILS}");
        let answer = self.post(hall, "/orders/new/details", &body).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        order_in(&answer)
    }
}

/// Puts a case into another state, as an event would.
pub async fn moves(hall: &Hall, id: &CaseId, to: &str) {
    let (state, now) = (&hall.state, hall.state.clock.now());
    let mut tx = state.store.begin().await.unwrap();
    let mut case = cases::get(&mut tx, &state.sealer, &site(), id)
        .await
        .unwrap();
    let from = std::mem::replace(&mut case.state, to.to_owned());
    if to == "papers" {
        case.standing.queue = "reviewer".to_owned();
    }
    case.updated_at = now;
    cases::update(&mut tx, &state.sealer, &site(), &case)
        .await
        .unwrap();
    let nothing = state
        .sealer
        .seal(&format!("{}/ledger/{id}", site()), b"[]")
        .unwrap();
    let entry = Entry {
        at: now,
        case_id: id.clone(),
        transition: "moves".to_owned(),
        label: "有了新的进展".to_owned(),
        actor_kind: "host".to_owned(),
        actor: String::new(),
        actor_name: String::new(),
        plugin: case.plugin.clone(),
        plugin_digest: case.plugin_digest.clone(),
        from_state: from,
        to_state: to.to_owned(),
        note: String::new(),
        input: nothing.clone(),
        reads: "[]".to_owned(),
        effects: nothing,
    };
    ledger::append(&mut tx, &site(), &entry).await.unwrap();
    tx.commit().await.unwrap();
}

/// Percent signs for what is not ASCII.
pub fn encoded(body: &str) -> String {
    let mut encoded = String::new();
    for c in body.chars() {
        if c.is_ascii() {
            encoded.push(c);
        } else {
            encoded.extend(url::form_urlencoded::byte_serialize(
                c.to_string().as_bytes(),
            ));
        }
    }
    encoded
}

pub fn chosen(ids: &[&CaseId]) -> String {
    let pairs: Vec<String> = ids.iter().map(|id| format!("case={id}")).collect();
    pairs.join("&")
}

pub fn total_on(page: &Answer) -> i64 {
    let (_, rest) = page.body.split_once("name=\"_total\" value=\"").unwrap();
    rest.split('"').next().unwrap().parse().unwrap()
}

pub fn order_in(answer: &Answer) -> OrderId {
    let path = answer.header("location");
    let id = path
        .strip_prefix("/orders/")
        .and_then(|rest| rest.split('/').next());
    OrderId::from_stored(id.unwrap_or_else(|| panic!("{path}")).to_owned())
}

pub const SLIP: &str = "%PDF-1.7\nslip\n%%EOF";
