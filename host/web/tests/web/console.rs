//! Who may open what in the clerks' console, and that what people wrote stays text.

use crate::hall::{Answer, Browser, Hall, hall};
use http::{Method, StatusCode, header};
use ring::digest::{SHA256, digest};
use yinxin_core::definition::Role;
use yinxin_core::ids::SiteId;
use yinxin_services::staff::Hiring;
use yinxin_store::StoreError;
use yinxin_store::clerks::Clerk;
use yinxin_store::sessions::{self, Session, SessionKind};

pub const PASSWORD: &str = "信江秋水共长天一色阁";

/// Who may open a page: everybody of the staff, or those with this role, and administrators always.
#[derive(Clone, Copy, Debug)]
enum May {
    Staff,
    Only(Role),
}

use May::{Only, Staff};

const ADMIN: May = Only(Role::Administrator);
const FINANCE: May = Only(Role::Finance);

const PAGES: [(Method, &str, May); 100] = [
    (Method::GET, "/console", Staff),
    (Method::GET, "/console/password", Staff),
    (
        Method::GET,
        "/console/queues/reviewer",
        Only(Role::Reviewer),
    ),
    (
        Method::POST,
        "/console/queues/reviewer/next",
        Only(Role::Reviewer),
    ),
    (Method::GET, "/console/queues/maker", Only(Role::Maker)),
    (
        Method::POST,
        "/console/queues/maker/next",
        Only(Role::Maker),
    ),
    (Method::GET, "/console/queues/shipper", Only(Role::Shipper)),
    (
        Method::POST,
        "/console/queues/shipper/next",
        Only(Role::Shipper),
    ),
    (Method::GET, "/console/queues/finance", FINANCE),
    (Method::POST, "/console/queues/finance/next", FINANCE),
    (Method::GET, "/console/queues/administrator", ADMIN),
    (Method::POST, "/console/queues/administrator/next", ADMIN),
    (Method::GET, "/console/search?text=x", Staff),
    (Method::GET, "/console/cases/none", Staff),
    (Method::GET, "/console/cases/none/events", Staff),
    (Method::POST, "/console/cases/none/claim", Staff),
    (Method::POST, "/console/cases/none/release", Staff),
    (Method::GET, "/console/cases/none/actions/pass", Staff),
    (Method::POST, "/console/cases/none/judge", Staff),
    (Method::GET, "/console/cases/none/history", ADMIN),
    (Method::GET, "/console/cases/none/files/none", Staff),
    (
        Method::GET,
        "/console/cases/none/files/none/thumbnail",
        Staff,
    ),
    (
        Method::GET,
        "/console/cases/none/files/none/original",
        Staff,
    ),
    (Method::GET, "/console/cases/none/papers/none/pdf", Staff),
    (Method::GET, "/console/cases/none/certificates/none", Staff),
    (Method::GET, "/console/certificates", Staff),
    (Method::GET, "/console/certificates/none", Staff),
    (Method::GET, "/console/certificates/none/file", Staff),
    (Method::GET, "/console/certificates/none/hold", ADMIN),
    (Method::POST, "/console/certificates/none/hold", ADMIN),
    (Method::POST, "/console/certificates/none/release", ADMIN),
    (Method::POST, "/console/certificates/none/revoke", ADMIN),
    (Method::GET, "/console/letters", Staff),
    (Method::POST, "/console/letters/none/resend", Staff),
    (Method::GET, "/console/orders", FINANCE),
    (Method::GET, "/console/orders/none", FINANCE),
    (Method::GET, "/console/orders/none/cancel", FINANCE),
    (Method::GET, "/console/orders/none/slips/none", FINANCE),
    (
        Method::GET,
        "/console/orders/none/slips/none/original",
        FINANCE,
    ),
    (Method::GET, "/console/orders/none/invoice", FINANCE),
    (Method::GET, "/console/payments", FINANCE),
    (Method::GET, "/console/payments/none/give-back", FINANCE),
    (Method::GET, "/console/payments/none/assign", FINANCE),
    (Method::GET, "/console/refunds", FINANCE),
    (Method::GET, "/console/invoices", FINANCE),
    (Method::GET, "/console/invoices/none/file", FINANCE),
    (Method::GET, "/console/invoices/none/void", FINANCE),
    (Method::GET, "/console/statements", FINANCE),
    (Method::GET, "/console/statements/sample.csv", FINANCE),
    (Method::GET, "/console/statements/none", FINANCE),
    (Method::GET, "/console/statements/none/confirm-all", FINANCE),
    (
        Method::GET,
        "/console/statements/none/lines/none/order",
        FINANCE,
    ),
    (
        Method::GET,
        "/console/statements/none/lines/none/ignore",
        FINANCE,
    ),
    (Method::GET, "/console/reconciliation", FINANCE),
    (Method::GET, "/console/reconciliation/none", FINANCE),
    (Method::GET, "/console/ledger", FINANCE),
    (Method::GET, "/console/ledger/postings.csv", FINANCE),
    (Method::POST, "/console/orders/none/transfer", FINANCE),
    (Method::POST, "/console/orders/none/refuse-slip", FINANCE),
    (Method::POST, "/console/orders/none/cancel", FINANCE),
    (Method::POST, "/console/payments/none/give-back", FINANCE),
    (Method::POST, "/console/payments/none/assign", FINANCE),
    (Method::POST, "/console/refunds/none/retry", FINANCE),
    (Method::POST, "/console/refunds/none/finish", FINANCE),
    (Method::POST, "/console/invoices/none/retry", FINANCE),
    (Method::POST, "/console/invoices/none/void", FINANCE),
    (
        Method::POST,
        "/console/statements/none/confirm-all",
        FINANCE,
    ),
    (
        Method::POST,
        "/console/statements/none/lines/none/confirm",
        FINANCE,
    ),
    (
        Method::POST,
        "/console/statements/none/lines/none/ignore",
        FINANCE,
    ),
    (
        Method::POST,
        "/console/statements/none/lines/none/restore",
        FINANCE,
    ),
    (Method::POST, "/console/reconciliation", FINANCE),
    (
        Method::POST,
        "/console/reconciliation/differences/none/settle",
        FINANCE,
    ),
    (
        Method::POST,
        "/console/reconciliation/differences/none/reopen",
        FINANCE,
    ),
    (Method::GET, "/console/accounts", ADMIN),
    (Method::GET, "/console/accounts/none", ADMIN),
    (Method::GET, "/console/accounts/none/edit", ADMIN),
    (Method::POST, "/console/accounts/none/edit", ADMIN),
    (Method::POST, "/console/accounts/none/state", ADMIN),
    (Method::GET, "/console/staff", ADMIN),
    (Method::GET, "/console/staff/new", ADMIN),
    (Method::POST, "/console/staff/new", ADMIN),
    (Method::GET, "/console/staff/none", ADMIN),
    (Method::POST, "/console/staff/none", ADMIN),
    (Method::POST, "/console/staff/none/password", ADMIN),
    (Method::GET, "/console/plugins", ADMIN),
    (Method::GET, "/console/jobs", ADMIN),
    (Method::POST, "/console/jobs/none/revive", ADMIN),
    (Method::GET, "/console/content", ADMIN),
    (Method::GET, "/console/content/pages", ADMIN),
    (Method::GET, "/console/content/new-page", ADMIN),
    (Method::POST, "/console/content/new-page", ADMIN),
    (Method::GET, "/console/content/pages/none", ADMIN),
    (Method::POST, "/console/content/pages/none", ADMIN),
    (Method::GET, "/console/content/pages/none/versions", ADMIN),
    (Method::POST, "/console/content/pages/none/restore", ADMIN),
    (Method::GET, "/console/content/notices", ADMIN),
    (Method::POST, "/console/content/new-notice", ADMIN),
    (Method::POST, "/console/content/notices/none/delete", ADMIN),
    (Method::GET, "/console/content/downloads", ADMIN),
    (
        Method::POST,
        "/console/content/downloads/none/delete",
        ADMIN,
    ),
];

