//! Runs a case: an event comes in, the rule is called, and its effects, the new state, the ledger entry and the outbox are
//! committed together. Nobody else calls rules.
//!
//! Invariants:
//! - A rule runs outside of any transaction; the commit verifies again all that it read and decides anew when something
//!   changed. So a slow or hostile plugin never holds a lock, and of two events at once each sees the other's result.
//! - Every change of a case has one row in the ledger, written in the same transaction.
//! - Showing a page calls no rule.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod actor;
mod applicant;
mod baskets;
mod beginning;
mod certificates;
mod commit;
mod error;
mod events;
mod files;
mod fitting;
mod following;
mod identity;
mod inner;
mod lists;
mod live;
mod order_history;
mod pages;
mod papers;
mod pricing;
mod receipts;
mod situation;
mod stuck_jobs;
mod timers;
mod transition;
mod uploading;
pub mod views;
mod worker;

pub use actor::{Actor, ClerkActor};
pub use beginning::Begun;
pub use certificates::{Because, Turned};
pub use error::EngineError;
pub use inner::{Services, Site};
pub use stuck_jobs::StuckJob;
pub use transition::Submission;

use inner::Inner;
use std::sync::Arc;
use tokio::sync::broadcast;
use yinxin_capabilities::Registry;
use yinxin_core::definition::{AccountPolicy, Form};
use yinxin_core::ids::{CaseId, SiteId};
use yinxin_core::rules::Fact;
use yinxin_core::shared::Shared;
use yinxin_core::time::Clock;
use yinxin_store::Store;
use yinxin_store::seal::Sealer;

/// Changes that a page which waits may lag behind before it looks again by itself.
const CHANGES: usize = 1024;

/// All cases of all sites of one host. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

impl Engine {
    pub fn new(
        store: Store,
        sealer: Arc<Sealer>,
        registry: Arc<Registry>,
        services: Services,
        sites: Vec<Site>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let sites = sites
            .into_iter()
            .map(|site| (site.id.clone(), site))
            .collect();
        let (changes, _) = broadcast::channel(CHANGES);
        let work = tokio::sync::Notify::new();
        Self {
            inner: Arc::new(Inner {
                store,
                sealer,
                registry,
                services,
                sites,
                clock,
                changes,
                work,
            }),
        }
    }

    /// The plugins of which the version that the site asks for is not active.
    pub fn refused_plugins(&self, site: &SiteId) -> Vec<views::RefusedPlugin> {
        let registry = &self.inner.registry;
        let refused = registry.refused(site).into_iter();
        let refused = refused.map(|(name, why)| views::RefusedPlugin {
            goes_on: registry
                .plugin(site, &name)
                .map(|plugin| plugin.definition.version.clone()),
            name,
            why,
        });
        refused.collect()
    }

    /// The site's account policy with its registration and profile forms; none before its plugin is active.
    pub fn account_policy(
        &self,
        site: &SiteId,
    ) -> Option<(AccountPolicy, Shared<Form>, Shared<Form>)> {
        self.inner.account_policy(site)
    }

    /// Closes orders that ran out, sweeps what has expired, has yesterday's money compared with the gateways' bills; to be
    /// called every minute or so.
    pub async fn keep_house(&self) -> Result<(), EngineError> {
        // More at once would make others wait; the rest follows in a minute.
        const ORDERS: i64 = 100;
        let mut ended = Ok(());
        for site in self.inner.sites.keys() {
            // One site's trouble is not the next one's; the first is reported.
            if let Err(error) = self.keep_site(site, ORDERS).await {
                tracing::error!(%site, %error, "a site could not be put in order");
                ended = ended.and(Err(error));
            }
        }
        ended
    }

    async fn keep_site(&self, site: &SiteId, orders: i64) -> Result<(), EngineError> {
        let services = &self.inner.services;
        services.payments.close_expired(site, orders).await?;
        services.accounts.sweep(site).await?;
        services.reconciliation.plan(site).await?;
        let mut tx = self.inner.store.begin().await?;
        services.uploads.plan_sweep(&mut tx, site).await?;
        tx.commit().await.map_err(yinxin_store::StoreError::from)?;
        Ok(())
    }

    /// Brings an event to a case on behalf of a person. Nothing happens, or all of it.
    pub async fn fire(
        &self,
        site: &SiteId,
        actor: &Actor,
        case: &CaseId,
        transition: &str,
        submission: &Submission,
    ) -> Result<(), EngineError> {
        // A deletion is more than its transition, whatever page it comes from.
        if let Actor::Applicant(account) = actor
            && transition == "delete"
        {
            return self.delete(site, account, case).await;
        }
        let request = transition::Request {
            actor,
            transition,
            submission,
            fact: Fact::None,
            job: None,
            deletes: false,
        };
        transition::fire(&self.inner, site, case, request).await
    }
}
