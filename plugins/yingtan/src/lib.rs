//! The project "Yingtan sunshine procurement": a new certificate, with or without the electronic seal.
//!
//! Where to change what: fees and days here, questions in `forms`, uploads in `materials`, papers in `papers`, texts of
//! SMS and mails in `messages`, states and buttons in `lifecycle`, what happens at each of them in `events`.

mod events;
mod forms;
mod lifecycle;
mod main_key;
mod materials;
mod messages;
mod papers;

use yinxin_sdk::definition::{
    Definition, Service, ServiceKind, face_check, fill, print, review, upload, verify,
};
use yinxin_sdk::{
    Basket, Case, Checkpoint, Decision, Event, FeeLine, Fen, Method, Moment, NamedValue, Problem,
    Quotation, Rules, Sources, accounts, payments, values, yuan,
};

// ---- what changes most often: fees, days and names

/// Main key, with the electronic seal.
const MAIN_KEY_FEE: Fen = yuan(220);
/// Sub key, without a seal.
const SUB_KEY_FEE: Fen = yuan(190);
const PAYABLE_BY: [Method; 2] = [Method::Wechat, Method::Alipay];
/// Days after which an application that nobody pays is closed.
const DAYS_TO_PAY: u32 = 30;
/// Working days in which a certificate is made once the papers have passed.
const DAYS_TO_MAKE: u32 = 2;
/// Validity of the certificate, in months.
const VALIDITY: u32 = 12;
/// The project, as it stands in the certificate (OU).
const PROJECT: &str = "鹰潭市阳光采购服务平台";

/// Values of the field `lock-kind`.
const MAIN: &str = "main";
const SUB: &str = "sub";

pub struct Yingtan;

yinxin_sdk::export!(Yingtan);

impl Rules for Yingtan {
    fn describe() -> Definition {
        Definition::new(
            "yingtan",
            env!("CARGO_PKG_VERSION"),
            PROJECT,
            "在鹰潭市阳光采购服务平台投标、签章所用的数字证书。",
        )
        .services([new_certificate()])
        .forms(forms::all())
        .materials(materials::all())
        .checks([face_check(
            "legal-representative",
            "法定代表人刷脸认证",
            "请法定代表人本人用手机扫描委托书上的二维码，按提示完成刷脸。",
            "legal-name",
            "legal-number",
        )])
        .documents(papers::all())
        .messages(messages::all())
        .lifecycles([lifecycle::of_a_new_certificate()])
        .guards(GUARDS.map(|(name, _)| name))
    }

    fn check(case: &Case, _at: &Moment, checkpoint: &Checkpoint) -> Vec<Problem> {
        let asked = |name| checkpoint.is_step("order") || checkpoint.is_guard(name);
        GUARDS
            .iter()
            .filter(|(name, _)| asked(name))
            .flat_map(|(_, rule)| rule(case).err().unwrap_or_default())
            .collect()
    }

    fn quote(basket: &Basket) -> Result<Quotation, Vec<Problem>> {
        match basket.only() {
            Some(case) => Ok(Quotation::of([fee(case)]).payable_by(PAYABLE_BY)),
            None => Err(Problem::of_case("请一份申请付一次款，不能合并付款。").into()),
        }
    }

    fn prefill(sources: &Sources) -> Vec<NamedValue> {
        let profile = |field| sources.profile(field);
        let or_unit = |field, unit| {
            Some(profile(field))
                .filter(|v| !v.is_empty())
                .unwrap_or(profile(unit))
        };
        values([
            ("unit-name", profile("unit-name")),
            ("uscc", profile("uscc")),
            ("handler-name", profile("handler-name")),
            ("handler-mobile", profile("mobile")),
            ("invoice-title", or_unit("invoice-title", "unit-name")),
            ("tax-number", or_unit("tax-number", "uscc")),
            ("invoice-email", profile("invoice-email")),
            ("recipient-name", or_unit("recipient-name", "handler-name")),
            ("recipient-mobile", or_unit("recipient-mobile", "mobile")),
            ("recipient-address", profile("recipient-address")),
        ])
    }

