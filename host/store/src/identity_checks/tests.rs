use super::*;
use crate::testing::stores;

fn site(name: &str) -> SiteId {
    SiteId::parse(name).unwrap()
}

pub(crate) fn sample(token: &str) -> IdentityCheck {
    IdentityCheck {
        id: CheckId::generate(),
        case: CaseId::from_stored("c1"),
        check_name: "legal-representative".to_owned(),
        number: "RZ20261120-1".to_owned(),
        token: token.to_owned(),
        name: "张三".to_owned(),
        identity_number: "11010519491231002X".to_owned(),
        state: State::Waiting,
        attempts: 0,
        created_at: Millis(10),
        expires_at: Millis(100),
        finished_at: None,
    }
}

#[tokio::test]
async fn a_case_has_one_check_of_a_name_that_counts() {
    for store in stores().await {
        let here = site("jiangxi");
        let first = sample("t1");
        let mut tx = store.begin().await.unwrap();
        insert(&mut tx, &store.sealer, &here, &first).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = store.begin().await.unwrap();
        let second = sample("t2");
        assert!(
            insert(&mut tx, &store.sealer, &here, &second)
                .await
                .unwrap_err()
                .is_duplicate()
        );
        drop(tx);
        let mut tx = store.begin().await.unwrap();
        assert_eq!(
            void(&mut tx, &here, &first.case, Some(&first.check_name))
                .await
                .unwrap(),
            1
        );
        insert(&mut tx, &store.sealer, &here, &second)
            .await
            .unwrap();
        let voided = by_token(&mut tx, &store.sealer, &here, "t1")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(voided.state, State::Voided);
        let now = current(
            &mut tx,
            &store.sealer,
            &here,
            &first.case,
            &first.check_name,
        )
        .await
        .unwrap()
        .unwrap();
        assert_eq!(
            (now.token.as_str(), now.name.as_str()),
            ("t2", "张三"),
            "{}",
            store.name
        );
        assert!(
            !settle(&mut tx, &here, &first.id, State::Passed, Millis(20))
                .await
                .unwrap()
        );
        assert!(
            settle(&mut tx, &here, &second.id, State::Passed, Millis(20))
                .await
                .unwrap()
        );
        assert!(
            !settle(&mut tx, &here, &second.id, State::Failed, Millis(21))
                .await
                .unwrap()
        );
    }
}

#[tokio::test]
async fn attempts_and_time_run_out_and_are_renewed() {
    for store in stores().await {
        let here = site("jiangxi");
        let check = sample("t1");
        let mut tx = store.begin().await.unwrap();
        insert(&mut tx, &store.sealer, &here, &check).await.unwrap();
        assert!(
            take_attempt(&mut tx, &here, &check.id, Millis(50), 2)
                .await
                .unwrap()
        );
        assert!(
            take_attempt(&mut tx, &here, &check.id, Millis(50), 2)
                .await
                .unwrap()
        );
        assert!(
            !take_attempt(&mut tx, &here, &check.id, Millis(50), 2)
                .await
                .unwrap(),
            "used up"
        );
        assert!(
            !take_attempt(&mut tx, &here, &check.id, Millis(100), 9)
                .await
                .unwrap(),
            "out of date"
        );
        return_attempt(&mut tx, &site("hunan"), &check.id)
            .await
            .unwrap();
        assert!(
            !take_attempt(&mut tx, &here, &check.id, Millis(50), 2)
                .await
                .unwrap()
        );
        return_attempt(&mut tx, &here, &check.id).await.unwrap();
        assert!(
            take_attempt(&mut tx, &here, &check.id, Millis(50), 2)
                .await
                .unwrap()
        );
        renew(&mut tx, &here, &check.id, Millis(300)).await.unwrap();
        assert!(
            take_attempt(&mut tx, &here, &check.id, Millis(200), 2)
                .await
                .unwrap()
        );
    }
}

#[tokio::test]
async fn a_visit_ends_once() {
    for store in stores().await {
        let here = site("jiangxi");
        let check = sample("t1");
        let mut tx = store.begin().await.unwrap();
        insert(&mut tx, &store.sealer, &here, &check).await.unwrap();
        begin_session(&mut tx, &here, "s1", &check.id, Millis(20))
            .await
            .unwrap();
        name_session(&mut tx, &here, "s1", "p1").await.unwrap();
        assert_eq!(
            open_sessions(&mut tx, &here, &check.id).await.unwrap()[0].provider_no,
            "p1"
        );

        assert!(
            end_session(&mut tx, &here, "s1", "passed", Millis(30))
                .await
                .unwrap()
        );
        assert!(
            !end_session(&mut tx, &here, "s1", "failed", Millis(31))
                .await
                .unwrap(),
            "{}",
            store.name
        );
        assert!(
            open_sessions(&mut tx, &here, &check.id)
                .await
                .unwrap()
                .is_empty()
        );
    }
}
