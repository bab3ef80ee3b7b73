//! The handler of a unit on Fujian's site (manual rows F-1 to F-14).

use super::{Applicant, Unit};
use crate::browser::Browser;
use crate::house::House;
use crate::page::{Answer, Page};
use crate::scans;
use anyhow::{Context, Result, bail};
use std::ops::{Deref, DerefMut};

/// As in sites/fujian/site.toml.
const CODE: &str = "1400001";

pub struct Handler(Applicant);

impl Deref for Handler {
    type Target = Applicant;

    fn deref(&self) -> &Applicant {
        &self.0
    }
}

impl DerefMut for Handler {
    fn deref_mut(&mut self) -> &mut Applicant {
        &mut self.0
    }
}

impl Handler {
    pub fn new(house: &House, unit: Unit) -> Self {
        Self(Applicant {
            browser: Browser::new(house, "fujian"),
            simulated: house.simulated.clone(),
            unit,
            code_template: CODE,
            codes: 0,
        })
    }

    pub async fn register(&mut self) -> Result<Page> {
        let mobile = self.unit.mobile.clone();
        self.0.register(&[("手机号", (&mobile).into())]).await
    }

    pub async fn log_in(&mut self) -> Result<Page> {
        let mobile = self.unit.mobile.clone();
        self.0.log_in(&mobile).await
    }

    /// Begins an application of a service such as `new-enterprise`: the path of its page.
    pub async fn begin(&mut self, service: &str) -> Result<String> {
        self.0.begin(&format!("fujian/{service}")).await
    }

    /// Begins a renewal of the first certificate that is offered.
    pub async fn begin_renewal(&mut self) -> Result<String> {
        let page = self
            .browser
            .open("/services/fujian/renew-enterprise/new")
            .await?;
        let (mut form, button) = page.form_with("下一步")?;
        let field = form
            .fields
            .iter_mut()
            .find_map(|field| match &field.control {
                crate::page::Control::Choice(options) => Some((options.first()?.0.clone(), field)),
                _ => None,
            });
        let (first, field) = field.context("no certificate is offered")?;
        field.value = Some(first);
        let page = self
            .browser
            .send(&form, Some(button))
            .await?
            .headed("填写中")?;
        Ok(page.path)
    }

    pub async fn agree(&mut self, case: &str) -> Result<Page> {
        let page = self
            .browser
            .open(&format!("{case}/steps/agreement"))
            .await?;
        self.browser.press(&page, "我已阅读并同意", &[]).await
    }

