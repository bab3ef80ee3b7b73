//! People who do not give up: they look at the page, do what is next, and when the answer does not come they look again.

use anyhow::{Context, Result, bail};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use yinxin_house::page::Page;
use yinxin_house::people::Applicant;
use yinxin_house::requests::certificate_request;
use yinxin_house::{Answer, Clerk, House, Lost, Unit, fujian, yingtan};

/// Between two looks at a page that did not come.
const BREATH: Duration = Duration::from_millis(150);
/// Refusals in a row, each followed by a look, that somebody takes: the step was done already, or somebody was faster.
const REFUSALS: usize = 8;
/// Looks at a page until an application is through; most are waits for a worker.
const LOOKS: usize = 2_000;

/// How often something did not come, of all people together.
#[derive(Debug, Default)]
pub struct Troubles {
    /// Connections lost: the step may have happened or not.
    pub lost: AtomicUsize,
    /// Pages that said "later".
    pub later: AtomicUsize,
    /// Steps that were refused, as they had been done.
    pub refused: AtomicUsize,
}

impl Troubles {
    pub fn met(&self) -> usize {
        self.lost.load(Ordering::SeqCst) + self.later.load(Ordering::SeqCst)
    }
}

/// True where the step may or may not have happened.
pub fn is_lost(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<Lost>()) || error.downcast_ref::<Lost>().is_some()
}

/// True where a page said that it does not work now.
pub fn is_later(error: &anyhow::Error) -> bool {
    format!("{error:#}").contains("503 Service Unavailable")
}

/// Does something until it is done.
pub async fn until_done<T>(
    what: &str,
    troubles: &Troubles,
    mut step: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let mut refusals = 0;
    let mut lost = false;
    loop {
        let was_lost = std::mem::take(&mut lost);
        match step().await {
            Ok(done) => return Ok(done),
            Err(error) if is_lost(&error) => {
                lost = true;
                // Nobody is there while the server starts: that is the same trouble.
                if !was_lost {
                    troubles.lost.fetch_add(1, Ordering::SeqCst);
                }
            }
            Err(error) if is_later(&error) => {
                troubles.later.fetch_add(1, Ordering::SeqCst);
            }
            Err(error) if format!("{error:#}").contains("500 Internal Server Error") => {
                return Err(error.context(format!("{what}: a mistake of ours")));
            }
            Err(error) if refusals < REFUSALS => {
                refusals += 1;
                troubles.refused.fetch_add(1, Ordering::SeqCst);
                if refusals == REFUSALS {
                    return Err(error.context(what.to_owned()));
                }
            }
            Err(error) => return Err(error.context(what.to_owned())),
        }
        tokio::time::sleep(BREATH).await;
    }
}

/// The clerks of one site.
pub struct Desk {
    pub reviewer: Clerk,
    pub maker: Clerk,
    pub shipper: Clerk,
    pub finance: Clerk,
}

impl Desk {
    pub async fn open(house: &House, site: &str) -> Result<Self> {
        Ok(Self {
            reviewer: Clerk::log_in(house, site, "reviewer").await?,
            maker: Clerk::log_in(house, site, "maker").await?,
            shipper: Clerk::log_in(house, site, "shipper").await?,
            finance: Clerk::log_in(house, site, "finance").await?,
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
}

/// How somebody pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pays {
    Wechat,
    Alipay,
    Transfer,
}

impl Pays {
    fn provider(self) -> &'static str {
        match self {
            Self::Alipay => "alipay",
            _ => "wechat",
        }
    }
}

/// Somebody with applications on one of the sites. At Fujian a new certificate is paid by transfer; who pays otherwise
/// renews it then.
pub enum Person {
    Fujian(fujian::Handler, Pays),
    Yingtan(yingtan::Handler, Pays),
}

/// An application that came through: what kind of a way it was, and the case's id.
pub struct Through {
    pub kind: String,
    pub case: String,
}

impl Person {
    pub fn new(house: &House, site: &str, number: u64, pays: Pays) -> Self {
        let unit = Unit::number(number);
        match site {
            "fujian" => Self::Fujian(fujian::Handler::new(house, unit), pays),
            _ => Self::Yingtan(yingtan::Handler::new(house, unit), pays),
        }
    }

    /// Registers. None: the answer was lost, and there is no account; somebody else comes instead, as a second code for
    /// the same mobile would have to be waited for.
    pub async fn register(&mut self, troubles: &Troubles) -> Result<Option<()>> {
        let registered = match self {
            Self::Fujian(handler, _) => handler.register().await,
            Self::Yingtan(handler, _) => handler.register().await,
        };
        let error = match registered {
            Ok(_) => return Ok(Some(())),
            Err(error) => error,
        };
        if !(is_lost(&error) || is_later(&error)) {
            return Err(error);
        }
        troubles.lost.fetch_add(1, Ordering::SeqCst);
        let what = "logs in after a registration without an answer";
        Ok(self.log_in(what, troubles).await.ok())
    }

