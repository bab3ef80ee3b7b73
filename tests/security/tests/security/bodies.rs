//! Bodies of forms that no browser sends.

use crate::asking::{BOUNDARY, URLENCODED, encoded};
use crate::others::Others;
use std::collections::BTreeSet;
use yinxin_house::Form;
use yinxin_house::page::Control;

/// What people, programs and villains put into a field.
const VALUES: [(&str, &[u8]); 14] = [
    ("nothing", b""),
    ("letters", b"abc"),
    ("less than nothing", b"-1"),
    ("no number", b"NaN"),
    ("a huge number", b"99999999999999999999999999"),
    ("the largest number", b"9223372036854775807"),
    ("the smallest number", b"-9223372036854775808"),
    ("an exponent", b"1e400"),
    (
        "control characters",
        b"a\0b\x01\x08\x0b\x1b[31m\x7f\r\nx: y",
    ),
    (
        "turned writing",
        "\u{202e}\u{200b}\u{feff}\u{0}\u{fffd}\u{10ffff}".as_bytes(),
    ),
    ("invalid UTF-8", b"\xff\xfe\xc0\xaf\xed\xa0\x80"),
    (
        "another language",
        b"' OR 1=1 --%_\\{{7*7}}${7*7}#[link]<script>alert(1)</script>",
    ),
    ("a way up", b"../../../../etc/passwd"),
    ("a day that is none", b"2026-02-31"),
];

/// One way to send a form: what it is called, content type, body.
pub type Sending = (String, Option<String>, Vec<u8>);

/// One with another's ids, which may stand in its address: what it is called, address, content type, body.
pub type Foreign = (String, String, Option<String>, Vec<u8>);

/// What has no right token, or a body that carries none that is looked at.
pub fn without_right(form: &Form, button: Option<usize>, stranger: &str) -> Vec<Sending> {
    let pairs = form.pairs(button);
    let with = |token: Option<&str>| -> Vec<(String, String)> {
        let rest = pairs.iter().filter(|(name, _)| name != "_csrf").cloned();
        let token = token.map(|token| ("_csrf".to_owned(), token.to_owned()));
        rest.chain(token).collect()
    };
    let multipart = form.multipart;
    let mut sendings = Vec::new();
    for (how, token) in [
        ("without a token", None),
        ("with another's token", Some(stranger)),
        ("with an empty token", Some("")),
    ] {
        let (kind, body) = encoded(&with(token), multipart);
        sendings.push((how.to_owned(), Some(kind), body));
    }
    // The right token in a body of another kind.
    let (_, body) = encoded(&pairs, false);
    for kind in ["text/plain", "application/json", "application/xml"] {
        sendings.push((format!("as {kind}"), Some(kind.to_owned()), body.clone()));
    }
    sendings.push(("as nothing in particular".to_owned(), None, body));
    if !multipart {
        let (kind, body) = encoded(&pairs, true);
        sendings.push(("in several parts".to_owned(), Some(kind), body));
    }
    sendings
}

