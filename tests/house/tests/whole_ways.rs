//! The people of the house go all the way through every site, over both databases, and for every service.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use anyhow::{Result, bail};
use std::collections::BTreeSet;
use yinxin_house::sites::{self, SITES, Way};
use yinxin_house::{Browser, Database, Desk, House, Walk};

/// Steps of an application; most are waits for a worker.
const STEPS: usize = 2_000;

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
    let ways: Vec<_> = sites::ways().enumerate().collect();
    let going = ways
        .iter()
        .map(|(place, (_, way))| through(&house, way, *place as u64 + 1));
    futures::future::try_join_all(going).await?;
    house.stop_server().await?;
    house.command(&["audit", "verify"]).await?;
    house.command(&["ledger", "verify"]).await?;
    Ok(())
}

async fn through(house: &House, way: &Way, number: u64) -> Result<()> {
    let mut desk = Desk::open(house, way.domain).await?;
    let mut person = way.person(house, number);
    person.register().await?;
    for (service, pays) in way.services {
        let case = person.begin(service).await?;
        let mut walk = Walk::new(service, *pays, case);
        let mut steps = 0;
        while !person.step(&mut desk, &mut walk).await? {
            steps += 1;
            if steps == STEPS {
                bail!("{}: {service} does not come to its end", way.name());
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn somebody_applies_for_every_service_of_every_domain() {
    let house = House::open(Database::Sqlite).await.unwrap();
    for site in SITES {
        for domain in site.domains {
            let page = Browser::new(&house, domain)
                .open("/services")
                .await
                .unwrap();
            let links = page.links().into_iter().map(|link| link.href);
            let services = links.filter_map(|link| {
                let (plugin, service) = link.strip_prefix("/services/")?.split_once('/')?;
                let service = service.split(['/', '?', '#']).next()?;
                Some(format!("{plugin}/{service}"))
            });
            let offered: BTreeSet<String> = services.collect();
            assert!(!offered.is_empty(), "{domain}: {}", page.main_text());
            let ways = site.ways.iter().flat_map(|way| way.services);
            let gone: BTreeSet<String> = ways.map(|(service, _)| service.to_string()).collect();
            let missing: Vec<_> = offered.difference(&gone).collect();
            assert!(
                missing.is_empty(),
                "nobody applies at {domain} for {missing:?}"
            );
        }
    }
}
