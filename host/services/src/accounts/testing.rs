//! What the tests of people need: a clock that stands still, an SMS provider that remembers, a policy.

use super::*;
use async_trait::async_trait;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use yinxin_core::definition::{Field, FieldKind, Form, LoginId, Section};
use yinxin_store::testing::TestStore;

/// Stands still until it is told to pass.
pub(crate) struct FakeClock(AtomicI64);

impl Default for FakeClock {
    fn default() -> Self {
        Self(AtomicI64::new(1_795_190_399_000)) // 2026-11-20
    }
}

impl FakeClock {
    pub fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }
}

/// Remembers the codes instead of sending them.
#[derive(Default)]
pub(crate) struct Phone(Mutex<Vec<(String, String)>>);

impl Phone {
    /// The last code that came to the mobile.
    pub fn code(&self, mobile: &str) -> String {
        let inbox = self.0.lock().unwrap();
        inbox
            .iter()
            .rev()
            .find(|(to, _)| to == mobile)
            .map(|(_, code)| code.clone())
            .expect("an SMS")
    }

    pub fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

#[async_trait]
impl CodeSender for Phone {
    async fn queue_code(
        &self,
        _: &mut Connection,
        _: &SiteId,
        message: CodeMessage<'_>,
    ) -> Result<(), CodeSendError> {
        let to = message.mobile.as_str().to_owned();
        self.0.lock().unwrap().push((to, message.code.to_owned()));
        Ok(())
    }
}

/// A site with accounts, on one database.
pub(crate) struct World {
    pub accounts: Accounts,
    pub clock: Arc<FakeClock>,
    pub phone: Arc<Phone>,
    pub site: SiteId,
    pub store: TestStore,
}

pub(crate) const USCC: &str = "91350100M000100Y43";
pub(crate) const MOBILE: &str = "13812341234";
pub(crate) const PASSWORD: &str = "信江秋水长天一色";

impl World {
    pub fn new(store: TestStore) -> Self {
        let clock = Arc::new(FakeClock::default());
        let phone = Arc::new(Phone::default());
        let accounts = Accounts::new(
            store.store.clone(),
            store.sealer.clone(),
            clock.clone(),
            Passwords::cheap(),
            phone.clone(),
        );
        Self {
            accounts,
            clock,
            phone,
            site: SiteId::parse("jiangxi").unwrap(),
            store,
        }
    }

    /// A right answer to a new sum in words.
    pub async fn picture(&self, client: &Client) -> PictureAnswer {
        let question = self
            .accounts
            .pictures()
            .question(&self.site, client)
            .await
            .unwrap();
        PictureAnswer {
            id: question.id,
            answer: solve(&question.text).to_string(),
        }
    }

    /// Registers with an SMS code; the problems where it is refused.
    pub async fn register(
        &self,
        policy: &AccountPolicy,
        raw: &[(String, String)],
    ) -> Result<Begun, AccountError> {
        let client = client();
        let mobile = raw
            .iter()
            .find(|(name, _)| name == "mobile")
            .map_or("", |(_, value)| value);
        let needs_code = AskedProofs::of(&policy.registration_proofs).sms_code;
        let code = if needs_code {
            let sent = self
                .accounts
                .send_registration_code(&self.site, policy, mobile, None, &client)
                .await;
            self.clock.pass(61); // or the next code to this mobile would be too early
            sent?;
            self.phone.code(mobile)
        } else {
            String::new()
        };
        let form = registration_form();
        self.accounts
            .register(
                &self.site,
                policy,
                registration(&form, raw, &code),
                &client,
                None,
            )
            .await
    }

