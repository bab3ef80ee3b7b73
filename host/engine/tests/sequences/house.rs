//! The host as one process has it, and what outlives the process: database, providers, clock.

use crate::inbox::Inbox;
use crate::outside::{Pocket, TestClock};
use crate::providers::Providers;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use yinxin_capabilities::{Manifest, PluginEntry, Quotas, Registry};
use yinxin_core::calendar::Calendar;
use yinxin_core::definition::Role;
use yinxin_core::ids::{AccountId, CaseId, ClerkId, SiteId};
use yinxin_core::money::Method;
use yinxin_documents::Renderer;
use yinxin_engine::{Actor, ClerkActor, Engine, Services, Site};
use yinxin_sandbox::{Cache, Sandbox, Settings};
use yinxin_services::accounts::{Accounts, Passwords};
use yinxin_services::certificates::{Certificates, EmbeddedIssuer, IssuerNames};
use yinxin_services::identity::Identity;
use yinxin_services::invoices::Invoices;
use yinxin_services::messaging::{Channels, Messaging};
use yinxin_services::papers::Papers;
use yinxin_services::payments::{By, OrderFilter, Payments};
use yinxin_services::uploads::Uploads;
use yinxin_store::Store;
use yinxin_store::blobs::Blobs;
use yinxin_store::seal::Sealer;

/// The ways to pay by a code.
pub const GATEWAYS: [Method; 2] = [Method::Wechat, Method::Alipay];

/// Everything around the host.
pub struct Streets {
    pub providers: Providers,
    inbox: Inbox,
    pub clock: Arc<TestClock>,
    pub pocket: Arc<Pocket>,
    pub folder: PathBuf,
    pub people: People,
    /// fen on the bank account for transfers, as far as clerks know of it.
    pub account: AtomicI64,
}

/// Who there is, and what they applied for.
#[derive(Clone)]
pub struct People {
    pub applicant: AccountId,
    /// A new certificate, and two renewals.
    pub cases: Vec<CaseId>,
}

impl People {
    /// All of the applicant's orders.
    pub fn orders(&self) -> OrderFilter {
        OrderFilter {
            account: Some(self.applicant.clone()),
            ..OrderFilter::default()
        }
    }
}

impl Streets {
    pub async fn new(folder: &Path, people: People) -> Self {
        let inbox = Inbox::open().await;
        let notify = |provider: &str| inbox.address(provider);
        Self {
            // What nobody acknowledged is not told again: the order of things is chance's alone.
            providers: Providers::open(notify, &[]).await,
            inbox,
            clock: Arc::default(),
            pocket: Arc::default(),
            folder: folder.to_owned(),
            people,
            account: AtomicI64::new(0),
        }
    }

    /// The same as the template's, with a database of its own. Nobody writes to the template's any more.
    pub async fn copied(template: &Self, folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        for entry in std::fs::read_dir(&template.folder).unwrap() {
            let file = entry.unwrap().path();
            let name = file.file_name().unwrap().to_owned();
            if file.is_file() && !name.to_string_lossy().ends_with("-shm") {
                std::fs::copy(&file, folder.join(name)).unwrap();
            }
        }
        let copy = Self::new(folder, template.people.clone()).await;
        let held = template.account.load(Ordering::SeqCst);
        copy.account.store(held, Ordering::SeqCst);
        copy
    }
}

pub struct House {
    pub engine: Engine,
    pub services: Services,
    pub store: Store,
    pub site: SiteId,
}

/// What the processes of a computer share: compiled plugins and fonts.
fn sandbox() -> Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    let open = || {
        let folder = concat!(env!("CARGO_TARGET_TMPDIR"), "/compiled");
        let cache = Some(Cache::open(folder, &[7; 32]).unwrap());
        let settings = Settings {
            cache,
            ..Settings::default()
        };
        Sandbox::new(settings).unwrap()
    };
    SANDBOX.get_or_init(open).clone()
}

fn fonts() -> Renderer {
    static FONTS: OnceLock<Renderer> = OnceLock::new();
    FONTS
        .get_or_init(|| Renderer::with_system_fonts().unwrap())
        .clone()
}

/// What seals everything of the house's.
pub fn sealer() -> Arc<Sealer> {
    Arc::new(Sealer::new(&[7; 32]))
}

impl House {
    /// Starts the host over what is in the folder.
    pub async fn open(streets: &Streets) -> Self {
        let url = format!("sqlite://{}/yinxin.db", streets.folder.display());
        let store = Store::open_with(&url, 4, None).await.unwrap();
        let blobs = Blobs::folder(&streets.folder.join("blobs"), sealer()).unwrap();
        Self::over(streets, store, blobs).await
    }

