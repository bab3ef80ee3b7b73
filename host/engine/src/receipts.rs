//! Receipts 回执: papers that are printed once for an order, for the cases in it whose service names them. What to stamp and
//! what to send along depends on the service and on the way to pay.
//!
//! A receipt is numbered like its order and not kept: it says what the order says, as long as the order is not closed.

use crate::Engine;
use crate::actor::Actor;
use crate::baskets::cases_seen;
use crate::error::EngineError;
use crate::inner::Inner;
use crate::papers::{fields, paper_error, value};
use crate::situation::Situation;
use crate::views::{Download, ReceiptView};
use yinxin_core::definition::{Definition, Document};
use yinxin_core::ids::{OrderId, SiteId};
use yinxin_core::money::{Fen, Method};
use yinxin_core::shared::Shared;
use yinxin_documents::{CaseTable, Imprint, Paper, QrKind, QrText};
use yinxin_store::orders::{self, Order, OrderState};
use yinxin_store::payments;

/// Between the values that several cases give to one placeholder.
const BETWEEN: &str = "、";

impl Engine {
    /// The papers that can be printed for an order now.
    pub async fn receipts(
        &self,
        site: &SiteId,
        viewer: &Actor,
        order: &OrderId,
    ) -> Result<Vec<ReceiptView>, EngineError> {
        let (order, method, cases) = self.ordered(site, viewer, order).await?;
        let mut views: Vec<ReceiptView> = Vec::new();
        for case in &cases {
            for document in offered(&order, method, case) {
                if !views.iter().any(|view| view.document == document.id) {
                    views.push(ReceiptView {
                        document: document.id.clone(),
                        title: document.title.clone(),
                    });
                }
            }
        }
        for view in &mut views {
            let receipt = receipt(&order, method, &cases, &view.document)?;
            view.title = filled(&self.inner, site, &order, method, &receipt)?.title;
        }
        Ok(views)
    }

    /// One of them with its data, for a page to print.
    pub async fn receipt_paper(
        &self,
        site: &SiteId,
        viewer: &Actor,
        order: &OrderId,
        document: &str,
    ) -> Result<Paper, EngineError> {
        let (order, method, cases) = self.ordered(site, viewer, order).await?;
        let receipt = receipt(&order, method, &cases, document)?;
        filled(&self.inner, site, &order, method, &receipt)
    }

    /// One of them as A4 PDF.
    pub async fn receipt(
        &self,
        site: &SiteId,
        viewer: &Actor,
        order: &OrderId,
        document: &str,
    ) -> Result<Download, EngineError> {
        let paper = self.receipt_paper(site, viewer, order, document).await?;
        let name = format!("{}-{}.pdf", paper.title, paper.imprint.number);
        let pdf = self.inner.services.papers.pdf(paper).await;
        Ok(Download {
            name,
            media_type: "application/pdf".to_owned(),
            bytes: pdf.map_err(paper_error)?,
        })
    }

    /// An order that is not closed, the way in which it is or will be paid, and its cases.
    async fn ordered(
        &self,
        site: &SiteId,
        viewer: &Actor,
        id: &OrderId,
    ) -> Result<(Order, Option<Method>, Vec<Situation>), EngineError> {
        let mut conn = self.inner.store.read().await?;
        let cases = cases_seen(&self.inner, &mut conn, site, viewer, id).await?;
        let order = orders::get(&mut conn, site, id).await?;
        let method = match &order.paid_by {
            Some(payment) => Some(payments::get(&mut conn, site, payment).await?.method),
            None => to_be_paid_by(&order),
        };
        Ok((order, method, cases))
    }
}

/// The way that the applicant picked, or the only one there is.
fn to_be_paid_by(order: &Order) -> Option<Method> {
    match order.methods.as_slice() {
        [only] => Some(*only),
        _ => order.chosen,
    }
}

/// Named as a receipt by a service: no paper of a single case.
pub(crate) fn is_receipt(definition: &Definition, document: &str) -> bool {
    let services = definition.services.iter();
    let mut receipts = services.flat_map(|service| &service.receipts);
    receipts.any(|receipt| receipt.document == document)
}

/// The receipts that the case's service names for such an order.
fn offered<'a>(
    order: &Order,
    method: Option<Method>,
    case: &'a Situation,
) -> impl Iterator<Item = &'a Shared<Document>> {
    let is_over = order.state == OrderState::Closed;
    let receipts = case.service().map(|service| service.receipts.as_slice());
    receipts
        .unwrap_or_default()
        .iter()
        .filter(move |receipt| {
            let fits = method.is_some_and(|method| receipt.methods.contains(&method));
            !is_over && (receipt.methods.is_empty() || fits)
        })
        .filter_map(|receipt| case.document(&receipt.document))
        .filter(|document| {
            let in_state = document.states.is_empty() || document.states.contains(&case.case.state);
            in_state && case.case.values.shows(document.shown_when.as_deref())
        })
}

/// The receipt of this id with the cases that it is for.
fn receipt<'a>(
    order: &Order,
    method: Option<Method>,
    cases: &'a [Situation],
    id: &str,
) -> Result<(&'a Document, Vec<&'a Situation>), EngineError> {
    let named = |case: &'a Situation| offered(order, method, case).find(|one| one.id == id);
    let of: Vec<&Situation> = cases.iter().filter(|case| named(case).is_some()).collect();
    let document = of.first().and_then(|case| named(case));
    Ok((document.ok_or(EngineError::NotFound)?, of))
}

fn filled(
    inner: &Inner,
    site: &SiteId,
    order: &Order,
    method: Option<Method>,
    (document, cases): &(&Document, Vec<&Situation>),
) -> Result<Paper, EngineError> {
    let imprint = Imprint {
        site_title: inner.site(site)?.title.clone(),
        number: order.number.clone(),
        made: inner.now().minute(),
    };
    let value = |name: &str| match name {
        "order-number" => Some(order.number.clone()),
        "order-total" => Some(Fen(order.total.0).to_string()),
        "order-method" => Some(method.map_or("", in_words).to_owned()),
        "order-reference" => Some(order.reference.clone()),
        _ => of_all(cases, name),
    };
    let code = |_: QrKind<'_>| QrText {
        content: order.number.clone(),
        title: "订单号".to_owned(),
        hint: order.number.clone(),
    };
    let rows = cases.iter().map(|case| {
        let service = case.service().map(|service| service.title.clone());
        [
            case.case.number.clone(),
            case.case.subject.clone(),
            service.unwrap_or_default(),
        ]
    });
    let table = CaseTable {
        head: ["业务受理号", "名称", "业务"].map(str::to_owned),
        cases: rows.collect(),
    };
    Paper::from_receipt(document, imprint, value, code, &table)
        .map_err(|error| EngineError::Service(error.to_string()))
}

/// What the cases say to a placeholder, each value once; none where none of them has such a field.
fn of_all(cases: &[&Situation], name: &str) -> Option<String> {
    let mut values: Vec<String> = Vec::new();
    let mut known = false;
    for case in cases {
        if let Some(value) = value(case, &fields(case), name) {
            known = true;
            if !value.is_empty() && !values.contains(&value) {
                values.push(value);
            }
        }
    }
    known.then(|| values.join(BETWEEN))
}

/// How people call the way to pay.
fn in_words(method: Method) -> &'static str {
    match method {
        Method::Wechat => "微信支付",
        Method::Alipay => "支付宝",
        Method::Cpcn => "网上银行",
        Method::BankTransfer => "对公转账",
    }
}
