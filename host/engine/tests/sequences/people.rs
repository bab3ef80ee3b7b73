//! The applicant before anything was ordered: two certificates that will end, their renewals and one new application
//! handed in. Made once, copied for every life.

use crate::house::{House, People, Streets, any_clerk, finance};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use std::io::Cursor;
use std::process::Command;
use tempfile::TempDir;
use yinxin_core::ids::{AccountId, CaseId};
use yinxin_core::money::Method;
use yinxin_core::rules::ItemJudgement;
use yinxin_core::time::Clock;
use yinxin_engine::views::{BasketChoice, CasePage, StepKind};
use yinxin_engine::{Actor, Submission};
use yinxin_services::accounts::{Client, PictureAnswer, Registration};
use yinxin_services::payments::{OrderDetails, Settled, Transfer};

pub const MOBILE: &str = "13705910001";
const PASSWORD: &str = "闽江口外有三座礁石";
const USCC: &str = "91350100MA2Y3K7H5P";

/// Keeps the template's folder.
pub struct Template {
    streets: Streets,
    _folder: TempDir,
}

impl std::ops::Deref for Template {
    type Target = Streets;

    fn deref(&self) -> &Streets {
        &self.streets
    }
}

pub async fn before_anybody_ordered() -> Template {
    let folder = tempfile::tempdir().unwrap();
    let nobody = People {
        applicant: AccountId::generate(),
        cases: Vec::new(),
    };
    let mut streets = Streets::new(folder.path(), nobody).await;
    let house = House::open(&streets).await;
    let applicant = registered(&house, &streets).await;
    streets.people.applicant = applicant.clone();
    let mut serials = Vec::new();
    for number in ["B2026112000001", "B2026112000002"] {
        serials.push(certified(&house, &streets, &applicant, number).await);
    }
    let new = started(&house, &applicant, "new-enterprise").await;
    let mut cases = vec![handed_in(&house, &applicant, new).await];
    for serial in serials {
        let begun = house
            .engine
            .start_from(
                &house.site,
                &applicant,
                "fujian",
                "renew-enterprise",
                &serial,
            )
            .await
            .unwrap();
        cases.push(handed_in(&house, &applicant, begun.case).await);
    }
    streets.people.cases = cases;
    work(&house, &streets, 60).await;
    Template {
        streets,
        _folder: folder,
    }
}

/// Somebody with an account.
pub async fn registered(house: &House, streets: &Streets) -> AccountId {
    let accounts = &house.services.accounts;
    let (policy, form, _) = house.engine.account_policy(&house.site).unwrap();
    let client = Client::new("192.0.2.7".parse().unwrap(), "Mozilla/5.0");
    let question = accounts
        .pictures()
        .question(&house.site, &client)
        .await
        .unwrap();
    let picture = PictureAnswer {
        id: question.id,
        answer: sum_in_words(&question.text).to_string(),
    };
    accounts
        .send_registration_code(&house.site, &policy, MOBILE, Some(&picture), &client)
        .await
        .unwrap();
    let sent = Registration {
        form: &form,
        raw: &[("mobile".to_owned(), MOBILE.to_owned())],
        password: PASSWORD,
        password_again: PASSWORD,
        terms_accepted: true,
        picture: None,
        sms_code: &streets.pocket.code(MOBILE),
    };
    accounts
        .register(&house.site, &policy, sent, &client, None)
        .await
        .unwrap();
    accounts
        .find(&house.site, MOBILE)
        .await
        .unwrap()
        .unwrap()
        .id
}

/// `三加五等于几？` is 8.
fn sum_in_words(text: &str) -> usize {
    let digit = |c| "零一二三四五六七八九".chars().position(|digit| digit == c);
    let digits: Vec<usize> = text.chars().filter_map(digit).collect();
    if text.contains('加') {
        digits[0] + digits[1]
    } else {
        digits[0] - digits[1]
    }
}

