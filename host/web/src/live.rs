//! Pages that go on by themselves: server-sent events, or one look for who polls. What travels is a fingerprint of what
//! the page shows; the browser fetches the page again when it differs from its own.

use crate::applicant::{load_case, own_order};
use crate::console::{ClerkVisit, load_case as load_clerks_case};
use crate::error::WebError;
use crate::page::{Applicant, Visit};
use crate::state::AppState;
use axum::Json;
use axum::extract::{Path, Query};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{BoxStream, Stream, StreamExt};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use yinxin_core::ids::{CaseId, OrderId, SiteId};
use yinxin_engine::views::CasePage;
use yinxin_services::identity::IdentityCheck;
use yinxin_services::payments::OrderView;
use yinxin_store::{cases, orders};

/// A stream ends after this; the browser opens the next one by itself. Load balancers cut longer ones anyway.
const LONGEST: Duration = Duration::from_secs(600);
/// Proxies give up on a silent connection after 30 seconds or more.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Streams of the process at a time: a third of its connections (`listen`), each looks at the database every two
/// seconds. Further pages ask now and then instead, which their script does by itself.
pub const STREAMS: usize = 300;
/// Seconds until a refused stream is worth another try.
const LATER: u64 = 60;

#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    poll: Option<String>,
}

#[derive(Serialize)]
struct State {
    version: String,
}

