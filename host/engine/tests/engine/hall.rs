//! A service hall on one database: engine, services, plugins, and the people in it.

use crate::outside::{Booth, Pocket, TestClock};
use crate::shelf::{self, Parcel};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use yinxin_capabilities::{Plugin, Registry};
use yinxin_core::calendar::Calendar;
use yinxin_core::definition::Role;
use yinxin_core::ids::{AccountId, ClerkId, SiteId};
use yinxin_core::money::Method;
use yinxin_core::time::Clock;
use yinxin_documents::Renderer;
use yinxin_engine::{ClerkActor, Engine, Services, Site};
use yinxin_services::accounts::{Accounts, Client, Passwords, PictureAnswer, Registration};
use yinxin_services::certificates::{Certificates, EmbeddedIssuer, IssuerNames};
use yinxin_services::identity::{Identity, IdentitySite};
use yinxin_services::invoices::Invoices;
use yinxin_services::messaging::{Channels, Messaging};
use yinxin_services::papers::Papers;
use yinxin_services::payments::{
    Acknowledgement, Alipay, AlipayMerchant, PaymentError, Payments, Wechat, WechatMerchant,
};
use yinxin_services::reconciliation::Reconciliation;
use yinxin_services::uploads::Uploads;
use yinxin_simulators::keys::{AlipayKeys, WechatKeys};
use yinxin_simulators::trades::Pace;
use yinxin_simulators::wechat;
use yinxin_store::blobs::Blobs;
use yinxin_store::jobs;
use yinxin_store::testing::{TestStore, stores};

pub struct Hall {
    pub store: TestStore,
    pub clock: Arc<TestClock>,
    pub engine: Engine,
    pub services: Services,
    pub registry: Arc<Registry>,
    pub wechat: Arc<wechat::Wechat>,
    pub pocket: Arc<Pocket>,
    /// Has accounts and the project Yingtan.
    pub site: SiteId,
    /// Another site of the same host, with the same plugins.
    pub neighbour: SiteId,
    /// A third one, with the plugin that misbehaves.
    pub wild: SiteId,
    /// A fourth one, where cases are put into orders; paid by WeChat and by transfer.
    pub market: SiteId,
    listeners: Vec<JoinHandle<()>>,
    folder: tempfile::TempDir,
}

impl Drop for Hall {
    fn drop(&mut self) {
        self.listeners.iter().for_each(JoinHandle::abort);
    }
}

/// One hall on each database.
pub async fn halls() -> Vec<Hall> {
    halls_with(Calendar::default()).await
}

pub async fn halls_with(calendar: Calendar) -> Vec<Hall> {
    let mut halls = Vec::new();
    for store in stores().await {
        halls.push(open(store, calendar.clone()).await);
    }
    halls
}

/// The providers' keys are made once for all tests: that takes seconds.
fn keys(folder: &Path) {
    let made = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("payment-keys");
    WechatKeys::load_or_create(&made).unwrap();
    AlipayKeys::load_or_create(&made).unwrap();
    for provider in ["wechat", "alipay"] {
        std::fs::create_dir_all(folder.join(provider)).unwrap();
        for entry in std::fs::read_dir(made.join(provider)).unwrap() {
            let file = entry.unwrap().path();
            let kind = file.extension().and_then(|kind| kind.to_str());
            if matches!(kind, Some("key" | "pub")) {
                let copy = folder.join(provider).join(file.file_name().unwrap());
                std::fs::copy(&file, copy).unwrap();
            }
        }
    }
}

