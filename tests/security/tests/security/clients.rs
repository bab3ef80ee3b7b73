//! Whose request it is, by network address; and who may reach a server that tries things out.

use crate::asking::{URLENCODED, encoded};
use anyhow::Result;
use reqwest::{Method, StatusCode};
use yinxin_house::house::Database;
use yinxin_house::{Browser, House, Options};

/// One address may knock thirty times a minute, and this many take less than the next minute.
const KNOCKS: u8 = 100;
const DOOR: &str = "/login";

/// Sends an empty log-in with these words about where it comes from.
async fn knock(browser: &mut Browser, token: &str, forwarded: &str) -> Result<StatusCode> {
    let (_, body) = encoded(&[("_csrf".to_owned(), token.to_owned())], false);
    let headers = [("content-type", URLENCODED), ("x-forwarded-for", forwarded)];
    let answer = browser.ask(Method::POST, DOOR, &headers, body).await?;
    Ok(answer.status)
}

/// Knocks as from ever other addresses, until the door is shut. Gives how often it was open.
async fn knock_until_shut(
    browser: &mut Browser,
    token: &str,
    forwarded: impl Fn(u8) -> String,
) -> Result<u8> {
    for knocks in 0..KNOCKS {
        let status = knock(browser, token, &forwarded(knocks)).await?;
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Ok(knocks);
        }
        assert!(!status.is_server_error(), "{status}");
    }
    anyhow::bail!("the door stays open");
}

async fn at_the_door(house: &House) -> Result<(Browser, String)> {
    let mut browser = Browser::new(house, "yingtan");
    let page = browser.open(DOOR).await?;
    let token = page.attribute("input[name=_csrf]", "value").unwrap();
    Ok((browser, token))
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_only_what_the_proxy_says_counts() {
    let house = House::open(Database::Sqlite).await.unwrap();
    let (mut browser, token) = at_the_door(&house).await.unwrap();
    let in_one_header = |n: u8| format!("198.51.100.{n}, 203.0.113.7");
    let open = knock_until_shut(&mut browser, &token, in_one_header).await;
    assert!(open.unwrap() >= 30);
    // What is no address at all is nobody's; the connection's own address counts then.
    let odd = |n: u8| format!("203.0.113.7, client-{n}");
    let open = knock_until_shut(&mut browser, &token, odd).await;
    assert!(open.unwrap() >= 30);
    // Somebody else, who claims to be the first: the door is open for him.
    let other = knock(&mut browser, &token, "203.0.113.7, 203.0.113.8").await;
    assert_ne!(other.unwrap(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_proxy_nothing_that_a_client_says_counts() {
    let options = Options {
        no_proxy: true,
        ..Options::default()
    };
    let house = House::open_with(Database::Sqlite, options).await.unwrap();
    let (mut browser, token) = at_the_door(&house).await.unwrap();
    let open = knock_until_shut(&mut browser, &token, |n| format!("198.51.100.{n}")).await;
    assert!(open.unwrap() >= 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_simulators_is_for_this_machine_only() {
    let house = House::open(Database::Sqlite).await.unwrap();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let listen = format!("--listen={address}");
        let words = [
            "serve",
            &listen,
            "--simulators=http://127.0.0.1:9",
            "--simulators-smtp=127.0.0.1:9",
            "--simulators-state=nowhere",
        ];
        let said = house.command(&words).await.unwrap_err().to_string();
        assert!(said.contains("open to others"), "{said}");
    }
}
