//! Withdrawing, cancelling, refunds, and applications that nobody pays.

use crate::people::{OTHER_UNIT, OTHER_USCC, renewal, told, unit};
use std::sync::Arc;
use yinxin_kit::{Journey, Runner, on_both};
use yinxin_plugin_fujian::Fujian;
use yinxin_sdk::fake::Effect;
use yinxin_sdk::payments::Standing;
use yinxin_sdk::{Method, yuan};

/// Accepted and paid by transfer, in an order with others.
fn paid(runner: Arc<dyn Runner>) -> Journey {
    let mut case = unit(runner);
    case.fire("submit").unwrap();
    case.fire("accept").unwrap();
    case.ordered(yuan(260));
    case.pay_by("transferred", Method::BankTransfer).unwrap();
    case
}

#[test]
fn before_the_payment_an_application_is_withdrawn_at_once() {
    on_both::<Fujian>("fujian", |runner| {
        let mut case = renewal(runner, "2026-12-01");
        case.fire("submit").unwrap();
        case.ordered(yuan(220));
        let why = [("withdraw-reason", "不办了")];
        let effects = case.fire_with("withdraw", &why).unwrap();
        assert!(effects.contains(&Effect::CancelPayment), "{effects:?}");
        assert_eq!(case.case.state, "closed");
        assert!(
            case.world.storage.is_empty(),
            "the certificate is free again"
        );
    });
}

#[test]
fn after_the_payment_finance_decides_on_a_refund() {
    on_both::<Fujian>("fujian", |runner| {
        let mut case = paid(runner);
        let why = [("withdraw-reason", "不办了")];
        case.fire_with("ask-refund", &why).unwrap();
        assert_eq!(case.case.state, "refund-asked");
        let effects = case
            .fire_with("refuse-refund", &[("reason", "已开始制作")])
            .unwrap();
        assert_eq!(told(&effects), ["refund-refused", "refund-refused-mail"]);
        assert_eq!(case.case.state, "papers", "back to where it stood");

        case.fire("papers-pass").unwrap();
        case.fire_with("ask-refund", &why).unwrap();
        let effects = case.fire("approve-refund").unwrap();
        let refund = Effect::Refund {
            amount: yuan(260).0,
            reason: "不办了".into(),
        };
        assert!(effects.contains(&refund), "the case's share: {effects:?}");
        assert_eq!(told(&effects), ["refunding", "refunding-mail"]);
        case.world.balance.standing = Standing::Refunded;
        case.fire("refunded").unwrap();
        assert_eq!(case.state().applicant_label, "已取消");
        assert!(case.world.storage.is_empty(), "{:?}", case.world.storage);
    });
}

#[test]
fn a_paid_application_under_review_is_withdrawn_by_way_of_finance() {
    on_both::<Fujian>("fujian", |runner| {
        let mut case = unit(runner);
        case.fire("submit").unwrap();
        case.ordered(yuan(280));
        case.pay_by("transferred", Method::BankTransfer).unwrap();
        case.fire_with("withdraw", &[("withdraw-reason", "不办了")])
            .unwrap();
        assert_eq!(case.case.state, "refund-asked");
        case.fire_with("refuse-refund", &[("reason", "请再考虑")])
            .unwrap();
        assert_eq!(case.case.state, "submitted");
    });
}

#[test]
fn nothing_goes_back_once_the_certificate_is_made() {
    on_both::<Fujian>("fujian", |runner| {
        let definition = runner.describe();
        for lifecycle in &definition.lifecycles {
            for id in ["withdraw", "ask-refund", "cancel"] {
                let transition = lifecycle.transitions.iter().find(|t| t.id == id).unwrap();
                for made in ["issuing", "ready", "sent"] {
                    assert!(
                        !transition.from.contains(&made.to_owned()),
                        "{id} from {made}"
                    );
                }
            }
        }
    });
}

#[test]
fn an_administrator_cancels_and_gives_back_what_was_paid() {
    on_both::<Fujian>("fujian", |runner| {
        let mut case = paid(runner.clone());
        let effects = case.fire_with("cancel", &[("reason", "材料不实")]).unwrap();
        assert!(
            effects
                .iter()
                .any(|effect| matches!(effect, Effect::Refund { .. }))
        );
        assert_eq!(case.case.state, "refunding");

        let mut case = unit(runner);
        case.fire("submit").unwrap();
        case.ordered(yuan(280));
        let effects = case.fire_with("cancel", &[("reason", "重复申请")]).unwrap();
        assert!(effects.contains(&Effect::CancelPayment), "{effects:?}");
        assert_eq!(told(&effects), ["closed", "closed-mail"]);
        assert_eq!(case.case.state, "cancelled");
    });
}

#[test]
fn what_nobody_pays_is_reminded_of_and_closed() {
    on_both::<Fujian>("fujian", |runner| {
        let mut case = unit(runner);
        case.fire("submit").unwrap();
        case.fire("accept").unwrap();
        for reminder in ["remind", "remind-again"] {
            let effects = case.fire(reminder).unwrap();
            assert_eq!(told(&effects), ["unpaid", "unpaid-mail"]);
            assert_eq!(case.case.state, "accepted");
        }
        case.ordered(yuan(280));
        let effects = case.fire("unpaid").unwrap();
        assert!(effects.contains(&Effect::CancelPayment));
        assert_eq!(case.case.state, "closed");
        assert!(case.world.storage.is_empty());
    });
}

#[test]
fn a_returned_application_that_nobody_has_paid_may_be_for_another_unit() {
    on_both::<Fujian>("fujian", |runner| {
        let mut case = unit(runner);
        case.fire("submit").unwrap();
        case.judge("return", &[("unit", "代码填错")]).unwrap();
        case.answer("unit-name", OTHER_UNIT);
        case.answer("uscc", OTHER_USCC);
        assert_eq!(case.problems_at("application"), []);
        case.fire("submit").unwrap();
        assert_eq!(case.problems_at("application"), []);
    });
}
