//! Fujian's people at work for one handler, who applies for his unit and for himself, and renews.

use crate::shelf::{Sheet, Shelf, Typed};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use yinxin_house::{Clerk, House, Page, Unit, fujian};

const PLUGIN: &str = "fujian";

struct Desk<'s, 'd> {
    shelf: &'s mut Shelf<'d>,
    handler: fujian::Handler,
    reviewer: Clerk,
    finance: Clerk,
    maker: Clerk,
}

/// What the mail with the invoice has to say.
pub async fn go(house: &House, shelf: &mut Shelf<'_>) -> Result<Value> {
    let mut handler = fujian::Handler::new(house, Unit::number(11));
    handler.register().await?;
    let mut desk = Desk {
        shelf,
        handler,
        reviewer: Clerk::log_in(house, "fujian", "reviewer").await?,
        finance: Clerk::log_in(house, "fujian", "finance").await?,
        maker: Clerk::log_in(house, "fujian", "maker").await?,
    };
    let invoice = desk.unit().await?;
    desk.person().await?;
    desk.renewal().await?;
    let mut administrator = Clerk::log_in(house, "fujian", "admin").await?;
    desk.shelf.lists(&mut administrator).await?;
    Ok(invoice)
}

fn typed_for(unit: &Unit) -> Typed {
    Typed::from([
        ("unit-name", unit.name.clone()),
        ("uscc", unit.uscc.clone()),
        ("region", "福建省 福州市".to_owned()),
        ("address", unit.address.clone()),
        ("legal-name", unit.legal_name.clone()),
        ("legal-number", unit.legal_number.clone()),
        ("handler-name", unit.handler_name.clone()),
        ("handler-number", unit.handler_number.clone()),
        ("mobile", unit.mobile.clone()),
        ("email", unit.email.clone()),
        ("years", "1 年".to_owned()),
    ])
}

fn typed_as_person(unit: &Unit) -> Typed {
    Typed::from([
        ("name", unit.handler_name.clone()),
        ("number", unit.handler_number.clone()),
        ("mobile", unit.mobile.clone()),
        ("email", unit.email.clone()),
        ("region", "福建省 福州市".to_owned()),
        ("address", unit.address.clone()),
        // Nobody has to belong to a unit.
        ("unit-name", String::new()),
        ("years", "1 年".to_owned()),
    ])
}

/// Case and order on paper.
struct Papers {
    holder: String,
    typed: Typed,
}

impl Desk<'_, '_> {
    /// A certificate for the unit, with everything that is printed and mailed on the way.
    async fn unit(&mut self) -> Result<Value> {
        let case = self.handler.apply("1 年").await?;
        let unit = self.handler.unit.clone();
        let papers = Papers {
            holder: unit.name.clone(),
            typed: typed_for(&unit),
        };
        let (order, amount) = self.paid(&case, &papers, "SPECIMEN1").await?;
        let invoice = self.invoice(&order).await?;
        let browser = &mut self.handler.browser;
        self.shelf.keep(browser, &invoice, "invoice.pdf").await?;
        let says = [&unit.name, &unit.uscc];
        self.made(&case, "unit", &says, &[&unit.legal_number])
            .await?;
        Ok(json!({ "email": unit.email, "amount": amount }))
    }

    /// A certificate for the handler as a person.
    async fn person(&mut self) -> Result<()> {
        let case = self.handler.apply_as_person().await?;
        let unit = self.handler.unit.clone();
        let papers = Papers {
            holder: unit.handler_name.clone(),
            typed: typed_as_person(&unit),
        };
        self.paid(&case, &papers, "SPECIMEN2").await?;
        self.made(
            &case,
            "personal",
            &[&unit.handler_name],
            &[&unit.handler_number],
        )
        .await
    }