async fn started(house: &House, applicant: &AccountId, service: &str) -> CaseId {
    let begun = house
        .engine
        .start(&house.site, applicant, "fujian", service)
        .await;
    begun.unwrap()
}

/// From the first page to the submission.
async fn handed_in(house: &House, applicant: &AccountId, case: CaseId) -> CaseId {
    let (engine, site) = (&house.engine, &house.site);
    let who = Actor::Applicant(applicant.clone());
    engine
        .accept_agreement(site, applicant, &case, "agreement")
        .await
        .unwrap();
    let answers = answers(&engine.page(site, &who, &case).await.unwrap());
    let saved = engine
        .save_form(site, applicant, &case, "application", &answers)
        .await
        .unwrap();
    assert_eq!(saved.problems, []);
    for wanted in engine.page(site, &who, &case).await.unwrap().materials {
        for position in 0..wanted.material.files {
            let file = ("扫描件.jpg".to_owned(), scan());
            let taken = engine.upload(site, applicant, &case, &wanted.material.id, position, file);
            taken.await.unwrap().unwrap();
        }
    }
    engine
        .fire(site, &who, &case, "submit", &Submission::default())
        .await
        .unwrap();
    case
}

/// The form, right.
pub fn answers(known: &CasePage) -> Vec<(String, String)> {
    let mut answers = filled_in(known);
    for (name, value) in [
        ("unit-name", "福州榕城科技有限公司"),
        ("uscc", USCC),
        ("region", "福建省 福州市"),
        ("address", "福建省福州市鼓楼区五四路 100 号"),
        ("legal-name", "陈国栋"),
        ("legal-number", "350104197511031574"),
        ("handler-name", "林雅婷"),
        ("handler-number", "350102199106122321"),
        ("mobile", MOBILE),
        ("email", "linyating@example.com"),
        ("years", "1"),
    ] {
        answers.retain(|(known, _)| known != name);
        answers.push((name.to_owned(), value.to_owned()));
    }
    answers
}

/// What the form holds already.
fn filled_in(page: &CasePage) -> Vec<(String, String)> {
    let values = page.values.iter();
    values
        .map(|entry| (entry.name.clone(), entry.value.clone()))
        .collect()
}

