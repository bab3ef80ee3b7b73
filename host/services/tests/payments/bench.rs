//! Somebody who does to orders and their money whatever can be done to them, by the dice, and knows what should have come
//! of it.

mod accounting;

use crate::desk::{TestClock, clerk};
use crate::till::{Dice, Till};
use reqwest::header::HeaderMap;
use std::collections::BTreeMap;
use std::sync::Arc;
use yinxin_core::ids::{AccountId, CaseId, FileId, OrderId, PaymentId, SiteId};
use yinxin_core::money::{FeeLine, Fen, Method};
use yinxin_core::time::Clock;
use yinxin_services::case_event::{CASE_EVENT_JOB, CaseEvent};
use yinxin_services::job_end::JobEnd;
use yinxin_services::payments::{
    By, NewLines, NewOrder, NewRefund, PaymentError, Payments, RefundState, Settled, Transfer,
};
use yinxin_store::testing::TestStore;
use yinxin_store::{StoreError, Transaction, jobs};

/// Steps of a sequence: enough for an order to be opened, changed, paid twice and refunded.
const STEPS: usize = 40;
/// Seconds after which a job whose process died runs again.
const LEASE: i64 = 60;
const ALL: [Method; 3] = [Method::Wechat, Method::Alipay, Method::BankTransfer];

pub struct Bench<'a> {
    store: &'a TestStore,
    site: SiteId,
    clock: Arc<TestClock>,
    payments: Arc<Payments>,
    tills: BTreeMap<Method, Arc<Till>>,
    dice: Dice,
    /// The process dies now and then.
    dies: bool,
    orders: Vec<OrderId>,
    /// What came to and went from the bank's account, as the bank knows it.
    pub bank: (i64, i64),
    transfers: usize,
    notices: usize,
    pub told: Vec<CaseEvent>,
    log: Vec<String>,
    /// Where several act at once: which of them this is. Each may lose against another.
    lane: Option<usize>,
}

impl<'a> Bench<'a> {
    pub fn new(store: &'a TestStore, clock: Arc<TestClock>, seed: u64) -> Self {
        let site = SiteId::parse(&format!("s-{seed}")).unwrap();
        let mut payments = Payments::new(store.store.clone(), store.sealer.clone(), clock.clone());
        let mut tills = BTreeMap::new();
        for method in [Method::Wechat, Method::Alipay] {
            let till = Arc::new(Till::new(method, seed ^ method as u64));
            payments.add_gateway(site.clone(), till.clone());
            tills.insert(method, till);
        }
        payments.add_transfers(site.clone());
        Self {
            store,
            site,
            clock,
            payments: Arc::new(payments),
            tills,
            dice: Dice(seed),
            dies: true,
            orders: Vec::new(),
            bank: (0, 0),
            transfers: 0,
            notices: 0,
            told: Vec::new(),
            log: Vec::new(),
            lane: None,
        }
    }

    /// Another who does things to the same orders at the same time.
    pub fn twin(&self, lane: usize) -> Self {
        Self {
            site: self.site.clone(),
            clock: self.clock.clone(),
            payments: self.payments.clone(),
            tills: self.tills.clone(),
            dice: Dice(self.dice.0 ^ (lane as u64) << 32),
            orders: self.orders.clone(),
            told: Vec::new(),
            log: Vec::new(),
            lane: Some(lane),
            ..*self
        }
    }

    /// What a twin did counts as one's own.
    pub fn absorb(&mut self, twin: Self) {
        self.bank.0 += twin.bank.0;
        self.bank.1 += twin.bank.1;
        for order in twin.orders {
            if !self.orders.contains(&order) {
                self.orders.push(order);
            }
        }
        self.told.extend(twin.told);
        let lane = twin.lane.unwrap_or_default();
        let log = twin.log.into_iter().map(|line| format!("{lane}: {line}"));
        self.log.extend(log);
    }

    fn order(&mut self) -> Option<OrderId> {
        self.dice.pick(&self.orders).cloned()
    }

    async fn payment(&mut self) -> Option<PaymentId> {
        let order = self.order()?;
        let all = self.payments.payments_of(&self.site, &order).await.unwrap();
        self.dice.pick(&all).map(|payment| payment.payment.clone())
    }

