//! The project Yingtan (manual rows J-1 to J-11), natively and in the sandbox.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::sync::Arc;
use yinxin_kit::{Journey, Runner, findings, on_both};
use yinxin_plugin_yingtan::Yingtan;
use yinxin_sdk::definition::{Condition, Document, FileFormat, Material};
use yinxin_sdk::fake::Effect;
use yinxin_sdk::identity::Standing as CheckStanding;
use yinxin_sdk::payments::Standing;
use yinxin_sdk::{Method, Problem};

const USCC: &str = "91360600MA35XK4C1Q";
const UNIT: &str = "鹰潭某某建设工程有限公司";
const MAIN_KEY: &str = "main-key/91360600MA35XK4C1Q";

/// An application with everything answered, by the account of the unit.
fn applicant(runner: Arc<dyn Runner>, lock_kind: &str) -> Journey {
    let mut case = Journey::begin(runner, "new-certificate");
    for (field, value) in [
        ("unit-name", UNIT),
        ("uscc", USCC),
        ("mobile", "13907010001"),
    ] {
        case.profile(field, value);
    }
    case.world.account_mobile = "13907010001".into();
    fill(&mut case, lock_kind);
    case
}

fn fill(case: &mut Journey, lock_kind: &str) {
    for (field, value) in [
        ("lock-kind", lock_kind),
        ("unit-name", UNIT),
        ("uscc", USCC),
        ("legal-name", "王㛃"),
        ("legal-number", "360602198001010017"),
        ("handler-name", "李明"),
        ("handler-number", "360602199002020028"),
        ("handler-mobile", "13907010002"),
        ("invoice-title", UNIT),
        ("tax-number", USCC),
        ("invoice-email", "finance@example.com"),
        ("recipient-name", "李明"),
        ("recipient-mobile", "13907010002"),
        ("recipient-address", "江西省鹰潭市月湖区示范路 1 号"),
    ] {
        case.answer(field, value);
    }
}

/// Messages of the effects: id and recipient.
fn told(effects: &[Effect]) -> Vec<(&str, &str)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Send { message, to, .. } => Some((message.as_str(), to.as_str())),
            _ => None,
        })
        .collect()
}

fn parameter<'a>(effects: &'a [Effect], name: &str) -> &'a str {
    let parameters = effects.iter().filter_map(|effect| match effect {
        Effect::Send { parameters, .. } => Some(parameters),
        _ => None,
    });
    let mut parameters = parameters.flatten();
    let found = parameters.find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value)
}

/// As far as the papers' review, paid.
fn to_paper_review(case: &mut Journey) {
    case.fire("submit").unwrap();
    case.fire("pass").unwrap();
    case.pay("paid").unwrap();
    let posted = [("posted-by", "顺丰"), ("posted-number", "SF1300000000001")];
    case.fire_with("post", &posted).unwrap();
}

fn only(problems: Vec<Problem>) -> Problem {
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.into_iter().next().unwrap()
}

#[test]
fn the_lint_finds_nothing() {
    on_both::<Yingtan>("yingtan", |runner| {
        assert_eq!(findings(&runner.describe()), []);
    });
}

#[test]
fn both_sides_have_the_same_definition() {
    let native = yinxin_kit::Native::<Yingtan>::new().describe();
    let sandboxed = yinxin_kit::Sandboxed::shared("yingtan").describe();
    assert!(
        native == sandboxed,
        "the component is not what these tests were compiled with"
    );
}

#[test]
fn a_main_key_costs_220_and_a_sub_key_190() {
    on_both::<Yingtan>("yingtan", |runner| {
        for (kind, price) in [("main", "220.00"), ("sub", "190.00")] {
            let mut case = applicant(runner.clone(), kind);
            assert_eq!(case.price().to_string(), price);
            case.fire("submit").unwrap();
            let effects = case.fire("pass").unwrap();
            assert_eq!(case.case.state, "to-pay");
            assert!(case.state().payable);
            let requested = effects.iter().find_map(|effect| match effect {
                Effect::RequestPayment { lines, methods } => Some((lines, methods)),
                _ => None,
            });
            let (lines, methods) = requested.unwrap();
            assert_eq!(
                lines.iter().map(|line| line.amount).sum::<i64>(),
                case.price().0
            );
            assert_eq!(
                *methods,
                [Method::Wechat, Method::Alipay],
                "no bank transfer"
            );
            assert_eq!(parameter(&effects, "amount"), price);
        }
    });
}

