//! Characters: what a person may type, and what is made of it.

/// Full-width digits, letters and signs (U+FF01 to U+FF5E) and the ideographic space as ASCII.
pub(crate) fn half_width(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
            '\u{3000}' => ' ',
            other => other,
        })
        .collect()
}

/// Takes out what a copy from another program leaves behind and nobody sees: byte-order marks and zero-width spaces.
pub(crate) fn without_invisible(text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, '\u{feff}' | '\u{200b}' | '\u{2060}'))
        .collect()
}

/// Control characters, and the marks that turn the direction of what follows (they make a text look like another).
pub(crate) fn is_forbidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What is kept of a text that was refused, so that it can be shown again: what a database takes, in bounds.
pub(crate) fn showable(text: &str) -> String {
    /// The longest text that a definition may ask for.
    const LIMIT: usize = 4000;
    text.chars()
        .filter(|c| *c == '\n' || !is_forbidden(*c))
        .take(LIMIT)
        .collect()
}

/// One line: trimmed, without forbidden characters, at most `limit` characters.
pub(super) fn line(text: &str, limit: usize) -> Result<String, String> {
    let text = text.trim();
    if text.chars().any(is_forbidden) {
        return Err("内容中含有不能显示的字符，请删除后重新输入".to_owned());
    }
    within(text.to_owned(), limit)
}

/// Several lines: line ends become `\n`, tabs spaces.
pub(super) fn lines(text: &str, limit: usize) -> Result<String, String> {
    let text = text
        .replace("\r\n", "\n")
        .replace('\r', "\n")
        .replace('\t', " ");
    let text = text.trim();
    if text.chars().any(|c| c != '\n' && is_forbidden(c)) {
        return Err("内容中含有不能显示的字符，请删除后重新输入".to_owned());
    }
    within(text.to_owned(), limit)
}

pub(super) fn within(text: String, limit: usize) -> Result<String, String> {
    let length = text.chars().count();
    if length > limit {
        return Err(format!("最多可填 {limit} 个字，现在是 {length} 个字"));
    }
    Ok(text)
}

/// The name of a person: Chinese characters of every extension, the middle dot of names such as 阿布都·热合曼, or
/// letters. Spaces between Chinese characters are left out.
pub(super) fn person_name(text: &str, limit: usize) -> Result<String, String> {
    let text: String = text
        .trim()
        .chars()
        .map(|c| if is_dot(c) { '·' } else { c })
        .collect();
    let text: String = text
        .chars()
        .map(|c| {
            if c == '·' {
                c.to_string()
            } else {
                half_width(&c.to_string())
            }
        })
        .collect();
    if text.chars().any(is_private) {
        return Err(
            "姓名中有一个字是用造字程序输入的，别的电脑上显示不出来，请改用输入法中的标准字"
                .to_owned(),
        );
    }
    let chinese = text.chars().any(is_ideograph);
    let text = if chinese {
        text.chars().filter(|c| !c.is_whitespace()).collect()
    } else {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    if !text.chars().all(is_of_name) {
        return Err("姓名只能包含汉字、字母和间隔号“·”".to_owned());
    }
    let length = text.chars().filter(|c| !is_variation(*c)).count();
    if length < 2 {
        return Err("请输入完整的姓名，至少 2 个字".to_owned());
    }
    within(text, limit)
}

/// Dots that are typed for the middle dot `·` of a name.
fn is_dot(c: char) -> bool {
    matches!(c, '·' | '•' | '‧' | '∙' | '⋅' | '・' | '･' | '●' | '．')
}

fn is_of_name(c: char) -> bool {
    is_ideograph(c)
        || is_variation(c)
        || c.is_alphabetic()
        || matches!(c, '·' | ' ' | '-' | '\'' | '’' | '.')
}

/// Unified ideographs with all extensions, compatibility ideographs, and 〇, which is one of both.
fn is_ideograph(c: char) -> bool {
    matches!(c,
        '〇' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{2fa1f}' | '\u{30000}'..='\u{3347f}')
}

/// Selectors that choose one form of the character before them.
fn is_variation(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Characters without a meaning outside the machine where somebody drew them.
fn is_private(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_names_pass_and_look_alike_dots_become_the_middle_dot() {
        for (text, name) in [
            ("王 芳", "王芳"),
            ("𬱖𠅤", "𬱖𠅤"),
            ("㛃䶮", "㛃䶮"),
            ("阿布都•热合曼", "阿布都·热合曼"),
            ("阿布都．热合曼", "阿布都·热合曼"),
            ("Anna  Smith", "Anna Smith"),
            ("Ｌｉ Ｎａ", "Li Na"),
        ] {
            assert_eq!(person_name(text, 32).as_deref(), Ok(name), "{text}");
        }
        for text in ["王", "王1芳", "王\u{e001}芳", "<b>王芳</b>", "王\0芳"] {
            assert!(person_name(text, 32).is_err(), "{text:?}");
        }
    }

    #[test]
    fn control_characters_never_pass() {
        for text in ["a\0b", "a\u{1b}[31mb", "a\nb", "abc\u{202e}gpj.exe"] {
            assert!(line(text, 100).is_err(), "{text:?}");
        }
        assert_eq!(lines(" a\r\nb\tc ", 100).as_deref(), Ok("a\nb c"));
        assert!(lines("a\0", 100).is_err());
        assert_eq!(showable("a\0b\nc\u{202e}"), "ab\nc");
    }

    #[test]
    fn length_counts_characters_and_not_bytes() {
        assert!(line(&"字".repeat(50), 50).is_ok());
        assert_eq!(
            line(&"字".repeat(51), 50),
            Err("最多可填 50 个字，现在是 51 个字".to_owned())
        );
    }
}
