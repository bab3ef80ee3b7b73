//! Invoices of paid orders.
//!
//! An invoice is due when every case of a paid order that was not refunded has asked for it. It is a row first, then an
//! order at the provider under a number that is written down before; who does not know what came of it asks, and never
//! orders anew under another number. Every order has one live invoice at most, by a unique index.
//!
//! | what | end |
//! |---|---|
//! | asked twice, job run twice, answer lost | one invoice: the number is the same, and the provider is asked first |
//! | the provider refuses | [`InvoiceState::Failed`] with its words: a clerk tries again or uploads one |
//! | refunded before it was issued | [`InvoiceState::Withdrawn`], once the provider says that there is none |
//! | refunded afterwards | voided by a red-letter invoice; a new one follows for what remains |
//! | the red-letter invoice is refused | [`InvoiceState::VoidFailed`]: a clerk tries again or voids it elsewhere |
//! | no provider, or it takes more than a day | a clerk uploads one; what the provider still issues is voided |
//! | a wrong upload | replaced by another; the wrong one stays in the history |

mod buyer;
mod by_hand;
mod delivery;
mod due;
mod nuonuo;
mod provider;
mod steps;
mod sums;
mod wire;

pub use by_hand::is_number;
pub use due::refunded;
pub use nuonuo::{Nuonuo, NuonuoAccount, outside};
pub use provider::{
    InvoiceLine, InvoiceOrder, InvoiceProvider, Issued, ProviderError, RedLetter, RedStanding,
    Standing, TaxRate,
};
pub use yinxin_store::invoices::{Buyer, InvoiceKind, InvoiceState};

use crate::job_end::JobEnd;
use crate::messaging::{Messaging, MessagingError};
use crate::uploads::{UploadError, Uploads};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use yinxin_core::ids::{CaseId, FileId, InvoiceId, OrderId, SiteId};
use yinxin_core::money::Fen;
use yinxin_core::time::{Clock, Millis};
use yinxin_store::invoices::{self as rows, Invoice};
use yinxin_store::jobs::{self, NewJob};
use yinxin_store::order_events::{self, By, NewOrderEvent, OrderEventKind};
use yinxin_store::seal::Sealer;
use yinxin_store::{Connection, Store, StoreError, orders};

/// Kind of the job that takes an invoice on: orders it, asks for it, voids it.
pub const INVOICE_JOB: &str = "invoice";