#[test]
fn the_profile_fills_in_the_form() {
    on_both::<Yingtan>("yingtan", |runner| {
        let mut case = applicant(runner, "main");
        case.profile("recipient-address", "江西省鹰潭市月湖区示范路 1 号");
        let first = case.prefilled();
        let value = |name: &str| {
            let found = first.iter().find(|entry| entry.name == name);
            found.map_or("", |entry| entry.value.as_str())
        };
        assert_eq!(value("unit-name"), UNIT);
        assert_eq!(value("tax-number"), USCC);
        assert_eq!(value("invoice-title"), UNIT);
        assert_eq!(value("handler-mobile"), "13907010001");
        assert_eq!(value("recipient-mobile"), "13907010001");
        assert_eq!(value("recipient-address"), "江西省鹰潭市月湖区示范路 1 号");
        assert!(first.iter().all(|entry| !entry.value.is_empty()));
    });
}

#[test]
fn a_second_main_key_is_refused_with_the_offer_of_a_sub_key() {
    on_both::<Yingtan>("yingtan", |runner| {
        let mut first = applicant(runner, "main");
        first.fire("submit").unwrap();

        let mut second = first.another("case-2");
        fill(&mut second, "main");
        for problems in [
            second.problems_at("order"),
            second.fire("submit").unwrap_err(),
        ] {
            let problem = only(problems);
            assert_eq!(problem.item.as_deref(), Some("lock-kind"));
            let offer = problem.offer.unwrap();
            assert_eq!((&*offer.field, &*offer.value), ("lock-kind", "sub"));
            second.answer(&offer.field, &offer.value);
            assert!(second.problems_at("order").is_empty());
            second.answer("lock-kind", "main");
        }
        assert_eq!(second.case.state, "draft");

        second.answer("lock-kind", "sub");
        second.fire("submit").unwrap();
        assert_eq!(second.case.state, "first-review");
    });
}

#[test]
fn the_reservation_refuses_though_the_guard_saw_nothing() {
    on_both::<Yingtan>("yingtan", |runner| {
        let mut first = applicant(runner.clone(), "main");
        let mut second = first.another("case-2");
        fill(&mut second, "main");
        first.fire("submit").unwrap();
        // As if the guard had run before the first case was submitted: `handle` alone has to decide.
        second.world.storage.clone_from(&first.world.storage);
        let event = yinxin_sdk::Event {
            transition: "submit".into(),
            at: yinxin_sdk::Moment {
                now: 0,
                today: "2026-11-20".into(),
            },
            actor: String::new(),
            input: Vec::new(),
            judgements: Vec::new(),
            fact: yinxin_sdk::Fact::None,
        };
        let before = second.world.storage.clone();
        let declined = runner.handle(&mut second.world, &second.case, &event);
        assert!(only(declined.unwrap_err()).offer.is_some());
        assert_eq!(second.world.storage, before);
    });
}

#[test]
fn an_application_is_for_the_account_s_own_unit() {
    on_both::<Yingtan>("yingtan", |runner| {
        let mut case = applicant(runner, "sub");
        case.answer("uscc", "91360600MA35XK4C2N");
        case.answer("unit-name", "别的公司");
        let items: Vec<_> = case
            .problems_at("order")
            .into_iter()
            .map(|p| p.item.unwrap())
            .collect();
        assert_eq!(items, ["unit-name", "uscc"]);
        assert_eq!(case.fire("submit").unwrap_err().len(), 2);
    });
}

#[test]
fn a_sub_key_needs_no_seal_impression_sheet() {
    on_both::<Yingtan>("yingtan", |runner| {
        let definition = runner.describe();
        let main_only = Some(Condition {
            field: "lock-kind".into(),
            values: vec!["main".into()],
        });
        let conditional: Vec<&Material> = definition
            .materials
            .iter()
            .filter(|m| m.shown_when.is_some())
            .collect();
        assert_eq!(conditional.len(), 1);
        assert_eq!(
            (&*conditional[0].id, &conditional[0].shown_when),
            ("seal-sheet", &main_only)
        );
        let sheet: &Document = definition
            .documents
            .iter()
            .find(|d| d.id == "seal-sheet")
            .unwrap();
        assert_eq!(sheet.shown_when, main_only);
    });
}

#[test]
fn uploads_are_pictures_of_at_most_one_megabyte() {
    on_both::<Yingtan>("yingtan", |runner| {
        for material in runner.describe().materials {
            assert_eq!(
                material.formats,
                [FileFormat::Jpeg, FileFormat::Png, FileFormat::Bmp]
            );
            assert_eq!(material.max_bytes, 1 << 20, "{}", material.id);
        }
    });
}

