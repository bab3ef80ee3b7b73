//! Orders and payments as pages show them.

use super::allocating::sum;
use super::assigning::loose;
use super::standing::wanted;
use super::{PaymentError, PaymentView, Payments};
use serde::Serialize;
use std::collections::BTreeMap;
use yinxin_core::ids::{AccountId, CaseId, OrderId, PaymentId, SiteId};
use yinxin_core::money::{FeeLine, Fen, Method};
use yinxin_core::reference;
use yinxin_core::time::Millis;
use yinxin_store::allocations::{self, Allocation};
use yinxin_store::orders::{self, Filter, Order, OrderState};
use yinxin_store::payments::{self as rows, Odd, Payment, PaymentState};
use yinxin_store::refunds::{self, Refund};
use yinxin_store::{Connection, StoreError};

/// Orders that one number may name: a transaction may pay several.
const NAMESAKES: i64 = 20;

/// An order as pages show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderView {
    pub id: OrderId,
    pub number: String,
    /// What the payer writes as memo of a bank transfer.
    pub reference: String,
    /// Whose it is: the page checks.
    pub account: AccountId,
    pub lines: Vec<FeeLine>,
    pub total: Fen,
    pub state: OrderState,
    pub methods: Vec<Method>,
    /// The way to pay that the applicant picked, or by which it was paid in the end.
    pub chosen: Option<Method>,
    pub created_at: Millis,
    pub expires_at: Millis,
    pub paid_at: Option<Millis>,
    pub paid_method: Option<Method>,
    /// The provider's number of the transaction that completed it; empty before it is paid.
    pub transaction: String,
    /// Id of the transfer slip's file, or empty.
    pub slip: String,
    /// What was paid for it, in parts or whole.
    pub received: Fen,
    /// What is still to be paid.
    pub outstanding: Fen,
    /// What went back of the price, or is on its way.
    pub refunded: Fen,
    /// The code that is open, if one is.
    pub payment: Option<PaymentView>,
}

/// What a list is narrowed by; empty fields do not narrow.
#[derive(Clone, Debug, Default)]
pub struct OrderFilter {
    pub account: Option<AccountId>,
    pub state: Option<OrderState>,
    /// The way to pay that was picked, or by which it was paid.
    pub method: Option<Method>,
    /// Number of an order, reference, or a provider's number of a transaction: whole.
    pub text: String,
    /// Opened at or after.
    pub from: Option<Millis>,
    /// Opened before.
    pub until: Option<Millis>,
}

impl OrderFilter {
    /// Whether an order is one of those, but for the text.
    pub fn fits(&self, order: &OrderView) -> bool {
        fn is<T: PartialEq>(wanted: Option<&T>, found: Option<&T>) -> bool {
            wanted.is_none() || wanted == found
        }
        is(self.account.as_ref(), Some(&order.account))
            && is(self.state.as_ref(), Some(&order.state))
            && is(self.method.as_ref(), order.chosen.as_ref())
            && self.from.is_none_or(|from| order.created_at >= from)
            && self.until.is_none_or(|until| order.created_at < until)
    }
}

/// What was paid for some orders and went back.
struct Money {
    payments: Vec<Payment>,
    refunds: Vec<Refund>,
    allocations: Vec<Allocation>,
}

impl Money {
    fn view(&self, order: Order, now: Millis) -> OrderView {
        let is_open = |payment: &&Payment| {
            payment.order == order.id
                && payment.state == PaymentState::Prepared
                && payment.expires_at > now
        };
        let open = self.payments.iter().rev().find(is_open);
        let paid_by = |payment: &&Payment| Some(&payment.id) == order.paid_by.as_ref();
        let paid = self.payments.iter().find(paid_by);
        let held = self.allocations.iter();
        let received = sum(held.filter(|held| held.order == order.id));
        let back = wanted(&self.refunds).filter(|refund| refund.order == order.id);
        OrderView {
            paid_method: paid.map(|payment| payment.method),
            transaction: paid
                .map(|payment| payment.transaction.clone())
                .unwrap_or_default(),
            payment: open.cloned().map(PaymentView::from),
            refunded: Fen(back.map(|refund| refund.amount.0).sum()),
            outstanding: if order.state.is_payable() {
                Fen(order.total.0 - received.0)
            } else {
                Fen(0)
            },
            received,
            slip: order.slip,
            id: order.id,
            number: order.number,
            reference: order.reference,
            account: order.account,
            lines: order.lines,
            total: order.total,
            state: order.state,
            methods: order.methods,
            chosen: order.chosen,
            created_at: order.created_at,
            expires_at: order.expires_at,
            paid_at: order.paid_at,
        }
    }
}

