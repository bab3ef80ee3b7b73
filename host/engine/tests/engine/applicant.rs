//! One application, as applicant and clerks take it from button to button.

use crate::hall::{Hall, UNIT, USCC};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use std::io::Cursor;
use yinxin_core::ids::{AccountId, CaseId, OrderId, SiteId};
use yinxin_core::money::Method;
use yinxin_core::rules::{ItemJudgement, Problem};
use yinxin_engine::views::{CasePage, Rendition, StepKind};
use yinxin_engine::{Actor, ClerkActor, EngineError, Submission};
use yinxin_simulators::payer_page::Provider;
use yinxin_simulators::trades::PayMode;
use yinxin_store::ledger::{self, Recorded};

pub const HANDLER_MOBILE: &str = "13907010002";

/// One application on the hall's site.
#[derive(Clone)]
pub struct Application<'a> {
    pub hall: &'a Hall,
    pub account: AccountId,
    pub id: CaseId,
}

/// The form, filled in right.
pub fn answers(lock_kind: &str) -> Vec<(String, String)> {
    answers_of(UNIT, USCC, lock_kind)
}

pub fn answers_of(unit: &str, uscc: &str, lock_kind: &str) -> Vec<(String, String)> {
    let answers = [
        ("lock-kind", lock_kind),
        ("unit-name", unit),
        ("uscc", uscc),
        ("legal-name", "王㛃"),
        ("legal-number", "360602198001010010"),
        ("handler-name", "李明"),
        ("handler-number", "360602199002020020"),
        ("handler-mobile", HANDLER_MOBILE),
        ("invoice-title", unit),
        ("tax-number", uscc),
        ("invoice-email", "finance@example.com"),
        ("recipient-name", "李明"),
        ("recipient-mobile", HANDLER_MOBILE),
        ("recipient-address", "江西省鹰潭市月湖区示范路 1 号"),
    ];
    answers
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

/// The answers with one of them changed.
pub fn with(mut answers: Vec<(String, String)>, field: &str, value: &str) -> Vec<(String, String)> {
    answers.retain(|(name, _)| name != field);
    answers.push((field.to_owned(), value.to_owned()));
    answers
}

/// A scan: a picture that is not all of one colour.
pub fn scan(shade: u8) -> Vec<u8> {
    let picture = RgbImage::from_fn(400, 300, |x, y| {
        Rgb([
            shade,
            u8::try_from(x % 256).unwrap(),
            u8::try_from(y % 256).unwrap(),
        ])
    });
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(picture)
        .write_to(&mut bytes, ImageFormat::Jpeg)
        .unwrap();
    bytes.into_inner()
}

pub fn said(input: &[(&str, &str)]) -> Submission {
    let input = input
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Submission {
        input: input.collect(),
        ..Submission::default()
    }
}

pub fn problems<T>(outcome: Result<T, EngineError>) -> Vec<Problem> {
    match outcome {
        Err(EngineError::Problems(problems)) => problems,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("nothing was wrong"),
    }
}

impl<'a> Application<'a> {
    /// Begins one.
    pub async fn begin(hall: &'a Hall, account: &AccountId) -> Application<'a> {
        let begun = hall
            .engine
            .start(&hall.site, account, "yingtan", "new-certificate")
            .await;
        Application {
            hall,
            account: account.clone(),
            id: begun.unwrap(),
        }
    }

    /// As far as the first review.
    pub async fn submitted(
        hall: &'a Hall,
        account: &AccountId,
        lock_kind: &str,
    ) -> Application<'a> {
        let case = Self::ready(hall, account, lock_kind).await;
        case.submit().await.unwrap();
        case
    }

    /// Everything done but the submission.
    pub async fn ready(hall: &'a Hall, account: &AccountId, lock_kind: &str) -> Application<'a> {
        let case = Self::begin(hall, account).await;
        case.fill(&answers(lock_kind)).await;
        case.prepare().await;
        case
    }

    /// Paid, papers not yet posted.
    pub async fn paid(hall: &'a Hall, account: &AccountId, lock_kind: &str) -> Application<'a> {
        let case = Self::submitted(hall, account, lock_kind).await;
        case.pass(&crate::hall::administrator()).await.unwrap();
        case.pay(PayMode::Normal).await;
        case
    }

    /// From paid to the issuer's door.
    pub async fn post_and_make(&self) {
        let clerk = crate::hall::administrator();
        let posted = said(&[("posted-by", "顺丰"), ("posted-number", "SF1300000000001")]);
        self.fire(&self.applicant(), "post", &posted).await.unwrap();
        self.by_clerk(&clerk, "papers-pass", &[]).await.unwrap();
        let request = crate::journey::certificate_request(self.hall);
        let request = [("certificate-request", request.as_str())];
        self.by_clerk(&clerk, "make", &request).await.unwrap();
    }

    /// From paid to shipped.
    pub async fn to_invoice(&self) {
        self.post_and_make().await;
        self.hall.work(5).await;
        let tracking = [("tracking-number", "SF1300000000009")];
        self.by_clerk(&crate::hall::administrator(), "ship", &tracking)
            .await
            .unwrap();
    }

    pub fn site(&self) -> &'a SiteId {
        &self.hall.site
    }

    pub fn applicant(&self) -> Actor {
        Actor::Applicant(self.account.clone())
    }

    pub async fn page(&self) -> CasePage {
        self.hall
            .engine
            .page(self.site(), &self.applicant(), &self.id)
            .await
            .unwrap()
    }

    /// As an administrator sees it, messages included.
    pub async fn desk(&self) -> CasePage {
        let viewer = Actor::Clerk(crate::hall::administrator());
        self.hall
            .engine
            .page(self.site(), &viewer, &self.id)
            .await
            .unwrap()
    }

    pub async fn state(&self) -> String {
        self.desk().await.state.id.clone()
    }

    pub async fn history(&self) -> Vec<Recorded> {
        let mut conn = self.hall.store.read().await.unwrap();
        ledger::of_case(&mut conn, self.site(), &self.id)
            .await
            .unwrap()
    }

    pub async fn save(&self, answers: &[(String, String)]) -> Vec<Problem> {
        let (engine, site) = (&self.hall.engine, self.site());
        let saved = engine
            .save_form(site, &self.account, &self.id, "order", answers)
            .await;
        saved.unwrap().problems
    }

    pub async fn fill(&self, answers: &[(String, String)]) {
        assert_eq!(self.save(answers).await, []);
    }

    /// Prints, passes the face check and uploads.
    pub async fn prepare(&self) {
        self.print().await;
        self.pass_face_check().await;
        self.upload_all().await;
    }

    pub async fn print(&self) {
        for paper in self.page().await.papers {
            let (engine, site) = (&self.hall.engine, self.site());
            engine
                .paper(site, &self.applicant(), &self.id, &paper.document.id)
                .await
                .unwrap();
        }
    }

    /// The legal representative scans the code and looks into the phone. Gives the code's token.
    pub async fn pass_face_check(&self) -> String {
        let (engine, identity) = (&self.hall.engine, &self.hall.services.identity);
        let open = engine
            .open_identity(self.site(), &self.account, &self.id, "legal-representative")
            .await
            .unwrap();
        let path = open.path.expect("a code to scan");
        let token = path.strip_prefix("/p/").unwrap().to_owned();
        identity.start(self.site(), &token).await.unwrap();
        let check = identity.by_token(self.site(), &token).await.unwrap();
        identity.refresh(self.site(), &check.id).await.unwrap();
        self.hall.engine.work_off().await.unwrap();
        token
    }

    pub async fn upload_all(&self) {
        for wanted in self.page().await.materials {
            for position in 0..wanted.material.files {
                self.upload(&wanted.material.id, position).await.unwrap();
            }
        }
    }

    pub async fn upload(&self, material: &str, position: u32) -> Result<(), EngineError> {
        let file = (
            "扫描件.jpg".to_owned(),
            scan(u8::try_from(position).unwrap()),
        );
        let (engine, site) = (&self.hall.engine, self.site());
        let taken = engine
            .upload(site, &self.account, &self.id, material, position, file)
            .await?;
        taken.unwrap();
        Ok(())
    }

    pub async fn fire(
        &self,
        actor: &Actor,
        id: &str,
        with: &Submission,
    ) -> Result<(), EngineError> {
        self.hall
            .engine
            .fire(self.site(), actor, &self.id, id, with)
            .await
    }

    pub async fn submit(&self) -> Result<(), EngineError> {
        self.fire(&self.applicant(), "submit", &Submission::default())
            .await
    }

    pub async fn by_clerk(
        &self,
        clerk: &ClerkActor,
        id: &str,
        input: &[(&str, &str)],
    ) -> Result<(), EngineError> {
        self.fire(&Actor::Clerk(clerk.clone()), id, &said(input))
            .await
    }

    /// All that a clerk has to judge, passed.
    pub async fn judgements(&self) -> Vec<ItemJudgement> {
        let page = self.desk().await;
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

    pub async fn pass(&self, clerk: &ClerkActor) -> Result<(), EngineError> {
        let judgements = self.judgements().await;
        let submission = Submission {
            judgements,
            ..Submission::default()
        };
        self.fire(&Actor::Clerk(clerk.clone()), "pass", &submission)
            .await
    }

    /// Refuses these items, with reasons.
    pub async fn refuse(
        &self,
        clerk: &ClerkActor,
        items: &[(&str, &str)],
    ) -> Result<(), EngineError> {
        let mut judgements = self.judgements().await;
        for judgement in &mut judgements {
            if let Some((_, reason)) = items.iter().find(|(item, _)| *item == judgement.item) {
                judgement.passed = false;
                judgement.reason = (*reason).to_owned();
            }
        }
        let submission = Submission {
            judgements,
            ..Submission::default()
        };
        self.fire(&Actor::Clerk(clerk.clone()), "refuse", &submission)
            .await
    }

    /// The payer scans the code and pays; the provider tells us, and the worker does the rest.
    pub async fn pay(&self, mode: PayMode) {
        self.pay_unnoticed(mode).await;
        self.hall.work(5).await;
    }

    /// As [`Application::pay`], with the worker still asleep.
    pub async fn pay_unnoticed(&self, mode: PayMode) {
        let order = OrderId::from_stored(self.page().await.order.unwrap().id);
        let payments = &self.hall.services.payments;
        let begun = payments
            .begin_payment(self.site(), &order, Method::Wechat)
            .await
            .unwrap();
        let trade = self.hall.wechat.book.find(&begun.code_url).unwrap();
        self.hall
            .wechat
            .pay(&trade.out_trade_no, mode)
            .await
            .unwrap();
    }

    /// The view of the first file of a material.
    pub async fn view_of(&self, material: &str) -> Vec<u8> {
        let page = self.desk().await;
        let found = page
            .materials
            .iter()
            .find(|view| view.material.id == material)
            .unwrap();
        let file = found.files[0].as_ref().unwrap();
        let viewer = Actor::Clerk(crate::hall::administrator());
        let (engine, site) = (&self.hall.engine, self.site());
        engine
            .file(site, &viewer, &self.id, &file.id, Rendition::View)
            .await
            .unwrap()
            .bytes
    }
}
