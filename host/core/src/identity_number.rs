//! Citizen identification number 公民身份号码 (GB 11643-1999).
//!
//! Eighteen places: administrative division (6), birthday (8), sequence (3), check digit (1, `X` stands for ten).

use jiff::civil::Date;
use std::fmt;
use thiserror::Error;

/// Weights of the first 17 digits: 2 to the power of the place counted from the right, modulo 11 (ISO 7064, MOD 11-2).
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

/// Check digits by the weighted sum modulo 11.
const CHECK_DIGITS: &str = "10X98765432";

/// A number whose birthday exists and whose check digit is right, in capitals. It is personal data: its `Debug` form
/// is masked, so that it cannot slip into a log.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IdentityNumber {
    text: String,
    birthday: Date,
}

/// Why a text is no identity number. Displayed as a sentence for the person who typed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IdentityNumberError {
    #[error("请输入 18 位身份证号码")]
    Length,
    #[error("身份证号码前 17 位应为数字，最后一位为数字或 X，请核对")]
    Character,
    #[error("身份证号码中的出生日期（第 7 至 14 位）不存在，请核对")]
    Birthday,
    #[error("身份证号码的校验码（最后一位）不符，请逐位核对")]
    CheckDigit,
}

impl IdentityNumber {
    /// Reads a number; a small or full-width `x` counts as `X`, white space is left out.
    pub fn parse(text: &str) -> Result<Self, IdentityNumberError> {
        let text = crate::field::text::half_width(text)
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect::<String>()
            .to_ascii_uppercase();
        if text.chars().count() != 18 {
            return Err(IdentityNumberError::Length);
        }
        let digits: Vec<u32> = text.chars().map_while(|c| c.to_digit(10)).collect();
        let check = text.chars().last().unwrap_or_default();
        let bad_check = !(check.is_ascii_digit() || check == 'X');
        if digits.len() < 17 || bad_check || text.starts_with('0') {
            return Err(IdentityNumberError::Character);
        }
        let birthday = birthday(&digits).ok_or(IdentityNumberError::Birthday)?;
        let sum: u32 = digits
            .iter()
            .zip(WEIGHTS)
            .map(|(digit, weight)| digit * weight)
            .sum();
        let expected = CHECK_DIGITS
            .chars()
            .zip(0..)
            .find(|(_, place)| *place == sum % 11);
        if expected.map(|(c, _)| c) != Some(check) {
            return Err(IdentityNumberError::CheckDigit);
        }
        Ok(Self { text, birthday })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn birthday(&self) -> Date {
        self.birthday
    }

    /// The first three and the last four places: `360***********1234`.
    pub fn masked(&self) -> String {
        mask(&self.text)
    }
}

/// Hides the middle of a number that may be half typed: all but the first three and the last four of 18 places, and
/// everything where it is shorter.
pub(crate) fn mask(text: &str) -> String {
    let length = text.chars().count();
    let shown = |place: usize| length >= 18 && (place < 3 || place + 4 >= length);
    text.chars()
        .enumerate()
        .map(|(place, c)| if shown(place) { c } else { '*' })
        .collect()
}

fn birthday(digits: &[u32]) -> Option<Date> {
    let number = |from: usize, length: usize| {
        digits
            .iter()
            .skip(from)
            .take(length)
            .fold(0_i16, |sum, digit| sum * 10 + *digit as i16)
    };
    let year = number(6, 4);
    let date = Date::new(year, number(10, 2) as i8, number(12, 2) as i8).ok()?;
    // Numbers were first given in 1984; nobody alive then was born before 1850.
    (year >= 1850).then_some(date)
}

impl fmt::Debug for IdentityNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityNumber({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_gives_its_birthday_and_hides_its_middle() {
        let number = IdentityNumber::parse("11010519491231002x").unwrap();
        assert_eq!(number.as_str(), "11010519491231002X");
        assert_eq!(number.birthday().to_string(), "1949-12-31");
        assert_eq!(number.masked(), "110***********002X");
        assert_eq!(format!("{number:?}"), "IdentityNumber(110***********002X)");
        assert_eq!(mask("1101051949"), "**********");
    }

    #[test]
    fn each_mistake_is_named() {
        for (text, error) in [
            ("110105194912310", IdentityNumberError::Length),
            ("1101051949123100X2", IdentityNumberError::Character),
            ("01010519491231002X", IdentityNumberError::Character),
            ("11010519491231002A", IdentityNumberError::Character),
            ("110105194902300026", IdentityNumberError::Birthday),
            ("110105194912310021", IdentityNumberError::CheckDigit),
        ] {
            assert_eq!(IdentityNumber::parse(text).unwrap_err(), error, "{text}");
        }
    }
}
