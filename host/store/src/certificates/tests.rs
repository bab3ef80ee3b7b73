use super::*;
use crate::files::tests::site;
use crate::issuers::{RevocationList, replace_revocation_list, revocation_list};
use crate::testing::stores;

pub(crate) fn new(case: &CaseId, order_key: &str, serial: &str) -> Certificate {
    Certificate {
        serial: serial.into(),
        order_key: order_key.into(),
        case: case.clone(),
        request_id: "r".into(),
        subject: "CN=甲".into(),
        not_before: Millis(1),
        not_after: Millis(1000),
        tbs: vec![0x30, 0],
        signature: Vec::new(),
        pem: String::new(),
        state: CertificateState::Reserved,
        reason: String::new(),
        successor: String::new(),
        successor_kind: String::new(),
        created_at: Millis(1),
        changed_at: Millis(1),
    }
}

#[tokio::test]
async fn an_order_has_one_serial_whatever_crashes() {
    for store in stores().await {
        let here = site("jiangxi");
        let case = CaseId::generate();
        let mut tx = store.begin().await.unwrap();
        reserve(&mut tx, &here, &new(&case, "order", "01"))
            .await
            .unwrap();
        reserve(&mut tx, &here, &new(&case, "order", "02"))
            .await
            .unwrap();
        let reserved = of_order(&mut tx, &here, "order").await.unwrap().unwrap();
        assert_eq!(
            (reserved.serial.as_str(), reserved.state),
            ("01", CertificateState::Reserved)
        );
        assert!(of_case(&mut tx, &here, &case).await.unwrap().is_empty());
        let now = Millis(2);
        complete(&mut tx, &here, "01", &[1], "pem", now)
            .await
            .unwrap();
        assert!(matches!(
            complete(&mut tx, &here, "01", &[2], "x", now).await,
            Err(StoreError::Conflict)
        ));
        let issued = of_case(&mut tx, &here, &case).await.unwrap();
        assert_eq!(
            (issued.len(), issued[0].pem.as_str(), &issued[0].signature),
            (1, "pem", &vec![1])
        );
    }
}

#[tokio::test]
async fn a_held_certificate_is_on_the_list_until_it_is_released() {
    use CertificateState::{Held, Reserved, Revoked, Valid};
    for store in stores().await {
        let here = site("jiangxi");
        let case = CaseId::generate();
        let mut tx = store.begin().await.unwrap();
        reserve(&mut tx, &here, &new(&case, "order", "01"))
            .await
            .unwrap();
        assert!(
            !change_state(&mut tx, &here, "01", &[Valid], Held, "", Millis(3))
                .await
                .unwrap()
        );
        complete(&mut tx, &here, "01", &[1], "pem", Millis(2))
            .await
            .unwrap();
        let list = |number| RevocationList {
            number,
            list: vec![1],
            next_update: Millis(9),
            changes: 0,
        };
        replace_revocation_list(&mut tx, &here, &list(1), 0)
            .await
            .unwrap();
        replace_revocation_list(&mut tx, &here, &list(2), 1)
            .await
            .unwrap();
        assert_eq!(
            revocation_list(&mut tx, &here)
                .await
                .unwrap()
                .unwrap()
                .changes,
            0
        );
        assert!(
            replace_revocation_list(&mut tx, &here, &list(2), 0)
                .await
                .unwrap_err()
                .is_conflict()
        );
        assert!(
            change_state(&mut tx, &here, "01", &[Valid], Held, "欠费", Millis(3))
                .await
                .unwrap()
        );
        assert_eq!(
            revocation_list(&mut tx, &here)
                .await
                .unwrap()
                .unwrap()
                .changes,
            1,
            "{}",
            store.name
        );
        let held = unusable(&mut tx, &here, Millis(4), None, 9).await.unwrap();
        assert_eq!(
            (held.len(), held[0].changed_at, held[0].reason.as_str()),
            (1, Millis(3), "欠费")
        );
        assert!(
            unusable(&mut tx, &here, Millis(1000), None, 9)
                .await
                .unwrap()
                .is_empty(),
            "expired, and shown on a list since"
        );
        let past = unusable(&mut tx, &here, Millis(999), None, 9)
            .await
            .unwrap();
        assert_eq!(past.len(), 1);
        assert!(
            unusable(&mut tx, &here, Millis(4), Some("01"), 9)
                .await
                .unwrap()
                .is_empty()
        );
        assert!(
            change_state(&mut tx, &here, "01", &[Held], Valid, "", Millis(5))
                .await
                .unwrap()
        );
        assert!(
            unusable(&mut tx, &here, Millis(6), None, 9)
                .await
                .unwrap()
                .is_empty()
        );
        assert!(
            change_state(&mut tx, &here, "01", &[Valid, Held], Revoked, "", Millis(7))
                .await
                .unwrap()
        );
        assert!(
            !change_state(&mut tx, &here, "01", &[Held], Valid, "", Millis(8))
                .await
                .unwrap()
        );
        assert_eq!(Reserved.as_str(), "reserved");
    }
}

#[tokio::test]
async fn the_newest_request_counts_and_a_key_belongs_to_one_case() {
    for store in stores().await {
        let here = site("jiangxi");
        let (case, other) = (CaseId::generate(), CaseId::generate());
        let request = |pem: &str| Request {
            id: uuid::Uuid::now_v7().to_string(),
            case: case.clone(),
            pem: pem.into(),
            subject: "CN=a".into(),
            key_digest: "k".into(),
            created_at: Millis(1),
            created_by: "clerk".into(),
        };
        let newest = request("2");
        let mut tx = store.begin().await.unwrap();
        insert_request(
            &mut tx,
            &here,
            &Request {
                id: "0".into(),
                ..request("1")
            },
        )
        .await
        .unwrap();
        insert_request(&mut tx, &here, &newest).await.unwrap();
        assert_eq!(
            latest_request(&mut tx, &here, &case).await.unwrap(),
            Some(newest)
        );
        assert!(!key_is_taken(&mut tx, &here, "k", &case).await.unwrap());
        assert!(key_is_taken(&mut tx, &here, "k", &other).await.unwrap());
    }
}
