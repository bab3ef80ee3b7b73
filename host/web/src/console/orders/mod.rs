//! `/console/orders`: what applicants pay for; those that wait for the finance clerk stand first.

pub mod cancel;
mod page;
pub mod slip;
pub mod transfer;

pub use page::show;
pub use transfer::{REASON, SERIAL};

use super::money::{
    self, Choice, DAY, LINES, Paged, method_text, one_more, start_of, state_text, state_tone, told,
};
use super::visit::ClerkVisit;
use crate::error::WebError;
use axum::extract::Query;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use url::form_urlencoded::Serializer;
use yinxin_core::ids::{CaseId, OrderId, PaymentId};
use yinxin_core::money::Method;
use yinxin_engine::views::ListFilter;
use yinxin_services::payments::{OrderFilter, OrderState, OrderView, PaymentState};
use yinxin_store::payments::{self, gateway, gateway_word};
use yinxin_store::{allocations, orders};

/// Orders of which a part has come by transfer.
const PARTLY: &str = "partly";
/// All states; what a search looks through.
const ALL: &str = "all";

/// Which stand after those with a slip and those of which a part has come.
const STATES: [OrderState; 6] = [
    OrderState::AwaitingPayment,
    OrderState::Paid,
    OrderState::Refunding,
    OrderState::Refunded,
    OrderState::Closed,
    OrderState::Open,
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    text: String,
    state: String,
    method: String,
    from: String,
    to: String,
    after: String,
}

impl Asked {
    fn is_narrowed(&self) -> bool {
        [&self.text, &self.method, &self.from, &self.to]
            .iter()
            .any(|text| !text.trim().is_empty())
    }

    /// The list's address from another key on.
    fn address(&self, state: &str, after: &str) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in [
            ("text", self.text.as_str()),
            ("state", state),
            ("method", &self.method),
            ("from", &self.from),
            ("to", &self.to),
            ("after", after),
        ] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        format!("/console/orders?{}", query.finish())
    }
}