    /// Starts the host over this database and these objects.
    pub async fn over(streets: &Streets, store: Store, blobs: Blobs) -> Self {
        let site = SiteId::parse("fujian").unwrap();
        let sealer = sealer();
        let clock = streets.clock.clone();

        let registry = Arc::new(Registry::new(sandbox()).unwrap());
        let plugin = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../plugins/fujian/plugin.toml"
        );
        let manifest = Manifest::parse(&std::fs::read_to_string(plugin).unwrap()).unwrap();
        let component = yinxin_kit::component("fujian").unwrap();
        let entry = PluginEntry {
            name: "fujian".to_owned(),
            digest: None,
            grants: manifest
                .capabilities
                .iter()
                .map(|capability| capability.interface)
                .collect(),
            quotas: Quotas::default(),
        };
        registry
            .load(&store, &site, std::slice::from_ref(&entry))
            .await
            .unwrap();
        registry
            .activate(&store, &site, &component, &manifest, &entry)
            .await
            .unwrap();

        let mut payments = Payments::new(store.clone(), sealer.clone(), clock.clone());
        for gateway in streets.providers.gateways() {
            payments.add_gateway(site.clone(), gateway);
        }
        payments.add_transfers(site.clone());
        let channels = Channels {
            sms: Some(streets.pocket.clone()),
            mail: Some(streets.pocket.clone()),
        };
        let messaging = Arc::new(Messaging::new(
            store.clone(),
            sealer.clone(),
            clock.clone(),
            Arc::new(blobs.clone()),
            [(site.clone(), channels)].into(),
        ));
        let uploads = Arc::new(Uploads::new(
            store.clone(),
            sealer.clone(),
            blobs,
            clock.clone(),
        ));
        let invoices = Invoices::new(
            store.clone(),
            sealer.clone(),
            clock.clone(),
            uploads.clone(),
            messaging.clone(),
        );
        let lists = [(site.clone(), "https://fujian.example.cn/crl".to_owned())].into();
        let issuer = EmbeddedIssuer::new(store.clone(), sealer.clone(), clock.clone(), lists);
        let names = IssuerNames {
            organisation: "福建省数字证书有限公司".to_owned(),
            root: "福建CA 根证书".to_owned(),
            issuing: "福建CA 签发证书".to_owned(),
        };
        issuer.establish(&site, &names).await.unwrap();
        let accounts = Accounts::new(
            store.clone(),
            sealer.clone(),
            clock.clone(),
            Passwords::new().unwrap(),
            streets.pocket.clone(),
        );
        let payments = Arc::new(payments);
        streets.inbox.is_for(&site, &payments);
        let reconciliation = Arc::new(yinxin_services::reconciliation::Reconciliation::new(
            store.clone(),
            sealer.clone(),
            clock.clone(),
            payments.clone(),
        ));
        let services = Services {
            accounts: Arc::new(accounts),
            payments,
            invoices: Arc::new(invoices),
            reconciliation,
            messaging,
            identity: Arc::new(Identity::new(
                store.clone(),
                sealer.clone(),
                clock.clone(),
                std::collections::HashMap::new(),
            )),
            uploads,
            certificates: Arc::new(Certificates::new(
                store.clone(),
                clock.clone(),
                Arc::new(issuer),
            )),
            papers: Papers::new(fonts(), sealer.clone(), clock.clone()),
        };
        let known = Site {
            id: site.clone(),
            title: "福建CA数字证书服务平台".to_owned(),
            address: "https://fujian.example.cn".to_owned(),
            calendar: Calendar::default(),
            order_days: 15,
        };
        let engine = Engine::new(
            store.clone(),
            sealer.clone(),
            registry,
            services.clone(),
            vec![known],
            clock,
        );
        Self {
            engine,
            services,
            store,
            site,
        }
    }
}

/// A clerk who may do everything.
pub fn clerk() -> ClerkActor {
    static ID: OnceLock<ClerkId> = OnceLock::new();
    ClerkActor {
        id: ID.get_or_init(ClerkId::generate).clone(),
        name: "管理员".to_owned(),
        roles: vec![
            Role::Administrator,
            Role::Reviewer,
            Role::Finance,
            Role::Maker,
            Role::Shipper,
        ],
    }
}

pub fn any_clerk() -> Actor {
    Actor::Clerk(clerk())
}

pub fn finance() -> By {
    By::clerk(&clerk().id, "管理员")
}
