//! What every handler can reach.

use crate::kept::Kept;
use crate::live::STREAMS;
use crate::site::Sites;
use crate::templates::Templates;
use crate::texts::Texts;
use ring::hmac;
use std::ops::Deref;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use yinxin_core::time::Clock;
use yinxin_engine::Engine;
use yinxin_services::accounts::{Accounts, Sessions};
use yinxin_services::certificates::Certificates;
use yinxin_services::content::Content;
use yinxin_services::identity::Identity;
use yinxin_services::invoices::Invoices;
use yinxin_services::messaging::Messaging;
use yinxin_services::payments::Payments;
use yinxin_services::rate_limits::RateLimits;
use yinxin_services::reconciliation::Reconciliation;
use yinxin_services::staff::Staff;
use yinxin_services::statements::Statements;
use yinxin_services::uploads::Uploads;
use yinxin_store::Store;
use yinxin_store::seal::Sealer;

/// How this process is reached.
#[derive(Clone, Debug)]
pub struct Config {
    /// People come by https, here or at the proxy in front: cookies are `Secure`, and HSTS is sent.
    pub https: bool,
    /// A proxy of ours stands in front; its last `X-Forwarded-For` entry is the client.
    pub behind_proxy: bool,
}

/// What the pages stand on; the server fills it in.
pub struct Parts {
    pub config: Config,
    pub sites: Sites,
    pub texts: Texts,
    pub store: Store,
    pub sealer: Arc<Sealer>,
    pub clock: Arc<dyn Clock>,
    pub engine: Engine,
    pub sessions: Sessions,
    pub limits: RateLimits,
    pub accounts: Arc<Accounts>,
    pub staff: Arc<Staff>,
    pub content: Arc<Content>,
    pub payments: Arc<Payments>,
    pub invoices: Arc<Invoices>,
    pub statements: Arc<Statements>,
    pub reconciliation: Arc<Reconciliation>,
    pub identity: Arc<Identity>,
    pub messaging: Arc<Messaging>,
    pub uploads: Arc<Uploads>,
    pub certificates: Arc<Certificates>,
    /// Cancelled when the process is to end: live pages close, `/readyz` says no.
    pub shutdown: CancellationToken,
    /// Signs what a browser without a session keeps; 32 random bytes that all processes of a site share.
    pub cookie_key: [u8; 32],
}

pub struct Inner {
    parts: Parts,
    templates: Templates,
    cookie_key: hmac::Key,
    streams: Arc<Semaphore>,
    kept: Kept,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

impl AppState {
    pub fn new(parts: Parts) -> Self {
        let templates = Templates::new(&parts.sites, &parts.texts);
        let cookie_key = hmac::Key::new(hmac::HMAC_SHA256, &parts.cookie_key);
        Self(Arc::new(Inner {
            parts,
            templates,
            cookie_key,
            streams: Arc::new(Semaphore::new(STREAMS)),
            kept: Kept::default(),
        }))
    }

    pub fn config(&self) -> &Config {
        &self.0.parts.config
    }

    pub fn sites(&self) -> &Sites {
        &self.0.parts.sites
    }

    pub fn texts(&self) -> &Texts {
        &self.0.parts.texts
    }

    pub fn templates(&self) -> &Templates {
        &self.0.templates
    }

    /// First pages, as everybody sees them.
    pub(crate) fn kept(&self) -> &Kept {
        &self.0.kept
    }

    /// Places for pages that go on by themselves.
    pub(crate) fn streams(&self) -> &Arc<Semaphore> {
        &self.0.streams
    }

    pub(crate) fn cookie_key(&self) -> &hmac::Key {
        &self.0.cookie_key
    }
}

/// The services: `state.engine`, `state.accounts`, …
impl Deref for AppState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0.parts
    }
}