/// `/cases/{id}/events`
pub async fn case(
    applicant: Applicant,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, WebError> {
    let page = look(&applicant, &id).await?;
    let first = fingerprint(&page);
    if asked.poll.is_some() {
        return Ok(Json(State { version: first }).into_response());
    }
    let visit = &applicant.visit;
    let news = visit
        .state
        .engine
        .watch(&visit.site.id, &CaseId::from_stored(id.as_str()));
    let state = visit.state.clone();
    Ok(stream(&state, first, news.boxed(), move || {
        let (applicant, id) = (applicant.clone(), id.clone());
        async move {
            look(&applicant, &id)
                .await
                .ok()
                .map(|page| fingerprint(&page))
        }
    }))
}

/// `/console/cases/{id}/events`
pub async fn clerks_case(
    clerk: ClerkVisit,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, WebError> {
    let first = clerks_fingerprint(&load_clerks_case(&clerk, &id).await?);
    if asked.poll.is_some() {
        return Ok(Json(State { version: first }).into_response());
    }
    let visit = &clerk.visit;
    let news = visit
        .state
        .engine
        .watch(&visit.site.id, &CaseId::from_stored(id.as_str()));
    let state = visit.state.clone();
    Ok(stream(&state, first, news.boxed(), move || {
        let (clerk, id) = (clerk.clone(), id.clone());
        async move {
            let page = load_clerks_case(&clerk, &id).await.ok()?;
            Some(clerks_fingerprint(&page))
        }
    }))
}

/// The case as it is now; a payment that waits is asked for at its gateway, at most every two seconds.
async fn look(applicant: &Applicant, id: &str) -> Result<CasePage, WebError> {
    let page = load_case(applicant, id).await?;
    let waiting = page
        .order
        .as_ref()
        .filter(|order| page.state.payable && order.state == "awaiting-payment");
    let Some(order) = waiting else {
        return Ok(page);
    };
    let visit = &applicant.visit;
    let order = OrderId::from_stored(order.id.as_str());
    ask_gateway(&visit.state, &visit.site.id, &order).await;
    load_case(applicant, id).await
}

/// `/orders/{id}/events`
pub async fn order(
    applicant: Applicant,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, WebError> {
    let first = look_at_order(&applicant, &id).await?;
    if asked.poll.is_some() {
        return Ok(Json(State { version: first }).into_response());
    }
    let visit = &applicant.visit;
    let (site, order) = (&visit.site.id, OrderId::from_stored(id.as_str()));
    let mut conn = visit.state.store.read().await?;
    let cases = orders::cases_of(&mut conn, site, &order).await?;
    drop(conn);
    // What happens to an order happens to all of its cases; one tells. An order without any is looked at now and then.
    let case = cases.into_iter().next();
    let case = case.unwrap_or_else(|| CaseId::from_stored(""));
    let news = visit.state.engine.watch(site, &case);
    let state = visit.state.clone();
    Ok(stream(&state, first, news.boxed(), move || {
        let (applicant, id) = (applicant.clone(), id.clone());
        async move { look_at_order(&applicant, &id).await.ok() }
    }))
}

/// The order as it is now, in short; a payment that waits is asked for at its gateway.
async fn look_at_order(applicant: &Applicant, id: &str) -> Result<String, WebError> {
    let visit = &applicant.visit;
    let mut order = own_order(applicant, id).await?;
    if order.payment.is_some() && order.state.is_payable() {
        ask_gateway(&visit.state, &visit.site.id, &order.id).await;
        order = own_order(applicant, id).await?;
    }
    order_fingerprint(visit, &order).await
}

/// What an order's pages show and others may change: its money, its slip, its invoice, where its cases stand.
pub async fn order_fingerprint(visit: &Visit, order: &OrderView) -> Result<String, WebError> {
    let site = &visit.site.id;
    let happened = visit.state.payments.history(site, &order.id).await?.len();
    let invoices = visit.state.invoices.of_order(site, &order.id).await?;
    let invoices: Vec<&str> = invoices
        .iter()
        .map(|invoice| invoice.state.as_str())
        .collect();
    let mut conn = visit.state.store.read().await?;
    let cases: Vec<String> = cases::of_order(&mut conn, site, &order.id)
        .await?
        .into_iter()
        .map(|case| case.state)
        .collect();
    drop(conn);
    let text = format!(
        "{}|{}|{}|{happened}|{}|{}",
        order.state.as_str(),
        order.received,
        order.refunded,
        invoices.join(","),
        cases.join(",")
    );
    Ok(short(&text))
}

/// A gateway that does not answer changes nothing for a page that waits.
async fn ask_gateway(state: &AppState, site: &SiteId, order: &OrderId) {
    let open = state
        .payments
        .order_view(site, order)
        .await
        .ok()
        .and_then(|view| view.payment);
    if let Some(payment) = open
        && let Err(error) = state.payments.poll(site, &payment.id).await
    {
        tracing::debug!(%error, "a payment could not be asked for");
    }
}

/// `/p/{token}/events`: for the phone that came back before the result did.
pub async fn identity(
    visit: Visit,
    Path(token): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, WebError> {
    let check = visit
        .state
        .identity
        .by_token(&visit.site.id, &token)
        .await?;
    let first = identity_fingerprint(&check);
    if asked.poll.is_some() {
        return Ok(Json(State { version: first }).into_response());
    }
    let news = visit.state.engine.watch(&visit.site.id, &check.case);
    let state = visit.state.clone();
    Ok(stream(&state, first, news.boxed(), move || {
        let (visit, token) = (visit.clone(), token.clone());
        async move {
            let check = visit
                .state
                .identity
                .by_token(&visit.site.id, &token)
                .await
                .ok()?;
            Some(identity_fingerprint(&check))
        }
    }))
}

pub fn identity_fingerprint(check: &IdentityCheck) -> String {
    check.state.as_str().to_owned()
}

/// What a case's pages show and others may change: state, checks, money. Answers and files are the applicant's own.
pub fn fingerprint(page: &CasePage) -> String {
    let checks: Vec<String> = page
        .checks
        .iter()
        .map(|check| format!("{}={:?}", check.check.id, check.standing))
        .collect();
    let order = page.order.as_ref().map_or("", |order| order.state.as_str());
    let moved = page.history.len();
    let text = format!("{}|{}|{order}|{moved}", page.state.id, checks.join(","));
    short(&text)
}

/// What a clerk's page of a case shows and others may change: answers and files too, and who works on it.
pub fn clerks_fingerprint(page: &CasePage) -> String {
    let holder = page.claim.as_ref().map_or("", |claim| claim.clerk.as_str());
    let certificates: Vec<&str> = page
        .certificates
        .iter()
        .map(|certificate| certificate.standing.as_str())
        .collect();
    let text = format!(
        "{}|{}|{holder}|{}",
        fingerprint(page),
        page.version,
        certificates.join(",")
    );
    short(&text)
}

fn short(text: &str) -> String {
    let mut short = hex::encode(digest(&SHA256, text.as_bytes()));
    short.truncate(16);
    short
}

/// Sends the fingerprint now and each time it has changed.
fn stream<F, L>(state: &AppState, first: String, news: BoxStream<'static, ()>, look: L) -> Response
where
    L: Fn() -> F + Send + 'static,
    F: Future<Output = Option<String>> + Send,
{
    let Ok(place) = Arc::clone(state.streams()).try_acquire_owned() else {
        return WebError::TooMany(LATER).into_response();
    };
    let shutdown = state.shutdown.clone();
    let end = async move {
        let _place = place;
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(LONGEST) => {}
        }
    };
    let changes = futures::stream::unfold(
        (None::<String>, Some(first), news, look),
        |(sent, mut ready, mut news, look)| async move {
            loop {
                let now = match ready.take() {
                    Some(first) => Some(first),
                    None => {
                        news.next().await?;
                        look().await
                    }
                };
                // What can be looked at no more, such as a deleted case, ends the stream.
                let now = now?;
                if sent.as_ref() != Some(&now) {
                    return Some((now.clone(), (Some(now), None, news, look)));
                }
            }
        },
    );
    Sse::new(events(changes.take_until(end)))
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response()
}

fn events(
    versions: impl Stream<Item = String> + Send + 'static,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
    versions.map(|version| {
        let event = Event::default().event("state");
        Ok(event.json_data(State { version }).unwrap_or_default())
    })
}
