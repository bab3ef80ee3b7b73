//! Fujian: accounts, new certificates and renewals for enterprises and persons, ordered several at a time.
//!
//! Where to change what: fees and days here, the order's rules in `prices`, questions in `forms`, uploads in `materials`,
//! papers in `papers`, texts of SMS and mails in `messages`, states and buttons in `lifecycle`, what happens at each of
//! them in `events` and, once a certificate is out, in `expiry`; what a renewal asks of its certificate in `renewal`.

mod accounts;
mod events;
mod expiry;
mod forms;
mod guards;
mod lifecycle;
mod materials;
mod messages;
mod papers;
mod prices;
mod renewal;
mod services;

use yinxin_sdk::definition::Definition;
use yinxin_sdk::{
    Basket, Case, Checkpoint, Decision, Event, Fen, Method, Moment, NamedValue, Problem, Quotation,
    Rules, Sources, yuan,
};

// ---- what changes most often: fees, days and where to turn

/// A certificate of an enterprise, one year.
const ENTERPRISE_YEAR: Fen = yuan(200);
/// The same for three years at once, a tenth less.
const ENTERPRISE_THREE_YEARS: Fen = yuan(540);
/// A certificate of a person, one year.
const PERSONAL_YEAR: Fen = yuan(100);
/// The same for three years at once.
const PERSONAL_THREE_YEARS: Fen = yuan(270);
/// The USB key that a new certificate comes in.
const KEY: Fen = yuan(60);
/// Registered post to the applicant, once an order.
const SHIPPING: Fen = yuan(20);
/// Ways to pay for an order that holds a new certificate (manual row F-7).
const FOR_NEW: [Method; 1] = [Method::BankTransfer];
/// Ways to pay for an order of renewals alone.
const FOR_RENEWALS: [Method; 3] = [Method::BankTransfer, Method::Wechat, Method::Alipay];
/// Days after which an accepted application that nobody pays is closed.
const DAYS_TO_PAY: u32 = 30;
/// Days after which the applicant is reminded of the payment.
const DAYS_TO_REMIND: [u32; 2] = [7, 20];
/// Working days in which an application is looked at.
const DAYS_TO_REVIEW: u32 = 2;
/// Working days in which a certificate is made once its papers, or its key, have passed.
const DAYS_TO_MAKE: u32 = 3;
/// Days after a certificate's end in which it can still be renewed; then it is revoked (manual row F-12).
const DAYS_OF_GRACE: i32 = 90;
/// Days before a certificate's end on which its holder is warned.
const DAYS_TO_WARN: [i32; 3] = [60, 30, 7];
/// Whom to call.
const PHONE: &str = "0591-968975";
/// Where papers and keys are posted to.
const POST_TO: &str = "福建省福州市（示范地址）福建CA 客户服务部收，电话 0591-968975";

pub struct Fujian;

yinxin_sdk::export!(Fujian);

impl Rules for Fujian {
    fn describe() -> Definition {
        Definition::new(
            "fujian",
            env!("CARGO_PKG_VERSION"),
            "福建CA数字证书",
            "企业证书、个人证书的新办和续费，多份申请可以一次下单付款。",
        )
        .account_policy(accounts::policy())
        .services(services::all())
        .forms(forms::all())
        .forms(accounts::forms())
        .materials(materials::all())
        .documents(papers::all())
        .messages(messages::all())
        .lifecycles(lifecycle::all())
        .guards(guards::NAMES)
    }

    fn check(case: &Case, at: &Moment, checkpoint: &Checkpoint) -> Vec<Problem> {
        guards::problems(case, at, checkpoint)
    }

    fn quote(basket: &Basket) -> Result<Quotation, Vec<Problem>> {
        prices::quote(basket)
    }

    fn prefill(sources: &Sources) -> Vec<NamedValue> {
        if services::is_renewal(&sources.service) {
            renewal::prefill(sources)
        } else {
            accounts::prefill(sources)
        }
    }

    fn handle(case: &Case, event: &Event) -> Result<Decision, Vec<Problem>> {
        events::handle(case, event)
    }
}
