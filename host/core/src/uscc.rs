//! Unified social credit code 统一社会信用代码 (GB 32100-2015).
//!
//! Eighteen characters: department of registration (1), kind of organisation (1), administrative division (6 digits),
//! organisation code (9), check character (1). The letters I, O, S, V and Z do not occur.

use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// The 31 characters in the order of their values 0 to 30.
const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";

/// Weights of the first 17 characters: 3 to the power of the place, modulo 31 (GB 32100-2015, 5.4).
const WEIGHTS: [u32; 17] = [
    1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28,
];

/// A code whose check character is right, in capitals.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Uscc(String);

/// Why a text is no code. Displayed as a sentence for the person who typed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UsccError {
    #[error("请输入 18 位统一社会信用代码")]
    Length,
    #[error(
        "统一社会信用代码只含数字和大写字母，且不用字母 I、O、S、V、Z，请核对是否应为数字 1 或 0"
    )]
    Character,
    #[error("统一社会信用代码的第 3 至 8 位是行政区划码，应为数字，请核对")]
    Division,
    #[error("统一社会信用代码的校验码（最后一位）不符，请逐位核对")]
    CheckCharacter,
}

impl Uscc {
    /// Reads a code; small and full-width letters are taken for capitals, white space is left out.
    pub fn parse(text: &str) -> Result<Self, UsccError> {
        let code = crate::field::text::half_width(text)
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect::<String>()
            .to_ascii_uppercase();
        if code.chars().count() != 18 {
            return Err(UsccError::Length);
        }
        let values = code
            .chars()
            .map(value_of)
            .collect::<Option<Vec<u32>>>()
            .ok_or(UsccError::Character)?;
        if !code.chars().skip(2).take(6).all(|c| c.is_ascii_digit()) {
            return Err(UsccError::Division);
        }
        let sum: u32 = values
            .iter()
            .zip(WEIGHTS)
            .map(|(value, weight)| value * weight)
            .sum();
        if values.last().copied() != Some((31 - sum % 31) % 31) {
            return Err(UsccError::CheckCharacter);
        }
        Ok(Self(code))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn value_of(character: char) -> Option<u32> {
    ALPHABET
        .chars()
        .zip(0..)
        .find(|(c, _)| *c == character)
        .map(|(_, value)| value)
}

impl fmt::Display for Uscc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Uscc {
    type Error = UsccError;

    fn try_from(text: String) -> Result<Self, UsccError> {
        Self::parse(&text)
    }
}

impl From<Uscc> for String {
    fn from(code: Uscc) -> String {
        code.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_people_write_them() {
        for text in [
            "91350100M000100Y43",
            " 91350100m000100y43 ",
            "９１３５０１００Ｍ０００１００Ｙ４３",
            "91350100 M000100Y 43",
        ] {
            assert_eq!(
                Uscc::parse(text).map(String::from),
                Ok("91350100M000100Y43".to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn each_mistake_is_named() {
        for (text, error) in [
            ("", UsccError::Length),
            ("91350100M000100Y4", UsccError::Length),
            ("91350100M000100Y433", UsccError::Length),
            ("9135O100M000100Y43", UsccError::Character),
            ("9135010-M000100Y43", UsccError::Character),
            ("91AB0100M000100Y43", UsccError::Division),
            ("91350100M000100Y44", UsccError::CheckCharacter),
            ("91350100M000100Y34", UsccError::CheckCharacter),
        ] {
            assert_eq!(Uscc::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn every_single_wrong_character_is_noticed() {
        let good = "91350100M000100Y43";
        for place in 0..18 {
            for other in ALPHABET.chars() {
                let mut code: Vec<char> = good.chars().collect();
                if code[place] != other {
                    code[place] = other;
                    assert!(Uscc::parse(&code.iter().collect::<String>()).is_err());
                }
            }
        }
    }
}
