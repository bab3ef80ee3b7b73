//! The clerks of one site who bring applications forward, each with one role.

use super::Clerk;
use crate::house::House;
use anyhow::{Result, bail};

pub struct Desk {
    pub reviewer: Clerk,
    pub maker: Clerk,
    pub shipper: Clerk,
    pub finance: Clerk,
}

impl Desk {
    /// `domain`: `yingtan` or `fujian`.
    pub async fn open(house: &House, domain: &str) -> Result<Self> {
        Ok(Self {
            reviewer: Clerk::log_in(house, domain, "reviewer").await?,
            maker: Clerk::log_in(house, domain, "maker").await?,
            shipper: Clerk::log_in(house, domain, "shipper").await?,
            finance: Clerk::log_in(house, domain, "finance").await?,
        })
    }

    /// The same clerks at another screen.
    pub fn again(&self) -> Self {
        let again = |clerk: &Clerk| Clerk {
            browser: clerk.browser.clone(),
        };
        Self {
            reviewer: again(&self.reviewer),
            maker: again(&self.maker),
            shipper: again(&self.shipper),
            finance: again(&self.finance),
        }
    }

    /// Pays out by bank what an order got too much.
    pub async fn pay_back(&mut self, order: &str, reference: &str) -> Result<()> {
        let path = "/console/refunds?state=requested";
        let page = self.finance.browser.open(path).await?;
        let html = page.html();
        let line = html.split_once(&format!("/console{order}\""));
        let form = line
            .and_then(|(_, line)| line.split_once("action=\"/console/refunds/"))
            .and_then(|(_, line)| line.split_once('"'))
            .map(|(id, _)| format!("/console/refunds/{id}"));
        let form = page
            .forms()
            .into_iter()
            .find(|found| Some(&found.action) == form.as_ref());
        let Some(mut form) = form else {
            bail!("nothing of {order} is to go back: {}", page.main_text());
        };
        form.fill("reference", reference)?;
        let answer = self.finance.browser.send_once(&form, Some(0)).await?;
        if !answer.status.is_redirection() {
            bail!("{}: {} {}", form.action, answer.status, answer.main_text());
        }
        Ok(())
    }
}
