//! Whole ways through both sites, from registering to the certificate on its way, by many people at once. Everything is
//! on this machine: the server, the simulated gateways, phones and mailboxes, and the people with their browsers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use yinxin_bench::databases::folder;
use yinxin_bench::table::per_second;
use yinxin_house::{Clerk, Database, House, Options, Unit, fujian, yingtan};

/// People at a time.
const PEOPLE: usize = 8;
/// How long new people come.
const TIME: Duration = Duration::from_secs(30);

pub async fn run() {
    let folder = folder();
    let options = Options {
        data: Some(folder.path().join("data")),
        ..Options::default()
    };
    let house = House::open_with(Database::Sqlite, options).await.unwrap();
    let house = Arc::new(house);
    let number = Arc::new(AtomicU64::new(1));
    let begun = Instant::now();
    let people: Vec<_> = (0..PEOPLE)
        .map(|place| {
            let (house, number) = (house.clone(), number.clone());
            tokio::spawn(async move {
                let mut done = Vec::new();
                while begun.elapsed() < TIME {
                    let unit = Unit::number(number.fetch_add(1, Ordering::Relaxed));
                    let alone = Instant::now();
                    match place % 2 {
                        0 => at_yingtan(&house, unit).await.unwrap(),
                        _ => at_fujian(&house, unit).await.unwrap(),
                    }
                    done.push((place % 2, alone.elapsed().as_secs_f64()));
                }
                done
            })
        })
        .collect();
    let mut done = Vec::new();
    for person in people {
        done.extend(person.await.unwrap());
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("\n### Whole journeys at both sites, {PEOPLE} people at a time, on SQLite\n");
    println!("| site | journeys | rate | seconds each, median |");
    println!("|---|---:|---:|---:|");
    for (site, name) in [(0, "Yingtan"), (1, "Fujian")] {
        let own = done.iter().filter(|(at, _)| *at == site);
        let took = yinxin_bench::samples::Samples(own.map(|(_, took)| *took).collect());
        println!(
            "| {name} | {} | {} | {:.1} |",
            took.0.len(),
            per_second(took.0.len() as f64 / seconds),
            took.median()
        );
    }
    println!(
        "| both | {} | {} | |",
        done.len(),
        per_second(done.len() as f64 / seconds)
    );
}

async fn at_yingtan(house: &House, unit: Unit) -> anyhow::Result<()> {
    let mut handler = yingtan::Handler::new(house, unit.clone());
    handler.register().await?;
    let case = handler.apply("主锁").await?;
    let mut reviewer = Clerk::log_in(house, "yingtan", "reviewer").await?;
    reviewer.pass_all(&case, "初审通过").await?;
    handler.pay(&case, "wechat", "normal").await?;
    // The case hears of its money a moment after the order.
    reviewer.until(&case, "待申请人寄件").await?;
    let parcel = format!("SF{:012}", unit.number);
    handler.post_papers(&case, &parcel).await?;
    reviewer.press(&case, "资料合格").await?;
    let mut maker = Clerk::log_in(house, "yingtan", "maker").await?;
    maker.make(&case, &unit).await?;
    let mut shipper = Clerk::log_in(house, "yingtan", "shipper").await?;
    let number = sent_with(&unit);
    let sent = [("顺丰单号", (&number).into())];
    shipper.act(&case, "ship", &sent).await?;
    Ok(())
}

async fn at_fujian(house: &House, unit: Unit) -> anyhow::Result<()> {
    let mut handler = fujian::Handler::new(house, unit.clone());
    handler.register().await?;
    let case = handler.apply("1 年").await?;
    let mut reviewer = Clerk::log_in(house, "fujian", "reviewer").await?;
    reviewer.pass_all(&case, "受理").await?;
    let order = handler.order(&[&case], "对公转账").await?;
    let (_, amount) = handler.transfer_facts(&order).await?;
    handler.upload_slip(&order).await?;
    let mut finance = Clerk::log_in(house, "fujian", "finance").await?;
    let number = format!("FJ{:010}", unit.number);
    finance
        .book_transfer(&order, &amount, &number, &unit.name)
        .await?;
    reviewer.until(&case, "待收材料").await?;
    reviewer.press(&case, "材料齐全合格").await?;
    let mut maker = Clerk::log_in(house, "fujian", "maker").await?;
    maker.make(&case, &unit).await?;
    let mut shipper = Clerk::log_in(house, "fujian", "shipper").await?;
    let number = sent_with(&unit);
    let sent = [
        ("快递公司", "邮政 EMS".into()),
        ("快递单号", (&number).into()),
    ];
    shipper.act(&case, "ship", &sent).await?;
    Ok(())
}

fn sent_with(unit: &Unit) -> String {
    format!("SF{:012}", unit.number + 500_000)
}
