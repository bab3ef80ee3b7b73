//! Statements of the site's bank account: a finance clerk imports the bank's file, sees for each line which order it may
//! be for, and says yes or no. Nothing is booked without that yes.
//!
//! A file is taken whole or not at all. A line is known by the bank's serial number: an overlapping file adds only what is
//! new. A confirmed line is booked by [`Payments::verify_transfer`] in the transaction in which the line's state changes,
//! so that of two clerks who confirm it at once one books.

mod columns;
mod file;
mod matching;
pub mod outside;

pub(crate) use columns::half_width;
pub use columns::{AcceptedColumn, accepted_columns};
pub use file::Fault;
pub use matching::{SuggestedOrder, Suggestion, SuggestionKind};
pub use yinxin_store::statements::{Line, LineDetails, LineState, Statement};

use crate::payments::{PaymentError, Payments, Settled, Transfer};
use crate::reconciliation;
use std::sync::Arc;
use yinxin_core::ids::{OrderId, SiteId};
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::Clock;
use yinxin_store::order_events::By;
use yinxin_store::seal::Sealer;
use yinxin_store::statements::{self as rows, Verdict};
use yinxin_store::{Connection, Store, StoreError, orders, payments};

/// Bytes of an imported file.
pub const FILE_LIMIT: usize = 2 << 20;
/// Lines of an imported file: a month of a busy account.
pub const LINE_LIMIT: usize = 5_000;
/// Characters of a reason to ignore a line.
const REASON_LIMIT: usize = 200;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// The file is refused as a whole; these are the reasons, in words for the clerk.
    #[error("the file was refused for {} reasons", .0.len())]
    Refused(Vec<Fault>),
    /// Somebody else has said something about the line meanwhile.
    #[error("the line is not open")]
    NotOpen,
    /// The line would be booked otherwise than the clerk was shown.
    #[error("what the line is for has changed")]
    Changed(Suggestion),
    /// The bank's number is booked on another order, or in another amount.
    #[error("the transfer was booked before")]
    BookedBefore(Suggestion),
    #[error("a line is ignored for a reason of 1 to {REASON_LIMIT} characters")]
    NoReason,
    /// As the payments say it, for example [`PaymentError::OwnPayment`].
    #[error(transparent)]
    Payment(#[from] PaymentError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A line as the console shows it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LineView {
    pub line: Line,
    /// Worked out anew for each look at an open line; of another line, none.
    pub suggestion: Option<Suggestion>,
    /// Number of the order that a confirmed line was booked on, or empty.
    pub order_number: String,
}

/// A statement with some of its lines.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct StatementView {
    pub statement: Statement,
    pub lines: Vec<LineView>,
    /// For the next page: the id of the last line, when there are more.
    pub next: Option<String>,
}

/// What came of one line of [`Statements::confirm_all_exact`].
#[derive(Debug)]
pub struct LineOutcome {
    pub line: String,
    /// Line of the file.
    pub position: i64,
    pub order: OrderId,
    pub order_number: String,
    pub result: Result<Settled, StatementError>,
}

/// Bank statements of all sites.
pub struct Statements {
    store: Store,
    sealer: Arc<Sealer>,
    clock: Arc<dyn Clock>,
    payments: Arc<Payments>,
}

impl Statements {
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

