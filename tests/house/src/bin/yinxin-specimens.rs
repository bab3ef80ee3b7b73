//! Has people go through the sites and keeps what the product gave them: certificates, revocation lists, papers. Programs
//! that nobody here wrote judge them in tests/conformance/issued.py.
//!
//!     yinxin-specimens FOLDER HOST:PORT
//!
//! HOST:PORT is the mail server that the product's mail goes to. What the files have to say stands in FOLDER/facts.json.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use yinxin_house::{Browser, Clerk, Database, House, Options, Page, Unit, fujian, yingtan};

#[tokio::main]
async fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let (Some(folder), Some(smtp)) = (words.next(), words.next()) else {
        bail!("usage: yinxin-specimens FOLDER HOST:PORT");
    };
    let options = Options {
        smtp: Some(smtp),
        ..Options::default()
    };
    let mut house = House::open_with(Database::Sqlite, options).await?;
    let made = make(&house, Path::new(&folder)).await;
    if made.is_err() {
        let log = std::fs::read_to_string(house.server_log())?;
        let last: Vec<&str> = log.lines().rev().take(20).collect();
        eprintln!("what the server said last, the newest first:");
        eprintln!("{}", last.join("\n"));
    }
    house.stop_server().await?;
    house.stop_simulators().await?;
    made
}

async fn make(house: &House, folder: &Path) -> Result<()> {
    let mut desk = Desk::open(house, folder.to_owned()).await?;
    let unit = desk.unit().await?;
    let personal = desk.person().await?;
    desk.lists(&unit, &personal).await?;
    let letter = letter(house, folder).await?;
    let facts = json!({ "unit": unit, "personal": personal, "letter": letter });
    let text = serde_json::to_string_pretty(&facts)?;
    std::fs::write(folder.join("facts.json"), text)?;
    Ok(())
}

/// Keeps the file at this address, which has to be one.
async fn keep(browser: &mut Browser, path: &str, file: PathBuf) -> Result<()> {
    let page = browser.open(path).await?;
    std::fs::write(&file, &page.body).with_context(|| format!("{}", file.display()))
}

/// Fujian's people at work for one handler.
struct Desk {
    folder: PathBuf,
    handler: fujian::Handler,
    reviewer: Clerk,
    finance: Clerk,
    maker: Clerk,
    administrator: Clerk,
}

impl Desk {
    async fn open(house: &House, folder: PathBuf) -> Result<Self> {
        let mut handler = fujian::Handler::new(house, Unit::number(11));
        handler.register().await?;
        Ok(Self {
            folder,
            handler,
            reviewer: Clerk::log_in(house, "fujian", "reviewer").await?,
            finance: Clerk::log_in(house, "fujian", "finance").await?,
            maker: Clerk::log_in(house, "fujian", "maker").await?,
            administrator: Clerk::log_in(house, "fujian", "admin").await?,
        })
    }

    /// A certificate for the unit, with everything that is printed and mailed on the way.
    async fn unit(&mut self) -> Result<Value> {
        let case = self.handler.apply("1 年").await?;
        let form = format!("{case}/papers/enterprise-form/pdf");
        let file = self.folder.join("application-form.pdf");
        keep(&mut self.handler.browser, &form, file).await?;
        let (order, mut facts) = self.paid(&case, "SPECIMEN1").await?;
        let page = self.handler.browser.open(&order).await?;
        let links = page.links();
        let receipt = links.iter().find(|link| link.href.contains("/receipts/"));
        let receipt = receipt.with_context(|| format!("{order} has no receipt"))?;
        let file = self.folder.join("receipt.pdf");
        keep(&mut self.handler.browser, &receipt.href, file).await?;
        let invoice = self.invoice(&order).await?;
        keep(
            &mut self.handler.browser,
            &invoice,
            self.folder.join("invoice.pdf"),
        )
        .await?;
        facts["serial"] = json!(self.certificate(&case, "unit.pem").await?);
        let unit = &self.handler.unit;
        for (name, value) in [
            ("name", &unit.name),
            ("uscc", &unit.uscc),
            ("legal", &unit.legal_name),
            ("handler", &unit.handler_name),
            ("email", &unit.email),
        ] {
            facts[name] = json!(value);
        }
        Ok(facts)
    }

    /// A certificate for the handler as a person.
    async fn person(&mut self) -> Result<Value> {
        let case = self.handler.apply_as_person().await?;
        let (_, mut facts) = self.paid(&case, "SPECIMEN2").await?;
        facts["serial"] = json!(self.certificate(&case, "personal.pem").await?);
        facts["name"] = json!(self.handler.unit.handler_name);
        facts["number"] = json!(self.handler.unit.handler_number);
        Ok(facts)
    }

