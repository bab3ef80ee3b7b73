//! Logging in and out: whose session it is, and when it ends.

use crate::world::{Kind, Person, form_to, world};
use anyhow::Result;
use reqwest::{Method, StatusCode};
use std::collections::BTreeMap;
use yinxin_house::house::CLERK_PASSWORD;
use yinxin_house::people::sum_on;
use yinxin_house::{Browser, Options, Page};

const APPLICANT: &str = "yinxin-session";
const CLERK: &str = "yinxin-clerk";

pub fn door(kind: Kind) -> (&'static str, &'static str, &'static str) {
    match kind {
        Kind::Applicant => ("/login", "/profile", APPLICANT),
        Kind::Clerk(_) => ("/console/login", "/console", CLERK),
    }
}

/// What somebody types at the door.
pub fn login_of(person: &Person) -> (String, String) {
    match (person.kind, &person.unit) {
        (Kind::Clerk(_), _) => {
            let role = person.name.split(' ').next().unwrap_or_default();
            let login = if role == "administrator" {
                "admin"
            } else {
                role
            };
            (login.to_owned(), CLERK_PASSWORD.to_owned())
        }
        (Kind::Applicant, Some(unit)) if person.site == "yingtan" => {
            (unit.uscc.clone(), unit.password.clone())
        }
        (Kind::Applicant, unit) => {
            let unit = unit.as_ref().unwrap();
            (unit.mobile.clone(), unit.password.clone())
        }
    }
}

/// Sends the log-in page as it is shown to this browser, and does not follow. Where the answer asks for a picture code
/// that the page did not have, it is answered too.
async fn log_in(browser: &mut Browser, path: &str, login: &str, password: &str) -> Result<Page> {
    let page = browser.open(path).await?;
    let asked = asks_for_picture(&page);
    let answer = send_log_in(browser, &page, path, login, password).await?;
    if answer.status == StatusCode::UNPROCESSABLE_ENTITY && !asked && asks_for_picture(&answer) {
        return send_log_in(browser, &answer, path, login, password).await;
    }
    Ok(answer)
}

fn asks_for_picture(page: &Page) -> bool {
    page.find("form [name=picture_code]").is_some()
}

async fn send_log_in(
    browser: &mut Browser,
    page: &Page,
    path: &str,
    login: &str,
    password: &str,
) -> Result<Page> {
    let mut page = page.clone();
    if asks_for_picture(&page) && page.find("[data-question]").is_none() {
        page = browser.press(&page, "改为算术题", &[]).await?;
    }
    let mut form = form_to(&page, path)?;
    form.fill("login_id", login)?;
    form.fill("password", password)?;
    if asks_for_picture(&page) {
        form.fill("picture_code", &sum_on(&page)?)?;
    }
    let button = form.buttons.iter().position(|button| button.text == "登录");
    browser.send_once(&form, button).await
}

pub async fn is_in(browser: &mut Browser, path: &str) -> Result<bool> {
    let page = browser.ask(Method::GET, path, &[], Vec::new()).await?;
    Ok(page.status == StatusCode::OK)
}