#[derive(Serialize)]
struct OrdersPage {
    state: String,
    states: Vec<Choice>,
    text: String,
    method: String,
    methods: Vec<(&'static str, String)>,
    from: String,
    to: String,
    filtered: bool,
    lines: Vec<OrderLine>,
    next: String,
    first: String,
}

#[derive(Serialize)]
struct OrderLine {
    path: String,
    number: String,
    reference: String,
    /// Whom the invoice is for, who is mostly the payer.
    buyer: String,
    title: String,
    /// Lines of the price, where there are several.
    more: usize,
    state: String,
    tone: &'static str,
    partly: bool,
    total: i64,
    received: i64,
    method: String,
    created: String,
    paid: String,
}

pub async fn list(clerk: ClerkVisit, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    money::may(&clerk)?;
    let visit = &clerk.visit;
    let (site, payments) = (&visit.site.id, &visit.state.payments);
    let state = chosen_state(&asked);
    let after = (!asked.after.is_empty()).then_some(asked.after.as_str());
    let filter = filter(&asked, &state);
    let by_id = |order: &OrderView| order.id.to_string();
    let Paged { lines, next } = if !filter.text.is_empty() {
        Paged::new(search(&clerk, &filter).await?, by_id)
    } else if state == PARTLY {
        partly(&clerk, after).await?
    } else if state == OrderState::SlipUploaded.as_str() && !asked.is_narrowed() {
        // Who has waited longest comes first.
        let state = OrderState::SlipUploaded;
        Paged::new(
            payments.orders_in(site, state, after, one_more()).await?,
            by_id,
        )
    } else {
        Paged::new(
            payments.list(site, &filter, after, one_more()).await?,
            by_id,
        )
    };
    let mut conn = visit.state.store.read().await?;
    let ids: Vec<&OrderId> = lines.iter().map(|order| &order.id).collect();
    let mut details = payments.details_of(&mut conn, site, &ids).await?;
    drop(conn);
    let found = lines.into_iter().map(|order| {
        let details = details.remove(&order.id).unwrap_or_default();
        line(&clerk, order, details.invoice_title)
    });
    let methods = payments.methods(site).into_iter();
    let page = OrdersPage {
        states: states(&clerk).await?,
        methods: methods
            .map(|method| (gateway_word(method), method_text(&clerk, method)))
            .collect(),
        lines: found.collect(),
        next: next
            .map(|next| asked.address(&state, &next))
            .unwrap_or_default(),
        first: after.map(|_| asked.address(&state, "")).unwrap_or_default(),
        filtered: asked.is_narrowed(),
        state,
        text: asked.text,
        method: asked.method,
        from: asked.from,
        to: asked.to,
    };
    clerk.page("console/orders.html", page)
}

/// A search looks through all states unless one is named; without anything the clerk sees what waits for him.
fn chosen_state(asked: &Asked) -> String {
    let known = asked.state == PARTLY || asked.state == ALL || state_of(&asked.state).is_some();
    match (known, asked.is_narrowed()) {
        (true, _) => asked.state.clone(),
        (false, true) => ALL.to_owned(),
        (false, false) => OrderState::SlipUploaded.as_str().to_owned(),
    }
}

fn state_of(word: &str) -> Option<OrderState> {
    [OrderState::SlipUploaded]
        .into_iter()
        .chain(STATES)
        .find(|state| state.as_str() == word)
}

fn filter(asked: &Asked, state: &str) -> OrderFilter {
    OrderFilter {
        text: asked.text.trim().to_owned(),
        state: state_of(state),
        method: gateway(&asked.method),
        from: start_of(&asked.from),
        // The last day is meant whole.
        until: start_of(&asked.to).map(|day| day.plus(DAY)),
        account: None,
    }
}

/// Orders that the text names, or those of the cases that it names.
async fn search(clerk: &ClerkVisit, filter: &OrderFilter) -> Result<Vec<OrderView>, WebError> {
    let visit = &clerk.visit;
    let (site, payments) = (&visit.site.id, &visit.state.payments);
    let named = payments.list(site, filter, None, one_more()).await?;
    if !named.is_empty() {
        return Ok(named);
    }
    let cases = ListFilter {
        text: filter.text.clone(),
        ..ListFilter::default()
    };
    let engine = &visit.state.engine;
    let cases = engine
        .search(site, &clerk.clerk, &cases, None, LINES)
        .await?;
    let cases: Vec<&CaseId> = cases.lines.iter().map(|case| &case.id).collect();
    let mut found = payments.of_cases(site, &cases).await?;
    found.retain(|order| filter.fits(order));
    Ok(found)
}

/// Orders of which a part has come, what came first on top; `after` is the id of a payment.
async fn partly(clerk: &ClerkVisit, after: Option<&str>) -> Result<Paged<OrderView>, WebError> {
    let visit = &clerk.visit;
    let site = &visit.site.id;
    let mut conn = visit.state.store.read().await?;
    let parts =
        payments::in_state(&mut conn, site, PaymentState::Partial, after, one_more()).await?;
    let Paged { lines, next } = Paged::new(parts, |part| part.id.to_string());
    let parts: Vec<&PaymentId> = lines.iter().map(|part| &part.id).collect();
    // Money may wait with another order than the one that it came for.
    let held = allocations::of_payments(&mut conn, site, &parts).await?;
    drop(conn);
    let ids: Vec<&OrderId> = held.iter().map(|held| &held.order).collect();
    let payments = &visit.state.payments;
    let mut found = payments.with_ids(site, &ids).await?;
    found.retain(|order| order.state.is_payable());
    let came = |order: &OrderView| held.iter().position(|held| held.order == order.id);
    found.sort_by_key(came);
    Ok(Paged { lines: found, next })
}

/// What waits for a finance clerk among the orders.
pub struct Waiting {
    pub slips: usize,
    pub partly: usize,
}

/// Counted up to what a button tells.
pub async fn waiting(clerk: &ClerkVisit) -> Result<Waiting, WebError> {
    const COUNTED: i64 = 100;
    let visit = &clerk.visit;
    let site = &visit.site.id;
    let mut conn = visit.state.store.read().await?;
    let slips = orders::counted(&mut conn, site, OrderState::SlipUploaded, COUNTED).await?;
    let parts = payments::in_state(&mut conn, site, PaymentState::Partial, None, COUNTED).await?;
    let parts: Vec<&PaymentId> = parts.iter().map(|part| &part.id).collect();
    let held = allocations::of_payments(&mut conn, site, &parts).await?;
    let partly: BTreeSet<&OrderId> = held.iter().map(|held| &held.order).collect();
    Ok(Waiting {
        slips,
        partly: partly.len(),
    })
}

async fn states(clerk: &ClerkVisit) -> Result<Vec<Choice>, WebError> {
    let visit = &clerk.visit;
    let waiting = waiting(clerk).await?;
    let slips = Choice {
        count: told(waiting.slips),
        ..Choice::new(
            OrderState::SlipUploaded.as_str(),
            visit.text("finance.to_do"),
        )
    };
    let partly = Choice {
        count: told(waiting.partly),
        ..Choice::new(PARTLY, visit.text("finance.partly"))
    };
    let others = STATES.map(|state| Choice::new(state.as_str(), &state_text(clerk, state)));
    Ok([slips, partly].into_iter().chain(others).collect())
}

fn line(clerk: &ClerkVisit, order: OrderView, buyer: String) -> OrderLine {
    let lines = order.lines.len();
    OrderLine {
        path: format!("/console/orders/{}", order.id),
        title: order
            .lines
            .first()
            .map(|line| line.label.clone())
            .unwrap_or_default(),
        buyer,
        more: if lines > 1 { lines } else { 0 },
        state: state_text(clerk, order.state),
        tone: state_tone(order.state),
        partly: order.received.0 > 0 && order.outstanding.0 > 0,
        received: order.received.0,
        reference: order.reference,
        number: order.number,
        total: order.total.0,
        method: order
            .paid_method
            .or(order.chosen)
            .map(|method| method_text(clerk, method))
            .unwrap_or_default(),
        created: order.created_at.minute(),
        paid: order.paid_at.map(|at| at.minute()).unwrap_or_default(),
    }
}

/// Unpaid orders that a transfer may be for: those that the text names, or that wait for one.
pub async fn for_transfer(clerk: &ClerkVisit, text: &str) -> Result<Vec<OrderView>, WebError> {
    let visit = &clerk.visit;
    let (site, payments) = (&visit.site.id, &visit.state.payments);
    let transfer = Method::BankTransfer;
    let mut found = if text.is_empty() {
        let mut found = Vec::new();
        for state in [OrderState::SlipUploaded, OrderState::AwaitingPayment] {
            let filter = OrderFilter {
                state: Some(state),
                method: Some(transfer),
                ..OrderFilter::default()
            };
            found.extend(payments.list(site, &filter, None, one_more()).await?);
        }
        found
    } else {
        let filter = OrderFilter {
            text: text.to_owned(),
            ..OrderFilter::default()
        };
        search(clerk, &filter).await?
    };
    found.retain(|order| order.state.is_payable() && order.methods.contains(&transfer));
    found.truncate(LINES);
    Ok(found)
}
