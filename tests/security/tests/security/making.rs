//! How the world is made.

use crate::world::{Kind, Person, form_to};
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::time::Duration;
use yinxin_house::house::CLERK_PASSWORD;
use yinxin_house::page::Answer;
use yinxin_house::{Browser, Clerk, House, Page, Unit, fujian, yingtan};
use yinxin_security::marks::Mark;
use yinxin_security::permissions::{ROLES, Role};

/// Units whose names share no sign, so that one's is never found in another's.
const UNITS: [u64; 4] = [1_241, 10_504, 19_767, 29_030];

/// Cookies that are no session's.
const PASSING: [&str; 2] = ["yinxin-visit", "yinxin-flash"];

#[derive(Default)]
pub struct Making {
    pub people: Vec<Person>,
    pub sealed: Vec<Mark>,
}

/// The clerks of one site, each with one role.
struct Clerks([Clerk; 5]);

impl Clerks {
    fn reviewer(&mut self) -> &mut Clerk {
        &mut self.0[0]
    }

    fn maker(&mut self) -> &mut Clerk {
        &mut self.0[1]
    }

    fn shipper(&mut self) -> &mut Clerk {
        &mut self.0[2]
    }

    fn finance(&mut self) -> &mut Clerk {
        &mut self.0[3]
    }

    fn administrator(&mut self) -> &mut Clerk {
        &mut self.0[4]
    }
}

/// `yinxin_web=trace,…` for every crate of the host.
pub fn our_own_crates_in_full() -> String {
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../host");
    let crates = std::fs::read_dir(host).unwrap().map(|entry| {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        format!("yinxin_{name}=trace")
    });
    let others = ["info", "yinxin=trace"].map(str::to_owned);
    others
        .into_iter()
        .chain(crates)
        .collect::<Vec<_>>()
        .join(",")
}

impl Making {
    fn add(&mut self, name: &str, site: &'static str, kind: Kind, browser: &Browser) {
        let sessions = browser.cookies.iter();
        for (_, value) in sessions.filter(|(cookie, _)| !PASSING.contains(&cookie.as_str())) {
            self.sealed
                .push(Mark::text(&format!("session of {name}"), value));
        }
        self.people.push(Person {
            name: name.to_owned(),
            site,
            kind,
            cookies: browser.cookies.clone(),
            unit: None,
            marks: Vec::new(),
        });
    }

    async fn add_applicant(
        &mut self,
        house: &House,
        name: &str,
        site: &'static str,
        browser: &Browser,
        unit: &Unit,
    ) -> Result<()> {
        self.add(name, site, Kind::Applicant, browser);
        let person = self.people.last_mut().context("just added")?;
        person.unit = Some(unit.clone());
        let private = [
            (
                "identity number of the legal representative",
                &unit.legal_number,
            ),
            ("identity number of the handler", &unit.handler_number),
            ("mobile", &unit.mobile),
            ("mail address", &unit.email),
            ("address", &unit.address),
            ("name of the legal representative", &unit.legal_name),
        ];
        let readable = [
            ("name of the unit", &unit.name),
            ("USCC", &unit.uscc),
            ("name of the handler", &unit.handler_name),
        ];
        let mark = |(what, text): (&str, &String)| Mark::text(&format!("{what} of {name}"), text);
        let sealed: Vec<Mark> = private.map(mark).into();
        person.marks = sealed.iter().cloned().chain(readable.map(mark)).collect();
        self.sealed.extend(sealed);
        self.sealed
            .push(Mark::text(&format!("password of {name}"), &unit.password));
        let scan = yinxin_house::scans::sheet(unit.number);
        let middle = scan.len() / 2;
        let part = &scan[middle..middle + 24];
        self.sealed
            .push(Mark::bytes(&format!("scan of {name}"), part));
        for text in house.simulated.texts(&unit.mobile).await? {
            let text = text["text"].as_str().unwrap_or_default().to_owned();
            let code = text
                .split(|c: char| !c.is_ascii_digit())
                .find(|run| run.len() == 6);
            self.sealed
                .extend(code.map(|code| Mark::whole("code by SMS", code)));
        }
        Ok(())
    }