/// Forms with a file: they have a body of their own.
const UPLOADS: [(&str, May); 5] = [
    ("/console/cases/none/actions/invoice", Staff),
    ("/console/orders/none/invoice", FINANCE),
    ("/console/statements", FINANCE),
    ("/console/content/new-download", ADMIN),
    ("/console/content/downloads/none", ADMIN),
];

pub fn site() -> SiteId {
    SiteId::parse("jiangxi").unwrap()
}

/// A hall with one clerk for each role.
pub async fn staffed() -> Hall {
    let hall = hall().await;
    hire(&hall).await;
    hall
}

/// Gives the hall one clerk for each role.
pub async fn hire(hall: &Hall) {
    hall.state
        .staff
        .create_demo(&site(), PASSWORD)
        .await
        .unwrap();
}

/// Somebody who has logged in, and the token of their forms.
pub async fn at_work(hall: &Hall, login: &str) -> (Browser, String) {
    let mut browser = Browser::default();
    let token = browser.token(hall).await;
    let body = format!(
        "_csrf={token}&login_id={login}&password={}",
        encoded(PASSWORD)
    );
    let answer = browser.post(hall, "/console/login", &body, &[]).await;
    assert_eq!(
        answer.status,
        StatusCode::SEE_OTHER,
        "{login}: {}",
        answer.body
    );
    assert_eq!(answer.header("location"), "/console");
    let token = token_on(&browser.get(hall, "/console/password").await);
    (browser, token)
}

