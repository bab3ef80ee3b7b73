//! `/orders`: all of an applicant's orders, and what can be done with each (manual rows C-4 and F-13).

use super::lines::title;
use super::{Possible, invoices, method_name, state_text, tone, way};
use crate::error::WebError;
use crate::page::{Applicant, Visit};
use axum::extract::Query;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use url::form_urlencoded::Serializer;
use yinxin_core::definition::{Ordering, Service};
use yinxin_engine::views::{ListFilter, Offer};
use yinxin_services::payments::{OrderFilter, OrderState, OrderView};
use yinxin_store::{StoreError, cases, orders};

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
    let mut lines = Vec::new();
    for order in found {
        lines.push(line(&applicant, &order, &offers).await?);
    }
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
        lines,
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
    let mut conn = visit.state.store.read().await?;
    let limit = i64::try_from(LINES).unwrap_or(i64::MAX);
    let mut ids: Vec<_> = orders::called(&mut conn, site, text, limit)
        .await?
        .into_iter()
        .map(|order| order.id)
        .collect();
    for case in &named.lines {
        ids.extend(
            orders::of_case(&mut conn, site, &case.id)
                .await?
                .map(|order| order.id),
        );
    }
    drop(conn);
    ids.sort_by(|one, other| other.as_str().cmp(one.as_str()));
    ids.dedup();
    let before = |id: &str| after.is_none_or(|after| id < after);
    let mut found = Vec::new();
    for id in ids.iter().filter(|id| before(id.as_str())) {
        let order = visit.state.payments.order_view(site, id).await?;
        let wanted = states.is_empty() || states.contains(&order.state);
        if order.account == *account && wanted {
            found.push(order);
        }
        if found.len() > LINES {
            break;
        }
    }
    Ok(found)
}

async fn line(
    applicant: &Applicant,
    order: &OrderView,
    offers: &[Offer],
) -> Result<Line, WebError> {
    let visit = &applicant.visit;
    let cases = cases_of(visit, order).await?;
    let services: Vec<(&cases::Line, &Service)> = cases
        .iter()
        .filter_map(|case| {
            let mut offers = offers.iter();
            let found = offers
                .find(|offer| offer.plugin == case.plugin && offer.service.id == case.service);
            found.map(|offer| (case, &*offer.service))
        })
        .collect();
    let subjects: Vec<&str> = cases.iter().map(|case| case.subject.as_str()).collect();
    Ok(Line {
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
        actions: actions(visit, order, &services).await?,
    })
}

async fn cases_of(visit: &Visit, order: &OrderView) -> Result<Vec<cases::Line>, StoreError> {
    let mut conn = visit.state.store.read().await?;
    cases::of_order(&mut conn, &visit.site.id, &order.id).await
}

/// What can be done now, and only that.
async fn actions(
    visit: &Visit,
    order: &OrderView,
    services: &[(&cases::Line, &Service)],
) -> Result<Vec<Action>, WebError> {
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
    if order.paid_at.is_some()
        && let Some(invoice) = invoices::issued(visit, order).await?
    {
        offer(true, "orders.download_invoice", invoice);
    }
    Ok(actions)
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
