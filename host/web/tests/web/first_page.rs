//! First pages are kept for whoever is nobody in particular: what somebody else sees is still their own.

use crate::console::{at_work, encoded, staffed};
use crate::hall::{Browser, send};
use crate::market::Person;
use axum::body::Body;
use http::{Method, StatusCode, header};

const FIRST: [&str; 2] = ["/", "/services"];

#[tokio::test]
async fn a_page_that_is_kept_for_strangers_is_no_one_elses() {
    let hall = staffed().await;
    let mut person = Person::new(&hall, "zhangsan").await.browser;
    let mut leaving = Browser::default();
    for path in FIRST {
        // The second time it is the one that was kept.
        for _ in 0..2 {
            let page = Browser::default().get(&hall, path).await;
            assert!(page.body.contains("登录"), "{path}: {}", page.body);
            assert!(!page.body.contains("zhangsan"), "{path}: {}", page.body);
            assert_eq!(page.header("set-cookie"), "", "{path}");
            assert_eq!(page.header("cache-control"), "private, no-store", "{path}");
            let own = person.get(&hall, path).await.body;
            assert!(own.contains("zhangsan"), "{path}: {own}");
            let flash = ("yinxin-flash".to_owned(), "logged-out".to_owned());
            leaving.cookies.extend([flash]);
            let told = leaving.get(&hall, path).await;
            assert!(told.body.contains("已退出登录。"), "{path}: {}", told.body);
            assert!(told.header("set-cookie").contains("Max-Age=0"), "{path}");
        }
    }
}

#[tokio::test]
async fn a_notice_is_on_it_as_soon_as_it_is_published() {
    let hall = staffed().await;
    let (mut admin, token) = at_work(&hall, "admin").await;
    for title in ["国庆放假安排", "新的收费标准"] {
        let before = Browser::default().get(&hall, "/").await.body;
        assert!(!before.contains(title), "{before}");
        let notice = format!(
            "_csrf={token}&title={0}&markdown={0}&published=yes",
            encoded(title)
        );
        let answer = admin
            .post(&hall, "/console/content/new-notice", &notice, &[])
            .await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        let after = Browser::default().get(&hall, "/").await.body;
        assert!(after.contains(title), "{after}");
    }
}

#[tokio::test]
async fn only_that_very_address_has_it() {
    let hall = staffed().await;
    let stranger = Browser::default();
    let kept = Browser::default().get(&hall, "/").await.body;
    for (method, address, status, empty) in [
        (Method::GET, "/?a=b", StatusCode::OK, false),
        (Method::GET, "/?a=%00", StatusCode::NOT_FOUND, false),
        (Method::HEAD, "/", StatusCode::OK, true),
        (Method::POST, "/", StatusCode::FORBIDDEN, false),
        (Method::GET, "//", StatusCode::NOT_FOUND, false),
    ] {
        let request = stranger.request(method.clone(), address);
        let answer = send(&hall, request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status, "{method} {address}: {}", answer.body);
        assert_eq!(answer.body.is_empty(), empty, "{method} {address}");
        assert_eq!(answer.body == kept, status == StatusCode::OK && !empty);
    }
    let elsewhere = http::Request::get("/").header(header::HOST, "fujian.localhost");
    let answer = send(&hall, elsewhere.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}
