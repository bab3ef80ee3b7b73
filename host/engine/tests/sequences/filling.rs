//! An applicant before the hand-in: registering, and doing on the page of a draft whatever is next on it. Whoever was told
//! of a failure looks again, and goes on.

use crate::house::{House, Streets};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use std::io::Cursor;
use std::net::{IpAddr, Ipv4Addr};
use yinxin_core::ids::AccountId;
use yinxin_core::uscc::Uscc;
use yinxin_engine::views::{CasePage, StepKind};
use yinxin_engine::{Actor, EngineError, Submission};
use yinxin_services::accounts::{AccountError, Client, PictureAnswer, Registration};

pub const MOBILE: &str = "13705910001";
const PASSWORD: &str = "闽江口外有三座礁石";
/// The unit that Fujian's applications are for.
pub const USCC: &str = "91350100MA2Y3K7H5P";
pub const UNIT: &str = "福州榕城科技有限公司";
/// Characters that a code's last one may be.
const CHARACTERS: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";

/// Somebody who wants an account.
#[derive(Clone, Debug)]
pub struct Newcomer {
    mobile: String,
    unit: String,
    uscc: String,
    /// Each has another, so that nobody's tries are counted as another's.
    address: IpAddr,
}

impl Newcomer {
    /// The one who applies for everything.
    pub fn first() -> Self {
        Self {
            mobile: MOBILE.to_owned(),
            unit: UNIT.to_owned(),
            uscc: USCC.to_owned(),
            address: Ipv4Addr::new(192, 0, 2, 7).into(),
        }
    }

    /// Another one in each case, of another unit.
    pub fn number(number: u32) -> Self {
        let begin = format!("91360600MA{number:07}");
        let codes = CHARACTERS.chars().map(|last| format!("{begin}{last}"));
        Self {
            mobile: format!("139{number:08}"),
            unit: format!("鹰潭第{number}建设工程有限公司"),
            uscc: codes
                .into_iter()
                .find(|code| Uscc::parse(code).is_ok())
                .unwrap(),
            address: Ipv4Addr::from(0x0a00_0000 + number).into(),
        }
    }
}

/// Gives the account of this person, who registers where he has none.
pub async fn registered(
    house: &House,
    streets: &Streets,
    who: &Newcomer,
) -> Result<AccountId, EngineError> {
    registers(house, streets, who)
        .await
        .map_err(|error| match error {
            AccountError::Store(error) => error.into(),
            AccountError::Refused(refusal) => panic!("{who:?} is refused: {refusal:?}"),
            other => EngineError::Service(other.to_string()),
        })
}

