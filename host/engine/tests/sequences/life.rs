//! One life: what people, clerks, providers and accidents do, in an order that chance makes.

mod desk;
mod gateways;
mod rest;

use crate::chance::Chance;
use crate::crash;
use crate::desk::said;
use crate::house::{House, Streets, any_clerk, orders_of};
use crate::people::choice;
use crate::seen::Seen;
use jiff::civil::Date;
use std::future::Future;
use yinxin_core::ids::{CaseId, OrderId};
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::Millis;
use yinxin_engine::{Actor, EngineError};
use yinxin_services::payments::{OrderState, PaymentError};
use yinxin_store::StoreError;

/// Things that happen in one life.
const STEPS: usize = 60;
/// One in so many ends with a crash in the middle of it.
const CRASHES: usize = 6;
/// How often a future is polled at most before a crash; a decision takes some sixty.
const POLLS: usize = 80;

struct Life<'a> {
    house: &'a mut House,
    streets: &'a Streets,
    chance: Chance,
    seen: &'a mut Seen,
    story: Vec<String>,
    /// Numbers of the bank's; each stands for one transfer.
    transfers: usize,
    /// At the providers.
    began: Date,
}

/// Lives, then lets everything come to rest: providers answer, clerks do what waits for them. Gives what happened.
pub async fn live(house: &mut House, streets: &Streets, seed: u64, seen: &mut Seen) -> Vec<String> {
    let mut life = Life {
        house,
        streets,
        chance: Chance::new(seed),
        seen,
        story: Vec::new(),
        transfers: 0,
        began: Millis::now().day(),
    };
    for _ in 0..STEPS {
        life.step().await;
    }
    life.rest().await;
    life.story
}

/// What was asked for did not fit the moment. Anything else is a fault of the host's.
fn is_refusal(error: &EngineError) -> bool {
    matches!(
        error,
        EngineError::Problems(_)
            | EngineError::NotAllowed
            | EngineError::NotFound
            | EngineError::Stale
            | EngineError::PriceChanged(_)
    )
}

fn is_refused_payment(error: &PaymentError) -> bool {
    !matches!(
        error,
        PaymentError::Store(
            StoreError::Database(_) | StoreError::Unavailable(_) | StoreError::Damaged(_)
        ) | PaymentError::Payload(_)
            | PaymentError::UnknownJob(_)
    )
}