    /// A renewal of the unit's, ordered by transfer and then by WeChat instead.
    async fn renewal(&mut self) -> Result<()> {
        let case = self.handler.begin_renewal().await?;
        self.handler.agree(&case).await?;
        self.handler.fill(&case, "1 年").await?;
        self.handler.upload_all(&case).await?;
        self.handler.submit(&case).await?;
        let papers = Papers {
            holder: self.handler.unit.name.clone(),
            typed: typed_for(&self.handler.unit),
        };
        self.case_papers(&case, &papers).await?;
        let order = self.handler.order(&[&case], "对公转账").await?;
        let (reference, amount) = self.handler.transfer_facts(&order).await?;
        let by = |method: &str| {
            Typed::from([
                ("order-total", amount.clone()),
                ("order-method", method.to_owned()),
                ("order-reference", reference.clone()),
            ])
        };
        self.order_papers(&order, &case, &papers, by("对公转账"))
            .await?;
        let browser = &mut self.handler.browser;
        let page = browser.open(&format!("{order}/edit/details")).await?;
        let answers = [("method", "微信支付".into())];
        browser.press(&page, "保存修改", &answers).await?;
        self.order_papers(&order, &case, &papers, by("微信支付"))
            .await
    }

    /// Orders a case and books its transfer: the path of the order, and what it cost.
    async fn paid(
        &mut self,
        case: &str,
        papers: &Papers,
        transfer: &str,
    ) -> Result<(String, String)> {
        self.case_papers(case, papers).await?;
        let order = self.handler.order(&[case], "对公转账").await?;
        let (reference, amount) = self.handler.transfer_facts(&order).await?;
        let payer = self.handler.unit.name.clone();
        self.finance
            .book_transfer(&order, &amount, transfer, &payer)
            .await?;
        self.told(case, "汇款已核实").await?;
        let typed = Typed::from([
            ("order-total", amount.clone()),
            ("order-method", "对公转账".to_owned()),
            ("order-reference", reference),
        ]);
        self.order_papers(&order, case, papers, typed).await?;
        Ok((order, amount))
    }

    async fn number(&mut self, case: &str) -> Result<String> {
        let page = self.handler.case(case).await?;
        let number = page.find("dl.facts .number");
        number.with_context(|| format!("{case} has no number"))
    }

    async fn case_papers(&mut self, case: &str, papers: &Papers) -> Result<()> {
        let sheet = Sheet {
            plugin: PLUGIN,
            address: format!("{case}/papers/{{}}/pdf"),
            case,
            number: self.number(case).await?,
            cases: Vec::new(),
            typed: papers.typed.clone(),
        };
        self.shelf.papers(&mut self.handler.browser, &sheet).await
    }

    async fn order_papers(
        &mut self,
        order: &str,
        case: &str,
        papers: &Papers,
        mut typed: Typed,
    ) -> Result<()> {
        let page = self.handler.browser.open(order).await?;
        let number = page.find("h1 .number").context("the order has no number")?;
        typed.insert("order-number", number.clone());
        typed.extend(papers.typed.clone());
        let sheet = Sheet {
            plugin: PLUGIN,
            address: format!("{order}/receipts/{{}}"),
            case,
            number,
            cases: vec![[self.number(case).await?, papers.holder.clone()]],
            typed,
        };
        self.shelf.papers(&mut self.handler.browser, &sheet).await
    }

    /// The case's page once its history says this: an event may still be on its way to the case.
    async fn told(&mut self, case: &str, event: &str) -> Result<Page> {
        for _ in 0..600 {
            let page = self.handler.case(case).await?;
            if page.has(event) {
                return Ok(page);
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await; // between two looks
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
            tokio::time::sleep(std::time::Duration::from_millis(100)).await; // between two looks
        }
        bail!("{order} gets no invoice")
    }

    /// Accepts the case, whose papers have come, and makes the certificate.
    async fn made(
        &mut self,
        case: &str,
        name: &str,
        says: &[&String],
        hides: &[&String],
    ) -> Result<()> {
        self.reviewer.pass_all(case, "受理").await?;
        self.reviewer.press(case, "材料齐全合格").await?;
        let unit = self.handler.unit.clone();
        self.maker.make(case, &unit).await?;
        let browser = &mut self.handler.browser;
        self.shelf
            .certificate(browser, case, name, says, hides)
            .await
    }
}
