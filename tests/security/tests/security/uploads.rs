//! Files that somebody sent us, on their way back: whatever they hold, a browser runs nothing of it.

use crate::bombs::BOMBS;
use crate::making::file;
use crate::world::{SITES, form_to, world};
use reqwest::{Method, StatusCode};
use std::collections::BTreeMap;
use std::path::Path;
use yinxin_house::page::Control;
use yinxin_house::{Browser, Form, House, Page, scans};
use yinxin_security::database::{Row, Watch};

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

/// Bytes that the server may take for what else it does in the meantime.
const BESIDE: usize = 32 << 20;

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
        ("first of fujian", "/materials/"),
        ("first of fujian", "/slip"),
        ("finance of yingtan", "/actions/invoice"),
        ("finance of fujian", "/invoice"),
    ] {
        let form = found_form(person, part);
        let mut browser = world.person(person).browser(&house);
        for (name, bytes) in pretended() {
            let mut form = form.clone();
            attach(&mut form, name, &bytes);
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
    for site in SITES {
        try_scans(site).await;
    }
}

async fn try_scans(site: &str) {
    let world = world();
    let house = world.open().await.unwrap();
    let applicant = format!("first of {site}");
    let form = found_form(&applicant, "/materials/");
    let mut browser = world.person(&applicant).browser(&house);
    let mut reviewer = world.person(&format!("reviewer of {site}")).browser(&house);
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

/// A PDF that is a page too, and wants to run something in a reader.
fn pdf_and_page() -> Vec<u8> {
    [
        b"%PDF-1.7\n".as_slice(),
        SCRIPT,
        b"\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>>>endobj\n%%EOF",
    ]
    .concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_that_is_a_page_too_opens_as_a_pdf_and_nothing_else() {
    let world = world();
    let house = world.open().await.unwrap();
    let mut form = found_form("first of fujian", "/slip");
    let mut browser = world.person("first of fujian").browser(&house);
    form.fill("file", file("slip.html", &pdf_and_page()))
        .unwrap();
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

/// A field for a PDF, by the label or the name that it has on each page.
fn attach(form: &mut Form, name: &str, bytes: &[u8]) {
    let field = form
        .fields
        .iter()
        .find(|field| field.control == Control::File);
    let field = field.expect("a file is asked for").name.clone();
    form.fill(&field, file(name, bytes)).unwrap();
}

/// Every answer at this address is harmless, and there is one for who may see it. To others it is not there.
async fn look_at_saved(
    house: &House,
    address: &str,
    (may, may_not): (&[&str], &[&str]),
    bytes: &[u8],
) {
    for name in may {
        let mut browser = world().person(name).browser(house);
        let page = browser
            .ask(Method::GET, address, &[], Vec::new())
            .await
            .unwrap();
        let what = format!("{address} for {name}");
        assert_harmless(&page, &what);
        let disposition = page.headers["content-disposition"].to_str().unwrap();
        assert!(
            disposition.starts_with("attachment"),
            "{what}: {disposition}"
        );
        assert!(page.body == bytes, "{what}: is what was sent");
    }
    for name in may_not {
        let mut browser = world().person(name).browser(house);
        let page = browser
            .ask(Method::GET, address, &[], Vec::new())
            .await
            .unwrap();
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{address} for {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_clerk_attaches_to_a_case_is_saved_as_a_pdf_and_nothing_else() {
    let world = world();
    let house = world.open().await.unwrap();
    let mut watch = Watch::open(&house.database_url()).await.unwrap();
    let mut form = found_form("finance of yingtan", "/actions/invoice");
    let mut finance = world.person("finance of yingtan").browser(&house);
    let pdf = pdf_and_page();
    attach(&mut form, "a%0d%0ax-evil: 1.html", &pdf);
    form.fill("发票号码", "25362000000000000017").unwrap();
    let page = finance.send_once(&form, Some(0)).await.unwrap();
    assert!(page.status.is_redirection(), "{}", page.main_text());
    // No page leads to it: it goes by mail. Its address can be guessed by who knows its id.
    let files = watch.changes().await.unwrap();
    let files = files.iter().filter(|change| change.table == "files");
    let files: Vec<&Row> = files.flat_map(|change| &change.rows).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let (_, case) = form.action.split_once("/console").unwrap();
    let case = case.split("/actions/").next().unwrap();
    let own = format!("{case}/files/{}", files[0].get("id"));
    let others = ["second of yingtan", "first of fujian"];
    look_at_saved(&house, &own, (&["first of yingtan"], &others), &pdf).await;
    let clerks = ["finance of yingtan", "reviewer of yingtan"];
    let elsewhere = ["finance of fujian", "administrator of fujian"];
    let original = format!("/console{own}/original");
    look_at_saved(&house, &original, (&clerks, &elsewhere), &pdf).await;
    // A PDF is not looked at, and there is no picture of it.
    for end in ["", "/thumbnail"] {
        let address = format!("/console{own}{end}");
        look_at_saved(&house, &address, (&[], &clerks), &pdf).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_put_there_by_hand_is_saved_as_a_pdf_and_nothing_else() {
    let world = world();
    let house = world.open().await.unwrap();
    let mut form = found_form("finance of fujian", "/invoice");
    let mut finance = world.person("finance of fujian").browser(&house);
    let pdf = pdf_and_page();
    attach(&mut form, "a%0d%0ax-evil: 1.html", &pdf);
    form.fill("number", "25352000000000000017").unwrap();
    let page = finance.send(&form, Some(0)).await.unwrap();
    assert_eq!(page.status, StatusCode::OK, "{}", page.main_text());
    let saved = shown(&page, "/console/invoices/");
    let saved: Vec<&String> = saved
        .iter()
        .filter(|href| href.ends_with("/file"))
        .collect();
    assert_eq!(saved.len(), 1, "{}", page.main_text());
    let clerks = ["finance of fujian", "administrator of fujian"];
    let elsewhere = ["finance of yingtan", "administrator of yingtan"];
    look_at_saved(&house, saved[0], (&clerks, &elsewhere), &pdf).await;
    let order = form.action.strip_prefix("/console").unwrap();
    let order = order.strip_suffix("/invoice").unwrap();
    let mut applicant = world.person("second of fujian").browser(&house);
    let page = applicant.open(order).await.unwrap();
    let own = shown(&page, &format!("{order}/invoices/"));
    assert!(!own.is_empty(), "{}", page.main_text());
    for address in own {
        let others = ["first of fujian", "second of yingtan"];
        look_at_saved(&house, &address, (&["second of fujian"], &others), &pdf).await;
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

/// Files below a folder.
fn files_in(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| match entry.file_type().unwrap().is_dir() {
            true => files_in(&entry.path()),
            false => 1,
        })
        .sum()
}

/// Bytes of the server's memory: now, or at the most since [`forget_the_most`].
fn memory(server: u32, line: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{server}/status")).unwrap();
    let found = status.lines().find_map(|found| found.strip_prefix(line));
    let kibibytes = found.and_then(|found| found.trim().strip_suffix(" kB"));
    kibibytes.unwrap().parse::<usize>().unwrap() << 10
}

fn forget_the_most(server: u32) {
    std::fs::write(format!("/proc/{server}/clear_refs"), "5").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_is_answered_for_takes_little_memory_and_leaves_nothing_behind() {
    let world = world();
    let house = world.open().await.unwrap();
    let server = house.processes().0.unwrap();
    let mut watch = Watch::open(&house.database_url()).await.unwrap();
    let blobs = house.data().join("blobs");
    let bombs: Vec<_> = BOMBS.iter().map(|bomb| (bomb, (bomb.make)())).collect();
    let mut reviewer = world.person("reviewer of yingtan").browser(&house);
    for (person, part) in [
        ("first of yingtan", "/materials/"),
        ("first of fujian", "/slip"),
    ] {
        let form = found_form(person, part);
        let mut browser = world.person(person).browser(&house);
        for (bomb, bytes) in &bombs {
            let what = format!("{} to {part}", bomb.name);
            let mut form = form.clone();
            form.fill("file", file(bomb.name, bytes)).unwrap();
            watch.settle().await.unwrap();
            let before = files_in(&blobs);
            forget_the_most(server);
            let at_first = memory(server, "VmRSS:");
            let answer = browser.send_once(&form, Some(0)).await.unwrap();
            let took = memory(server, "VmHWM:").saturating_sub(at_first);
            assert!(
                took < bomb.most_bytes + BESIDE,
                "{what} took {took} bytes of memory"
            );
            match bomb.refused {
                Some(sentence) => {
                    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{what}");
                    let said = answer.find(".error").unwrap_or_default();
                    assert!(said.contains(sentence), "{what}: {said}");
                    assert_eq!(watch.changed().await.unwrap(), [""; 0], "{what}");
                    assert_eq!(files_in(&blobs), before, "{what}: something was stored");
                }
                None => {
                    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{what}");
                    assert!(files_in(&blobs) > before, "{what}");
                }
            }
            // The next page is there all the same.
            let page = browser.get("/cases").await.unwrap();
            assert_eq!(page.status, StatusCode::OK, "after {what}");
        }
        if part != "/materials/" {
            continue;
        }
        // What a clerk looks at of one that was taken is the picture and nothing else of it.
        let case = form.action.split("/materials/").next().unwrap();
        let page = browser
            .open(&format!("{case}/steps/materials"))
            .await
            .unwrap();
        let files = shown(&page, &format!("{case}/files/"));
        let mut seen = 0;
        for address in files
            .iter()
            .filter(|address| !address.ends_with("/thumbnail"))
        {
            let view = reviewer.open(&format!("/console{address}")).await.unwrap();
            seen += usize::from(view.body.len() < 20_000);
        }
        assert!(seen > 0, "none is shown of {files:?}");
    }
}