async fn open(store: TestStore, calendar: Calendar) -> Hall {
    let folder = tempfile::tempdir().unwrap();
    keys(folder.path());
    let site = SiteId::parse("jiangxi").unwrap();
    let neighbour = SiteId::parse("fujian").unwrap();
    let wild = SiteId::parse("wild").unwrap();
    let market = SiteId::parse("minjiang").unwrap();
    let clock = Arc::new(TestClock::default());
    let pocket = Arc::new(Pocket::default());
    let (database, sealer) = (store.store.clone(), store.sealer.clone());

    let registry = Arc::new(Registry::new(shelf::sandbox()).unwrap());
    for site in [&site, &neighbour] {
        for parcel in [shelf::jiangxi(), shelf::yingtan()] {
            activate(&registry, &store, site, parcel).await;
        }
    }
    activate(&registry, &store, &wild, &shelf::hostile("1.0.0", None)).await;
    activate(&registry, &store, &market, shelf::fujian()).await;

    let pace = Pace {
        retries: [50, 100, 200, 400].map(Duration::from_millis).to_vec(),
        delay: Duration::from_millis(100),
        refund: Duration::ZERO,
    };
    let wechat = wechat::state_with(folder.path(), pace).unwrap();
    let providers = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let notices = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let provider_url = format!("http://{}", providers.local_addr().unwrap());
    let merchant = WechatMerchant {
        endpoint: provider_url.parse().unwrap(),
        appid: WechatKeys::APPID.to_owned(),
        mchid: WechatKeys::MCHID.to_owned(),
        merchant_serial: WechatKeys::MERCHANT_SERIAL.to_owned(),
        merchant_key: read("wechat/merchant.key"),
        platform_keys: vec![(
            WechatKeys::PLATFORM_KEY_ID.to_owned(),
            read("wechat/platform.pub"),
        )],
        api_v3_key: read("wechat/apiv3.key").trim().to_owned(),
        notify_url: format!("http://{}/wechat", notices.local_addr().unwrap()),
    };
    let mut payments = Payments::new(database.clone(), sealer.clone(), clock.clone());
    let gateway = Arc::new(Wechat::new(merchant).unwrap());
    payments.add_gateway(site.clone(), gateway.clone());
    payments.add_gateway(market.clone(), gateway.clone());
    payments.add_gateway(wild.clone(), gateway);
    payments.add_transfers(market.clone());
    // The project asks for both ways to pay; the tests go one of them.
    let merchant = AlipayMerchant {
        endpoint: format!("{provider_url}/gateway.do").parse().unwrap(),
        app_id: AlipayKeys::APP_ID.to_owned(),
        seller_id: AlipayKeys::SELLER_ID.to_owned(),
        app_key: read("alipay/app.key"),
        alipay_key: read("alipay/platform.pub"),
        notify_url: format!("http://{}/alipay", notices.local_addr().unwrap()),
    };
    payments.add_gateway(site.clone(), Arc::new(Alipay::new(merchant).unwrap()));
    let payments = Arc::new(payments);
    let blobs = Blobs::folder(&folder.path().join("blobs"), sealer.clone()).unwrap();
    let channels = Channels {
        sms: Some(pocket.clone()),
        mail: Some(pocket.clone()),
    };
    let booth = IdentitySite {
        provider: Arc::new(Booth),
        address: "https://jiangxi.example.cn".to_owned(),
        notify_url: "https://jiangxi.example.cn/notify/face/jiangxi".to_owned(),
    };
    let lists = [&site, &market].map(|id| (id.clone(), format!("https://{id}.example.cn/crl")));
    let lists = lists.into();
    let issuer = EmbeddedIssuer::new(database.clone(), sealer.clone(), clock.clone(), lists);
    let names = IssuerNames {
        organisation: "江西省数字证书有限公司".to_owned(),
        root: "江西CA 根证书".to_owned(),
        issuing: "江西CA 签发证书".to_owned(),
    };
    for id in [&site, &market] {
        issuer.establish(id, &names).await.unwrap();
    }
    let messaging = Arc::new(Messaging::new(
        database.clone(),
        sealer.clone(),
        clock.clone(),
        Arc::new(blobs.clone()),
        [&site, &market]
            .map(|id| (id.clone(), channels.clone()))
            .into(),
    ));
    let uploads = Arc::new(Uploads::new(
        database.clone(),
        sealer.clone(),
        blobs,
        clock.clone(),
    ));
    let services = Services {
        accounts: Arc::new(Accounts::new(
            database.clone(),
            sealer.clone(),
            clock.clone(),
            Passwords::new().unwrap(),
            pocket.clone(),
        )),
        payments: payments.clone(),
        invoices: Arc::new(Invoices::new(
            database.clone(),
            sealer.clone(),
            clock.clone(),
            uploads.clone(),
            messaging.clone(),
        )),
        reconciliation: Arc::new(Reconciliation::new(
            database.clone(),
            sealer.clone(),
            clock.clone(),
            payments.clone(),
        )),
        messaging,
        identity: Arc::new(Identity::new(
            database.clone(),
            sealer.clone(),
            clock.clone(),
            [(site.clone(), booth)].into(),
        )),
        uploads,
        certificates: Arc::new(Certificates::new(
            database.clone(),
            clock.clone(),
            Arc::new(issuer),
        )),
        papers: Papers::new(
            Renderer::with_system_fonts().unwrap(),
            sealer.clone(),
            clock.clone(),
        ),
    };
    let sites = [&site, &neighbour, &wild, &market].map(|id| setup(id, calendar.clone()));
    let engine = Engine::new(
        database,
        sealer,
        registry.clone(),
        services.clone(),
        sites.to_vec(),
        clock.clone(),
    );
    let provider = wechat::routes(wechat.clone());
    let inbox = Router::new()
        .route("/wechat", post(notice))
        .with_state((payments, site.clone()));
    let listeners = vec![
        tokio::spawn(async move { axum::serve(providers, provider).await.unwrap() }),
        tokio::spawn(async move { axum::serve(notices, inbox).await.unwrap() }),
    ];
    Hall {
        store,
        clock,
        engine,
        services,
        registry,
        wechat,
        pocket,
        site,
        neighbour,
        wild,
        market,
        listeners,
        folder,
    }
}

