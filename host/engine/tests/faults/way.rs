//! The whole way of one application, by people who look at the page and do what is next. So it can be gone on with after
//! whatever went wrong.

use crate::house::{House, Streets, any_clerk, finance};
use crate::people::{answers, choice, said_by_clerk, scan};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use yinxin_core::ids::{CaseId, OrderId};
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::Clock;
use yinxin_engine::views::{CasePage, ListFilter};
use yinxin_engine::{Actor, EngineError, Submission};
use yinxin_services::payments::{PaymentError, Transfer};
use yinxin_simulators::trades::PayMode;
use yinxin_store::StoreError;

/// Looks at the page; the longest way has some thirty.
const LOOKS: usize = 100;
/// Seconds that people wait for what is due: longer than a worker's lease, and than the first tries of a message.
pub const PATIENCE: i64 = 300;

/// Where the way leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A new certificate, paid by transfer, is made and sent.
    Sent,
    /// The money of a renewal, paid over a provider, went back.
    Refunded,
}

/// One application and what was there before it.
pub struct Way {
    pub end: End,
    pub case: Option<CaseId>,
    /// The transfer is on the account.
    arrived: bool,
    /// The certificate that is renewed.
    serial: String,
    cases_before: BTreeSet<CaseId>,
    trades_before: BTreeSet<String>,
    sms_before: usize,
}

impl Way {
    pub fn new(streets: &Streets, end: End, serial: &str) -> Self {
        let trades = streets.providers.book(Method::Wechat).all().into_iter();
        Self {
            end,
            case: None,
            arrived: false,
            serial: serial.to_owned(),
            cases_before: streets.people.cases.iter().cloned().collect(),
            trades_before: trades.map(|trade| trade.out_trade_no).collect(),
            sms_before: streets.pocket.sms().len(),
        }
    }

    /// Goes on to the end, or until something does not work. False: the worker has it, and its next try is later than
    /// people wait.
    pub async fn go_on(&mut self, house: &House, streets: &Streets) -> Result<bool, EngineError> {
        work(house, streets).await?;
        let case = self.case(house, streets).await?;
        for _ in 0..LOOKS {
            let who = Actor::Applicant(streets.people.applicant.clone());
            let page = house.engine.page(&house.site, &who, &case).await?;
            let order = page.order.as_ref().filter(|order| order.state != "closed");
            match (page.state.id.as_str(), self.end) {
                // A provider may have told of its refund before the worker looks for it once more.
                ("sent", _) | ("cancelled", _) => {
                    work(house, streets).await?;
                    return Ok(true);
                }
                ("draft", _) => fill_in(house, streets, &page).await?,
                ("submitted", _) if order.is_none() => self.order(house, streets, &case).await?,
                ("submitted", _) if order.is_some_and(|order| order.paid_at.is_none()) => {
                    let order = order.unwrap();
                    let (id, total) = (OrderId::from_stored(order.id.clone()), Fen(order.total));
                    match self.end {
                        End::Sent => self.book(house, streets, &id, total).await?,
                        End::Refunded => self.pay(house, streets, &id).await?,
                    }
                }
                ("submitted", _) => clerk(house, &case, "accept").await?,
                ("papers", End::Sent) => clerk(house, &case, "papers-pass").await?,
                ("papers", End::Refunded) => {
                    let with = said_by_clerk(house, &case, "ask-refund").await;
                    let fired = house
                        .engine
                        .fire(&house.site, &who, &case, "ask-refund", &with);
                    fired.await?;
                }
                ("making", _) => clerk(house, &case, "make").await?,
                ("ready", _) => clerk(house, &case, "ship").await?,
                ("refund-asked", _) => clerk(house, &case, "approve-refund").await?,
                // The worker has it.
                ("issuing" | "refunding", _) => {}
                (state, end) => panic!("nobody meant to come to {state} on the way to {end:?}"),
            }
            work(house, streets).await?;
        }
        Ok(false)
    }

    /// Its own trades at the provider: numbers, and whether they are paid.
    pub fn trades(&self, streets: &Streets) -> Vec<(String, bool)> {
        let trades = streets.providers.book(Method::Wechat).all().into_iter();
        trades
            .filter(|trade| !self.trades_before.contains(&trade.out_trade_no))
            .map(|trade| (trade.out_trade_no, trade.receipt.is_some()))
            .collect()
    }

    /// Template codes of what came to the mobile, in order of their names.
    pub fn sms(&self, streets: &Streets) -> Vec<String> {
        let mut sms: Vec<String> = streets
            .pocket
            .sms()
            .into_iter()
            .skip(self.sms_before)
            .map(|(_, code)| code)
            .collect();
        sms.sort();
        sms
    }