/// What has the right token and is wrong otherwise.
pub fn bad_bodies(form: &Form, button: Option<usize>) -> Vec<Sending> {
    let pairs = form.pairs(button);
    let visible: BTreeSet<&str> = form
        .fields
        .iter()
        .filter(|field| field.control != Control::Hidden)
        .map(|field| field.name.as_str())
        .collect();
    let multipart = form.multipart;
    let mut sendings: Vec<Sending> = Vec::new();
    let mut add = |how: String, pairs: Vec<(Vec<u8>, Vec<u8>)>| {
        let (kind, body) = in_bytes(&pairs, multipart);
        sendings.push((how, Some(kind), body));
    };
    let bytes = |pairs: &[(String, String)]| -> Vec<(Vec<u8>, Vec<u8>)> {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (name.clone().into(), value.clone().into()));
        pairs.collect()
    };
    // Fields that people fill in, then those that the page keeps for itself.
    for hidden in [false, true] {
        let chosen = |name: &str| name != "_csrf" && visible.contains(name) != hidden;
        if !pairs.iter().any(|(name, _)| chosen(name)) {
            continue;
        }
        for (how, value) in VALUES {
            let changed = pairs.iter().map(|(name, old)| {
                let value = if chosen(name) {
                    value.to_vec()
                } else {
                    old.clone().into()
                };
                (name.clone().into_bytes(), value)
            });
            let what = if hidden { "hidden fields" } else { "fields" };
            add(format!("{how} in {what}"), changed.collect());
        }
        for length in [20_000, 100_000] {
            let long = "长".repeat(length / 3);
            let changed = pairs.iter().map(|(name, old)| {
                let value = if chosen(name) {
                    long.clone()
                } else {
                    old.clone()
                };
                (name.clone().into_bytes(), value.into_bytes())
            });
            add(format!("{length} bytes in each field"), changed.collect());
        }
    }
    let twice: Vec<(String, String)> = pairs
        .iter()
        .flat_map(|(name, value)| {
            let again = if name == "_csrf" {
                value.clone()
            } else {
                format!("{value}x")
            };
            [(name.clone(), value.clone()), (name.clone(), again)]
        })
        .collect();
    add("each field twice".to_owned(), bytes(&twice));
    let lists: Vec<(String, String)> = pairs
        .iter()
        .map(|(name, value)| match name.as_str() {
            "_csrf" => (name.clone(), value.clone()),
            name => (format!("{name}[]"), value.clone()),
        })
        .collect();
    add("as lists".to_owned(), bytes(&lists));
    let odd = pairs.iter().map(|(name, value)| match name.as_str() {
        "_csrf" => (name.clone().into_bytes(), value.clone().into_bytes()),
        name => ([name.as_bytes(), b"\0"].concat(), value.clone().into()),
    });
    add("with NUL in each name".to_owned(), odd.collect());
    let mut unknown = pairs.clone();
    for name in [
        "admin",
        "role:administrator",
        "_offer",
        "_renew",
        "account",
        "site",
        "state",
        "item:x",
        "price",
        "_back",
    ] {
        unknown.push((name.to_owned(), "//evil.example/x=y".to_owned()));
    }
    add("with unknown fields".to_owned(), bytes(&unknown));
    let mut many = pairs.clone();
    many.extend((0..5_000).map(|number| (format!("f{number}"), "x".to_owned())));
    add("with 5,000 fields".to_owned(), bytes(&many));
    let token = pairs.iter().find(|(name, _)| name == "_csrf").cloned();
    add(
        "with the token alone".to_owned(),
        bytes(&token.into_iter().collect::<Vec<_>>()),
    );
    let huge = vec![b'x'; 400_000];
    let huge = [bytes(&pairs), vec![(b"more".to_vec(), huge)]].concat();
    add("more than a form may have".to_owned(), huge);
    if multipart {
        sendings.extend(broken_parts(&pairs));
    }
    sendings
}

/// Addresses with what nobody asks for in their query, in one part of it after the other.
pub fn bad_queries(address: &str) -> Vec<(String, String)> {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let mut bad = Vec::new();
    for place in 0..pairs.len() {
        for (how, value) in VALUES {
            let mut query = String::new();
            for (at, (name, old)) in pairs.iter().enumerate() {
                let value = if at == place { value } else { old.as_bytes() };
                let parts = [name.as_bytes(), value]
                    .map(|part| url::form_urlencoded::byte_serialize(part).collect::<String>());
                query.push_str(if at == 0 { "?" } else { "&" });
                query.push_str(&parts.join("="));
            }
            let name = &pairs[place].0;
            bad.push((format!("{how} in {name}"), format!("{path}{query}")));
        }
    }
    bad
}

/// For a few of another's things of each kind, the form with their names wherever it has one of one's own: in fields, in
/// what can be chosen, in the query of its address.
pub fn in_place_of(
    form: &Form,
    button: Option<usize>,
    address: &str,
    others: &Others,
) -> Vec<Foreign> {
    let mut foreign = Vec::new();
    for (kind, name) in others.some_of_each() {
        let mut pairs = form.pairs(button);
        // What can be chosen and is not is sent too.
        for field in &form.fields {
            let options: &[(String, String)] = match &field.control {
                Control::Choice(options) => options,
                Control::Tick(value) => &[(value.clone(), String::new())],
                _ => &[],
            };
            let option = options.iter().find(|(value, _)| others.mine(value));
            if let Some((value, _)) = option
                && !pairs.iter().any(|(name, _)| *name == field.name)
            {
                pairs.push((field.name.clone(), value.clone()));
            }
        }
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let (query, in_query) = others.replaced(query, name);
        let mut changed = in_query;
        for (field, value) in pairs.iter_mut().filter(|(field, _)| field != "_csrf") {
            for text in [field, value] {
                let (other, is_other) = others.replaced(text, name);
                changed |= is_other;
                *text = other;
            }
        }
        if !changed {
            return Vec::new();
        }
        let address = match query.as_str() {
            "" => path.to_owned(),
            query => format!("{path}?{query}"),
        };
        let (content, body) = encoded(&pairs, form.multipart);
        let how = format!("with another's {name} of {kind}");
        foreign.push((how, address, Some(content), body));
    }
    foreign
}

