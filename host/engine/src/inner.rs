//! What all parts of the engine share.

use crate::error::EngineError;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::broadcast;
use yinxin_capabilities::{CallContext, CaseFacts, Plugin, Registry};
use yinxin_core::calendar::Calendar;
use yinxin_core::definition::{AccountPolicy, Definition, Form};
use yinxin_core::ids::{CaseId, SiteId};
use yinxin_core::rules::Moment;
use yinxin_core::shared::Shared;
use yinxin_core::time::{Clock, Millis};
use yinxin_services::accounts::Accounts;
use yinxin_services::certificates::Certificates;
use yinxin_services::identity::Identity;
use yinxin_services::invoices::Invoices;
use yinxin_services::messaging::Messaging;
use yinxin_services::papers::Papers;
use yinxin_services::payments::Payments;
use yinxin_services::reconciliation::Reconciliation;
use yinxin_services::uploads::Uploads;
use yinxin_store::cases::Case;
use yinxin_store::seal::Sealer;
use yinxin_store::{Connection, Store, plugins};

/// What the platform can do, as the engine uses it.
#[derive(Clone)]
pub struct Services {
    pub accounts: Arc<Accounts>,
    pub payments: Arc<Payments>,
    pub invoices: Arc<Invoices>,
    pub reconciliation: Arc<Reconciliation>,
    pub messaging: Arc<Messaging>,
    pub identity: Arc<Identity>,
    pub uploads: Arc<Uploads>,
    pub certificates: Arc<Certificates>,
    pub papers: Papers,
}

/// What the engine knows of a site beyond its plugins.
#[derive(Clone, Debug)]
pub struct Site {
    pub id: SiteId,
    pub title: String,
    /// Where applicants reach it, without a slash at the end: `https://ca.example.cn`. QR codes lead there.
    pub address: String,
    pub calendar: Calendar,
    /// Days until an order that nobody paid is closed.
    pub order_days: i64,
}

pub(crate) struct Inner {
    pub store: Store,
    pub sealer: Arc<Sealer>,
    pub registry: Arc<Registry>,
    pub services: Services,
    pub sites: HashMap<SiteId, Site>,
    pub clock: Arc<dyn Clock>,
    pub changes: broadcast::Sender<(SiteId, CaseId)>,
    /// Wakes the worker when a job was written.
    pub work: tokio::sync::Notify,
}

impl Inner {
    pub fn site(&self, id: &SiteId) -> Result<&Site, EngineError> {
        self.sites.get(id).ok_or(EngineError::NotFound)
    }

    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    pub fn moment(&self) -> Moment {
        let now = self.now();
        Moment {
            now: u64::try_from(now.0).unwrap_or(0),
            today: now.day().to_string(),
        }
    }

    /// The plugin that decides this case: the version that it began with, or a newer one that takes it over. One that
    /// could not be loaded may be there after the next start.
    pub fn plugin(&self, site: &SiteId, case: &Case) -> Result<Arc<Plugin>, EngineError> {
        let found = self
            .registry
            .for_case(site, &case.plugin, &case.plugin_digest);
        found.ok_or_else(|| {
            EngineError::Outage(format!("the plugin `{}` is not loaded", case.plugin))
        })
    }

    /// The definition that a case's page is rendered from; of a version that is loaded no more, from the database.
    pub async fn definition(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        case: &Case,
    ) -> Result<Arc<Definition>, EngineError> {
        if let Ok(plugin) = self.plugin(site, case) {
            return Ok(plugin.definition.clone());
        }
        let stored = plugins::activation(conn, site, &case.plugin, &case.plugin_digest)
            .await?
            .ok_or(EngineError::NotFound)?;
        let definition = serde_json::from_str(&stored.definition)
            .map_err(|_| yinxin_store::StoreError::Damaged("a definition"))?;
        Ok(Arc::new(definition))
    }

    /// The plugin with the site's account policy.
    pub fn accounts_plugin(&self, site: &SiteId) -> Option<Arc<Plugin>> {
        let mut plugins = self.registry.plugins(site).into_iter();
        plugins.find(|plugin| plugin.definition.account_policy.is_some())
    }

    /// The site's account policy with its registration and profile forms.
    pub fn account_policy(
        &self,
        site: &SiteId,
    ) -> Option<(AccountPolicy, Shared<Form>, Shared<Form>)> {
        let plugin = self.accounts_plugin(site)?;
        let policy = plugin.definition.account_policy.clone()?;
        let forms = &plugin.definition.forms;
        let form = |id: &str| forms.iter().find(|form| form.id == id).cloned();
        let (registration, profile) = (
            form(&policy.registration_form)?,
            form(&policy.profile_form)?,
        );
        Some((policy, registration, profile))
    }

    pub fn context(&self, facts: Option<Arc<CaseFacts>>) -> CallContext {
        CallContext {
            store: self.store.clone(),
            sealer: self.sealer.clone(),
            facts,
        }
    }

    /// Tells whoever watches the case that something about it changed. Nobody watching is no error.
    pub fn changed(&self, site: &SiteId, case: &CaseId) {
        let _ = self.changes.send((site.clone(), case.clone()));
        self.work.notify_one();
    }
}
