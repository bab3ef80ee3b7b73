//! What the CA's own people do in the console (manual row C-6). Each has one role.

use super::Unit;
use crate::browser::Browser;
use crate::house::{CLERK_PASSWORD, House};
use crate::page::{Answer, Control, Page};
use crate::requests::certificate_request;
use anyhow::{Result, bail};
use std::time::Duration;

pub struct Clerk {
    pub browser: Browser,
}

impl Clerk {
    /// `name`: `reviewer`, `maker`, `shipper`, `finance` or `admin`; at `yingtan` or `fujian`.
    pub async fn log_in(house: &House, site: &str, name: &str) -> Result<Self> {
        let mut browser = Browser::new(house, site);
        let page = browser.open("/console/login").await?;
        let answers = [("用户名", name.into()), ("密码", CLERK_PASSWORD.into())];
        browser
            .press(&page, "登录", &answers)
            .await?
            .headed("工作台")?;
        Ok(Self { browser })
    }

    /// A case's page in the console; `case` is its path for the applicant.
    pub async fn open(&mut self, case: &str) -> Result<Page> {
        self.browser.open(&format!("/console{case}")).await
    }

    /// Finds everything in order and presses the button: `初审通过`, `受理`.
    pub async fn pass_all(&mut self, case: &str, button: &str) -> Result<Page> {
        let page = self.open(case).await?;
        let (mut form, place) = page.form_with(button)?;
        for field in &mut form.fields {
            if field.name.starts_with("item:") && matches!(field.control, Control::Choice(_)) {
                field.value = Some("pass".to_owned());
            }
        }
        self.done(case, form, place).await
    }

    /// Presses a button of the case's page that asks nothing more.
    pub async fn press(&mut self, case: &str, button: &str) -> Result<Page> {
        let page = self.open(case).await?;
        let (form, place) = page.form_with(button)?;
        self.done(case, form, place).await
    }

    /// An action with a page of its own: `make` with the answers by label.
    pub async fn act(
        &mut self,
        case: &str,
        action: &str,
        answers: &[(&str, Answer<'_>)],
    ) -> Result<Page> {
        let page = self
            .browser
            .open(&format!("/console{case}/actions/{action}"))
            .await?;
        let Some(button) = page.find("form.panel .buttons button") else {
            bail!("{action} cannot be done: {}", page.main_text());
        };
        let (mut form, place) = page.form_with(&button)?;
        for (label, answer) in answers {
            form.fill(label, answer.clone())?;
        }
        self.done(case, form, place).await
    }

    /// What is refused leads to no other page, and says why.
    async fn done(&mut self, case: &str, form: crate::page::Form, place: usize) -> Result<Page> {
        let answer = self.browser.send_once(&form, Some(place)).await?;
        if !answer.status.is_redirection() {
            bail!(
                "{}: {} {}",
                form.target(Some(place)),
                answer.status,
                answer.main_text()
            );
        }
        self.open(case).await
    }

    /// Makes the certificate for a new key and waits until it is issued.
    pub async fn make(&mut self, case: &str, unit: &Unit) -> Result<Page> {
        let request = certificate_request(&unit.name)?;
        self.act(case, "make", &[("证书请求", (&request).into())])
            .await?;
        self.until(case, "待寄出").await
    }

    /// Waits until the case is in the state that clerks call so.
    pub async fn until(&mut self, case: &str, state: &str) -> Result<Page> {
        for _ in 0..1_200 {
            let page = self.open(case).await?;
            if page.find(".case-head .tag").as_deref() == Some(state) {
                return Ok(page);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let page = self.open(case).await?;
        bail!("{case} does not become {state}: {}", page.main_text())
    }

    /// Books a bank transfer for an order; `amount` in yuan: `400.00`.
    pub async fn book_transfer(
        &mut self,
        order: &str,
        amount: &str,
        number: &str,
        payer: &str,
    ) -> Result<Page> {
        let page = self.browser.open(&format!("/console{order}")).await?;
        let answers = [
            ("到账金额（元）", amount.into()),
            ("银行流水号", number.into()),
            ("付款户名", payer.into()),
        ];
        let page = self.browser.press(&page, "登记到账", &answers).await?;
        match page.form_with("确认登记") {
            Ok(_) => self.browser.press(&page, "确认登记", &[]).await,
            Err(_) => Ok(page),
        }
    }
}