    /// Takes a bank's CSV file, or refuses it with all its faults. The bank's side of the reconciliation of its days is
    /// done anew.
    pub async fn import(
        &self,
        site: &SiteId,
        file_name: &str,
        bytes: &[u8],
        by: &By,
    ) -> Result<Statement, StatementError> {
        let now = self.clock.now();
        let parsed = file::parse(bytes, now.day()).map_err(StatementError::Refused)?;
        let mut statement = Statement {
            id: new_id(),
            file_name: file_name.chars().take(200).collect(),
            imported_by: by.word().to_owned(),
            imported_name: by.name.clone(),
            imported_at: now,
            first_day: parsed.first_day.to_string(),
            last_day: parsed.last_day.to_string(),
            added: 0,
            known: parsed.repeated,
            debits: parsed.debits,
            total: Fen(0),
            open: 0,
        };
        let mut faults = Vec::new();
        let mut tx = self.store.begin().await?;
        let lines = parsed.credits.into_iter().map(|credit| Line {
            id: new_id(),
            statement: statement.id.clone(),
            position: credit.position,
            serial: credit.serial,
            day: credit.day.to_string(),
            amount: credit.amount,
            details: LineDetails {
                payer: credit.payer,
                memo: credit.memo,
            },
            state: LineState::Open,
            order: None,
            payment: None,
            reason: String::new(),
            settled_by: String::new(),
            settled_name: String::new(),
            settled_at: None,
        });
        // Ids are in the order of the file. Written in the order of numbers, two clerks who import overlapping files at
        // once wait for each other and not in a circle.
        let mut lines: Vec<Line> = lines.collect();
        lines.sort_by(|one, other| one.serial.cmp(&other.serial));
        for line in lines {
            if rows::add_line(&mut tx, &self.sealer, site, &line).await? {
                statement.added += 1;
                statement.total.0 += line.amount.0;
                continue;
            }
            let known = rows::by_serial(&mut tx, &self.sealer, site, &line.serial).await?;
            match known {
                Some(known) if (&known.day, known.amount) != (&line.day, line.amount) => {
                    faults.push(Fault::serial_of_another(line.position));
                }
                _ => statement.known += 1,
            }
        }
        if !faults.is_empty() {
            faults.sort_by_key(|fault| fault.line);
            return Err(StatementError::Refused(faults));
        }
        statement.open = statement.added;
        rows::insert(&mut tx, site, &statement).await?;
        let days = (parsed.first_day, parsed.last_day);
        reconciliation::plan_statement(&mut tx, site, days, &statement.id, now).await?;
        tx.commit().await.map_err(StoreError::from)?;
        tracing::info!(%site, statement = %statement.id, added = statement.added, known = statement.known,
            by = by.word(), "a bank statement was imported");
        Ok(statement)
    }

