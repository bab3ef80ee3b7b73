//! Opening and closing orders.

use super::{CLOSE_JOB, CONFIRM_JOB, PaymentError, Payments, TradeJob};
use yinxin_core::ids::{AccountId, CaseId, OrderId, SiteId};
use yinxin_core::money::{FeeLine, Fen, Method, Standing};
use yinxin_core::time::Millis;
use yinxin_store::orders::{self, Order, OrderDetails, OrderState};
use yinxin_store::payments::{self as rows, Payment, PaymentState};
use yinxin_store::{Connection, StoreError, refunds};

/// Lines of an order: 32 of the plugin's for each case would not fit a page; this many do.
const LINE_LIMIT: usize = 64;

/// An order to open.
#[derive(Clone, Debug)]
pub struct NewOrder {
    pub account: AccountId,
    pub cases: Vec<CaseId>,
    pub lines: Vec<FeeLine>,
    pub methods: Vec<Method>,
    /// Unpaid until then, it is closed.
    pub expires_at: Millis,
}

/// What a case owes and has paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseStatus {
    pub standing: Standing,
    pub total: Fen,
    /// What went back to the payer, or is on its way.
    pub refunded: Fen,
    /// How it was paid.
    pub method: Option<Method>,
}

/// The sum of the lines, or what is wrong with them.
fn total(lines: &[FeeLine]) -> Result<Fen, PaymentError> {
    if lines.is_empty() || lines.len() > LINE_LIMIT {
        return Err(PaymentError::BadPrice("none or too many lines"));
    }
    let mut total = Fen(0);
    for line in lines {
        if line.amount < 0 {
            return Err(PaymentError::BadPrice("a negative line"));
        }
        total = total
            .checked_add(Fen(line.amount))
            .ok_or(PaymentError::BadPrice("more than an order may have"))?;
    }
    if total.0 == 0 {
        Err(PaymentError::BadPrice("nothing to pay"))
    } else {
        Ok(total)
    }
}

/// `20261120` and ten random digits: people read it out, nobody guesses another's.
fn number(now: Millis) -> Result<String, PaymentError> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes).map_err(|_| StoreError::Damaged("the random source"))?;
    let digits = u64::from_le_bytes(bytes) % 10_000_000_000;
    Ok(format!("{}{digits:010}", now.day().strftime("%Y%m%d")))
}

impl Payments {
    /// Opens an order over one or more cases; its lines are frozen.
    pub async fn open_order(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        new: NewOrder,
    ) -> Result<Order, PaymentError> {
        let total = total(&new.lines)?;
        if new.methods.is_empty() || new.cases.is_empty() {
            return Err(PaymentError::BadPrice("no way to pay, or no case"));
        }
        if let Some(method) = new
            .methods
            .iter()
            .find(|method| !self.takes(site, **method))
        {
            return Err(PaymentError::NoMethod(*method));
        }
        let now = self.clock.now();
        let mut order = Order {
            id: OrderId::generate(),
            number: number(now)?,
            account: new.account,
            state: OrderState::Open,
            total,
            lines: new.lines,
            methods: new.methods,
            slip: String::new(),
            created_at: now,
            expires_at: new.expires_at,
            paid_at: None,
            paid_by: None,
            version: 1,
        };
        while !orders::insert(conn, site, &order).await? {
            order.number = number(now)?;
        }
        for case in &new.cases {
            if !orders::add_case(conn, site, &order.id, case).await? {
                return Err(PaymentError::AlreadyOrdered(case.clone()));
            }
        }
        Ok(order)
    }

    /// Opens an order like one that was closed unpaid, for the same cases.
    pub async fn reopen_order(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        closed: &OrderId,
        expires_at: Millis,
    ) -> Result<Order, PaymentError> {
        let old = orders::lock(conn, site, closed).await?;
        if old.state != OrderState::Closed {
            return Err(PaymentError::NotNow);
        }
        let cases = orders::cases_of(conn, site, closed).await?;
        let details = orders::details(conn, &self.sealer, site, closed).await?;
        let new = NewOrder {
            account: old.account,
            cases,
            lines: old.lines,
            methods: old.methods,
            expires_at,
        };
        let order = self.open_order(conn, site, new).await?;
        orders::set_details(conn, &self.sealer, site, &order.id, &details).await?;
        Ok(order)
    }

