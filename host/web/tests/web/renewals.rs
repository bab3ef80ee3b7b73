//! A renewal begins from a certificate: one of one's own, or one whose file one has (manual row F-11).

use crate::certificates::{certificate_of, established, strangers};
use crate::hall::{Answer, Hall};
use crate::market::{Person, UNIT, market, site};
use http::StatusCode;
use yinxin_core::ids::CaseId;
use yinxin_services::certificates::{EmbeddedIssuer, Issuer, Prepared};
use yinxin_store::bound_certificates::{self, Bound, Proof};
use yinxin_store::certificates::{self, Certificate, CertificateState};

const CHOOSE: &str = "/services/fujian/renew-enterprise/new";
/// The radio button for a certificate that is not in the list.
const BY_FILE: [(&str, &str); 1] = [("certificate", "file")];

async fn fujian() -> (Hall, EmbeddedIssuer) {
    let hall = market().await;
    let issuer = established(&hall).await;
    (hall, issuer)
}

/// The certificate of a unit as the rules have it made.
async fn of_unit(issuer: &EmbeddedIssuer) -> (Prepared, String) {
    let subject = [
        ("C", "CN"),
        ("O", UNIT.0),
        ("CN", UNIT.0),
        ("serialNumber", UNIT.1),
    ];
    certificate_of(issuer, &subject).await
}

/// Writes it down as issued for a case.
async fn register(hall: &Hall, prepared: &Prepared, pem: &str, case: &CaseId) {
    let now = hall.state.clock.now();
    let row = Certificate {
        serial: prepared.serial.clone(),
        order_key: prepared.serial.clone(),
        case: case.clone(),
        request_id: String::new(),
        subject: prepared.subject.clone(),
        not_before: prepared.not_before,
        not_after: prepared.not_after,
        tbs: prepared.tbs.clone(),
        signature: Vec::new(),
        pem: String::new(),
        state: CertificateState::Reserved,
        reason: String::new(),
        successor: String::new(),
        successor_kind: String::new(),
        created_at: now,
        changed_at: now,
    };
    let mut tx = hall.state.store.begin().await.unwrap();
    certificates::reserve(&mut tx, &site(), &row).await.unwrap();
    certificates::complete(&mut tx, &site(), &row.serial, b"signature", pem, now)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// Gives it to a person, as issued for their case.
async fn hand_over(hall: &Hall, person: &Person, prepared: &Prepared, pem: &str, case: &CaseId) {
    register(hall, prepared, pem, case).await;
    let bound = Bound {
        id: prepared.serial.clone(),
        serial: prepared.serial.clone(),
        proof: Proof::Case,
        case: Some(case.clone()),
        subject: prepared.subject.clone(),
        not_before: prepared.not_before,
        not_after: prepared.not_after,
        pem: pem.to_owned(),
        bound_at: hall.state.clock.now(),
    };
    let mut tx = hall.state.store.begin().await.unwrap();
    bound_certificates::bind(&mut tx, &site(), &person.account, &bound)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

fn begun(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let path = answer.header("location").to_owned();
    assert!(path.starts_with("/cases/"), "{path}");
    path
}

#[tokio::test]
async fn a_renewal_begins_from_a_certificates_file() {
    let (hall, issuer) = fujian().await;
    let (prepared, pem) = of_unit(&issuer).await;
    let mut person = Person::new(&hall, "holder").await;
    let choose = person.get(&hall, CHOOSE).await;
    // Who has none yet is not asked to choose first.
    assert!(
        choose.body.contains("value=\"file\" checked"),
        "{}",
        choose.body
    );
    let file = pem.as_bytes();
    let answer = person
        .send_file(&hall, CHOOSE, &BY_FILE, "unit.cer", file)
        .await;
    let case = begun(&answer);
    let form = person
        .get(&hall, &format!("{case}/steps/application"))
        .await;
    for known in [UNIT.0, UNIT.1, prepared.serial.as_str()] {
        assert!(form.body.contains(known), "{known}: {}", form.body);
    }
    let mine = person.get(&hall, "/certificates").await;
    assert!(mine.body.contains(UNIT.0) && mine.body.contains("已绑定"));

    // Once more, in another form, or with nothing ticked: the application that was begun goes on.
    let der = pem_to_der(&pem);
    for (answers, file) in [(&BY_FILE[..], file), (&BY_FILE[..], &der), (&[], file)] {
        let again = person
            .send_file(&hall, CHOOSE, answers, "unit.cer", file)
            .await;
        assert_eq!(begun(&again), case);
    }
    // Somebody else who has the file begins one of their own.
    let other = Person::new(&hall, "bookkeeper").await;
    let theirs = other
        .send_file(&hall, CHOOSE, &BY_FILE, "unit.cer", file)
        .await;
    assert_ne!(begun(&theirs), case);
}

fn pem_to_der(pem: &str) -> Vec<u8> {
    use base64::Engine;
    let lines: String = pem.lines().filter(|line| !line.contains("-----")).collect();
    base64::prelude::BASE64_STANDARD.decode(lines).unwrap()
}

#[tokio::test]
async fn a_wrong_file_begins_nothing_and_leaves_the_choice_as_it_was() {
    let (hall, issuer) = fujian().await;
    let mut person = Person::new(&hall, "holder").await;
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
        let name = if file.is_empty() { "" } else { "a.cer" };
        let answer = person.send_file(&hall, CHOOSE, &BY_FILE, name, &file).await;
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        assert_eq!(answer.status, status, "{sentence}: {}", answer.body);
        assert!(
            answer.body.contains(sentence),
            "{sentence}: {}",
            answer.body
        );
        assert!(answer.body.contains("value=\"file\" checked"), "{sentence}");
        // The summary leads to the file, which is marked.
        assert!(answer.body.contains("href=\"#f-file\""), "{}", answer.body);
        assert!(answer.body.contains("aria-invalid=\"true\""), "{sentence}");
        assert!(!answer.body.contains("<b>别家"), "{}", answer.body);
    }
    let nothing = person.send_file(&hall, CHOOSE, &[], "", b"").await;
    assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(nothing.body.contains("请选择一张证书"), "{}", nothing.body);
    let cases = person.get(&hall, "/cases").await;
    assert!(cases.body.contains("还没有申请"), "{}", cases.body);
    let mine = person.get(&hall, "/certificates").await;
    assert!(mine.body.contains("还没有证书"), "{}", mine.body);
}

#[tokio::test]
async fn the_file_of_a_revoked_certificate_begins_nothing_and_names_the_way_out() {
    let (hall, issuer) = fujian().await;
    let (prepared, pem) = of_unit(&issuer).await;
    let holder = Person::new(&hall, "holder").await;
    let case = holder.case(&hall, "2026112000001", UNIT).await;
    register(&hall, &prepared, &pem, &case).await;
    let mut conn = hall.state.store.begin().await.unwrap();
    hall.state
        .certificates
        .revoke(&mut conn, &site(), &prepared.serial, "keyCompromise")
        .await
        .unwrap();
    conn.commit().await.unwrap();

    let mut other = Person::new(&hall, "bookkeeper").await;
    let answer = other
        .send_file(&hall, CHOOSE, &BY_FILE, "unit.cer", pem.as_bytes())
        .await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("已注销"), "{}", answer.body);
    let way_out = "/services/fujian/new-enterprise".replace('/', "&#x2f;");
    assert!(answer.body.contains(&way_out), "{}", answer.body);
    let cases = other.get(&hall, "/cases").await;
    assert!(cases.body.contains("还没有申请"), "{}", cases.body);
}

