//! A site without plugins, and a browser that remembers its cookies.

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, Method, Request, StatusCode, header};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use yinxin_capabilities::Registry;
use yinxin_core::calendar::Calendar;
use yinxin_core::ids::SiteId;
use yinxin_core::time::{Clock, SystemClock};
use yinxin_documents::Renderer;
use yinxin_engine::{Engine, Services};
use yinxin_sandbox::{Limits, Sandbox, Settings};
use yinxin_services::accounts::{Accounts, CodeMessage, CodeSendError, CodeSender, Passwords};
use yinxin_services::certificates::{Certificates, EmbeddedIssuer};
use yinxin_services::content::Content;
use yinxin_services::identity::Identity;
use yinxin_services::invoices::Invoices;
use yinxin_services::messaging::Messaging;
use yinxin_services::papers::Papers;
use yinxin_services::payments::Payments;
use yinxin_services::rate_limits::RateLimits;
use yinxin_services::reconciliation::Reconciliation;
use yinxin_services::staff::Staff;
use yinxin_services::uploads::Uploads;
use yinxin_store::Connection;
use yinxin_store::blobs::Blobs;
use yinxin_store::testing::{TestStore, sqlite};
use yinxin_web::{AppState, Brand, Config, Domain, Parts, Site, Sites, Texts, TransferAccount};

pub const HOST: &str = "jiangxi.localhost:8080";

struct Nobody;

#[async_trait]
impl CodeSender for Nobody {
    async fn queue_code(
        &self,
        _: &mut Connection,
        _: &SiteId,
        _: CodeMessage<'_>,
    ) -> Result<(), CodeSendError> {
        Ok(())
    }
}

pub struct Hall {
    pub router: Router,
    pub state: AppState,
    pub shutdown: CancellationToken,
    pub registry: Arc<Registry>,
    pub store: TestStore,
    _folder: tempfile::TempDir,
}

pub async fn hall() -> Hall {
    hall_over(false).await
}

pub async fn hall_over(https: bool) -> Hall {
    hall_with(https, |_| {}).await
}

/// `tills` adds ways to pay besides the transfer.
pub async fn hall_with(https: bool, tills: impl FnOnce(&mut Payments)) -> Hall {
    hall_in(sqlite().await, Arc::new(SystemClock), https, tills).await
}

/// A hall whose plugins may use no more than this, at a time of one's own.
pub async fn hall_within(
    limits: Limits,
    clock: Arc<dyn Clock>,
    tills: impl FnOnce(&mut Payments),
) -> Hall {
    built(sqlite().await, clock, false, limits, tills).await
}

/// The usual one in a database and at a time of one's own.
pub async fn hall_in(
    test_store: TestStore,
    clock: Arc<dyn Clock>,
    https: bool,
    tills: impl FnOnce(&mut Payments),
) -> Hall {
    built(test_store, clock, https, Limits::default(), tills).await
}

