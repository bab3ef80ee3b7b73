use super::*;
use crate::cases::tests::{case, site};
use crate::certificates::{
    Certificate, Narrowed, Origin, case_from, change_state, complete, origin_of, reserve,
    set_origin,
};
use crate::testing::{TestStore, sqlite, stores};
use tokio::task::JoinSet;

fn bound(serial: &str, subject: &str) -> Bound {
    Bound {
        id: uuid::Uuid::now_v7().to_string(),
        serial: serial.into(),
        proof: Proof::File,
        case: None,
        subject: subject.into(),
        not_before: Millis(1),
        not_after: Millis(1000),
        pem: "pem".into(),
        bound_at: Millis(5),
    }
}

fn me() -> AccountId {
    AccountId::from_stored("a1")
}

/// Issues a certificate for a new case of the account `a1`.
async fn issued(conn: &mut Connection, store: &TestStore, serial: &str) -> CaseId {
    let case = case(serial, "甲公司", None);
    crate::cases::insert(conn, &store.sealer, &site(), &case)
        .await
        .unwrap();
    let row = Certificate {
        serial: serial.into(),
        order_key: serial.into(),
        case: case.id.clone(),
        request_id: "r".into(),
        subject: "CN=甲公司".into(),
        not_before: Millis(1),
        not_after: Millis(1000),
        tbs: vec![1],
        signature: Vec::new(),
        pem: String::new(),
        state: CertificateState::Reserved,
        reason: String::new(),
        successor: String::new(),
        successor_kind: String::new(),
        created_at: Millis(1),
        changed_at: Millis(1),
    };
    reserve(conn, &site(), &row).await.unwrap();
    complete(conn, &site(), serial, &[1], "pem", Millis(2))
        .await
        .unwrap();
    case.id
}