/// Why an invoice did not go on.
#[derive(Debug, thiserror::Error)]
pub enum InvoiceError {
    /// The order is not paid, or all of it went back.
    #[error("there is nothing to invoice")]
    NothingToInvoice,
    /// What was asked for is not possible as things stand.
    #[error("not in this state")]
    NotNow,
    /// An invoice's number has 8 digits, or 20 where it never was paper.
    #[error("this is no number of an invoice")]
    BadNumber,
    /// Another order's invoice has it.
    #[error("the number belongs to another order")]
    NumberTaken(OrderId),
    #[error("{0} is no job of the invoices")]
    UnknownJob(String),
    #[error("the job's payload cannot be read")]
    Payload(#[from] serde_json::Error),
    #[error(transparent)]
    Upload(#[from] UploadError),
    #[error(transparent)]
    Messaging(#[from] MessagingError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An invoice as pages show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InvoiceView {
    pub id: InvoiceId,
    pub order: OrderId,
    pub order_number: String,
    /// False for what was superseded: voided, withdrawn, replaced, or about to be.
    pub live: bool,
    pub state: InvoiceState,
    pub kind: InvoiceKind,
    /// Empty before it is issued.
    pub number: String,
    pub amount: Fen,
    pub file: Option<FileId>,
    /// Number of the red-letter invoice that voids it, or empty.
    pub red_number: String,
    /// What the provider said last as long as it did not go on, for a clerk; or empty.
    pub error: String,
    pub created_at: Millis,
    pub issued_at: Option<Millis>,
    /// Since when it stands so.
    pub changed_at: Millis,
}

#[derive(Debug, Serialize, Deserialize)]
struct InvoiceJob {
    invoice_id: InvoiceId,
}

struct SiteProvider {
    provider: Arc<dyn InvoiceProvider>,
    rate: TaxRate,
}

/// The invoices of all sites.
pub struct Invoices {
    store: Store,
    sealer: Arc<Sealer>,
    clock: Arc<dyn Clock>,
    uploads: Arc<Uploads>,
    messaging: Arc<Messaging>,
    providers: HashMap<SiteId, SiteProvider>,
}

impl Invoices {
    /// Without any provider: every invoice waits for a clerk's upload. See [`Invoices::add_provider`].
    pub fn new(
        store: Store,
        sealer: Arc<Sealer>,
        clock: Arc<dyn Clock>,
        uploads: Arc<Uploads>,
        messaging: Arc<Messaging>,
    ) -> Self {
        Self {
            store,
            sealer,
            clock,
            uploads,
            messaging,
            providers: HashMap::new(),
        }
    }

    /// Lets a site's invoices be issued by a provider, at the site's rate of tax.
    pub fn add_provider(
        &mut self,
        site: SiteId,
        provider: Arc<dyn InvoiceProvider>,
        rate: TaxRate,
    ) {
        self.providers.insert(site, SiteProvider { provider, rate });
    }

    /// Whether invoices of the site are issued by themselves.
    pub fn has_provider(&self, site: &SiteId) -> bool {
        self.providers.contains_key(site)
    }

    /// A case asks for the invoice of its order; when all have asked whose money was kept, it is due. Asking again
    /// changes nothing. A case that asks when the invoice is there already hears of it at once.
    pub async fn ask(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        order: &OrderId,
        case: &CaseId,
    ) -> Result<(), InvoiceError> {
        self.note_ask(conn, site, order, case).await
    }

    /// All invoices of an order, oldest first; the last one that is live counts.
    pub async fn of_order(
        &self,
        site: &SiteId,
        order: &OrderId,
    ) -> Result<Vec<InvoiceView>, InvoiceError> {
        self.of_orders(site, &[order]).await
    }

    /// The same for each of these orders.
    pub async fn of_orders(
        &self,
        site: &SiteId,
        orders: &[&OrderId],
    ) -> Result<Vec<InvoiceView>, InvoiceError> {
        let mut conn = self.store.read().await?;
        let found = rows::of_orders(&mut conn, site, orders).await?;
        views(&mut conn, site, found).await
    }

    /// The cases of an order that have asked so far.
    pub async fn asked(&self, site: &SiteId, order: &OrderId) -> Result<Vec<CaseId>, InvoiceError> {
        let mut conn = self.store.read().await?;
        Ok(rows::asked(&mut conn, site, order).await?)
    }

    /// A clerk's list, after the id `after`: of one state oldest first, of all newest first.
    pub async fn list(
        &self,
        site: &SiteId,
        state: Option<InvoiceState>,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<InvoiceView>, InvoiceError> {
        let mut conn = self.store.read().await?;
        let found = match state {
            Some(state) => rows::in_state(&mut conn, site, state, after, limit).await?,
            None => rows::newest(&mut conn, site, after, limit).await?,
        };
        views(&mut conn, site, found).await
    }

    /// Runs a job of the kind [`INVOICE_JOB`]. It may run twice, and at once.
    pub async fn run_job(
        &self,
        site: &SiteId,
        kind: &str,
        payload: &str,
    ) -> Result<JobEnd, InvoiceError> {
        if kind != INVOICE_JOB {
            return Err(InvoiceError::UnknownJob(kind.to_owned()));
        }
        let job: InvoiceJob = serde_json::from_str(payload)?;
        match self.step(site, &job.invoice_id).await {
            // A refund, a clerk or another worker was faster.
            Err(InvoiceError::Store(error)) if error.is_conflict() => Ok(JobEnd::Again {
                at: self.clock.now().plus(1),
                why: error.to_string(),
            }),
            ended => ended,
        }
    }
}

async fn views(
    conn: &mut Connection,
    site: &SiteId,
    found: Vec<Invoice>,
) -> Result<Vec<InvoiceView>, InvoiceError> {
    let of: Vec<&OrderId> = found.iter().map(|invoice| &invoice.order).collect();
    let of = orders::with_ids(conn, site, &of).await?;
    let numbers: HashMap<OrderId, String> = of
        .into_iter()
        .map(|order| (order.id, order.number))
        .collect();
    let mut views = Vec::with_capacity(found.len());
    for invoice in found {
        let order_number = numbers.get(&invoice.order).cloned();
        let order_number = order_number.ok_or(StoreError::NotFound)?;
        views.push(InvoiceView {
            id: invoice.id,
            order: invoice.order,
            order_number,
            live: invoice.live,
            state: invoice.state,
            kind: invoice.kind,
            number: invoice.number,
            amount: invoice.amount,
            file: invoice.file,
            red_number: invoice.red_number,
            error: invoice.error,
            created_at: invoice.created_at,
            issued_at: invoice.issued_at,
            changed_at: invoice.changed_at,
        });
    }
    Ok(views)
}

/// Has the worker take the invoice on; the same `why` does so once.
async fn enqueue(
    conn: &mut Connection,
    site: &SiteId,
    id: &InvoiceId,
    why: &str,
    now: Millis,
) -> Result<(), StoreError> {
    let job = InvoiceJob {
        invoice_id: id.clone(),
    };
    let job = NewJob {
        kind: INVOICE_JOB,
        key: format!("{id}:{why}"),
        case_id: String::new(),
        payload: serde_json::to_string(&job).map_err(|_| StoreError::Damaged("a job"))?,
        run_at: now,
    };
    jobs::enqueue(conn, site, job).await?;
    Ok(())
}

/// Writes what happened into the order's history.
async fn record(
    conn: &mut Connection,
    site: &SiteId,
    invoice: &Invoice,
    kind: OrderEventKind,
    by: &By,
    note: &str,
    at: Millis,
) -> Result<(), StoreError> {
    let event = NewOrderEvent {
        order: &invoice.order,
        kind,
        by,
        amount: invoice.amount,
        about: invoice.id.as_str(),
        note,
        at,
    };
    order_events::append(conn, site, &event).await
}
