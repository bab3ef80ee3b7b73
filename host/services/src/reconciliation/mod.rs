//! Does our ledger say what gateways and the bank say? Once a day and gateway, the day before is compared.
//!
//! The gateways' side is their bill, which is kept; the bank's side is the lines of imported statements. Our side is what
//! the ledger posted on the gateway's account. The two are compared number by number, whatever the day: a payment of
//! 23:59:59 is booked on the next day and stands in the bill of this one.
//!
//! | what | becomes |
//! |---|---|
//! | they have a payment of ours that we have not booked | the gateway is asked how it stands, as after a notification; if it is still not booked, a difference |
//! | they have a payment or refund that we do not know | a difference |
//! | we have what they do not, or another amount | a difference |
//! | a difference agrees later | settled by itself |
//! | what the gateway kept | posted as a fee, once a line |
//! | the bill is not ready, or is not believed | asked again, for three days |
//!
//! A run changes nothing that an earlier run has done, so a day can be run as often as one likes.

mod comparison;
mod schedule;

pub use schedule::{RECONCILE_JOB, plan_statement};
pub use yinxin_store::reconciliations::{
    BillKind, Difference, DifferenceKind, DifferenceState, Report, ReportState, Side, report_id,
};

use crate::payments::{Bill, BillLine, PaymentError, Payments};
use jiff::civil::Date;
use std::sync::Arc;
use yinxin_core::ids::SiteId;
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::{Clock, Millis};
use yinxin_store::order_events::By;
use yinxin_store::payments as attempts;
use yinxin_store::reconciliations::{self as rows, KeptLine};
use yinxin_store::seal::Sealer;
use yinxin_store::statements::{self, LineState};
use yinxin_store::{Connection, Store, StoreError};