    /// Orders a case and books its transfer: the path of the order, and what its papers say.
    async fn paid(&mut self, case: &str, transfer: &str) -> Result<(String, Value)> {
        let order = self.handler.order(&[case], "对公转账").await?;
        let (reference, amount) = self.handler.transfer_facts(&order).await?;
        let payer = self.handler.unit.name.clone();
        self.finance
            .book_transfer(&order, &amount, transfer, &payer)
            .await?;
        let page = self.handler.browser.open(&order).await?;
        let number = page.find("h1 .number").context("the order has no number")?;
        let page = self.told(case, "汇款已核实").await?;
        let case_number = page.find("dl.facts .number");
        let facts = json!({
            "order": number,
            "reference": reference,
            "amount": amount,
            "case": case_number.context("the case has no number")?,
        });
        Ok((order, facts))
    }

    /// The case's page once its history says this: an event may still be on its way to the case.
    async fn told(&mut self, case: &str, event: &str) -> Result<Page> {
        for _ in 0..600 {
            let page = self.handler.case(case).await?;
            if page.has(event) {
                return Ok(page);
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        bail!("{case} is not told of “{event}”")
    }

    /// Address of the order's invoice, once it is issued.
    async fn invoice(&mut self, order: &str) -> Result<String> {
        for _ in 0..600 {
            let page = self.handler.browser.open(order).await?;
            let links = page.links();
            if let Some(link) = links.iter().find(|link| link.text.contains("下载发票")) {
                return Ok(link.href.clone());
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        bail!("{order} gets no invoice")
    }

    /// Accepts the case, whose papers have come, and makes the certificate: its serial.
    async fn certificate(&mut self, case: &str, name: &str) -> Result<String> {
        self.reviewer.pass_all(case, "受理").await?;
        self.reviewer.press(case, "材料齐全合格").await?;
        let unit = self.handler.unit.clone();
        self.maker.make(case, &unit).await?;
        let page = self.handler.case(case).await?;
        let links = page.links();
        let mut serials = links
            .iter()
            .filter_map(|link| link.href.strip_prefix("/certificates/"));
        let serial = serials
            .next()
            .context("no certificate on the case's page")?;
        let browser = &mut self.handler.browser;
        let path = format!("/certificates/{serial}/file?form=pem");
        keep(browser, &path, self.folder.join(name)).await?;
        let path = format!("/certificates/{serial}/file?form=chain");
        keep(browser, &path, self.folder.join(format!("chain-of-{name}"))).await?;
        Ok(serial.to_owned())
    }

    /// The revocation list as it is at first, with the unit's certificate frozen, and after it was restored and the personal
    /// one revoked.
    async fn lists(&mut self, unit: &Value, personal: &Value) -> Result<()> {
        self.list("at-first").await?;
        self.turn(unit, "hold", "").await?;
        self.list("frozen").await?;
        self.turn(unit, "release", "").await?;
        self.turn(personal, "revoke", "keyCompromise").await?;
        self.list("revoked").await
    }

    async fn list(&mut self, name: &str) -> Result<()> {
        let file = self.folder.join(format!("{name}.crl"));
        keep(&mut self.handler.browser, "/crl", file).await
    }

    async fn turn(&mut self, facts: &Value, turn: &str, code: &str) -> Result<()> {
        let serial = facts["serial"].as_str().unwrap_or_default();
        let browser = &mut self.administrator.browser;
        let path = format!("/console/certificates/{serial}/{turn}");
        let page = browser.open(&path).await?;
        let forms = page.forms();
        let form = forms.into_iter().find(|form| form.action == path);
        let mut form = form.with_context(|| format!("{path}: {}", page.main_text()))?;
        if !code.is_empty() {
            form.fill("code", code)?;
        }
        form.fill("why", "样本")?;
        let page = browser.send(&form, Some(0)).await?;
        if page.path != format!("/console/certificates/{serial}") {
            bail!("{turn}: {}", page.main_text());
        }
        Ok(())
    }
}

/// Yingtan's letter with the QR code for the face check.
async fn letter(house: &House, folder: &Path) -> Result<Value> {
    let mut handler = yingtan::Handler::new(house, Unit::number(12));
    handler.register().await?;
    let case = handler.begin().await?;
    handler.fill(&case, "主锁").await?;
    let path = format!("{case}/papers/authorisation-letter/pdf");
    keep(&mut handler.browser, &path, folder.join("letter.pdf")).await?;
    let page = handler
        .browser
        .open(&format!("{case}/steps/legal-check"))
        .await?;
    let links = page.links();
    let link = links.iter().find(|link| link.href.contains("/p/"));
    let link = link.context("the step has no link for the phone")?;
    let token = link.href.split_once("/p/").map(|(_, token)| token);
    Ok(json!({
        "name": handler.unit.name,
        "legal": handler.unit.legal_name,
        "handler": handler.unit.handler_name,
        // The letter names the site's first domain, whichever the applicant came by.
        "phone": format!("/p/{}", token.unwrap_or_default()),
    }))
}
