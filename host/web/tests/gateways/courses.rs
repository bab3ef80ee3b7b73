//! Lies that take more than one step.

use crate::market::site;
use crate::world::{Bought, World, name};
use http::StatusCode;
use yinxin_core::money::Method;
use yinxin_services::payments::PaymentState;
use yinxin_simulators::lies::Answers;
use yinxin_simulators::trades::PayMode;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// All of it goes back at the provider's console, after it was booked.
    RefundedWhole,
    RefundedPart,
    /// All of it goes back, and we hear of that before we hear of the payment.
    RefundedUnbooked,
    RefundedPartUnbooked,
    /// With both providers, in two tabs.
    PaidTwice,
    /// The payment's notification comes when the order was cancelled.
    CancelledWhilePaying,
    /// The code is asked for, and answered so.
    CreationAnswered(Answers),
    /// A surplus goes back, and that is answered so.
    RefundAnswered(Answers),
}

/// Answers by which nobody knows whether it was done.
const UNCLEAR: [Answers; 4] = [
    Answers::Silent,
    Answers::Error,
    Answers::Broken,
    Answers::Forged,
];

impl Course {
    pub fn all() -> Vec<Self> {
        let plain = [
            Self::RefundedWhole,
            Self::RefundedPart,
            Self::RefundedUnbooked,
            Self::RefundedPartUnbooked,
            Self::PaidTwice,
            Self::CancelledWhilePaying,
        ];
        plain
            .into_iter()
            .chain(UNCLEAR.map(Self::CreationAnswered))
            .chain(UNCLEAR.map(Self::RefundAnswered))
            .collect()
    }
}

/// Orders, and lets it go as the course says; the provider tells the truth again in the end.
pub async fn run(world: &World, method: Method, course: Course) -> Bought {
    match course {
        Course::CreationAnswered(answers) => created(world, method, answers).await,
        Course::RefundAnswered(answers) => paid_twice(world, method, answers).await,
        Course::PaidTwice => paid_twice(world, method, Answers::Truth).await,
        Course::RefundedWhole => refunded(world, method, PayMode::Normal, 1).await,
        Course::RefundedPart => refunded(world, method, PayMode::Normal, 2).await,
        Course::RefundedUnbooked => refunded(world, method, PayMode::Hold, 1).await,
        Course::RefundedPartUnbooked => refunded(world, method, PayMode::Hold, 2).await,
        Course::CancelledWhilePaying => cancelled(world, method).await,
    }
}

async fn created(world: &World, method: Method, answers: Answers) -> Bought {
    let mut bought = world.buys(Method::BankTransfer).await;
    world.providers.answer(method, "", answers);
    // The order is there, its code is not; the page says so, and asks again.
    let pay = format!("/orders/{}/pay", bought.order);
    let body = format!("method={}", name(method));
    let page = bought.person.post(&world.hall, &pay, &body).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{answers:?}");
    assert!(page.body.contains("支付渠道暂时没有响应"), "{}", page.body);
    world.providers.answer(method, "", Answers::Truth);
    bought.person.post(&world.hall, &pay, &body).await;
    let attempts = world.attempts(&bought.order, method).await;
    assert_eq!(attempts.len(), 1, "it is the same trade: {attempts:?}");
    assert_eq!(attempts[0].state, PaymentState::Prepared);
    world
        .providers
        .pay(method, &attempts[0].out_trade_no, PayMode::Normal)
        .await;
    world.work(30).await;
    bought
}

/// `part`: one in so many fen goes back.
async fn refunded(world: &World, method: Method, mode: PayMode, part: i64) -> Bought {
    let bought = world.buys(method).await;
    let trade = world.attempt(&bought.order, method).await.out_trade_no;
    let paid = world.providers.pay(method, &trade, mode).await;
    if mode == PayMode::Normal {
        world.work(30).await;
    }
    let back = paid.received() / part;
    world
        .providers
        .refund_at_console(method, &trade, back)
        .await;
    world.work(30).await;
    if mode == PayMode::Hold {
        assert_eq!(world.providers.tell(method, &trade).await, 1);
        world.work(30).await;
    }
    bought
}

/// The second payment is the one that `method` lies about.
async fn paid_twice(world: &World, method: Method, answers: Answers) -> Bought {
    let first = world.other(method);
    let mut bought = world.buys(method).await;
    let trade = world.attempt(&bought.order, method).await.out_trade_no;
    // A second tab picks the other way.
    let pay = format!("/orders/{}/pay", bought.order);
    let body = format!("method={}", name(first));
    let page = bought.person.post(&world.hall, &pay, &body).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    let other = world.attempt(&bought.order, first).await.out_trade_no;
    world.providers.pay(first, &other, PayMode::Normal).await;
    world.providers.pay(method, &trade, PayMode::Normal).await;
    // Both are booked by asking, before anything is lied about; only refunds are under way then.
    for (method, order) in [(first, &bought.order), (method, &bought.order)] {
        let attempt = world.attempt(order, method).await;
        let payments = &world.hall.state.payments;
        payments.look_again(&site(), &attempt.id).await.unwrap();
    }
    world.providers.answer(method, &trade, answers);
    world.hall.state.engine.work_off().await.unwrap();
    world.providers.answer(method, &trade, Answers::Truth);
    world.work(600).await;
    let back = world.providers.book(method).get(&trade).unwrap();
    assert_eq!(back.refunds.len(), 1, "once: {:?}", back.refunds);
    assert_eq!(back.refunded(), back.received());
    bought
}

async fn cancelled(world: &World, method: Method) -> Bought {
    let mut bought = world.buys(method).await;
    let trade = world.attempt(&bought.order, method).await.out_trade_no;
    world.providers.pay(method, &trade, PayMode::Hold).await;
    world.cancels(&mut bought).await;
    world.work(60).await;
    assert_eq!(world.providers.tell(method, &trade).await, 1);
    world.work(60).await;
    bought
}