    /// The draft that is there already, or a new one. A person whose answer was lost finds it in the list.
    async fn case(&mut self, house: &House, streets: &Streets) -> Result<CaseId, EngineError> {
        if self.case.is_none() {
            let applicant = &streets.people.applicant;
            let mine = house
                .engine
                .my_cases(&house.site, applicant, &ListFilter::default(), None, 1)
                .await?;
            let newest = mine.lines.into_iter().next().map(|line| line.id);
            self.case = newest.filter(|id| !self.cases_before.contains(id));
        }
        if let Some(case) = &self.case {
            return Ok(case.clone());
        }
        let (engine, site, applicant) = (&house.engine, &house.site, &streets.people.applicant);
        let begun = match self.end {
            End::Sent => {
                engine
                    .start(site, applicant, "fujian", "new-enterprise")
                    .await?
            }
            End::Refunded => {
                let of = &self.serial;
                let begun = engine.start_from(site, applicant, "fujian", "renew-enterprise", of);
                begun.await?.case
            }
        };
        self.case = Some(begun.clone());
        Ok(begun)
    }

    async fn order(
        &self,
        house: &House,
        streets: &Streets,
        case: &CaseId,
    ) -> Result<(), EngineError> {
        let (engine, applicant) = (&house.engine, &streets.people.applicant);
        let cases = std::slice::from_ref(case);
        let quote = engine.quote_basket(&house.site, applicant, cases).await?;
        let method = match self.end {
            End::Sent => Method::BankTransfer,
            End::Refunded => Method::Wechat,
        };
        let choice = choice(method, quote.total);
        engine
            .open_basket(&house.site, applicant, cases, &choice)
            .await?;
        Ok(())
    }

    /// A transfer comes to the account, where the clerk finds it. In doubt he books it again, under the same number of the
    /// bank's.
    async fn book(
        &mut self,
        house: &House,
        streets: &Streets,
        order: &OrderId,
        amount: Fen,
    ) -> Result<(), EngineError> {
        if !self.arrived {
            streets.account.fetch_add(amount.0, Ordering::SeqCst);
            self.arrived = true;
        }
        let reference = order.to_string().replace('-', "");
        let found = Transfer {
            reference: &reference,
            amount,
            payer: "福州榕城科技有限公司",
        };
        let (payments, by) = (&house.services.payments, finance());
        let mut tx = house.store.begin().await?;
        let booked = payments.verify_transfer(&mut tx, &house.site, order, &found, &by);
        match booked.await {
            Ok(_) => tx.commit().await.map_err(StoreError::from)?,
            Err(PaymentError::AlreadyBooked) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Who has paid does not pay again. The provider tells it once; where that is not heard, a worker asks.
    async fn pay(
        &self,
        house: &House,
        streets: &Streets,
        order: &OrderId,
    ) -> Result<(), EngineError> {
        if self.trades(streets).iter().any(|(_, paid)| *paid) {
            return Ok(());
        }
        let (payments, providers) = (&house.services.payments, &streets.providers);
        let begun = payments
            .begin_payment(&house.site, order, Method::Wechat)
            .await?;
        let trade = providers
            .book(Method::Wechat)
            .find(&begun.code_url)
            .unwrap();
        providers
            .pay(Method::Wechat, &trade.out_trade_no, PayMode::Normal)
            .await;
        Ok(())
    }
}

async fn fill_in(house: &House, streets: &Streets, page: &CasePage) -> Result<(), EngineError> {
    let (engine, site, applicant) = (&house.engine, &house.site, &streets.people.applicant);
    let complete = |id: &str| page.steps.iter().any(|step| step.id == id && step.complete);
    let empty = page.materials.iter().find_map(|wanted| {
        let place = wanted.files.iter().position(Option::is_none)?;
        Some((wanted.material.id.as_str(), u32::try_from(place).unwrap()))
    });
    if !complete("agreement") {
        engine
            .accept_agreement(site, applicant, &page.id, "agreement")
            .await?;
    } else if !complete("application") {
        let saved = engine
            .save_form(site, applicant, &page.id, "application", &answers(page))
            .await?;
        assert_eq!(saved.problems, []);
    } else if let Some((material, place)) = empty {
        let file = ("扫描件.jpg".to_owned(), scan());
        let taken = engine
            .upload(site, applicant, &page.id, material, place, file)
            .await?;
        taken.unwrap();
    } else {
        let who = Actor::Applicant(applicant.clone());
        let nothing = Submission::default();
        engine
            .fire(site, &who, &page.id, "submit", &nothing)
            .await?;
    }
    Ok(())
}

async fn clerk(house: &House, case: &CaseId, transition: &str) -> Result<(), EngineError> {
    let with = said_by_clerk(house, case, transition).await;
    house
        .engine
        .fire(&house.site, &any_clerk(), case, transition, &with)
        .await
}

/// The worker does what is due, and what becomes due while people wait.
pub async fn work(house: &House, streets: &Streets) -> Result<(), EngineError> {
    let end = streets.clock.now().plus(PATIENCE);
    loop {
        house.engine.work_off().await?;
        let next = yinxin_store::jobs::next_due(&mut *house.store.read().await?).await?;
        match next.filter(|next| *next <= end) {
            Some(next) => {
                let wait = (next.0 - streets.clock.now().0).max(0) / 1000 + 1;
                streets.clock.advance(wait);
            }
            None => return Ok(()),
        }
    }
}
