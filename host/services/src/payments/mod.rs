//! Orders and their payment.
//!
//! An order's price is frozen until the applicant changes the order, which he may before it is paid. Each attempt to pay
//! it is a row that is written before the gateway hears of it, under a number of our own, so that a crash in between is
//! resumed with the same trade. Money counts only after we asked the gateway ourselves, and exactly once: the order's row
//! is locked first, always. Every odd case has an end:
//!
//! | what | end |
//! |---|---|
//! | notified twice | kept once, confirmed by a query, booked once |
//! | paid at two gateways | the second is a surplus and goes back by itself |
//! | paid after the order was closed | surplus, goes back by itself |
//! | another amount arrived over a gateway | [`PaymentState::Mismatch`]: a clerk gives it back, or assigns it to an order |
//! | a transfer of too little | [`PaymentState::Partial`]: it stays with the order, which only transfers complete then |
//! | a transfer of too much | the order is paid, the rest goes back by a clerk's hand |
//! | a transfer for the wrong order | a clerk assigns it to the right one |
//! | cancelled or over with parts paid | the parts go back |
//! | paid by a code of an earlier price | surplus, goes back by itself |
//! | a clerk's own order | [`PaymentError::OwnPayment`]: a colleague decides |
//! | forged notification | refused, counted, not kept |
//! | notification lost | page and a job keep asking |
//! | notified of a payment that a query does not confirm | not booked, [`OrderEventKind::NoticeUnconfirmed`] |
//! | given back at the gateway's own console | [`OrderEventKind::RefundedElsewhere`], and a difference of that day |
//! | refund refused | [`RefundState::Failed`]: a clerk tries again or pays out by hand |

mod alipay;
mod alipay_bill;
mod allocating;
mod assigning;
mod attempts;
mod bills;
mod books;
mod gateway;
mod ledger_check;
mod lists;
mod notices;
mod orders;
pub mod outside;
mod own;
mod paying_back;
mod refunds;
mod rsa_keys;
mod settle;
mod standing;
mod transfers;
mod wechat;
mod wechat_bill;
mod wire;

pub use alipay::{Alipay, AlipayMerchant};
pub use attempts::PaymentView;
pub(crate) use bills::bank_number;
pub use bills::transfer_number;
pub use gateway::{
    About, Acknowledgement, Bill, BillLine, Forged, Gateway, GatewayError, NewTrade, Notification,
    Receipt, RefundOrder, RefundStanding, TradeStanding,
};
pub use ledger_check::{LedgerFault, check_ledger};
pub use lists::{OddPayment, OrderFilter, OrderPayment, OrderView};
pub use orders::{NewLines, NewOrder};
pub use refunds::NewRefund;
pub use rsa_keys::KeyError;
pub use settle::Settled;
pub use standing::CaseStatus;
pub use transfers::Transfer;
pub use wechat::{MerchantError, Wechat, WechatMerchant};
pub use yinxin_store::order_events::{By, ByKind, OrderEvent, OrderEventKind};
pub use yinxin_store::orders::{Order, OrderDetails, OrderState};
pub use yinxin_store::payments::PaymentState;
pub use yinxin_store::refunds::{Refund, RefundState};

use crate::job_end::JobEnd;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use yinxin_core::ids::{CaseId, PaymentId, SiteId};
use yinxin_core::money::Method;
use yinxin_core::time::{Clock, Millis};
use yinxin_store::jobs::{self, NewJob};
use yinxin_store::seal::Sealer;
use yinxin_store::{Connection, Store, StoreError};

/// Kind of the job that asks a gateway how a trade stands.
pub const CONFIRM_JOB: &str = "payment-confirm";
/// Kind of the job that withdraws a trade.
pub const CLOSE_JOB: &str = "payment-close";
/// Kind of the job that sends money back.
pub const REFUND_JOB: &str = "refund";

