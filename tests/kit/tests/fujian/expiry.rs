//! Warnings before a certificate's end, and what follows it (manual row F-12).

use crate::people::{told, unit};
use std::sync::Arc;
use yinxin_kit::{Journey, Runner, on_both};
use yinxin_plugin_fujian::Fujian;
use yinxin_sdk::certificates::Standing;
use yinxin_sdk::definition::{Actor, TimerBase};
use yinxin_sdk::fake::Effect;
use yinxin_sdk::{Method, yuan};

const WARNINGS: [&str; 3] = ["warn-early", "warn", "warn-last"];

fn sent(runner: Arc<dyn Runner>) -> Journey {
    let mut case = unit(runner);
    case.fire("submit").unwrap();
    case.ordered(yuan(280));
    case.pay_by("transferred", Method::BankTransfer).unwrap();
    case.fire("accept").unwrap();
    case.fire("papers-pass").unwrap();
    case.fire_with("make", &[("certificate-request", "-----BEGIN")])
        .unwrap();
    case.receive_certificate("issued").unwrap();
    let sent = [("courier", "EMS"), ("tracking-number", "1200000000009")];
    case.fire_with("ship", &sent).unwrap();
    case
}

#[test]
fn the_timers_are_those_of_the_manual() {
    on_both::<Fujian>("fujian", |runner| {
        for lifecycle in runner.describe().lifecycles {
            let mut days: Vec<i32> = lifecycle
                .transitions
                .iter()
                .filter_map(|transition| match &transition.actor {
                    Actor::Timer(timer) if timer.base == TimerBase::CertificateExpiry => {
                        Some(timer.days)
                    }
                    _ => None,
                })
                .collect();
            days.sort_unstable();
            assert_eq!(days, [-60, -30, -7, 0, 90]);
        }
    });
}

#[test]
fn a_holder_is_warned_three_times_and_the_certificate_revoked_ninety_days_after_its_end() {
    on_both::<Fujian>("fujian", |runner| {
        let mut case = sent(runner);
        for warning in WARNINGS {
            let effects = case.fire(warning).unwrap();
            assert_eq!(told(&effects), ["expiring", "expiring-mail"]);
            let day = effects.iter().find_map(|effect| match effect {
                Effect::Send { parameters, .. } => {
                    parameters.iter().find(|(name, _)| name == "day")
                }
                _ => None,
            });
            assert_eq!(day.unwrap().1, "2027-11-20");
            assert_eq!(case.case.state, "sent");
        }
        let effects = case.fire("expire").unwrap();
        assert_eq!(told(&effects), ["expired", "expired-mail"]);
        assert_eq!(case.case.state, "sent");

        let effects = case.fire("revoke").unwrap();
        assert!(
            effects
                .iter()
                .any(|e| matches!(e, Effect::Revoke { serial, .. } if serial == "5a01"))
        );
        assert_eq!(told(&effects), ["revoked", "revoked-mail"]);
        assert_eq!(case.state().applicant_label, "已注销");
    });
}

#[test]
fn nobody_is_warned_of_a_certificate_that_was_renewed() {
    on_both::<Fujian>("fujian", |runner| {
        let mut case = sent(runner);
        case.world
            .storage
            .insert("renewed/5a01".into(), b"6b02".to_vec());
        for warning in WARNINGS {
            assert_eq!(case.fire(warning).unwrap(), []);
        }
        assert_eq!(case.fire("expire").unwrap(), []);
        assert_eq!(case.state().applicant_label, "已续费");
    });
}

#[test]
fn a_renewal_in_the_days_of_grace_saves_it_from_being_revoked() {
    on_both::<Fujian>("fujian", |runner| {
        let mut case = sent(runner);
        case.fire("expire").unwrap();
        case.world
            .storage
            .insert("renewed/5a01".into(), b"6b02".to_vec());
        assert_eq!(case.fire("revoke").unwrap(), []);
        assert_eq!(case.case.state, "renewed");
    });
}

#[test]
fn what_was_revoked_before_is_not_revoked_again() {
    on_both::<Fujian>("fujian", |runner| {
        let mut case = sent(runner);
        case.world.certificates[0].standing = Standing::Revoked;
        assert_eq!(case.fire("warn").unwrap(), []);
        assert_eq!(case.fire("expire").unwrap(), []);
        assert_eq!(case.fire("revoke").unwrap(), []);
        assert_eq!(case.case.state, "revoked");
    });
}
