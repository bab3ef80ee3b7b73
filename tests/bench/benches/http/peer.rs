//! The server that the real one is compared with: what somebody would write by hand for this one form. axum, the same
//! statements on the same tables, one after the other, a template of this very page, and the rule as native code.

use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Router, body::Bytes};
use minijinja::Environment;
use ring::digest::{SHA256, digest};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use yinxin_bench::client::Answer;
use yinxin_bench::program::SITE;
use yinxin_core::ids::{AccountId, CaseId, SiteId};
use yinxin_core::rules::{ItemStanding, NamedValue};
use yinxin_core::time::Millis;
use yinxin_guests_measured::{Measured, STEP, answers};
use yinxin_sdk::Rules;
use yinxin_store::cases::{self, Case, Step};
use yinxin_store::ledger::{self, Entry, Recorded};
use yinxin_store::materials::Item;
use yinxin_store::seal::Sealer;
use yinxin_store::{
    Connection, Store, StoreError, accounts, certificates, materials, orders, rate_limits, sessions,
};

/// First word of the command line.
pub const CHILD: &str = "peer";

/// Sections of the form, which a change of their answers takes the clerk's word from.
const SECTIONS: [&str; 8] = [
    "text", "number", "money", "day", "mobile", "name", "choice", "email",
];

pub struct Peer {
    child: Child,
    pub address: SocketAddr,
}