/// The form with another's things beside what it has, by names that a handler could read.
pub fn beside(form: &Form, button: Option<usize>, address: &str, others: &Others) -> Foreign {
    let mut pairs = form.pairs(button);
    for (kind, name) in others.one_of_each() {
        let one = kind.trim_end_matches('s');
        for field in [one.to_owned(), format!("{one}_id"), format!("_{one}")] {
            pairs.push((field, name.to_owned()));
        }
    }
    let (content, body) = encoded(&pairs, form.multipart);
    let how = "with another's things beside one's own".to_owned();
    (how, address.to_owned(), Some(content), body)
}

/// Bodies of several parts that a browser would never send.
fn broken_parts(pairs: &[(String, String)]) -> Vec<Sending> {
    let (kind, good) = encoded(pairs, true);
    let part = |head: &str, content: &[u8]| {
        let mut body = good[..good.len() - BOUNDARY.len() - 6].to_vec();
        body.extend(
            format!("--{BOUNDARY}\r\ncontent-disposition: form-data; {head}\r\n\r\n").as_bytes(),
        );
        body.extend(content);
        body.extend(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        body
    };
    let file = "name=\"file\"; filename=\"a.jpg\"";
    let bodies: [(&str, Option<String>, Vec<u8>); 14] = [
        (
            "cut off",
            Some(kind.clone()),
            good[..good.len() / 2].to_vec(),
        ),
        (
            "without its end",
            Some(kind.clone()),
            good[..good.len() - 4].to_vec(),
        ),
        (
            "without a boundary",
            Some("multipart/form-data".into()),
            good.clone(),
        ),
        (
            "with an empty boundary",
            Some("multipart/form-data; boundary=".into()),
            good.clone(),
        ),
        (
            "with another boundary",
            Some("multipart/form-data; boundary=other".into()),
            good.clone(),
        ),
        (
            "with a long boundary",
            Some(format!(
                "multipart/form-data; boundary={}",
                "b".repeat(9_000)
            )),
            good.clone(),
        ),
        ("with nothing in it", Some(kind.clone()), Vec::new()),
        (
            "a part without a name",
            Some(kind.clone()),
            part("x=1", b"y"),
        ),
        (
            "a name that is no text",
            Some(kind.clone()),
            part("name=\"\u{fffd}\0\"", b"\xff\xfe"),
        ),
        ("an empty file", Some(kind.clone()), part(file, b"")),
        (
            "a file of zeros",
            Some(kind.clone()),
            part(file, &[0; 5_000]),
        ),
        (
            "a file that begins like a picture",
            Some(kind.clone()),
            part(file, b"\xff\xd8\xff\xe0\0\x10JFIF and no more"),
        ),
        (
            "a file named by a villain",
            Some(kind.clone()),
            part(
                "name=\"file\"; filename=\"../../etc/\u{202e}gpj.exe\0.jpg\"",
                b"%PDF-1.7",
            ),
        ),
        (
            "two files",
            Some(kind),
            [part(file, b"%PDF-1.7\n%%EOF"), part(file, b"x")].concat(),
        ),
    ];
    bodies
        .into_iter()
        .map(|(how, kind, body)| (how.to_owned(), kind, body))
        .collect()
}

fn in_bytes(pairs: &[(Vec<u8>, Vec<u8>)], multipart: bool) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (name, value) in pairs {
        if multipart {
            body.extend(
                format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"").as_bytes(),
            );
            body.extend(name);
            body.extend(b"\"\r\n\r\n");
            body.extend(value);
            body.extend(b"\r\n");
        } else {
            if !body.is_empty() {
                body.push(b'&');
            }
            body.extend(
                url::form_urlencoded::byte_serialize(name)
                    .collect::<String>()
                    .as_bytes(),
            );
            body.push(b'=');
            body.extend(
                url::form_urlencoded::byte_serialize(value)
                    .collect::<String>()
                    .as_bytes(),
            );
        }
    }
    if multipart {
        body.extend(format!("--{BOUNDARY}--\r\n").as_bytes());
        return (format!("multipart/form-data; boundary={BOUNDARY}"), body);
    }
    (URLENCODED.to_owned(), body)
}

/// Compared by what is sent, so that one who sends nothing bad is noticed.
#[test]
fn bad_bodies_differ_from_the_good_one() {
    let page = yinxin_house::Page {
        status: reqwest::StatusCode::OK,
        path: "/x".to_owned(),
        headers: Default::default(),
        body:
            "<form method=post><input type=hidden name=_csrf value=t><input name=a value=1></form>"
                .into(),
    };
    let form = page.forms().remove(0);
    let (_, good) = form.body(None);
    let bad = bad_bodies(&form, None);
    assert!(bad.len() > 20);
    assert!(bad.iter().all(|(_, _, body)| *body != good));
}
