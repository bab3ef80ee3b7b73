//! The handler of a unit on the Yingtan project's site (manual rows J-1 to J-12).

use super::walking::{PDF, make, pay, wait};
use super::{Applicant, Desk, Doing, Person, Unit, Walk};
use crate::browser::Browser;
use crate::house::House;
use crate::page::{Answer, Form, Page};
use anyhow::{Context, Result, bail};
use std::ops::{Deref, DerefMut};

/// As in sites/jiangxi/site.toml.
const CODE: &str = "SMS_100001";
const SERVICE: &str = "yingtan/new-certificate";

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

fn asked_at_registration(unit: &Unit) -> [(&str, Answer<'_>); 3] {
    [
        ("单位名称", (&unit.name).into()),
        ("统一社会信用代码", (&unit.uscc).into()),
        ("经办人手机", (&unit.mobile).into()),
    ]
}

impl Handler {
    pub fn new(house: &House, unit: Unit) -> Self {
        Self::coming_by(house, "yingtan", unit)
    }

    /// Somebody who comes by another of the site's domains.
    pub fn coming_by(house: &House, domain: &str, unit: Unit) -> Self {
        Self(Applicant {
            browser: Browser::new(house, domain),
            simulated: house.simulated.clone(),
            unit,
            code_template: CODE,
            codes: 0,
        })
    }

    pub async fn register(&mut self) -> Result<Page> {
        let unit = self.unit.clone();
        self.0.register(&asked_at_registration(&unit)).await
    }

    /// The registration filled in; only its button has to be pressed.
    pub async fn ready_to_register(&mut self) -> Result<(Form, usize)> {
        let unit = self.unit.clone();
        let answers = asked_at_registration(&unit);
        self.0.ready_to_register(&answers).await
    }

    pub async fn log_in(&mut self) -> Result<Page> {
        let uscc = self.unit.uscc.clone();
        self.0.log_in(&uscc).await
    }

    /// Begins an application: the path of its page.
    pub async fn begin(&mut self) -> Result<String> {
        self.0.begin(SERVICE).await
    }

    /// `kind`: `主锁` or `副锁`.
    pub async fn fill(&mut self, case: &str, kind: &str) -> Result<Page> {
        let unit = self.unit.clone();
        let answers: [(&str, Answer<'_>); 14] = [
            ("锁的种类", kind.into()),
            ("单位名称", (&unit.name).into()),
            ("统一社会信用代码", (&unit.uscc).into()),
            ("法定代表人姓名", (&unit.legal_name).into()),
            ("法定代表人身份证号码", (&unit.legal_number).into()),
            ("经办人姓名", (&unit.handler_name).into()),
            ("经办人身份证号码", (&unit.handler_number).into()),
            ("经办人手机", (&unit.mobile).into()),
            ("发票抬头", (&unit.name).into()),
            ("纳税人识别号", (&unit.uscc).into()),
            ("接收电子发票的邮箱", (&unit.email).into()),
            ("收件人姓名", (&unit.handler_name).into()),
            ("收件人手机", (&unit.mobile).into()),
            ("收件地址", (&unit.address).into()),
        ];
        self.0.fill(&format!("{case}/steps/order"), &answers).await
    }

    /// Prints the letter, and has the legal representative pass the face check with its code.
    pub async fn pass_face_check(&mut self, case: &str) -> Result<()> {
        self.browser
            .open(&format!("{case}/papers/authorisation-letter"))
            .await?;
        let page = self
            .browser
            .open(&format!("{case}/steps/legal-check"))
            .await?;
        if passed(&page) {
            return Ok(());
        }
        let link = page
            .links()
            .into_iter()
            .find(|link| link.href.contains("/p/"));
        let link = link.context("the page has no link for the phone")?.href;
        // The legal representative's own phone.
        let link = url::Url::parse(&link)?;
        let mut phone = self.browser.beside(&link.origin().ascii_serialization());
        let page = phone.open(link.path()).await?;
        let start = match page.form_with("开始核验") {
            Ok(_) => "开始核验",
            Err(_) => "重新核验",
        };
        let going = phone.press(&page, start, &[]).await?;
        let provider = match going.form_with("本人刷脸通过") {
            Ok(_) => going,
            Err(_) => {
                let to = going
                    .attribute("main a.button", "href")
                    .context("no way to the provider")?;
                phone.get(&to).await?
            }
        };
        phone.press(&provider, "本人刷脸通过", &[]).await?;
        for _ in 0..600 {
            let page = self
                .browser
                .open(&format!("{case}/steps/legal-check"))
                .await?;
            if passed(&page) {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        anyhow::bail!("{case}: the face check does not pass")
    }

    pub async fn upload_all(&mut self, case: &str) -> Result<()> {
        self.0.upload_all(case).await
    }

    pub async fn submit(&mut self, case: &str) -> Result<Page> {
        let page = self.browser.open(&format!("{case}/steps/summary")).await?;
        self.browser
            .press(&page, "提交申请", &[])
            .await?
            .headed("等待初审")
    }

    /// From the first page of an application to its submission: its path.
    pub async fn apply(&mut self, kind: &str) -> Result<String> {
        let case = self.begin().await?;
        self.fill(&case, kind).await?;
        self.pass_face_check(&case).await?;
        self.upload_all(&case).await?;
        self.submit(&case).await?;
        Ok(case)
    }

    /// `method`: `wechat` or `alipay`. `mode`: `normal`, or how the provider lies.
    pub async fn pay(&mut self, case: &str, method: &str, mode: &str) -> Result<Page> {
        let page = self.browser.open(&format!("{case}/pay")).await?;
        self.pay_online(&page.path, method, mode).await
    }

    pub async fn post_papers(&mut self, case: &str, tracking: &str) -> Result<Page> {
        let page = self.action_page(case, "post").await?;
        let answers = [
            ("快递公司", "顺丰速运".into()),
            ("快递单号", tracking.into()),
        ];
        self.browser
            .press(&page, "我已寄出资料", &answers)
            .await?
            .headed("纸质资料审核中")
    }
}

/// The page's own verdict; the sentence also stands in what it explains.
fn passed(page: &Page) -> bool {
    page.find(".verdict.ok").is_some()
}

impl Person for Handler {
    fn applicant(&mut self) -> &mut Applicant {
        &mut self.0
    }

    fn register(&mut self) -> Doing<'_, Page> {
        Box::pin(Handler::register(self))
    }

    fn ask_for_code(&mut self) -> Doing<'_, Page> {
        Box::pin(async {
            let unit = self.unit.clone();
            self.0.ask_for_code(&asked_at_registration(&unit)).await
        })
    }

    fn log_in(&mut self) -> Doing<'_, Page> {
        Box::pin(Handler::log_in(self))
    }

    fn begin(&mut self, service: &'static str) -> Doing<'_, String> {
        Box::pin(self.0.begin(service))
    }

    fn told_after(&self) -> &'static str {
        "等待初审"
    }

    fn states(&self) -> &'static [&'static str] {
        &[
            "填写中",
            "等待初审",
            "待付款",
            "待寄送纸质资料",
            "纸质资料审核中",
            "等待制作",
            "正在制作",
            "等待寄出",
            "证书已寄出，等待发票",
            "已完成",
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
        match self.state(&page)?.as_str() {
            "填写中" => {
                // What was acknowledged is there and not typed again; without it, it could not be submitted.
                if !walk.filled {
                    self.fill(&case, "主锁").await?;
                    walk.filled = true;
                }
                self.pass_face_check(&case).await?;
                self.upload_all(&case).await?;
                self.submit(&case).await?;
            }
            "等待初审" => {
                desk.reviewer.pass_all(&case, "初审通过").await?;
            }
            "待付款" => {
                let page = self.browser.get(&format!("{case}/pay")).await?;
                if page.path.starts_with("/orders/new") {
                    bail!("the order is not there yet");
                }
                if page.has("付款成功") {
                    return wait().await;
                }
                pay(&mut self.0, &page, walk.pays).await?;
            }
            "待寄送纸质资料" => {
                self.post_papers(&case, "SF1234567890123").await?;
            }
            "纸质资料审核中" => {
                desk.reviewer.press(&case, "资料合格").await?;
            }
            "等待制作" => return make(desk, &case, &self.unit.name).await,
            "正在制作" => return wait().await,
            "等待寄出" => {
                let with = [("顺丰单号", Answer::Text("SF1234567890123"))];
                desk.shipper.act(&case, "ship", &with).await?;
            }
            "证书已寄出，等待发票" => {
                let number = format!("2436{:016}", self.unit.number);
                let file = Answer::File {
                    name: "发票.pdf",
                    bytes: PDF,
                };
                let with = [("发票号码", Answer::Text(&number)), ("电子发票", file)];
                desk.finance.act(&case, "invoice", &with).await?;
            }
            "已完成" => return Ok(true),
            other => bail!("nobody meant to come to {other}"),
        }
        Ok(false)
    }
}