impl Life<'_> {
    async fn step(&mut self) {
        match self.chance.below(32) {
            0..=3 => self.order().await,
            4 => self.change().await,
            5 => self.cancel().await,
            6..=11 => self.pay().await,
            12 | 13 => self.tell().await,
            14 => self.slip().await,
            15 => self.transfer().await,
            16 => self.answer(),
            17..=25 => self.transition().await,
            26 => self.pay_out().await,
            27 if self.chance.once_in(3) => self.refund_at_console().await,
            27 => self.answer(),
            28 => self.restart().await,
            _ => self.pass_time().await,
        }
    }

    fn note(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.seen.count(what.clone());
        self.story.push(what);
    }

    /// The future's outcome; none when the host crashed before it was there. What it has committed by then stays.
    async fn or_crash<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let polls = if self.chance.once_in(CRASHES) {
            self.chance.below(POLLS)
        } else {
            usize::MAX
        };
        let outcome = crash::or_crash(polls, work).await;
        if outcome.is_none() {
            self.note("crash");
        }
        outcome
    }

    async fn orders(&self) -> Vec<(OrderId, OrderState, Fen)> {
        let (payments, site) = (&self.house.services.payments, &self.house.site);
        let found = payments
            .list(site, &orders_of(&self.streets.people.applicant), None, 50)
            .await
            .unwrap();
        found
            .into_iter()
            .map(|order| (order.id, order.state, order.outstanding))
            .collect()
    }

    async fn unpaid(&mut self) -> Option<(OrderId, Fen)> {
        let payable: Vec<_> = self
            .orders()
            .await
            .into_iter()
            .filter(|(_, state, _)| state.is_payable())
            .collect();
        self.chance
            .one_of(&payable)
            .map(|(id, _, missing)| (id.clone(), *missing))
    }

    /// A handful of the cases, and one of the ways to pay for them.
    async fn basket(&mut self) -> Option<(Vec<CaseId>, Method, Fen)> {
        // Only renewals can be paid by a code.
        let from = usize::from(!self.chance.once_in(3));
        let cases = self.chance.some_of(&self.streets.people.cases[from..]);
        let (engine, site) = (&self.house.engine, &self.house.site);
        let quoted = engine
            .quote_basket(site, &self.streets.people.applicant, &cases)
            .await;
        match quoted {
            Ok(quote) => {
                let method = *self.chance.one_of(&quote.methods).unwrap();
                Some((cases, method, quote.total))
            }
            Err(error) => {
                assert!(is_refusal(&error), "{error:?}");
                None
            }
        }
    }

    async fn order(&mut self) {
        let Some((cases, method, total)) = self.basket().await else {
            return;
        };
        let (engine, site) = (self.house.engine.clone(), self.house.site.clone());
        let (applicant, choice) = (self.streets.people.applicant.clone(), choice(method, total));
        match self
            .or_crash(engine.open_basket(&site, &applicant, &cases, &choice))
            .await
        {
            Some(Ok(_)) => self.note("ordered"),
            Some(Err(error)) => assert!(is_refusal(&error), "{error:?}"),
            None => {}
        }
    }

    async fn change(&mut self) {
        let Some((order, _)) = self.unpaid().await else {
            return;
        };
        let Some((cases, method, total)) = self.basket().await else {
            return;
        };
        let (engine, site) = (self.house.engine.clone(), self.house.site.clone());
        let (applicant, choice) = (self.streets.people.applicant.clone(), choice(method, total));
        match self
            .or_crash(engine.change_basket(&site, &applicant, &order, &cases, &choice))
            .await
        {
            Some(Ok(())) => self.note("changed"),
            Some(Err(error)) => assert!(is_refusal(&error), "{error:?}"),
            None => {}
        }
    }

    async fn cancel(&mut self) {
        let Some((order, _)) = self.unpaid().await else {
            return;
        };
        let (engine, site) = (self.house.engine.clone(), self.house.site.clone());
        let applicant = self.streets.people.applicant.clone();
        match self
            .or_crash(engine.cancel_basket(&site, &applicant, &order))
            .await
        {
            Some(Ok(())) => self.note("cancelled"),
            Some(Err(error)) => assert!(is_refusal(&error), "{error:?}"),
            None => {}
        }
    }

    /// Somebody presses a button that the page shows.
    async fn transition(&mut self) {
        let case = self
            .chance
            .one_of(&self.streets.people.cases)
            .unwrap()
            .clone();
        let actor = if self.chance.once_in(4) {
            Actor::Applicant(self.streets.people.applicant.clone())
        } else {
            any_clerk()
        };
        let (engine, site) = (self.house.engine.clone(), self.house.site.clone());
        let page = engine.page(&site, &actor, &case).await.unwrap();
        // Most of the time things go on; ways out are rarer than their buttons.
        let out = self.chance.once_in(5);
        let ids: Vec<String> = page
            .actions
            .iter()
            .filter(|action| action.negative == out)
            .map(|action| action.id.clone())
            .collect();
        let Some(id) = self.chance.one_of(&ids).cloned() else {
            return;
        };
        let with = said(self.house, &case, &id).await;
        match self
            .or_crash(engine.fire(&site, &actor, &case, &id, &with))
            .await
        {
            Some(Ok(())) => self.note(id),
            Some(Err(error)) => assert!(is_refusal(&error), "{id}: {error:?}"),
            None => {}
        }
    }

    async fn restart(&mut self) {
        *self.house = House::open(self.streets).await;
        self.note("restart");
    }

    async fn pass_time(&mut self) {
        let seconds = [0, 5, 60, 3600, 24 * 3600, 8 * 24 * 3600];
        let seconds = *self.chance.one_of(&seconds).unwrap();
        self.streets.clock.advance(seconds);
        let engine = self.house.engine.clone();
        if let Some(worked) = self.or_crash(engine.work_off()).await {
            worked.unwrap();
        }
        self.story.push(format!("{seconds} s later"));
    }
}
