//! What may be one order, what it costs and how it is paid (manual rows F-4, F-6, F-7 and F-10).

use crate::people::{OTHER_UNIT, OTHER_USCC, UNIT, of_a_unit, only, person, renewal, unit};
use yinxin_kit::on_both;
use yinxin_plugin_fujian::Fujian;
use yinxin_sdk::{Fen, Method, yuan};

const ONLINE_TOO: [Method; 3] = [Method::BankTransfer, Method::Wechat, Method::Alipay];

#[test]
fn prices_by_kind_and_years() {
    on_both::<Fujian>("fujian", |runner| {
        let mut case = unit(runner.clone());
        // Certificate, key and postage.
        for (years, price) in [
            ("1", 200 + 60 + 20),
            ("2", 400 + 60 + 20),
            ("3", 540 + 60 + 20),
        ] {
            case.answer("years", years);
            assert_eq!(case.price(), yuan(price), "{years}");
        }
        let mut case = person(runner.clone());
        case.answer("years", "3");
        assert_eq!(case.price(), yuan(270 + 60 + 20));
        assert_eq!(
            renewal(runner, "2026-12-01").price(),
            yuan(200 + 20),
            "the key is there"
        );
    });
}

#[test]
fn postage_is_paid_once_and_lines_name_their_case() {
    on_both::<Fujian>("fujian", |runner| {
        let case = unit(runner);
        let mut other = case.another("case-2");
        of_a_unit(&mut other);
        let quotation = case.quote_with(&[&other]).unwrap();
        assert_eq!(Fen(quotation.shipping), yuan(20));
        assert_eq!(quotation.total(), yuan(260 + 260 + 20));
        let share = |id: &str| {
            let lines = quotation.lines.iter().filter(|line| line.case_id == id);
            lines.map(|line| line.amount).sum::<i64>()
        };
        assert_eq!(
            (Fen(share("case-1")), Fen(share("case-2"))),
            (yuan(260), yuan(260))
        );
    });
}

#[test]
fn a_new_certificate_in_it_makes_an_order_payable_by_transfer_only() {
    on_both::<Fujian>("fujian", |runner| {
        let new = unit(runner.clone());
        let renewal = renewal(runner, "2026-12-01");
        let methods = |quotation: yinxin_sdk::Quotation| quotation.methods;
        assert_eq!(
            methods(new.quote_with(&[]).unwrap()),
            [Method::BankTransfer]
        );
        assert_eq!(methods(renewal.quote_with(&[]).unwrap()), ONLINE_TOO);
        assert_eq!(
            methods(renewal.quote_with(&[&new]).unwrap()),
            [Method::BankTransfer]
        );
        assert_eq!(
            methods(new.quote_with(&[&renewal]).unwrap()),
            [Method::BankTransfer]
        );
    });
}

#[test]
fn two_units_are_no_order_and_both_are_named() {
    on_both::<Fujian>("fujian", |runner| {
        let case = unit(runner.clone());
        let mut other = case.another("case-2");
        of_a_unit(&mut other);
        other.answer("unit-name", OTHER_UNIT);
        other.answer("uscc", OTHER_USCC);
        let problem = only(case.quote_with(&[&other]).unwrap_err());
        assert!(
            problem.message.contains(UNIT) && problem.message.contains(OTHER_UNIT),
            "{problem:?}"
        );
        assert!(problem.message.contains(&other.case.number));

        let problem = only(case.quote_with(&[&person(runner)]).unwrap_err());
        assert!(problem.message.contains("林雅婷"), "{problem:?}");
    });
}

#[test]
fn an_order_has_its_size() {
    on_both::<Fujian>("fujian", |runner| {
        let case = unit(runner);
        let others: Vec<_> = (2..=17)
            .map(|n| case.another(&format!("case-{n}")))
            .collect();
        let filled: Vec<_> = others
            .into_iter()
            .map(|mut other| {
                of_a_unit(&mut other);
                other
            })
            .collect();
        let all: Vec<_> = filled.iter().collect();
        let sixteen = case.quote_with(&all[..15]).unwrap();
        assert!(sixteen.lines.len() <= 32);
        assert!(case.quote_with(&all).is_err());
    });
}

#[test]
fn an_application_is_edited_while_it_waits_and_not_afterwards() {
    on_both::<Fujian>("fujian", |runner| {
        let mut case = unit(runner);
        case.fire("submit").unwrap();
        assert!(case.state().open_steps.contains(&"application".to_owned()));
        case.answer("handler-name", "陈国栋");
        case.answer("years", "2");
        assert_eq!(case.problems_at("application"), []);
        // An order that nobody has paid follows its cases.
        case.ordered(yuan(280));
        assert_eq!(case.problems_at("application"), []);
        case.fire("accept").unwrap();
        assert_eq!(case.state().open_steps, ["print"]);
    });
}

#[test]
fn what_was_paid_keeps_its_price_and_its_holder() {
    on_both::<Fujian>("fujian", |runner| {
        // The share of a case among others, and of one that is alone with the postage.
        for share in [yuan(260), yuan(280)] {
            let mut case = unit(runner.clone());
            case.fire("submit").unwrap();
            case.ordered(share);
            case.pay_by("transferred", Method::BankTransfer).unwrap();
            assert_eq!(case.problems_at("application"), []);
            case.answer("years", "2");
            let problem = only(case.problems_at("application"));
            assert_eq!(problem.item.as_deref(), Some("years"));
            case.answer("years", "1");
            case.answer("uscc", OTHER_USCC);
            let problem = only(case.problems_at("application"));
            assert_eq!(problem.item.as_deref(), Some("uscc"));
            assert!(
                case.fire("accept").is_err(),
                "not even a reviewer lets it through"
            );
        }
    });
}

#[test]
fn receipts_say_what_to_send_by_kind_and_payment() {
    on_both::<Fujian>("fujian", |runner| {
        let definition = runner.describe();
        let receipts = |service: &str, method: Method| -> Vec<String> {
            let service = definition
                .services
                .iter()
                .find(|s| s.id == service)
                .unwrap();
            let offered = service.receipts.iter();
            offered
                .filter(|receipt| receipt.methods.is_empty() || receipt.methods.contains(&method))
                .map(|receipt| receipt.document.clone())
                .collect()
        };
        assert_eq!(
            receipts("new-enterprise", Method::BankTransfer),
            ["receipt-enterprise"]
        );
        assert_eq!(
            receipts("new-personal", Method::BankTransfer),
            ["receipt-personal"]
        );
        for service in ["renew-enterprise", "renew-personal"] {
            assert_eq!(
                receipts(service, Method::BankTransfer),
                ["receipt-renewal-transfer"]
            );
            assert_eq!(receipts(service, Method::Wechat), ["receipt-renewal"]);
            assert_eq!(receipts(service, Method::Alipay), ["receipt-renewal"]);
        }
    });
}
