//! The members of staff, by an administrator.

use crate::console::{at_work, encoded, site, staffed};
use http::StatusCode;

#[tokio::test]
async fn a_clerks_own_number_is_kept_and_a_wrong_one_is_named() {
    let hall = staffed().await;
    let (mut browser, token) = at_work(&hall, "admin").await;
    let form = |mobile: &str| {
        format!(
            "_csrf={token}&login_id=lin&name={}&mobile={}&role%3Afinance=yes&password={}",
            encoded("林财务"),
            encoded(mobile),
            encoded("a first passphrase")
        )
    };
    let wrong = browser
        .post(&hall, "/console/staff/new", &form("1390591"), &[])
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        wrong.body.contains("请输入 11 位手机号码"),
        "{}",
        wrong.body
    );
    assert!(
        wrong.body.contains("value=\"1390591\""),
        "what was typed stays"
    );

    let made = browser
        .post(&hall, "/console/staff/new", &form("139 0591 0001"), &[])
        .await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
    let clerks = hall.state.staff.list(&site(), None, 99).await.unwrap();
    let clerk = clerks.iter().find(|clerk| clerk.login == "lin").unwrap();
    let path = format!("/console/staff/{}", clerk.id);
    let page = browser.get(&hall, &path).await;
    assert!(page.body.contains("value=\"13905910001\""), "{}", page.body);

    // Emptied, it is gone.
    let body = format!(
        "_csrf={token}&_version={}&name={}&mobile=&role%3Afinance=yes",
        clerk.version,
        encoded("林财务")
    );
    let saved = browser.post(&hall, &path, &body, &[]).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let mobile = hall.state.staff.mobile(&site(), &clerk.id).await.unwrap();
    assert!(mobile.is_none());
}