    /// Imported files, newest first, after the id `after`.
    pub async fn list(
        &self,
        site: &SiteId,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Statement>, StatementError> {
        let mut conn = self.store.read().await?;
        Ok(rows::list(&mut conn, site, after, limit).await?)
    }

    /// A statement with its lines in the order of the file, after the line's id `after`, with what each may be for.
    pub async fn get(
        &self,
        site: &SiteId,
        id: &str,
        state: Option<LineState>,
        after: Option<&str>,
        limit: i64,
    ) -> Result<StatementView, StatementError> {
        let mut conn = self.store.read().await?;
        let statement = rows::get(&mut conn, site, id).await?;
        let mut lines =
            rows::lines(&mut conn, &self.sealer, site, id, state, after, limit + 1).await?;
        let more = lines.len() > usize::try_from(limit).unwrap_or(usize::MAX);
        if more {
            lines.pop();
        }
        let next = lines.last().filter(|_| more).map(|line| line.id.clone());
        let mut views = Vec::with_capacity(lines.len());
        for line in lines {
            views.push(self.view(&mut conn, site, line).await?);
        }
        Ok(StatementView {
            statement,
            lines: views,
            next,
        })
    }

    /// One line with what it may be for.
    pub async fn line(&self, site: &SiteId, id: &str) -> Result<LineView, StatementError> {
        let mut conn = self.store.read().await?;
        let line = rows::get_line(&mut conn, &self.sealer, site, id).await?;
        self.view(&mut conn, site, line).await
    }

    async fn view(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        line: Line,
    ) -> Result<LineView, StatementError> {
        let suggestion = match line.state {
            LineState::Open => Some(matching::suggest(conn, &self.sealer, site, &line).await?),
            _ => None,
        };
        let order_number = match &line.order {
            Some(order) => orders::get(conn, site, order).await?.number,
            None => String::new(),
        };
        Ok(LineView {
            line,
            suggestion,
            order_number,
        })
    }

    /// Books a line on an order. `seen`: what the clerk was shown, where he said yes to that; what the line is for is
    /// worked out again, and [`StatementError::Changed`] says that it is not what he saw. Without it the clerk picked the
    /// order himself. Less than is due stays with the order, more goes back: see [`Payments::verify_transfer`]. A line
    /// that was booked by hand before is only tied to that payment: [`Settled::Already`].
    pub async fn confirm(
        &self,
        site: &SiteId,
        line: &str,
        order: &OrderId,
        seen: Option<SuggestionKind>,
        by: &By,
    ) -> Result<Settled, StatementError> {
        let mut tx = self.store.begin().await?;
        let found = rows::get_line(&mut tx, &self.sealer, site, line).await?;
        let verdict = Verdict {
            state: LineState::Confirmed,
            order: order.as_str(),
            reason: "",
            by: (by.word(), &by.name),
            at: self.clock.now(),
        };
        // Whoever comes second waits here, and is told.
        if !rows::settle_line(&mut tx, site, line, &verdict).await? {
            return Err(StatementError::NotOpen);
        }
        orders::lock(&mut tx, site, order).await?;
        let suggestion = matching::suggest(&mut tx, &self.sealer, site, &found).await?;
        let meant = suggestion.order.as_ref().map(|suggested| &suggested.id) == Some(order);
        if suggestion.kind == SuggestionKind::Known {
            if !meant || suggestion.difference != Fen(0) {
                return Err(StatementError::BookedBefore(suggestion));
            }
        } else if seen.is_some_and(|seen| seen != suggestion.kind || !meant) {
            return Err(StatementError::Changed(suggestion));
        }
        let settled = match suggestion.kind {
            SuggestionKind::Known => Settled::Already,
            _ => {
                let transfer = Transfer {
                    reference: &found.serial,
                    amount: found.amount,
                    payer: &found.details.payer,
                };
                self.payments
                    .verify_transfer(&mut tx, site, order, &transfer, by)
                    .await?
            }
        };
        if let Some(payment) = booked(&mut tx, site, &found.serial).await? {
            rows::set_payment(&mut tx, site, line, &payment.id).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        tracing::info!(%site, line, order = %order, ?settled, by = by.word(), "a statement line was confirmed");
        Ok(settled)
    }

    /// Open lines of a statement of which reference and amount fit exactly, with the order of each.
    async fn exact(
        &self,
        site: &SiteId,
        statement: &str,
    ) -> Result<Vec<(Line, SuggestedOrder)>, StatementError> {
        let mut conn = self.store.read().await?;
        let limit = i64::try_from(LINE_LIMIT).unwrap_or(i64::MAX);
        let open = Some(LineState::Open);
        let lines =
            rows::lines(&mut conn, &self.sealer, site, statement, open, None, limit).await?;
        let mut exact = Vec::new();
        for line in lines {
            let suggestion = matching::by_reference(&mut conn, site, &line).await?;
            if let Some(Suggestion {
                kind: SuggestionKind::Exact,
                order: Some(order),
                ..
            }) = suggestion
            {
                exact.push((line, order));
            }
        }
        Ok(exact)
    }

    /// How many lines [`Statements::confirm_all_exact`] would book now, and their sum.
    pub async fn count_exact(
        &self,
        site: &SiteId,
        statement: &str,
    ) -> Result<(usize, Fen), StatementError> {
        let exact = self.exact(site, statement).await?;
        let sum = exact.iter().map(|(line, _)| line.amount.0).sum();
        Ok((exact.len(), Fen(sum)))
    }

    /// Books all open lines of a statement of which reference and amount fit exactly; each by itself, so that one that
    /// cannot be booked does not hold up the others.
    pub async fn confirm_all_exact(
        &self,
        site: &SiteId,
        statement: &str,
        by: &By,
    ) -> Result<Vec<LineOutcome>, StatementError> {
        let exact = self.exact(site, statement).await?;
        let mut outcomes = Vec::with_capacity(exact.len());
        for (line, order) in exact {
            let seen = Some(SuggestionKind::Exact);
            outcomes.push(LineOutcome {
                result: self.confirm(site, &line.id, &order.id, seen, by).await,
                line: line.id,
                position: line.position,
                order: order.id,
                order_number: order.number,
            });
        }
        Ok(outcomes)
    }

    /// Says that an open line is for no order.
    pub async fn ignore(
        &self,
        site: &SiteId,
        line: &str,
        reason: &str,
        by: &By,
    ) -> Result<(), StatementError> {
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > REASON_LIMIT {
            return Err(StatementError::NoReason);
        }
        let verdict = Verdict {
            state: LineState::Ignored,
            order: "",
            reason,
            by: (by.word(), &by.name),
            at: self.clock.now(),
        };
        let mut tx = self.store.begin().await?;
        rows::get_line(&mut tx, &self.sealer, site, line).await?;
        if !rows::settle_line(&mut tx, site, line, &verdict).await? {
            return Err(StatementError::NotOpen);
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Opens an ignored line again. A confirmed one is money that was booked: it is assigned to another order or refunded.
    pub async fn reopen(&self, site: &SiteId, line: &str, by: &By) -> Result<(), StatementError> {
        let mut tx = self.store.begin().await?;
        rows::get_line(&mut tx, &self.sealer, site, line).await?;
        if !rows::reopen_line(&mut tx, site, line).await? {
            return Err(StatementError::NotOpen);
        }
        tx.commit().await.map_err(StoreError::from)?;
        tracing::info!(%site, line, by = by.word(), "a statement line was opened again");
        Ok(())
    }
}

/// The payment that was booked under a bank's number.
async fn booked(
    conn: &mut Connection,
    site: &SiteId,
    serial: &str,
) -> Result<Option<payments::Payment>, StoreError> {
    let number = crate::payments::transfer_number(site, serial);
    payments::by_trade(conn, site, Method::BankTransfer, &number).await
}

fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