    /// Logs in at a browser that knows of no session.
    pub async fn log_in(&mut self, what: &str, troubles: &Troubles) -> Result<()> {
        until_done(what, troubles, async || {
            match self {
                Self::Fujian(handler, _) => {
                    handler.browser.cookies.clear();
                    handler.log_in().await?
                }
                Self::Yingtan(handler, _) => {
                    handler.browser.cookies.clear();
                    handler.log_in().await?
                }
            };
            Ok(())
        })
        .await
    }

    /// Applies, and everybody does his part until all is through.
    pub async fn go(&mut self, desk: &mut Desk, troubles: &Troubles) -> Result<Vec<Through>> {
        match self {
            Self::Fujian(handler, pays) => {
                let pays = *pays;
                let begins = "fujian: begins";
                let case = until_done(begins, troubles, async || match known(handler).await? {
                    Some(case) => Ok(case),
                    None => handler.begin("new-enterprise").await,
                })
                .await?;
                let mut through =
                    vec![fujian_way(handler, desk, troubles, &case, Pays::Transfer).await?];
                if pays != Pays::Transfer {
                    let begins = "fujian: begins a renewal";
                    let case = until_done(begins, troubles, async || handler.begin_renewal().await)
                        .await?;
                    through.push(fujian_way(handler, desk, troubles, &case, pays).await?);
                }
                Ok(through)
            }
            Self::Yingtan(handler, pays) => {
                let case = until_done("yingtan: begins", troubles, async || {
                    match known(handler).await? {
                        Some(case) => Ok(case),
                        None => handler.begin().await,
                    }
                })
                .await?;
                let what = format!("yingtan {pays:?}");
                let mut filled = false;
                for _ in 0..LOOKS {
                    let whose = format!("{what}: {case}");
                    let done = until_done(&whose, troubles, async || {
                        yingtan_step(handler, desk, &case, *pays, &mut filled).await
                    });
                    if done.await? {
                        return Ok(vec![through(what, &case)?]);
                    }
                }
                bail!("{what}: {case} does not come to its end")
            }
        }
    }
}

fn through(kind: String, case: &str) -> Result<Through> {
    let id = case.strip_prefix("/cases/").context("a case's path")?;
    Ok(Through {
        kind,
        case: id.to_owned(),
    })
}

/// The application that is in the list already: somebody whose answer was lost finds it there.
async fn known(applicant: &mut Applicant) -> Result<Option<String>> {
    let list = applicant.browser.open("/cases").await?;
    Ok(list.links().into_iter().find_map(|link| {
        let id = link.href.strip_prefix("/cases/")?;
        (id.len() == 36).then(|| link.href.clone())
    }))
}

async fn fujian_way(
    handler: &mut fujian::Handler,
    desk: &mut Desk,
    troubles: &Troubles,
    case: &str,
    pays: Pays,
) -> Result<Through> {
    let what = format!("fujian {pays:?}");
    let mut filled = false;
    for _ in 0..LOOKS {
        let whose = format!("{what}: {case}");
        let done = until_done(&whose, troubles, async || {
            fujian_step(handler, desk, case, pays, &mut filled).await
        });
        if done.await? {
            return through(what, case);
        }
    }
    bail!("{what}: {case} does not come to its end")
}

/// The states of both sites that people come to on these ways, as applicants read them.
const STATES: [&str; 18] = [
    "填写中",
    "待审核",
    "申请受理中",
    "待收材料",
    "待收 KEY",
    "待制作",
    "制作中",
    "可领取",
    "已寄出",
    "等待初审",
    "待付款",
    "待寄送纸质资料",
    "纸质资料审核中",
    "等待制作",
    "正在制作",
    "等待寄出",
    "证书已寄出，等待发票",
    "已完成",
];

/// The state that the page of a case names in one of its headings.
fn state(page: &Page) -> Result<String> {
    let headings = page.headings();
    let state = headings
        .iter()
        .find(|heading| STATES.contains(&heading.as_str()));
    match state {
        Some(state) => Ok(state.clone()),
        None => bail!("{}: {} no state among {headings:?}", page.path, page.status),
    }
}

/// Waits as somebody does who has nothing to do but to look again.
async fn wait() -> Result<bool> {
    tokio::time::sleep(Duration::from_millis(50)).await;
    Ok(false)
}

/// Looks, and does what is next; true when the way is at its end.
async fn fujian_step(
    handler: &mut fujian::Handler,
    desk: &mut Desk,
    case: &str,
    pays: Pays,
    filled: &mut bool,
) -> Result<bool> {
    let page = handler.case(case).await?;
    match state(&page)?.as_str() {
        "填写中" => {
            let agreement = format!("{case}/steps/agreement");
            let page = handler.browser.open(&agreement).await?;
            if page.form_with("我已阅读并同意").is_ok() {
                handler.agree(case).await?;
            }
            // What was acknowledged is there and not typed again; without it, it could not be submitted.
            if !*filled {
                handler.fill(case, "1 年").await?;
                *filled = true;
            }
            handler.upload_all(case).await?;
            handler.submit(case).await?;
        }
        "待审核" | "申请受理中" => {
            let page = handler.browser.get(&format!("{case}/pay")).await?;
            let Some(order) = page.path.strip_suffix("/pay").map(str::to_owned) else {
                let method = match pays {
                    Pays::Wechat => "微信支付",
                    Pays::Alipay => "支付宝",
                    Pays::Transfer => "对公转账",
                };
                handler.order(&[case], method).await?;
                return Ok(false);
            };
            if page.has("付款成功") {
                desk.reviewer.pass_all(case, "受理").await?;
            } else if pays == Pays::Transfer {
                let (_, amount) = handler.transfer_facts(&order).await?;
                let number = format!("B{:012}", handler.unit.number);
                let payer = handler.unit.name.clone();
                desk.finance
                    .book_transfer(&order, &amount, &number, &payer)
                    .await?;
            } else {
                pay(handler, &page, pays).await?;
            }
        }
        "待收材料" | "待收 KEY" => {
            desk.reviewer.press(case, "材料齐全合格").await?;
        }
        "待制作" => make(desk, case, &handler.unit).await?,
        "制作中" => return wait().await,
        "可领取" => {
            let with = [
                ("快递公司", Answer::Text("邮政")),
                ("快递单号", Answer::Text("EA123456789CN")),
            ];
            desk.shipper.act(case, "ship", &with).await?;
        }
        "已寄出" => return Ok(true),
        other => bail!("nobody meant to come to {other}"),
    }
    Ok(false)
}

async fn yingtan_step(
    handler: &mut yingtan::Handler,
    desk: &mut Desk,
    case: &str,
    pays: Pays,
    filled: &mut bool,
) -> Result<bool> {
    let page = handler.case(case).await?;
    match state(&page)?.as_str() {
        "填写中" => {
            if !*filled {
                handler.fill(case, "主锁").await?;
                *filled = true;
            }
            handler.pass_face_check(case).await?;
            handler.upload_all(case).await?;
            handler.submit(case).await?;
        }
        "等待初审" => {
            desk.reviewer.pass_all(case, "初审通过").await?;
        }
        "待付款" => {
            let page = handler.browser.get(&format!("{case}/pay")).await?;
            if page.path.starts_with("/orders/new") {
                bail!("the order is not there yet");
            }
            if page.has("付款成功") {
                return wait().await;
            }
            pay(handler, &page, pays).await?;
        }
        "待寄送纸质资料" => {
            handler.post_papers(case, "SF1234567890123").await?;
        }
        "纸质资料审核中" => {
            desk.reviewer.press(case, "资料合格").await?;
        }
        "等待制作" => make(desk, case, &handler.unit).await?,
        "正在制作" => return wait().await,
        "等待寄出" => {
            let with = [("顺丰单号", Answer::Text("SF1234567890123"))];
            desk.shipper.act(case, "ship", &with).await?;
        }
        "证书已寄出，等待发票" => {
            let number = format!("2436{:016}", handler.unit.number);
            let with = [
                ("发票号码", Answer::Text(&number)),
                (
                    "电子发票",
                    Answer::File {
                        name: "发票.pdf",
                        bytes: PDF,
                    },
                ),
            ];
            desk.finance.act(case, "invoice", &with).await?;
        }
        "已完成" => return Ok(true),
        other => bail!("nobody meant to come to {other}"),
    }
    Ok(false)
}

/// The smallest file that is a PDF.
const PDF: &[u8] = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";

async fn make(desk: &mut Desk, case: &str, unit: &Unit) -> Result<()> {
    let request = certificate_request(&unit.name)?;
    let with = [("证书请求", Answer::Text(&request))];
    desk.maker.act(case, "make", &with).await?;
    Ok(())
}

/// Who has paid waits until it is known, and does not pay again.
async fn pay(applicant: &mut Applicant, page: &Page, pays: Pays) -> Result<()> {
    let number = page.find("aside a.number").context("no order")?;
    let trades = applicant.simulated.trades(pays.provider()).await?;
    let paid = trades.iter().any(|trade| {
        let subject = trade["subject"].as_str().unwrap_or_default();
        trade["state"] == "paid" && subject.ends_with(&format!("订单{number}"))
    });
    if paid {
        applicant.until_paid(&page.path).await?;
    } else {
        applicant
            .pay_online(&page.path, pays.provider(), "normal")
            .await?;
    }
    Ok(())
}