    fn handle(case: &Case, event: &Event) -> Result<Decision, Vec<Problem>> {
        events::handle(case, event)
    }
}

fn new_certificate() -> Service {
    Service::new(
        "new-certificate",
        ServiceKind::New,
        "数字证书及电子签章申请",
    )
    .summary("网上填表、上传、付款，资料寄到后制作证书，用顺丰寄给您。")
    .price(format!(
        "主锁（含电子签章）{MAIN_KEY_FEE} 元，副锁 {SUB_KEY_FEE} 元；寄送证书的快递费到付。"
    ))
    .time(format!(
        "初审通常 2 个工作日；纸质资料审核通过后 {DAYS_TO_MAKE} 个工作日制作并寄出。"
    ))
    .at_hand([
        "营业执照（电子执照，或加盖公章的扫描件）",
        "经办人身份证",
        "单位公章、法定代表人章",
        "法定代表人本人和一部手机，用来刷脸认证",
    ])
    .lifecycle("new-certificate")
    .subject("unit-name")
    .step(
        "order",
        "填写申请信息",
        "单位、法定代表人、经办人、发票和收件人。",
        fill("order"),
    )
    .step(
        "papers",
        "下载并打印表单",
        "打印后按要求盖章、签字。",
        print(["application-form", "authorisation-letter", "seal-sheet"]),
    )
    .step(
        "legal-check",
        "法定代表人刷脸认证",
        "扫描委托书上的二维码，显示认证成功后才能提交。",
        verify("legal-representative"),
    )
    .step(
        "materials",
        "上传资料",
        "jpeg、jpg、png、bmp 图片，每个不超过 1 MB。",
        upload([
            "application-form",
            "business-licence",
            "handler-id-card",
            "authorisation-letter",
            "seal-sheet",
        ]),
    )
    .step(
        "summary",
        "核对并提交",
        "提交后等待初审，结果用短信通知经办人。",
        review(),
    )
}

fn fee(case: &Case) -> FeeLine {
    if case.is("lock-kind", MAIN) {
        FeeLine::new("main-key", "主锁证书（含电子签章）", MAIN_KEY_FEE)
    } else {
        FeeLine::new("sub-key", "副锁证书", SUB_KEY_FEE)
    }
}

// ---- guards: asked when the form is saved and again when the application is submitted

type Guard = fn(&Case) -> Result<(), Vec<Problem>>;

const GUARDS: [(&str, Guard); 3] = [
    ("own-unit", own_unit),
    ("one-main-key", main_key::is_free),
    ("price-as-paid", price_as_paid),
];

/// An account applies for its own unit only, under the name that the CA has registered.
fn own_unit(case: &Case) -> Result<(), Vec<Problem>> {
    let differs = |field: &str, message: &str| -> Result<Option<Problem>, Vec<Problem>> {
        let registered = accounts::profile_text(field)?;
        Ok((case.text(field) != registered).then(|| Problem::at(field, message)))
    };
    let problems: Vec<Problem> = [
        differs(
            "unit-name",
            "请填写注册时的单位名称；名称有变更，请先联系客服更改账户的单位名称。",
        )?,
        differs(
            "uscc",
            "请填写本账户的统一社会信用代码；为其他单位申请，请用该单位的账户登录。",
        )?,
    ]
    .into_iter()
    .flatten()
    .collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

/// An application that was sent back after its payment keeps the kind that was paid for.
fn price_as_paid(case: &Case) -> Result<(), Vec<Problem>> {
    if case.is_paid() && payments::status()?.total != fee(case).amount {
        let message =
            "这份申请已按原来的种类付款，不能再改主锁或副锁；需要更改请联系客服退款后重新申请。";
        return Err(Problem::at("lock-kind", message).into());
    }
    Ok(())
}
