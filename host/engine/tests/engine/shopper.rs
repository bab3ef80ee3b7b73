//! Somebody who applies for certificates of Fujian and puts the applications into orders.

use crate::applicant::scan;
use crate::hall::{Hall, administrator};
use yinxin_core::ids::{AccountId, CaseId, ClerkId, OrderId, SiteId};
use yinxin_core::money::{Fen, Method};
use yinxin_core::rules::{ItemJudgement, Problem};
use yinxin_engine::views::{BasketChoice, BasketQuote, CasePage, StepKind};
use yinxin_engine::{Actor, EngineError, Submission};
use yinxin_services::payments::{By, OrderDetails, OrderView, Settled, Transfer};

/// Name and code of a unit.
pub type Unit = (&'static str, &'static str);

pub const BANYAN: Unit = ("福州榕城科技有限公司", "91350100MA2Y3K7H5P");
pub const OTHER: Unit = ("鹰潭某某建设工程有限公司", "91360600MA35XK4C12");

pub struct Shopper<'a> {
    pub hall: &'a Hall,
    pub account: AccountId,
}

impl<'a> Shopper<'a> {
    /// Somebody whom nobody knows yet.
    pub fn new(hall: &'a Hall) -> Self {
        Self {
            hall,
            account: AccountId::generate(),
        }
    }

