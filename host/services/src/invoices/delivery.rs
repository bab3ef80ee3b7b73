//! An invoice on its way to people: by mail to whom the order names, and as an event to its cases.

use super::due::rest;
use super::{InvoiceError, Invoices};
use crate::case_event::CaseEvent;
use crate::messaging::{MessagingError, NewMessage};
use yinxin_core::definition::{MailText, MessageContent};
use yinxin_core::ids::{CaseId, SiteId};
use yinxin_core::rules::{Fact, NamedValue};
use yinxin_store::invoices::{self as rows, Invoice};
use yinxin_store::{Connection, orders};

const SUBJECT: &str = "您的电子发票（订单 {order}）";
const BODY: &str = "您好：\n\n\
    订单 {order} 的电子发票已开具，见附件。\n\n\
    发票号码：{number}\n\
    价税合计：{amount} 元\n\n\
    发票也可以登录后在订单页面下载。需要核对真伪，请到国家税务总局全国增值税发票查验平台查询。\n";

impl Invoices {
    /// Queues the mail with the PDF, once an invoice. Without an address, or with one that is none, it stays in the order.
    pub(super) async fn mail(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        invoice: &Invoice,
    ) -> Result<(), InvoiceError> {
        let Some(file) = &invoice.file else {
            return Ok(());
        };
        let details = orders::details(conn, &self.sealer, site, &invoice.order).await?;
        if details.invoice_email.trim().is_empty() {
            return Ok(());
        }
        let order = orders::get(conn, site, &invoice.order).await?;
        let cases = orders::cases_of(conn, site, &invoice.order).await?;
        let case_id = match cases.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        };
        let value = |name: &str, value: String| NamedValue {
            name: name.to_owned(),
            value,
        };
        let message = NewMessage {
            key: format!("invoice/{}", invoice.id),
            case_id,
            recipient: details.invoice_email,
            template: "invoice".to_owned(),
            content: MessageContent::Mail(MailText {
                subject: SUBJECT.to_owned(),
                body: BODY.to_owned(),
                attachments: Vec::new(),
            }),
            parameters: vec![
                value("order", order.number),
                value("number", invoice.number.clone()),
                value("amount", invoice.amount.to_string()),
            ],
            attachments: vec![file.clone()],
            expires_at: None,
        };
        match self.messaging.queue(conn, site, message).await {
            Ok(_) => Ok(()),
            Err(MessagingError::NoRecipient) => {
                tracing::warn!(%site, invoice = %invoice.id, "the order's address for the invoice is none");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Tells the cases that asked and whose money was kept.
    pub(super) async fn tell_all(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        invoice: &Invoice,
    ) -> Result<(), InvoiceError> {
        let order = orders::get(conn, site, &invoice.order).await?;
        let asked = rows::asked(conn, site, &order.id).await?;
        let cases: Vec<CaseId> = rest(conn, site, &order)
            .await?
            .cases
            .into_iter()
            .filter(|case| asked.contains(case))
            .collect();
        self.tell(conn, site, invoice, &cases).await
    }

    pub(super) async fn tell(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        invoice: &Invoice,
        cases: &[CaseId],
    ) -> Result<(), InvoiceError> {
        for case in cases {
            let event = CaseEvent {
                case_id: case.clone(),
                event: "invoiced".to_owned(),
                fact: Fact::None,
            };
            let key = format!("invoiced:{}:{case}", invoice.id);
            event.enqueue(conn, site, key, self.clock.now()).await?;
        }
        Ok(())
    }
}
