//! Every lie that the simulators know, by every provider, on both databases: each has its end, a clerk reads of it, and
//! the money is accounted for to the fen.

use crate::courses;
use crate::ends::{self, End, Lie};
use crate::hall::Answer;
use crate::rules::Rules;
use crate::world::{Bought, World, at, name, until, world};
use http::StatusCode;
use std::collections::BTreeSet;
use yinxin_core::money::Method;
use yinxin_core::time::Millis;
use yinxin_services::payments::{OrderState, PaymentState};
use yinxin_services::reconciliation::{
    BillKind, Difference, DifferenceKind, DifferenceState, report_id,
};
use yinxin_simulators::lies::Answers;
use yinxin_simulators::trades::PayMode;
use yinxin_store::postings::Account;
use yinxin_store::testing::{postgres, sqlite};

/// Differences of a test: fewer than that.
const MANY: i64 = 500;

/// Orders and lets the provider lie; it tells the truth again in the end.
async fn run(world: &World, method: Method, lie: Lie) -> Bought {
    match lie {
        Lie::Course(course) => courses::run(world, method, course).await,
        Lie::Told(mode) => told(world, method, mode).await,
        Lie::Answered(answers) => answered(world, method, answers).await,
    }
}

async fn told(world: &World, method: Method, mode: PayMode) -> Bought {
    let mut bought = world.buys(method).await;
    let trade = world.attempt(&bought.order, method).await.out_trade_no;
    if mode == PayMode::Late {
        world.cancels(&mut bought).await;
        world.work(60).await;
    }
    world.providers.pay(method, &trade, mode).await;
    let book = world.providers.book(method);
    if mode != PayMode::Drop && mode != PayMode::Hold {
        let heard = || !book.get(&trade).unwrap().deliveries.is_empty();
        until("the notification arrives", heard).await;
    }
    world.work(60).await;
    if mode == PayMode::Hold {
        assert_eq!(world.providers.tell(method, &trade).await, 1);
        world.work(60).await;
    }
    bought
}

async fn answered(world: &World, method: Method, answers: Answers) -> Bought {
    if answers == Answers::Eager {
        world.providers.answer(method, "", answers);
        let bought = world.buys(method).await;
        world.providers.answer(method, "", Answers::Truth);
        world.work(5).await;
        return bought;
    }
    let bought = world.buys(method).await;
    let trade = world.attempt(&bought.order, method).await.out_trade_no;
    world.providers.answer(method, &trade, answers);
    if answers != Answers::Paid {
        world.providers.pay(method, &trade, PayMode::Normal).await;
    }
    // What the notification says is asked about at once; nothing else is due for a quarter of a minute.
    world.hall.state.engine.work_off().await.unwrap();
    if answers == Answers::Silent {
        assert_eq!(
            world.state(&bought.order).await,
            OrderState::AwaitingPayment
        );
    } else {
        // Long enough for the code to run out under a lie that can be believed; the others are asked about again.
        let lasting = matches!(answers, Answers::Unpaid | Answers::Closed);
        world.work(if lasting { 3 * 3600 } else { 60 }).await;
    }
    let seen = world.state(&bought.order).await;
    let believed = matches!(answers, Answers::Truth | Answers::Paid);
    assert_eq!(seen == OrderState::Paid, believed, "{answers:?}: {seen:?}");
    world.providers.answer(method, &trade, Answers::Truth);
    let lasting = matches!(answers, Answers::Unpaid | Answers::Closed);
    // What was believed stays until the day is compared.
    if !lasting {
        world.work(600).await;
    }
    bought
}

fn good(page: &Answer) -> &Answer {
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    page
}

/// What a difference is called on the clerks' pages.
fn words(kind: DifferenceKind) -> &'static str {
    match kind {
        DifferenceKind::MissingAtOurs => "渠道或银行收到了钱，本系统没有对应的收款",
        DifferenceKind::MissingAtTheirs => "本系统记了收款，渠道账单中没有",
        DifferenceKind::AmountDiffers => "两边都有这笔收款，金额不同",
        DifferenceKind::RefundDiffers => "退款只在一边，或两边金额不同",
    }
}

/// A clerk has these days of the providers compared.
async fn compare(world: &World, days: &BTreeSet<String>) {
    // Whatever day it is here by now: for the providers it is over, with its bill made.
    world.clock.advance(48 * 3600);
    let mut clerk = world.clerk().await;
    for day in days {
        for method in world.gateways() {
            let body = format!("gateway={}&day={day}", name(method));
            let done = clerk.post(world, "/console/reconciliation", &body).await;
            assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
        }
    }
    world.work(60).await;
}

/// fen that the providers have more than our ledger, by the differences that are open.
fn named(differences: &[Difference]) -> i64 {
    let more = |difference: &Difference| {
        let sides = (difference.theirs, difference.ours);
        let more = sides.0.map_or(0, |fen| fen.0) - sides.1.map_or(0, |fen| fen.0);
        match difference.about {
            BillKind::Payment => more,
            BillKind::Refund => -more,
        }
    };
    differences.iter().map(more).sum()
}

/// One row of the table: what was bought, and how it should end.
struct Row {
    what: String,
    bought: Bought,
    number: String,
    end: End,
}

