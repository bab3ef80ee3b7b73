//! Every durable write fails once. A whole application, from the first page, or from the registration, to the certificate
//! and its invoice or to the money back, is gone through again and again at each site, and each time another write is the
//! one: the n-th changed row, the n-th commit, the n-th lost connection, the n-th object. Then the host is started again,
//! people look at the page and go on, and in the end everything has happened exactly as often as it would have without a
//! fault: payments, refunds, certificates, messages, and invoices at their provider.
//!
//! `YINXIN_FAULTS=all`: every single place, hours; `YINXIN_FAULTS=7`: one in seven; otherwise one in many.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "../sequences/crash.rs"]
mod crash;
#[path = "../sequences/desk.rs"]
mod desk;
#[path = "../sequences/filling.rs"]
mod filling;
mod fujian;
#[path = "../sequences/house.rs"]
#[expect(dead_code, reason = "each life has one house")]
mod house;
#[path = "../sequences/inbox.rs"]
mod inbox;
#[path = "../sequences/judge.rs"]
mod judge;
mod objects;
#[path = "../sequences/office.rs"]
mod office;
#[path = "../engine/outside.rs"]
#[expect(dead_code, reason = "nobody sets this clock")]
mod outside;
#[path = "../sequences/people.rs"]
#[expect(dead_code, reason = "here people go their way by what the page says")]
mod people;
#[path = "../../../web/tests/gateways/providers.rs"]
#[expect(dead_code, reason = "these providers tell the truth")]
mod providers;
#[path = "../sequences/sites.rs"]
#[expect(dead_code, reason = "here every site is tried")]
mod sites;
mod way;
mod world;
mod yingtan;

use crash::or_crash;
use house::{House, People, Streets};
use sites::Place;
use std::collections::BTreeSet;
use way::End;
use world::World;
use yinxin_store::Dialect;
use yinxin_store::testing::{self, faults};

/// In an ordinary run one place in so many, which takes a minute or two. Primes, so that a change of the way moves what is tried.
const ONE_ROW_IN: usize = 53;
const ONE_COMMIT_IN: usize = 13;
const ONE_POLL_IN: usize = 199;
const ONE_OBJECT_IN: usize = 5;

fn stride(ordinary: usize) -> usize {
    match std::env::var("YINXIN_FAULTS").as_deref() {
        Ok("all") => 1,
        Ok(other) => other.parse().unwrap(),
        Err(_) => ordinary,
    }
}

/// Tries place after place, until the whole way goes through without reaching it. Gives how many were tried.
async fn everywhere<F>(world: &mut World, stride: usize, mut attempt: F) -> usize
where
    F: AsyncFnMut(&mut World, End, i64) -> bool,
{
    let mut tried = 0;
    for end in world.ends() {
        for n in (1..).step_by(stride) {
            if !attempt(world, end, n).await {
                break;
            }
            tried += 1;
        }
    }
    tried
}

/// Each site over each database.
async fn worlds() -> Vec<World> {
    let mut worlds = Vec::new();
    for place in Place::all() {
        for store in testing::stores().await {
            worlds.push(World::over(store, &place).await);
        }
    }
    worlds
}

/// A new site or a new kind of application has to have its way here.
#[tokio::test(flavor = "multi_thread")]
async fn every_lifecycle_of_every_site_has_a_way() {
    for place in Place::all() {
        let folder = tempfile::tempdir().unwrap();
        let streets = Streets::new(place, folder.path(), People::nobody()).await;
        let house = House::open(&streets).await;
        let (mut ways, mut lifecycles) = (BTreeSet::new(), BTreeSet::new());
        for plugin in house.registry.plugins(&house.site) {
            for service in &plugin.definition.services {
                let lifecycle = (plugin.name.clone(), service.lifecycle.clone());
                let begins = (plugin.name.as_str(), service.id.as_str());
                if End::ALL.iter().any(|end| end.service() == begins) {
                    ways.insert(lifecycle.clone());
                }
                lifecycles.insert(lifecycle);
            }
        }
        assert!(!lifecycles.is_empty(), "{} has no services", house.site);
        assert_eq!(ways, lifecycles, "{}", house.site);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_the_database_fails_everything_happens_once() {
    for mut world in worlds().await {
        for fault in faults::Fault::all(world.store.dialect()) {
            let ordinary = match (world.store.dialect(), fault) {
                // Several rows belong to a commit; only PostgreSQL's triggers tell.
                (Dialect::Postgres, faults::Fault::Commit) => ONE_COMMIT_IN,
                _ => ONE_ROW_IN,
            };
            let tried = everywhere(&mut world, stride(ordinary), async |world, end, n| {
                faults::arm(&world.store, *fault, n).await;
                let mut way = world.begin(end);
                let outcome = way.go_on(&world.house, &world.streets).await;
                let struck = faults::mend(&world.store).await;
                if let Err(error) = &outcome {
                    world::assert_is_ours(error);
                }
                // A worker notes what failed and tries again; what a person was told is not there, he does again.
                let what = format!("{} {fault:?} {n} {end:?}", world.name());
                world.finish(way, &what, outcome.is_err()).await;
                struck || !matches!(outcome, Ok(true))
            })
            .await;
            println!("{} {fault:?}: {tried} places", world.name());
            assert!(tried > world.ends().len(), "hardly anything was tried");
        }
        world.judge().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_the_process_ends_everything_happens_once() {
    for mut world in worlds().await {
        let tried = everywhere(&mut world, stride(ONE_POLL_IN), async |world, end, n| {
            let mut way = world.begin(end);
            let polls = usize::try_from(n).unwrap();
            let outcome = or_crash(polls, way.go_on(&world.house, &world.streets)).await;
            let crashed = outcome.is_none();
            if let Some(outcome) = outcome {
                assert!(outcome.unwrap(), "without a crash it goes on");
            }
            let what = format!("{} crash at {n} {end:?}", world.name());
            world.finish(way, &what, crashed).await;
            crashed
        })
        .await;
        println!("{} crash: {tried} places", world.name());
        assert!(tried > world.ends().len(), "hardly anything was tried");
        world.judge().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_an_object_cannot_be_written_nothing_is_lost_or_left_over() {
    for mut world in worlds().await {
        for fault in [objects::Fault::Before, objects::Fault::After] {
            let mut untold = Vec::new();
            let tried = everywhere(&mut world, stride(ONE_OBJECT_IN), async |world, end, n| {
                world.objects.arm(fault, n);
                let mut way = world.begin(end);
                let outcome = way.go_on(&world.house, &world.streets).await;
                let struck = world.objects.mend();
                assert!(struck || outcome.is_ok(), "{outcome:?}");
                if let Err(error) = &outcome {
                    world::assert_is_ours(error);
                } else if struck {
                    untold.push(end);
                }
                let what = format!("{} object {fault:?} {n} {end:?}", world.name());
                world.finish(way, &what, struck).await;
                struck
            })
            .await;
            // People are told but for the file of an invoice from its provider, which the worker fetches.
            let of_workers = [End::Sent, End::Voided];
            let expected: Vec<End> = of_workers
                .into_iter()
                .filter(|end| untold.contains(end))
                .collect();
            assert_eq!(untold, expected, "once on each of these ways");
            println!("{} object {fault:?}: {tried} places", world.name());
            assert!(tried > world.ends().len(), "hardly anything was tried");
        }
        world.judge().await;
    }
}