    async fn clerks(&mut self, house: &House, site: &'static str) -> Result<Clerks> {
        let mut clerks = Vec::new();
        for role in ROLES {
            let login = match role {
                Role::Administrator => "admin",
                other => other.name(),
            };
            let clerk = Clerk::log_in(house, site, login).await?;
            let name = format!("{} of {site}", role.name());
            self.add(&name, site, Kind::Clerk(role), &clerk.browser);
            clerks.push(clerk);
        }
        self.sealed
            .push(Mark::text("password of the clerks", CLERK_PASSWORD));
        let clerks = clerks.try_into().ok().context("five clerks")?;
        Ok(Clerks(clerks))
    }

    pub async fn yingtan(&mut self, house: &House) -> Result<()> {
        let site = "yingtan";
        let mut clerks = self.clerks(house, site).await?;
        let mut first = yingtan::Handler::new(house, Unit::number(UNITS[0]));
        let mut second = yingtan::Handler::new(house, Unit::number(UNITS[1]));
        first.register().await?;
        second.register().await?;

        // Made and sent, waiting for its invoice: with a certificate, papers and files.
        let done = first.apply("主锁").await?;
        yingtan_until_made(&mut clerks, &mut first, &done).await?;
        let number = [("顺丰单号", "SF1400000000035".into())];
        clerks.shipper().act(&done, "ship", &number).await?;
        // A draft with everything filled in and uploaded.
        let draft = first.begin().await?;
        first.fill(&draft, "副锁").await?;
        first.pass_face_check(&draft).await?;
        first.upload_all(&draft).await?;
        // One whose letter is printed, and whose legal representative has not looked at the phone yet.
        let printed = first.begin().await?;
        first.fill(&printed, "副锁").await?;
        let letter = format!("{printed}/papers/authorisation-letter");
        first.browser.open(&letter).await?;
        // One that waits for the reviewer, one that he holds, one that is to be paid.
        first.apply("副锁").await?;
        let held = first.apply("副锁").await?;
        let page = clerks.reviewer().open(&held).await?;
        let claim = form_to(&page, "/claim")?;
        clerks.reviewer().browser.send(&claim, Some(0)).await?;
        let to_pay = first.apply("副锁").await?;
        clerks.reviewer().pass_all(&to_pay, "初审通过").await?;
        let page = first.browser.open(&format!("{to_pay}/pay")).await?;
        first.browser.press(&page, "微信支付", &[]).await?;
        // The other applicant's: made, and waiting to be sent.
        let made = second.apply("主锁").await?;
        yingtan_until_made(&mut clerks, &mut second, &made).await?;
        // A message that the provider refuses for good.
        let late = second.apply("副锁").await?;
        let refusal =
            serde_json::json!({ "mode": "error", "count": 1, "code": "isv.MOBILE_NUMBER_ILLEGAL" });
        house.simulated.order("control/sms/mode", refusal).await?;
        clerks.reviewer().pass_all(&late, "初审通过").await?;
        let resend = |page: &Page| form_to(page, "/resend").is_ok();
        until(&mut clerks.reviewer().browser, "/console/letters", resend).await?;

        content(&mut clerks.administrator().browser).await?;
        // A second window, so that there is a session to end.
        let mut again = yingtan::Handler::new(house, first.unit.clone());
        again.log_in().await?;
        let (one, other) = (first.unit.clone(), second.unit.clone());
        self.add_applicant(house, "first of yingtan", site, &first.browser, &one)
            .await?;
        self.add_applicant(house, "second of yingtan", site, &second.browser, &other)
            .await
    }