#[tokio::test]
async fn a_certificate_is_renewed_by_the_service_for_its_kind_of_holder() {
    let (hall, issuer) = fujian().await;
    let mut person = Person::new(&hall, "holder").await;
    let (unit, unit_pem) = of_unit(&issuer).await;
    let case = person.case(&hall, "2026112000001", UNIT).await;
    hand_over(&hall, &person, &unit, &unit_pem, &case).await;
    let (own, own_pem) = certificate_of(&issuer, &[("CN", "王丽")]).await;
    let case = person
        .case_of(&hall, "new-personal", "2026112000002", UNIT)
        .await;
    hand_over(&hall, &person, &own, &own_pem, &case).await;
    let (bound, bound_pem) = certificate_of(&issuer, &[("CN", "不知何人")]).await;
    person
        .send_file(
            &hall,
            "/certificates/bind",
            &[],
            "a.cer",
            bound_pem.as_bytes(),
        )
        .await;

    let services = ["renew-enterprise", "renew-personal"];
    for (certificate, fitting) in [
        (&unit, &services[..1]),
        (&own, &services[1..]),
        // Of what was issued elsewhere only its holder knows.
        (&bound, &services[..]),
    ] {
        let serial = &certificate.serial;
        let page = person.get(&hall, &format!("/certificates/{serial}")).await;
        for service in services {
            let path = format!("/services/fujian/{service}/new?certificate={serial}");
            let offered = page.body.replace("&#x2f;", "/").contains(&path);
            assert_eq!(
                offered,
                fitting.contains(&service),
                "{service}: {}",
                page.body
            );
            let choose = person
                .get(&hall, &format!("/services/fujian/{service}/new"))
                .await;
            let listed = choose.body.contains(&format!("value=\"{serial}\""));
            assert_eq!(
                listed,
                fitting.contains(&service),
                "{service}: {}",
                choose.body
            );
        }
    }
    // Whoever names one that does not fit sees it all the same, and is told by the rules.
    let path = format!(
        "/services/fujian/renew-personal/new?certificate={}",
        unit.serial
    );
    let named = person.get(&hall, &path).await;
    assert!(named.body.contains(&unit.serial), "{}", named.body);
}