    /// `years`: `1 年`, `2 年` or `3 年`.
    pub async fn fill(&mut self, case: &str, years: &str) -> Result<Page> {
        let unit = self.unit.clone();
        let answers: [(&str, Answer<'_>); 11] = [
            ("单位名称", (&unit.name).into()),
            ("统一社会信用代码", (&unit.uscc).into()),
            ("所在地区", "福建省 福州市".into()),
            ("单位地址", (&unit.address).into()),
            ("法定代表人姓名", (&unit.legal_name).into()),
            ("法定代表人身份证号码", (&unit.legal_number).into()),
            ("经办人姓名", (&unit.handler_name).into()),
            ("经办人身份证号码", (&unit.handler_number).into()),
            ("经办人手机", (&unit.mobile).into()),
            ("经办人邮箱", (&unit.email).into()),
            ("证书年限", years.into()),
        ];
        self.0
            .fill(&format!("{case}/steps/application"), &answers)
            .await
    }

    pub async fn upload_all(&mut self, case: &str) -> Result<()> {
        self.0.upload_all(case).await
    }

    pub async fn submit(&mut self, case: &str) -> Result<Page> {
        let page = self.browser.open(&format!("{case}/steps/summary")).await?;
        self.browser
            .press(&page, "提交申请单", &[])
            .await?
            .headed("待审核")
    }

    /// From the first page of an application for a new certificate to its submission: its path.
    pub async fn apply(&mut self, years: &str) -> Result<String> {
        let case = self.begin("new-enterprise").await?;
        self.agree(&case).await?;
        self.fill(&case, years).await?;
        self.upload_all(&case).await?;
        self.submit(&case).await?;
        Ok(case)
    }

    /// The same for a certificate of the handler's own.
    pub async fn apply_as_person(&mut self) -> Result<String> {
        let case = self.begin("new-personal").await?;
        self.agree(&case).await?;
        let unit = self.unit.clone();
        let answers: [(&str, Answer<'_>); 7] = [
            ("姓名", (&unit.handler_name).into()),
            ("身份证号码", (&unit.handler_number).into()),
            ("手机", (&unit.mobile).into()),
            ("邮箱", (&unit.email).into()),
            ("所在地区", "福建省 福州市".into()),
            ("联系地址", (&unit.address).into()),
            ("证书年限", "1 年".into()),
        ];
        self.0
            .fill(&format!("{case}/steps/application"), &answers)
            .await?;
        self.upload_all(&case).await?;
        self.submit(&case).await?;
        Ok(case)
    }

    /// Orders cases by their paths: the path of the order. `method`: `对公转账`, `微信支付` or `支付宝`.
    pub async fn order(&mut self, cases: &[&str], method: &str) -> Result<String> {
        let ids = cases.iter().filter_map(|case| case.strip_prefix("/cases/"));
        let query: Vec<String> = ids.map(|id| format!("case={id}")).collect();
        let page = self
            .browser
            .open(&format!("/orders/new/details?{}", query.join("&")))
            .await?;
        let unit = self.unit.clone();
        let answers: [(&str, Answer<'_>); 9] = [
            ("抬头类型", "单位".into()),
            ("发票抬头", (&unit.name).into()),
            ("纳税人识别号", (&unit.uscc).into()),
            ("收票邮箱", (&unit.email).into()),
            ("收件人", (&unit.handler_name).into()),
            ("收件手机", (&unit.mobile).into()),
            ("收件地址", (&unit.address).into()),
            ("姓名", (&unit.handler_name).into()),
            ("手机", (&unit.mobile).into()),
        ];
        let mut answers = answers.to_vec();
        // With one way to pay there is no choice.
        let (mut form, _) = page.form_with("提交订单")?;
        if form.field("method").is_ok() {
            answers.push(("method", method.into()));
        }
        let page = self.browser.press(&page, "提交订单", &answers).await?;
        match page.path.strip_suffix("/pay") {
            Some(order) => Ok(order.to_owned()),
            None => bail!("no order was made: {}", page.main_text()),
        }
    }

    /// What the pay page says: the reference of a transfer, and the amount in yuan, `740.00`.
    pub async fn transfer_facts(&mut self, order: &str) -> Result<(String, String)> {
        let page = self.browser.open(&format!("{order}/pay")).await?;
        let fact = |name: &str| page.find(&format!(".fact-{name} dd > span"));
        let reference = fact("reference").context("no reference")?;
        let amount = fact("amount").context("no amount")?;
        let digits = |c: char| c.is_ascii_digit() || c == '.';
        Ok((reference, amount.chars().filter(|c| digits(*c)).collect()))
    }

    /// Uploads the slip of a transfer.
    pub async fn upload_slip(&mut self, order: &str) -> Result<Page> {
        let page = self.browser.open(&format!("{order}/pay")).await?;
        let form = page.forms().into_iter().find(|form| form.multipart);
        let mut form = form.context("no slip is asked for")?;
        let slip = scans::sheet(self.unit.number + 7);
        form.fill(
            "file",
            Answer::File {
                name: "汇款底单.jpg",
                bytes: &slip,
            },
        )?;
        self.browser
            .send(&form, Some(0))
            .await?
            .expect("正在核实汇款")
    }

    pub async fn post_papers(&mut self, case: &str, tracking: &str) -> Result<Page> {
        let page = self.action_page(case, "post").await?;
        let button = page.find("form#action button.primary").context("no form")?;
        let answers = [
            ("快递公司", "邮政 EMS".into()),
            ("快递单号", tracking.into()),
        ];
        self.browser.press(&page, &button, &answers).await
    }
}
