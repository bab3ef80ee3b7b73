//! The comparison itself: for one number after the other, what they say and what our ledger says.

use super::{
    BillKind, Difference, DifferenceKind, DifferenceState, Reconciliation, ReconciliationError,
    Report, Side,
};
use crate::payments::transfer_number;
use jiff::civil::Date;
use std::collections::HashSet;
use yinxin_core::ids::{OrderId, SiteId};
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::Millis;
use yinxin_store::payments::{self as attempts, Payment};
use yinxin_store::reconciliations::{self as rows, KeptLine, Movement};
use yinxin_store::refunds::{self, RefundState};
use yinxin_store::statements::{self, LineState};
use yinxin_store::{Connection, StoreError};

/// Seconds that our clock may be behind theirs: what we booked so shortly before midnight may stand in the next day's
/// bill, and is compared with that.
const CLOCKS: i64 = 300;
/// Open differences that are looked at again with each run.
const LOOKED_AT: i64 = 1_000;

/// What both sides say of one number.
struct Finding {
    ours: Option<Fen>,
    theirs: Option<Fen>,
    order: Option<OrderId>,
    provider_no: String,
    kind: Option<DifferenceKind>,
}

impl Reconciliation {
    /// Compares the day with their lines, and keeps what came of it in one transaction.
    pub(super) async fn compare(
        &self,
        site: &SiteId,
        report: &mut Report,
        day: Date,
        lines: Vec<KeptLine>,
    ) -> Result<(), ReconciliationError> {
        let method = report.method;
        if method != Method::BankTransfer {
            let mut tx = self.store.begin().await?;
            rows::keep_bill(&mut tx, site, method, &report.day, &lines).await?;
            for line in &lines {
                let key = format!("{}:{}", line.kind.as_str(), line.number);
                self.payments
                    .post_gateway_fee(&mut tx, site, method, line.fee, &key)
                    .await?;
            }
            tx.commit().await.map_err(StoreError::from)?;
            self.heal(site, method, &lines).await?;
        }

        let (mut theirs, mut ours) = (Side::default(), Side::default());
        let mut seen: HashSet<(BillKind, String)> = HashSet::new();
        let mut findings = Vec::new();
        let mut conn = self.store.read().await?;
        for line in &lines {
            report.fee.0 += line.fee.0;
            count(&mut theirs, line.kind, Some(line.amount));
            seen.insert((line.kind, line.number.clone()));
            let finding = self
                .find(&mut conn, site, method, line.kind, &line.number)
                .await?;
            count(&mut ours, line.kind, finding.ours);
            findings.push((line.kind, line.number.clone(), finding));
        }
        let from = Millis::start_of(day).plus(-CLOCKS);
        let to = Millis::start_of(day.tomorrow().unwrap_or(day)).plus(-CLOCKS);
        for movement in rows::movements(&mut conn, site, method, from, to).await? {
            let Some((kind, number)) = numbered(site, method, &movement) else {
                continue;
            };
            if !seen.insert((kind, number.clone())) {
                continue;
            }
            let finding = self.find(&mut conn, site, method, kind, &number).await?;
            // What stands in another day's bill is counted there.
            if finding.theirs.is_none() {
                count(&mut ours, kind, finding.ours);
                findings.push((kind, number, finding));
            }
        }
        // What did not agree may agree by now.
        for known in rows::open_differences(&mut conn, site, method, LOOKED_AT).await? {
            if seen.insert((known.about, known.number.clone())) {
                let finding = self
                    .find(&mut conn, site, method, known.about, &known.number)
                    .await?;
                findings.push((known.about, known.number, finding));
            }
        }
        drop(conn);
        (report.theirs, report.ours) = (theirs, ours);

        let mut tx = self.store.begin().await?;
        rows::put_report(&mut tx, site, report).await?;
        for (about, number, finding) in findings {
            self.keep(&mut tx, site, report, (about, &number), finding)
                .await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Asks the gateway about what it says was paid or given back and we have not booked: a notification was lost.
    async fn heal(
        &self,
        site: &SiteId,
        method: Method,
        lines: &[KeptLine],
    ) -> Result<(), ReconciliationError> {
        for line in lines {
            let mut conn = self.store.read().await?;
            let missing = match line.kind {
                BillKind::Payment => attempts::by_trade(&mut conn, site, method, &line.number)
                    .await?
                    .filter(|payment| !payment.state.has_money())
                    .map(|payment| (BillKind::Payment, payment.id.to_string())),
                BillKind::Refund => refunds::by_number(&mut conn, site, &line.number)
                    .await?
                    .filter(|refund| refund.state == RefundState::Processing)
                    .map(|refund| (BillKind::Refund, refund.id)),
            };
            drop(conn);
            let looked = match missing {
                None => Ok(()),
                Some((BillKind::Payment, id)) => {
                    let id = yinxin_core::ids::PaymentId::from_stored(id);
                    self.payments.look_again(site, &id).await
                }
                Some((BillKind::Refund, id)) => self
                    .payments
                    .look_again_at_refund(site, &id)
                    .await
                    .map(|_| ()),
            };
            // It stays a difference then, and the next run asks again.
            if let Err(error) = looked {
                tracing::warn!(%site, number = line.number, %error, "the gateway did not say how it stands");
            }
        }
        Ok(())
    }

    async fn find(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        method: Method,
        about: BillKind,
        number: &str,
    ) -> Result<Finding, StoreError> {
        let their_line = self.their_line(conn, site, method, about, number).await?;
        let theirs = their_line.as_ref().map(|line| line.amount);
        let trade = their_line
            .as_ref()
            .map_or(number, |line| line.trade.as_str());
        match about {
            BillKind::Payment => {
                let payment = payment(conn, site, method, trade).await?;
                let ours = match &payment {
                    Some(payment) => rows::received(conn, site, method, &payment.id).await?,
                    None => None,
                };
                let kind = match (ours, theirs) {
                    (None, None) => None,
                    (None, Some(_)) => Some(DifferenceKind::MissingAtOurs),
                    (Some(_), None) => Some(DifferenceKind::MissingAtTheirs),
                    (Some(ours), Some(theirs)) => {
                        (ours != theirs).then_some(DifferenceKind::AmountDiffers)
                    }
                };
                let provider_no = match (&their_line, &payment) {
                    (Some(line), _) => line.provider_no.clone(),
                    (None, Some(payment)) => payment.transaction.clone(),
                    (None, None) => String::new(),
                };
                Ok(Finding {
                    ours,
                    theirs,
                    order: payment.map(|payment| payment.order),
                    provider_no,
                    kind,
                })
            }
            BillKind::Refund => {
                let refund = refunds::by_number(conn, site, number).await?;
                let (ours, under_way) = match &refund {
                    Some(refund) => (
                        rows::refunded(conn, site, method, &refund.payment, &refund.id).await?,
                        matches!(
                            refund.state,
                            RefundState::Requested | RefundState::Processing
                        ) && theirs == Some(refund.amount),
                    ),
                    None => (None, false),
                };
                let order = match &refund {
                    Some(refund) => Some(refund.order.clone()),
                    // Made behind our back; the payment may be ours.
                    None => payment(conn, site, method, trade)
                        .await?
                        .map(|payment| payment.order),
                };
                let differs = ours != theirs && !under_way;
                Ok(Finding {
                    ours,
                    theirs,
                    order,
                    provider_no: their_line.map_or_else(
                        || refund.map(|refund| refund.provider_no).unwrap_or_default(),
                        |line| line.provider_no,
                    ),
                    kind: differs.then_some(DifferenceKind::RefundDiffers),
                })
            }
        }
    }

    async fn their_line(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        method: Method,
        about: BillKind,
        number: &str,
    ) -> Result<Option<KeptLine>, StoreError> {
        if method != Method::BankTransfer {
            return rows::bill_line(conn, site, method, about, number).await;
        }
        let line = statements::by_serial(conn, &self.sealer, site, number).await?;
        Ok(line
            .filter(|line| line.state != LineState::Ignored)
            .map(|line| KeptLine {
                kind: BillKind::Payment,
                number: line.serial.clone(),
                trade: line.serial.clone(),
                provider_no: line.serial,
                day: line.day,
                amount: line.amount,
                fee: Fen(0),
                at: Millis(0),
            }))
    }

    async fn keep(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        report: &Report,
        (about, number): (BillKind, &str),
        finding: Finding,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let Some(kind) = finding.kind else {
            let known = rows::by_number(conn, site, report.method, about, number).await?;
            if let Some(known) = known.filter(|known| known.state == DifferenceState::Open) {
                rows::settle(conn, site, &known.id, "", ("host", ""), now).await?;
            }
            return Ok(());
        };
        let difference = Difference {
            id: uuid::Uuid::now_v7().to_string(),
            report: report.id.clone(),
            method: report.method,
            about,
            number: number.to_owned(),
            kind,
            provider_no: finding.provider_no,
            order: finding.order,
            ours: finding.ours,
            theirs: finding.theirs,
            state: DifferenceState::Open,
            note: String::new(),
            settled_by: String::new(),
            settled_name: String::new(),
            settled_at: None,
            found_at: now,
        };
        rows::put_difference(conn, site, &difference).await
    }
}

fn count(side: &mut Side, kind: BillKind, amount: Option<Fen>) {
    let Some(amount) = amount else { return };
    match kind {
        BillKind::Payment => {
            side.payments += 1;
            side.received.0 += amount.0;
        }
        BillKind::Refund => {
            side.refunds += 1;
            side.refunded.0 += amount.0;
        }
    }
}

/// The number by which a movement of ours is compared; none for what the other side does not list. What goes back by
/// transfer leaves the account as a debit, and debits of statements are not kept.
fn numbered(site: &SiteId, method: Method, movement: &Movement) -> Option<(BillKind, String)> {
    match (method, movement.kind) {
        (Method::BankTransfer, BillKind::Refund) => None,
        (Method::BankTransfer, BillKind::Payment) => {
            let prefix = transfer_number(site, "");
            let serial = movement.out_trade_no.strip_prefix(&prefix)?;
            Some((BillKind::Payment, serial.to_owned()))
        }
        (_, BillKind::Payment) => Some((BillKind::Payment, movement.out_trade_no.clone())),
        (_, BillKind::Refund) => Some((BillKind::Refund, movement.refund.replace('-', ""))),
    }
}

/// The payment of ours that they speak of.
async fn payment(
    conn: &mut Connection,
    site: &SiteId,
    method: Method,
    trade: &str,
) -> Result<Option<Payment>, StoreError> {
    let number = match method {
        Method::BankTransfer => transfer_number(site, trade),
        _ => trade.to_owned(),
    };
    attempts::by_trade(conn, site, method, &number).await
}