fn setup(id: &SiteId, calendar: Calendar) -> Site {
    Site {
        id: id.clone(),
        title: "江西CA数字证书在线预受理平台".to_owned(),
        address: format!("https://{id}.example.cn"),
        calendar,
        order_days: 30,
    }
}

pub async fn activate(
    registry: &Registry,
    store: &TestStore,
    site: &SiteId,
    parcel: &Parcel,
) -> Arc<Plugin> {
    let Parcel {
        component,
        manifest,
    } = parcel;
    let activated = registry
        .activate(store, site, component, manifest, &parcel.entry())
        .await;
    activated.unwrap_or_else(|error| panic!("{error}")).plugin
}

async fn notice(
    State((payments, site)): State<(Arc<Payments>, SiteId)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let method = Method::Wechat;
    let answer = match payments
        .receive_notification(&site, method, &headers, &body)
        .await
    {
        Ok(answer) => answer,
        Err(PaymentError::Forged(_)) => Acknowledgement::forged(method),
        Err(_) => Acknowledgement::again(method),
    };
    (StatusCode::from_u16(answer.status).unwrap(), answer.body).into_response()
}

pub const UNIT: &str = "鹰潭某某建设工程有限公司";
pub const USCC: &str = "91360600MA35XK4C12";
pub const ACCOUNT_MOBILE: &str = "13907010001";

impl Hall {
    /// For messages of failed assertions.
    pub fn name(&self) -> &'static str {
        self.store.name
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Another process over the same database, with plugins of its own; it knows the first site only.
    pub fn engine_over(&self, registry: Arc<Registry>) -> Engine {
        Engine::new(
            self.store.store.clone(),
            self.store.sealer.clone(),
            registry,
            self.services.clone(),
            vec![setup(&self.site, Calendar::default())],
            self.clock.clone(),
        )
    }

    /// The unit registers.
    pub async fn registered(&self) -> AccountId {
        self.registered_as(UNIT, USCC, ACCOUNT_MOBILE).await
    }

    pub async fn registered_as(&self, unit: &str, uscc: &str, mobile: &str) -> AccountId {
        let accounts = &self.services.accounts;
        let (policy, form, _) = self.engine.account_policy(&self.site).unwrap();
        let client = Client::new("192.0.2.7".parse().unwrap(), "Mozilla/5.0");
        let question = accounts
            .pictures()
            .question(&self.site, &client)
            .await
            .unwrap();
        let picture = PictureAnswer {
            id: question.id,
            answer: sum_in_words(&question.text).to_string(),
        };
        accounts
            .send_registration_code(&self.site, &policy, mobile, Some(&picture), &client)
            .await
            .unwrap();
        let raw = [("unit-name", unit), ("uscc", uscc), ("mobile", mobile)];
        let raw = raw.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let sent = Registration {
            form: &form,
            raw: &raw,
            password: "信江秋水长天一色",
            password_again: "信江秋水长天一色",
            terms_accepted: true,
            picture: None,
            sms_code: &self.pocket.code(mobile),
        };
        accounts
            .register(&self.site, &policy, sent, &client, None)
            .await
            .unwrap();
        accounts.find(&self.site, uscc).await.unwrap().unwrap().id
    }

    /// Runs what is due, and what becomes due within `seconds`.
    pub async fn work(&self, seconds: i64) {
        let end = self.clock.now().plus(seconds);
        loop {
            self.engine.work_off().await.unwrap();
            let next = jobs::next_due(&mut self.store.read().await.unwrap())
                .await
                .unwrap();
            match next.filter(|next| *next <= end) {
                Some(next) => {
                    let wait = (next.0 - self.clock.now().0).max(0) / 1000 + 1;
                    self.clock.advance(wait);
                }
                None => return,
            }
        }
    }

    /// What the ledger says to a judge: the number of its rows.
    pub async fn verified_ledger(&self) -> i64 {
        let mut conn = self.store.read().await.unwrap();
        yinxin_store::ledger::verify(&mut conn, &self.site)
            .await
            .unwrap()
            .unwrap()
    }
}

/// `三加五等于几？` is 8.
fn sum_in_words(text: &str) -> usize {
    let digit = |c| "零一二三四五六七八九".chars().position(|digit| digit == c);
    let digits: Vec<usize> = text.chars().filter_map(digit).collect();
    if text.contains('加') {
        digits[0] + digits[1]
    } else {
        digits[0] - digits[1]
    }
}

pub fn clerk(name: &str, roles: &[Role]) -> ClerkActor {
    ClerkActor {
        id: ClerkId::generate(),
        name: name.to_owned(),
        roles: roles.to_vec(),
    }
}

/// One who may do everything.
pub fn administrator() -> ClerkActor {
    clerk("管理员", &[Role::Administrator])
}
