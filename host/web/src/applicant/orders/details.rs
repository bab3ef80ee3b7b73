//! `/orders/new/details` and `/orders/{id}/edit/details`: what the chosen cases cost, how they are paid, who gets the
//! invoice, where the post goes.

use super::basket::{self, Place};
use super::form;
use super::lines::{Line, Named, lines};
use crate::error::WebError;
use crate::forms::{FormView, Posted, ProblemView, Showing};
use crate::page::{Applicant, Visit};
use crate::security::rate_limit::{self, ACTIONS};
use crate::texts::fill;
use axum::extract::{Path, RawQuery};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Serialize;
use yinxin_core::form::{Values, read_form};
use yinxin_core::ids::{CaseId, OrderId};
use yinxin_core::money::{Fen, Method};
use yinxin_core::rules::Problem;
use yinxin_engine::EngineError;
use yinxin_engine::views::{BasketChoice, BasketQuote};
use yinxin_services::payments::{OrderDetails, OrderState, PaymentError};
use yinxin_store::orders;

#[derive(Serialize)]
struct DetailsPage {
    /// This page with its cases: also where somebody comes back to who has to log in again.
    path: String,
    /// Where the cases are chosen again, with the choice as it is.
    again: String,
    back: String,
    number: String,
    cases: Vec<Chosen>,
    lines: Vec<Line>,
    total: i64,
    form: FormView,
    /// The invoice's title of last time, where these cases are another's; or empty.
    other_title: String,
}

#[derive(Serialize)]
struct Chosen {
    id: String,
    number: String,
    subject: String,
    service: String,
}

#[derive(Serialize)]
struct RefusedPage {
    again: String,
    back: String,
    number: String,
    problems: Vec<ProblemView>,
}

pub async fn new(applicant: Applicant, RawQuery(query): RawQuery) -> Result<Response, WebError> {
    let (ids, _) = basket::asked(query.as_deref());
    show(&applicant, &Place::new(), &ids).await
}

pub async fn edit(
    applicant: Applicant,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, WebError> {
    let place = Place::of_order(&applicant, &id).await?;
    let (mut ids, _) = basket::asked(query.as_deref());
    if ids.is_empty()
        && let Some(order) = &place.order
    {
        let visit = &applicant.visit;
        let mut conn = visit.state.store.read().await?;
        ids = orders::cases_of(&mut conn, &visit.site.id, &order.id).await?;
    }
    show(&applicant, &place, &ids).await
}

async fn show(applicant: &Applicant, place: &Place, ids: &[CaseId]) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    rate_limit::allow(visit, "quote", ACTIONS).await?;
    if ids.is_empty() {
        return Ok(Redirect::to(&format!("{}?none=1", place.path)).into_response());
    }
    if place.order.is_none()
        && let Some(order) = ordered(applicant, ids).await?
    {
        return Ok(visit.go(&format!("/orders/{order}/pay"), "order-exists"));
    }
    let quote = match quoted(applicant, place, ids).await? {
        Ok(quote) => quote,
        Err(refused) => return Ok(refused),
    };
    let values = first_values(applicant, place, &quote).await?;
    render(visit, place, ids, &quote, &values, &[], StatusCode::OK)
}

/// What the form begins with: the order's own, those of the last order, or the profile's.
async fn first_values(
    applicant: &Applicant,
    place: &Place,
    quote: &BasketQuote,
) -> Result<Values, WebError> {
    let visit = &applicant.visit;
    let (site, account) = (&visit.site.id, &applicant.account);
    if let Some(order) = &place.order {
        let mut conn = visit.state.store.read().await?;
        let details = visit
            .state
            .payments
            .details(&mut conn, site, &order.id)
            .await?;
        return Ok(form::values(&details, super::way(order), &quote.methods));
    }
    let last = visit.state.engine.last_details(site, account).await?;
    if last != OrderDetails::default() {
        return Ok(form::values(&last, None, &quote.methods));
    }
    let mut details = form::from_profile(applicant).await?;
    if details.invoice_title.is_empty()
        && let Some(subject) = holder(quote)
    {
        subject.clone_into(&mut details.invoice_title);
    }
    Ok(form::first_values(&details, &quote.methods))
}