impl Peer {
    /// Starts it over this database, with the pages that the real server made.
    pub async fn start(
        folder: &std::path::Path,
        database: &str,
        form: &Answer,
        home: &Answer,
    ) -> Self {
        let (template, bare) = (folder.join("form.html"), folder.join("home.html"));
        std::fs::write(&template, templated(&form.text())).unwrap();
        std::fs::write(&bare, &home.body).unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let child = Command::new(std::env::current_exe().unwrap())
            .args([CHILD, database, &address.to_string()])
            .args([template, bare])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while std::net::TcpStream::connect(address).is_err() {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "the peer does not start"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self { child, address }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The page with places for its answers.
fn templated(page: &str) -> String {
    let mut page = page.replace("{{", "{ {").replace("{%", "{ %");
    for (name, _) in answers() {
        let Some(at) = page.find(&format!("name=\"{name}\"")) else {
            continue;
        };
        let Some(end) = page[at..].find('>').map(|end| at + end) else {
            continue;
        };
        let marker = "value=\"";
        if let Some(value) = page[at..end]
            .find(marker)
            .map(|place| at + place + marker.len())
            && let Some(length) = page[value..].find('"')
        {
            page.replace_range(value..value + length, &format!("{{{{ v['{name}'] }}}}"));
        }
    }
    page
}

struct Server {
    store: Store,
    sealer: Sealer,
    site: SiteId,
    templates: Environment<'static>,
    home: Bytes,
}

pub fn serve(arguments: &[String]) {
    let [database, address, template, home] = arguments else {
        panic!("not the peer's command line")
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut templates = Environment::new();
        templates
            .add_template_owned("form.html", std::fs::read_to_string(template).unwrap())
            .unwrap();
        let server = Arc::new(Server {
            store: Store::open(database).await.unwrap(),
            sealer: Sealer::new(&[7; 32]),
            site: SiteId::parse(SITE).unwrap(),
            templates,
            home: std::fs::read(home).unwrap().into(),
        });
        let router = Router::new()
            .route("/cases/{id}/steps/form", get(show).post(save))
            .route("/bare", get(bare))
            .with_state(server);
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        axum::serve(listener, router).await.unwrap();
    });
}

async fn bare(State(server): State<Arc<Server>>) -> Response {
    let headers = [("content-type", "text/html; charset=utf-8")];
    (headers, server.home.clone()).into_response()
}

struct Failed;

impl From<StoreError> for Failed {
    fn from(_: StoreError) -> Self {
        Self
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

async fn show(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failed> {
    let mut conn = server.store.read().await?;
    let account = account(&server, &mut conn, &headers).await?;
    let (case, history) = whole(&server, &mut conn, &account, &id).await?;
    let values: std::collections::HashMap<String, String> = case
        .values
        .into_vec()
        .into_iter()
        .map(|entry| (entry.name, entry.value))
        .collect();
    let context = minijinja::context! { v => values, rows => history.len() };
    let template = server
        .templates
        .get_template("form.html")
        .map_err(|_| Failed)?;
    Ok(Html(template.render(context).map_err(|_| Failed)?).into_response())
}

/// Who asks.
async fn account(
    server: &Server,
    conn: &mut Connection,
    headers: &HeaderMap,
) -> Result<AccountId, Failed> {
    let cookie = headers
        .get("cookie")
        .and_then(|cookie| cookie.to_str().ok());
    let token = cookie
        .and_then(|cookie| cookie.strip_prefix("yinxin-session="))
        .ok_or(Failed)?;
    let hash = hex::encode(digest(&SHA256, token.as_bytes()));
    let session = sessions::find(conn, &server.site, &hash)
        .await?
        .ok_or(Failed)?;
    let account = AccountId::from_stored(session.subject);
    accounts::get(conn, &server.site, &account).await?;
    Ok(account)
}

/// The statements that the page of a case is made of.
async fn whole(
    server: &Server,
    conn: &mut Connection,
    account: &AccountId,
    id: &str,
) -> Result<(Case, Vec<Recorded>), Failed> {
    let (site, id) = (&server.site, CaseId::from_stored(id));
    let case = situation(server, conn, account, &id).await?;
    let history = ledger::of_case(conn, site, &id).await?;
    Ok((case, history))
}

async fn situation(
    server: &Server,
    conn: &mut Connection,
    account: &AccountId,
    id: &CaseId,
) -> Result<Case, Failed> {
    let site = &server.site;
    let case = cases::get(conn, &server.sealer, site, id).await?;
    if case.account != *account {
        return Err(Failed);
    }
    materials::of_case(conn, site, id).await?;
    orders::of_case(conn, site, id).await?;
    accounts::profile(conn, site, account).await?;
    cases::steps(conn, site, id).await?;
    materials::items(conn, site, id).await?;
    certificates::of_case(conn, site, id).await?;
    certificates::origin_of(conn, site, id).await?;
    certificates::latest_request(conn, site, id).await?;
    cases::version(conn, site, id).await?;
    Ok(case)
}

async fn save(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Failed> {
    let now = Millis::now();
    let mut conn = server.store.read().await?;
    let account = account(&server, &mut conn, &headers).await?;
    let from = headers
        .get("x-forwarded-for")
        .and_then(|from| from.to_str().ok());
    let bucket = format!(
        "web-step/{}",
        server.sealer.fingerprint("", from.unwrap_or_default())
    );
    rate_limits::hit(&mut conn, &server.site, &bucket, now, 60).await?;
    whole(&server, &mut conn, &account, &id).await?;
    let mut case = situation(
        &server,
        &mut conn,
        &account,
        &CaseId::from_stored(id.as_str()),
    )
    .await?;
    drop(conn);
    let before = std::mem::take(&mut case.values);
    case.values = fields
        .into_iter()
        .filter(|(name, _)| name != "_csrf")
        .collect();
    if !right(&case) {
        return Err(Failed);
    }
    case.subject.clone_from(&case.values.as_slice()[0].value);
    case.updated_at = now;
    commit(&server, &case, before.as_slice(), now).await?;
    let mut conn = server.store.read().await?;
    whole(&server, &mut conn, &account, &id).await?;
    Ok(Redirect::to(&format!("/cases/{id}")).into_response())
}

/// The rule as native code.
fn right(case: &Case) -> bool {
    let values = case.values.iter().map(|entry| yinxin_sdk::NamedValue {
        name: entry.name.clone(),
        value: entry.value.clone(),
    });
    let view = yinxin_sdk::Case {
        id: case.id.to_string(),
        number: case.number.clone(),
        service: case.service.clone(),
        state: case.state.clone(),
        created: 0,
        values: values.collect(),
        materials: Vec::new(),
        checks: Vec::new(),
        payment: yinxin_sdk::payments::Standing::None,
    };
    let at = yinxin_sdk::Moment {
        now: 0,
        today: "2026-11-26".into(),
    };
    Measured::check(&view, &at, &yinxin_sdk::Checkpoint::Step(STEP.into())).is_empty()
}

/// The statements that saving a step is made of.
async fn commit(
    server: &Server,
    case: &Case,
    before: &[NamedValue],
    now: Millis,
) -> Result<(), Failed> {
    let (site, id) = (&server.site, &case.id);
    let mut tx = server.store.begin().await?;
    cases::update(&mut tx, &server.sealer, site, case).await?;
    orders::of_case(&mut tx, site, id).await?;
    let context = cases::lookup_context(site);
    let mobiles = case
        .values
        .iter()
        .filter(|entry| entry.name.starts_with("mobile"));
    let keys: std::collections::BTreeSet<String> = mobiles
        .map(|entry| server.sealer.fingerprint(&context, &entry.value))
        .collect();
    let keys: Vec<String> = keys.into_iter().collect();
    cases::set_lookups(&mut tx, site, id, &keys).await?;
    let step = Step {
        step: STEP.to_owned(),
        complete: true,
        problems: "[]".to_owned(),
    };
    cases::set_step(&mut tx, site, id, &step, now).await?;
    for section in SECTIONS {
        let of = |values: &[NamedValue]| -> Vec<String> {
            let own = values
                .iter()
                .filter(|entry| entry.name.starts_with(section));
            own.map(|entry| entry.value.clone()).collect()
        };
        if of(before) != of(case.values.as_slice()) {
            let item = Item {
                item: section.to_owned(),
                standing: ItemStanding::Missing,
                reason: String::new(),
                changed_by: case.account.to_string(),
                changed_at: now,
            };
            materials::judge(&mut tx, site, id, &item).await?;
        }
    }
    let context = format!("{site}/ledger/{id}");
    let input = serde_json::to_vec(&case.values).map_err(|_| Failed)?;
    let entry = Entry {
        at: now,
        case_id: id.clone(),
        transition: "step".to_owned(),
        label: "保存填写内容".to_owned(),
        actor_kind: "applicant".to_owned(),
        actor: case.account.to_string(),
        actor_name: String::new(),
        plugin: case.plugin.clone(),
        plugin_digest: case.plugin_digest.clone(),
        from_state: case.state.clone(),
        to_state: case.state.clone(),
        note: String::new(),
        input: server.sealer.seal(&context, &input)?,
        reads: "[]".to_owned(),
        effects: server.sealer.seal(&context, b"[]")?,
    };
    ledger::append(&mut tx, site, &entry).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(())
}
