//! Mainland mobile numbers.

use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// Eleven digits that begin with 13 to 19. Its `Debug` form is masked, so that it cannot slip into a log.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mobile(String);

/// Displayed as a sentence for the person who typed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("请输入 11 位手机号码")]
pub struct MobileError;

impl Mobile {
    /// Reads a number as people write it: with `+86` or `0086`, spaces or hyphens, full-width digits.
    pub fn parse(text: &str) -> Result<Self, MobileError> {
        let text: String = crate::field::text::half_width(text)
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .collect();
        let number = ["+86", "0086"]
            .iter()
            .find_map(|prefix| text.strip_prefix(prefix))
            .unwrap_or(&text);
        let second = number
            .strip_prefix('1')
            .and_then(|rest| rest.chars().next());
        let ranges = matches!(second, Some('3'..='9'));
        if ranges && number.len() == 11 && number.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(number.to_owned()))
        } else {
            Err(MobileError)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `138****1234`
    pub fn masked(&self) -> String {
        self.0
            .chars()
            .enumerate()
            .map(|(place, c)| if (3..7).contains(&place) { '*' } else { c })
            .collect()
    }
}

impl fmt::Display for Mobile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Mobile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mobile({})", self.masked())
    }
}

impl TryFrom<String> for Mobile {
    type Error = MobileError;

    fn try_from(text: String) -> Result<Self, MobileError> {
        Self::parse(&text)
    }
}

impl From<Mobile> for String {
    fn from(mobile: Mobile) -> String {
        mobile.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them_and_shown_masked() {
        for text in [
            "13812341234",
            "+86 138 1234 1234",
            "0086-13812341234",
            "１３８１２３４１２３４",
        ] {
            let mobile = Mobile::parse(text).unwrap();
            assert_eq!(mobile.as_str(), "13812341234", "{text}");
            assert_eq!(mobile.masked(), "138****1234");
        }
        for text in [
            "",
            "1381234123",
            "138123412345",
            "12812341234",
            "23812341234",
            "1381234123a",
        ] {
            assert_eq!(Mobile::parse(text), Err(MobileError), "{text}");
        }
    }
}
