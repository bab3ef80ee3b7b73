//! What the doors tell a stranger: not who exists; and whom they disturb, and where they lead.

use crate::asking::{Asker, leads_to};
use crate::doors::{door, is_in, login_of};
use crate::world::{Person, SITES, form_to, world};
use anyhow::{Context, Result, ensure};
use reqwest::{Method, StatusCode};
use sqlx::{AnyConnection, Connection};
use std::time::{Duration, Instant};
use yinxin_house::people::sum_on;
use yinxin_house::{Browser, Clerk, Form, House, Options, Page, Unit};

/// A server that says each statement and each work on a password.
async fn talkative() -> House {
    let options = Options {
        environment: vec![(
            "RUST_LOG".to_owned(),
            "info,sqlx::query=debug,yinxin_services::accounts::password=trace".to_owned(),
        )],
        ..Options::default()
    };
    world().open_with(options).await.unwrap()
}

/// What one request cost: statements in their order without the worker's, and works on a password.
#[derive(Debug, PartialEq, Eq)]
struct Cost {
    statements: Vec<String>,
    passwords: usize,
}

fn cost(log: &str) -> Cost {
    let statement = |line: &str| {
        let (_, rest) = line.split_once("summary=\"")?;
        Some(rest.split('"').next()?.to_owned())
    };
    let others = ["jobs", "messages", "PRAGMA", "COMMIT", "BEGIN"];
    let statements = log.lines().filter_map(statement);
    Cost {
        statements: statements
            .filter(|text| !others.iter().any(|other| text.contains(other)))
            .collect(),
        passwords: log.matches("a password is worked on").count(),
    }
}