/// One column of the table: all lies of one provider on one database. Gives what is not as it should be.
async fn column(world: World, method: Method) -> Vec<String> {
    let today = || Millis::now().day().to_string();
    let mut days = BTreeSet::from([today()]);
    let mut rows = Vec::new();
    let mut faults = Vec::new();
    for lie in Lie::all() {
        let what = format!("{lie:?} by {method:?} on {}", world.name);
        let refused = world.refused().await;
        let bought = run(&world, method, lie).await;
        let payments = &world.hall.state.payments;
        let view = payments.order_view(&at(), &bought.order).await.unwrap();
        let row = Row {
            what,
            number: view.number,
            end: ends::of(lie, method),
            bought,
        };
        let (path, sentence) = row.end.seen;
        let path = path.replace("{order}", row.bought.order.as_str());
        let sentence = sentence.replace("{number}", &row.number);
        let page = world.clerk().await.get(&world, &path).await;
        if !good(&page).body.contains(&sentence) {
            faults.push(format!("{}: {path} does not say `{sentence}`", row.what));
        }
        let more = world.refused().await - refused;
        if more != row.end.refused {
            faults.push(format!("{}: clerks read of {more} refused", row.what));
        }
        world.assert_sound().await;
        rows.push(row);
    }
    days.insert(today());
    compare(&world, &days).await;

    let reconciliation = &world.hall.state.reconciliation;
    let site = at();
    let open = reconciliation.differences(&site, DifferenceState::Open, None, MANY);
    let open = open.await.unwrap();
    let mut told = String::new();
    for day in &days {
        for method in world.gateways() {
            let path = format!("/console/reconciliation/{}", report_id(method, day));
            let page = world.clerk().await.get(&world, &path).await;
            told.push_str(&good(&page).body);
        }
    }
    for row in &rows {
        faults.extend(row.faults(&world, method, &open, &told).await);
    }
    for difference in &open {
        let is_of = |row: &Row| difference.order.as_ref() == Some(&row.bought.order);
        if !rows.iter().any(is_of) {
            faults.push(format!("no lie has made this difference: {difference:?}"));
        }
    }
    // To the fen: what the providers hold is what our books say, but for what a clerk has been told.
    let mut booked = world.balance(Account::GatewayFees).await;
    for method in world.gateways() {
        booked += world.balance(Account::Gateway(method)).await;
    }
    let (held, named) = (world.held(), named(&open));
    if held != booked + named {
        faults.push(format!(
            "{method:?} on {}: the providers hold {held} fen, the books say {booked}, clerks were told of {named}",
            world.name
        ));
    }
    if faults.is_empty() {
        expired(&world, method).await;
        world.assert_sound().await;
    }
    faults
}

impl Row {
    /// How it ended otherwise than it should have. `told`: what the clerks' pages say of the days.
    async fn faults(
        &self,
        world: &World,
        method: Method,
        open: &[Difference],
        told: &str,
    ) -> Vec<String> {
        let mut faults = Vec::new();
        let order = world.state(&self.bought.order).await;
        let attempts = world.attempts(&self.bought.order, method).await;
        let states: Vec<PaymentState> = attempts.iter().map(|attempt| attempt.state).collect();
        if (order, states.as_slice()) != (self.end.order, &[self.end.payment]) {
            faults.push(format!("{}: {order:?}, {states:?}", self.what));
        }
        let mut found: Vec<&str> = open
            .iter()
            .filter(|difference| difference.order.as_ref() == Some(&self.bought.order))
            .map(|difference| difference.kind.as_str())
            .collect();
        found.sort_unstable();
        let mut wanted: Vec<&str> = self.end.differs.iter().map(|kind| kind.as_str()).collect();
        wanted.sort_unstable();
        if found != wanted {
            faults.push(format!("{}: differs by {found:?}", self.what));
        }
        for kind in self.end.differs {
            if !told.contains(words(*kind)) || !told.contains(&self.number) {
                faults.push(format!("{}: no clerk reads of {kind:?}", self.what));
            }
        }
        faults
    }
}

/// What is paid and told of when the order has run out goes back.
async fn expired(world: &World, method: Method) {
    for mode in [PayMode::Hold, PayMode::Late] {
        let bought = world.buys(method).await;
        let trade = world.attempt(&bought.order, method).await.out_trade_no;
        if mode == PayMode::Hold {
            world.providers.pay(method, &trade, mode).await;
        }
        world.clock.advance(31 * 24 * 3600);
        let payments = &world.hall.state.payments;
        payments.close_expired(&at(), MANY).await.unwrap();
        if mode == PayMode::Hold {
            assert_eq!(world.providers.tell(method, &trade).await, 1);
        }
        world.work(60).await;
        if mode == PayMode::Late {
            world.providers.pay(method, &trade, mode).await;
        }
        world.work(600).await;
        assert_eq!(world.state(&bought.order).await, OrderState::Closed);
        let back = world.providers.book(method).get(&trade).unwrap();
        assert_eq!(back.refunded(), back.received(), "{mode:?} {method:?}");
        let path = format!("/console/orders/{}", bought.order);
        let mut clerk = world.clerk().await;
        let page = clerk.get(world, &path).await;
        for words in ["逾期未付，订单关闭", "订单不再收款，待退回", "退款完成"]
        {
            assert!(good(&page).body.contains(words), "{words}: {}", page.body);
        }
    }
}

async fn each_lie_has_its_end(rules: Rules) {
    let methods = world(sqlite().await, rules).await.gateways();
    assert!(methods.len() >= 2, "{methods:?}");
    let mut columns = Vec::new();
    for method in methods {
        for store in [sqlite().await, postgres().await] {
            columns.push(tokio::spawn(column(world(store, rules).await, method)));
        }
    }
    let mut faults = Vec::new();
    for column in columns {
        faults.extend(column.await.unwrap());
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_lie_of_a_payment_provider_has_its_end_and_a_clerk_reads_of_it() {
    each_lie_has_its_end(Rules::Fujian).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_rules_open_the_order_each_lie_has_the_same_end() {
    each_lie_has_its_end(Rules::Yingtan).await;
}
