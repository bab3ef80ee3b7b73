//! Somebody on the way from an application to what it is for. Each step looks at the page first and does what is next, so
//! that whoever was interrupted goes on where they were.

use super::{Applicant, Desk};
use crate::page::{Answer, Page};
use crate::requests::certificate_request;
use anyhow::{Context, Result, bail};
use std::pin::Pin;
use std::time::Duration;

/// A step that may take a while; of one thread, as a page's text is.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + 'a>>;

/// How somebody pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pays {
    Wechat,
    Alipay,
    Transfer,
}

impl Pays {
    /// The provider's name; none for a transfer.
    pub fn provider(self) -> Option<&'static str> {
        match self {
            Self::Wechat => Some("wechat"),
            Self::Alipay => Some("alipay"),
            Self::Transfer => None,
        }
    }

    /// As the pages call it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Wechat => "微信支付",
            Self::Alipay => "支付宝",
            Self::Transfer => "对公转账",
        }
    }
}

/// One application on its way.
#[derive(Clone, Debug)]
pub struct Walk {
    /// `fujian/new-enterprise`
    pub service: &'static str,
    pub pays: Pays,
    /// Path of the case: `/cases/…`.
    pub case: String,
    /// The form was saved, so the page said; it is not typed again.
    pub filled: bool,
    /// What went over the order's price was paid back, so the page said.
    pub paid_back: bool,
}

impl Walk {
    pub fn new(service: &'static str, pays: Pays, case: String) -> Self {
        Self {
            service,
            pays,
            case,
            filled: false,
            paid_back: false,
        }
    }
}

/// Who applies at a site.
pub trait Person: Send {
    fn applicant(&mut self) -> &mut Applicant;

    fn register(&mut self) -> Doing<'_, Page>;

    /// Asks for the code by SMS that registering takes, and does not wait for it.
    fn ask_for_code(&mut self) -> Doing<'_, Page>;

    fn log_in(&mut self) -> Doing<'_, Page>;

    /// Begins an application of a service: the path of its page.
    fn begin(&mut self, service: &'static str) -> Doing<'_, String>;

    /// The state in which an application waits for a decision of a clerk's that the applicant is told of.
    fn told_after(&self) -> &'static str;

    /// The states that applications come to on these ways, as applicants read them.
    fn states(&self) -> &'static [&'static str];

    /// Looks, and does what is next, whosever turn it is; true when the way is at its end.
    fn step<'a>(&'a mut self, desk: &'a mut Desk, walk: &'a mut Walk) -> Doing<'a, bool>;

    /// The state that the page of a case names in one of its headings.
    fn state(&self, page: &Page) -> Result<String> {
        let headings = page.headings();
        let state = headings
            .iter()
            .find(|heading| self.states().contains(&heading.as_str()));
        match state {
            Some(state) => Ok(state.clone()),
            None => bail!("{}: {} no state among {headings:?}", page.path, page.status),
        }
    }
}

/// Waits as somebody does who has nothing to do but to look again.
pub(super) async fn wait() -> Result<bool> {
    tokio::time::sleep(Duration::from_millis(50)).await;
    Ok(false)
}

/// The smallest file that is a PDF.
pub(super) const PDF: &[u8] = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";

/// The maker makes a key for this name.
pub(super) async fn make(desk: &mut Desk, case: &str, name: &str) -> Result<bool> {
    let request = certificate_request(name)?;
    let with = [("证书请求", Answer::Text(&request))];
    desk.maker.act(case, "make", &with).await?;
    Ok(false)
}

/// Who has paid waits until it is known, and does not pay again.
pub(super) async fn pay(applicant: &mut Applicant, page: &Page, pays: Pays) -> Result<()> {
    let provider = pays.provider().context("a transfer is no payment online")?;
    let number = page.find("aside a.number").context("no order")?;
    let trades = applicant.simulated.trades(provider).await?;
    let paid = trades.iter().any(|trade| {
        let subject = trade["subject"].as_str().unwrap_or_default();
        trade["state"] == "paid" && subject.ends_with(&format!("订单{number}"))
    });
    if paid {
        applicant.until_paid(&page.path).await?;
    } else {
        applicant.pay_online(&page.path, provider, "normal").await?;
    }
    Ok(())
}
