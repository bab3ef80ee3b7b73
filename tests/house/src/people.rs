//! People who use the sites.

mod clerk;
mod desk;
pub mod fujian;
mod walking;
pub mod yingtan;

pub use clerk::Clerk;
pub use desk::Desk;
pub use walking::{Doing, Pays, Person, Walk};

use crate::browser::Browser;
use crate::numbers::{identity_number, uscc};
use crate::page::{Answer, Form, Page};
use crate::scans;
use crate::simulated::Simulated;
use anyhow::{Context, Result, bail};

/// A unit and its people; all made up, each number another.
#[derive(Clone, Debug)]
pub struct Unit {
    pub number: u64,
    pub name: String,
    pub uscc: String,
    pub legal_name: String,
    pub legal_number: String,
    pub handler_name: String,
    pub handler_number: String,
    pub mobile: String,
    pub email: String,
    pub address: String,
    pub password: String,
}

impl Unit {
    /// The unit with this number, below ten million.
    pub fn number(number: u64) -> Self {
        let sign = |place: u64| {
            let signs: Vec<char> = "安邦昌达恩方广海金康立明宁平庆瑞盛泰万兴".chars().collect();
            signs[(number / 20_u64.pow(place as u32) % 20) as usize]
        };
        let name: String = (0..6).map(sign).collect();
        Self {
            number,
            name: format!("鹰潭{name}建设有限公司"),
            uscc: uscc(&format!("91360600MA3{number:06}")[..17]),
            legal_name: format!("周{}{}", sign(0), sign(1)),
            legal_number: identity_number(&format!("36060219700{:06}", 101_000 + number % 900_000)),
            handler_name: format!("吴{}{}", sign(1), sign(2)),
            handler_number: identity_number(&format!(
                "36062219880{:06}",
                101_000 + number % 900_000
            )),
            mobile: format!("139{number:08}"),
            email: format!("unit{number}@danwei.example.cn"),
            address: format!("江西省鹰潭市月湖区胜利西路 {} 号", 1 + number),
            password: format!("yue-hu-qu-{number}-hao"),
        }
    }
}

/// What applicants do alike on every site.
pub struct Applicant {
    pub browser: Browser,
    pub simulated: Simulated,
    pub unit: Unit,
    /// Template of the SMS with a code, as in the site's site.toml.
    code_template: &'static str,
    codes: usize,
}

impl Applicant {
    /// The same page with a sum in words in place of the picture.
    async fn with_sum(&mut self, page: Page) -> Result<Page> {
        if page.find("[data-question]").is_some() {
            return Ok(page);
        }
        self.browser.press(&page, "改为算术题", &[]).await
    }

