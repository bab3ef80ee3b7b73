//! Numbers, dates, and codes made of letters and digits.

use super::text::half_width;
use crate::definition::NumberRange;
use crate::money::Fen;
use jiff::civil::Date;

/// An integer within its range, without leading zeros.
pub(super) fn number(text: &str, range: &NumberRange) -> Result<String, String> {
    let text = half_width(text.trim());
    let number = text
        .parse::<i64>()
        .ok()
        .filter(|n| (range.min..=range.max).contains(n));
    number.map(|n| n.to_string()).ok_or_else(|| {
        let unit = if range.unit.is_empty() {
            String::new()
        } else {
            format!("（单位：{}）", range.unit)
        };
        format!("请输入 {} 到 {} 之间的整数{unit}", range.min, range.max)
    })
}

/// Yuan as people write them; kept in fen.
pub(super) fn money(text: &str) -> Result<String, String> {
    let fen = Fen::parse_yuan(&half_width(text));
    fen.map(|f| f.0.to_string())
        .ok_or_else(|| "请输入金额，单位为元，最多两位小数，例如 220.00".to_owned())
}

/// `2026-11-20`, also `2026/1/2`, `2026.1.2` and `2026年1月2日`; kept as an ISO date.
pub(super) fn date(text: &str) -> Result<String, String> {
    let plain: String = half_width(text.trim())
        .chars()
        .filter(|c| *c != '日' && !c.is_whitespace())
        .map(|c| {
            if matches!(c, '/' | '.' | '年' | '月') {
                '-'
            } else {
                c
            }
        })
        .collect();
    let parts: Option<Vec<i16>> = plain.split('-').map(|part| part.parse().ok()).collect();
    let date = match parts.as_deref() {
        Some([year @ 1850..=9999, month, day]) => i8::try_from(*month)
            .ok()
            .zip(i8::try_from(*day).ok())
            .and_then(|(month, day)| Date::new(*year, month, day).ok()),
        _ => None,
    };
    date.map(|d| d.to_string())
        .ok_or_else(|| "请输入存在的日期，例如 2026-01-31".to_owned())
}

/// A code of letters and digits in capitals, without spaces.
pub(super) fn capitals(text: &str) -> Option<String> {
    let text: String = half_width(text)
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect();
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric())
        .then(|| text.to_ascii_uppercase())
}

/// Taxpayer number: 15, 17, 18 or 20 letters and digits.
pub(super) fn tax_number(text: &str) -> Result<String, String> {
    let code = capitals(text).filter(|code| matches!(code.len(), 15 | 17 | 18 | 20));
    code.ok_or_else(|| "请输入 15、17、18 或 20 位纳税人识别号，只含数字和字母".to_owned())
}

/// Courier's tracking number: 8 to 32 letters and digits.
pub(super) fn tracking_number(text: &str) -> Result<String, String> {
    let code = capitals(text).filter(|code| (8..=32).contains(&code.len()));
    code.ok_or_else(|| "请输入快递单号，8 至 32 位，只含数字和字母".to_owned())
}

/// Login name: 1 to 12 letters or digits, as typed.
pub(super) fn username(text: &str) -> Result<String, String> {
    let text = half_width(text.trim());
    let fits = (1..=12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
    if fits {
        Ok(text)
    } else {
        Err("请输入 1 至 12 位字母或数字".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_in_their_range() {
        let years = NumberRange {
            min: 1,
            max: 5,
            unit: "年".into(),
        };
        assert_eq!(number(" ０３ ", &years).as_deref(), Ok("3"));
        for text in ["0", "6", "2.5", "二", "", "99999999999999999999"] {
            assert_eq!(
                number(text, &years),
                Err("请输入 1 到 5 之间的整数（单位：年）".to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn dates_in_every_common_form() {
        for text in [
            "2026-01-02",
            "2026/1/2",
            "2026.1.2",
            "2026年1月2日",
            "２０２６－１－２",
        ] {
            assert_eq!(date(text).as_deref(), Ok("2026-01-02"), "{text}");
        }
        for text in [
            "2026-02-29",
            "26-1-2",
            "2026-13-1",
            "2026-1",
            "tomorrow",
            "2026-1-400",
        ] {
            assert!(date(text).is_err(), "{text}");
        }
    }

    #[test]
    fn codes() {
        assert_eq!(tracking_number("sf 1234 5678").as_deref(), Ok("SF12345678"));
        assert!(tracking_number("SF-12345678").is_err());
        assert!(tracking_number("1234567").is_err());
        assert_eq!(
            tax_number("91350100m000100y43").as_deref(),
            Ok("91350100M000100Y43")
        );
        assert!(tax_number("9135010").is_err());
        assert_eq!(username("Li12").as_deref(), Ok("Li12"));
        assert!(username("li_na").is_err());
        assert!(username("abcdefghijklm").is_err());
        assert_eq!(money("￥1,220.5").as_deref(), Ok("122050"));
    }
}
