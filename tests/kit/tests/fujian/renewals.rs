//! Renewals: what they ask of their certificate, and a whole one paid online (manual rows F-9, F-11 and F-12).

use crate::people::{UNIT, begin_from, certificate, only, renewal, told};
use yinxin_kit::{Journey, on_both};
use yinxin_plugin_fujian::Fujian;
use yinxin_sdk::definition::{Actor, Role};
use yinxin_sdk::fake::Effect;
use yinxin_sdk::{Method, yuan};

#[test]
fn a_renewal_begins_with_what_its_certificate_says() {
    on_both::<Fujian>("fujian", |runner| {
        let case = renewal(runner, "2026-12-01");
        assert_eq!(case.case.text("unit-name"), UNIT);
        assert_eq!(case.case.text("region"), "福建省 福州市");
        assert_eq!(case.case.text("certificate-serial"), "1f2e");
        assert_eq!(case.case.text("certificate-until"), "2026-12-01");
        assert_eq!(case.problems_at("application"), []);
    });
}

#[test]
fn a_renewal_paid_online_is_invoiced_when_the_work_is_done() {
    on_both::<Fujian>("fujian", |runner| {
        for method in [Method::Wechat, Method::Alipay] {
            let mut case = renewal(runner.clone(), "2026-12-01");
            case.fire("submit").unwrap();
            assert_eq!(case.world.storage["renewing/1f2e"], b"case-1");
            case.fire("accept").unwrap();
            case.ordered(yuan(220));
            let effects = case.pay_by("paid", method).unwrap();
            assert!(!effects.contains(&Effect::Invoice));
            assert_eq!(case.state().applicant_label, "待收 KEY");
            let posted = [("posted-by", "EMS"), ("posted-number", "1200000000001")];
            case.fire_with("post", &posted).unwrap();
            assert!(case.note.contains("KEY"));
            case.fire("papers-pass").unwrap();
            case.fire_with("make", &[("certificate-request", "-----BEGIN")])
                .unwrap();
            case.receive_certificate("issued").unwrap();
            assert_eq!(case.world.storage.len(), 1);
            assert_eq!(case.world.storage["renewed/1f2e"], b"5a01");
            let sent = [("courier", "EMS"), ("tracking-number", "1200000000009")];
            let effects = case.fire_with("ship", &sent).unwrap();
            assert!(effects.contains(&Effect::Invoice), "{method:?}");
            assert_eq!(told(&effects), ["sent", "sent-mail"]);
        }
    });
}

#[test]
fn a_certificate_is_renewed_once_at_a_time_and_once_for_good() {
    on_both::<Fujian>("fujian", |runner| {
        let mut first = renewal(runner, "2026-12-01");
        let mut second = first.another("case-2");
        begin_from(&mut second, &certificate("2026-12-01"));
        first.fire("submit").unwrap();
        second.world.storage.clone_from(&first.world.storage);
        let problem = only(second.problems_at("application"));
        assert!(problem.message.contains("正在办理"), "{problem:?}");
        assert!(second.fire("submit").is_err());

        first
            .fire_with("withdraw", &[("withdraw-reason", "不办了")])
            .unwrap();
        second.world.storage.clone_from(&first.world.storage);
        second.fire("submit").unwrap();

        second
            .world
            .storage
            .insert("renewed/1f2e".into(), b"5a01".to_vec());
        let problem = only(second.problems_at("application"));
        assert!(problem.message.contains("已经续费过"), "{problem:?}");
    });
}

#[test]
fn a_renewal_that_was_sent_back_keeps_nobody_from_renewing() {
    on_both::<Fujian>("fujian", |runner| {
        let mut stranger = renewal(runner, "2026-12-01");
        let mut holder = stranger.another("case-2");
        begin_from(&mut holder, &certificate("2026-12-01"));
        stranger.fire("submit").unwrap();
        stranger
            .judge("return", &[("business-licence", "不是本单位的")])
            .unwrap();
        holder.world.storage.clone_from(&stranger.world.storage);
        holder.fire("submit").unwrap();
        stranger.world.storage.clone_from(&holder.world.storage);
        let problem = only(stranger.problems_at("application"));
        assert!(problem.message.contains("正在办理"), "{problem:?}");
        assert_eq!(holder.world.storage["renewing/1f2e"], b"case-2");
    });
}

#[test]
fn what_stands_in_the_certificate_is_not_to_be_changed() {
    on_both::<Fujian>("fujian", |runner| {
        let mut case = renewal(runner, "2026-12-01");
        case.answer("certificate-serial", "ffff");
        let problem = only(case.problems_at("application"));
        let offer = problem.offer.unwrap();
        assert_eq!(
            (&*offer.field, &*offer.value),
            ("certificate-serial", "1f2e")
        );
        case.answer(&offer.field, &offer.value);
        assert_eq!(case.problems_at("application"), []);

        case.answer("unit-name", "改名以后的公司");
        let problem = only(case.problems_at("application"));
        assert_eq!(problem.item.as_deref(), Some("unit-name"));
        assert!(problem.message.contains(UNIT), "{problem:?}");
    });
}

