//! Where a person can be reached: fixed line, mail address, postcode.

use super::text::half_width;
use crate::mobile::Mobile;

const PHONE: &str = "请输入手机号码，或带区号的固定电话，例如 0791-86666666";
const EMAIL: &str = "请输入完整的电子邮箱，例如 name@example.com";

/// A mobile number, a fixed line with its area code (`0791-86666666`, extension after a second hyphen), or a 400/800
/// number. Fixed lines are kept with a hyphen after the area code where it was typed.
pub(super) fn phone(text: &str) -> Result<String, String> {
    if let Ok(mobile) = Mobile::parse(text) {
        return Ok(mobile.as_str().to_owned());
    }
    let text: String = half_width(text)
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '(' | ')'))
        .map(|c| {
            if matches!(c, '—' | '–' | '－' | '转') {
                '-'
            } else {
                c
            }
        })
        .collect();
    if !text.chars().all(|c| c.is_ascii_digit() || c == '-') {
        return Err(PHONE.to_owned());
    }
    let parts: Vec<&str> = text.split('-').collect();
    let (line, extension) = match parts.as_slice() {
        [line] => ((*line).to_owned(), None),
        [area, line] if area.starts_with('0') && area.len() <= 4 => (format!("{area}{line}"), None),
        [line, extension] => ((*line).to_owned(), Some(*extension)),
        [a, b, c] if a.starts_with('0') => (format!("{a}{b}"), Some(*c)),
        [a, b, c] => (format!("{a}{b}{c}"), None), // 400-123-4567
        _ => return Err(PHONE.to_owned()),
    };
    let service = (line.starts_with("400") || line.starts_with("800")) && line.len() == 10;
    let fixed = line.starts_with('0') && (10..=12).contains(&line.len());
    let extension_fits = extension.is_none_or(|e| (1..=6).contains(&e.len()));
    if (service || fixed) && extension_fits {
        Ok(text)
    } else {
        Err(PHONE.to_owned())
    }
}

/// A mail address (RFC 5321, dot-atom form, ASCII); the domain in small letters.
pub(super) fn email(text: &str) -> Result<String, String> {
    let text = half_width(text.trim());
    let address = (text.len() <= 254).then_some(()).and_then(|()| {
        let (local, domain) = text.rsplit_once('@')?;
        (is_local_part(local) && is_domain(domain))
            .then(|| format!("{local}@{}", domain.to_ascii_lowercase()))
    });
    address.ok_or_else(|| EMAIL.to_owned())
}

fn is_local_part(local: &str) -> bool {
    let atom = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&c);
    local.len() <= 64
        && local
            .split('.')
            .all(|part| !part.is_empty() && part.bytes().all(atom))
}

fn is_domain(domain: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
    };
    // A last label of digits would be an IP address.
    let named = domain
        .rsplit('.')
        .next()
        .is_some_and(|last| last.len() >= 2 && !last.bytes().all(|c| c.is_ascii_digit()));
    domain.contains('.') && named && domain.split('.').all(label)
}

/// Six digits.
pub(super) fn postcode(text: &str) -> Result<String, String> {
    let text: String = half_width(text)
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect();
    let fits = text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit());
    if fits {
        Ok(text)
    } else {
        Err("请输入 6 位邮政编码".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones() {
        for (text, phone_number) in [
            ("13812341234", "13812341234"),
            ("0791-86666666", "0791-86666666"),
            ("（0791）86666666", "079186666666"),
            ("010-12345678-801", "010-12345678-801"),
            ("400-123-4567", "400-123-4567"),
        ] {
            assert_eq!(phone(text).as_deref(), Ok(phone_number), "{text}");
        }
        for text in [
            "",
            "86666666",
            "0791-1",
            "12345",
            "0791-8666666a",
            "0791-86666666-1234567",
        ] {
            assert!(phone(text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses() {
        assert_eq!(
            email(" Li.Na+ca@Example.COM ").as_deref(),
            Ok("Li.Na+ca@example.com")
        );
        for text in [
            "",
            "a",
            "a@b",
            "a@b.1",
            "a b@c.cn",
            "a..b@c.cn",
            ".a@c.cn",
            "a@-c.cn",
            "a@c.cn\r\nBcc: x@y.cn",
            "a@c..cn",
            "李@c.cn",
        ] {
            assert!(email(text).is_err(), "{text:?}");
        }
        assert!(email(&format!("{}@c.cn", "a".repeat(65))).is_err());
    }

    #[test]
    fn postcodes() {
        assert_eq!(postcode("３３５０００").as_deref(), Ok("335000"));
        assert!(postcode("33500").is_err());
        assert!(postcode("33500a").is_err());
    }
}
