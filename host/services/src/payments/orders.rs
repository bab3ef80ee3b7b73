//! Opening, changing and ending orders.

use super::allocating::sum;
use super::{CLOSE_JOB, CONFIRM_JOB, PaymentError, Payments, TradeJob, books};
use std::collections::HashMap;
use yinxin_core::ids::{AccountId, CaseId, OrderId, SiteId};
use yinxin_core::money::{FeeLine, Fen, Method};
use yinxin_core::reference;
use yinxin_core::time::Millis;
use yinxin_store::order_events::{self, By, NewOrderEvent, OrderEvent, OrderEventKind};
use yinxin_store::orders::{self, Order, OrderDetails, OrderState, Price};
use yinxin_store::payments::{self as rows, Payment, PaymentState, gateway_word};
use yinxin_store::{Connection, StoreError, allocations};

/// Lines of an order: 32 of the plugin's for each case would not fit a page; this many do.
const LINE_LIMIT: usize = 64;

/// An order to open.
#[derive(Clone, Debug)]
pub struct NewOrder {
    pub account: AccountId,
    pub cases: Vec<CaseId>,
    pub lines: Vec<FeeLine>,
    pub methods: Vec<Method>,
    /// The way to pay that the applicant picked; may be picked later.
    pub chosen: Option<Method>,
    /// Unpaid until then, it is closed.
    pub expires_at: Millis,
}

/// What an unpaid order is to hold from now on.
#[derive(Clone, Debug)]
pub struct NewLines {
    pub cases: Vec<CaseId>,
    pub lines: Vec<FeeLine>,
    pub methods: Vec<Method>,
    pub chosen: Option<Method>,
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

fn random() -> Result<u64, PaymentError> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes).map_err(|_| StoreError::Damaged("the random source"))?;
    Ok(u64::from_le_bytes(bytes))
}

/// `20261120` and ten random digits: people read it out, nobody guesses another's.
fn number(now: Millis) -> Result<String, PaymentError> {
    let digits = random()? % 10_000_000_000;
    Ok(format!("{}{digits:010}", now.day().strftime("%Y%m%d")))
}

impl Payments {
    /// Opens an order over one or more cases; its lines are frozen until it is changed as a whole.
    pub async fn open_order(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        new: NewOrder,
    ) -> Result<Order, PaymentError> {
        let total = self.price(site, &new.cases, &new.lines, &new.methods, new.chosen)?;
        let now = self.clock.now();
        let mut order = Order {
            id: OrderId::generate(),
            number: number(now)?,
            account: new.account,
            state: OrderState::Open,
            total,
            lines: new.lines,
            methods: new.methods,
            reference: reference::from_number(random()?),
            chosen: new.chosen,
            slip: String::new(),
            created_at: now,
            expires_at: new.expires_at,
            paid_at: None,
            paid_by: None,
            version: 1,
        };
        while !orders::insert(conn, site, &order).await? {
            order.number = number(now)?;
            order.reference = reference::from_number(random()?);
        }
        for case in &new.cases {
            if !orders::add_case(conn, site, &order.id, case).await? {
                return Err(PaymentError::AlreadyOrdered(case.clone()));
            }
        }
        books::charge(conn, site, &order, total, now).await?;
        let by = By::applicant(&order.account);
        self.note(
            conn,
            site,
            &order.id,
            OrderEventKind::Opened,
            &by,
            (total, "", ""),
        )
        .await?;
        Ok(order)
    }

    /// The total of what may be ordered so on this site.
    fn price(
        &self,
        site: &SiteId,
        cases: &[CaseId],
        lines: &[FeeLine],
        methods: &[Method],
        chosen: Option<Method>,
    ) -> Result<Fen, PaymentError> {
        let total = total(lines)?;
        if methods.is_empty() || cases.is_empty() {
            return Err(PaymentError::BadPrice("no way to pay, or no case"));
        }
        if let Some(method) = methods.iter().find(|method| !self.takes(site, **method)) {
            return Err(PaymentError::NoMethod(*method));
        }
        match chosen.filter(|chosen| !methods.contains(chosen)) {
            Some(method) => Err(PaymentError::NoMethod(method)),
            None => Ok(total),
        }
    }

    /// Gives an unpaid order other cases, another price or other ways to pay. Codes that are open are withdrawn. A slip
    /// stays when the total does; parts of the price that were paid stay, and pay the order when they are enough now.
    pub async fn change_order(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &OrderId,
        new: NewLines,
        by: &By,
    ) -> Result<Order, PaymentError> {
        let total = self.price(site, &new.cases, &new.lines, &new.methods, new.chosen)?;
        let order = self.payable(conn, site, id).await?;
        let now = self.clock.now();
        let held = allocations::of_order(conn, site, id).await?;
        if !held.is_empty() && !new.methods.contains(&Method::BankTransfer) {
            return Err(PaymentError::PartlyPaid);
        }
        for case in orders::cases_of(conn, site, id).await? {
            if !new.cases.contains(&case) {
                orders::remove_case(conn, site, id, &case).await?;
            }
        }
        let kept = orders::cases_of(conn, site, id).await?;
        for case in new.cases.iter().filter(|case| !kept.contains(case)) {
            if !orders::add_case(conn, site, id, case).await? {
                return Err(PaymentError::AlreadyOrdered(case.clone()));
            }
        }
        self.withdraw_attempts(conn, site, id, None).await?;
        if total != order.total {
            books::uncharge(conn, site, &order, now).await?;
            books::charge(conn, site, &order, total, now).await?;
            if !order.slip.is_empty() {
                orders::set_slip(conn, site, id, "").await?;
            }
            if order.state == OrderState::SlipUploaded {
                orders::set_state(conn, site, id, OrderState::AwaitingPayment).await?;
            }
        }
        let price = Price {
            total,
            lines: new.lines,
            methods: new.methods,
            chosen: new.chosen,
        };
        orders::set_price(conn, site, id, &price).await?;
        self.note(conn, site, id, OrderEventKind::Changed, by, (total, "", ""))
            .await?;
        let changed = orders::get(conn, site, id).await?;
        if let Some(last) = held.last()
            && sum(&held) >= total
        {
            let last = rows::get(conn, site, &last.payment).await?;
            self.give_parts_back(conn, site, id, total, "多付的款项，退回", by)
                .await?;
            self.complete(conn, site, &changed, &last, by).await?;
        }
        Ok(orders::get(conn, site, id).await?)
    }