    /// Keeps invoice, contact and delivery of an order.
    pub async fn set_details(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        order: &OrderId,
        details: &OrderDetails,
    ) -> Result<(), PaymentError> {
        Ok(orders::set_details(conn, &self.sealer, site, order, details).await?)
    }

    /// Invoice, contact and delivery of an order.
    pub async fn details(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        order: &OrderId,
    ) -> Result<OrderDetails, PaymentError> {
        Ok(orders::details(conn, &self.sealer, site, order).await?)
    }

    /// Closes an order that nobody has paid, and withdraws what was begun; money that arrives later goes back. An order
    /// that is already closed stays so.
    pub async fn close_order(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &OrderId,
    ) -> Result<(), PaymentError> {
        let order = orders::lock(conn, site, id).await?;
        if order.state == OrderState::Closed {
            return Ok(());
        }
        if !order.state.is_payable() {
            return Err(PaymentError::NotPayable(order.state));
        }
        orders::set_state(conn, site, id, OrderState::Closed).await?;
        self.withdraw_attempts(conn, site, id, None).await
    }

    /// Closes the site's orders whose time is over, up to `limit`; how many were.
    pub async fn close_expired(&self, site: &SiteId, limit: i64) -> Result<usize, PaymentError> {
        let mut conn = self.store.read().await?;
        let expired = orders::expired(&mut conn, site, self.clock.now(), limit).await?;
        drop(conn);
        let mut closed = 0;
        for id in expired {
            let mut tx = self.store.begin().await?;
            match self.close_order(&mut tx, site, &id).await {
                // Paid or given a slip in between.
                Err(PaymentError::NotPayable(_)) => continue,
                outcome => outcome?,
            }
            tx.commit().await.map_err(StoreError::from)?;
            closed += 1;
        }
        Ok(closed)
    }

    /// Ends the order's open attempts but `except`, and has them withdrawn at their gateways.
    pub(super) async fn withdraw_attempts(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        order: &OrderId,
        except: Option<&Payment>,
    ) -> Result<(), PaymentError> {
        for payment in rows::of_order(conn, site, order).await? {
            if except.is_none_or(|kept| kept.id != payment.id) {
                self.withdraw_attempt(conn, site, &payment).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn withdraw_attempt(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        payment: &Payment,
    ) -> Result<(), PaymentError> {
        if rows::end(conn, site, &payment.id, PaymentState::Closed).await? {
            let job = TradeJob {
                payment_id: payment.id.clone(),
                once: false,
            };
            Self::enqueue(
                conn,
                site,
                CLOSE_JOB,
                payment.id.to_string(),
                &job,
                self.clock.now(),
            )
            .await?;
        }
        Ok(())
    }

    /// Has the attempt looked at from `run_at` on, until it is over.
    pub(super) async fn watch_attempt(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        payment: &Payment,
        run_at: Millis,
    ) -> Result<(), PaymentError> {
        let job = TradeJob {
            payment_id: payment.id.clone(),
            once: false,
        };
        Self::enqueue(
            conn,
            site,
            CONFIRM_JOB,
            payment.id.to_string(),
            &job,
            run_at,
        )
        .await
    }

    /// What a case owes and has paid, by its newest order.
    pub async fn status(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        case: &CaseId,
    ) -> Result<CaseStatus, PaymentError> {
        let Some(order) = orders::of_case(conn, site, case).await? else {
            return Ok(CaseStatus {
                standing: Standing::None,
                total: Fen(0),
                refunded: Fen(0),
                method: None,
            });
        };
        let (mut refunded, mut method) = (Fen(0), None);
        if let Some(paid_by) = &order.paid_by {
            refunded = refunds::total_of(conn, site, paid_by).await?;
            method = Some(rows::get(conn, site, paid_by).await?.method);
        }
        Ok(CaseStatus {
            standing: order.state.standing(),
            total: order.total,
            refunded,
            method,
        })
    }
}