/// Characters of a note.
const NOTE_LIMIT: usize = 500;
/// Differences of one report that are shown; a day has none, or a few.
const SHOWN: i64 = 500;
/// Seconds after midnight from which a bill that is still not there means that nothing moved: 18:00. Alipay makes its bills
/// by 9:00 and answers alike for a day without trades.
const SURELY_NOTHING: i64 = 18 * 3600;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum ReconciliationError {
    #[error("the day is not over")]
    NotOver,
    /// The gateway's bill cannot be had now. What an earlier run found stands.
    #[error("there is no bill: {0}")]
    NoBill(String),
    #[error("a difference is settled with a note of 1 to {NOTE_LIMIT} characters")]
    NoNote,
    /// It is settled already, or open already.
    #[error("not in this state")]
    NotNow,
    #[error("the job's payload cannot be read")]
    Payload(#[from] serde_json::Error),
    #[error(transparent)]
    Payment(#[from] PaymentError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A report with what it found.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ReportView {
    pub report: Report,
    pub open: Vec<Difference>,
    pub settled: Vec<Difference>,
}

/// The other side of a comparison.
enum Theirs {
    Lines(Vec<KeptLine>),
    /// Why not yet.
    Later(String),
    /// No statement was imported.
    Nothing,
}

/// Reconciliation of all sites.
pub struct Reconciliation {
    store: Store,
    sealer: Arc<Sealer>,
    clock: Arc<dyn Clock>,
    payments: Arc<Payments>,
}

impl Reconciliation {
    pub fn new(
        store: Store,
        sealer: Arc<Sealer>,
        clock: Arc<dyn Clock>,
        payments: Arc<Payments>,
    ) -> Self {
        Self {
            store,
            sealer,
            clock,
            payments,
        }
    }

    /// Reports, newest day first, after the id `after`.
    pub async fn reports(
        &self,
        site: &SiteId,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Report>, ReconciliationError> {
        let mut conn = self.store.read().await?;
        Ok(rows::reports(&mut conn, site, after, limit).await?)
    }

    /// A report with its differences; [`StoreError::NotFound`] when the day was not compared.
    pub async fn report(&self, site: &SiteId, id: &str) -> Result<ReportView, ReconciliationError> {
        let mut conn = self.store.read().await?;
        let report = rows::get_report(&mut conn, site, id).await?;
        let [open, settled] = [DifferenceState::Open, DifferenceState::Settled];
        Ok(ReportView {
            report,
            open: rows::differences_of_report(&mut conn, site, id, open, SHOWN).await?,
            settled: rows::differences_of_report(&mut conn, site, id, settled, SHOWN).await?,
        })
    }

    /// The queue: differences in a state, oldest first, after the id `after`.
    pub async fn differences(
        &self,
        site: &SiteId,
        state: DifferenceState,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Difference>, ReconciliationError> {
        let mut conn = self.store.read().await?;
        Ok(rows::differences(&mut conn, site, state, after, limit).await?)
    }

    /// One difference; [`StoreError::NotFound`] when this site has none of this id.
    pub async fn difference(
        &self,
        site: &SiteId,
        id: &str,
    ) -> Result<Difference, ReconciliationError> {
        let mut conn = self.store.read().await?;
        Ok(rows::get_difference(&mut conn, site, id).await?)
    }

    /// A clerk has seen to a difference, and says how.
    pub async fn settle(
        &self,
        site: &SiteId,
        id: &str,
        note: &str,
        by: &By,
    ) -> Result<(), ReconciliationError> {
        let note = note.trim();
        if note.is_empty() || note.chars().count() > NOTE_LIMIT {
            return Err(ReconciliationError::NoNote);
        }
        let mut tx = self.store.begin().await?;
        rows::get_difference(&mut tx, site, id).await?;
        let by = (by.word(), by.name.as_str());
        if !rows::settle(&mut tx, site, id, note, by, self.clock.now()).await? {
            return Err(ReconciliationError::NotNow);
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// A settled difference has to be looked at again after all.
    pub async fn reopen(
        &self,
        site: &SiteId,
        id: &str,
        by: &By,
    ) -> Result<(), ReconciliationError> {
        let mut tx = self.store.begin().await?;
        rows::get_difference(&mut tx, site, id).await?;
        if !rows::reopen(&mut tx, site, id).await? {
            return Err(ReconciliationError::NotNow);
        }
        tx.commit().await.map_err(StoreError::from)?;
        tracing::info!(%site, difference = id, by = by.word(), "a difference was opened again");
        Ok(())
    }

    /// Compares a day now. Of a gateway whose bill is not there the report says so, and a job goes on asking; where there
    /// is a report of an earlier run it stands, and the error is [`ReconciliationError::NoBill`].
    pub async fn run_again(
        &self,
        site: &SiteId,
        method: Method,
        day: Date,
        by: &By,
    ) -> Result<Report, ReconciliationError> {
        let report = self.run(site, method, day, by).await?;
        if report.state == ReportState::Waiting {
            self.plan_again(site, method, day).await?;
        }
        Ok(report)
    }

    async fn run(
        &self,
        site: &SiteId,
        method: Method,
        day: Date,
        by: &By,
    ) -> Result<Report, ReconciliationError> {
        if day >= self.clock.now().day() {
            return Err(ReconciliationError::NotOver);
        }
        if !self.payments.methods(site).contains(&method) {
            return Err(PaymentError::NoMethod(method).into());
        }
        let mut report = Report {
            id: report_id(method, &day.to_string()),
            method,
            day: day.to_string(),
            state: ReportState::Done,
            ours: Side::default(),
            theirs: Side::default(),
            fee: Fen(0),
            problem: String::new(),
            run_at: self.clock.now(),
            run_by: by.word().to_owned(),
            run_name: by.name.clone(),
            open: 0,
        };
        match self.theirs(site, method, day).await? {
            Theirs::Lines(lines) => {
                self.compare(site, &mut report, day, lines).await?;
            }
            Theirs::Nothing => {
                report.state = ReportState::NoBill;
                self.put(site, &report).await?;
            }
            Theirs::Later(why) => {
                let mut conn = self.store.read().await?;
                let known = rows::get_report(&mut conn, site, &report.id).await;
                drop(conn);
                match known {
                    Ok(known) if known.state == ReportState::Done => {
                        return Err(ReconciliationError::NoBill(why));
                    }
                    Ok(_) | Err(StoreError::NotFound) => {}
                    Err(error) => return Err(error.into()),
                }
                report.state = ReportState::Waiting;
                report.problem = why;
                self.put(site, &report).await?;
            }
        }
        let mut conn = self.store.read().await?;
        Ok(rows::get_report(&mut conn, site, &report.id).await?)
    }

    async fn put(&self, site: &SiteId, report: &Report) -> Result<(), ReconciliationError> {
        let mut tx = self.store.begin().await?;
        rows::put_report(&mut tx, site, report).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    async fn theirs(
        &self,
        site: &SiteId,
        method: Method,
        day: Date,
    ) -> Result<Theirs, ReconciliationError> {
        if method == Method::BankTransfer {
            return self.banks(site, day).await;
        }
        let surely = Millis::start_of(day.tomorrow().unwrap_or(day)).plus(SURELY_NOTHING);
        match self.payments.bill(site, method, day).await {
            Ok(Bill::Ready(lines)) => {
                let lines = lines.into_iter().map(|line| kept(line, day)).collect();
                self.own(site, method, lines).await.map(Theirs::Lines)
            }
            Ok(Bill::Absent { sure }) if sure || self.clock.now() >= surely => {
                Ok(Theirs::Lines(Vec::new()))
            }
            Ok(Bill::Absent { .. } | Bill::NotYet) => {
                Ok(Theirs::Later("the bill is not made yet".to_owned()))
            }
            Err(PaymentError::Gateway(error)) => {
                tracing::warn!(%site, ?method, %day, %error, "a bill was not had");
                Ok(Theirs::Later(error.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn banks(&self, site: &SiteId, day: Date) -> Result<Theirs, ReconciliationError> {
        let mut conn = self.store.read().await?;
        let day = day.to_string();
        if !statements::covers(&mut conn, site, &day).await? {
            return Ok(Theirs::Nothing);
        }
        let lines = statements::lines_of_day(&mut conn, &self.sealer, site, &day).await?;
        let lines = lines
            .into_iter()
            .filter(|line| line.state != LineState::Ignored);
        Ok(Theirs::Lines(
            lines
                .map(|line| KeptLine {
                    kind: BillKind::Payment,
                    number: line.serial.clone(),
                    trade: line.serial.clone(),
                    provider_no: line.serial,
                    day: line.day,
                    amount: line.amount,
                    fee: Fen(0),
                    at: Millis(0),
                })
                .collect(),
        ))
    }

    /// Without the lines of other sites that share the merchant: those stand in their reports.
    async fn own(
        &self,
        site: &SiteId,
        method: Method,
        lines: Vec<KeptLine>,
    ) -> Result<Vec<KeptLine>, ReconciliationError> {
        let others = self.payments.others_with(site, method);
        let mut own = Vec::with_capacity(lines.len());
        let mut conn = self.store.read().await?;
        for line in lines {
            if is_anothers(&mut conn, &others, method, &line.trade).await? {
                continue;
            }
            own.push(line);
        }
        Ok(own)
    }
}

async fn is_anothers(
    conn: &mut Connection,
    others: &[SiteId],
    method: Method,
    trade: &str,
) -> Result<bool, StoreError> {
    for other in others {
        if attempts::by_trade(conn, other, method, trade)
            .await?
            .is_some()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A bill's line under the number by which it is compared. WeChat Pay writes `0` for no number.
fn kept(line: BillLine, day: Date) -> KeptLine {
    let number = match (line.kind, line.out_refund_no.as_str()) {
        (BillKind::Payment, _) => line.out_trade_no.clone(),
        // Made at the provider's console, which may give several of one trade the same number.
        (BillKind::Refund, "" | "0") => format!("{}-{}", line.provider_no, line.at.0),
        (BillKind::Refund, number) => number.to_owned(),
    };
    KeptLine {
        kind: line.kind,
        number,
        trade: line.out_trade_no,
        provider_no: line.provider_no,
        day: day.to_string(),
        amount: line.amount,
        fee: line.fee,
        at: line.at,
    }
}
