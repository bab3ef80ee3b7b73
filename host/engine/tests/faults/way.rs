//! The whole way of one application, by people who look at the page and do what is next. So it can be gone on with after
//! whatever went wrong.

use crate::desk::said;
use crate::fujian;
use crate::house::{House, Streets, any_clerk};
use crate::yingtan;
use jiff::civil::Date;
use std::collections::BTreeSet;
use yinxin_core::ids::{AccountId, CaseId, OrderId};
use yinxin_core::money::Method;
use yinxin_core::time::Clock;
use yinxin_engine::views::{CasePage, ListFilter};
use yinxin_engine::{Actor, EngineError};
use yinxin_simulators::trades::PayMode;

/// Looks at the page; the longest way has some thirty.
const LOOKS: usize = 100;
/// Looks in a row at a page on which nothing is to be done.
const VAIN_LOOKS: usize = 3;
/// Seconds that people wait for what is due: longer than a worker's lease, and than the first tries of a message.
pub const PATIENCE: i64 = 300;

/// Where a way leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A new certificate, paid by a transfer that a clerk finds in the bank's file, is made and sent, and invoiced.
    Sent,
    /// The money of a renewal, paid over a provider, went back.
    Refunded,
    /// A transfer was booked by hand and invoiced; it went back by hand, and a red-letter invoice stands against it.
    Voided,
    /// A unit registers, and has its main key, with the invoice that a clerk uploads.
    MainKey,
}

impl End {
    pub const ALL: [Self; 4] = [Self::Sent, Self::Refunded, Self::Voided, Self::MainKey];

    /// The plugin and its service by whose rules it is gone.
    pub fn service(self) -> (&'static str, &'static str) {
        match self {
            Self::Sent | Self::Voided => ("fujian", "new-enterprise"),
            Self::Refunded => ("fujian", "renew-enterprise"),
            Self::MainKey => ("yingtan", "new-certificate"),
        }
    }
}

/// What a look at the page led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Somebody did what was next.
    Done,
    /// Nothing is to be done; the worker or a provider has it.
    Waits,
    /// This is the end.
    Arrived,
}

/// One application and what was there before it.
pub struct Way {
    pub end: End,
    pub case: Option<CaseId>,
    /// Numbers it among the ways of its world.
    pub number: u32,
    /// Who has an account before, or has registered by now.
    pub applicant: Option<AccountId>,
    /// The day on which the transfer came to the account.
    pub arrived: Option<Date>,
    /// It went back from there.
    pub paid_out: bool,
    /// The certificate that is renewed.
    pub serial: String,
    cases_before: BTreeSet<CaseId>,
    trades_before: BTreeSet<String>,
    sms_before: usize,
    mail_before: usize,
}

impl Way {
    pub fn new(
        streets: &Streets,
        end: End,
        number: u32,
        applicant: Option<&AccountId>,
        serial: &str,
    ) -> Self {
        let trades = streets.providers.book(Method::Wechat).all().into_iter();
        Self {
            end,
            case: None,
            number,
            applicant: applicant.cloned(),
            arrived: None,
            paid_out: false,
            serial: serial.to_owned(),
            cases_before: streets.people.cases.iter().cloned().collect(),
            trades_before: trades.map(|trade| trade.out_trade_no).collect(),
            sms_before: streets.pocket.sms().len(),
            mail_before: streets.pocket.mail().len(),
        }
    }

    /// Goes on to the end, or until something does not work. False: the worker has it, and its next try is later than
    /// people wait.
    pub async fn go_on(&mut self, house: &House, streets: &Streets) -> Result<bool, EngineError> {
        work(house, streets).await?;
        if self.applicant.is_none() {
            self.applicant = Some(yingtan::registered(house, streets, self.number).await?);
        }
        let case = self.case(house).await?;
        let mut vain = 0;
        for _ in 0..LOOKS {
            let page = house.engine.page(&house.site, &self.who(), &case).await?;
            let look = match self.end.service().0 {
                "fujian" => fujian::look(self, house, streets, &page).await?,
                _ => yingtan::look(self, house, streets, &page).await?,
            };
            // A provider may have told of its refund before the worker looks for it once more.
            work(house, streets).await?;
            match look {
                Look::Arrived => return Ok(true),
                Look::Waits if vain == VAIN_LOOKS => break,
                Look::Waits => vain += 1,
                Look::Done => vain = 0,
            }
        }
        Ok(false)
    }

    pub fn applicant(&self) -> &AccountId {
        self.applicant.as_ref().unwrap()
    }

    fn who(&self) -> Actor {
        Actor::Applicant(self.applicant().clone())
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

    /// Mails that came, each counted once: the same one may come again.
    pub fn mail(&self, streets: &Streets) -> usize {
        let mail = streets.pocket.mail().into_iter().skip(self.mail_before);
        let different: BTreeSet<_> = mail
            .map(|letter| (letter.to, letter.subject, letter.body, letter.attachments))
            .collect();
        different.len()
    }

    /// The draft that is there already, or a new one. A person whose answer was lost finds it in the list.
    async fn case(&mut self, house: &House) -> Result<CaseId, EngineError> {
        let (engine, site) = (&house.engine, &house.site);
        let applicant = self.applicant().clone();
        if self.case.is_none() {
            let mine = engine
                .my_cases(site, &applicant, &ListFilter::default(), None, 1)
                .await?;
            let newest = mine.lines.into_iter().next().map(|line| line.id);
            self.case = newest.filter(|id| !self.cases_before.contains(id));
        }
        if let Some(case) = &self.case {
            return Ok(case.clone());
        }
        let (plugin, service) = self.end.service();
        let begun = if self.end == End::Refunded {
            let begun = engine.start_from(site, &applicant, plugin, service, &self.serial);
            begun.await?.case
        } else {
            engine.start(site, &applicant, plugin, service).await?
        };
        self.case = Some(begun.clone());
        Ok(begun)
    }

    /// The applicant presses a button.
    pub async fn fires(
        &self,
        house: &House,
        page: &CasePage,
        transition: &str,
    ) -> Result<(), EngineError> {
        let with = said(house, &page.id, transition).await;
        house
            .engine
            .fire(&house.site, &self.who(), &page.id, transition, &with)
            .await
    }

    /// Who has paid does not pay again. The provider tells it once; where that is not heard, a worker asks.
    pub async fn pay(
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

/// A clerk presses a button.
pub async fn clerk(house: &House, case: &CaseId, transition: &str) -> Result<(), EngineError> {
    let with = said(house, case, transition).await;
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
