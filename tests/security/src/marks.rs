//! Secrets looked for in bytes, in each form in which somebody may have written them down.

use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use std::collections::HashMap;

/// Something that must not stand somewhere, and what it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// `identity number of the handler`
    pub what: String,
    pub bytes: Vec<u8>,
    /// Counts only with no letter or digit beside it: six digits stand in many a longer number.
    pub whole: bool,
}

impl Mark {
    pub fn text(what: &str, text: &str) -> Self {
        Self::bytes(what, text.as_bytes())
    }

    pub fn bytes(what: &str, bytes: &[u8]) -> Self {
        Self {
            what: what.to_owned(),
            bytes: bytes.to_vec(),
            whole: false,
        }
    }

    pub fn whole(what: &str, text: &str) -> Self {
        Self {
            whole: true,
            ..Self::text(what, text)
        }
    }

    /// The mark itself, and how hexadecimal digits, base64, JSON, addresses and UTF-16 write it.
    fn forms(&self) -> Vec<(&'static str, Vec<u8>)> {
        let bytes = &self.bytes;
        let mut forms = vec![("as it is", bytes.clone())];
        if self.whole {
            return forms;
        }
        let hex = hex::encode(bytes);
        forms.push(("in hexadecimal", hex.to_uppercase().into_bytes()));
        forms.push(("in hexadecimal", hex.into_bytes()));
        for before in 0..3 {
            forms.push(("in base64", in_base64(bytes, before, &STANDARD)));
            forms.push(("in base64", in_base64(bytes, before, &URL_SAFE)));
        }
        if let Ok(text) = std::str::from_utf8(bytes) {
            let units: Vec<u16> = text.encode_utf16().collect();
            forms.push((
                "in UTF-16",
                units.iter().flat_map(|u| u.to_le_bytes()).collect(),
            ));
            forms.push((
                "in UTF-16",
                units.iter().flat_map(|u| u.to_be_bytes()).collect(),
            ));
            if !text.is_ascii() {
                let percent: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
                forms.push(("in an address", percent.into_bytes()));
                let json: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
                forms.push(("in JSON", json.into_bytes()));
            }
        }
        forms
    }
}

/// What base64 makes of the bytes wherever they begin: `before` bytes stand before them in their group of three.
fn in_base64(bytes: &[u8], before: usize, alphabet: &impl base64::Engine) -> Vec<u8> {
    let mut padded = vec![0; before];
    padded.extend_from_slice(bytes);
    let whole = alphabet.encode(&padded).into_bytes();
    // Characters that depend on the neighbours say nothing.
    let first = (before * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    whole.get(first..last).unwrap_or_default().to_vec()
}

/// Finds many marks in one go.
pub struct Search {
    needles: Vec<(usize, &'static str, Vec<u8>)>,
    marks: Vec<Mark>,
    /// Needles by their first four bytes, and which first two there are.
    by_start: HashMap<[u8; 4], Vec<usize>>,
    starts: Vec<bool>,
}

impl Search {
    /// # Panics
    /// When a mark is too short to mean anything.
    pub fn new(marks: impl IntoIterator<Item = Mark>) -> Self {
        let mut marks: Vec<Mark> = marks.into_iter().collect();
        marks.sort();
        marks.dedup();
        let mut needles = Vec::new();
        for (place, mark) in marks.iter().enumerate() {
            assert!(mark.bytes.len() >= 6, "too short: {}", mark.what);
            for (form, bytes) in mark.forms() {
                needles.push((place, form, bytes));
            }
        }
        let (mut by_start, mut starts) = (HashMap::<_, Vec<usize>>::new(), vec![false; 1 << 16]);
        for (place, (_, _, bytes)) in needles.iter().enumerate() {
            let start = [bytes[0], bytes[1], bytes[2], bytes[3]];
            by_start.entry(start).or_default().push(place);
            starts[usize::from(u16::from_be_bytes([bytes[0], bytes[1]]))] = true;
        }
        Self {
            needles,
            marks,
            by_start,
            starts,
        }
    }

    pub fn len(&self) -> usize {
        self.marks.len()
    }

    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// What was found: what it is, how it was written, and where it begins. Each mark once.
    pub fn find(&self, bytes: &[u8]) -> Vec<(String, &'static str, usize)> {
        let mut found: Vec<(String, &'static str, usize)> = Vec::new();
        for (at, window) in bytes.windows(4).enumerate() {
            if !self.starts[usize::from(u16::from_be_bytes([window[0], window[1]]))] {
                continue;
            }
            let Some(places) = self.by_start.get(window) else {
                continue;
            };
            for (mark, form, needle) in places.iter().map(|place| &self.needles[*place]) {
                let mark = &self.marks[*mark];
                let hit = bytes[at..].starts_with(needle)
                    && (!mark.whole || stands_alone(bytes, at, needle.len()))
                    && !found.iter().any(|(what, ..)| *what == mark.what);
                if hit {
                    found.push((mark.what.clone(), form, at));
                }
            }
        }
        found
    }

    /// What was found in a text, in words.
    pub fn told(&self, bytes: &[u8]) -> Vec<String> {
        self.find(bytes)
            .into_iter()
            .map(|(what, form, at)| {
                let from = bytes[..at].len().saturating_sub(60);
                let around = String::from_utf8_lossy(&bytes[from..(at + 80).min(bytes.len())]);
                format!("{what}, {form}, at {at}: …{around}…")
            })
            .collect()
    }
}

fn stands_alone(bytes: &[u8], at: usize, length: usize) -> bool {
    let word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    !word(at.checked_sub(1).and_then(|before| bytes.get(before))) && !word(bytes.get(at + length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;

    #[test]
    fn a_mark_is_found_however_it_was_written() {
        let number = "36062219880926204X";
        let name = "欧阳娜娜";
        let search = Search::new([Mark::text("number", number), Mark::text("name", name)]);
        for text in [number, name] {
            for before in ["", "a", "ab", "abc", "abcd"] {
                let plain = format!("{before}{text} and more");
                for written in [
                    plain.clone().into_bytes(),
                    hex::encode(&plain).into_bytes(),
                    STANDARD.encode(&plain).into_bytes(),
                    URL_SAFE.encode(&plain).into_bytes(),
                    plain.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                ] {
                    assert_eq!(
                        search.find(&written).len(),
                        1,
                        "{before}{text}: {written:?}"
                    );
                }
            }
        }
        assert!(
            search
                .find(b"36062219880926204 and nothing else")
                .is_empty()
        );
    }

    #[test]
    fn six_digits_count_alone_only() {
        let search = Search::new([Mark::whole("code", "204816")]);
        assert_eq!(search.find(b"code 204816.").len(), 1);
        assert!(search.find(b"1204816, 2048167, a204816").is_empty());
    }
}