/// Money that has to do with an order: it came for it, or pays it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderPayment {
    pub payment: PaymentId,
    /// The order that it came for.
    pub came_for: OrderId,
    pub method: Method,
    pub state: PaymentState,
    pub transaction: String,
    pub expected: Fen,
    pub received: Fen,
    /// What of it pays this order.
    pub applied: Fen,
    /// What of it a clerk may assign to another order.
    pub assignable: Fen,
    pub created_at: Millis,
    pub confirmed_at: Option<Millis>,
}

/// A payment that a clerk has to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OddPayment {
    pub payment: PaymentId,
    pub order: OrderId,
    pub order_number: String,
    pub method: Method,
    pub transaction: String,
    pub expected: Fen,
    pub received: Fen,
    /// What went back or is on its way.
    pub refunded: Fen,
    pub confirmed_at: Option<Millis>,
}

impl Payments {
    /// An order for its page; [`yinxin_store::StoreError::NotFound`] when the site has none of this id.
    pub async fn order_view(&self, site: &SiteId, id: &OrderId) -> Result<OrderView, PaymentError> {
        let mut conn = self.store.read().await?;
        let order = orders::get(&mut conn, site, id).await?;
        let view = self.views_of(&mut conn, site, vec![order]).await?.pop();
        Ok(view.ok_or(StoreError::NotFound)?)
    }

    /// The order that somebody reads out by its number or its reference, or that a provider's transaction paid.
    pub async fn find(&self, site: &SiteId, text: &str) -> Result<Option<OrderView>, PaymentError> {
        let mut conn = self.store.read().await?;
        let mut found = self.called(&mut conn, site, text).await?;
        found.truncate(1);
        Ok(self.views_of(&mut conn, site, found).await?.pop())
    }

    async fn called(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        text: &str,
    ) -> Result<Vec<Order>, PaymentError> {
        let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let found = orders::called(conn, site, &plain, NAMESAKES).await?;
        // A reference may stand in what was copied from a bank's memo.
        match reference::in_memo(text).into_iter().next() {
            Some(reference) if found.is_empty() && reference != plain => {
                Ok(orders::called(conn, site, &reference, NAMESAKES).await?)
            }
            _ => Ok(found),
        }
    }

