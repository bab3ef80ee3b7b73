//! The engine with its services over one database, in this process; where a network ends stands nobody.

use crate::plugins::Parcel;
use async_trait::async_trait;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use yinxin_capabilities::Registry;
use yinxin_core::calendar::Calendar;
use yinxin_core::ids::SiteId;
use yinxin_core::time::{Clock, SystemClock};
use yinxin_documents::Renderer;
use yinxin_engine::{Engine, Services, Site};
use yinxin_sandbox::{Cache, Sandbox, Settings};
use yinxin_services::accounts::{Accounts, CodeMessage, CodeSendError, CodeSender, Passwords};
use yinxin_services::certificates::{Certificates, EmbeddedIssuer};
use yinxin_services::identity::Identity;
use yinxin_services::invoices::Invoices;
use yinxin_services::messaging::Messaging;
use yinxin_services::papers::Papers;
use yinxin_services::payments::Payments;
use yinxin_services::reconciliation::Reconciliation;
use yinxin_services::uploads::Uploads;
use yinxin_store::blobs::Blobs;
use yinxin_store::seal::Sealer;
use yinxin_store::{Connection, Store};

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
    pub store: Store,
    pub engine: Engine,
    pub registry: Arc<Registry>,
    pub site: SiteId,
}

/// A sandbox as the server has it, with its cache in `folder`.
pub fn sandbox(folder: &Path) -> Sandbox {
    let cache = Cache::open(folder, &[7; 32]).expect("a folder for compiled plugins");
    let settings = Settings {
        cache: Some(cache),
        ..Settings::default()
    };
    Sandbox::new(settings).expect("the sandbox starts")
}

/// An engine with one site, paid by transfer, and these plugins active on it.
pub async fn open(store: Store, folder: &Path, parcels: &[Parcel]) -> Hall {
    let site = SiteId::parse("bench").expect("a name of a site");
    let sealer = Arc::new(Sealer::new(&[7; 32]));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let registry = Registry::new(sandbox(&folder.join("compiled"))).expect("the registry starts");
    let registry = Arc::new(registry);
    for parcel in parcels {
        registry
            .activate(
                &store,
                &site,
                &parcel.component,
                &parcel.manifest(),
                &parcel.entry(),
            )
            .await
            .unwrap_or_else(|error| panic!("{error}"));
    }
    let services = services(&store, &sealer, &clock, &site, folder);
    let setup = Site {
        id: site.clone(),
        title: "测量".to_owned(),
        address: "http://bench.localhost".to_owned(),
        calendar: Calendar::default(),
        order_days: 30,
    };
    let engine = Engine::new(
        store.clone(),
        sealer,
        registry.clone(),
        services,
        vec![setup],
        clock,
    );
    Hall {
        store,
        engine,
        registry,
        site,
    }
}

/// Accounts whose codes reach nobody.
pub fn accounts(store: &Store, sealer: &Arc<Sealer>, clock: &Arc<dyn Clock>) -> Accounts {
    let passwords = Passwords::new().expect("passwords");
    let (store, sealer, clock) = (store.clone(), sealer.clone(), clock.clone());
    Accounts::new(store, sealer, clock, passwords, Arc::new(Nobody))
}

fn services(
    store: &Store,
    sealer: &Arc<Sealer>,
    clock: &Arc<dyn Clock>,
    site: &SiteId,
    folder: &Path,
) -> Services {
    let three = || (store.clone(), sealer.clone(), clock.clone());
    let (database, seal, time) = three();
    let mut payments = Payments::new(database, seal, time);
    payments.add_transfers(site.clone());
    let payments = Arc::new(payments);
    let blobs = Blobs::folder(&folder.join("blobs"), sealer.clone()).expect("a folder for files");
    let (database, seal, time) = three();
    let messaging = Arc::new(Messaging::new(
        database,
        seal,
        time,
        Arc::new(blobs.clone()),
        HashMap::new(),
    ));
    let (database, seal, time) = three();
    let uploads = Arc::new(Uploads::new(database, seal, blobs, time));
    let accounts = accounts(store, sealer, clock);
    let (database, seal, time) = three();
    let issuer = EmbeddedIssuer::new(database, seal, time, BTreeMap::new());
    let (database, seal, time) = three();
    let invoices = Invoices::new(database, seal, time, uploads.clone(), messaging.clone());
    let (database, seal, time) = three();
    let reconciliation = Reconciliation::new(database, seal, time, payments.clone());
    let (database, seal, time) = three();
    let identity = Identity::new(database, seal, time, HashMap::new());
    let renderer = Renderer::with_system_fonts().expect("fonts");
    Services {
        accounts: Arc::new(accounts),
        payments,
        invoices: Arc::new(invoices),
        reconciliation: Arc::new(reconciliation),
        messaging,
        identity: Arc::new(identity),
        uploads,
        certificates: Arc::new(Certificates::new(
            store.clone(),
            clock.clone(),
            Arc::new(issuer),
        )),
        papers: Papers::new(renderer, sealer.clone(), clock.clone()),
    }
}