    /// Sends the registration with these answers; `answers` are those of the site's form.
    async fn register(&mut self, answers: &[(&str, Answer<'_>)]) -> Result<Page> {
        let (form, button) = self.ready_to_register(answers).await?;
        self.browser
            .send(&form, Some(button))
            .await?
            .expect("注册成功")
    }

    /// Asks for a code by SMS, to register: the page that says that it was sent.
    async fn ask_for_code(&mut self, answers: &[(&str, Answer<'_>)]) -> Result<Page> {
        let page = self.browser.open("/register").await?;
        let page = self.browser.press(&page, "改为算术题", answers).await?;
        let sum = sum_on(&page)?;
        let page = self
            .browser
            .press(&page, "获取验证码", &[("图形验证码", (&sum).into())])
            .await?;
        let page = page.expect("验证码已发")?;
        self.codes += 1;
        Ok(page)
    }

    /// The registration filled in, with the code from the phone; only its button has to be pressed.
    async fn ready_to_register(&mut self, answers: &[(&str, Answer<'_>)]) -> Result<(Form, usize)> {
        let page = self.ask_for_code(answers).await?;
        let code = self
            .simulated
            .code(&self.unit.mobile, self.code_template, self.codes)
            .await?;
        let mut more: Vec<(&str, Answer<'_>)> = vec![("短信验证码", (&code).into())];
        let sum = page
            .find("[data-question]")
            .map(|_| sum_on(&page))
            .transpose()?;
        more.extend(sum.as_ref().map(|sum| ("图形验证码", sum.into())));
        let password = self.unit.password.clone();
        more.extend([
            ("密码", (&password).into()),
            ("再次输入密码", (&password).into()),
            ("terms", Answer::Tick(true)),
        ]);
        let (mut form, button) = page.form_with("注册")?;
        for (label, answer) in more {
            form.fill(label, answer)?;
        }
        Ok((form, button))
    }

    async fn log_in(&mut self, login_id: &str) -> Result<Page> {
        let page = self.browser.open("/login").await?;
        let page = self.with_sum(page).await?;
        let sum = sum_on(&page)?;
        let password = self.unit.password.clone();
        let answers = [
            ("登录名", login_id.into()),
            ("密码", (&password).into()),
            ("图形验证码", (&sum).into()),
        ];
        self.browser
            .press(&page, "登录", &answers)
            .await?
            .headed("我的申请")
    }

    /// Begins an application: the path of its page.
    async fn begin(&mut self, service: &str) -> Result<String> {
        let page = self.browser.open(&format!("/services/{service}")).await?;
        let page = self
            .browser
            .press(&page, "开始申请", &[])
            .await?
            .headed("填写中")?;
        Ok(page.path)
    }

    /// Fills in a step's form and saves it.
    async fn fill(&mut self, path: &str, answers: &[(&str, Answer<'_>)]) -> Result<Page> {
        let page = self.browser.open(path).await?;
        let page = self.browser.press(&page, "保存并继续", answers).await?;
        if page.path == path {
            bail!("{path} was not saved: {}", page.main_text());
        }
        Ok(page)
    }

    /// Uploads a scan to every place of the materials step that is still empty.
    async fn upload_all(&mut self, case: &str) -> Result<()> {
        let mut page = self
            .browser
            .open(&format!("{case}/steps/materials"))
            .await?;
        loop {
            let empty = page.forms().into_iter().find(|form| {
                let filled =
                    |other: &crate::page::Form| other.action == format!("{}/remove", form.action);
                form.multipart && !page.forms().iter().any(filled)
            });
            let Some(mut form) = empty else {
                return Ok(());
            };
            let scan = scans::sheet(self.unit.number);
            form.fill(
                "file",
                Answer::File {
                    name: "扫描件.jpg",
                    bytes: &scan,
                },
            )?;
            let before = form.action.clone();
            page = self.browser.send(&form, Some(0)).await?;
            let taken = page
                .forms()
                .iter()
                .any(|form| form.action == format!("{before}/remove"));
            if !taken {
                bail!("{before} was not taken: {}", page.main_text());
            }
        }
    }

    /// The page of a case, which says the state in its heading.
    pub async fn case(&mut self, case: &str) -> Result<Page> {
        self.browser.open(case).await
    }

    /// The page of an action of the case, as soon as the case leads there: what happens elsewhere, such as a payment, moves
    /// the case a moment later.
    pub async fn action_page(&mut self, case: &str, action: &str) -> Result<Page> {
        let path = format!("{case}/actions/{action}");
        for _ in 0..600 {
            let page = self.browser.open(case).await?;
            if page.links().iter().any(|link| link.href == path) {
                return self.browser.open(&path).await;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        bail!("{case} never leads to {action}")
    }

    /// Chooses a way to pay, has the payer pay, and waits until the order counts as paid.
    pub async fn pay_online(&mut self, pay_path: &str, method: &str, mode: &str) -> Result<Page> {
        let page = self.browser.open(pay_path).await?;
        let button = match method {
            "wechat" => "微信支付",
            "alipay" => "支付宝",
            other => bail!("{other} is no way to pay online"),
        };
        let page = match page.find(".scan") {
            Some(_) => page,
            None => self.browser.press(&page, button, &[]).await?,
        };
        if !page.status.is_success() {
            bail!("{}: {} {}", page.path, page.status, page.main_text());
        }
        let number = page
            .find("aside a.number")
            .context("the page names no order")?;
        let trades = self.simulated.trades(method).await?;
        let trade = trades.iter().find(|trade| {
            let subject = trade["subject"].as_str().unwrap_or_default();
            trade["state"] == "waiting" && subject.ends_with(&format!("订单{number}"))
        });
        let trade = trade.with_context(|| format!("{method} knows no trade for {number}"))?;
        let trade_number = trade["out_trade_no"].as_str().unwrap_or_default();
        // Alipay knows a trade only after its code was scanned.
        let code = trade["code_url"].as_str().unwrap_or_default();
        let query = url::form_urlencoded::byte_serialize(code.as_bytes()).collect::<String>();
        self.browser
            .get(&format!(
                "{}/{method}/scan?code_url={query}",
                self.simulated.address
            ))
            .await?;
        self.simulated.pay(method, trade_number, mode).await?;
        self.until_paid(&page.path).await
    }

    /// Asks as the page itself does, until the payment is known.
    pub async fn until_paid(&mut self, pay_path: &str) -> Result<Page> {
        for _ in 0..600 {
            let page = self.browser.open(pay_path).await?;
            if page.has("付款成功") {
                return Ok(page);
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        bail!("{pay_path} does not become paid")
    }
}

/// The sum in words that stands for the picture code, worked out: `三加五等于几？`.
pub fn sum_on(page: &Page) -> Result<String> {
    let question = page
        .find("[data-question]")
        .context("the page has no sum")?;
    let digit = |c: char| {
        "零一二三四五六七八九"
            .chars()
            .position(|d| d == c)
            .map(|d| d as i64)
    };
    let signs: Vec<char> = question.chars().collect();
    let place = signs
        .iter()
        .position(|c| "加减".contains(*c))
        .context("no sum")?;
    let (a, b) = (digit(signs[place - 1]), digit(signs[place + 1]));
    let (a, b) = (a.context("no digit")?, b.context("no digit")?);
    Ok(if signs[place] == '加' { a + b } else { a - b }.to_string())
}
