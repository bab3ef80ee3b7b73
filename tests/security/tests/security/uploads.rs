//! Files that somebody sent us, on their way back: whatever they hold, a browser runs nothing of it.

use crate::making::file;
use crate::world::{form_to, world};
use reqwest::{Method, StatusCode};
use std::collections::BTreeMap;
use yinxin_house::{Browser, Form, Page, scans};

const SCRIPT: &[u8] = b"<html><script>alert(document.domain)</script></html>";

/// Names under which villains send files; each is a valid part of a header.
const NAMES: [&str; 8] = [
    "a%0d%0ax-evil: 1.jpg",
    "a\\\"; filename=\\\"b.html\\\"; x=\\\".jpg",
    "../../../../a.jpg",
    "..\\\\..\\\\a.jpg",
    "<script>alert(1)</script>.jpg",
    "a.html",
    "a.jpg.html",
    "\u{202e}gpj.exe",
];

/// Files that are no scan, whatever their name says.
fn pretended() -> BTreeMap<&'static str, Vec<u8>> {
    BTreeMap::from([
        ("html.jpg", SCRIPT.to_vec()),
        ("svg.jpg", b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>".to_vec()),
        ("svg.png", b"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>".to_vec()),
        ("script.jpg", b"alert(1)//".to_vec()),
        ("gif.jpg", [b"GIF89a/*".as_slice(), SCRIPT, b"*/=1;alert(1)"].concat()),
        ("half.jpg", scans::sheet(5)[..400].to_vec()),
        ("head.jpg", [b"\xff\xd8\xff\xe0\0\x10JFIF\0".as_slice(), SCRIPT].concat()),
        ("head.png", [b"\x89PNG\r\n\x1a\n".as_slice(), SCRIPT].concat()),
        ("program.jpg", [b"MZ".as_slice(), &[0; 400]].concat()),
        ("elf.jpg", [b"\x7fELF".as_slice(), &[0; 400]].concat()),
        ("nothing.jpg", Vec::new()),
    ])
}

/// A scan that is a page too: markup in a comment of the picture and behind its end.
fn picture_and_page() -> Vec<u8> {
    let scan = scans::sheet(77);
    let mut both = scan[..2].to_vec();
    let length = u16::try_from(SCRIPT.len() + 2).unwrap();
    both.extend([0xff, 0xfe]);
    both.extend(length.to_be_bytes());
    both.extend(SCRIPT);
    both.extend(&scan[2..]);
    both.extend(SCRIPT);
    both
}

fn found_form(person: &str, part: &str) -> Form {
    let world = world();
    let place = world.people.iter().position(|other| other.name == person);
    let forms = &world.found[place.unwrap()].forms;
    let mut multipart = forms.iter().filter(|(_, form)| form.multipart);
    let found =
        multipart.find(|(_, form)| form.action.contains(part) && !form.action.ends_with("/remove"));
    found
        .unwrap_or_else(|| panic!("{person} has no form for {part}"))
        .1
        .clone()
}

/// Address of the file that the page shows in this place.
fn shown(page: &Page, part: &str) -> Vec<String> {
    let links = yinxin_security::crawl::links_on(page);
    links
        .into_iter()
        .filter(|href| href.contains(part))
        .collect()
}