async fn built(
    test_store: TestStore,
    clock: Arc<dyn Clock>,
    https: bool,
    limits: Limits,
    tills: impl FnOnce(&mut Payments),
) -> Hall {
    let folder = tempfile::tempdir().unwrap();
    let site = SiteId::parse("jiangxi").unwrap();
    let (store, sealer) = (test_store.store.clone(), test_store.sealer.clone());
    let passwords = Passwords::new().unwrap();
    let accounts = Accounts::new(
        store.clone(),
        sealer.clone(),
        clock.clone(),
        passwords.clone(),
        Arc::new(Nobody),
    );
    let blobs = Blobs::folder(&folder.path().join("blobs"), sealer.clone()).unwrap();
    let issuer = EmbeddedIssuer::new(
        store.clone(),
        sealer.clone(),
        clock.clone(),
        BTreeMap::new(),
    );
    let mut payments = Payments::new(store.clone(), sealer.clone(), clock.clone());
    payments.add_transfers(site.clone());
    tills(&mut payments);
    let payments = Arc::new(payments);
    let messaging = Arc::new(Messaging::new(
        store.clone(),
        sealer.clone(),
        clock.clone(),
        Arc::new(blobs.clone()),
        HashMap::new(),
    ));
    let uploads = Arc::new(Uploads::new(
        store.clone(),
        sealer.clone(),
        blobs,
        clock.clone(),
    ));
    let services = Services {
        accounts: Arc::new(accounts),
        invoices: Arc::new(Invoices::new(
            store.clone(),
            sealer.clone(),
            clock.clone(),
            uploads.clone(),
            messaging.clone(),
        )),
        reconciliation: Arc::new(Reconciliation::new(
            store.clone(),
            sealer.clone(),
            clock.clone(),
            payments.clone(),
        )),
        payments,
        messaging,
        identity: Arc::new(Identity::new(
            store.clone(),
            sealer.clone(),
            clock.clone(),
            HashMap::new(),
        )),
        uploads,
        certificates: Arc::new(Certificates::new(
            store.clone(),
            clock.clone(),
            Arc::new(issuer),
        )),
        papers: Papers::new(
            Renderer::with_system_fonts().unwrap(),
            sealer.clone(),
            clock.clone(),
        ),
    };
    let sandbox = Sandbox::new(Settings {
        limits,
        ..Settings::default()
    });
    let registry = Registry::new(sandbox.unwrap()).unwrap();
    let registry = Arc::new(registry);
    let setup = yinxin_engine::Site {
        id: site.clone(),
        title: "江西CA在线预受理".into(),
        address: "http://jiangxi.localhost:8080".into(),
        calendar: Calendar::default(),
        order_days: 30,
    };
    let engine = Engine::new(
        store.clone(),
        sealer.clone(),
        registry.clone(),
        services.clone(),
        vec![setup],
        clock.clone(),
    );
    let shutdown = CancellationToken::new();
    let brand = Brand {
        name: "江西CA在线预受理".into(),
        owner: "江西CA".into(),
        ..Brand::default()
    };
    let domain = Domain {
        host: "jiangxi.localhost".into(),
        project: None,
    };
    let state = AppState::new(Parts {
        config: Config {
            https,
            behind_proxy: false,
        },
        sites: Sites::new([Site {
            id: site,
            brand,
            transfer: Some(TransferAccount {
                holder: "江西省数字证书有限公司".into(),
                bank: "示范银行南昌支行".into(),
                account: "36001000000000000001".into(),
            }),
            domains: vec![domain],
            folder: folder.path().to_owned(),
            closed: false,
        }]),
        texts: Texts::chinese().unwrap(),
        sessions: services.accounts.sessions().clone(),
        limits: RateLimits::new(store.clone(), clock.clone()),
        accounts: services.accounts.clone(),
        staff: Arc::new(Staff::new(
            store.clone(),
            sealer.clone(),
            clock.clone(),
            passwords,
        )),
        content: Arc::new(Content::new(store.clone(), clock.clone())),
        payments: services.payments.clone(),
        invoices: services.invoices.clone(),
        statements: Arc::new(yinxin_services::statements::Statements::new(
            store.clone(),
            sealer.clone(),
            clock.clone(),
            services.payments.clone(),
        )),
        reconciliation: services.reconciliation.clone(),
        identity: services.identity.clone(),
        messaging: services.messaging.clone(),
        uploads: services.uploads.clone(),
        certificates: services.certificates.clone(),
        engine,
        store,
        sealer,
        clock,
        shutdown: shutdown.clone(),
        cookie_key: [7; 32],
    });
    Hall {
        router: yinxin_web::router(state.clone()),
        state,
        shutdown,
        registry,
        store: test_store,
        _folder: folder,
    }
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

pub async fn send(hall: &Hall, request: Request<Body>) -> Answer {
    let response = hall.router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, 1 << 20).await.unwrap();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8_lossy(&bytes).into_owned(),
    }
}

/// A browser on the site.
#[derive(Default)]
pub struct Browser {
    pub cookies: BTreeMap<String, String>,
}

impl Browser {
    pub fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, HOST)
            .header(header::COOKIE, cookies.join("; "))
    }

    pub async fn get(&mut self, hall: &Hall, path: &str) -> Answer {
        let request = self.request(Method::GET, path).body(Body::empty()).unwrap();
        self.keep(send(hall, request).await)
    }

    pub async fn post(
        &mut self,
        hall: &Hall,
        path: &str,
        body: &str,
        more: &[(&str, &str)],
    ) -> Answer {
        let mut request = self
            .request(Method::POST, path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        self.keep(send(hall, request.body(Body::from(body.to_owned())).unwrap()).await)
    }

    /// The token of the forms that this browser is shown.
    pub async fn token(&mut self, hall: &Hall) -> String {
        let page = self.get(hall, "/console/login").await.body;
        const MARK: &str = "name=\"_csrf\" value=\"";
        let from = page.find(MARK).map(|place| place + MARK.len());
        match from {
            Some(from) => page[from..].split('"').next().unwrap().to_owned(),
            None => panic!("no form on the page: {page}"),
        }
    }

    fn keep(&mut self, answer: Answer) -> Answer {
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }
}
