//! Money: two tabs, two clerks.

use crate::at_once::{Press, at_once, said, winner};
use anyhow::{Context, Result, bail, ensure};
use std::time::Duration;
use yinxin_house::{Browser, Clerk, Form, House, Page, Unit, fujian, yingtan};

/// The two who may both look after money.
const FINANCE: [(&str, &str); 2] = [("finance", "演示财务"), ("admin", "演示管理员")];

async fn finance(house: &House) -> Result<[Clerk; 2]> {
    let [(one, _), (other, _)] = FINANCE;
    Ok([
        Clerk::log_in(house, "fujian", one).await?,
        Clerk::log_in(house, "fujian", other).await?,
    ])
}

/// An order of one new certificate that waits for a transfer: the order's path.
async fn ordered(house: &House, number: u64) -> Result<(fujian::Handler, String)> {
    let mut handler = fujian::Handler::new(house, Unit::number(number));
    handler.register().await?;
    let case = handler.apply("1 年").await?;
    let mut reviewer = Clerk::log_in(house, "fujian", "reviewer").await?;
    reviewer.pass_all(&case, "受理").await?;
    let order = handler.order(&[&case], "对公转账").await?;
    Ok((handler, order))
}

pub async fn an_order_is_paid_in_two_tabs_at_once(house: &House) -> Result<()> {
    let mut handler = yingtan::Handler::new(house, Unit::number(7_700));
    handler.register().await?;
    let case = handler.apply("副锁").await?;
    let mut reviewer = Clerk::log_in(house, "yingtan", "reviewer").await?;
    reviewer.pass_all(&case, "初审通过").await?;
    let mut tabs = [handler.browser.clone(), handler.browser.clone()];
    let page = handler.browser.open(&format!("{case}/pay")).await?;
    let number = page.find("aside a.number").context("no order's number")?;
    for (tab, way) in tabs.iter_mut().zip(["微信支付", "支付宝"]) {
        let page = tab.open(&page.path).await?;
        let page = tab.press(&page, way, &[]).await?;
        ensure!(page.find(".scan").is_some(), "{}", said(&page));
    }
    let simulated = &house.simulated;
    let trade = async |provider: &str| -> Result<serde_json::Value> {
        let trades = simulated.trades(provider).await?;
        let ours = trades.into_iter().find(|trade| {
            let subject = trade["subject"].as_str().unwrap_or_default();
            subject.ends_with(&format!("订单{number}"))
        });
        ours.with_context(|| format!("{provider} has no trade for {number}"))
    };
    let numbers = [trade("wechat").await?, trade("alipay").await?];
    let pay = async |at: usize, provider: &str| -> Result<()> {
        let number = numbers[at]["out_trade_no"].as_str().unwrap_or_default();
        simulated.pay(provider, number, "normal").await
    };
    let (one, other) = tokio::join!(pay(0, "wechat"), pay(1, "alipay"));
    one?;
    other?;
    handler.until_paid(&page.path).await?;
    // One of the two stays, all of the other goes back by itself.
    for _ in 0..600 {
        let back = |trade: &serde_json::Value| -> i64 {
            let refunds = trade["refunds"].as_array().cloned().unwrap_or_default();
            refunds
                .iter()
                .filter_map(|refund| refund["amount"].as_i64())
                .sum()
        };
        let trades = [trade("wechat").await?, trade("alipay").await?];
        let price = trades[0]["amount"].as_i64().unwrap_or_default();
        let back = trades.each_ref().map(back);
        if back.iter().sum::<i64>() == price {
            ensure!(back.contains(&0), "{back:?}");
            let mut clerk = Clerk::log_in(house, "yingtan", "finance").await?;
            for state in ["processing", "done"] {
                let path = format!("/console/refunds?state={state}");
                let page = clerk.browser.open(&path).await?;
                if page.has("重复支付，退回付款人") && page.has(&number) {
                    return Ok(());
                }
            }
            bail!("no clerk sees the second payment going back");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("the second payment does not go back");
}

/// The clerk's form for a transfer, filled in.
fn transfer(page: &Page, amount: &str, serial: &str, payer: &str) -> Result<(Form, usize)> {
    let (mut form, button) = page.form_with("登记到账")?;
    for (label, answer) in [
        ("到账金额（元）", amount),
        ("银行流水号", serial),
        ("付款户名", payer),
    ] {
        form.fill(label, answer)?;
    }
    Ok((form, button))
}

/// Both clerks book what they found; `orders` and `serials` one for each.
async fn booked(
    clerks: &mut [Clerk; 2],
    orders: [&str; 2],
    serials: [&str; 2],
    amount: &str,
) -> Result<[Page; 2]> {
    let mut presses = Vec::new();
    for (at, clerk) in clerks.iter_mut().enumerate() {
        let path = format!("/console{}", orders[at]);
        let page = clerk.browser.open(&path).await?;
        let (form, button) = transfer(&page, amount, serials[at], "鹰潭某某公司")?;
        presses.push(Press {
            browser: &mut clerk.browser,
            form,
            button,
        });
    }
    let (two, one) = (presses.pop(), presses.pop());
    at_once(one.context("a press")?, two.context("a press")?).await
}

/// How often the clerks' page of an order tells that a transfer was booked.
async fn bookings(clerk: &mut Clerk, order: &str) -> Result<usize> {
    let page = clerk.browser.open(&format!("/console{order}")).await?;
    Ok(page.text().matches("付清").count())
}

pub async fn two_clerks_book_one_transfer_at_once(house: &House) -> Result<()> {
    // Once both type the same number, once one of them mistypes it.
    for (at, serials) in [["R1", "R1"], ["R2", "R2x"]].into_iter().enumerate() {
        let (mut handler, order) = ordered(house, 7_800 + at as u64).await?;
        let (_, amount) = handler.transfer_facts(&order).await?;
        let mut clerks = finance(house).await?;
        let pages = booked(&mut clerks, [&order, &order], serials, &amount).await?;
        let told = if serials[0] == serials[1] {
            "已经登记在订单"
        } else {
            "您刚才的操作没有执行"
        };
        let first = winner(&pages, "已登记", &[])?;
        let loser = &pages[1 - first];
        let faster = format!("{}已于", FINANCE[first].1);
        ensure!(
            loser.has(told) || loser.has(&faster),
            "whoever lost is not told why: {}",
            said(loser)
        );
        ensure!(
            bookings(&mut clerks[0], &order).await? == 1,
            "booked more than once"
        );
        let page = clerks[0].browser.open("/console/refunds").await?;
        let number = order.rsplit('/').next().unwrap_or_default();
        ensure!(
            !page.html().contains(number),
            "nothing is to go back: {}",
            said(&page)
        );
    }
    Ok(())
}

pub async fn one_transfer_is_booked_on_two_orders_at_once(house: &House) -> Result<()> {
    let (mut handler, one) = ordered(house, 7_810).await?;
    let (_, other) = ordered(house, 7_811).await?;
    let (_, amount) = handler.transfer_facts(&one).await?;
    let mut clerks = finance(house).await?;
    let pages = booked(&mut clerks, [&one, &other], ["R3", "R3"], &amount).await?;
    winner(&pages, "已登记", &["已经登记在订单"])?;
    let paid = bookings(&mut clerks[0], &one).await? + bookings(&mut clerks[0], &other).await?;
    ensure!(paid == 1, "{paid} orders are paid by one transfer");
    Ok(())
}

/// The form for a statement with this file in it.
async fn statement(browser: &mut Browser, csv: &str) -> Result<(Form, usize)> {
    let page = browser.open("/console/statements").await?;
    let (mut form, button) = page.form_with("导入")?;
    let file = yinxin_house::page::Answer::File {
        name: "明细.csv",
        bytes: csv.as_bytes(),
    };
    form.fill("file", file)?;
    Ok((form, button))
}

pub async fn one_statement_is_imported_twice_at_once(house: &House) -> Result<()> {
    let (mut handler, order) = ordered(house, 7_820).await?;
    let (reference, amount) = handler.transfer_facts(&order).await?;
    let lines: String = (0..40)
        .map(|line| format!("2026-01-05,Q{line},1.00,甲,\n"))
        .collect();
    let csv = format!(
        "交易日期,流水号,收入金额,付款人,附言\n2026-01-05,Q-order,{amount},乙,{reference}\n{lines}"
    );
    let mut clerks = finance(house).await?;
    let mut presses = Vec::new();
    for clerk in &mut clerks {
        let (form, button) = statement(&mut clerk.browser, &csv).await?;
        presses.push(Press {
            browser: &mut clerk.browser,
            form,
            button,
        });
    }
    let (two, one) = (presses.pop(), presses.pop());
    let pages = at_once(one.context("a press")?, two.context("a press")?).await?;
    // Both files are kept; each line is in one of them, and the other's page says that it was known.
    let known = pages
        .iter()
        .filter(|page| page.has("41 行以前导入过，已跳过"));
    ensure!(
        known.count() == 1 && pages.iter().all(|page| page.status.is_success()),
        "{}\n{}",
        said(&pages[0]),
        said(&pages[1])
    );
    let full = pages.iter().find(|page| page.has("Q-order"));
    let path = &full.context("nobody has the lines")?.path;
    // Both confirm the order's line at once.
    let mut presses = Vec::new();
    for clerk in &mut clerks {
        let page = clerk.browser.open(path).await?;
        presses.push(Press::new(&mut clerk.browser, &page, "确认入账")?);
    }
    let (two, one) = (presses.pop(), presses.pop());
    let pages = at_once(one.context("a press")?, two.context("a press")?).await?;
    let first = winner(&pages, "已入账。", &["没有再次入账"])?;
    let told = format!("{}已于", FINANCE[first].1);
    ensure!(pages[1 - first].has(&told), "{}", said(&pages[1 - first]));
    ensure!(bookings(&mut clerks[0], &order).await? == 1, "booked twice");
    Ok(())
}

pub async fn one_refund_is_paid_out_twice_at_once(house: &House) -> Result<()> {
    let (mut handler, order) = ordered(house, 7_830).await?;
    let (_, amount) = handler.transfer_facts(&order).await?;
    let more = format!("{:.2}", amount.parse::<f64>()? + 12.34);
    let mut clerks = finance(house).await?;
    clerks[0]
        .book_transfer(&order, &more, "R5", "乙公司")
        .await?;
    let mut presses = Vec::new();
    for clerk in &mut clerks {
        let page = clerk
            .browser
            .open("/console/refunds?state=requested")
            .await?;
        let (mut form, button) = page.form_with("登记已转出")?;
        form.fill("reference", "OUT-1")?;
        presses.push(Press {
            browser: &mut clerk.browser,
            form,
            button,
        });
    }
    let (two, one) = (presses.pop(), presses.pop());
    let pages = at_once(one.context("a press")?, two.context("a press")?).await?;
    let first = winner(&pages, "12.34", &["您刚才的操作没有执行"])?;
    let told = format!("{}已于", FINANCE[first].1);
    ensure!(pages[1 - first].has(&told), "{}", said(&pages[1 - first]));
    let page = clerks[0].browser.open(&format!("/console{order}")).await?;
    let out = page.text().matches("登记转账退款").count();
    ensure!(out == 1, "paid out {out} times: {}", said(&page));
    Ok(())
}