    /// Keeps the way to pay that the applicant picked.
    pub async fn choose_method(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &OrderId,
        method: Method,
    ) -> Result<(), PaymentError> {
        let order = self.payable(conn, site, id).await?;
        if !order.methods.contains(&method) || !self.takes(site, method) {
            return Err(PaymentError::NoMethod(method));
        }
        let has_parts = !allocations::of_order(conn, site, id).await?.is_empty();
        if has_parts && method != Method::BankTransfer {
            return Err(PaymentError::PartlyPaid);
        }
        self.chose(conn, site, &order, method).await
    }

    /// The applicant's choice, where it is a new one.
    pub(super) async fn chose(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        order: &Order,
        method: Method,
    ) -> Result<(), PaymentError> {
        if order.chosen == Some(method) {
            return Ok(());
        }
        orders::set_chosen(conn, site, &order.id, method).await?;
        let by = By::applicant(&order.account);
        let what = (Fen(0), "", gateway_word(method));
        self.note(
            conn,
            site,
            &order.id,
            OrderEventKind::MethodChosen,
            &by,
            what,
        )
        .await
    }

    /// Locks an order that can still be paid and changed.
    pub(super) async fn payable(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &OrderId,
    ) -> Result<Order, PaymentError> {
        let order = self.lock(conn, site, id).await?;
        if order.state.is_payable() {
            Ok(order)
        } else {
            Err(PaymentError::NotPayable(order.state))
        }
    }

    /// Opens an order like one that was closed unpaid, for the same cases.
    pub async fn reopen_order(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        closed: &OrderId,
        expires_at: Millis,
    ) -> Result<Order, PaymentError> {
        let old = self.lock(conn, site, closed).await?;
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
            chosen: old.chosen,
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

    /// The same for each of these orders that the site has.
    pub async fn details_of(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        orders: &[&OrderId],
    ) -> Result<HashMap<OrderId, OrderDetails>, PaymentError> {
        Ok(orders::details_of(conn, &self.sealer, site, orders).await?)
    }

    /// Ends an order that is not paid: codes are withdrawn, parts of the price and money that arrives later go back.
    pub async fn cancel_order(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &OrderId,
        by: &By,
    ) -> Result<(), PaymentError> {
        let order = self.payable(conn, site, id).await?;
        self.close(conn, site, &order, OrderEventKind::Cancelled, by)
            .await
    }

    /// As [`Payments::cancel_order`], by a rule; an order that is already closed stays so.
    pub async fn close_order(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &OrderId,
    ) -> Result<(), PaymentError> {
        match self.cancel_order(conn, site, id, &By::host()).await {
            Err(PaymentError::NotPayable(OrderState::Closed)) => Ok(()),
            outcome => outcome,
        }
    }

    async fn close(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        order: &Order,
        why: OrderEventKind,
        by: &By,
    ) -> Result<(), PaymentError> {
        let id = &order.id;
        orders::set_state(conn, site, id, OrderState::Closed).await?;
        self.note(conn, site, id, why, by, (order.total, "", ""))
            .await?;
        self.withdraw_attempts(conn, site, id, None).await?;
        self.give_parts_back(conn, site, id, Fen(0), "订单已关闭，退回已付部分", by)
            .await?;
        books::uncharge(conn, site, order, self.clock.now()).await
    }

    /// Closes the site's orders whose time is over, up to `limit`; how many were.
    pub async fn close_expired(&self, site: &SiteId, limit: i64) -> Result<usize, PaymentError> {
        let mut conn = self.store.read().await?;
        let expired = orders::expired(&mut conn, site, self.clock.now(), limit).await?;
        drop(conn);
        let mut closed = 0;
        for id in expired {
            let mut tx = self.store.begin().await?;
            let order = self.lock(&mut tx, site, &id).await?;
            // Paid, given a slip or more time in between.
            let over = matches!(order.state, OrderState::Open | OrderState::AwaitingPayment)
                && order.expires_at <= self.clock.now();
            if !over {
                continue;
            }
            self.close(&mut tx, site, &order, OrderEventKind::Expired, &By::host())
                .await?;
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
                claimed: false,
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
            claimed: false,
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

    /// All that happened to an order and its money, oldest first.
    pub async fn history(
        &self,
        site: &SiteId,
        id: &OrderId,
    ) -> Result<Vec<OrderEvent>, PaymentError> {
        let mut conn = self.store.read().await?;
        Ok(order_events::of_order(&mut conn, site, id).await?)
    }

    /// Writes into the order's history: how much, about which payment, refund or file, and in what words.
    pub(super) async fn note(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        order: &OrderId,
        kind: OrderEventKind,
        by: &By,
        (amount, about, note): (Fen, &str, &str),
    ) -> Result<(), PaymentError> {
        let event = NewOrderEvent {
            order,
            kind,
            by,
            amount,
            about,
            note,
            at: self.clock.now(),
        };
        Ok(order_events::append(conn, site, &event).await?)
    }
}