    /// Orders, newest first, before the id `after`.
    pub async fn list(
        &self,
        site: &SiteId,
        filter: &OrderFilter,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<OrderView>, PaymentError> {
        let mut conn = self.store.read().await?;
        let found = if filter.text.trim().is_empty() {
            let narrow = Filter {
                account: filter.account.clone(),
                state: filter.state,
                chosen: filter.method,
                from: filter.from,
                until: filter.until,
            };
            orders::newest(&mut conn, site, &narrow, after, limit).await?
        } else {
            self.called(&mut conn, site, &filter.text).await?
        };
        let mut views = self.views_of(&mut conn, site, found).await?;
        views.retain(|order| {
            filter.fits(order) && after.is_none_or(|after| order.id.as_str() < after)
        });
        views.truncate(usize::try_from(limit).unwrap_or(0));
        Ok(views)
    }

    /// The orders of these ids that the site has, newest first.
    pub async fn with_ids(
        &self,
        site: &SiteId,
        ids: &[&OrderId],
    ) -> Result<Vec<OrderView>, PaymentError> {
        let mut conn = self.store.read().await?;
        let found = orders::with_ids(&mut conn, site, ids).await?;
        self.views_of(&mut conn, site, found).await
    }

    /// The orders that these cases were put into last, newest first.
    pub async fn of_cases(
        &self,
        site: &SiteId,
        cases: &[&CaseId],
    ) -> Result<Vec<OrderView>, PaymentError> {
        let mut conn = self.store.read().await?;
        let found = orders::of_cases(&mut conn, site, cases).await?;
        // Ids sort by time, and several cases may be in one order.
        let found: BTreeMap<OrderId, Order> = found
            .into_values()
            .map(|order| (order.id.clone(), order))
            .collect();
        let newest = found.into_values().rev().collect();
        self.views_of(&mut conn, site, newest).await
    }

    /// A clerk's queue: orders in a state, such as those whose slip is to be verified, oldest first.
    pub async fn orders_in(
        &self,
        site: &SiteId,
        state: OrderState,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<OrderView>, PaymentError> {
        let mut conn = self.store.read().await?;
        let found = orders::in_state(&mut conn, site, state, after, limit).await?;
        self.views_of(&mut conn, site, found).await
    }

    /// As pages show them: what was paid and went back is read for all of them at once.
    async fn views_of(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        found: Vec<Order>,
    ) -> Result<Vec<OrderView>, PaymentError> {
        let ids: Vec<&OrderId> = found.iter().map(|order| &order.id).collect();
        let mut payments = rows::of_orders(conn, site, &ids).await?;
        // As a rule an order is paid by one of its own attempts.
        let paid_by = found.iter().filter_map(|order| order.paid_by.as_ref());
        let others: Vec<&PaymentId> = paid_by
            .filter(|id| payments.iter().all(|payment| payment.id != **id))
            .collect();
        payments.extend(rows::with_ids(conn, site, &others).await?);
        let money = Money {
            refunds: refunds::of_orders(conn, site, &ids).await?,
            allocations: allocations::of_orders(conn, site, &ids).await?,
            payments,
        };
        let now = self.clock.now();
        Ok(found
            .into_iter()
            .map(|order| money.view(order, now))
            .collect())
    }

    /// Every attempt to pay an order, and money that came for another order and pays this one; oldest first.
    pub async fn payments_of(
        &self,
        site: &SiteId,
        id: &OrderId,
    ) -> Result<Vec<OrderPayment>, PaymentError> {
        let mut conn = self.store.read().await?;
        let mut all = rows::of_order(&mut conn, site, id).await?;
        let held = allocations::of_order(&mut conn, site, id).await?;
        for allocation in &held {
            if all.iter().all(|known| known.id != allocation.payment) {
                all.push(rows::get(&mut conn, site, &allocation.payment).await?);
            }
        }
        let mut views = Vec::new();
        for payment in all {
            let here = held.iter().filter(|held| held.payment == payment.id);
            let applied = Fen(here.map(|held| held.amount.0).sum());
            let assignable = loose(&mut conn, site, &payment).await?.total();
            views.push(OrderPayment {
                payment: payment.id,
                came_for: payment.order,
                method: payment.method,
                state: payment.state,
                transaction: payment.transaction,
                expected: payment.amount,
                received: payment.received,
                applied,
                assignable,
                created_at: payment.created_at,
                confirmed_at: payment.confirmed_at,
            });
        }
        Ok(views)
    }

    /// A clerk's list: payments of a wrong amount, oldest first, after the id `after`.
    pub async fn odd_payments(
        &self,
        site: &SiteId,
        odd: Odd,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<OddPayment>, PaymentError> {
        let mut conn = self.store.read().await?;
        let found = rows::odd(&mut conn, site, odd, after, limit).await?;
        let ids: Vec<&OrderId> = found.iter().map(|payment| &payment.order).collect();
        let numbers: BTreeMap<OrderId, String> = orders::with_ids(&mut conn, site, &ids)
            .await?
            .into_iter()
            .map(|order| (order.id, order.number))
            .collect();
        let ids: Vec<&PaymentId> = found.iter().map(|payment| &payment.id).collect();
        let refunded = refunds::totals_of(&mut conn, site, &ids).await?;
        let mut odd = Vec::with_capacity(found.len());
        for payment in found {
            let number = numbers.get(&payment.order).ok_or(StoreError::NotFound)?;
            odd.push(OddPayment {
                refunded: refunded.get(&payment.id).copied().unwrap_or(Fen(0)),
                order_number: number.clone(),
                order: payment.order,
                payment: payment.id,
                method: payment.method,
                transaction: payment.transaction,
                expected: payment.amount,
                received: payment.received,
                confirmed_at: payment.confirmed_at,
            });
        }
        Ok(odd)
    }
}