#[tokio::test]
async fn of_two_requests_at_once_one_binds() {
    for store in stores().await {
        let store = std::sync::Arc::new(store);
        let mut tasks = JoinSet::new();
        for _ in 0..8 {
            let store = store.clone();
            tasks.spawn(async move {
                let mut tx = store.begin().await.unwrap();
                let won = bind(&mut tx, &site(), &me(), &bound("01", "CN=甲"))
                    .await
                    .unwrap();
                tx.commit().await.unwrap();
                won
            });
        }
        let won = tasks.join_all().await;
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "{}", store.name);
        let mut conn = store.read().await.unwrap();
        let all = list(&mut conn, &site(), &me(), &Filter::default(), None, 9)
            .await
            .unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!(count(&mut conn, &site(), &me()).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn one_of_an_own_case_shows_the_case_and_stays() {
    for store in stores().await {
        let mut tx = store.begin().await.unwrap();
        let case = issued(&mut tx, &store, "01").await;
        let own = Bound {
            proof: Proof::Case,
            case: Some(case.clone()),
            ..bound("01", "CN=甲公司")
        };
        assert!(bind_issued(&mut tx, &site(), &case, &own).await.unwrap());
        let nobodys = CaseId::generate();
        assert!(!bind_issued(&mut tx, &site(), &nobodys, &own).await.unwrap());
        // The file again says nothing new.
        assert!(
            !bind(&mut tx, &site(), &me(), &bound("01", "CN=甲公司"))
                .await
                .unwrap()
        );
        assert!(!unbind(&mut tx, &site(), &me(), "01").await.unwrap());
        let line = find(&mut tx, &site(), &me(), "01").await.unwrap().unwrap();
        assert_eq!(line.bound, own, "{}", store.name);
        assert_eq!(
            (line.plugin.as_str(), line.service.as_str(), line.state),
            ("yingtan", "new", Some(CertificateState::Valid))
        );

        // Another account that has the file sees the file and how it stands, nothing of the case.
        let other = AccountId::from_stored("a2");
        assert!(
            bind(&mut tx, &site(), &other, &bound("01", "CN=甲公司"))
                .await
                .unwrap()
        );
        let line = find(&mut tx, &site(), &other, "01").await.unwrap().unwrap();
        assert_eq!((line.bound.case, line.plugin.as_str()), (None, ""));
        assert_eq!(line.state, Some(CertificateState::Valid));
        assert!(unbind(&mut tx, &site(), &other, "01").await.unwrap());
        assert!(
            find(&mut tx, &site(), &other, "01")
                .await
                .unwrap()
                .is_none()
        );
    }
}

#[tokio::test]
async fn the_list_is_narrowed_and_paged() {
    for store in stores().await {
        let mut tx = store.begin().await.unwrap();
        for serial in ["01", "02", "03"] {
            issued(&mut tx, &store, serial).await;
            let subject = if serial == "02" {
                "CN=乙公司"
            } else {
                "CN=甲公司"
            };
            assert!(
                bind(&mut tx, &site(), &me(), &bound(serial, subject))
                    .await
                    .unwrap()
            );
        }
        // Not in the register: only its dates tell how it stands.
        let mut foreign = bound("04", "CN=丙公司");
        foreign.not_after = Millis(10);
        assert!(bind(&mut tx, &site(), &me(), &foreign).await.unwrap());
        let revoked = CertificateState::Revoked;
        let valid = [CertificateState::Valid];
        assert!(
            change_state(&mut tx, &site(), "03", &valid, revoked, "", Millis(9))
                .await
                .unwrap()
        );
        let standing = |standing| Filter {
            standing: Some(standing),
            ..Filter::default()
        };
        let name = Filter {
            name: Some("乙".into()),
            ..Filter::default()
        };
        let serial = Filter {
            serial: Some("04".into()),
            ..Filter::default()
        };
        for (filter, expected) in [
            (name, &["02"][..]),
            (serial, &["04"]),
            (standing(Narrowed::Revoked), &["03"]),
            (standing(Narrowed::Expired(Millis(500))), &["04"]),
            (standing(Narrowed::Valid(Millis(5))), &["04", "02", "01"]),
        ] {
            let found = list(&mut tx, &site(), &me(), &filter, None, 9)
                .await
                .unwrap();
            let serials: Vec<_> = found.iter().map(|line| &line.bound.serial).collect();
            assert_eq!(serials, expected, "{} {filter:?}", store.name);
        }
        let all = Filter::default();
        let page = list(&mut tx, &site(), &me(), &all, None, 3).await.unwrap();
        let last = &page.last().unwrap().bound.id;
        let rest = list(&mut tx, &site(), &me(), &all, Some(last), 3)
            .await
            .unwrap();
        assert_eq!((page.len(), rest.len()), (3, 1));
        assert_eq!(rest[0].bound.serial, "01");
    }
}

#[tokio::test]
async fn a_case_that_goes_on_from_a_certificate_is_found_again() {
    for store in stores().await {
        let mut tx = store.begin().await.unwrap();
        let begun = case("n1", "甲公司", None);
        crate::cases::insert(&mut tx, &store.sealer, &site(), &begun)
            .await
            .unwrap();
        let origin = Origin {
            serial: "01".into(),
            kind: "renewal".into(),
        };
        set_origin(&mut tx, &site(), &begun.id, &origin)
            .await
            .unwrap();
        assert_eq!(
            origin_of(&mut tx, &site(), &begun.id).await.unwrap(),
            Some(origin)
        );
        let found = async |conn: &mut Connection, account: &str, service: &str| {
            let account = AccountId::from_stored(account);
            case_from(conn, &site(), "01", &account, "yingtan", service)
                .await
                .unwrap()
        };
        assert_eq!(found(&mut tx, "a1", "new").await, Some(begun.id.clone()));
        assert_eq!(
            found(&mut tx, "a2", "new").await,
            None,
            "another's stays theirs"
        );
        assert_eq!(found(&mut tx, "a1", "change").await, None);
        let mut gone = begun;
        gone.standing.deleted = true;
        crate::cases::update(&mut tx, &store.sealer, &site(), &gone)
            .await
            .unwrap();
        assert_eq!(found(&mut tx, "a1", "new").await, None, "{}", store.name);
        // One that has led to a certificate is over, whatever its state.
        let ready = issued(&mut tx, &store, "09").await;
        let origin = Origin {
            serial: "01".into(),
            kind: "renewal".into(),
        };
        set_origin(&mut tx, &site(), &ready, &origin).await.unwrap();
        assert_eq!(found(&mut tx, "a1", "new").await, None);
    }
}

#[tokio::test]
async fn a_page_is_read_off_an_index_without_sorting() {
    let store = sqlite().await;
    let mut conn = store.read().await.unwrap();
    let all = Filter::default();
    let mut query = list_query(&site(), &me(), &all, Some("x"), 9);
    query.text.insert_str(0, "EXPLAIN QUERY PLAN ");
    let rows = query.rows(&mut conn).await.unwrap();
    let lines: Vec<String> = rows
        .iter()
        .map(|row| row.try_get("detail").unwrap())
        .collect();
    assert_eq!(
        lines[0],
        "SEARCH bound_certificates USING INDEX bound_certificates_newest (site=? AND account_id=? AND id<?)"
    );
    assert!(
        lines
            .iter()
            .all(|line| !line.contains("ORDER BY") && !line.starts_with("SCAN")),
        "{lines:?}"
    );
}