    pub async fn fujian(&mut self, house: &House) -> Result<()> {
        let site = "fujian";
        let mut clerks = self.clerks(house, site).await?;
        let mut first = fujian::Handler::new(house, Unit::number(UNITS[2]));
        let mut second = fujian::Handler::new(house, Unit::number(UNITS[3]));
        first.register().await?;
        second.register().await?;
        let unit = first.unit.clone();
        let payer = "龙岩付款人有限责任公司";
        self.sealed.push(Mark::text("payer of a transfer", payer));

        // Paid with a fen too much, which somebody has to send back from the bank, and made.
        let done = accepted(&mut clerks, &mut first).await?;
        let order = first.order(&[&done], "对公转账").await?;
        let (_, amount) = first.transfer_facts(&order).await?;
        let more = amount.replace(".00", ".01");
        let finance = clerks.finance();
        finance
            .book_transfer(&order, &more, "FJ20261120009", payer)
            .await?;
        clerks.reviewer().until(&done, "待收材料").await?;
        first.post_papers(&done, "EA123456789CN").await?;
        clerks.reviewer().press(&done, "材料齐全合格").await?;
        clerks.maker().make(&done, &unit).await?;
        // Its certificate begins a renewal, for which WeChat gets too little.
        let renewal = first.begin_renewal().await?;
        first.agree(&renewal).await?;
        fill_renewal(&mut first, &renewal).await?;
        first.upload_all(&renewal).await?;
        first.submit(&renewal).await?;
        let online = first.order(&[&renewal], "微信支付").await?;
        let trade = pay_too_little(house, &mut first, &online).await?;
        odd_money(clerks.finance(), &online).await?;
        // WeChat pays that back by itself, and does not do so again when finance asks for it.
        let whole = serde_json::json!({ "out_trade_no": trade, "part": false });
        house
            .simulated
            .order("control/wechat/refund", whole)
            .await?;
        give_back(clerks.finance(), &online).await?;
        let failed = |page: &Page| form_to(page, "/retry").is_ok();
        let refunds = "/console/refunds?state=failed";
        until(&mut clerks.finance().browser, refunds, failed).await?;
        // Too little once more, which nobody has decided about.
        pay_too_little(house, &mut first, &online).await?;
        odd_money(clerks.finance(), &online).await?;
        // A slip waits for finance.
        let slipped = accepted(&mut clerks, &mut first).await?;
        let order = first.order(&[&slipped], "对公转账").await?;
        first.upload_slip(&order).await?;
        // An order that is still open, and one paid in part.
        let ordered = accepted(&mut clerks, &mut first).await?;
        let open = first.order(&[&ordered], "对公转账").await?;
        let (reference, amount) = first.transfer_facts(&open).await?;
        let partly = accepted(&mut clerks, &mut first).await?;
        let part = first.order(&[&partly], "对公转账").await?;
        let finance = clerks.finance();
        finance
            .book_transfer(&part, "100.00", "FJ20261120010", payer)
            .await?;
        // Accepted and not ordered; and a draft.
        accepted(&mut clerks, &mut first).await?;
        first.begin("new-enterprise").await?;
        // The other applicant has an order of his own, and the first one's certificate by its file.
        let others = accepted(&mut clerks, &mut second).await?;
        second.order(&[&others], "对公转账").await?;
        bind(&mut first, &mut second).await?;

        self.books(&mut clerks.finance().browser, &reference, &amount)
            .await?;
        invoices(house, &mut clerks, &mut second).await?;
        content(&mut clerks.administrator().browser).await?;
        let mut again = fujian::Handler::new(house, unit.clone());
        again.log_in().await?;
        let other = second.unit.clone();
        self.add_applicant(house, "first of fujian", site, &first.browser, &unit)
            .await?;
        self.add_applicant(house, "second of fujian", site, &second.browser, &other)
            .await
    }