    pub fn market(&self) -> &'a SiteId {
        &self.hall.market
    }

    pub fn actor(&self) -> Actor {
        Actor::Applicant(self.account.clone())
    }

    /// A new certificate for the unit, filled in and submitted.
    pub async fn applied(&self, unit: Unit, years: u32) -> CaseId {
        let begun =
            self.hall
                .engine
                .start(self.market(), &self.account, "fujian", "new-enterprise");
        let case = begun.await.unwrap();
        self.submit(case, unit, years).await
    }

    /// The renewal of a certificate, likewise.
    pub async fn renewed(&self, serial: &str, unit: Unit, years: u32) -> CaseId {
        let (engine, site) = (&self.hall.engine, self.market());
        let begun = engine.start_from(site, &self.account, "fujian", "renew-enterprise", serial);
        let case = begun.await.unwrap().case;
        self.submit(case, unit, years).await
    }

    async fn submit(&self, case: CaseId, unit: Unit, years: u32) -> CaseId {
        let (engine, site, account) = (&self.hall.engine, self.market(), &self.account);
        engine
            .accept_agreement(site, account, &case, "agreement")
            .await
            .unwrap();
        assert_eq!(self.fill(&case, unit, years).await.unwrap(), []);
        for wanted in self.page(&case).await.materials {
            for position in 0..wanted.material.files {
                let file = ("扫描件.jpg".to_owned(), scan(7));
                let id = &wanted.material.id;
                let taken = engine.upload(site, account, &case, id, position, file);
                taken.await.unwrap().unwrap();
            }
        }
        self.fire(&self.actor(), &case, "submit", &[])
            .await
            .unwrap();
        case
    }

    /// The form, filled in so; what is wrong with it.
    pub async fn fill(
        &self,
        case: &CaseId,
        (name, code): Unit,
        years: u32,
    ) -> Result<Vec<Problem>, EngineError> {
        let years = years.to_string();
        let said = [
            ("unit-name", name),
            ("uscc", code),
            ("region", "福建省 福州市"),
            ("address", "福建省福州市鼓楼区五四路 100 号"),
            ("legal-name", "陈国栋"),
            ("legal-number", "350104197511031574"),
            ("handler-name", "林雅婷"),
            ("handler-number", "350102199106122321"),
            ("mobile", "13705910001"),
            ("email", "linyating@example.com"),
            ("years", &years),
        ];
        let known = self.page(case).await.values;
        let mut answers: Vec<(String, String)> = known
            .into_vec()
            .into_iter()
            .map(|entry| (entry.name, entry.value))
            .filter(|(name, _)| said.iter().all(|(other, _)| name != other))
            .collect();
        answers.extend(said.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let (engine, site) = (&self.hall.engine, self.market());
        let saved = engine
            .save_form(site, &self.account, case, "application", &answers)
            .await?;
        Ok(saved.problems)
    }

    pub async fn page(&self, case: &CaseId) -> CasePage {
        let engine = &self.hall.engine;
        engine
            .page(self.market(), &self.actor(), case)
            .await
            .unwrap()
    }

    pub async fn fire(
        &self,
        actor: &Actor,
        case: &CaseId,
        transition: &str,
        input: &[(&str, &str)],
    ) -> Result<(), EngineError> {
        let mut submission = crate::applicant::said(input);
        if transition == "accept" {
            submission.judgements = self.judgements(case).await;
        }
        self.bring(actor, case, transition, &submission).await
    }

    async fn bring(
        &self,
        actor: &Actor,
        case: &CaseId,
        transition: &str,
        submission: &Submission,
    ) -> Result<(), EngineError> {
        let engine = &self.hall.engine;
        engine
            .fire(self.market(), actor, case, transition, submission)
            .await
    }

    async fn judgements(&self, case: &CaseId) -> Vec<ItemJudgement> {
        let page = self.page(case).await;
        let sections = page.steps.iter().filter_map(|step| match &step.kind {
            StepKind::Form(form) => Some(&form.sections),
            _ => None,
        });
        let sections = sections.flatten().map(|section| section.id.clone());
        let materials = page.materials.iter().map(|view| view.material.id.clone());
        let passed = |item| ItemJudgement {
            item,
            passed: true,
            reason: String::new(),
        };
        sections.chain(materials).map(passed).collect()
    }

    pub async fn quote(&self, cases: &[CaseId]) -> Result<BasketQuote, EngineError> {
        let engine = &self.hall.engine;
        engine
            .quote_basket(self.market(), &self.account, cases)
            .await
    }

    /// Orders at the price of the moment.
    pub async fn order(&self, cases: &[CaseId], method: Method) -> OrderId {
        let total = self.quote(cases).await.unwrap().total;
        self.open(cases, &choice(method, total)).await.unwrap()
    }

    pub async fn open(
        &self,
        cases: &[CaseId],
        choice: &BasketChoice,
    ) -> Result<OrderId, EngineError> {
        let engine = &self.hall.engine;
        engine
            .open_basket(self.market(), &self.account, cases, choice)
            .await
    }

    pub async fn change(
        &self,
        order: &OrderId,
        cases: &[CaseId],
        choice: &BasketChoice,
    ) -> Result<(), EngineError> {
        let engine = &self.hall.engine;
        engine
            .change_basket(self.market(), &self.account, order, cases, choice)
            .await
    }

    pub async fn cancel(&self, order: &OrderId) -> Result<(), EngineError> {
        let engine = &self.hall.engine;
        engine
            .cancel_basket(self.market(), &self.account, order)
            .await
    }

    pub async fn view(&self, order: &OrderId) -> OrderView {
        let payments = &self.hall.services.payments;
        payments.order_view(self.market(), order).await.unwrap()
    }

    /// Finance finds the whole of it on the account.
    pub async fn transfer(&self, order: &OrderId, reference: &str) -> Settled {
        let found = Transfer {
            reference,
            amount: self.view(order).await.total,
            payer: "某某公司",
        };
        let clerk = By::clerk(&ClerkId::generate(), "财务甲");
        let payments = &self.hall.services.payments;
        let mut tx = self.hall.store.begin().await.unwrap();
        let settled = payments
            .verify_transfer(&mut tx, self.market(), order, &found, &clerk)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        self.hall.work(5).await;
        settled
    }

    /// A certificate of the unit's from beginning to end; its serial.
    pub async fn certificate(&self, unit: Unit) -> String {
        let case = self.applied(unit, 1).await;
        let order = self
            .order(std::slice::from_ref(&case), Method::BankTransfer)
            .await;
        let reference = format!("B{case}");
        assert_eq!(self.transfer(&order, &reference).await, Settled::Paid);
        let clerk = Actor::Clerk(administrator());
        let request = crate::journey::certificate_request(self.hall);
        let request = [("certificate-request", request.as_str())];
        let sent = [("courier", "邮政"), ("tracking-number", "EM100000000CN")];
        for (transition, input) in [
            ("accept", &[][..]),
            ("papers-pass", &[]),
            ("make", &request),
        ] {
            self.fire(&clerk, &case, transition, input).await.unwrap();
        }
        self.hall.work(5).await;
        self.fire(&clerk, &case, "ship", &sent).await.unwrap();
        self.page(&case).await.certificates[0].serial.clone()
    }
}

pub fn choice(method: Method, expected_total: Fen) -> BasketChoice {
    BasketChoice {
        method,
        details: OrderDetails {
            invoice_title: BANYAN.0.to_owned(),
            tax_number: BANYAN.1.to_owned(),
            contact_name: "林雅婷".to_owned(),
            contact_mobile: "13705910001".to_owned(),
            ..OrderDetails::default()
        },
        expected_total,
    }
}