fn some_of_each() -> Vec<&'static Person> {
    [
        "first of yingtan",
        "first of fujian",
        "finance of fujian",
        "administrator of yingtan",
    ]
    .map(|name| world().person(name))
    .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_known_before_is_worth_nothing_after_a_log_in() {
    let world = world();
    let house = world.open().await.unwrap();
    for person in some_of_each() {
        let (path, inside, cookie) = door(person.kind);
        let (login, password) = login_of(person);
        // One that the villain made up.
        let mut browser = Browser::new(&house, person.site);
        browser
            .cookies
            .insert(cookie.to_owned(), "planted".to_owned());
        let answer = log_in(&mut browser, path, &login, &password).await.unwrap();
        assert_eq!(
            answer.status,
            StatusCode::SEE_OTHER,
            "{}: {}",
            person.name,
            answer.main_text()
        );
        let own = browser.cookies[cookie].clone();
        assert_ne!(own, "planted");
        assert!(own.len() >= 43, "256 bits: {own}");
        assert!(
            !browser.cookies.contains_key("yinxin-visit"),
            "the visit ends with the log-in"
        );
        // One that is good, of the same kind, in a browser whose owner does not know of it.
        let others = world.people.iter().find(|other| {
            let same =
                matches!(other.kind, Kind::Applicant) == matches!(person.kind, Kind::Applicant);
            same && other.site == person.site && other.name != person.name
        });
        let mut planted = others.unwrap().browser(&house);
        let known = planted.clone();
        assert!(is_in(&mut planted, inside).await.unwrap());
        let mut form =
            BTreeMap::from([("login_id", login.clone()), ("password", password.clone())]);
        let page = planted.get(inside).await.unwrap();
        let token = page.attribute("input[name=_csrf]", "value").unwrap();
        form.insert("_csrf", token);
        // The page with the picture is not shown to who is logged in; another browser's answer does.
        let mut helper = Browser::new(&house, person.site);
        let page = helper.open(path).await.unwrap();
        if page.find("form [name=picture_code]").is_some() || page.html().contains("picture_code") {
            let page = helper.press(&page, "改为算术题", &[]).await.unwrap();
            form.insert("picture_code", sum_on(&page).unwrap());
            let id = page.attribute("input[name=_picture]", "value").unwrap();
            form.insert("_picture", id);
        }
        let pairs: Vec<(String, String)> = form
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let (kind, body) = crate::asking::encoded(&pairs, false);
        let headers = [("content-type", kind.as_str())];
        let answer = planted
            .ask(Method::POST, path, &headers, body)
            .await
            .unwrap();
        assert_eq!(
            answer.status,
            StatusCode::SEE_OTHER,
            "{}: {}",
            person.name,
            answer.main_text()
        );
        assert_ne!(planted.cookies[cookie], known.cookies[cookie]);
        let mut old = known;
        assert!(
            !is_in(&mut old, inside).await.unwrap(),
            "{}: the session from before is over",
            person.name
        );
        assert!(is_in(&mut planted, inside).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_https_every_cookie_is_for_this_host_and_no_script() {
    let options = Options {
        words: vec!["--https".to_owned()],
        ..Options::default()
    };
    let house = world().open_with(options).await.unwrap();
    let mut seen = BTreeMap::new();
    for person in some_of_each() {
        let (path, _, _) = door(person.kind);
        let (login, password) = login_of(person);
        let mut browser = Browser::new(&house, person.site);
        let mut pages = vec![browser.get(path).await.unwrap()];
        pages.push(log_in(&mut browser, path, &login, &password).await.unwrap());
        assert_eq!(pages[1].status, StatusCode::SEE_OTHER);
        let inside = if path == "/login" {
            "/profile"
        } else {
            "/console/password"
        };
        let page = browser.open(inside).await.unwrap();
        let out = form_to(&page, "logout").unwrap();
        pages.push(browser.send_once(&out, Some(0)).await.unwrap());
        for page in pages {
            assert!(page.headers.contains_key("strict-transport-security"));
            for cookie in page.headers.get_all("set-cookie") {
                let cookie = cookie.to_str().unwrap().to_owned();
                for part in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
                    assert!(cookie.contains(part), "{cookie}");
                }
                assert!(!cookie.to_ascii_lowercase().contains("domain="), "{cookie}");
                let name = cookie.split('=').next().unwrap().to_owned();
                assert!(name.starts_with("__Host-"), "{cookie}");
                seen.insert(name, cookie);
            }
        }
    }
    let names: Vec<&str> = seen.keys().map(String::as_str).collect();
    let all = ["clerk", "flash", "session", "visit"].map(|name| format!("__Host-yinxin-{name}"));
    assert_eq!(names, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_at_logging_out_and_elsewhere_at_a_change_of_password() {
    let house = world().open().await.unwrap();
    for person in some_of_each() {
        let (path, inside, _) = door(person.kind);
        let (login, password) = login_of(person);
        let changing = if path == "/login" {
            "/profile/password"
        } else {
            "/console/password"
        };
        let mut windows = Vec::new();
        for _ in 0..3 {
            let mut browser = Browser::new(&house, person.site);
            log_in(&mut browser, path, &login, &password).await.unwrap();
            assert!(is_in(&mut browser, inside).await.unwrap());
            windows.push(browser);
        }
        // What is kept of a session is worth nothing once it is logged out.
        let mut kept = windows[0].clone();
        let page = windows[0].open(inside).await.unwrap();
        let out = form_to(&page, "logout").unwrap();
        windows[0].send(&out, Some(0)).await.unwrap();
        assert!(
            !is_in(&mut kept, inside).await.unwrap(),
            "{} logged out",
            person.name
        );
        assert!(is_in(&mut windows[1], inside).await.unwrap());
        let page = windows[1].open(changing).await.unwrap();
        let mut form = form_to(&page, changing).unwrap();
        let new = "wu-yi-shan-cha-1987";
        form.fill("old_password", &password).unwrap();
        form.fill("password", new).unwrap();
        form.fill("password_again", new).unwrap();
        let answer = windows[1].send_once(&form, Some(0)).await.unwrap();
        assert_eq!(
            answer.status,
            StatusCode::SEE_OTHER,
            "{}: {}",
            person.name,
            answer.main_text()
        );
        assert!(is_in(&mut windows[1], inside).await.unwrap());
        assert!(
            !is_in(&mut windows[2], inside).await.unwrap(),
            "{} elsewhere",
            person.name
        );
        let mut browser = Browser::new(&house, person.site);
        let refused = log_in(&mut browser, path, &login, &password).await.unwrap();
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_locks_the_account_from_everywhere_and_nobody_else() {
    let world = world();
    let house = world.open().await.unwrap();
    for (victim, bystander) in [
        ("first of fujian", "second of fujian"),
        ("finance of fujian", "maker of fujian"),
    ] {
        let (victim, bystander) = (world.person(victim), world.person(bystander));
        let (path, _, _) = door(victim.kind);
        let (login, password) = login_of(victim);
        for guess in 0..5 {
            // Each from an address of its own.
            let mut browser = Browser::new(&house, victim.site);
            let wrong = format!("wrong password {guess}");
            let answer = log_in(&mut browser, path, &login, &wrong).await.unwrap();
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        }
        let mut browser = Browser::new(&house, victim.site);
        let locked = log_in(&mut browser, path, &login, &password).await.unwrap();
        assert_eq!(
            locked.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{}",
            victim.name
        );
        assert!(
            locked.has("秒后再试") || locked.has("秒 后再试"),
            "{}",
            locked.main_text()
        );
        let (login, password) = login_of(bystander);
        let free = log_in(&mut browser, path, &login, &password).await.unwrap();
        assert_eq!(free.status, StatusCode::SEE_OTHER, "{}", bystander.name);
        // Who is in already stays in.
        assert!(
            is_in(&mut victim.browser(&house), door(victim.kind).1)
                .await
                .unwrap()
        );
    }
}