    /// A statement of the bank's with a line that fits, one that does not and one that is ignored; yesterday compared.
    async fn books(&mut self, finance: &mut Browser, reference: &str, amount: &str) -> Result<()> {
        let page = finance.open("/console/reconciliation").await?;
        let day = page.attribute("#run-day", "value").context("no day")?;
        let (payer, memo) = ("漳州汇款人商贸有限公司", "附言里写着私事一二三");
        self.sealed.push(Mark::text("payer in a statement", payer));
        self.sealed.push(Mark::text("memo in a statement", memo));
        let statement = format!(
            "交易日期,贷方发生额,对方户名,摘要,交易流水号\r\n\
             {day},{amount},{payer},{reference},YH0000000001\r\n\
             {day},66.00,{payer},{memo},YH0000000002\r\n\
             {day},5.00,{payer},利息,YH0000000003\r\n"
        );
        let page = finance.open("/console/statements").await?;
        let mut form = form_to(&page, "/console/statements")?;
        form.fill("file", file("流水.csv", statement.as_bytes()))?;
        let page = finance.send(&form, None).await?;
        let ignore = page
            .links()
            .into_iter()
            .rfind(|link| link.href.ends_with("/ignore"));
        let ignore = ignore.with_context(|| page.main_text())?;
        let page = finance.open(&ignore.href).await?;
        let mut form = form_to(&page, "/ignore")?;
        form.fill("reason", "利息")?;
        finance.send(&form, None).await?;

        let page = finance.open("/console/reconciliation").await?;
        let mut form = form_to(&page, "/console/reconciliation")?;
        form.fill("gateway", "bank-transfer")?;
        let page = finance.send(&form, None).await?;
        let mut settle = form_to(&page, "/settle")?;
        settle.fill("note", "银行利息")?;
        finance.send(&settle, None).await?;
        Ok(())
    }

    /// Keys of gateways and providers, as the operator gives them.
    pub fn secrets_of(&mut self, house: &House) -> Result<()> {
        let mut folders = vec![house.folder().join("simulators")];
        let before = self.sealed.len();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                if path.is_dir() {
                    folders.push(path);
                } else if name.ends_with(".key") || name.ends_with(".secret") {
                    let text = std::fs::read_to_string(&path)?;
                    let lines = text.lines().filter(|line| !line.contains("-----"));
                    let lines: Vec<&str> = lines.collect();
                    // The middle of a key in PEM: its first lines name the algorithm only.
                    let line = lines[lines.len() / 2];
                    self.sealed
                        .push(Mark::text(&format!("secret {name}"), line));
                }
            }
        }
        ensure!(self.sealed.len() > before + 4, "keys were found");
        Ok(())
    }
}

pub fn file<'a>(name: &'a str, bytes: &'a [u8]) -> Answer<'a> {
    Answer::File { name, bytes }
}

/// Looks until the page is so.
pub async fn until(browser: &mut Browser, path: &str, so: impl Fn(&Page) -> bool) -> Result<Page> {
    for _ in 0..600 {
        let page = browser.open(path).await?;
        if so(&page) {
            return Ok(page);
        }
        tokio::time::sleep(Duration::from_millis(100)).await; // between two looks
    }
    let page = browser.open(path).await?;
    anyhow::bail!(
        "{path} does not come to what was waited for: {}",
        page.main_text()
    )
}

async fn yingtan_until_made(
    clerks: &mut Clerks,
    handler: &mut yingtan::Handler,
    case: &str,
) -> Result<()> {
    let unit = handler.unit.clone();
    clerks.reviewer().pass_all(case, "初审通过").await?;
    handler.pay(case, "wechat", "normal").await?;
    // The order is paid at once; the case is told so by a job.
    clerks.reviewer().until(case, "待申请人寄件").await?;
    handler.post_papers(case, "SF1400000000017").await?;
    clerks.reviewer().press(case, "资料合格").await?;
    clerks.maker().make(case, &unit).await?;
    Ok(())
}

async fn accepted(clerks: &mut Clerks, handler: &mut fujian::Handler) -> Result<String> {
    let case = handler.apply("1 年").await?;
    clerks.reviewer().pass_all(&case, "受理").await?;
    Ok(case)
}

