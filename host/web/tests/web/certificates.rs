//! Certificates of mine, and the console's register of them.

use crate::hall::{Answer, Browser, Hall, hall, send};
use axum::body::{Body, to_bytes};
use http::{Method, StatusCode, header};
use ring::digest::{SHA256, digest};
use std::process::Command;
use yinxin_core::ids::{AccountId, SiteId};
use yinxin_core::rules::NamedValue;
use yinxin_services::certificates::{EmbeddedIssuer, Issuer, IssuerNames, Prepared, Wish};
use yinxin_store::accounts::{self, NewAccount};
use yinxin_store::sessions::{self, Session, SessionKind};

fn site() -> SiteId {
    SiteId::parse("jiangxi").unwrap()
}

/// A hall whose site has an issuer.
async fn issuing() -> (Hall, EmbeddedIssuer) {
    let hall = hall().await;
    let issuer = established(&hall).await;
    (hall, issuer)
}

/// Makes an issuer for the hall's site.
pub async fn established(hall: &Hall) -> EmbeddedIssuer {
    let state = &hall.state;
    let lists = [(site(), "https://jiangxi.example.cn/crl".to_owned())].into();
    let issuer = EmbeddedIssuer::new(
        state.store.clone(),
        state.sealer.clone(),
        state.clock.clone(),
        lists,
    );
    let names = IssuerNames {
        organisation: "江西省数字证书有限公司".to_owned(),
        root: "江西CA 根证书".to_owned(),
        issuing: "江西CA 签发证书".to_owned(),
    };
    issuer.establish(&site(), &names).await.unwrap();
    issuer
}

