//! `/orders`: all of an applicant's orders, and what can be done with each (manual rows C-4 and F-13).

use super::invoices::issued;
use super::lines::title;
use super::{Possible, method_name, state_text, tone, way};
use crate::error::WebError;
use crate::page::{Applicant, Visit};
use axum::extract::Query;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use url::form_urlencoded::Serializer;
use yinxin_core::definition::{Ordering, Service};
use yinxin_core::ids::{CaseId, OrderId};
use yinxin_engine::views::{ListFilter, Offer};
use yinxin_services::invoices::InvoiceView;
use yinxin_services::payments::{OrderFilter, OrderState, OrderView};
use yinxin_store::cases;

/// Lines of a page: two screens of a laptop.
const LINES: usize = 20;
/// Cases by whose name orders are looked for: whoever has more says the order's number.
const NAMED: usize = 200;

/// The tabs: name of address and text, and the states that belong there.
const TABS: [(&str, &[OrderState]); 6] = [
    ("all", &[]),
    ("unpaid", &[OrderState::Open, OrderState::AwaitingPayment]),
    ("verifying", &[OrderState::SlipUploaded]),
    ("paid", &[OrderState::Paid]),
    ("refund", &[OrderState::Refunding, OrderState::Refunded]),
    ("closed", &[OrderState::Closed]),
];

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    text: String,
    tab: String,
    after: String,
}

#[derive(Serialize)]
struct OrdersPage {
    lines: Vec<Line>,
    text: String,
    tab: &'static str,
    tabs: Vec<Tab>,
    filtered: bool,
    /// The site has services whose cases are put into orders.
    baskets: bool,
    next: String,
    first: String,
}

#[derive(Serialize)]
struct Tab {
    value: &'static str,
    label: String,
    path: String,
}

#[derive(Serialize)]
struct Line {
    path: String,
    number: String,
    /// Whom it is for, in short.
    subject: String,
    service: String,
    total: i64,
    state: String,
    tone: &'static str,
    created: String,
    actions: Vec<Action>,
}

/// Something to do now.
#[derive(Serialize)]
struct Action {
    path: String,
    label: String,
}

pub async fn list(applicant: Applicant, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let (tab, states) = TABS
        .into_iter()
        .find(|(name, _)| *name == asked.tab)
        .unwrap_or(("all", &[]));
    let text = asked.text.trim().to_owned();
    let after = (!asked.after.is_empty()).then_some(asked.after.as_str());
    let mut found = if text.is_empty() {
        in_states(&applicant, states, after).await?
    } else {
        called(&applicant, &text, states, after).await?
    };
    let more = found.len() > LINES;
    found.truncate(LINES);
    let next = found
        .last()
        .filter(|_| more)
        .map(|last| last.id.to_string());
    let offers = visit.state.engine.offers(&visit.site.id);
    let beside = Beside::of(visit, &found).await?;
    let lines = found
        .iter()
        .map(|order| line(visit, order, &beside, &offers));
    let page = OrdersPage {
        next: next
            .map(|next| address(tab, &text, &next))
            .unwrap_or_default(),
        first: after.map(|_| address(tab, &text, "")).unwrap_or_default(),
        filtered: tab != "all" || !text.is_empty(),
        tabs: TABS
            .into_iter()
            .map(|(name, _)| Tab {
                value: name,
                label: visit.text(&format!("orders.tab_{name}")).to_owned(),
                path: address(name, &text, ""),
            })
            .collect(),
        baskets: offers
            .iter()
            .any(|offer| offer.service.ordering == Ordering::Basket),
        lines: lines.collect(),
        text,
        tab,
    };
    visit.page("applicant/orders/list.html", page)
}

/// Newest first, one more than a page has.
async fn in_states(
    applicant: &Applicant,
    states: &[OrderState],
    after: Option<&str>,
) -> Result<Vec<OrderView>, WebError> {
    let visit = &applicant.visit;
    let one_more = i64::try_from(LINES + 1).unwrap_or(i64::MAX);
    let wanted: Vec<Option<OrderState>> = if states.is_empty() {
        vec![None]
    } else {
        states.iter().copied().map(Some).collect()
    };
    let mut found = Vec::new();
    for state in wanted {
        let filter = OrderFilter {
            account: Some(applicant.account.clone()),
            state,
            ..OrderFilter::default()
        };
        let payments = &visit.state.payments;
        found.extend(
            payments
                .list(&visit.site.id, &filter, after, one_more)
                .await?,
        );
    }
    // Ids sort by time.
    found.sort_by(|one, other| other.id.as_str().cmp(one.id.as_str()));
    Ok(found)
}

