//! Placeholders in texts: `{field}` is replaced by a value; `{{` and `}}` stand for the braces themselves.

use thiserror::Error;

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TemplateError {
    #[error("`{{` in `{0}` is never closed")]
    Unclosed(String),
    #[error("`}}` in `{0}` closes nothing")]
    Unopened(String),
    #[error("`{{{0}}}` is no placeholder: names are 1 to 48 of letters, digits, `-` and `_`")]
    BadName(String),
    #[error("nothing is known by the name `{0}`")]
    Unknown(String),
}

enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

/// The names of the placeholders, in their order, each once.
pub fn names(text: &str) -> Result<Vec<&str>, TemplateError> {
    let mut names = Vec::new();
    for piece in pieces(text)? {
        if let Piece::Name(name) = piece
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    Ok(names)
}

/// The text with each placeholder replaced by what `value` gives for its name; none is an error.
pub fn fill(
    text: &str,
    mut value: impl FnMut(&str) -> Option<String>,
) -> Result<String, TemplateError> {
    let mut filled = String::with_capacity(text.len());
    for piece in pieces(text)? {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Name(name) => {
                filled
                    .push_str(&value(name).ok_or_else(|| TemplateError::Unknown(name.to_owned()))?);
            }
        }
    }
    Ok(filled)
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, TemplateError> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, brace, after)) = split_at_brace(rest) {
        pieces.push(Piece::Text(before));
        rest = if after.starts_with(brace) {
            pieces.push(Piece::Text(if brace == '{' { "{" } else { "}" }));
            after.strip_prefix(brace).unwrap_or(after)
        } else if brace == '}' {
            return Err(TemplateError::Unopened(shortened(text)));
        } else {
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| TemplateError::Unclosed(shortened(text)))?;
            if !is_name(name) {
                return Err(TemplateError::BadName(shortened(name)));
            }
            pieces.push(Piece::Name(name));
            after
        };
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

fn split_at_brace(text: &str) -> Option<(&str, char, &str)> {
    let at = text.find(['{', '}'])?;
    let (before, from) = text.split_at_checked(at)?;
    let brace = from.chars().next()?;
    Some((before, brace, from.strip_prefix(brace)?))
}

fn is_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=48).contains(&name.len()) && name.bytes().all(allowed)
}

/// Enough of a text to find it again.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(24).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_named_once_and_filled_everywhere() {
        let text = "{unit}（{uscc}）委托 {name}，{unit} 承担责任。{{}}";
        assert_eq!(names(text), Ok(vec!["unit", "uscc", "name"]));
        let filled = fill(text, |name| Some(name.to_uppercase())).unwrap();
        assert_eq!(filled, "UNIT（USCC）委托 NAME，UNIT 承担责任。{}");
        assert_eq!(names("没有"), Ok(vec![]));
    }

    #[test]
    fn a_value_is_never_read_as_a_text_again() {
        assert_eq!(fill("{a}", |_| Some("{b}".into())).as_deref(), Ok("{b}"));
    }

    #[test]
    fn broken_braces_are_mistakes() {
        for (text, error) in [
            ("你好 {name", TemplateError::Unclosed("你好 {name".into())),
            ("你好 name}", TemplateError::Unopened("你好 name}".into())),
            ("{}", TemplateError::BadName(String::new())),
            ("{名}", TemplateError::BadName("名".into())),
            ("{a b}", TemplateError::BadName("a b".into())),
        ] {
            assert_eq!(names(text), Err(error), "{text}");
        }
        assert_eq!(
            fill("{gone}", |_| None),
            Err(TemplateError::Unknown("gone".into()))
        );
    }
}