    pub async fn log_in(&self, login_id: &str, password: &str) -> Result<Begun, AccountError> {
        let sent = LogIn {
            login_id,
            password,
            picture: None,
            sms_code: "",
        };
        self.accounts
            .log_in(&self.site, &policy(), sent, &client(), None)
            .await
    }
}

/// `三加五等于几？` is 8.
pub(crate) fn solve(text: &str) -> usize {
    let digits: Vec<usize> = text
        .chars()
        .filter_map(|c| "零一二三四五六七八九".chars().position(|digit| digit == c))
        .collect();
    if text.contains('加') {
        digits[0] + digits[1]
    } else {
        digits[0] - digits[1]
    }
}

pub(crate) fn client() -> Client {
    Client::new("192.0.2.7".parse().unwrap(), "Mozilla/5.0")
}

pub(crate) fn client_at(last: u8) -> Client {
    Client::new(std::net::IpAddr::from([198, 51, 100, last]), "Mozilla/5.0")
}

/// Logs in with code and mobile, proves the mobile at registration.
pub(crate) fn policy() -> AccountPolicy {
    AccountPolicy {
        login_ids: vec![LoginId::Uscc, LoginId::Mobile],
        registration_form: "registration".into(),
        profile_form: "profile".into(),
        registration_proofs: vec![Proof::SmsCode],
        login_proofs: vec![],
        recovery_proofs: vec![Proof::SmsCode],
        password_length: 8,
        clerk_only_fields: vec!["unit".into()],
        name_field: "unit".into(),
        mobile_field: "mobile".into(),
    }
}

fn field(name: &str, label: &str, kind: FieldKind, required: bool) -> Field {
    Field {
        name: name.into(),
        label: label.into(),
        hint: "".into(),
        kind,
        required,
        max_length: 0,
        shown_when: None,
        autocomplete: "".into(),
    }
}

fn form(id: &str, fields: Vec<Field>) -> Form {
    let section = Section {
        id: "s".into(),
        title: "单位".into(),
        hint: String::new(),
        fields,
    };
    Form {
        id: id.into(),
        title: "单位".into(),
        sections: vec![section],
    }
}

pub(crate) fn registration_form() -> Form {
    form(
        "registration",
        vec![
            field("unit", "单位名称", FieldKind::OrganisationName, true),
            field("uscc", "统一社会信用代码", FieldKind::Uscc, true),
            field("mobile", "手机号", FieldKind::Mobile, true),
            field("nickname", "用户名", FieldKind::Username, false),
            field("answer", "密保答案", FieldKind::SecretAnswer, false),
        ],
    )
}

pub(crate) fn profile_form() -> Form {
    form(
        "profile",
        vec![
            field("unit", "单位名称", FieldKind::OrganisationName, true),
            field("uscc", "统一社会信用代码", FieldKind::Uscc, true),
            field("mobile", "手机号", FieldKind::Mobile, true),
            field("handler", "经办人", FieldKind::PersonName, false),
        ],
    )
}

pub(crate) fn answers(entries: &[(&str, &str)]) -> Vec<(String, String)> {
    entries
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

pub(crate) fn unit() -> Vec<(String, String)> {
    answers(&[
        ("unit", "鹰潭市某公司"),
        ("uscc", USCC),
        ("mobile", MOBILE),
        ("answer", "秘密"),
    ])
}

pub(crate) fn registration<'a>(
    form: &'a Form,
    raw: &'a [(String, String)],
    code: &'a str,
) -> Registration<'a> {
    Registration {
        form,
        raw,
        password: PASSWORD,
        password_again: PASSWORD,
        terms_accepted: true,
        picture: None,
        sms_code: code,
    }
}

/// The items and sentences of a refusal.
pub(crate) fn problems<T>(result: Result<T, AccountError>) -> Vec<(String, String)> {
    match result {
        Err(AccountError::Refused(refusal)) => refusal
            .problems
            .into_iter()
            .map(|problem| (problem.item.unwrap_or_default(), problem.message))
            .collect(),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("not refused"),
    }
}

/// The items of a refusal.
pub(crate) fn items<T>(result: Result<T, AccountError>) -> Vec<String> {
    problems(result).into_iter().map(|(item, _)| item).collect()
}