/// What the certificate says stands there already and cannot be changed.
async fn fill_renewal(handler: &mut fujian::Handler, case: &str) -> Result<()> {
    let unit = handler.unit.clone();
    let path = format!("{case}/steps/application");
    let page = handler.browser.open(&path).await?;
    let (mut form, button) = page.form_with("保存并继续")?;
    let answers: [(&str, &str); 9] = [
        ("所在地区", "福建省 福州市"),
        ("单位地址", &unit.address),
        ("法定代表人姓名", &unit.legal_name),
        ("法定代表人身份证号码", &unit.legal_number),
        ("经办人姓名", &unit.handler_name),
        ("经办人身份证号码", &unit.handler_number),
        ("经办人手机", &unit.mobile),
        ("经办人邮箱", &unit.email),
        ("证书年限", "1 年"),
    ];
    for (label, answer) in answers {
        form.fill(label, answer)?;
    }
    let page = handler.browser.send(&form, Some(button)).await?;
    ensure!(
        page.path != path,
        "{path} was not saved: {}",
        page.main_text()
    );
    Ok(())
}

/// Waits until the order's money is among what fits no order: the way to give it back.
async fn odd_money(finance: &mut Clerk, order: &str) -> Result<String> {
    // The line names the order before what can be done.
    let way = |page: &Page| {
        let links = page.links().into_iter().map(|link| link.href);
        let mut links = links.skip_while(|href| *href != format!("/console{order}"));
        links.find(|href| href.ends_with("/give-back"))
    };
    let list = "/console/payments";
    let page = until(&mut finance.browser, list, |page| way(page).is_some()).await?;
    way(&page).context("just seen")
}

/// Has what fits no order go back.
async fn give_back(finance: &mut Clerk, order: &str) -> Result<()> {
    let way = odd_money(finance, order).await?;
    let page = finance.browser.open(&way).await?;
    let mut form = form_to(&page, "/give-back")?;
    form.fill("reason", "金额不符")?;
    let page = finance.browser.send(&form, Some(0)).await?;
    ensure!(page.path == "/console/payments", "{}", page.main_text());
    Ok(())
}

/// Invoices that are issued, refused, and refused to be voided when the money went back.
async fn invoices(house: &House, clerks: &mut Clerks, handler: &mut fujian::Handler) -> Result<()> {
    let payer = handler.unit.name.clone();
    let unwanted = paid_by_transfer(clerks, handler, "FJ20261120011", &payer).await?;
    let issued = |page: &Page| {
        let files = page.links().into_iter();
        files.filter(|link| link.href.ends_with("/file")).count() > 1
    };
    // They come by themselves: this one and the first order's.
    let list = "/console/invoices?state=issued";
    until(&mut clerks.finance().browser, list, issued).await?;
    let fail = || serde_json::json!({ "fate": "fail" });
    house
        .simulated
        .order("control/invoice/fate", fail())
        .await?;
    paid_by_transfer(clerks, handler, "FJ20261120012", &payer).await?;
    let refused = |page: &Page| form_to(page, "/retry").is_ok();
    let list = "/console/invoices?state=failed";
    until(&mut clerks.finance().browser, list, refused).await?;

    let page = handler.action_page(&unwanted, "ask-refund").await?;
    let mut form = form_to(&page, "/actions/ask-refund")?;
    form.fill("撤回的原因", "业务有变")?;
    handler.browser.send(&form, Some(0)).await?;
    clerks
        .finance()
        .act(&unwanted, "approve-refund", &[])
        .await?;
    house
        .simulated
        .order("control/invoice/fate", fail())
        .await?;
    // The fen that came too much waits there too.
    let asked = |page: &Page| page.has(&payer) && form_to(page, "/finish").is_ok();
    let page = until(&mut clerks.finance().browser, "/console/refunds", asked).await?;
    let forms = page.forms().into_iter();
    let mut finish = forms.filter(|form| form.action.ends_with("/finish"));
    let mut finish = finish.next_back().context("just seen")?;
    finish.fill("reference", "FJ20261120013")?;
    clerks.finance().browser.send(&finish, Some(0)).await?;
    let voidable = |page: &Page| page.links().iter().any(|link| link.href.ends_with("/void"));
    let list = "/console/invoices?state=void-failed";
    until(&mut clerks.finance().browser, list, voidable).await?;
    Ok(())
}