fn token_on(page: &Answer) -> String {
    let (_, rest) = page.body.split_once("name=\"_csrf\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

pub fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

async fn ask(
    hall: &Hall,
    browser: &mut Browser,
    method: &Method,
    path: &str,
    token: &str,
) -> Answer {
    if *method == Method::GET {
        browser.get(hall, path).await
    } else {
        browser
            .post(hall, path, &format!("_csrf={token}"), &[])
            .await
    }
}

async fn upload(hall: &Hall, browser: &Browser, path: &str, token: &str) -> Answer {
    let body = format!(
        "--x\r\ncontent-disposition: form-data; name=\"_csrf\"\r\n\r\n{token}\r\n--x--\r\n"
    );
    let request = browser
        .request(Method::POST, path)
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x");
    crate::hall::send(hall, request.body(body.into()).unwrap()).await
}

fn is_refused(answer: &Answer) -> bool {
    // Not because of the token: that has a sentence of its own.
    answer.status == StatusCode::FORBIDDEN && answer.body.contains("现在不能进行这项操作")
}

fn leads_to_the_door(answer: &Answer) -> bool {
    answer.status == StatusCode::SEE_OTHER
        && answer
            .header("location")
            .starts_with("/console/login?next=%2Fconsole")
}

#[tokio::test]
async fn each_page_opens_to_its_roles_and_to_no_other() {
    let hall = staffed().await;
    let clerks = [
        ("reviewer", Role::Reviewer),
        ("finance", Role::Finance),
        ("maker", Role::Maker),
        ("shipper", Role::Shipper),
        ("admin", Role::Administrator),
    ];
    for (login, role) in clerks {
        let (mut browser, token) = at_work(&hall, login).await;
        let check = |method: &Method, path: &str, may: May, answer: &Answer| {
            let open = match may {
                Staff => true,
                Only(wanted) => wanted == role || role == Role::Administrator,
            };
            if open {
                assert!(!is_refused(answer), "{login} may not {method} {path}");
                assert!(
                    !leads_to_the_door(answer),
                    "{login} is sent away from {method} {path}"
                );
                let broken = answer.status == StatusCode::INTERNAL_SERVER_ERROR;
                assert!(!broken, "{login} {method} {path}: {}", answer.body);
            } else {
                assert!(
                    is_refused(answer),
                    "{login} may {method} {path}: {}",
                    answer.status
                );
            }
        };
        for (method, path, may) in PAGES {
            let answer = ask(&hall, &mut browser, &method, path, &token).await;
            check(&method, path, may, &answer);
        }
        for (path, may) in UPLOADS {
            let answer = upload(&hall, &browser, path, &token).await;
            check(&Method::POST, path, may, &answer);
        }
    }
}

#[tokio::test]
async fn nobody_else_comes_further_than_the_door() {
    let hall = staffed().await;
    let mut stranger = Browser::default();
    let strangers = stranger.token(&hall).await;
    // An applicant's session is worth nothing here, not even under the clerks' cookie.
    let mut applicant = applicant(&hall).await;
    for (method, path, _) in PAGES {
        for (browser, token) in [(&mut stranger, &strangers), (&mut applicant, &strangers)] {
            let answer = ask(&hall, browser, &method, path, token).await;
            let refused = answer.status == StatusCode::FORBIDDEN && method == Method::POST;
            assert!(
                refused || leads_to_the_door(&answer),
                "{method} {path}: {}",
                answer.status
            );
        }
        let answer = ask(&hall, &mut stranger, &method, path, &strangers).await;
        assert!(
            leads_to_the_door(&answer),
            "{method} {path}: {}",
            answer.status
        );
    }
}

/// The browser of an applicant who has put the session's token into both cookies.
async fn applicant(hall: &Hall) -> Browser {
    let token = "an-applicants-token";
    let now = hall.state.clock.now();
    let session = Session {
        id: "applicants".to_owned(),
        kind: SessionKind::Applicant,
        subject: "applicant".to_owned(),
        csrf: "applicants".to_owned(),
        created_at: now,
        seen_at: now,
        expires_at: now.plus(3600),
        user_agent: String::new(),
    };
    let hash = hex::encode(digest(&SHA256, token.as_bytes()));
    let mut conn = hall.state.store.read().await.unwrap();
    sessions::insert(&mut conn, &site(), &hash, &session, "")
        .await
        .unwrap();
    let mut browser = Browser::default();
    for name in ["yinxin-session", "yinxin-clerk"] {
        browser.cookies.insert(name.to_owned(), token.to_owned());
    }
    browser
}

#[tokio::test]
async fn a_password_that_somebody_else_chose_is_changed_first() {
    let hall = staffed().await;
    let new = Hiring {
        login: "new",
        name: "新人",
        mobile: "",
        roles: &[Role::Administrator],
        password: PASSWORD,
    };
    let id = hall.state.staff.create(&site(), new, None).await.unwrap();
    let (mut browser, token) = at_work(&hall, "new").await;
    for (method, path, _) in PAGES {
        if path == "/console/password" {
            continue;
        }
        let answer = ask(&hall, &mut browser, &method, path, &token).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert_eq!(answer.header("location"), "/console/password", "{path}");
    }
    let own = encoded("落霞与孤鹜齐飞三百里");
    let body = format!(
        "_csrf={token}&old_password={}&password={own}&password_again={own}",
        encoded(PASSWORD)
    );
    let answer = browser.post(&hall, "/console/password", &body, &[]).await;
    assert_eq!(answer.header("location"), "/console", "{}", answer.body);
    assert_eq!(
        browser.get(&hall, "/console/staff").await.status,
        StatusCode::OK
    );

    // Disabled meanwhile: the next page is the door.
    let clerk = hall.state.staff.get(&site(), &id).await.unwrap();
    let gone = Clerk {
        disabled: true,
        ..clerk
    };
    hall.state
        .staff
        .update(&site(), &gone, "", None)
        .await
        .unwrap();
    assert!(leads_to_the_door(&browser.get(&hall, "/console").await));
}

#[tokio::test]
async fn after_three_failures_the_door_asks_for_a_picture() {
    let hall = staffed().await;
    let mut browser = Browser::default();
    let token = browser.token(&hall).await;
    let body = format!("_csrf={token}&login_id=reviewer&password=wrong-and-wrong");
    for _ in 0..3 {
        let answer = browser.post(&hall, "/console/login", &body, &[]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.body.contains("用户名或密码不正确"));
    }
    let answer = browser.post(&hall, "/console/login", &body, &[]).await;
    assert!(
        answer.body.contains("name=\"picture_code\""),
        "{}",
        answer.body
    );
    let as_sum = browser
        .post(
            &hall,
            "/console/login",
            &format!("{body}&_renew=question"),
            &[],
        )
        .await;
    assert!(as_sum.body.contains("data-question"), "{}", as_sum.body);
}

#[tokio::test]
async fn what_one_may_not_do_is_not_shown() {
    let hall = staffed().await;
    let links = [
        "/console/orders",
        "/console/staff",
        "/console/accounts",
        "/console/content",
    ];
    for (login, shown) in [
        ("reviewer", &links[..0]),
        ("finance", &links[..1]),
        ("admin", &links),
    ] {
        let (mut browser, _) = at_work(&hall, login).await;
        let page = browser.get(&hall, "/console").await.body;
        for link in links {
            let there = page.contains(&format!("href=\"{link}\""));
            assert_eq!(there, shown.contains(&link), "{login} {link}");
        }
    }
}

#[tokio::test]
async fn what_people_wrote_stays_text() {
    let hall = staffed().await;
    let (mut browser, token) = at_work(&hall, "admin").await;
    let hostile = "\"><script>alert(1)</script><img src=x onerror=alert(1)>";
    let name = encoded("<b>\"x\"</b>");
    let body = format!(
        "_csrf={token}&login_id=hostile&name={name}&role%3Areviewer=yes&password={}",
        encoded(PASSWORD)
    );
    let answer = browser.post(&hall, "/console/staff/new", &body, &[]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let text = encoded(hostile);
    let notice = format!("_csrf={token}&title={name}&markdown={text}&published=yes");
    let answer = browser
        .post(&hall, "/console/content/new-notice", &notice, &[])
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let preview = format!("{notice}&_preview=1");
    let mut pages = vec![
        browser
            .post(&hall, "/console/content/new-notice", &preview, &[])
            .await
            .body,
    ];
    let log_in = format!("_csrf={token}&login_id={text}&password=x");
    pages.push(
        browser
            .post(&hall, "/console/login", &log_in, &[])
            .await
            .body,
    );
    for path in [
        "/console/staff".to_owned(),
        "/console/content/notices".to_owned(),
        format!("/console/search?text={text}&plugin={text}&tone={text}&service={text}"),
        format!("/console/accounts?text={text}"),
        format!("/console/orders?state={text}"),
        format!("/console/login?next={text}"),
    ] {
        pages.push(browser.get(&hall, &path).await.body);
    }
    for page in pages {
        for forbidden in ["<script>", "<img src=x", "<b>", "onerror=alert(1)>"] {
            assert!(!page.contains(forbidden), "{forbidden} in {page}");
        }
    }
}

#[tokio::test]
async fn a_page_is_written_saved_and_restored() {
    let hall = staffed().await;
    let (mut browser, token) = at_work(&hall, "admin").await;
    let first = format!("_csrf={token}&slug=guide&title=A&markdown=one&position=10&published=yes");
    let answer = browser
        .post(&hall, "/console/content/new-page", &first, &[])
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let second = format!("_csrf={token}&_version=1&title=A&markdown=two&position=10&published=yes");
    let path = "/console/content/pages/guide";
    let answer = browser.post(&hall, path, &second, &[]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    // A colleague's page from before: nothing of the other's work is lost without a word.
    let late = browser
        .post(&hall, path, &second.replace("two", "three"), &[])
        .await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        late.body.contains("three") && late.body.contains("其他人刚刚保存过"),
        "{}",
        late.body
    );
    let restored = format!("_csrf={token}&_version=2&version=1");
    let answer = browser
        .post(&hall, &format!("{path}/restore"), &restored, &[])
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert!(
        browser
            .get(&hall, "/pages/guide")
            .await
            .body
            .contains("one")
    );
}

#[tokio::test]
async fn the_last_administrator_stays() -> Result<(), StoreError> {
    let hall = staffed().await;
    let (mut browser, token) = at_work(&hall, "admin").await;
    let staff = hall.state.staff.list(&site(), None, 10).await?;
    let admin = staff.iter().find(|clerk| clerk.login == "admin").unwrap();
    let path = format!("/console/staff/{}", admin.id);
    let body = format!(
        "_csrf={token}&_version={}&name=x&role%3Areviewer=yes",
        admin.version
    );
    let answer = browser.post(&hall, &path, &body, &[]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("至少要有一名"), "{}", answer.body);
    Ok(())
}