    /// Commits, or does as if the process had died before it could; true when it counts.
    async fn end(&mut self, tx: Transaction) -> bool {
        if self.dies && self.dice.once_in(12) {
            drop(tx);
            return false;
        }
        tx.commit().await.unwrap();
        true
    }

    /// What may be refused, and what never happens.
    fn outcome<T>(&mut self, what: &str, outcome: Result<T, PaymentError>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(PaymentError::Store(StoreError::Conflict)) if self.lane.is_some() => {
                self.log.push(format!("{what}: another was faster"));
                None
            }
            Err(
                PaymentError::Store(_)
                | PaymentError::UnknownJob(_)
                | PaymentError::Payload(_)
                | PaymentError::OwnPayment
                | PaymentError::Forged(_),
            ) => {
                panic!("{what}: {:?} after {:#?}", outcome.err(), self.log)
            }
            Err(error) => {
                self.log.push(format!("{what}: {error}"));
                None
            }
        }
    }

    fn lines(&mut self, cases: &[CaseId]) -> Vec<FeeLine> {
        let shared = self.dice.once_in(3);
        let mut lines = Vec::new();
        for case in cases.iter().map(CaseId::as_str).chain(shared.then_some("")) {
            lines.push(FeeLine {
                code: "certificate".to_owned(),
                label: "证书".to_owned(),
                quantity: 1,
                amount: self.dice.amount(1, 30000),
                case_id: case.to_owned(),
            });
        }
        lines
    }

    pub async fn open(&mut self) {
        let cases: Vec<CaseId> = (0..=self.dice.roll(3))
            .map(|_| CaseId::generate())
            .collect();
        let new = NewOrder {
            account: AccountId::generate(),
            lines: self.lines(&cases),
            cases,
            methods: ALL.to_vec(),
            chosen: None,
            expires_at: self.clock.now().plus(24 * 3600),
        };
        let mut tx = self.store.begin().await.unwrap();
        let order = self
            .payments
            .open_order(&mut tx, &self.site, new)
            .await
            .unwrap();
        if self.end(tx).await {
            self.log
                .push(format!("open {} {}", order.number, order.total));
            self.orders.push(order.id);
        }
    }

    async fn change(&mut self) {
        let Some(order) = self.order() else { return };
        let mut tx = self.store.begin().await.unwrap();
        let mut cases = yinxin_store::orders::cases_of(&mut tx, &self.site, &order)
            .await
            .unwrap();
        if self.dice.once_in(2) && cases.len() > 1 {
            cases.pop();
        } else {
            cases.push(CaseId::generate());
        }
        let methods = match self.dice.once_in(2) {
            true => vec![Method::BankTransfer],
            false => ALL.to_vec(),
        };
        let new = NewLines {
            lines: self.lines(&cases),
            cases,
            methods,
            chosen: None,
        };
        let by = By::host();
        let changed = self
            .payments
            .change_order(&mut tx, &self.site, &order, new, &by)
            .await;
        if let Some(changed) = self.outcome("change", changed)
            && self.end(tx).await
        {
            self.log
                .push(format!("changed {} {}", changed.number, changed.total));
        }
    }

    async fn begin(&mut self) {
        let Some(order) = self.order() else { return };
        let method = ALL[self.dice.roll(2)];
        let begun = self
            .payments
            .begin_payment(&self.site, &order, method)
            .await;
        if let Some(payment) = self.outcome("begin", begun) {
            self.log
                .push(format!("begun {} {}", payment.id, payment.amount));
        }
    }

    async fn pay(&mut self) {
        let method = ALL[self.dice.roll(2)];
        let till = self.tills[&method].clone();
        let Some(number) = self.dice.pick(&till.trades()).cloned() else {
            return;
        };
        let off = if self.dice.once_in(6) {
            self.dice.amount(0, 500)
        } else {
            0
        };
        if till.pay(&number, off) {
            self.log.push(format!("paid {number} off by {off}"));
        }
        // Told at once, twice, later by chance, or never.
        for _ in 0..self.dice.roll(3) {
            let repeated = self.dice.once_in(2) && self.notices > 0;
            self.notices += usize::from(!repeated);
            let body = format!("n{:?}-{} {number}", self.lane, self.notices);
            let (headers, body) = (HeaderMap::new(), body.as_bytes());
            let taken = self
                .payments
                .receive_notification(&self.site, method, &headers, body)
                .await;
            self.outcome("notice", taken);
        }
    }

    async fn transfer(&mut self) {
        let Some(order) = self.order() else { return };
        let view = self.payments.order_view(&self.site, &order).await.unwrap();
        let amount = match self.dice.roll(5) {
            0 => view.total.0,
            1 => view.outstanding.0.max(1),
            2 | 3 => self.dice.amount(1, view.total.0),
            _ => view.total.0 + self.dice.amount(1, 5000),
        };
        let again = self.dice.once_in(8) && self.transfers > 0;
        let number = self.transfers + usize::from(!again);
        let lane = self.lane.unwrap_or_default();
        let reference = format!("{}-{lane}-B{number}", self.site);
        let transfer = Transfer {
            reference: &reference,
            amount: Fen(amount),
            payer: "某公司",
        };
        let mut tx = self.store.begin().await.unwrap();
        let by = clerk();
        let booked = self
            .payments
            .verify_transfer(&mut tx, &self.site, &order, &transfer, &by)
            .await;
        if let Some(settled) = self.outcome("transfer", booked)
            && self.end(tx).await
        {
            assert!(!again && settled != Settled::Already, "booked twice");
            self.transfers = number;
            self.bank.0 += amount;
            self.log
                .push(format!("transfer {} {amount} {settled:?}", view.number));
        }
    }

    async fn assign(&mut self) {
        let (Some(payment), Some(order)) = (self.payment().await, self.order()) else {
            return;
        };
        let mut tx = self.store.begin().await.unwrap();
        let assigned = self
            .payments
            .assign(&mut tx, &self.site, &payment, &order, &clerk())
            .await;
        if let Some(settled) = self.outcome("assign", assigned)
            && self.end(tx).await
        {
            self.log
                .push(format!("assigned {payment} to {order} {settled:?}"));
        }
    }

    async fn give_back(&mut self) {
        let Some(payment) = self.payment().await else {
            return;
        };
        let mut tx = self.store.begin().await.unwrap();
        let back = self
            .payments
            .give_back(&mut tx, &self.site, &payment, "金额不符", &clerk())
            .await;
        if self.outcome("give back", back).is_some() && self.end(tx).await {
            self.log.push(format!("given back {payment}"));
        }
    }

    async fn refund(&mut self) {
        let Some(order) = self.order() else { return };
        let view = self.payments.order_view(&self.site, &order).await.unwrap();
        let mut tx = self.store.begin().await.unwrap();
        let cases = yinxin_store::orders::cases_of(&mut tx, &self.site, &order)
            .await
            .unwrap();
        let case = if self.dice.once_in(2) {
            self.dice.pick(&cases)
        } else {
            None
        };
        let amount = match self.dice.roll(3) {
            0 => view.total.0 - view.refunded.0,
            1 => self.dice.amount(1, view.total.0),
            _ => {
                let own = view
                    .lines
                    .iter()
                    .filter(|line| Some(line.case_id.as_str()) == case.map(CaseId::as_str));
                own.map(|line| line.amount).sum()
            }
        };
        let by = By::host();
        let new = NewRefund {
            order: &order,
            case,
            amount: Fen(amount),
            reason: "撤销",
            by: &by,
        };
        let asked = self.payments.refund(&mut tx, &self.site, new).await;
        if let Some(refunds) = self.outcome("refund", asked)
            && self.end(tx).await
        {
            let sum: i64 = refunds.iter().map(|refund| refund.amount.0).sum();
            assert_eq!(sum, amount);
            self.log.push(format!("refund {} {amount}", view.number));
        }
    }

    /// A clerk sees to a refund that waits for one.
    async fn see_to_refund(&mut self) {
        let mut waiting = Vec::new();
        for state in [RefundState::Requested, RefundState::Failed] {
            waiting.extend(
                self.payments
                    .refunds_in(&self.site, state, None, 99)
                    .await
                    .unwrap(),
            );
        }
        let Some(refund) = self.dice.pick(&waiting).cloned() else {
            return;
        };
        if self.dice.once_in(3) {
            let mut tx = self.store.begin().await.unwrap();
            let retried = self
                .payments
                .retry_refund(&mut tx, &self.site, &refund.id, &clerk())
                .await;
            if self.outcome("retry", retried).is_some() {
                self.end(tx).await;
            }
        } else {
            self.pay_out(&refund.id, refund.amount).await;
        }
    }

    async fn pay_out(&mut self, refund: &str, amount: Fen) {
        let mut tx = self.store.begin().await.unwrap();
        let out = self
            .payments
            .finish_refund_by_hand(&mut tx, &self.site, refund, "OUT", &clerk())
            .await;
        if self.outcome("by hand", out).is_some() && self.end(tx).await {
            self.bank.1 += amount.0;
            self.log.push(format!("by hand {refund} {amount}"));
        }
    }

    async fn slip(&mut self) {
        let Some(order) = self.order() else { return };
        let mut tx = self.store.begin().await.unwrap();
        let outcome = if self.dice.once_in(2) {
            let file = FileId::generate();
            self.payments
                .upload_slip(&mut tx, &self.site, &order, &file, &By::host())
                .await
        } else {
            self.payments
                .refuse_slip(&mut tx, &self.site, &order, "看不清", &clerk())
                .await
        };
        if self.outcome("slip", outcome).is_some() {
            self.end(tx).await;
        }
    }

    async fn cancel(&mut self) {
        let Some(order) = self.order() else { return };
        let mut tx = self.store.begin().await.unwrap();
        let outcome = self
            .payments
            .cancel_order(&mut tx, &self.site, &order, &By::host())
            .await;
        if self.outcome("cancel", outcome).is_some() && self.end(tx).await {
            self.log.push(format!("cancelled {order}"));
        }
    }

    async fn wait(&mut self) {
        self.clock.advance(self.dice.amount(1, 30 * 3600));
        let closed = self.payments.close_expired(&self.site, 99).await;
        self.outcome("expire", closed);
    }

    /// Runs up to `most` jobs that are due, some of them twice; true when none was.
    async fn work(&mut self, most: usize) -> bool {
        for _ in 0..most {
            let now = self.clock.now();
            let mut tx = self.store.begin().await.unwrap();
            let job = jobs::lease(&mut tx, now, now.plus(LEASE)).await;
            let job = job.unwrap();
            tx.commit().await.unwrap();
            let Some(job) = job else { return true };
            let is_told = job.kind == CASE_EVENT_JOB;
            let outcome = if is_told {
                Some(JobEnd::Done)
            } else {
                let (kind, payload) = (job.kind.as_str(), job.payload.as_str());
                let outcome = self.payments.run_job(&job.site, kind, payload).await;
                self.outcome(kind, outcome)
            };
            let died = self.dies && self.dice.once_in(10);
            let Some(outcome) = outcome.filter(|_| !died) else {
                // It was not marked: it runs again when its lease is over.
                continue;
            };
            let mut tx = self.store.begin().await.unwrap();
            let marked = match &outcome {
                JobEnd::Done => jobs::finish(&mut tx, &job.site, &job.id).await,
                JobEnd::Again { at, why } => {
                    jobs::retry(&mut tx, &job.site, &job.id, *at, why).await
                }
            };
            let marked = self.outcome("mark", marked.map_err(PaymentError::from));
            if marked.is_some() {
                tx.commit().await.unwrap();
                if is_told {
                    self.told.push(serde_json::from_str(&job.payload).unwrap());
                }
            }
        }
        false
    }

    async fn step(&mut self) {
        match self.dice.roll(20) {
            0 | 1 => self.open().await,
            2 | 3 => self.change().await,
            4..=6 => self.begin().await,
            7..=9 => self.pay().await,
            10 | 11 => self.transfer().await,
            12 => self.assign().await,
            13 => self.give_back().await,
            14 | 15 => self.refund().await,
            16 => self.see_to_refund().await,
            17 => self.slip().await,
            18 if self.dice.once_in(2) => self.cancel().await,
            18 => self.wait().await,
            _ => {
                self.work(6).await;
            }
        }
    }

    pub async fn act(&mut self) {
        for _ in 0..STEPS {
            self.step().await;
            if self.dice.once_in(3) {
                self.work(2).await;
            }
        }
    }
}