#[test]
fn a_refused_review_tells_the_handler_and_opens_the_steps_again() {
    on_both::<Yingtan>("yingtan", |runner| {
        let mut case = applicant(runner, "main");
        case.fire("submit").unwrap();
        assert!(
            case.judge("refuse", &[]).is_err(),
            "a refusal needs an item"
        );
        let effects = case
            .judge("refuse", &[("business-licence", "图片不清晰")])
            .unwrap();
        assert_eq!(told(&effects), [("refused", "13907010002")]);
        assert_eq!(parameter(&effects, "number"), case.case.number);
        assert_eq!(case.case.state, "to-correct");
        assert!(case.state().open_steps.contains(&"materials".to_owned()));

        case.fire("submit").unwrap();
        assert!(
            case.judge("pass", &[("business-licence", "图片不清晰")])
                .is_err()
        );
        let effects = case.fire("pass").unwrap();
        assert_eq!(told(&effects), [("passed", "13907010002")]);
    });
}

#[test]
fn deleting_releases_the_main_key_and_voids_letter_and_check() {
    on_both::<Yingtan>("yingtan", |runner| {
        let mut case = applicant(runner, "main");
        let check = "legal-representative".to_owned();
        case.world
            .checks
            .insert(check.clone(), CheckStanding::Passed);
        case.fire("submit").unwrap();
        assert_eq!(case.world.storage[MAIN_KEY], b"case-1");
        case.judge("refuse", &[("unit", "名称不符")]).unwrap();

        let effects = case.fire("delete").unwrap();
        assert!(case.state().ends);
        assert!(case.world.storage.is_empty());
        assert!(effects.contains(&Effect::VoidCheck(check)));
        assert!(effects.contains(&Effect::VoidPaper("authorisation-letter".into())));

        let mut again = case.another("case-2");
        fill(&mut again, "main");
        again.fire("submit").unwrap();
        assert_eq!(again.world.storage[MAIN_KEY], b"case-2");
    });
}

#[test]
fn correcting_a_main_key_to_a_sub_key_releases_it() {
    on_both::<Yingtan>("yingtan", |runner| {
        let mut case = applicant(runner, "main");
        case.fire("submit").unwrap();
        case.judge("refuse", &[("lock", "请改办副锁")]).unwrap();
        case.answer("lock-kind", "sub");
        case.fire("submit").unwrap();
        assert!(case.world.storage.is_empty());
    });
}

#[test]
fn deleting_a_case_leaves_another_one_s_main_key() {
    on_both::<Yingtan>("yingtan", |runner| {
        let mut first = applicant(runner, "main");
        first.fire("submit").unwrap();
        let mut second = first.another("case-2");
        fill(&mut second, "main");
        second.fire("delete").unwrap();
        assert_eq!(second.world.storage[MAIN_KEY], b"case-1");
    });
}

