//! The number that a payer writes as memo of a bank transfer, so that the money finds its order: nine digits, the last a
//! check digit by Luhn's rule (ISO/IEC 7812-1, annex B). It does not begin with 0, which spreadsheets would drop.

/// Digits of a reference, the check digit among them.
pub const DIGITS: usize = 9;

/// The smallest number that the check digit is put behind.
const LEAST: u64 = 10_000_000;

/// A reference made from any number, such as a random one.
pub fn from_number(number: u64) -> String {
    let body = (LEAST + number % (9 * LEAST)).to_string();
    let check = (10 - sum(&body, 1) % 10) % 10;
    format!("{body}{check}")
}

/// Whether these are nine digits of which none was mistyped, nor two neighbours changed places (but 09 and 90).
pub fn is_valid(text: &str) -> bool {
    text.len() == DIGITS
        && text.bytes().all(|b| b.is_ascii_digit())
        && !text.starts_with('0')
        && sum(text, 0).is_multiple_of(10)
}

/// The references in a memo as a bank prints it: `订单 123456782 货款`. Digits may stand in groups.
pub fn in_memo(memo: &str) -> Vec<String> {
    let memo: String = crate::field::text::half_width(memo);
    let mut found: Vec<String> = Vec::new();
    let runs = |separators: &[char]| -> Vec<String> {
        let kept: String = memo.chars().filter(|c| !separators.contains(c)).collect();
        kept.split(|c: char| !c.is_ascii_digit())
            .map(str::to_owned)
            .collect()
    };
    for run in runs(&[]).into_iter().chain(runs(&[' ', '-'])) {
        if is_valid(&run) && !found.contains(&run) {
            found.push(run);
        }
    }
    found
}

/// Luhn's sum; the last digit counts `1 + first % 2` times, the one before it the other way, and so on.
fn sum(digits: &str, first: usize) -> u64 {
    let weighted = digits.bytes().rev().enumerate().map(|(place, digit)| {
        let digit = u64::from(digit.saturating_sub(b'0'));
        if (place + first).is_multiple_of(2) {
            digit
        } else {
            let doubled = digit * 2;
            doubled / 10 + doubled % 10
        }
    });
    weighted.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_digit_or_two_that_changed_places_are_noticed() {
        for number in [0, 7, 12_345_678, 89_999_999, u64::MAX] {
            let reference = from_number(number);
            assert!(is_valid(&reference), "{reference}");
            for place in 0..DIGITS {
                let mut bytes = reference.clone().into_bytes();
                bytes[place] = b'0' + (bytes[place] - b'0' + 1) % 10;
                assert!(!is_valid(std::str::from_utf8(&bytes).unwrap()));
            }
        }
        // The example of ISO/IEC 7812-1: 7992739871 has the check digit 3.
        assert_eq!((10 - sum("7992739871", 1) % 10) % 10, 3);
        assert!(is_valid(&from_number(12_345_678)) && !is_valid("123456798"));
    }

    #[test]
    fn a_reference_is_found_in_what_payers_write() {
        let reference = from_number(2_345_678);
        let grouped = format!("{} {}", &reference[..5], &reference[5..]);
        for memo in [
            format!("订单{reference}货款"),
            format!("附言:{reference}"),
            grouped,
        ] {
            assert_eq!(in_memo(&memo), std::slice::from_ref(&reference), "{memo}");
        }
        assert!(in_memo("货款 20261120123").is_empty());
    }
}