/// The page without what is another at each showing, and without what was typed.
fn plain(page: &Page, typed: &str) -> String {
    let mut html = page.html().replace(typed, "");
    for (from, to) in [
        ("name=\"_csrf\" value=\"", "\""),
        ("name=\"_picture\" value=\"", "\""),
        ("src=\"data:image&#x2f;png;base64,", "\""),
    ] {
        let mut rest = html.as_str();
        let mut plain = String::new();
        while let Some((before, after)) = rest.split_once(from) {
            plain.push_str(before);
            rest = after.split_once(to).map_or("", |(_, after)| after);
        }
        plain.push_str(rest);
        html = plain;
    }
    // `三加五等于几？`
    let parts = html.split("等于几").map(|part| {
        let mut signs: Vec<char> = part.chars().collect();
        if part.len() < html.len() {
            signs.truncate(signs.len().saturating_sub(3));
        }
        signs.into_iter().collect::<String>()
    });
    parts.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doors_do_not_tell_who_exists() {
    let world = world();
    let house = talkative().await;
    let cases: [(&str, &str, &str); 3] = [
        ("first of yingtan", "/login", "91360600MA3FFFFFX9"),
        ("first of fujian", "/login", "13899990000"),
        ("finance of fujian", "/console/login", "finances"),
    ];
    for (person, path, stranger) in cases {
        let person = world.person(person);
        let (login, _) = login_of(person);
        let mut seen = Vec::new();
        for login in [login.as_str(), stranger] {
            let mut browser = Browser::new(&house, person.site);
            // The page and its picture first, so that only the answer is compared.
            let page = browser.open(path).await.unwrap();
            let page = match page.html().contains("picture_code") {
                true => browser.press(&page, "改为算术题", &[]).await.unwrap(),
                false => page,
            };
            let mut form = form_to(&page, path).unwrap();
            form.fill("login_id", login).unwrap();
            form.fill("password", "not the password").unwrap();
            if page.find("[data-question]").is_some() {
                form.fill("picture_code", &sum_on(&page).unwrap()).unwrap();
            }
            let button = form.buttons.iter().position(|button| button.text == "登录");
            let before = log_with(&house, &page).await.len();
            let answer = browser.send_once(&form, button).await.unwrap();
            let log = log_with(&house, &answer).await;
            seen.push((answer.status, plain(&answer, login), cost(&log[before..])));
        }
        let (known, unknown) = (&seen[0], &seen[1]);
        assert_eq!(known.0, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        assert_eq!(known.1, unknown.1, "{path}: the page");
        assert_eq!(known.2.passwords, 1, "{path}: one work on a password");
        assert!(
            known.2.statements.len() > 4,
            "they were read: {:?}",
            known.2
        );
        assert_eq!(known.2.passwords, unknown.2.passwords, "{path}");
        assert_eq!(works(&known.2), works(&unknown.2), "{path}: the work");
    }
}

/// The log up to the line of the request that this page answers, which comes after all others of that request. Lines are
/// written a while after they were said.
async fn log_with(house: &House, page: &Page) -> String {
    let id = page.headers["x-request-id"].to_str().unwrap();
    let last = format!("yinxin::request: request_id={id}");
    let begun = Instant::now();
    loop {
        let mut log = std::fs::read_to_string(house.server_log()).unwrap();
        if let Some(at) = log.find(&last)
            && let Some(length) = log[at..].find('\n')
        {
            log.truncate(at + length);
            return log;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "no line of {id}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Statements that change something, which cost most.
fn works(cost: &Cost) -> Vec<&String> {
    let changes = cost
        .statements
        .iter()
        .filter(|text| !text.contains("SELECT"));
    changes.collect()
}

/// The page for a new password with this login id filled in, and a sum in place of the picture answered.
async fn asking_to_recover(browser: &mut Browser, login: &str) -> Result<(Form, usize)> {
    let page = browser.open("/recover").await?;
    let page = match page.html().contains("picture_code") {
        true => browser.press(&page, "改为算术题", &[]).await?,
        false => page,
    };
    let (mut form, button) = page.form_with("获取验证码")?;
    form.fill("login_id", login)?;
    if page.find("[data-question]").is_some() {
        form.fill("picture_code", &sum_on(&page)?)?;
    }
    Ok((form, button))
}

/// The page for registering with this mobile filled in, and a sum in place of the picture answered.
async fn asking_to_register(browser: &mut Browser, mobile: &str) -> Result<(Form, usize)> {
    let page = browser.open("/register").await?;
    let page = browser.press(&page, "改为算术题", &[]).await?;
    let (mut form, button) = page.form_with("获取验证码")?;
    form.fill("mobile", mobile)?;
    form.fill("picture_code", &sum_on(&page)?)?;
    Ok((form, button))
}

/// The page for another mobile of somebody who is logged in.
async fn asking_to_change(browser: &mut Browser, mobile: &str) -> Result<(Form, usize)> {
    let page = browser.open("/profile/edit").await?;
    let (mut form, button) = page.form_with("获取验证码")?;
    form.fill("mobile", mobile)?;
    Ok((form, button))
}

/// Lets the counters of all limits be so much older.
async fn pass(house: &House, time: Duration) -> Result<()> {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(&house.database_url()).await?;
    sqlx::query(
        "UPDATE rate_limits SET window_start = window_start - $1, window_end = window_end - $1",
    )
    .bind(i64::try_from(time.as_millis())?)
    .execute(&mut connection)
    .await?;
    Ok(connection.close().await?)
}

const A_MINUTE: Duration = Duration::from_secs(60);
const AN_HOUR: Duration = Duration::from_secs(3600);
const A_DAY: Duration = Duration::from_secs(86_400);

/// Somebody of the same kind whom nobody knows.
fn stranger_like(person: &Person) -> Person {
    Person {
        unit: Some(Unit::number(8_642)),
        ..person.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_a_code_tells_nobody_who_exists() {
    /// Every answer takes this long at least, which hides the message that is queued for who exists.
    const LEAST: Duration = Duration::from_millis(300);
    /// By so much the quickest of a few answers differ on a busy machine. A code's way to a provider, or a password worked
    /// on, takes longer.
    const NOISE: Duration = Duration::from_millis(100);
    const ROUNDS: usize = 5;
    let world = world();
    let house = world.open().await.unwrap();
    for site in SITES {
        let person = world.person(&format!("first of {site}"));
        let logins = [person, &stranger_like(person)].map(|person| login_of(person).0);
        let mut quickest = [Duration::MAX; 2];
        let mut seen = [String::new(), String::new()];
        for _ in 0..ROUNDS {
            // A login id is sent one code a minute.
            pass(&house, A_MINUTE).await.unwrap();
            for (place, login) in logins.iter().enumerate() {
                let mut browser = Browser::new(&house, site);
                let (form, button) = asking_to_recover(&mut browser, login).await.unwrap();
                let begun = Instant::now();
                let answer = browser.send_once(&form, Some(button)).await.unwrap();
                quickest[place] = quickest[place].min(begun.elapsed());
                assert!(answer.has("验证码已发"), "{login}: {}", answer.main_text());
                seen[place] = plain(&answer, login);
            }
        }
        println!(
            "{site}: known after {:?}, unknown after {:?}",
            quickest[0], quickest[1]
        );
        assert_eq!(seen[0], seen[1], "{site}");
        assert!(
            quickest.iter().all(|took| *took >= LEAST),
            "{site}: {quickest:?}"
        );
        let between = quickest[0].abs_diff(quickest[1]);
        assert!(between < NOISE, "{site}: {quickest:?}");
        // Nor does a wrong code.
        let mut seen = Vec::new();
        for login in &logins {
            let mut browser = Browser::new(&house, site);
            let page = browser.open("/recover").await.unwrap();
            let mut form = form_to(&page, "/recover").unwrap();
            for (name, value) in [
                ("login_id", login.as_str()),
                ("sms_code", "000000"),
                ("password", "a new long password"),
                ("password_again", "a new long password"),
            ] {
                form.fill(name, value).unwrap();
            }
            let button = form
                .buttons
                .iter()
                .position(|button| button.text == "设置新密码");
            let answer = browser.send_once(&form, button).await.unwrap();
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
            seen.push(plain(&answer, login));
        }
        assert_eq!(seen[0], seen[1], "{site}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_for_a_mobile_is_the_same_work_whether_an_account_has_it_or_not() {
    let world = world();
    let house = talkative().await;
    pass(&house, A_MINUTE).await.unwrap();
    for site in SITES {
        let person = world.person(&format!("first of {site}"));
        let mobile = person.unit.as_ref().unwrap().mobile.clone();
        // A visitor who wants to register with it, and somebody else who wants to change to it.
        let mut visitor = Browser::new(&house, site);
        let mut other = world.person(&format!("second of {site}")).browser(&house);
        let mut seen = Vec::new();
        for mobile in [mobile, "13711112000".to_owned()] {
            let (form, button) = asking_to_register(&mut visitor, &mobile).await.unwrap();
            let registered = answer_and_cost(&house, &mut visitor, &form, button).await;
            pass(&house, A_MINUTE).await.unwrap();
            let (form, button) = asking_to_change(&mut other, &mobile).await.unwrap();
            let changed = answer_and_cost(&house, &mut other, &form, button).await;
            pass(&house, A_MINUTE).await.unwrap();
            seen.push([registered, changed].map(|(answer, cost)| {
                assert!(answer.has("验证码已发"), "{site}: {}", answer.main_text());
                // What is looked at beside them depends on what the server does by itself in that moment.
                let written = cost.statements.into_iter();
                let written = written.filter(|text| text.starts_with("INSERT"));
                let written: Vec<String> = written.collect();
                assert!(written.len() > 4, "{site}: {written:?}");
                (plain(&answer, &mobile), written)
            }));
        }
        assert_eq!(seen[0], seen[1], "{site}");
    }
}

async fn answer_and_cost(
    house: &House,
    browser: &mut Browser,
    form: &Form,
    button: usize,
) -> (Page, Cost) {
    // So that what came before is not taken for this one's.
    let before = browser.open("/help").await.unwrap();
    let before = log_with(house, &before).await.len();
    let answer = browser.send_once(form, Some(button)).await.unwrap();
    let log = log_with(house, &answer).await;
    (answer, cost(&log[before..]))
}

/// Asks for a code to register a mobile with; whether one was said to be sent.
async fn ask_code(browser: &mut Browser, mobile: &str) -> Result<bool> {
    let (form, button) = asking_to_register(browser, mobile).await?;
    let page = browser.send_once(&form, Some(button)).await?;
    ensure!(!page.status.is_server_error(), "{}", page.main_text());
    Ok(page.has("验证码已发"))
}

async fn texts_to(house: &House, mobiles: &[String]) -> Result<usize> {
    let mut count = 0;
    for mobile in mobiles {
        count += house.simulated.texts(mobile).await?.len();
    }
    Ok(count)
}

/// Waits until the simulated phone has them; a message is sent a moment after it is said to be.
async fn until_sent(house: &House, mobiles: &[String], wanted: usize) -> Result<usize> {
    for _ in 0..300 {
        let count = texts_to(house, mobiles).await?;
        if count >= wanted {
            return Ok(count);
        }
        tokio::time::sleep(Duration::from_millis(50)).await; // between two looks
    }
    texts_to(house, mobiles).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mobile_gets_one_code_a_minute_whoever_asks_and_for_whatever() {
    let world = world();
    let house = world.open().await.unwrap();
    for site in SITES {
        let person = world.person(&format!("first of {site}"));
        let mobile = person.unit.as_ref().unwrap().mobile.clone();
        let before = texts_to(&house, std::slice::from_ref(&mobile))
            .await
            .unwrap();
        pass(&house, A_MINUTE).await.unwrap();
        let mut said = 0;
        for _ in 0..4 {
            // From another address each time.
            let mut browser = Browser::new(&house, site);
            said += usize::from(ask_code(&mut browser, &mobile).await.unwrap());
        }
        assert_eq!(said, 1, "{site}");
        let mut other = world.person(&format!("second of {site}")).browser(&house);
        let (form, button) = asking_to_change(&mut other, &mobile).await.unwrap();
        let page = other.send_once(&form, Some(button)).await.unwrap();
        assert!(!page.has("验证码已发"), "{site}: {}", page.main_text());
        // Whatever is said to who names the account by something else than the mobile.
        let mut browser = Browser::new(&house, site);
        let login = login_of(person).0;
        let (form, button) = asking_to_recover(&mut browser, &login).await.unwrap();
        browser.send_once(&form, Some(button)).await.unwrap();
        // No site asks for a code at the log-in, and none is sent to whoever has not been sent one.
        let second = world.person(&format!("second of {site}"));
        let mut browser = Browser::new(&house, site);
        let page = browser.open("/login").await.unwrap();
        let mut form = form_to(&page, "/login").unwrap();
        form.fill("login_id", &login_of(second).0).unwrap();
        form.action = "/login/code".to_owned();
        let page = browser.send_once(&form, None).await.unwrap();
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{site}");
        let of_second = [second.unit.as_ref().unwrap().mobile.clone()];
        // The one code is there. Another one, if there were one, would be sent before what is asked for now, or beside it.
        until_sent(&house, std::slice::from_ref(&mobile), before + 1)
            .await
            .unwrap();
        let last = "13711112223".to_owned();
        let sent = texts_to(&house, std::slice::from_ref(&last)).await.unwrap();
        let mut browser = Browser::new(&house, site);
        assert!(ask_code(&mut browser, &last).await.unwrap());
        until_sent(&house, &[last], sent + 1).await.unwrap();
        assert_eq!(
            texts_to(&house, &[mobile]).await.unwrap(),
            before + 1,
            "{site}"
        );
        assert_eq!(texts_to(&house, &of_second).await.unwrap(), 0, "{site}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_sent_twenty_codes_an_hour_and_sixty_a_day_whatever_they_are_for() {
    /// The address that asks for all of them.
    const ADDRESS: &str = "198.18.0.77";
    /// More than an hour allows.
    const TRIES: usize = 23;
    let world = world();
    let house = world.open().await.unwrap();
    let site = "fujian";
    let mut inside = world.person("second of fujian").browser(&house);
    let mut mobiles = Vec::new();
    let (mut number, mut sent) = (0, 0);
    for left in [20, 20, 20, 0] {
        let mut said = 0;
        for _ in 0..TRIES {
            number += 1;
            let mobile = format!("137222{number:05}");
            // The pages come to other addresses, whose own limits say nothing here.
            let mut visitor = Browser::new(&house, site);
            let (browser, asking) = match number % 8 {
                // An answer that takes its time, and a mobile that no account has.
                0 => {
                    let asking = asking_to_recover(&mut visitor, &mobile).await;
                    (&mut visitor, asking)
                }
                1 | 4 | 7 => {
                    let asking = asking_to_change(&mut inside, &mobile).await;
                    (&mut inside, asking)
                }
                _ => {
                    let asking = asking_to_register(&mut visitor, &mobile).await;
                    (&mut visitor, asking)
                }
            };
            let (form, button) = asking.unwrap();
            let (kind, body) = form.body(Some(button));
            let headers = [
                ("content-type", kind.as_str()),
                ("x-forwarded-for", ADDRESS),
            ];
            let target = form.target(Some(button)).to_owned();
            let page = browser.ask(Method::POST, &target, &headers, body).await;
            let page = page.unwrap();
            assert!(!page.status.is_server_error(), "{}", page.main_text());
            let yes = page.has("验证码已发");
            said += usize::from(yes);
            sent += usize::from(yes && number % 8 != 0);
            mobiles.push(mobile);
        }
        assert_eq!(said, left, "after {number}");
        pass(&house, AN_HOUR).await.unwrap();
    }
    assert_eq!(until_sent(&house, &mobiles, sent).await.unwrap(), sent);
    // The next day it is as before.
    pass(&house, A_DAY).await.unwrap();
    let mut visitor = Browser::new(&house, site);
    assert!(ask_code(&mut visitor, "13733330000").await.unwrap());
    assert_eq!(texts_to(&house, &mobiles).await.unwrap(), sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_led_to_another_host_by_logging_in() {
    let world = world();
    let house = world.open().await.unwrap();
    for name in ["first of fujian", "maker of fujian"] {
        let person = world.person(name);
        let (path, inside, cookie) = door(person.kind);
        let (login, password) = login_of(person);
        for next in [
            "//evil.example/",
            "/\\evil.example/",
            "https://evil.example/",
            "https:evil.example",
            "javascript:alert(1)",
            "/\tevil",
            "/\r\nset-cookie: a=b",
            "\\\\evil.example",
            "/%0d%0aset-cookie:a=b",
            "evil.example",
            "",
        ] {
            let query: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
            let address = format!("{path}?next={query}");
            let mut browser = Browser::new(&house, person.site);
            let page = browser.open(&address).await.unwrap();
            let mut form = form_to(&page, path).unwrap();
            if page.html().contains("picture_code") {
                let page = browser.press(&page, "改为算术题", &[]).await.unwrap();
                form = form_to(&page, path).unwrap();
                form.fill("picture_code", &sum_on(&page).unwrap()).unwrap();
            }
            form.fill("login_id", &login).unwrap();
            form.fill("password", &password).unwrap();
            let button = form.buttons.iter().position(|button| button.text == "登录");
            let answer = browser.send_once(&form, button).await.unwrap();
            let to = leads_to(&answer).unwrap_or_else(|| panic!("{next}: {}", answer.main_text()));
            let local = to.starts_with('/') && !to.starts_with("//") && !to.starts_with("/\\");
            assert!(
                local && to.bytes().all(|byte| byte.is_ascii_graphic()),
                "{next:?} leads to {to:?}"
            );
            assert!(
                answer
                    .headers
                    .get_all("set-cookie")
                    .iter()
                    .all(|set| !set.as_bytes().starts_with(b"a="))
            );
            // Nor is who is logged in already.
            let answer = browser
                .ask(Method::GET, &address, &[], Vec::new())
                .await
                .unwrap();
            let to = leads_to(&answer).unwrap();
            assert!(
                to.starts_with('/') && !to.starts_with("//") && !to.starts_with("/\\"),
                "{to:?}"
            );
            assert!(
                browser.cookies.contains_key(cookie) && is_in(&mut browser, inside).await.unwrap()
            );
        }
    }
}

/// Clerks of the world are logged in by the house; that it does so by the door is what the tests above stand on.
#[tokio::test(flavor = "multi_thread")]
async fn a_clerk_of_one_site_is_nobody_at_the_other() {
    let house = world().open().await.unwrap();
    let clerk = Clerk::log_in(&house, "fujian", "admin").await.unwrap();
    let mut elsewhere = Browser::new(&house, "yingtan");
    elsewhere.cookies = clerk.browser.cookies.clone();
    let mut asker = Asker::new(elsewhere);
    let page = asker.get("/console").await.unwrap();
    let to = leads_to(&page).context("not led anywhere").unwrap();
    assert!(to.starts_with("/console/login"), "{to}");
}