/// A case whose price has come from the bank.
async fn paid_by_transfer(
    clerks: &mut Clerks,
    handler: &mut fujian::Handler,
    number: &str,
    payer: &str,
) -> Result<String> {
    let case = accepted(clerks, handler).await?;
    let order = handler.order(&[&case], "对公转账").await?;
    let (_, amount) = handler.transfer_facts(&order).await?;
    let finance = clerks.finance();
    finance
        .book_transfer(&order, &amount, number, payer)
        .await?;
    Ok(case)
}

/// Gives WeChat's number of the trade.
async fn pay_too_little(
    house: &House,
    handler: &mut fujian::Handler,
    order: &str,
) -> Result<String> {
    let page = handler.browser.open(&format!("{order}/pay")).await?;
    if page.find(".scan").is_none() {
        handler.browser.press(&page, "微信支付", &[]).await?;
    }
    // Others on this site have none that waits; on the other site one does, and is older.
    let trades = house.simulated.trades("wechat").await?;
    let number = page.find("aside a.number").context("no number")?;
    let trade = trades.iter().find(|trade| {
        trade["subject"]
            .as_str()
            .unwrap_or_default()
            .ends_with(&number)
            && trade["state"] == "waiting"
    });
    let trade = trade.with_context(|| format!("WeChat knows no trade for {number}"))?;
    let number = trade["out_trade_no"].as_str().unwrap_or_default();
    house.simulated.pay("wechat", number, "amount").await?;
    Ok(number.to_owned())
}

/// The second applicant binds the first one's certificate by its file, which is no secret.
async fn bind(first: &mut fujian::Handler, second: &mut fujian::Handler) -> Result<()> {
    let page = first.browser.open("/certificates").await?;
    let own = |href: &str| href.starts_with("/certificates/") && href != "/certificates/bind";
    let link = page.links().into_iter().find(|link| own(&link.href));
    let link = link.context("no certificate")?.href;
    let certificate = first.browser.open(&format!("{link}/file")).await?;
    let page = second.browser.open("/certificates/bind").await?;
    let mut form = form_to(&page, "/certificates/bind")?;
    form.fill("file", file("certificate.cer", &certificate.body))?;
    let page = second.browser.send(&form, Some(0)).await?;
    ensure!(page.path == link, "not bound: {}", page.main_text());
    Ok(())
}

/// A notice, a page with several versions and a file to download.
async fn content(administrator: &mut Browser) -> Result<()> {
    let page = administrator.open("/console/content/new-notice").await?;
    let mut form = form_to(&page, "/console/content/new-notice")?;
    form.fill("title", "系统维护通知")?;
    form.fill("markdown", "今晚维护。")?;
    form.fill("published", Answer::Tick(true))?;
    administrator.send(&form, Some(0)).await?;
    for text in ["第一稿", "第二稿"] {
        let page = administrator.open("/console/content/pages/help").await?;
        let mut form = form_to(&page, "/console/content/pages/help")?;
        form.fill("markdown", text)?;
        administrator.send(&form, Some(0)).await?;
    }
    let page = administrator.open("/console/content/new-download").await?;
    let mut form = form_to(&page, "/console/content/new-download")?;
    form.fill("title", "驱动程序")?;
    form.fill("published", Answer::Tick(true))?;
    let empty_archive = [b"PK\x05\x06".as_slice(), &[0; 18]].concat();
    form.fill("file", file("驱动.zip", &empty_archive))?;
    let page = administrator.send(&form, Some(0)).await?;
    ensure!(
        page.status.is_success(),
        "no download: {}",
        page.main_text()
    );
    Ok(())
}
