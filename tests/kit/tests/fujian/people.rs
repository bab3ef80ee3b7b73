//! Who applies, and what they answer; all made up.

use std::sync::Arc;
use yinxin_kit::{Journey, Runner};
use yinxin_sdk::Problem;
use yinxin_sdk::fake::Effect;

pub const UNIT: &str = "福州榕城科技有限公司";
pub const USCC: &str = "91350100MA2Y3K7H5P";
pub const OTHER_UNIT: &str = "厦门鹭岛贸易有限公司";
pub const OTHER_USCC: &str = "91350200MA33F8QW1A";

/// A new certificate of a unit, everything answered.
pub fn unit(runner: Arc<dyn Runner>) -> Journey {
    let mut case = Journey::begin(runner, "new-enterprise");
    of_a_unit(&mut case);
    case
}

pub fn of_a_unit(case: &mut Journey) {
    for (field, value) in [
        ("unit-name", UNIT),
        ("uscc", USCC),
        ("region", "福建省 福州市"),
        ("address", "福建省福州市鼓楼区五四路 100 号"),
        ("legal-name", "陈国栋"),
        ("legal-number", "350104197511031572"),
        ("handler-name", "林雅婷"),
        ("handler-number", "350102199106122325"),
        ("mobile", "13705910001"),
        ("email", "linyating@example.com"),
        ("years", "1"),
    ] {
        case.answer(field, value);
    }
}

pub fn person(runner: Arc<dyn Runner>) -> Journey {
    let mut case = Journey::begin(runner, "new-personal");
    of_a_person(&mut case);
    case
}

pub fn of_a_person(case: &mut Journey) {
    for (field, value) in [
        ("name", "林雅婷"),
        ("number", "350102199106122325"),
        ("region", "福建省 福州市"),
        ("address", "福建省福州市鼓楼区五四路 100 号"),
        ("mobile", "13705910001"),
        ("email", "linyating@example.com"),
        ("years", "1"),
    ] {
        case.answer(field, value);
    }
}

/// What the host has read from the unit's certificate.
pub fn certificate(until: &str) -> Vec<(&str, &str)> {
    vec![
        ("serial", "1f2e"),
        ("not-after", until),
        ("standing", "valid"),
        ("subject.C", "CN"),
        ("subject.ST", "福建省"),
        ("subject.L", "福州市"),
        ("subject.O", UNIT),
        ("subject.CN", UNIT),
        ("subject.serialNumber", USCC),
    ]
}

/// A renewal of the unit's certificate that ends on that day.
pub fn renewal(runner: Arc<dyn Runner>, until: &str) -> Journey {
    let mut case = Journey::begin(runner, "renew-enterprise");
    begin_from(&mut case, &certificate(until));
    case
}

/// The answers of the form, and over them what the certificate says.
pub fn begin_from(case: &mut Journey, certificate: &[(&str, &str)]) {
    if case.case.service == "renew-personal" {
        of_a_person(case);
    } else {
        of_a_unit(case);
    }
    for answer in case.prefilled_from(certificate) {
        case.answer(&answer.name, &answer.value);
    }
}

/// Messages of the effects.
pub fn told(effects: &[Effect]) -> Vec<&str> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Send { message, .. } => Some(message.as_str()),
            _ => None,
        })
        .collect()
}

pub fn only(problems: Vec<Problem>) -> Problem {
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.into_iter().next().unwrap()
}
