//! One life: what people, clerks, providers and accidents do, in an order that chance makes.

use crate::chance::Chance;
use crate::crash;
use crate::house::{GATEWAYS, House, Streets, any_clerk, finance};
use crate::people::{choice, said_by_clerk, work};
use crate::seen::Seen;
use jiff::civil::Date;
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::atomic::Ordering;
use yinxin_core::ids::{CaseId, FileId, OrderId, PaymentId};
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::Millis;
use yinxin_engine::{Actor, EngineError};
use yinxin_services::payments::{By, OrderState, PaymentError, RefundState, Transfer};
use yinxin_services::reconciliation::ReportState;
use yinxin_simulators::lies::Answers;
use yinxin_simulators::trades::{PayMode, Trade};
use yinxin_store::StoreError;

/// Things that happen in one life.
const STEPS: usize = 60;
/// One in so many ends with a crash in the middle of it.
const CRASHES: usize = 6;
/// How often a future is polled at most before a crash; a decision takes some sixty.
const POLLS: usize = 80;

/// What is paid and told otherwise than it should be. What comes later by itself would come at another time in each run.
const MODES: [PayMode; 15] = [
    PayMode::Repeat,
    PayMode::Forge,
    PayMode::Drop,
    PayMode::Amount,
    PayMode::Signtest,
    PayMode::Hold,
    PayMode::Hold,
    PayMode::Late,
    PayMode::Claim,
    PayMode::Understate,
    PayMode::Deny,
    PayMode::Stranger,
    PayMode::Swap,
    PayMode::Stale,
    PayMode::Cut,
];
/// How requests are answered for a while. Silence takes ten seconds each time, and an invented payment is found by the
/// ledger's day, which these lives outrun: `host/web/tests/gateways` tries those.
const ANSWERS: [Answers; 8] = [
    Answers::Error,
    Answers::Broken,
    Answers::Forged,
    Answers::Unpaid,
    Answers::Closed,
    Answers::Amount,
    Answers::Stranger,
    Answers::Eager,
];

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
            .orders_of(site, &self.streets.people.applicant, None, 50)
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

    /// Begins to pay, or scans a code that somebody had before; the app may pay another amount.
    async fn pay(&mut self) {
        let method = *self
            .chance
            .one_of(&[Method::Wechat, Method::Alipay])
            .unwrap();
        if let Some((order, _)) = self.unpaid().await {
            let (payments, site) = (
                self.house.services.payments.clone(),
                self.house.site.clone(),
            );
            if let Some(Err(error)) = self
                .or_crash(payments.begin_payment(&site, &order, method))
                .await
            {
                assert!(is_refused_payment(&error), "{error:?}");
            }
        }
        let mode = if self.chance.once_in(3) {
            PayMode::Normal
        } else {
            *self.chance.one_of(&MODES).unwrap()
        };
        let mut trades = self.streets.providers.book(method).all();
        trades.retain(|trade| trade.is_payable(mode));
        let Some(trade) = self.chance.one_of(&trades).cloned() else {
            return;
        };
        let providers = &self.streets.providers;
        providers.pay(method, &trade.out_trade_no, mode).await;
        self.note(format!("pays: {mode:?}"));
    }

    fn a_gateway(&mut self) -> Method {
        *self.chance.one_of(&GATEWAYS).unwrap()
    }

    fn a_trade(&mut self, method: Method) -> Option<Trade> {
        let trades = self.streets.providers.book(method).all();
        self.chance.one_of(&trades).cloned()
    }

    /// What a provider held back is told now.
    async fn tell(&mut self) {
        let method = self.a_gateway();
        for trade in self.streets.providers.book(method).all() {
            let number = &trade.out_trade_no;
            if self.streets.providers.tell(method, number).await > 0 {
                self.note("told late");
            }
        }
    }

    /// Somebody gives money back at a provider's own console.
    async fn refund_at_console(&mut self) {
        let method = self.a_gateway();
        let Some(trade) = self.a_trade(method) else {
            return;
        };
        let left = trade.received() - trade.refunded();
        let amount = if self.chance.once_in(2) {
            left
        } else {
            left / 2
        };
        if amount > 0 {
            let providers = &self.streets.providers;
            let number = &trade.out_trade_no;
            providers.refund_at_console(method, number, amount).await;
            self.note("refunded at the provider's console");
        }
    }

    async fn slip(&mut self) {
        let Some((order, _)) = self.unpaid().await else {
            return;
        };
        let (payments, site, store) = (
            self.house.services.payments.clone(),
            self.house.site.clone(),
            self.house.store.clone(),
        );
        let refuse = self.chance.once_in(3);
        let by = By::applicant(&self.streets.people.applicant);
        let work = async {
            let mut tx = store.begin().await?;
            payments
                .upload_slip(&mut tx, &site, &order, &FileId::generate(), &by)
                .await?;
            if refuse {
                payments
                    .refuse_slip(&mut tx, &site, &order, "看不清", &finance())
                    .await?;
            }
            tx.commit().await.map_err(StoreError::from)?;
            Ok::<_, PaymentError>(())
        };
        match self.or_crash(work).await {
            Some(Ok(())) if refuse => self.note("slip refused"),
            Some(Ok(())) => self.note("slip uploaded"),
            Some(Err(error)) => assert!(is_refused_payment(&error), "{error:?}"),
            None => {}
        }
    }

    /// A transfer is found on the account, for any order that there is. A crash leaves the clerk in doubt: he books it
    /// again, under the same number.
    async fn transfer(&mut self) {
        let mut orders = self.orders().await;
        if !self.chance.once_in(6) {
            orders.retain(|(_, state, _)| state.is_payable());
        }
        let Some((order, _, missing)) = self.chance.one_of(&orders).cloned() else {
            return;
        };
        let due = if missing.0 > 0 { missing.0 } else { 10_000 };
        let amount = Fen(match self.chance.below(6) {
            0 => (due / 2).max(1),
            1 => due + 700,
            _ => due,
        });
        self.transfers += 1;
        let reference = format!("B{:08}", self.transfers);
        let mut booked = None;
        while booked.is_none() {
            let (payments, site, store) = (
                self.house.services.payments.clone(),
                self.house.site.clone(),
                self.house.store.clone(),
            );
            let found = Transfer {
                reference: &reference,
                amount,
                payer: "福州榕城科技有限公司",
            };
            let work = async {
                let mut tx = store.begin().await?;
                let settled = payments
                    .verify_transfer(&mut tx, &site, &order, &found, &finance())
                    .await?;
                tx.commit().await.map_err(StoreError::from)?;
                Ok::<_, PaymentError>(settled)
            };
            booked = self.or_crash(work).await;
        }
        let came = || self.streets.account.fetch_add(amount.0, Ordering::SeqCst);
        match booked.unwrap() {
            Ok(settled) => {
                came();
                self.note(format!("transfer {settled:?}"));
            }
            // The attempt before the crash had been booked.
            Err(PaymentError::AlreadyBooked) => {
                came();
            }
            // A clerk can book on any order, whatever has become of it.
            Err(error) => panic!("{error:?}"),
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
        let with = said_by_clerk(self.house, &case, &id).await;
        match self
            .or_crash(engine.fire(&site, &actor, &case, &id, &with))
            .await
        {
            Some(Ok(())) => self.note(id),
            Some(Err(error)) => assert!(is_refusal(&error), "{id}: {error:?}"),
            None => {}
        }
    }

    /// Finance pays out what no provider can, and tries again what one refused.
    async fn pay_out(&mut self) {
        let (payments, site) = (
            self.house.services.payments.clone(),
            self.house.site.clone(),
        );
        let mut waiting = Vec::new();
        for state in [RefundState::Requested, RefundState::Failed] {
            waiting.extend(payments.refunds_in(&site, state, None, 50).await.unwrap());
        }
        let Some(refund) = self.chance.one_of(&waiting).cloned() else {
            return;
        };
        let number = format!("O{}", refund.id);
        let mut done = None;
        let mut crashed = false;
        while done.is_none() {
            let store = self.house.store.clone();
            let work = async {
                let mut tx = store.begin().await?;
                payments
                    .finish_refund_by_hand(&mut tx, &site, &refund.id, &number, &finance())
                    .await?;
                tx.commit().await.map_err(StoreError::from)?;
                Ok::<_, PaymentError>(())
            };
            done = self.or_crash(work).await;
            crashed |= done.is_none();
        }
        let went = || {
            self.streets
                .account
                .fetch_sub(refund.amount.0, Ordering::SeqCst)
        };
        match done.unwrap() {
            Ok(()) => {
                went();
                self.note("refund paid out by hand");
            }
            // A provider carries it out; or the attempt before the crash was booked.
            Err(PaymentError::NotNow) => {
                if crashed && self.is_done(&refund.id).await {
                    went();
                }
            }
            Err(error) => assert!(is_refused_payment(&error), "{error:?}"),
        }
    }

    async fn is_done(&self, refund: &str) -> bool {
        let mut conn = self.house.store.read().await.unwrap();
        let refund = yinxin_store::refunds::get(&mut conn, &self.house.site, refund)
            .await
            .unwrap();
        refund.state == RefundState::Done
    }

    /// A provider mostly answers, and mostly the truth.
    fn answer(&mut self) {
        let method = self.a_gateway();
        let (answers, number) = match (self.chance.below(4), self.a_trade(method)) {
            (0, _) => (*self.chance.one_of(&ANSWERS).unwrap(), String::new()),
            (1, Some(trade)) => (*self.chance.one_of(&ANSWERS).unwrap(), trade.out_trade_no),
            _ => (Answers::Truth, String::new()),
        };
        self.streets.providers.answer(method, &number, answers);
        self.note(format!("answers: {answers:?}"));
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

    /// Providers answer again and clerks clear their queues, until nothing moves any more.
    async fn rest(&mut self) {
        for method in GATEWAYS {
            for trade in self.streets.providers.book(method).all() {
                let number = &trade.out_trade_no;
                self.streets
                    .providers
                    .answer(method, number, Answers::Truth);
                self.streets.providers.tell(method, number).await;
            }
            self.streets.providers.answer(method, "", Answers::Truth);
        }
        *self.house = House::open(self.streets).await;
        let (payments, site) = (
            self.house.services.payments.clone(),
            self.house.site.clone(),
        );
        for _ in 0..3 {
            // What a crashed worker had taken is free again, then all trades come to their end.
            self.streets.clock.advance(600);
            work(self.house, self.streets, 4 * 3600).await;
            for odd in payments.odd_payments(&site, None, 50).await.unwrap() {
                self.give_back(&odd.payment).await;
            }
            let mut waiting = Vec::new();
            for state in [RefundState::Requested, RefundState::Failed] {
                waiting.extend(payments.refunds_in(&site, state, None, 50).await.unwrap());
            }
            for refund in waiting {
                let mut tx = self.house.store.begin().await.unwrap();
                let number = format!("E{}", refund.id);
                if payments
                    .finish_refund_by_hand(&mut tx, &site, &refund.id, &number, &finance())
                    .await
                    .is_ok()
                {
                    tx.commit().await.unwrap();
                    self.streets
                        .account
                        .fetch_sub(refund.amount.0, Ordering::SeqCst);
                }
            }
        }
        work(self.house, self.streets, 4 * 3600).await;
        self.compare().await;
    }

    /// The day at the providers is compared, which is one day for them however much time passed here.
    async fn compare(&mut self) {
        let reconciliation = self.house.services.reconciliation.clone();
        let (began, now) = (self.began, Millis::now().day());
        self.streets.clock.advance(48 * 3600);
        for day in BTreeSet::from([began, now]) {
            for method in GATEWAYS {
                let by = finance();
                let report = reconciliation.run_again(&self.house.site, method, day, &by);
                let report = report.await.unwrap();
                assert!(matches!(report.state, ReportState::Done), "{report:?}");
            }
        }
        // What was found by the bills comes to its end.
        work(self.house, self.streets, 4 * 3600).await;
    }

    async fn give_back(&self, payment: &PaymentId) {
        let mut tx = self.house.store.begin().await.unwrap();
        let given = self
            .house
            .services
            .payments
            .give_back(&mut tx, &self.house.site, payment, "金额不符", &finance())
            .await;
        match given {
            Ok(_) => tx.commit().await.unwrap(),
            Err(error) => assert!(is_refused_payment(&error), "{error:?}"),
        }
    }
}