#[test]
fn no_applicant_is_asked_for_what_the_host_has_read() {
    on_both::<Fujian>("fujian", |runner| {
        let definition = runner.describe();
        let asks = |form: &str| {
            let form = definition
                .forms
                .iter()
                .find(|known| known.id == form)
                .unwrap();
            let mut fields = form.sections.iter().flat_map(|section| &section.fields);
            fields.any(|field| field.name.starts_with("from-"))
        };
        for service in &definition.services {
            for step in &service.steps {
                if let yinxin_sdk::definition::StepContent::Form(form) = &step.content {
                    assert!(!asks(form), "{form}");
                }
            }
        }
        let transitions = definition
            .lifecycles
            .iter()
            .flat_map(|lifecycle| &lifecycle.transitions);
        for transition in transitions {
            if transition.input.as_deref().is_some_and(asks) {
                let by = [Role::Administrator, Role::Maker].map(Actor::Clerk);
                assert!(by.contains(&transition.actor), "{}", transition.id);
            }
        }
    });
}

#[test]
fn ninety_days_after_its_end_a_certificate_has_to_be_a_new_one() {
    on_both::<Fujian>("fujian", |runner| {
        // It is 2026-11-20.
        let last_day = renewal(runner.clone(), "2026-08-22");
        assert_eq!(last_day.problems_at("application"), []);
        let too_late = renewal(runner.clone(), "2026-08-21");
        assert!(
            only(too_late.problems_at("application"))
                .message
                .contains("新办")
        );
        for (standing, word) in [("revoked", "注销"), ("held", "冻结")] {
            let mut case = renewal(runner.clone(), "2026-12-01");
            case.answer("from-standing", standing);
            assert!(only(case.problems_at("application")).message.contains(word));
        }
    });
}

#[test]
fn a_renewal_without_a_certificate_gets_nowhere() {
    on_both::<Fujian>("fujian", |runner| {
        let mut case = Journey::begin(runner, "renew-enterprise");
        crate::people::of_a_unit(&mut case);
        assert!(
            only(case.problems_at("application"))
                .message
                .contains("选择证书")
        );
        assert!(case.fire("submit").is_err());
    });
}

#[test]
fn a_person_s_renewal_is_of_the_person_s_certificate() {
    on_both::<Fujian>("fujian", |runner| {
        let mut case = Journey::begin(runner, "renew-personal");
        begin_from(&mut case, &certificate("2026-12-01"));
        assert!(
            only(case.problems_at("application"))
                .message
                .contains("企业证书")
        );

        let own = [
            ("serial", "2a2b"),
            ("not-after", "2026-12-01"),
            ("standing", "valid"),
            ("subject.CN", "林雅婷"),
        ];
        let mut case = case.another("case-2");
        begin_from(&mut case, &own);
        assert_eq!(case.problems_at("application"), []);
        case.answer("name", "林雅静");
        assert_eq!(
            only(case.problems_at("application")).item.as_deref(),
            Some("name")
        );
    });
}

#[test]
fn a_key_that_was_mixed_up_is_noticed() {
    on_both::<Fujian>("fujian", |runner| {
        let mut case = renewal(runner, "2026-12-01");
        case.fire("submit").unwrap();
        case.fire("accept").unwrap();
        case.ordered(yuan(220));
        case.pay("paid").unwrap();
        case.fire("papers-pass").unwrap();
        let request = ("certificate-request", "-----BEGIN");
        let problem = only(
            case.fire_with("make", &[("from-serial", "77"), request])
                .unwrap_err(),
        );
        assert_eq!(problem.item.as_deref(), Some("from-serial"));
        case.fire_with("make", &[("from-serial", "00:1F:2E"), request])
            .unwrap();
        assert_eq!(case.case.text("from-serial"), "1f2e");
        case.receive_certificate("issued").unwrap();
        assert!(case.world.storage.contains_key("renewed/1f2e"));
    });
}

#[test]
fn an_administrator_puts_right_what_was_read_of_the_certificate() {
    on_both::<Fujian>("fujian", |runner| {
        let mut case = renewal(runner, "2026-12-01");
        case.fire("submit").unwrap();
        case.answer("unit-name", "福州榕城科技有限公司（原榕城科技）");
        assert!(case.fire("accept").is_err());
        let correction = [
            ("from-name", "福州榕城科技有限公司（原榕城科技）"),
            ("from-until", "2026-12-31"),
            ("from-standing", "valid"),
        ];
        case.fire_with("correct-certificate", &correction).unwrap();
        assert_eq!(case.case.state, "submitted");
        assert_eq!(case.case.text("certificate-until"), "2026-12-31");
        assert_eq!(
            case.case.text("from-serial"),
            "1f2e",
            "it stays the same certificate"
        );
        case.fire("accept").unwrap();
    });
}
