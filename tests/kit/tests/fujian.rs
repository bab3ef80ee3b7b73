//! Fujian (manual rows F-1 to F-13), natively and in the sandbox.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "fujian/expiry.rs"]
mod expiry;
#[path = "fujian/money.rs"]
mod money;
#[path = "fujian/orders.rs"]
mod orders;
#[path = "fujian/people.rs"]
mod people;
#[path = "fujian/renewals.rs"]
mod renewals;

use people::{UNIT, USCC, person, told, unit};
use yinxin_kit::{Runner, findings, on_both};
use yinxin_plugin_fujian::Fujian;
use yinxin_sdk::definition::{Bytes, LoginId, Proof};
use yinxin_sdk::fake::Effect;
use yinxin_sdk::payments::Standing;
use yinxin_sdk::{Method, yuan};

#[test]
fn the_lint_finds_nothing() {
    on_both::<Fujian>("fujian", |runner| {
        assert_eq!(findings(&runner.describe()), []);
    });
}

#[test]
fn both_sides_have_the_same_definition() {
    let native = yinxin_kit::Native::<Fujian>::new().describe();
    let sandboxed = yinxin_kit::Sandboxed::shared("fujian").describe();
    assert!(
        native == sandboxed,
        "the component is not what these tests were compiled with"
    );
}

#[test]
fn a_mobile_registers_and_logs_in() {
    on_both::<Fujian>("fujian", |runner| {
        let policy = runner.describe().account_policy.unwrap();
        assert_eq!(policy.login_ids, [LoginId::Mobile]);
        assert!(policy.registration_proofs.contains(&Proof::SmsCode));
        assert!(policy.recovery_proofs.contains(&Proof::SmsCode));
    });
}

#[test]
fn the_profile_fills_in_the_form() {
    on_both::<Fujian>("fujian", |runner| {
        let mut case = unit(runner);
        for (field, value) in [
            ("kind", "enterprise"),
            ("unit-name", UNIT),
            ("handler-name", "林雅婷"),
            ("mobile", "13705910001"),
        ] {
            case.profile(field, value);
        }
        let answers = case.prefilled();
        let answer = |name: &str| {
            let found = answers.iter().find(|answer| answer.name == name);
            found.map(|answer| answer.value.as_str())
        };
        assert_eq!(answer("unit-name"), Some(UNIT));
        assert_eq!(answer("mobile"), Some("13705910001"));
        assert_eq!(
            answer("name"),
            None,
            "the unit's handler is not the applicant of a personal one"
        );
    });
}

#[test]
fn scans_have_at_most_two_megabytes() {
    on_both::<Fujian>("fujian", |runner| {
        for material in runner.describe().materials {
            assert_eq!(material.max_bytes, 2.mib(), "{}", material.id);
        }
    });
}

#[test]
fn a_new_enterprise_certificate_paid_by_transfer() {
    on_both::<Fujian>("fujian", |runner| {
        let mut case = unit(runner);
        case.fire("submit").unwrap();
        assert_eq!(case.state().applicant_label, "待审核");
        assert!(case.state().payable);

        assert!(
            case.judge("return", &[]).is_err(),
            "a refusal needs an item"
        );
        let effects = case
            .judge("return", &[("business-licence", "扫描件不清晰")])
            .unwrap();
        assert_eq!(told(&effects), ["returned", "returned-mail"]);
        assert_eq!(case.state().applicant_label, "已退回");
        case.fire("submit").unwrap();

        let effects = case.fire("accept").unwrap();
        assert_eq!(told(&effects), ["accepted", "accepted-mail"]);
        assert_eq!(case.state().applicant_label, "申请受理中");
        assert_eq!(case.state().open_steps, ["print"]);
        assert!(case.state().next.contains("0591-968975"));

        case.ordered(yuan(280));
        let effects = case.pay_by("transferred", Method::BankTransfer).unwrap();
        assert!(
            effects.contains(&Effect::Invoice),
            "as soon as finance has seen the money"
        );
        assert_eq!(told(&effects), ["paid", "paid-mail"]);
        assert_eq!(case.case.state, "papers");

        let posted = [("posted-by", "EMS"), ("posted-number", "1200000000001")];
        case.fire_with("post", &posted).unwrap();
        let effects = case
            .fire_with("papers-again", &[("papers-wanted", "申请表没有盖章")])
            .unwrap();
        assert_eq!(told(&effects), ["papers-again", "papers-again-mail"]);
        assert!(case.note.contains("没有盖章"));
        case.fire_with("post", &posted).unwrap();
        case.fire("papers-pass").unwrap();

        let effects = case
            .fire_with("make", &[("certificate-request", "-----BEGIN")])
            .unwrap();
        let [Effect::Issue(request)] = effects.as_slice() else {
            panic!("{effects:?}")
        };
        assert_eq!(request.months, 12);
        let subject: Vec<_> = request
            .subject
            .iter()
            .map(|attribute| (&*attribute.name, &*attribute.value))
            .collect();
        let expected = [
            ("C", "CN"),
            ("ST", "福建省"),
            ("L", "福州市"),
            ("O", UNIT),
            ("CN", UNIT),
            ("serialNumber", USCC),
        ];
        assert_eq!(subject, expected);
        case.fail("issue-failed", &"签发机构没有响应".repeat(200))
            .unwrap();
        case.fire_with("make", &[("certificate-request", "-----BEGIN")])
            .unwrap();

        let effects = case.receive_certificate("issued").unwrap();
        assert_eq!(told(&effects), ["ready", "ready-mail"]);
        assert_eq!(case.state().applicant_label, "可领取");
        let sent = [("courier", "EMS"), ("tracking-number", "1200000000009")];
        let effects = case.fire_with("ship", &sent).unwrap();
        assert_eq!(told(&effects), ["sent", "sent-mail"]);
        // Once more: the news of a transfer may come while the certificate is being made, where it moves nothing.
        assert!(effects.contains(&Effect::Invoice), "{effects:?}");
        assert_eq!(case.state().applicant_label, "已寄出");
        assert_eq!(case.case.text("tracking-number"), "1200000000009");
        assert!(case.world.storage.is_empty(), "{:?}", case.world.storage);
    });
}