#[test]
fn the_whole_way_to_an_invoice() {
    on_both::<Yingtan>("yingtan", |runner| {
        let mut case = applicant(runner, "main");
        case.fire("submit").unwrap();
        case.fire("pass").unwrap();
        let effects = case.pay("paid").unwrap();
        assert_eq!(told(&effects), [("paid", "13907010002")]);
        assert_eq!(parameter(&effects, "amount"), "220.00");

        let posted = [("posted-by", "顺丰"), ("posted-number", "SF1300000000001")];
        case.fire_with("post", &posted).unwrap();
        let again = [
            ("called-person", "李明"),
            ("called-phone", "13907010002"),
            ("papers-again", "签章采集表印模不清晰，请重新盖章后寄来"),
        ];
        let effects = case.fire_with("papers-refuse", &again).unwrap();
        assert_eq!(told(&effects), [("papers-refused", "13907010002")]);
        assert!(case.note.contains("签章采集表"));
        assert_eq!(case.case.text("called-person"), "李明");

        case.fire_with(
            "post",
            &[("posted-by", "EMS"), ("posted-number", "1200000000002")],
        )
        .unwrap();
        case.fire("papers-pass").unwrap();
        let due = case.state().due.unwrap();
        assert_eq!((due.days, due.working), (2, true));

        let effects = case
            .fire_with("make", &[("certificate-request", "-----BEGIN")])
            .unwrap();
        let [Effect::Issue(request)] = effects.as_slice() else {
            panic!("{effects:?}")
        };
        assert_eq!(request.months, 12);
        let named = |name: &str| {
            let found = request
                .subject
                .iter()
                .find(|attribute| attribute.name == name);
            found.map_or("", |attribute| attribute.value.as_str())
        };
        assert_eq!((named("O"), named("serialNumber")), (UNIT, USCC));

        case.fail("issue-failed", &"签发机构没有响应".repeat(200))
            .unwrap();
        assert_eq!(case.case.state, "to-make");
        assert!(case.note.contains("没有响应"));
        case.fire_with("make", &[("certificate-request", "-----BEGIN")])
            .unwrap();
        case.receive_certificate("issued").unwrap();
        assert_eq!(
            case.world.storage[MAIN_KEY], b"issued/case-1",
            "never released again"
        );

        let effects = case
            .fire_with("ship", &[("tracking-number", "SF1300000000009")])
            .unwrap();
        assert_eq!(told(&effects), [("shipped", "13907010002")]);
        assert_eq!(parameter(&effects, "tracking"), "SF1300000000009");

        let invoice = [
            ("invoice-number", "26362000000012345678"),
            ("invoice-file", "file-1"),
        ];
        let effects = case.fire_with("invoice", &invoice).unwrap();
        assert_eq!(told(&effects), [("invoice", "finance@example.com")]);
        assert_eq!(case.case.text("invoice-file"), "file-1");
        assert!(case.state().ends);

        let mut second = case.another("case-2");
        fill(&mut second, "main");
        assert!(
            only(second.problems_at("order")).offer.is_some(),
            "one main key, ever"
        );
    });
}

#[test]
fn an_application_that_nobody_pays_is_closed_and_gives_the_main_key_back() {
    on_both::<Yingtan>("yingtan", |runner| {
        let mut case = applicant(runner, "main");
        case.fire("submit").unwrap();
        case.fire("pass").unwrap();
        let effects = case.fire("unpaid").unwrap();
        assert!(effects.contains(&Effect::CancelPayment));
        assert!(case.world.storage.is_empty());
        assert_eq!(case.case.state, "cancelled");
    });
}

#[test]
fn cancelling_after_the_payment_gives_the_money_and_the_main_key_back() {
    on_both::<Yingtan>("yingtan", |runner| {
        let mut case = applicant(runner, "main");
        to_paper_review(&mut case);
        let effects = case
            .fire_with("cancel", &[("reason", "申请人要求取消")])
            .unwrap();
        let refund = Effect::Refund {
            amount: 22000,
            reason: "申请人要求取消".into(),
        };
        assert!(effects.contains(&refund), "{effects:?}");
        assert_eq!(told(&effects), [("cancelled", "13907010002")]);
        assert!(case.world.storage.is_empty());
        assert_eq!(case.case.state, "refunding");
        case.world.balance.standing = Standing::Refunded;
        case.fire("refunded").unwrap();
        assert_eq!(case.case.state, "cancelled");
    });
}

#[test]
fn what_was_paid_for_cannot_be_changed_after_a_send_back() {
    on_both::<Yingtan>("yingtan", |runner| {
        let mut case = applicant(runner, "main");
        to_paper_review(&mut case);
        case.fire_with("send-back", &[("reason", "经办人有变更")])
            .unwrap();
        assert_eq!(case.case.state, "to-correct");
        assert!(
            case.fire("delete").is_err(),
            "paid: only a clerk gives money back"
        );

        case.answer("lock-kind", "sub");
        assert_eq!(
            only(case.problems_at("order")).item.as_deref(),
            Some("lock-kind")
        );
        case.answer("lock-kind", "main");
        case.fire("submit").unwrap();
        let effects = case.fire("pass").unwrap();
        assert_eq!(case.case.state, "to-post", "nobody pays twice");
        assert!(effects.is_empty());
    });
}

#[test]
fn a_declined_event_leaves_nothing_behind() {
    on_both::<Yingtan>("yingtan", |runner| {
        let mut case = applicant(runner, "main");
        case.fire("submit").unwrap();
        // Money is asked for before the message turns out to have no recipient.
        case.answer("handler-mobile", "");
        let before = (
            case.world.storage.clone(),
            case.world.balance,
            case.case.state.clone(),
        );
        let problems = case.fire("pass").unwrap_err();
        assert!(only(problems).message.contains("消息服务"));
        let after = (
            case.world.storage.clone(),
            case.world.balance,
            case.case.state.clone(),
        );
        assert_eq!(before, after, "no charge, no message, no state");
    });
}
