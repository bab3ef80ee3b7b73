//! What an applicant does at the moment at which the payment arrives: whichever is first, nobody has both the money and
//! what it was for, and whoever came too late is told.

use crate::hall::Answer;
use crate::rules::Rules;
use crate::world::{Bought, World, at, world};
use http::StatusCode;
use yinxin_core::money::Method;
use yinxin_engine::{Actor, EngineError};
use yinxin_services::payments::OrderState;
use yinxin_simulators::trades::PayMode;
use yinxin_store::testing::stores;

/// Races of a kind at least, and at most: each side has to have won by then.
const RACES: usize = 6;
const MOST: usize = 60;
/// By how much the handicap changes at least.
const STEP: i64 = 40;
/// The largest: longer than either side takes, and still over within a second.
const FAR: i64 = 200_000;

/// Finds the moment at which either may win, and runs the races there.
#[derive(Debug, Default)]
struct Odds {
    /// How often the applicant lets others go first; below zero, the payment.
    handicap: i64,
    applicant: usize,
    payment: usize,
}

impl Odds {
    fn won(&mut self, applicant: bool) {
        let step = STEP.max(self.handicap.abs() / 2);
        let moved = if applicant {
            self.applicant += 1;
            self.handicap + step
        } else {
            self.payment += 1;
            self.handicap - step
        };
        self.handicap = moved.clamp(-FAR, FAR);
    }

    fn are_enough(&self) -> bool {
        let races = self.applicant + self.payment;
        assert!(races < MOST, "only one side ever wins: {self:?}");
        races >= RACES && self.applicant > 0 && self.payment > 0
    }
}

/// The payment arrives, is worked on, and the applicant posts this, all at once.
async fn race(
    world: &World,
    method: Method,
    bought: &mut Bought,
    handicap: i64,
    path: &str,
    body: &str,
) -> Answer {
    let trade = world.attempt(&bought.order, method).await.out_trade_no;
    let others_first = async |times: i64| {
        for _ in 0..times {
            tokio::task::yield_now().await;
        }
    };
    let applicant = async {
        others_first(handicap).await;
        bought.person.post(&world.hall, path, body).await
    };
    let provider = async {
        others_first(-handicap).await;
        world.providers.pay(method, &trade, PayMode::Repeat).await;
        world.hall.state.engine.work_off().await.unwrap();
    };
    let (answer, ()) = tokio::join!(applicant, provider);
    world.work(600).await;
    let trade = world.providers.book(method).get(&trade).unwrap();
    let state = world.state(&bought.order).await;
    let back = match state {
        OrderState::Paid => 0,
        OrderState::Closed | OrderState::Refunded => trade.received(),
        other => panic!("{other:?} is no end, on {}", world.name),
    };
    assert_eq!(trade.refunded(), back, "{state:?} on {}", world.name);
    let told = answer.status == StatusCode::SEE_OTHER
        || answer.status.is_client_error()
            && ["没有执行", "不能再改", "不能删除"]
                .iter()
                .any(|words| answer.body.contains(words));
    assert!(told, "{} {}", answer.status, answer.body);
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_cancelled_while_its_payment_arrives() {
    for store in stores().await {
        let world = world(store, Rules::Fujian).await;
        for method in world.gateways() {
            let mut odds = Odds::default();
            while !odds.are_enough() {
                let mut bought = world.buys(method).await;
                let path = format!("/orders/{}/cancel", bought.order);
                let answer = race(&world, method, &mut bought, odds.handicap, &path, "").await;
                let closed = world.state(&bought.order).await == OrderState::Closed;
                assert_eq!(closed, answer.status == StatusCode::SEE_OTHER);
                odds.won(closed);
            }
            println!("cancelled, {method:?} on {}: {odds:?}", world.name);
        }
        world.assert_sound().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_withdrawn_while_its_payment_arrives() {
    for store in stores().await {
        let world = world(store, Rules::Fujian).await;
        for method in world.gateways() {
            let mut odds = Odds::default();
            while !odds.are_enough() {
                let mut bought = world.buys(method).await;
                let path = format!("/cases/{}/actions/withdraw", bought.case);
                let body = "withdraw-reason=不需要了";
                race(&world, method, &mut bought, odds.handicap, &path, body).await;
                let viewer = Actor::Applicant(bought.person.account.clone());
                let engine = &world.hall.state.engine;
                let case = engine.page(&at(), &viewer, &bought.case).await.unwrap();
                // An application that is over keeps no money; one whose money is kept goes on, or finance decides.
                let over = case.state.id == "closed";
                let kept = world.state(&bought.order).await == OrderState::Paid;
                assert!(
                    over != kept,
                    "{} with an order that is paid: {kept}",
                    case.state.id
                );
                odds.won(over);
            }
            println!("withdrawn, {method:?} on {}: {odds:?}", world.name);
        }
        world.assert_sound().await;
    }
}

/// No real plugin has a state in which an application can be deleted and paid for; the host must not rely on that.
#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_deleted_while_its_payment_arrives() {
    for store in stores().await {
        let world = world(store, Rules::Hostile).await;
        let mut odds = Odds::default();
        while !odds.are_enough() {
            let mut bought = world.buys(Method::Wechat).await;
            let path = format!("/cases/{}/delete", bought.case);
            let method = Method::Wechat;
            let answer = race(&world, method, &mut bought, odds.handicap, &path, "").await;
            let viewer = Actor::Applicant(bought.person.account.clone());
            let engine = &world.hall.state.engine;
            let gone = match engine.page(&at(), &viewer, &bought.case).await {
                Ok(_) => false,
                Err(EngineError::NotFound) => true,
                Err(error) => panic!("{error:?}"),
            };
            // What is gone keeps no money, and what was paid for stays.
            let kept = world.state(&bought.order).await == OrderState::Paid;
            assert!(
                gone != kept,
                "gone: {gone}, paid: {kept}, on {}",
                world.name
            );
            assert_eq!(gone, answer.status == StatusCode::SEE_OTHER);
            odds.won(gone);
        }
        println!("deleted, on {}: {odds:?}", world.name);
        world.assert_sound().await;
    }
}