#[test]
fn payment_before_the_review_waits_for_it() {
    on_both::<Fujian>("fujian", |runner| {
        let mut case = unit(runner);
        case.fire("submit").unwrap();
        case.ordered(yuan(280));
        case.pay_by("transferred", Method::BankTransfer).unwrap();
        assert_eq!(case.case.state, "submitted");
        let effects = case.fire("accept").unwrap();
        assert_eq!(told(&effects), ["accepted-paid", "accepted-paid-mail"]);
        assert_eq!(case.case.state, "papers");
    });
}

#[test]
fn a_reviewer_who_is_faster_than_the_news_of_the_payment_loses_no_invoice() {
    on_both::<Fujian>("fujian", |runner| {
        let mut case = unit(runner);
        case.fire("submit").unwrap();
        case.ordered(yuan(280));
        case.world.balance.standing = Standing::Paid;
        case.fire("accept").unwrap();
        assert_eq!(case.case.state, "papers");
        let effects = case.pay_by("transferred", Method::BankTransfer).unwrap();
        assert!(effects.contains(&Effect::Invoice));
        assert_eq!(case.case.state, "papers");
    });
}

#[test]
fn a_person_s_number_is_not_in_the_certificate() {
    on_both::<Fujian>("fujian", |runner| {
        let mut case = person(runner);
        case.answer("years", "3");
        case.fire("submit").unwrap();
        case.ordered(case.price());
        case.pay_by("transferred", Method::BankTransfer).unwrap();
        case.fire("accept").unwrap();
        case.fire("papers-pass").unwrap();
        let effects = case
            .fire_with("make", &[("certificate-request", "-----BEGIN")])
            .unwrap();
        let [Effect::Issue(request)] = effects.as_slice() else {
            panic!("{effects:?}")
        };
        assert_eq!(request.months, 36);
        let number = case.case.text("number");
        assert!(!number.is_empty());
        assert!(
            request
                .subject
                .iter()
                .all(|attribute| attribute.value != number)
        );
        assert!(
            request
                .subject
                .iter()
                .any(|a| a.name == "CN" && a.value == "林雅婷")
        );
    });
}

#[test]
fn the_form_is_printed_until_the_certificate_is_made() {
    on_both::<Fujian>("fujian", |runner| {
        let definition = runner.describe();
        for form in ["enterprise-form", "personal-form"] {
            let form = definition.documents.iter().find(|d| d.id == form).unwrap();
            let printed = |state: &str| form.states.iter().any(|one| one == state);
            assert!(
                ["draft", "submitted", "accepted", "papers", "making"]
                    .into_iter()
                    .all(printed)
            );
            assert!(!["issuing", "ready", "sent"].into_iter().any(printed));
        }
        let prints = |service: &str| {
            let service = definition
                .services
                .iter()
                .find(|s| s.id == service)
                .unwrap();
            service.steps.iter().any(|step| step.id == "print")
        };
        assert!(prints("new-enterprise") && prints("new-personal"));
        assert!(!prints("renew-enterprise") && !prints("renew-personal"));
    });
}

#[test]
fn a_reopened_application_is_corrected_and_keeps_its_money() {
    on_both::<Fujian>("fujian", |runner| {
        let mut case = unit(runner);
        case.fire("submit").unwrap();
        case.fire("accept").unwrap();
        case.ordered(yuan(280));
        case.pay_by("transferred", Method::BankTransfer).unwrap();
        case.fire_with("reopen", &[("reason", "经办人换人")])
            .unwrap();
        assert_eq!(case.case.state, "returned");
        assert!(!case.state().open_steps.is_empty());
        case.answer("handler-name", "陈国栋");
        case.fire("submit").unwrap();
        case.fire("accept").unwrap();
        assert_eq!(case.case.state, "papers", "nobody pays twice");
    });
}
