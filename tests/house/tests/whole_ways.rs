//! The people of the house go all the way through both sites, over both databases.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use anyhow::Result;
use yinxin_house::{Clerk, Database, House, Unit, fujian, yingtan};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_registering_to_shipping_over_sqlite() {
    all_the_way(Database::Sqlite).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_registering_to_shipping_over_postgres() {
    all_the_way(Database::Postgres).await.unwrap();
}

async fn all_the_way(database: Database) -> Result<()> {
    let mut house = House::open(database).await?;
    tokio::try_join!(through_yingtan(&house), through_fujian(&house))?;
    house.stop_server().await?;
    house.command(&["audit", "verify"]).await?;
    house.command(&["ledger", "verify"]).await?;
    Ok(())
}

async fn through_yingtan(house: &House) -> Result<()> {
    let mut handler = yingtan::Handler::new(house, Unit::number(1));
    handler.register().await?;
    let case = handler.apply("主锁").await?;
    let mut reviewer = Clerk::log_in(house, "yingtan", "reviewer").await?;
    reviewer.pass_all(&case, "初审通过").await?;
    handler.pay(&case, "wechat", "normal").await?;
    handler.post_papers(&case, "SF1400000000017").await?;
    reviewer.press(&case, "资料合格").await?;
    let mut maker = Clerk::log_in(house, "yingtan", "maker").await?;
    let unit = handler.unit.clone();
    maker.make(&case, &unit).await?;
    let mut shipper = Clerk::log_in(house, "yingtan", "shipper").await?;
    let sent = [("顺丰单号", "SF1400000000035".into())];
    shipper.act(&case, "ship", &sent).await?;
    handler.case(&case).await?.headed("证书已寄出，等待发票")?;
    Ok(())
}

async fn through_fujian(house: &House) -> Result<()> {
    let mut handler = fujian::Handler::new(house, Unit::number(2));
    handler.register().await?;
    let case = handler.apply("1 年").await?;
    let order = handler.order(&[&case], "对公转账").await?;
    let (_, amount) = handler.transfer_facts(&order).await?;
    handler.upload_slip(&order).await?;
    let mut reviewer = Clerk::log_in(house, "fujian", "reviewer").await?;
    reviewer.pass_all(&case, "受理").await?;
    let mut finance = Clerk::log_in(house, "fujian", "finance").await?;
    let payer = handler.unit.name.clone();
    finance
        .book_transfer(&order, &amount, "FJ0001", &payer)
        .await?;
    reviewer.until(&case, "待收材料").await?;
    reviewer.press(&case, "材料齐全合格").await?;
    let mut maker = Clerk::log_in(house, "fujian", "maker").await?;
    let unit = handler.unit.clone();
    maker.make(&case, &unit).await?;
    let mut shipper = Clerk::log_in(house, "fujian", "shipper").await?;
    let sent = [
        ("快递公司", "邮政 EMS".into()),
        ("快递单号", "EA987654321CN".into()),
    ];
    shipper.act(&case, "ship", &sent).await?;
    handler.case(&case).await?.headed("已寄出")?;

    let renewal = handler.begin_renewal().await?;
    handler.agree(&renewal).await?;
    handler.fill(&renewal, "1 年").await?;
    handler.upload_all(&renewal).await?;
    handler.submit(&renewal).await?;
    let order = handler.order(&[&renewal], "支付宝").await?;
    handler
        .pay_online(&format!("{order}/pay"), "alipay", "normal")
        .await?;
    Ok(())
}
