//! Requests that no browser sends: other hosts, ways up, headers in names.

use crate::world::{SITES, world};
use anyhow::Result;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use yinxin_house::House;

/// Sends bytes as they are and gives the whole answer.
async fn raw(house: &House, request: &str) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", house.port)).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_secs(40), read).await??;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

async fn get(house: &House, host: &str, path: &str) -> Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    raw(house, &request).await
}

fn status(answer: &str) -> u16 {
    let word = answer.split(' ').nth(1).unwrap_or_default();
    word.parse().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_out_of_what_is_served() {
    let house = world().open().await.unwrap();
    let ways = [
        "../site.toml",
        "..%2fsite.toml",
        "%2e%2e%2fsite.toml",
        "..%5csite.toml",
        "..%252fsite.toml",
        "..\\..\\site.toml",
        "....//site.toml",
        "%2fetc%2fpasswd",
        "..%2f..%2f..%2f..%2fetc%2fpasswd",
        "pages%2fhelp.md",
        "site.toml",
        "site.000000000000.toml",
        "..%2fsite.000000000000.toml",
        "pages%2fhelp.000000000000.md",
        "..%2ffujian%2ftheme.000000000000.css",
        "%2e%2e%2f..%2fdata%2fmaster.000000000000.css",
        "a%00.000000000000.css",
        "%00",
        "..;/site.toml",
        "..%c0%af..%c0%afetc/passwd",
    ];
    let mut tried = 0;
    for site in SITES {
        let host = format!("{site}.localhost:{}", house.port);
        for folder in [
            "/assets/",
            "/brand/",
            "/downloads/",
            "/pages/",
            "/notices/",
            "/p/",
            "/services/",
            "/",
        ] {
            for way in ways {
                let answer = get(&house, &host, &format!("{folder}{way}")).await.unwrap();
                tried += 1;
                let code = status(&answer);
                // A letter that does not count is gone.
                let refused = [400, 404, 410].contains(&code);
                assert!(refused, "{folder}{way}: {answer}");
                for secret in ["root:", "[[domain]]", "merchant-key", "PRIVATE KEY"] {
                    assert!(!answer.contains(secret), "{folder}{way} shows {secret}");
                }
            }
        }
    }
    assert_eq!(tried, 2 * 8 * ways.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_header_makes_another_host_of_ours() {
    let house = world().open().await.unwrap();
    let evil = "evil.example";
    for site in SITES {
        let host = format!("{site}.localhost:{}", house.port);
        let address = format!("http://{host}");
        // What claims to know better than Host.
        for header in [
            "X-Forwarded-Host",
            "X-Host",
            "Forwarded",
            "X-Original-URL",
            "X-Rewrite-URL",
            "X-Forwarded-Server",
        ] {
            let value = if header == "Forwarded" {
                "host=evil.example"
            } else {
                evil
            };
            for path in [
                "/",
                "/cases",
                "/register",
                "/recover",
                "/console",
                "/crl",
                "/nowhere",
            ] {
                let request = format!(
                    "GET {path} HTTP/1.1\r\nHost: {host}\r\n{header}: {value}\r\nConnection: close\r\n\r\n"
                );
                let answer = raw(&house, &request).await.unwrap();
                assert!(!answer.contains(evil), "{header} at {path}: {answer}");
            }
        }
        // Hosts that are none of ours, however they are written.
        for other in [
            evil.to_owned(),
            format!("{host}.{evil}"),
            format!("{host}@{evil}"),
            format!("{evil}:{}", house.port),
            format!("{evil}#{host}"),
            format!("{host}/{evil}"),
            format!("{evil}\\{host}"),
            String::new(),
            "[::1]".to_owned(),
        ] {
            let answer = get(&house, &other, "/").await.unwrap();
            assert!([400, 404].contains(&status(&answer)), "{other}: {answer}");
            assert!(
                !answer.contains("CA"),
                "{other} is told of a site: {answer}"
            );
        }
        // Two of them, and one in the request's line.
        let two =
            format!("GET / HTTP/1.1\r\nHost: {host}\r\nHost: {evil}\r\nConnection: close\r\n\r\n");
        let answer = raw(&house, &two).await.unwrap();
        assert!(!answer.contains(evil), "{answer}");
        let line = format!(
            "GET http://{evil}/cases HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        );
        let answer = raw(&house, &line).await.unwrap();
        assert!(!answer.contains(evil), "{answer}");
        // A redirect is a path, whatever the host was.
        let answer = get(&house, &host, "/cases").await.unwrap().to_lowercase();
        assert!(answer.contains("location: /login?next="), "{answer}");
        assert!(!answer.contains(&format!("location: {address}")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_requests_are_refused_and_break_nothing() {
    let house = world().open().await.unwrap();
    let host = format!("fujian.localhost:{}", house.port);
    let long = "a".repeat(100_000);
    for request in [
        format!("GET /{long} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: {host}\r\nCookie: {long}\r\nConnection: close\r\n\r\n"),
        format!(
            "GET / HTTP/1.1\r\nHost: {host}\r\nCookie: yinxin-session=\u{1}\u{2}; yinxin-visit=;;==\r\nConnection: close\r\n\r\n"
        ),
        format!("GET / HTTP/1.1\r\nHost: {host}\r\nX: a\r\n b\r\nConnection: close\r\n\r\n"),
        format!(
            "POST /login HTTP/1.1\r\nHost: {host}\r\nContent-Length: -1\r\nConnection: close\r\n\r\n"
        ),
        format!(
            "POST /login HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n"
        ),
        format!(
            "POST /login HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nZZ\r\n\r\n"
        ),
        format!("BREW /login HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
        format!("OPTIONS * HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
        format!("CONNECT evil.example:443 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
        format!("TRACE / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
        "GET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(),
        "\r\n\r\n\r\n\r\n\0\0\0 HTTP/9\r\n\r\n".to_owned(),
    ] {
        let answer = raw(&house, &request).await.unwrap_or_default();
        let code = status(&answer);
        let head: String = request.chars().take(80).collect();
        assert!(code < 500 || code == 501, "{head:?}: {answer}");
    }
    assert_eq!(status(&get(&house, &host, "/").await.unwrap()), 200);
    let log = std::fs::read_to_string(house.server_log()).unwrap();
    let mistakes = crate::asking::mistakes_in(&log);
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}
