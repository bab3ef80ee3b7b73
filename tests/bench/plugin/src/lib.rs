//! The plugin that is measured. Its form is longer than any of the manuals (row H-3 has some 40 fields), its `check` looks
//! at every answer, and `submit` asks for ten things in one decision.

mod form;
mod lifecycle;

pub use form::{ENDLESS, FIELDS, GREEDY, STEP, WILD, answers};

use yinxin_sdk::definition::{Definition, Service, ServiceKind, fill, mail, sms};
use yinxin_sdk::{
    Case, Checkpoint, Decision, Event, FeeLine, Method, Moment, Problem, Rules, accounts,
    messaging, payments, storage,
};

/// The benchmark writes other digits over the last four, for many plugins that differ.
const NAME: &str = "measured-0000";
/// fen
const FEE: i64 = 22_000;
/// Entries of the plugin's storage that one submission writes.
const PUTS: usize = 6;

pub struct Measured;

yinxin_sdk::export!(Measured);

impl Rules for Measured {
    fn describe() -> Definition {
        let service = Service::new("sixty", ServiceKind::New, "六十项申请")
            .summary("用来测量的申请。")
            .price("220.00 元")
            .time("2 个工作日")
            .lifecycle("sixty")
            .subject("text-01")
            .step(STEP, "填写申请", "共六十项", fill("sixty"));
        Definition::new(NAME, env!("CARGO_PKG_VERSION"), "测量", "用来测量的项目。")
            .services([service])
            .forms([form::form()])
            .messages([
                sms(
                    "submitted",
                    "SMS_1",
                    "您的申请（受理号{number}）已提交，请付款{amount}元。",
                )
                .to_field("mobile-01"),
                mail(
                    "copy",
                    "受理号{number}",
                    "您的申请已提交，请在三十天内付款。",
                )
                .to_field("email-01"),
            ])
            .lifecycles([lifecycle::sixty()])
    }

    fn check(case: &Case, at: &Moment, checkpoint: &Checkpoint) -> Vec<Problem> {
        match case.text(WILD) {
            ENDLESS => loop {
                std::hint::black_box(case);
            },
            GREEDY => {
                let mut taken = Vec::new();
                loop {
                    taken.push(std::hint::black_box(vec![1; 1 << 20]));
                }
            }
            _ => {}
        }
        if checkpoint.is_step(STEP) {
            form::problems(case, &at.today)
        } else {
            Vec::new()
        }
    }

    fn handle(case: &Case, event: &Event) -> Result<Decision, Vec<Problem>> {
        match event.transition.as_str() {
            "submit" => submit(case),
            "paid" => Ok(Decision::to("review")),
            "pass" => Ok(Decision::to("done")),
            "unpaid" => Ok(Decision::to("closed")),
            _ => Err(Problem::of_case("没有这一步。").into()),
        }
    }
}

/// Six entries, a field of the profile, a charge, an SMS and a mail; the state that follows sets a timer.
fn submit(case: &Case) -> Result<Decision, Vec<Problem>> {
    for n in 0..PUTS {
        storage::put(&format!("{}/{n}", case.id), case.text("text-02"))?;
    }
    accounts::remember([("recipient-name", case.text("name-01"))])?;
    let line = FeeLine {
        code: "fee".into(),
        label: "证书费".into(),
        quantity: 1,
        amount: FEE,
        case_id: String::new(),
    };
    payments::request(&[line], &[Method::BankTransfer])?;
    let number = ("number", case.number.as_str());
    messaging::send("submitted", &[number, ("amount", "220.00")])?;
    messaging::send("copy", &[number])?;
    Ok(Decision::to("to-pay").note("已提交"))
}
