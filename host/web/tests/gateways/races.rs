//! What an applicant does at the moment at which the payment arrives: whichever is first, nobody has both the money and
//! what it was for, and whoever came too late is told.

use crate::hall::Answer;
use crate::world::{Bought, World, at, world};
use http::StatusCode;
use yinxin_core::money::Method;
use yinxin_engine::Actor;
use yinxin_services::payments::OrderState;
use yinxin_simulators::trades::PayMode;
use yinxin_store::testing::stores;

/// Races of a kind, each begun a little later than the one before.
const RACES: usize = 6;
/// How often the applicant lets others go first, more in each race.
const STEPS: usize = 40;

/// The payment arrives, is worked on, and the applicant posts this, all at once.
async fn race(
    world: &World,
    method: Method,
    bought: &mut Bought,
    later: usize,
    path: &str,
    body: &str,
) -> Answer {
    let trade = world.attempt(&bought.order, method).await.out_trade_no;
    let applicant = async {
        for _ in 0..later * STEPS {
            tokio::task::yield_now().await;
        }
        bought.person.post(&world.hall, path, body).await
    };
    let provider = async {
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
            && ["没有执行", "不能再改"]
                .iter()
                .any(|words| answer.body.contains(words));
    assert!(told, "{} {}", answer.status, answer.body);
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_cancelled_while_its_payment_arrives() {
    for store in stores().await {
        let world = world(store).await;
        for method in world.gateways() {
            for later in 0..RACES {
                let mut bought = world.buys(method).await;
                let path = format!("/orders/{}/cancel", bought.order);
                let answer = race(&world, method, &mut bought, later, &path, "").await;
                let closed = world.state(&bought.order).await == OrderState::Closed;
                assert_eq!(closed, answer.status == StatusCode::SEE_OTHER);
            }
        }
        world.assert_sound().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_withdrawn_while_its_payment_arrives() {
    for store in stores().await {
        let world = world(store).await;
        for method in world.gateways() {
            for later in 0..RACES {
                let mut bought = world.buys(method).await;
                let path = format!("/cases/{}/actions/withdraw", bought.case);
                let body = "withdraw-reason=不需要了";
                race(&world, method, &mut bought, later, &path, body).await;
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
            }
        }
        world.assert_sound().await;
    }
}