pub async fn create(applicant: Applicant, posted: Posted) -> Result<Response, WebError> {
    submit(&applicant, &Place::new(), &posted).await
}

pub async fn change(
    applicant: Applicant,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, WebError> {
    let place = Place::of_order(&applicant, &id).await?;
    submit(&applicant, &place, &posted).await
}

async fn submit(
    applicant: &Applicant,
    place: &Place,
    posted: &Posted,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    rate_limit::allow(visit, "order", ACTIONS).await?;
    let ids = basket::chosen(posted.iter());
    if ids.is_empty() {
        return Ok(Redirect::to(&format!("{}?none=1", place.path)).into_response());
    }
    // The button was pressed twice, or the page sent again: there is one order.
    if place.order.is_none()
        && let Some(order) = ordered(applicant, &ids).await?
    {
        return Ok(visit.go(&format!("/orders/{order}/pay"), "order-exists"));
    }
    let quote = match quoted(applicant, place, &ids).await? {
        Ok(quote) => quote,
        Err(refused) => return Ok(refused),
    };
    let asked = form::form(visit, &quote.methods);
    let reading = read_form(&asked, &posted.answers(), &Values::default());
    let mut problems = reading.problems;
    let seen = Fen(posted.get("_total").parse().unwrap_or_default());
    if seen != quote.total {
        problems.insert(0, price_changed(visit, seen, quote.total));
    }
    let (method, details) = form::read(&reading.values);
    let Some(method) = method.filter(|_| problems.is_empty()) else {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        let values = &reading.values;
        return render(visit, place, &ids, &quote, values, &problems, status);
    };
    let choice = BasketChoice {
        method,
        details,
        expected_total: quote.total,
    };
    match keep(applicant, place, &ids, &choice).await {
        Ok(order) => Ok(kept(applicant, place, &order, method).await),
        Err(error) => {
            if place.order.is_none()
                && let Some(order) = ordered(applicant, &ids).await?
            {
                return Ok(visit.go(&format!("/orders/{order}/pay"), "order-exists"));
            }
            let values = &reading.values;
            if let EngineError::PriceChanged(now) = error {
                let problems = [price_changed(visit, quote.total, now.total)];
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                return render(visit, place, &ids, &now, values, &problems, status);
            }
            let (status, problems) = visit.problems_of(error)?;
            render(visit, place, &ids, &quote, values, &problems, status)
        }
    }
}

/// Whose cases these are, where they are one's.
fn holder(quote: &BasketQuote) -> Option<&str> {
    let first = quote.cases.first()?.subject.as_str();
    let same = quote.cases.iter().all(|case| case.subject == first);
    (same && !first.is_empty()).then_some(first)
}

fn price_changed(visit: &Visit, old: Fen, new: Fen) -> Problem {
    let (old, new) = (old.to_string(), new.to_string());
    let text = visit.text("basket.price_changed");
    sentence(fill(text, &[("old", &old), ("new", &new)]))
}

async fn keep(
    applicant: &Applicant,
    place: &Place,
    ids: &[CaseId],
    choice: &BasketChoice,
) -> Result<OrderId, EngineError> {
    let visit = &applicant.visit;
    let (site, account, engine) = (&visit.site.id, &applicant.account, &visit.state.engine);
    match &place.order {
        None => engine.open_basket(site, account, ids, choice).await,
        Some(order) => {
            let id = order.id.clone();
            engine
                .change_basket(site, account, &id, ids, choice)
                .await?;
            Ok(id)
        }
    }
}

/// On to the payment, with its code where there is one; a gateway that does not answer is asked again there.
async fn kept(applicant: &Applicant, place: &Place, order: &OrderId, method: Method) -> Response {
    let visit = &applicant.visit;
    if method != Method::BankTransfer
        && let Err(error) = visit
            .state
            .payments
            .begin_payment(&visit.site.id, order, method)
            .await
    {
        match error {
            PaymentError::Gateway(error) => {
                tracing::warn!(site = %visit.site.id, %error, "a gateway gave no code");
            }
            error => tracing::warn!(site = %visit.site.id, %error, "no payment was begun"),
        }
    }
    let path = format!("/orders/{order}/pay");
    match &place.order {
        None => Redirect::to(&path).into_response(),
        Some(_) => visit.go(&format!("/orders/{order}"), "order-changed"),
    }
}

/// The order that holds all of these cases and is still to be paid, where there is one.
async fn ordered(applicant: &Applicant, ids: &[CaseId]) -> Result<Option<OrderId>, WebError> {
    let visit = &applicant.visit;
    let site = &visit.site.id;
    let mut conn = visit.state.store.read().await?;
    let mut found: Option<OrderId> = None;
    for id in ids {
        let Some(order) = orders::of_case(&mut conn, site, id).await? else {
            return Ok(None);
        };
        let live = order.state.is_payable() || order.state == OrderState::Paid;
        let same = found.as_ref().is_none_or(|other| *other == order.id);
        if order.account != applicant.account || !live || !same {
            return Ok(None);
        }
        found = Some(order.id);
    }
    Ok(found)
}

/// The price of these cases in one order, or the page that says why they cannot be one.
async fn quoted(
    applicant: &Applicant,
    place: &Place,
    ids: &[CaseId],
) -> Result<Result<BasketQuote, Response>, WebError> {
    let visit = &applicant.visit;
    let (site, account, engine) = (&visit.site.id, &applicant.account, &visit.state.engine);
    match engine.quote_basket(site, account, ids).await {
        Ok(quote) => Ok(Ok(quote)),
        // One of them is another's, was deleted, or is in an order meanwhile: the list says which are left.
        Err(EngineError::NotFound | EngineError::NotAllowed | EngineError::Stale) => Ok(Err(
            Redirect::to(&basket::with_cases(&place.path, ids)).into_response(),
        )),
        Err(error) => {
            let (status, problems) = visit.problems_of(error)?;
            refused(visit, place, ids, status, &problems).map(Err)
        }
    }
}

fn refused(
    visit: &Visit,
    place: &Place,
    ids: &[CaseId],
    status: StatusCode,
    problems: &[Problem],
) -> Result<Response, WebError> {
    let page = RefusedPage {
        again: basket::with_cases(&place.path, ids),
        back: place.back.clone(),
        number: place.number().to_owned(),
        problems: problems
            .iter()
            .map(|problem| ProblemView::new(problem, false))
            .collect(),
    };
    visit.page_with(status, "applicant/orders/refused.html", page)
}

fn render(
    visit: &Visit,
    place: &Place,
    ids: &[CaseId],
    quote: &BasketQuote,
    values: &Values,
    problems: &[Problem],
    status: StatusCode,
) -> Result<Response, WebError> {
    let showing = Showing {
        problems,
        ..Showing::default()
    };
    let asked = form::form(visit, &quote.methods);
    let named: Vec<Named> = quote.cases.iter().map(Named::from).collect();
    let title = values.get("invoice_title");
    let page = DetailsPage {
        path: basket::with_cases(&format!("{}/details", place.path), ids),
        again: basket::with_cases(&place.path, ids),
        back: place.back.clone(),
        number: place.number().to_owned(),
        lines: lines(&quote.lines, &named),
        total: quote.total.0,
        other_title: if holder(quote).is_some_and(|holder| !title.is_empty() && holder != title) {
            title.to_owned()
        } else {
            String::new()
        },
        form: visit.form(&asked.into(), values, showing)?,
        cases: quote
            .cases
            .iter()
            .map(|case| Chosen {
                id: case.id.to_string(),
                number: case.number.clone(),
                subject: case.subject.clone(),
                service: case.service.clone(),
            })
            .collect(),
    };
    visit.page_with(status, "applicant/orders/details.html", page)
}

fn sentence(message: String) -> Problem {
    Problem {
        item: None,
        message,
        offer: None,
    }
}
