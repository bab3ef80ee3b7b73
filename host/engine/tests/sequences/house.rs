//! The host as one process has it, and what outlives the process: database, providers, clock.

use crate::inbox::Inbox;
use crate::office::Office;
use crate::outside::{Booth, Pocket, TestClock};
use crate::providers::Providers;
use crate::sites::{self, Place};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use yinxin_capabilities::Registry;
use yinxin_core::calendar::Calendar;
use yinxin_core::definition::Role;
use yinxin_core::ids::{AccountId, CaseId, ClerkId, SiteId};
use yinxin_core::money::Method;
use yinxin_documents::Renderer;
use yinxin_engine::{Actor, ClerkActor, Engine, Services, Site};
use yinxin_sandbox::{Cache, Sandbox, Settings};
use yinxin_services::accounts::{Accounts, Passwords};
use yinxin_services::certificates::{Certificates, EmbeddedIssuer, IssuerNames};
use yinxin_services::identity::{Identity, IdentitySite};
use yinxin_services::invoices::{Invoices, TaxRate};
use yinxin_services::messaging::{Channels, Messaging};
use yinxin_services::papers::Papers;
use yinxin_services::payments::{By, OrderFilter, Payments};
use yinxin_services::statements::Statements;
use yinxin_services::uploads::Uploads;
use yinxin_store::Store;
use yinxin_store::blobs::Blobs;
use yinxin_store::seal::Sealer;
use yinxin_store::testing::TestStore;

/// The ways to pay by a code.
pub const GATEWAYS: [Method; 2] = [Method::Wechat, Method::Alipay];

/// Everything around the host.
pub struct Streets {
    pub place: Place,
    pub providers: Providers,
    /// The provider of the site's invoices, where it has one; else they wait for a clerk.
    pub office: Option<Office>,
    inbox: Inbox,
    pub clock: Arc<TestClock>,
    pub pocket: Arc<Pocket>,
    pub folder: PathBuf,
    /// Instead of a database in the folder.
    pub database: Option<TestStore>,
    pub people: People,
    /// fen on the bank account for transfers, as far as clerks know of it.
    pub account: AtomicI64,
}

/// Who there is, and what they applied for.
#[derive(Clone)]
pub struct People {
    pub applicant: AccountId,
    pub cases: Vec<CaseId>,
}

impl People {
    pub fn nobody() -> Self {
        Self {
            applicant: AccountId::generate(),
            cases: Vec::new(),
        }
    }
}

/// All orders of an account.
pub fn orders_of(account: &AccountId) -> OrderFilter {
    OrderFilter {
        account: Some(account.clone()),
        ..OrderFilter::default()
    }
}

impl Streets {
    pub async fn new(place: Place, folder: &Path, people: People) -> Self {
        let inbox = Inbox::open().await;
        let notify = |provider: &str| inbox.address(provider);
        Self {
            place,
            // What nobody acknowledged is not told again: the order of things is chance's alone.
            providers: Providers::open(notify, &[]).await,
            office: None,
            inbox,
            clock: Arc::default(),
            pocket: Arc::default(),
            folder: folder.to_owned(),
            database: None,
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
        let (place, people) = (template.place.clone(), template.people.clone());
        let copy = Self::new(place, folder, people).await;
        let held = template.account.load(Ordering::SeqCst);
        copy.account.store(held, Ordering::SeqCst);
        copy
    }
}

pub struct House {
    pub engine: Engine,
    pub services: Services,
    pub statements: Statements,
    pub registry: Arc<Registry>,
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
    /// Starts the host over what is in the folder, or over the streets' own database.
    pub async fn open(streets: &Streets) -> Self {
        let store = match &streets.database {
            Some(database) => database.store.clone(),
            None => {
                let url = format!("sqlite://{}/yinxin.db", streets.folder.display());
                Store::open_with(&url, 4, None).await.unwrap()
            }
        };
        let blobs = Blobs::folder(&streets.folder.join("blobs"), sealer()).unwrap();
        Self::over(streets, store, blobs).await
    }

    /// Starts the host over this database and these objects.
    pub async fn over(streets: &Streets, store: Store, blobs: Blobs) -> Self {
        let place = &streets.place;
        let site = place.site();
        let sealer = sealer();
        let clock = streets.clock.clone();

        let registry = Arc::new(Registry::new(sandbox()).unwrap());
        registry.load(&store, &site, &place.plugins).await.unwrap();
        for entry in &place.plugins {
            let manifest = sites::manifest(&entry.name);
            let component = yinxin_kit::component(&entry.name).unwrap();
            registry
                .activate(&store, &site, &component, &manifest, entry)
                .await
                .unwrap();
        }

        let mut payments = Payments::new(store.clone(), sealer.clone(), clock.clone());
        for gateway in streets.providers.gateways() {
            if place.takes(gateway.method()) {
                payments.add_gateway(site.clone(), gateway);
            }
        }
        if place.takes(Method::BankTransfer) {
            payments.add_transfers(site.clone());
        }
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
        let mut invoices = Invoices::new(
            store.clone(),
            sealer.clone(),
            clock.clone(),
            uploads.clone(),
            messaging.clone(),
        );
        if let (Some(office), Some(invoicing)) = (&streets.office, &place.invoice) {
            let client = office.client(&site, &store, &sealer, clock.clone());
            let rate = TaxRate::parse(&invoicing.tax_rate).unwrap();
            invoices.add_provider(site.clone(), client, rate);
        }
        let booth = place.face.as_ref().map(|_| {
            let booth = IdentitySite {
                provider: Arc::new(Booth),
                address: place.address.clone(),
                notify_url: format!("{}/notify/face/{site}", place.address),
            };
            (site.clone(), booth)
        });
        let lists = [(site.clone(), format!("{}/crl", place.address))].into();
        let issuer = EmbeddedIssuer::new(store.clone(), sealer.clone(), clock.clone(), lists);
        let names = IssuerNames {
            organisation: place.issuer.organisation.clone(),
            root: place.issuer.root.clone(),
            issuing: place.issuer.issuing.clone(),
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
                booth.into_iter().collect(),
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
            title: place.brand.name.clone(),
            address: place.address.clone(),
            calendar: Calendar::default(),
            order_days: 15,
        };
        let statements = Statements::new(
            store.clone(),
            sealer.clone(),
            clock.clone(),
            services.payments.clone(),
        );
        let engine = Engine::new(
            store.clone(),
            sealer.clone(),
            registry.clone(),
            services.clone(),
            vec![known],
            clock,
        );
        Self {
            engine,
            services,
            statements,
            registry,
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