/// The applicant's orders of which this is the number, or part of the name of a case in it.
async fn called(
    applicant: &Applicant,
    text: &str,
    states: &[OrderState],
    after: Option<&str>,
) -> Result<Vec<OrderView>, WebError> {
    let visit = &applicant.visit;
    let (site, account) = (&visit.site.id, &applicant.account);
    let named = ListFilter {
        text: text.to_owned(),
        ..ListFilter::default()
    };
    let named = visit
        .state
        .engine
        .my_cases(site, account, &named, None, NAMED)
        .await?;
    let filter = OrderFilter {
        account: Some(account.clone()),
        text: text.to_owned(),
        ..OrderFilter::default()
    };
    let payments = &visit.state.payments;
    let one_more = i64::try_from(LINES + 1).unwrap_or(i64::MAX);
    let mut found = payments.list(site, &filter, after, one_more).await?;
    let cases: Vec<&CaseId> = named.lines.iter().map(|case| &case.id).collect();
    found.extend(payments.of_cases(site, &cases).await?);
    found.retain(|order| {
        let wanted = states.is_empty() || states.contains(&order.state);
        wanted && order.account == *account && after.is_none_or(|after| order.id.as_str() < after)
    });
    found.sort_by(|one, other| other.id.as_str().cmp(one.id.as_str()));
    found.dedup_by(|one, other| one.id == other.id);
    found.truncate(LINES + 1);
    Ok(found)
}

/// What the lines say beside the orders themselves.
struct Beside {
    cases: Vec<(OrderId, cases::Line)>,
    /// Of those that were paid.
    invoices: Vec<InvoiceView>,
}

impl Beside {
    async fn of(visit: &Visit, found: &[OrderView]) -> Result<Self, WebError> {
        let site = &visit.site.id;
        let mut conn = visit.state.store.read().await?;
        let ids: Vec<&OrderId> = found.iter().map(|order| &order.id).collect();
        let cases = cases::of_orders(&mut conn, site, &ids).await?;
        drop(conn);
        let paid = found.iter().filter(|order| order.paid_at.is_some());
        let paid: Vec<&OrderId> = paid.map(|order| &order.id).collect();
        Ok(Self {
            cases,
            invoices: visit.state.invoices.of_orders(site, &paid).await?,
        })
    }
}

fn line(visit: &Visit, order: &OrderView, beside: &Beside, offers: &[Offer]) -> Line {
    let cases = || {
        let of = beside.cases.iter().filter(|(of, _)| *of == order.id);
        of.map(|(_, case)| case)
    };
    let services: Vec<(&cases::Line, &Service)> = cases()
        .filter_map(|case| {
            let mut offers = offers.iter();
            let found = offers
                .find(|offer| offer.plugin == case.plugin && offer.service.id == case.service);
            found.map(|offer| (case, &*offer.service))
        })
        .collect();
    let subjects: Vec<&str> = cases().map(|case| case.subject.as_str()).collect();
    Line {
        path: format!("/orders/{}", order.id),
        number: order.number.clone(),
        subject: title(visit, &subjects),
        service: services
            .first()
            .map(|(_, service)| service.title.clone())
            .unwrap_or_default(),
        total: order.total.0,
        state: state_text(visit, order.state).to_owned(),
        tone: tone(order.state),
        created: order.created_at.minute(),
        actions: actions(visit, order, &services, &beside.invoices),
    }
}

/// What can be done now, and only that.
fn actions(
    visit: &Visit,
    order: &OrderView,
    services: &[(&cases::Line, &Service)],
    invoices: &[InvoiceView],
) -> Vec<Action> {
    let path = format!("/orders/{}", order.id);
    let basket = services
        .iter()
        .any(|(_, service)| service.ordering == Ordering::Basket);
    let possible = Possible::of(visit, order, basket);
    let transfer = way(order).is_some_and(|way| method_name(way) == "bank-transfer");
    let mut actions = Vec::new();
    let mut offer = |wanted: bool, text: &str, path: String| {
        if wanted {
            let label = visit.text(text).to_owned();
            actions.push(Action { path, label });
        }
    };
    let slip = if order.slip.is_empty() {
        "orders.upload_slip"
    } else {
        "orders.replace_slip"
    };
    offer(
        possible.pay && order.slip.is_empty(),
        "orders.pay",
        format!("{path}/pay"),
    );
    offer(possible.slip && transfer, slip, format!("{path}/pay#slip"));
    offer(possible.change, "orders.change", format!("{path}/edit"));
    offer(possible.cancel, "orders.cancel", format!("{path}/cancel"));
    let printed = order.paid_method.or(way(order));
    let (engine, site) = (&visit.state.engine, &visit.site.id);
    let receipts = services.iter().any(|(case, service)| {
        service.receipts.iter().any(|receipt| {
            let fits = printed.is_some_and(|method| receipt.methods.contains(&method));
            (receipt.methods.is_empty() || fits)
                && engine.prints_in(site, &case.plugin, &receipt.document, &case.state)
        })
    });
    // Whose money went back has nothing to send in.
    let live = possible.pay || order.state == OrderState::Paid;
    offer(
        receipts && live,
        "orders.receipts",
        format!("{path}#receipts"),
    );
    if let Some(invoice) = issued(invoices, &order.id) {
        offer(true, "orders.download_invoice", invoice);
    }
    actions
}

/// The address of this list from another key on.
fn address(tab: &str, text: &str, after: &str) -> String {
    let mut query = Serializer::new(String::new());
    for (name, value) in [("tab", tab), ("text", text), ("after", after)] {
        if !value.is_empty() && (name, value) != ("tab", "all") {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    if query.is_empty() {
        "/orders".to_owned()
    } else {
        format!("/orders?{query}")
    }
}