pub fn scan() -> Vec<u8> {
    let picture = RgbImage::from_fn(400, 300, |x, y| {
        Rgb([
            9,
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

/// A certificate of the unit's, in its hands. Gives the serial.
pub async fn certified(
    house: &House,
    streets: &Streets,
    applicant: &AccountId,
    transfer: &str,
) -> String {
    let (engine, site) = (&house.engine, &house.site);
    let begun = started(house, applicant, "new-enterprise").await;
    let case = handed_in(house, applicant, begun).await;
    let order = ordered(
        house,
        applicant,
        std::slice::from_ref(&case),
        Method::BankTransfer,
    )
    .await;
    let total = house
        .services
        .payments
        .order_view(site, &order)
        .await
        .unwrap()
        .total;
    let found = Transfer {
        reference: transfer,
        amount: total,
        payer: "福州榕城科技有限公司",
    };
    let mut tx = house.store.begin().await.unwrap();
    let booked = house
        .services
        .payments
        .verify_transfer(&mut tx, site, &order, &found, &finance())
        .await;
    assert_eq!(booked.unwrap(), Settled::Paid);
    tx.commit().await.unwrap();
    streets
        .account
        .fetch_add(total.0, std::sync::atomic::Ordering::SeqCst);
    work(house, streets, 5).await;
    for step in ["accept", "papers-pass", "make"] {
        let with = said_by_clerk(house, &case, step).await;
        engine
            .fire(site, &any_clerk(), &case, step, &with)
            .await
            .unwrap();
    }
    work(house, streets, 5).await;
    let with = said_by_clerk(house, &case, "ship").await;
    engine
        .fire(site, &any_clerk(), &case, "ship", &with)
        .await
        .unwrap();
    let page = engine.page(site, &any_clerk(), &case).await.unwrap();
    page.certificates[0].serial.clone()
}

/// Puts cases into an order as the applicant does.
pub async fn ordered(
    house: &House,
    applicant: &AccountId,
    cases: &[CaseId],
    method: Method,
) -> yinxin_core::ids::OrderId {
    let quote = house
        .engine
        .quote_basket(&house.site, applicant, cases)
        .await
        .unwrap();
    let choice = choice(method, quote.total);
    house
        .engine
        .open_basket(&house.site, applicant, cases, &choice)
        .await
        .unwrap()
}

pub fn choice(method: Method, expected_total: yinxin_core::money::Fen) -> BasketChoice {
    BasketChoice {
        method,
        details: OrderDetails {
            invoice_title: "福州榕城科技有限公司".to_owned(),
            tax_number: USCC.to_owned(),
            contact_name: "林雅婷".to_owned(),
            contact_mobile: MOBILE.to_owned(),
            ..OrderDetails::default()
        },
        expected_total,
    }
}

/// What a clerk or the applicant has to say at a transition, right.
pub async fn said_by_clerk(house: &House, case: &CaseId, transition: &str) -> Submission {
    let input: &[(&str, &str)] = match transition {
        "withdraw" | "ask-refund" => &[("withdraw-reason", "不需要了")],
        "refuse-refund" | "cancel" | "reopen" => &[("reason", "与经办人核对过")],
        "post" => &[("posted-by", "顺丰"), ("posted-number", "SF1300000000001")],
        "papers-again" => &[("papers-wanted", "复印件没有盖章")],
        "make" => &[("certificate-request", &request())],
        "ship" => &[("courier", "邮政"), ("tracking-number", "EM100000000CN")],
        _ => &[],
    };
    let input = input
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Submission {
        input: input.collect(),
        judgements: match transition {
            "accept" => judgements(house, case, true).await,
            "return" => judgements(house, case, false).await,
            _ => Vec::new(),
        },
        ..Submission::default()
    }
}

/// Everything passed, or the last item refused.
async fn judgements(house: &House, case: &CaseId, passed: bool) -> Vec<ItemJudgement> {
    let page = house
        .engine
        .page(&house.site, &any_clerk(), case)
        .await
        .unwrap();
    let sections = page.steps.iter().filter_map(|step| match &step.kind {
        StepKind::Form(form) => Some(&form.sections),
        _ => None,
    });
    let sections = sections.flatten().map(|section| section.id.clone());
    let materials = page.materials.iter().map(|view| view.material.id.clone());
    let mut judged: Vec<ItemJudgement> = sections
        .chain(materials)
        .map(|item| ItemJudgement {
            item,
            passed: true,
            reason: String::new(),
        })
        .collect();
    if let Some(last) = judged.last_mut().filter(|_| !passed) {
        last.passed = false;
        last.reason = "看不清".to_owned();
    }
    judged
}

/// A request for a certificate with a key of its own.
fn request() -> String {
    let folder = tempfile::tempdir().unwrap();
    let (key, file) = (
        folder.path().join("key.pem"),
        folder.path().join("request.pem"),
    );
    let made = Command::new("openssl")
        .args([
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args(["-subj", "/CN=maker", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&file)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    std::fs::read_to_string(file).unwrap()
}

/// Runs what is due, and what becomes due within `seconds`.
pub async fn work(house: &House, streets: &Streets, seconds: i64) {
    let end = streets.clock.now().plus(seconds);
    loop {
        house.engine.work_off().await.unwrap();
        let next = yinxin_store::jobs::next_due(&mut house.store.read().await.unwrap())
            .await
            .unwrap();
        match next.filter(|next| *next <= end) {
            Some(next) => {
                let wait = (next.0 - streets.clock.now().0).max(0) / 1000 + 1;
                streets.clock.advance(wait);
            }
            None => return,
        }
    }
}
