//! `/orders`: what an applicant pays for, from choosing the cases to the invoice.

mod basket;
mod cancel;
mod details;
mod form;
mod history;
mod invoices;
mod lines;
mod list;
mod pay;
mod receipts;
mod show;
mod slip;

pub use pay::of_case;

use crate::error::WebError;
use crate::live;
use crate::page::{Applicant, Visit};
use crate::state::AppState;
use axum::Router;
use axum::routing::{get, post};
use yinxin_core::definition::Ordering;
use yinxin_core::ids::OrderId;
use yinxin_core::money::Method;
use yinxin_engine::Actor;
use yinxin_engine::views::CasePage;
use yinxin_services::payments::{OrderState, OrderView};
use yinxin_store::orders;

pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/orders", get(list::list))
        .route("/orders/new", get(basket::new))
        .route(
            "/orders/new/details",
            get(details::new).post(details::create),
        )
        .route("/orders/{id}", get(show::show))
        .route("/orders/{id}/events", get(live::order))
        .route("/orders/{id}/edit", get(basket::edit))
        .route(
            "/orders/{id}/edit/details",
            get(details::edit).post(details::change),
        )
        .route("/orders/{id}/cancel", get(cancel::ask).post(cancel::cancel))
        .route("/orders/{id}/pay", get(pay::show).post(pay::begin))
        .route("/orders/{id}/pay/check", post(pay::check))
        .route("/orders/{id}/slip", get(slip::view).post(slip::upload))
        .route("/orders/{id}/slip/thumbnail", get(slip::thumbnail))
        .route("/orders/{id}/receipts/{document}", get(receipts::pdf))
        .route("/orders/{id}/invoices/{invoice}", get(invoices::pdf))
}

/// The applicant's own order; another's is none.
pub(crate) async fn own(applicant: &Applicant, id: &str) -> Result<OrderView, WebError> {
    let visit = &applicant.visit;
    let id = OrderId::from_stored(id);
    let order = visit.state.payments.order_view(&visit.site.id, &id).await?;
    if order.account == applicant.account {
        Ok(order)
    } else {
        Err(WebError::NotFound)
    }
}

/// The order's cases as their applicant sees them. A deleted one is to be seen no more; its order stays.
pub(crate) async fn cases(
    applicant: &Applicant,
    order: &OrderView,
) -> Result<Vec<CasePage>, WebError> {
    let visit = &applicant.visit;
    let site = &visit.site.id;
    let ids = orders::cases_of(&mut *visit.state.store.read().await?, site, &order.id).await?;
    let viewer = Actor::Applicant(applicant.account.clone());
    let mut cases = Vec::new();
    for id in &ids {
        match visit.state.engine.page(site, &viewer, id).await {
            Ok(page) => cases.push(page),
            Err(yinxin_engine::EngineError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(cases)
}

/// What the applicant may do with an order now; nothing else is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Possible {
    pub pay: bool,
    /// Upload the transfer's slip, or another one.
    pub slip: bool,
    /// Cases, way to pay, invoice, delivery.
    pub change: bool,
    pub cancel: bool,
}

impl Possible {
    /// `basket`: its cases were put together by the applicant; the order of a single case is its rules' own.
    pub fn of(visit: &Visit, order: &OrderView, basket: bool) -> Self {
        // Its time does not run out while a clerk looks at the slip.
        let in_time = order.expires_at > visit.state.clock.now();
        let due = order.state.is_payable() && (in_time || order.state == OrderState::SlipUploaded);
        Self {
            pay: due,
            slip: due && way(order) == Some(Method::BankTransfer),
            change: basket && due,
            cancel: basket && due,
        }
    }
}

/// Whether the applicant put the order's cases together.
pub(crate) fn is_basket(cases: &[CasePage]) -> bool {
    cases
        .iter()
        .any(|case| case.service.ordering == Ordering::Basket)
}

/// How the order is going to be paid: as was picked, as was begun, or in the only way there is.
pub(crate) fn way(order: &OrderView) -> Option<Method> {
    let begun = order.payment.as_ref().map(|payment| payment.method);
    let only = match order.methods.as_slice() {
        [only] => Some(*only),
        _ => None,
    };
    // Money that came by transfer is completed by transfer.
    let transferred = (order.received.0 > 0).then_some(Method::BankTransfer);
    transferred.or(order.chosen).or(begun).or(only)
}

/// Name of a way to pay in texts and forms.
pub(crate) fn method_name(method: Method) -> &'static str {
    match method {
        Method::Wechat => "wechat",
        Method::Alipay => "alipay",
        Method::Cpcn => "cpcn",
        Method::BankTransfer => "bank-transfer",
    }
}

pub(crate) fn method_text(visit: &Visit, method: Method) -> &str {
    visit.text(&format!("payment.{}", method_name(method)))
}

/// The method by the name that a form sent.
pub(crate) fn method_by_name(name: &str) -> Option<Method> {
    [
        Method::Wechat,
        Method::Alipay,
        Method::Cpcn,
        Method::BankTransfer,
    ]
    .into_iter()
    .find(|method| method_name(*method) == name)
}

/// A state's look.
pub(crate) fn tone(state: OrderState) -> &'static str {
    match state {
        OrderState::Open | OrderState::AwaitingPayment => "action",
        OrderState::SlipUploaded | OrderState::Refunding => "waiting",
        OrderState::Paid => "done",
        OrderState::Refunded | OrderState::Closed => "draft",
    }
}

pub(crate) fn state_text(visit: &Visit, state: OrderState) -> &str {
    visit.text(&format!("orders.{}", state.as_str()))
}
