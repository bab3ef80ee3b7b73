//! Hosts, headers, tokens, failures.

use crate::hall::{Browser, hall, hall_over, send};
use axum::body::Body;
use http::{Method, Request, StatusCode, header};

#[tokio::test]
async fn an_unknown_host_gets_a_page_that_names_no_site() {
    let hall = hall().await;
    for host in [
        "localhost:8080",
        "evil.example",
        "jiangxi.localhost.evil.example",
    ] {
        let request = Request::get("/").header(header::HOST, host);
        let answer = send(&hall, request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{host}");
        for name in ["jiangxi", "江西"] {
            assert!(!answer.body.contains(name), "{host}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn every_answer_says_what_a_page_of_ours_never_does() {
    let hall = hall().await;
    let mut browser = Browser::default();
    for path in ["/", "/nowhere", "/healthz", "/cases"] {
        let answer = browser.get(&hall, path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'self'"), "{path}: {policy}");
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("strict-transport-security"), "", "{path}");
        assert!(
            answer.header("cache-control").contains("no-store"),
            "{path}"
        );
        assert_eq!(answer.header("x-request-id").len(), 32, "{path}");
    }
}

#[tokio::test]
async fn a_page_holds_no_script_or_style_of_its_own() {
    let hall = hall().await;
    let mut browser = Browser::default();
    for path in [
        "/",
        "/help",
        "/notices",
        "/downloads",
        "/console/login",
        "/nowhere",
    ] {
        let page = browser.get(&hall, path).await.body;
        for forbidden in [
            "<style",
            " style=",
            "onclick=",
            "onload=",
            "javascript:",
            "<script>",
        ] {
            assert!(!page.contains(forbidden), "{path} has {forbidden}");
        }
    }
}

#[tokio::test]
async fn over_https_cookies_stay_with_the_host_and_the_browser_stays_with_https() {
    let hall = hall_over(true).await;
    let answer = Browser::default().get(&hall, "/console/login").await;
    assert!(
        answer
            .header("strict-transport-security")
            .starts_with("max-age=")
    );
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-yinxin-visit="), "{cookie}");
    for part in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
}

#[tokio::test]
async fn a_browser_is_given_a_cookie_with_its_first_form_and_one_only() {
    let hall = hall().await;
    let mut browser = Browser::default();
    for path in ["/", "/help", "/nowhere"] {
        let answer = browser.get(&hall, path).await;
        assert_eq!(answer.header("set-cookie"), "", "{path}");
    }
    let token = browser.token(&hall).await;
    assert!(browser.cookies.contains_key("yinxin-visit"));
    let answer = browser.get(&hall, "/console/login").await;
    assert_eq!(answer.header("set-cookie"), "");
    assert!(answer.body.contains(&token));
}

#[tokio::test]
async fn a_form_without_its_browsers_token_is_refused() {
    let hall = hall().await;
    let mut browser = Browser::default();
    let token = browser.token(&hall).await;
    let mut other = Browser::default();
    let others = other.token(&hall).await;
    assert_ne!(token, others);
    for body in ["", "_csrf=", "_csrf=wrong", &format!("_csrf={others}")] {
        let answer = browser.post(&hall, "/logout", body, &[]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{body}");
    }
    // A cookie that we never signed brings no token that counts.
    let mut forged = Browser::default();
    forged
        .cookies
        .insert("yinxin-visit".into(), "mine.AAAA".into());
    let body = format!("_csrf={token}");
    assert_eq!(
        forged.post(&hall, "/logout", &body, &[]).await.status,
        StatusCode::FORBIDDEN
    );
    let answer = browser.post(&hall, "/logout", &body, &[]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_form_of_a_session_that_is_over_leads_to_the_door_and_back() {
    let hall = hall().await;
    let mut browser = Browser::default();
    browser
        .cookies
        .insert("yinxin-session".into(), "over".into());
    let from = (
        "referer",
        "http://jiangxi.localhost:8080/cases/1/steps/order",
    );
    let answer = browser
        .post(
            &hall,
            "/cases/1/steps/order",
            "_csrf=of-the-session",
            &[from],
        )
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(
        answer.header("location"),
        "/login?next=%2Fcases%2F1%2Fsteps%2Forder"
    );
    let forged = [from, ("origin", "http://evil.example")];
    let answer = browser
        .post(&hall, "/cases/1/steps/order", "", &forged)
        .await;
    assert_eq!(
        answer.header("location"),
        "/login?next=%2Fcases%2F1%2Fsteps%2Forder"
    );
}

#[tokio::test]
async fn a_right_token_from_another_site_is_refused() {
    let hall = hall().await;
    let mut browser = Browser::default();
    let body = format!("_csrf={}", browser.token(&hall).await);
    for from in [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("origin", "https://jiangxi.localhost:8080"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let answer = browser.post(&hall, "/logout", &body, &[from]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{from:?}");
    }
    let here = [
        ("origin", "http://jiangxi.localhost:8080"),
        ("sec-fetch-site", "same-origin"),
    ];
    assert_eq!(
        browser.post(&hall, "/logout", &body, &here).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn other_bodies_do_not_slip_past_the_token() {
    let hall = hall().await;
    let browser = Browser::default();
    for media_type in [
        "text/plain",
        "application/json",
        "multipart/form-data; boundary=x",
        "",
    ] {
        let request = browser
            .request(Method::POST, "/logout")
            .header(header::CONTENT_TYPE, media_type)
            .body(Body::from("--x--"))
            .unwrap();
        let answer = send(&hall, request).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{media_type}");
    }
}

#[tokio::test]
async fn a_form_that_is_too_large_is_not_read() {
    let hall = hall().await;
    let mut browser = Browser::default();
    let body = format!(
        "_csrf={}&x={}",
        browser.token(&hall).await,
        "x".repeat(300_000)
    );
    let answer = browser.post(&hall, "/logout", &body, &[]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer.body.contains("内容太大"), "{}", answer.body);
}

#[tokio::test]
async fn a_failure_has_an_id_and_a_way_out() {
    let hall = hall().await;
    let mut browser = Browser::default();
    for (path, status) in [
        ("/nowhere", StatusCode::NOT_FOUND),
        ("/logout", StatusCode::METHOD_NOT_ALLOWED),
        // No plugin is active: nobody can log in.
        ("/login", StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let answer = browser.get(&hall, path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(
            answer.body.contains(answer.header("x-request-id")),
            "{path}"
        );
        assert!(answer.body.contains("返回首页"), "{path}");
    }
}

#[tokio::test]
async fn a_script_gets_problem_json() {
    let hall = hall().await;
    let request = Browser::default()
        .request(Method::GET, "/nowhere")
        .header(header::ACCEPT, "application/json");
    let answer = send(&hall, request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(problem["status"], 404);
    assert_eq!(problem["instance"], answer.header("x-request-id"));
}

#[tokio::test]
async fn who_is_not_logged_in_is_led_to_the_door_and_back() {
    let hall = hall().await;
    let mut browser = Browser::default();
    let answer = browser.get(&hall, "/cases?tone=action").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(
        answer.header("location"),
        "/login?next=%2Fcases%3Ftone%3Daction"
    );
}

#[tokio::test]
async fn assets_are_kept_for_ever_under_their_hash() {
    let hall = hall().await;
    let mut browser = Browser::default();
    let page = browser.get(&hall, "/").await.body;
    let from = page
        .find("assets&#x2f;yinxin.")
        .or_else(|| page.find("assets/yinxin."))
        .unwrap();
    let address = page[from..]
        .split('"')
        .next()
        .unwrap()
        .replace("&#x2f;", "/");
    let answer = browser.get(&hall, &format!("/{address}")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.header("cache-control").contains("immutable"));
    assert_eq!(answer.header("content-type"), "text/css; charset=utf-8");
    let old = browser.get(&hall, "/assets/yinxin.000000000000.css").await;
    assert_eq!(old.header("cache-control"), "no-cache");
    assert_eq!(
        browser.get(&hall, "/assets/yinxin.css").await.status,
        StatusCode::NOT_FOUND
    );
}

/// What a phone on a bad line has to load first: page, style and script.
#[tokio::test]
async fn the_first_page_is_light() {
    const LIMIT: usize = 60 * 1024; // bytes on the wire
    let hall = hall().await;
    let mut total = 0;
    let mut browser = Browser::default();
    let page = browser.get(&hall, "/").await.body.replace("&#x2f;", "/");
    let mut paths = vec!["/".to_owned()];
    paths.extend(
        page.split('"')
            .filter(|part| part.starts_with("/assets/"))
            .map(str::to_owned),
    );
    assert_eq!(paths.len(), 3, "{paths:?}");
    for path in &paths {
        let request = browser
            .request(Method::GET, path)
            .header(header::ACCEPT_ENCODING, "gzip")
            .body(Body::empty())
            .unwrap();
        let response = tower::ServiceExt::oneshot(hall.router.clone(), request)
            .await
            .unwrap();
        assert_eq!(
            response.headers()[header::CONTENT_ENCODING],
            "gzip",
            "{path}"
        );
        total += axum::body::to_bytes(response.into_body(), 1 << 20)
            .await
            .unwrap()
            .len();
    }
    assert!(total < LIMIT, "{total} bytes");
}

#[tokio::test]
async fn a_process_that_is_to_end_takes_no_more_work() {
    let hall = hall().await;
    let mut browser = Browser::default();
    assert_eq!(browser.get(&hall, "/readyz").await.status, StatusCode::OK);
    hall.shutdown.cancel();
    assert_eq!(
        browser.get(&hall, "/readyz").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(browser.get(&hall, "/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_gateway_of_no_site_is_not_found() {
    let hall = hall().await;
    let mut browser = Browser::default();
    for path in [
        "/notify/wechat/hunan",
        "/notify/wechat/jiangxi",
        "/notify/other/jiangxi",
        "/notify/face/jiangxi",
    ] {
        let answer = browser.post(&hall, path, "{}", &[]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_letter_that_counts_no_more_says_so() {
    let hall = hall().await;
    let answer = Browser::default().get(&hall, "/p/0123456789abcdef").await;
    assert_eq!(answer.status, StatusCode::GONE);
    assert!(answer.body.contains("二维码已失效"));
}
