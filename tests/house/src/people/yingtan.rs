//! The handler of a unit on the Yingtan project's site (manual rows J-1 to J-12).

use super::{Applicant, Unit};
use crate::browser::Browser;
use crate::house::House;
use crate::page::{Answer, Form, Page};
use anyhow::{Context, Result};
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
        Self(Applicant {
            browser: Browser::new(house, "yingtan"),
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
        let mut phone = Browser::at(&link.origin().ascii_serialization());
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
