//! Jiangxi's people at work for one unit of the Yingtan project.

use crate::shelf::{Sheet, Shelf, Typed};
use anyhow::{Context, Result};
use yinxin_house::{Clerk, House, Unit, yingtan};

pub async fn go(house: &House, shelf: &mut Shelf<'_>) -> Result<()> {
    let mut handler = yingtan::Handler::new(house, Unit::number(12));
    handler.register().await?;
    let unit = handler.unit.clone();
    let case = handler.begin().await?;
    // The main key has a seal, and so all of the papers.
    handler.fill(&case, "主锁").await?;
    let page = handler.case(&case).await?;
    let number = page.find("dl.facts .number");
    let sheet = Sheet {
        plugin: "yingtan",
        address: format!("{case}/papers/{{}}/pdf"),
        case: &case,
        number: number.with_context(|| format!("{case} has no number"))?,
        cases: Vec::new(),
        typed: typed(&unit),
    };
    shelf.papers(&mut handler.browser, &sheet).await?;

    handler.pass_face_check(&case).await?;
    handler.upload_all(&case).await?;
    handler.submit(&case).await?;
    let mut reviewer = Clerk::log_in(house, "yingtan", "reviewer").await?;
    reviewer.pass_all(&case, "初审通过").await?;
    handler.pay(&case, "wechat", "normal").await?;
    handler.post_papers(&case, "SF1400000000017").await?;
    reviewer.press(&case, "资料合格").await?;
    let mut maker = Clerk::log_in(house, "yingtan", "maker").await?;
    maker.make(&case, &unit).await?;
    let says = [&unit.name, &unit.uscc];
    let browser = &mut handler.browser;
    shelf
        .certificate(browser, &case, "unit", &says, &[&unit.legal_number])
        .await?;
    let mut administrator = Clerk::log_in(house, "yingtan", "admin").await?;
    shelf.lists(&mut administrator).await
}

fn typed(unit: &Unit) -> Typed {
    Typed::from([
        ("lock-kind", "主锁".to_owned()),
        ("unit-name", unit.name.clone()),
        ("uscc", unit.uscc.clone()),
        ("legal-name", unit.legal_name.clone()),
        ("legal-number", unit.legal_number.clone()),
        ("handler-name", unit.handler_name.clone()),
        ("handler-number", unit.handler_number.clone()),
        ("handler-mobile", unit.mobile.clone()),
        ("invoice-title", unit.name.clone()),
        ("tax-number", unit.uscc.clone()),
        ("invoice-email", unit.email.clone()),
        ("recipient-name", unit.handler_name.clone()),
        ("recipient-mobile", unit.mobile.clone()),
        ("recipient-address", unit.address.clone()),
    ])
}
