//! `/cases/{id}/pay`: the QR code that survives a refresh, a second tab and a lost network; and the receipt.

use super::case::load;
use super::tasks;
use crate::error::WebError;
use crate::forms::Posted;
use crate::live;
use crate::page::{Applicant, Visit};
use crate::security::rate_limit::{self, ACTIONS};
use axum::extract::{Path, Query};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use yinxin_core::ids::OrderId;
use yinxin_core::money::Method;
use yinxin_documents::qr;
use yinxin_engine::views::CasePage;
use yinxin_services::payments::{OrderState, OrderView, PaymentError, PaymentState, PaymentView};

#[derive(Deserialize)]
pub struct Asked {
    /// The applicant wants another way to pay than the one that was begun.
    #[serde(default)]
    choose: Option<String>,
}

#[derive(Serialize)]
struct PayPage {
    case_path: String,
    path: String,
    number: String,
    subject: String,
    service: String,
    order: OrderLines,
    methods: Vec<&'static str>,
    code: Option<Code>,
    /// A sentence about a gateway that did not answer, or empty.
    trouble: String,
    live: String,
}

#[derive(Serialize)]
pub struct OrderLines {
    pub number: String,
    pub lines: Vec<Line>,
    pub total: i64,
    pub state: String,
    pub created: String,
    pub until: String,
    pub paid_at: String,
    pub method: String,
    pub transaction: String,
    pub refunded: i64,
}

#[derive(Serialize)]
pub struct Line {
    label: String,
    quantity: u32,
    amount: i64,
}

#[derive(Serialize)]
struct Code {
    method: &'static str,
    /// Our own drawing of what the provider gave.
    svg: String,
    /// Seconds that the code is valid.
    left: i64,
}

#[derive(Serialize)]
struct PaidPage {
    case_path: String,
    number: String,
    subject: String,
    service: String,
    order: OrderLines,
    /// What happens next; empty until the case has moved on.
    next: String,
    live: String,
}

pub async fn show(
    applicant: Applicant,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, WebError> {
    let page = load(&applicant, &id).await?;
    let order = order(&applicant, &page).await?;
    match order.state {
        OrderState::Open | OrderState::AwaitingPayment | OrderState::SlipUploaded
            if page.state.payable =>
        {
            let choosing = asked.choose.is_some();
            render(
                &applicant.visit,
                &page,
                &order,
                choosing,
                StatusCode::OK,
                "",
            )
        }
        OrderState::Paid | OrderState::Refunding | OrderState::Refunded => {
            let view = PaidPage {
                case_path: tasks::case_path(&page),
                number: page.number.clone(),
                subject: page.subject.clone(),
                service: page.service.title.clone(),
                next: if page.state.payable {
                    String::new()
                } else {
                    page.state.next.clone()
                },
                live: live::fingerprint(&page),
                order: order_lines(&applicant.visit, order),
            };
            applicant.visit.page("applicant/cases/paid.html", view)
        }
        _ => Ok(Redirect::to(&tasks::case_path(&page)).into_response()),
    }
}

pub async fn begin(
    applicant: Applicant,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    rate_limit::allow(visit, "pay", ACTIONS).await?;
    let page = load(&applicant, &id).await?;
    let order = order(&applicant, &page).await?;
    if !page.state.payable {
        return Err(WebError::Stale);
    }
    let method = [Method::Wechat, Method::Alipay, Method::Cpcn]
        .into_iter()
        .find(|method| method_name(*method) == posted.get("method"))
        .ok_or(WebError::BadRequest("way to pay"))?;
    match visit
        .state
        .payments
        .begin_payment(&visit.site.id, &order.id, method)
        .await
    {
        Ok(_) => Ok(Redirect::to(&format!("{}/pay", tasks::case_path(&page))).into_response()),
        Err(PaymentError::Gateway(error)) => {
            tracing::warn!(site = %visit.site.id, %error, "a gateway gave no code");
            let trouble = visit.text("payment.gateway_down");
            render(
                visit,
                &page,
                &order,
                true,
                StatusCode::SERVICE_UNAVAILABLE,
                trouble,
            )
        }
        Err(error) => Err(error.into()),
    }
}

/// "I have paid": looks at once.
pub async fn check(applicant: Applicant, Path(id): Path<String>) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    rate_limit::allow(visit, "pay", ACTIONS).await?;
    let page = load(&applicant, &id).await?;
    let path = format!("{}/pay", tasks::case_path(&page));
    let order = order(&applicant, &page).await?;
    let Some(payment) = order.payment else {
        return Ok(Redirect::to(&path).into_response());
    };
    let now = visit
        .state
        .payments
        .poll(&visit.site.id, &payment.id)
        .await?;
    let flash = if now.state == PaymentState::Prepared {
        "not-paid"
    } else {
        ""
    };
    Ok(visit.go(&path, flash))
}

/// The case's order, which is its applicant's.
async fn order(applicant: &Applicant, page: &CasePage) -> Result<OrderView, WebError> {
    let visit = &applicant.visit;
    let id = page.order.as_ref().ok_or(WebError::NotFound)?.id.as_str();
    let order = visit
        .state
        .payments
        .order_view(&visit.site.id, &OrderId::from_stored(id))
        .await?;
    if order.account == applicant.account {
        Ok(order)
    } else {
        Err(WebError::NotFound)
    }
}

fn render(
    visit: &Visit,
    page: &CasePage,
    order: &OrderView,
    choosing: bool,
    status: StatusCode,
    trouble: &str,
) -> Result<Response, WebError> {
    let open = order.payment.as_ref().filter(|_| !choosing);
    let view = PayPage {
        case_path: tasks::case_path(page),
        path: format!("{}/pay", tasks::case_path(page)),
        number: page.number.clone(),
        subject: page.subject.clone(),
        service: page.service.title.clone(),
        methods: order
            .methods
            .iter()
            .map(|method| method_name(*method))
            .collect(),
        code: open.map(|payment| code(visit, payment)).transpose()?,
        order: order_lines(visit, order.clone()),
        trouble: trouble.to_owned(),
        live: live::fingerprint(page),
    };
    visit.page_with(status, "applicant/cases/pay.html", view)
}

fn code(visit: &Visit, payment: &PaymentView) -> Result<Code, WebError> {
    let left = (payment.expires_at.0 - visit.state.clock.now().0) / 1000;
    Ok(Code {
        method: method_name(payment.method),
        svg: qr::svg(&payment.code_url).map_err(WebError::internal)?,
        left: left.max(0),
    })
}

pub fn order_lines(visit: &Visit, order: OrderView) -> OrderLines {
    let method = order
        .paid_method
        .map(|method| format!("payment.{}", method_name(method)));
    OrderLines {
        number: order.number,
        lines: order
            .lines
            .into_iter()
            .map(|line| Line {
                label: line.label,
                quantity: line.quantity,
                amount: line.amount,
            })
            .collect(),
        total: order.total.0,
        state: visit
            .text(&format!("orders.{}", order.state.as_str()))
            .to_owned(),
        created: order.created_at.minute(),
        until: order.expires_at.minute(),
        paid_at: order.paid_at.map(|at| at.minute()).unwrap_or_default(),
        method: method
            .map(|name| visit.text(&name).to_owned())
            .unwrap_or_default(),
        transaction: order.transaction,
        refunded: order.refunded.0,
    }
}

/// Name of a way to pay in texts and forms.
pub fn method_name(method: Method) -> &'static str {
    match method {
        Method::Wechat => "wechat",
        Method::Alipay => "alipay",
        Method::Cpcn => "cpcn",
        Method::BankTransfer => "bank-transfer",
    }
}
