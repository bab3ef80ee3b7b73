//! The handler of a unit on Fujian's site (manual rows F-1 to F-14).

use super::walking::{make, pay, wait};
use super::{Applicant, Desk, Doing, Pays, Person, Unit, Walk};
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
        self.begin_from_certificate("renew-enterprise").await
    }

    async fn begin_from_certificate(&mut self, service: &str) -> Result<String> {
        let page = self
            .browser
            .open(&format!("/services/fujian/{service}/new"))
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
        self.fill_as_person(&case).await?;
        self.upload_all(&case).await?;
        self.submit(&case).await?;
        Ok(case)
    }

    /// What a person types about themselves.
    pub async fn fill_as_person(&mut self, case: &str) -> Result<Page> {
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
            .await
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

/// What a transfer brings beyond the price, in fen: it goes back by the bank.
const TOO_MUCH: i64 = 1_234;

impl Person for Handler {
    fn applicant(&mut self) -> &mut Applicant {
        &mut self.0
    }

    fn register(&mut self) -> Doing<'_, Page> {
        Box::pin(Handler::register(self))
    }

    fn ask_for_code(&mut self) -> Doing<'_, Page> {
        Box::pin(async {
            let mobile = self.unit.mobile.clone();
            self.0.ask_for_code(&[("手机号", (&mobile).into())]).await
        })
    }

    fn log_in(&mut self) -> Doing<'_, Page> {
        Box::pin(Handler::log_in(self))
    }

    fn begin(&mut self, service: &'static str) -> Doing<'_, String> {
        match service.strip_prefix("fujian/") {
            Some(renewal) if renewal.starts_with("renew-") => {
                Box::pin(self.begin_from_certificate(renewal))
            }
            _ => Box::pin(self.0.begin(service)),
        }
    }

    fn told_after(&self) -> &'static str {
        "待审核"
    }

    fn states(&self) -> &'static [&'static str] {
        &[
            "填写中",
            "待审核",
            "申请受理中",
            "待收材料",
            "待收 KEY",
            "待制作",
            "制作中",
            "可领取",
            "已寄出",
        ]
    }

    fn step<'a>(&'a mut self, desk: &'a mut Desk, walk: &'a mut Walk) -> Doing<'a, bool> {
        Box::pin(self.next(desk, walk))
    }
}

impl Handler {
    async fn next(&mut self, desk: &mut Desk, walk: &mut Walk) -> Result<bool> {
        let case = walk.case.clone();
        let page = self.case(&case).await?;
        // News of the money comes a moment after it, and changes the page that a clerk has before them.
        let history = page.find(".timeline").unwrap_or_default();
        let has_heard = ["汇款已核实", "付款成功"]
            .iter()
            .any(|news| history.contains(news));
        match self.state(&page)?.as_str() {
            "填写中" => {
                let agreement = format!("{case}/steps/agreement");
                let page = self.browser.open(&agreement).await?;
                if page.form_with("我已阅读并同意").is_ok() {
                    self.agree(&case).await?;
                }
                // What was acknowledged is there and not typed again; without it, it could not be submitted.
                if !walk.filled {
                    if walk.service.ends_with("-personal") {
                        self.fill_as_person(&case).await?;
                    } else {
                        self.fill(&case, "1 年").await?;
                    }
                    walk.filled = true;
                }
                self.upload_all(&case).await?;
                self.submit(&case).await?;
            }
            "待审核" | "申请受理中" => {
                let page = self.browser.get(&format!("{case}/pay")).await?;
                let Some(order) = page.path.strip_suffix("/pay").map(str::to_owned) else {
                    self.order(&[&case], walk.pays.label()).await?;
                    return Ok(false);
                };
                if page.has("付款成功") {
                    if !has_heard {
                        return wait().await;
                    }
                    desk.reviewer.pass_all(&case, "受理").await?;
                } else if walk.pays == Pays::Transfer {
                    if page.forms().iter().any(|form| form.multipart) && !page.has("正在核实汇款")
                    {
                        self.upload_slip(&order).await?;
                    }
                    let (_, amount) = self.transfer_facts(&order).await?;
                    let more = with_too_much(&amount)?;
                    // One transfer for each order, and its number again for one that is booked again.
                    let number = format!("B{}", order.rsplit('/').next().unwrap_or_default());
                    let payer = self.unit.name.clone();
                    desk.finance
                        .book_transfer(&order, &more, &number, &payer)
                        .await?;
                } else {
                    pay(&mut self.0, &page, walk.pays).await?;
                }
            }
            "待收材料" | "待收 KEY" => {
                if walk.pays == Pays::Transfer && !walk.paid_back {
                    self.see_paid_back(desk, &case).await?;
                    walk.paid_back = true;
                }
                desk.reviewer.press(&case, "材料齐全合格").await?;
            }
            "待制作" => return make(desk, &case, &self.unit.name).await,
            "制作中" => return wait().await,
            "可领取" => {
                let with = [
                    ("快递公司", Answer::Text("邮政")),
                    ("快递单号", Answer::Text("EA123456789CN")),
                ];
                desk.shipper.act(&case, "ship", &with).await?;
            }
            "已寄出" => return Ok(true),
            other => bail!("nobody meant to come to {other}"),
        }
        Ok(false)
    }

    /// What the transfer brought too much is on its way back, or finance sends it.
    async fn see_paid_back(&mut self, desk: &mut Desk, case: &str) -> Result<()> {
        let page = self.browser.get(&format!("{case}/pay")).await?;
        let order = page.path.strip_suffix("/pay").context("no order")?;
        let order = order.to_owned();
        let page = desk
            .finance
            .browser
            .open(&format!("/console{order}"))
            .await?;
        if page.has("登记转账退款") {
            return Ok(());
        }
        let reference = format!("R{}", order.rsplit('/').next().unwrap_or_default());
        desk.pay_back(&order, &reference).await
    }
}

fn with_too_much(yuan: &str) -> Result<String> {
    let fen: i64 = yuan.replace('.', "").parse()?;
    let more = fen + TOO_MUCH;
    Ok(format!("{}.{:02}", more / 100, more % 100))
}