pub fn openssl(folder: &std::path::Path, arguments: &[&str]) {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Serial and PEM of a certificate for this name, of a key that OpenSSL made.
async fn certificate(issuer: &EmbeddedIssuer, name: &str) -> (String, String) {
    let (prepared, pem) = certificate_of(issuer, &[("CN", name)]).await;
    (prepared.serial, pem)
}

/// The same for this subject, with what the issuer prepared.
pub async fn certificate_of(
    issuer: &EmbeddedIssuer,
    subject: &[(&str, &str)],
) -> (Prepared, String) {
    let folder = tempfile::tempdir().unwrap();
    let curve = ["-pkeyopt", "ec_paramgen_curve:P-256", "-out", "key.pem"];
    let mut make = vec!["genpkey", "-algorithm", "EC"];
    make.extend(curve);
    openssl(folder.path(), &make);
    let public = [
        "pkey", "-in", "key.pem", "-pubout", "-outform", "DER", "-out", "key.der",
    ];
    openssl(folder.path(), &public);
    let wish = Wish {
        public_key: std::fs::read(folder.path().join("key.der")).unwrap(),
        subject: subject
            .iter()
            .map(|(name, value)| NamedValue {
                name: (*name).into(),
                value: (*value).into(),
            })
            .collect(),
        months: 12,
    };
    let prepared = issuer.prepare(&site(), &wish).await.unwrap();
    let signed = issuer.sign(&site(), &prepared.tbs).await.unwrap();
    (prepared, signed.pem)
}

/// PEM of a certificate and of its key that some other CA could have made.
pub fn strangers(folder: &std::path::Path) -> (Vec<u8>, Vec<u8>) {
    let make = [
        "req",
        "-x509",
        "-nodes",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-days",
        "9",
        "-utf8",
        "-subj",
        "/CN=<b>别家 CA<b>",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-keyout",
        "key.pem",
        "-out",
        "other.pem",
    ];
    openssl(folder, &make);
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    (read("other.pem"), read("key.pem"))
}

/// The browser of somebody who is logged in under this name.
async fn applicant(hall: &Hall, name: &str) -> Browser {
    let token = format!("token-of-{name}");
    let now = hall.state.clock.now();
    let session = Session {
        id: name.to_owned(),
        kind: SessionKind::Applicant,
        subject: name.to_owned(),
        csrf: format!("csrf-of-{name}"),
        created_at: now,
        seen_at: now,
        expires_at: now.plus(3600),
        user_agent: String::new(),
    };
    let hash = hex::encode(digest(&SHA256, token.as_bytes()));
    let mut conn = hall.state.store.read().await.unwrap();
    let account = NewAccount {
        id: &AccountId::from_stored(name),
        password_hash: "none",
        name,
        mobile_masked: "",
        created_at: now,
    };
    accounts::insert(&mut conn, &site(), account).await.unwrap();
    sessions::insert(&mut conn, &site(), &hash, &session, "")
        .await
        .unwrap();
    let mut browser = Browser::default();
    browser.cookies.insert("yinxin-session".to_owned(), token);
    browser
}

async fn bind(hall: &Hall, browser: &Browser, token: &str, file: &[u8]) -> Answer {
    let mut body = format!(
        "--x\r\ncontent-disposition: form-data; name=\"_csrf\"\r\n\r\n{token}\r\n--x\r\n\
         content-disposition: form-data; name=\"file\"; filename=\"a.cer\"\r\n\
         content-type: application/octet-stream\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n--x--\r\n");
    let request = browser
        .request(Method::POST, "/certificates/bind")
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x");
    send(hall, request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn a_certificate_is_bound_by_its_file_looked_at_and_put_away() {
    let (hall, issuer) = issuing().await;
    let (serial, pem) = certificate(&issuer, "福州榕城科技有限公司").await;
    let mut me = applicant(&hall, "me").await;
    let token = "csrf-of-me";
    let empty = me.get(&hall, "/certificates").await;
    assert!(empty.body.contains("还没有证书"), "{}", empty.body);

    let forged = bind(&hall, &me, "wrong", pem.as_bytes()).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let answer = bind(&hall, &me, token, pem.as_bytes()).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let path = format!("/certificates/{serial}");
    assert_eq!(answer.header("location"), path);
    // The same again is fine.
    let again = bind(&hall, &me, token, pem.as_bytes()).await;
    assert_eq!(again.header("location"), path);

    let groups: Vec<String> = serial
        .to_uppercase()
        .as_bytes()
        .chunks(4)
        .map(|four| String::from_utf8_lossy(four).into_owned())
        .collect();
    let groups = groups.join(" ");
    let list = me.get(&hall, "/certificates").await.body;
    for expected in ["福州榕城科技有限公司", &groups, "有效", "已绑定"] {
        assert!(list.contains(expected), "{expected}: {list}");
    }
    for (query, found) in [
        ("text=%E6%A6%95%E5%9F%8E", true),
        (&format!("text={}", groups.replace(' ', "+")), true),
        ("text=nobody", false),
        ("standing=valid", true),
        ("standing=expired", false),
        ("standing=nonsense", true),
    ] {
        let page = me.get(&hall, &format!("/certificates?{query}")).await.body;
        // The serial as the list shows it; a search's own text stands in an input.
        let line = format!("number\">{groups}<");
        assert_eq!(page.contains(&line), found, "{query}");
    }
    let page = me.get(&hall, &path).await.body;
    for expected in [
        "江西CA 签发证书",
        "P-256",
        "SHA-256",
        "只显示文件本身的内容",
        "解除绑定",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    assert!(!page.contains("来自申请"));
    let der = me.get(&hall, &format!("{path}/file?form=der")).await;
    assert_eq!(der.header("content-type"), "application/pkix-cert");
    let shown = me.get(&hall, &format!("{path}/file?form=pem")).await.body;
    assert_eq!(shown, pem);
    let chain = me.get(&hall, &format!("{path}/file?form=chain")).await.body;
    assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 3);

    // Nobody else has it, by whatever address.
    let mut other = applicant(&hall, "other").await;
    for address in [path.clone(), format!("{path}/file?form=pem")] {
        let answer = other.get(&hall, &address).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{address}");
        let stranger = Browser::default().get(&hall, &address).await;
        assert_eq!(stranger.status, StatusCode::SEE_OTHER, "{address}");
    }
    let unbind = format!("{path}/unbind");
    other.post(&hall, &unbind, "_csrf=csrf-of-other", &[]).await;
    assert_eq!(me.get(&hall, &path).await.status, StatusCode::OK);
    let gone = me
        .post(&hall, &unbind, &format!("_csrf={token}"), &[])
        .await;
    assert_eq!(gone.header("location"), "/certificates");
    assert_eq!(me.get(&hall, &path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_wrong_file_is_refused_on_the_page_with_what_to_do() {
    let (hall, issuer) = issuing().await;
    let me = applicant(&hall, "me").await;
    let folder = tempfile::tempdir().unwrap();
    let (other, key) = strangers(folder.path());
    let authority = issuer.chain(&site()).await.unwrap().remove(0);
    for (file, sentence) in [
        (Vec::new(), "请选择证书文件"),
        (b"nonsense".to_vec(), "无法读取这个文件"),
        (vec![b'a'; 80 * 1024], "文件超过 64 KB"),
        (vec![b'a'; 3 * 1024 * 1024], "文件超过 64 KB"),
        (key, "含有私钥"),
        (other, "不是本机构的证书"),
        (authority.into_bytes(), "签发机构自己的证书"),
    ] {
        let answer = bind(&hall, &me, "csrf-of-me", &file).await;
        assert_eq!(
            answer.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{sentence}"
        );
        assert!(
            answer.body.contains(sentence),
            "{sentence}: {}",
            answer.body
        );
        assert!(!answer.body.contains("<b>别家"));
    }
}

#[tokio::test]
async fn what_stands_in_a_certificate_stays_text() {
    let (hall, issuer) = issuing().await;
    let mut me = applicant(&hall, "me").await;
    let (serial, pem) = certificate(&issuer, "<script>alert(1)</script>").await;
    let bound = bind(&hall, &me, "csrf-of-me", pem.as_bytes()).await;
    assert_eq!(bound.status, StatusCode::SEE_OTHER, "{}", bound.body);
    let hostile = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    for path in [
        "/certificates".to_owned(),
        format!("/certificates/{serial}"),
        format!("/certificates?text={hostile}&standing={hostile}&after={hostile}"),
        format!("/certificates/{hostile}"),
    ] {
        let page = me.get(&hall, &path).await.body;
        assert!(!page.contains("<script>alert"), "{path}: {page}");
    }
}

#[tokio::test]
async fn verifiers_fetch_the_list_and_the_issuers() {
    let without = hall().await;
    let nothing = Browser::default().get(&without, "/crl").await;
    assert_eq!(nothing.status, StatusCode::NOT_FOUND);
    let (hall, issuer) = issuing().await;
    let folder = tempfile::tempdir().unwrap();
    let chain = Browser::default().get(&hall, "/issuers.pem").await.body;
    assert_eq!(chain, issuer.chain(&site()).await.unwrap().concat());
    std::fs::write(folder.path().join("chain.pem"), chain).unwrap();
    let request = Browser::default().request(Method::GET, "/crl");
    let response = hall.router.clone();
    let response = tower::ServiceExt::oneshot(response, request.body(Body::empty()).unwrap());
    let response = response.await.unwrap();
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "application/pkix-crl"
    );
    // A cache on the way keeps it for everybody, so it must not hand out one visitor's cookie.
    let cache = response.headers()[header::CACHE_CONTROL].to_str();
    assert!(cache.unwrap().starts_with("public"));
    assert!(!response.headers().contains_key(header::SET_COOKIE));
    let list = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    std::fs::write(folder.path().join("list.crl"), list).unwrap();
    let verify = [
        "crl",
        "-inform",
        "DER",
        "-in",
        "list.crl",
        "-noout",
        "-CAfile",
        "chain.pem",
    ];
    openssl(folder.path(), &verify);
}