/// What is true of every file on its way back.
fn assert_harmless(page: &Page, what: &str) {
    assert_eq!(page.status, StatusCode::OK, "{what}: {}", page.main_text());
    let header = |name: &str| {
        let all: Vec<&str> = page
            .headers
            .get_all(name)
            .iter()
            .map(|value| value.to_str().unwrap())
            .collect();
        assert_eq!(all.len(), 1, "{what}: {name}: {all:?}");
        all[0].to_owned()
    };
    assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
    let kind = header("content-type");
    let harmless = [
        "image/jpeg",
        "image/png",
        "image/bmp",
        "application/pdf",
        "application/octet-stream",
        "application/zip",
    ];
    let policy = header("content-security-policy");
    assert!(policy.contains("default-src 'none'"), "{what}: {policy}");
    let disposition = header("content-disposition");
    let saved = disposition.starts_with("attachment");
    assert!(saved || harmless.contains(&kind.as_str()), "{what}: {kind}");
    if !disposition.starts_with("attachment") {
        let framed = kind == "application/pdf" && policy.contains("frame-ancestors 'self'");
        assert!(policy.contains("sandbox") || framed, "{what}: {policy}");
        assert!(
            kind.starts_with("image/") || framed,
            "{what}: {kind} is shown"
        );
    }
    let (_, name) = disposition
        .split_once("filename*=UTF-8''")
        .expect(&disposition);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
    assert!(name.bytes().all(plain), "{what}: {disposition}");
    assert!(!page.headers.contains_key("x-evil"), "{what}");
    // It ends as what it is, so that a computer opens nothing else.
    let end = name.rsplit('.').next().unwrap();
    let ends: &[&str] = match kind.as_str() {
        "image/jpeg" => &["jpg", "jpeg"],
        "image/png" => &["png"],
        "application/pdf" => &["pdf"],
        _ => &[end],
    };
    assert!(ends.contains(&end), "{what}: {name} is {kind}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_scan_is_refused_with_a_reason() {
    let world = world();
    let house = world.open().await.unwrap();
    for (person, part) in [
        ("first of yingtan", "/materials/"),
        ("first of fujian", "/slip"),
    ] {
        let form = found_form(person, part);
        let mut browser = world.person(person).browser(&house);
        for (name, bytes) in pretended() {
            let mut form = form.clone();
            form.fill("file", file(name, &bytes)).unwrap();
            let answer = browser.send_once(&form, Some(0)).await.unwrap();
            assert_eq!(
                answer.status,
                StatusCode::UNPROCESSABLE_ENTITY,
                "{name} to {part}"
            );
            assert!(
                answer.find(".error").is_some_and(|text| !text.is_empty()),
                "{name} to {part}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_that_is_a_page_too_runs_nowhere() {
    let world = world();
    let house = world.open().await.unwrap();
    let form = found_form("first of yingtan", "/materials/");
    let mut browser = world.person("first of yingtan").browser(&house);
    let mut reviewer = world.person("reviewer of yingtan").browser(&house);
    let both = picture_and_page();
    for name in NAMES.iter().chain(&["扫描件.jpg"]) {
        let mut form = form.clone();
        form.fill("file", file(name, &both)).unwrap();
        let page = browser.send(&form, Some(0)).await.unwrap();
        assert_eq!(page.status, StatusCode::OK, "{name}: {}", page.main_text());
        let html = page.html();
        assert!(!html.contains("<script>alert"), "{name} stays text");
        let case = form.action.split("/materials/").next().unwrap().to_owned();
        let mut seen = 0;
        for address in shown(&page, &format!("{case}/files/")) {
            let own = browser
                .ask(Method::GET, &address, &[], Vec::new())
                .await
                .unwrap();
            assert_harmless(&own, &format!("{address} of {name}"));
            if !own.body.ends_with(SCRIPT) {
                continue; // another file, or a thumbnail
            }
            seen += 1;
            // Clerks look at another picture of it, and save what was sent.
            let file = format!("/console{address}");
            for end in ["", "/thumbnail"] {
                let page = reviewer.open(&format!("{file}{end}")).await.unwrap();
                assert_harmless(&page, &format!("{file}{end} of {name}"));
                let markup = page.body.windows(8).any(|part| part == b"<script>");
                assert!(!markup, "{file}{end} has none of the bytes that were sent");
            }
            let original = reviewer.open(&format!("{file}/original")).await.unwrap();
            assert_harmless(&original, &format!("the original of {name}"));
            let disposition = original.headers["content-disposition"]
                .to_str()
                .unwrap()
                .to_owned();
            assert!(disposition.starts_with("attachment"), "{disposition}");
        }
        assert!(seen > 0, "{name} was shown");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_that_is_a_page_too_opens_as_a_pdf_and_nothing_else() {
    let world = world();
    let house = world.open().await.unwrap();
    let mut form = found_form("first of fujian", "/slip");
    let mut browser = world.person("first of fujian").browser(&house);
    let pdf = [
        b"%PDF-1.7\n".as_slice(),
        SCRIPT,
        b"\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>>>endobj\n%%EOF",
    ]
    .concat();
    form.fill("file", file("slip.html", &pdf)).unwrap();
    let page = browser.send(&form, Some(0)).await.unwrap();
    assert_eq!(page.status, StatusCode::OK, "{}", page.main_text());
    let own = browser
        .ask(Method::GET, &form.action, &[], Vec::new())
        .await
        .unwrap();
    assert_harmless(&own, "the applicant's slip");
    let order = form.action.strip_suffix("/slip").unwrap().to_owned();
    let mut finance = world.person("finance of fujian").browser(&house);
    let page = finance.open(&format!("/console{order}")).await.unwrap();
    let slips = shown(&page, "/slips/");
    assert!(!slips.is_empty(), "{}", page.main_text());
    for slip in slips {
        let page = finance
            .ask(Method::GET, &slip, &[], Vec::new())
            .await
            .unwrap();
        assert_harmless(&page, &slip);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_administrator_offers_is_saved_and_never_shown() {
    let world = world();
    let house = world.open().await.unwrap();
    let mut administrator = world.person("administrator of fujian").browser(&house);
    for name in ["page.html", "picture.svg", "a.js", "a%0d%0ax-evil: 1.htm"] {
        let page = administrator
            .open("/console/content/new-download")
            .await
            .unwrap();
        let mut form = form_to(&page, "/console/content/new-download").unwrap();
        form.fill("title", name).unwrap();
        form.fill("published", yinxin_house::page::Answer::Tick(true))
            .unwrap();
        form.fill("file", file(name, SCRIPT)).unwrap();
        let page = administrator.send(&form, Some(0)).await.unwrap();
        assert_eq!(page.status, StatusCode::OK, "{name}: {}", page.main_text());
    }
    let mut anybody = Browser::new(&house, "fujian");
    let page = anybody.open("/downloads").await.unwrap();
    let mut seen = 0;
    for address in shown(&page, "/downloads/") {
        let page = anybody
            .ask(Method::GET, &address, &[], Vec::new())
            .await
            .unwrap();
        let disposition = page.headers["content-disposition"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(
            disposition.starts_with("attachment"),
            "{address}: {disposition}"
        );
        assert_harmless(&page, &address);
        seen += usize::from(page.body == SCRIPT);
    }
    assert_eq!(seen, 4);
}