async fn registers(
    house: &House,
    streets: &Streets,
    who: &Newcomer,
) -> Result<AccountId, AccountError> {
    let (accounts, site) = (&house.services.accounts, &house.site);
    // As one logs in: at some sites by the mobile, at others by the unit's code.
    for login in [&who.mobile, &who.uscc] {
        if let Some(known) = accounts.find(site, login).await? {
            return Ok(known.id);
        }
    }
    let (policy, form, _) = house.engine.account_policy(site).unwrap();
    let client = Client::new(who.address, "Mozilla/5.0");
    let question = accounts.pictures().question(site, &client).await?;
    let picture = PictureAnswer {
        id: question.id,
        answer: sum_in_words(&question.text).to_string(),
    };
    accounts
        .send_registration_code(site, &policy, &who.mobile, Some(&picture), &client)
        .await?;
    let all = [
        ("mobile", &who.mobile),
        ("unit-name", &who.unit),
        ("uscc", &who.uscc),
    ];
    let raw: Vec<(String, String)> = all
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect();
    let sent = Registration {
        form: &form,
        raw: &raw,
        password: PASSWORD,
        password_again: PASSWORD,
        terms_accepted: true,
        picture: None,
        sms_code: &streets.pocket.code(&who.mobile),
    };
    accounts
        .register(site, &policy, sent, &client, None)
        .await?;
    let found = accounts.find(site, &who.mobile).await?;
    let found = match found {
        Some(found) => Some(found),
        None => accounts.find(site, &who.uscc).await?,
    };
    Ok(found.unwrap().id)
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

/// Does what is next on the page of a draft, the last of which is to hand it in.
pub async fn fills_in(
    house: &House,
    applicant: &AccountId,
    page: &CasePage,
) -> Result<(), EngineError> {
    let (engine, site, case) = (&house.engine, &house.site, &page.id);
    let who = Actor::Applicant(applicant.clone());
    for step in page.steps.iter().filter(|step| !step.complete) {
        match &step.kind {
            StepKind::Agreement(_) => {
                return engine
                    .accept_agreement(site, applicant, case, &step.id)
                    .await;
            }
            StepKind::Form(_) => return answer(house, applicant, page, &step.id).await,
            StepKind::Documents(_) => {
                let paper = page.papers.iter().find(|paper| paper.made_at.is_none());
                if let Some(paper) = paper {
                    let paper = &paper.document.id;
                    engine.paper(site, &who, case, paper).await?;
                    return Ok(());
                }
            }
            StepKind::Identity(check) => {
                return looked_at(house, applicant, page, &check.id).await;
            }
            StepKind::Materials(_) => {
                let empty = page.materials.iter().find_map(|wanted| {
                    let place = wanted.files.iter().position(Option::is_none)?;
                    Some((wanted.material.id.as_str(), u32::try_from(place).unwrap()))
                });
                let (material, place) = empty.unwrap();
                let file = ("扫描件.jpg".to_owned(), scan());
                let taken = engine
                    .upload(site, applicant, case, material, place, file)
                    .await?;
                taken.unwrap();
                return Ok(());
            }
            StepKind::Summary | StepKind::Token => {}
        }
    }
    let nothing = Submission::default();
    engine.fire(site, &who, case, "submit", &nothing).await
}

/// Who is offered something else takes it.
async fn answer(
    house: &House,
    applicant: &AccountId,
    page: &CasePage,
    step: &str,
) -> Result<(), EngineError> {
    let (engine, site) = (&house.engine, &house.site);
    let mut answers = answers(page);
    let saved = engine
        .save_form(site, applicant, &page.id, step, &answers)
        .await?;
    let offer = saved
        .problems
        .iter()
        .find_map(|problem| problem.offer.clone());
    let Some(offer) = offer else {
        assert_eq!(saved.problems, []);
        return Ok(());
    };
    put(&mut answers, &offer.field, &offer.value);
    let saved = engine
        .save_form(site, applicant, &page.id, step, &answers)
        .await?;
    assert_eq!(saved.problems, []);
    Ok(())
}

/// The legal representative scans the code and looks into the phone.
async fn looked_at(
    house: &House,
    applicant: &AccountId,
    page: &CasePage,
    check: &str,
) -> Result<(), EngineError> {
    let (engine, site, identity) = (&house.engine, &house.site, &house.services.identity);
    let open = engine
        .open_identity(site, applicant, &page.id, check)
        .await?;
    let path = open.path.unwrap();
    let token = path.strip_prefix("/p/").unwrap();
    identity.start(site, token).await?;
    let check = identity.by_token(site, token).await?;
    identity.refresh(site, &check.id).await?;
    Ok(())
}

fn put(answers: &mut Vec<(String, String)>, name: &str, value: &str) {
    answers.retain(|(known, _)| known != name);
    answers.push((name.to_owned(), value.to_owned()));
}

/// The form, right.
fn answers(known: &CasePage) -> Vec<(String, String)> {
    let mut answers: Vec<(String, String)> = known
        .values
        .iter()
        .map(|entry| (entry.name.clone(), entry.value.clone()))
        .collect();
    let of = known.definition.id.as_str();
    let typed: &[(&str, &str)] = match of {
        "fujian" => &FUJIAN,
        "yingtan" => &YINGTAN,
        other => panic!("nobody knows what to answer `{other}`"),
    };
    for (name, value) in typed {
        put(&mut answers, name, value);
    }
    answers
}

const FUJIAN: [(&str, &str); 11] = [
    ("unit-name", UNIT),
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
];

/// The unit and its code come from the account.
const YINGTAN: [(&str, &str); 12] = [
    ("lock-kind", "main"),
    ("legal-name", "王㛃"),
    ("legal-number", "360602198001010010"),
    ("handler-name", "李明"),
    ("handler-number", "360602199002020020"),
    ("handler-mobile", "13907010002"),
    ("invoice-title", "鹰潭某某建设工程有限公司"),
    ("tax-number", "91360600MA35XK4C12"),
    ("invoice-email", "finance@example.com"),
    ("recipient-name", "李明"),
    ("recipient-mobile", "13907010002"),
    ("recipient-address", "江西省鹰潭市月湖区示范路 1 号"),
];

fn scan() -> Vec<u8> {
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