/// Why a payment did not go on.
#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    #[error("this is no price: {0}")]
    BadPrice(&'static str),
    /// The site has no gateway for it, or the order does not allow it.
    #[error("the order cannot be paid by {0:?}")]
    NoMethod(Method),
    #[error("the case {0} is in another order")]
    AlreadyOrdered(CaseId),
    #[error("the order is {}", .0.as_str())]
    NotPayable(OrderState),
    /// Its time is over.
    #[error("the order is not valid any more")]
    Expired,
    #[error("there is nothing to refund, or less than that")]
    NothingToRefund,
    /// A part was paid by transfer: only a transfer brings the rest.
    #[error("a part of the order was paid by transfer")]
    PartlyPaid,
    /// A sentence for the applicant.
    #[error("底单换得太多了，不能再上传，请联系客服。")]
    TooManySlips,
    /// This number of the bank's was booked before.
    #[error("the transfer was booked before")]
    AlreadyBooked,
    /// The clerk would decide about his own money.
    #[error("the order is the clerk's own")]
    OwnPayment,
    /// What was asked for is not possible as things stand.
    #[error("not in this state")]
    NotNow,
    #[error("the notification is not believed: {0}")]
    Forged(#[from] Forged),
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    #[error("{0} is no job of the payments")]
    UnknownJob(String),
    #[error("the job's payload cannot be read")]
    Payload(#[from] serde_json::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a payment job is about.
#[derive(Debug, Serialize, Deserialize)]
struct TradeJob {
    payment_id: PaymentId,
    /// Look once; the attempt's own job goes on looking.
    #[serde(default)]
    once: bool,
    /// Because the gateway has said that it was paid.
    #[serde(default)]
    claimed: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct RefundJob {
    refund_id: String,
}

/// Orders, payments and refunds of all sites.
pub struct Payments {
    store: Store,
    sealer: Arc<Sealer>,
    clock: Arc<dyn Clock>,
    gateways: HashMap<(SiteId, Method), Arc<dyn Gateway>>,
    transfers: HashSet<SiteId>,
    forged: Mutex<BTreeMap<SiteId, u64>>,
    /// Refunds that a gateway is being asked about.
    asked: Mutex<HashSet<(SiteId, String)>>,
}

impl Payments {
    /// Without any way to pay; see [`Payments::add_gateway`].
    pub fn new(store: Store, sealer: Arc<Sealer>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            sealer,
            clock,
            gateways: HashMap::new(),
            transfers: HashSet::new(),
            forged: Mutex::default(),
            asked: Mutex::default(),
        }
    }

    /// Lets a site take money through a gateway.
    pub fn add_gateway(&mut self, site: SiteId, gateway: Arc<dyn Gateway>) {
        self.gateways.insert((site, gateway.method()), gateway);
    }

    /// Lets a site take bank transfers, which a clerk verifies.
    pub fn add_transfers(&mut self, site: SiteId) {
        self.transfers.insert(site);
    }

    /// Ways to pay that the site has.
    pub fn methods(&self, site: &SiteId) -> Vec<Method> {
        [
            Method::Wechat,
            Method::Alipay,
            Method::Cpcn,
            Method::BankTransfer,
        ]
        .into_iter()
        .filter(|method| self.takes(site, *method))
        .collect()
    }

    fn takes(&self, site: &SiteId, method: Method) -> bool {
        match method {
            Method::BankTransfer => self.transfers.contains(site),
            _ => self.gateways.contains_key(&(site.clone(), method)),
        }
    }

    fn gateway(&self, site: &SiteId, method: Method) -> Result<&Arc<dyn Gateway>, PaymentError> {
        self.gateways
            .get(&(site.clone(), method))
            .ok_or(PaymentError::NoMethod(method))
    }

    /// Notifications to a site that were not believed since the start.
    pub fn forged_notifications(&self, site: &SiteId) -> u64 {
        let counted = self.forged.lock().unwrap_or_else(PoisonError::into_inner);
        counted.get(site).copied().unwrap_or(0)
    }

    fn count_forged(&self, site: &SiteId) -> u64 {
        let mut counted = self.forged.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counted.entry(site.clone()).or_default();
        *count += 1;
        *count
    }

    /// Runs a job of the kinds [`CONFIRM_JOB`], [`CLOSE_JOB`] and [`REFUND_JOB`]. All may run twice, and at once.
    pub async fn run_job(
        &self,
        site: &SiteId,
        kind: &str,
        payload: &str,
    ) -> Result<JobEnd, PaymentError> {
        match kind {
            CONFIRM_JOB => {
                let job: TradeJob = serde_json::from_str(payload)?;
                self.confirm(site, &job).await
            }
            CLOSE_JOB => {
                let job: TradeJob = serde_json::from_str(payload)?;
                self.withdraw(site, &job.payment_id).await
            }
            REFUND_JOB => {
                let job: RefundJob = serde_json::from_str(payload)?;
                self.pay_back(site, &job.refund_id).await
            }
            _ => Err(PaymentError::UnknownJob(kind.to_owned())),
        }
    }

    async fn enqueue(
        conn: &mut Connection,
        site: &SiteId,
        kind: &str,
        key: String,
        payload: &impl Serialize,
        run_at: Millis,
    ) -> Result<(), PaymentError> {
        let payload = serde_json::to_string(payload)?;
        let job = NewJob {
            kind,
            key,
            case_id: String::new(),
            payload,
            run_at,
        };
        jobs::enqueue(conn, site, job).await?;
        Ok(())
    }

    /// When to look again at something that began at `began`: the older, the rarer, `least` to `most` seconds apart.
    fn next_look(&self, began: Millis, least: i64, most: i64) -> Millis {
        let now = self.clock.now();
        // Half its age doubles the gaps.
        let half_age = (now.0 - began.0) / 2000;
        now.plus(half_age.clamp(least, most))
    }
}

/// The instant in China, by a strftime format.
fn china_time(at: Millis, format: &str) -> String {
    let instant = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    jiff::tz::Offset::constant(8)
        .to_datetime(instant)
        .strftime(format)
        .to_string()
}
