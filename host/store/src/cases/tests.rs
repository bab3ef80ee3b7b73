use super::*;
use crate::testing::stores;

pub(crate) fn site() -> SiteId {
    SiteId::parse("jiangxi").unwrap()
}

pub(crate) fn case(number: &str, subject: &str, due: Option<i64>) -> Case {
    Case {
        id: CaseId::generate(),
        number: number.into(),
        account: AccountId::from_stored("a1"),
        plugin: "yingtan".into(),
        plugin_digest: "d".into(),
        plugin_version: "0.1.0".into(),
        service: "new".into(),
        state: "first-review".into(),
        standing: Standing {
            tone: "waiting".into(),
            queue: "reviewer".into(),
            payable: false,
            ended: false,
            deleted: false,
        },
        subject: subject.into(),
        values: Values::from_iter([("number", "11010519491231002X")]),
        version: 1,
        entered_at: Millis(5),
        due_at: due.map(Millis),
        created_at: Millis(5),
        updated_at: Millis(5),
        claim: None,
    }
}

#[tokio::test]
async fn an_update_of_an_old_version_loses() {
    for store in stores().await {
        let mut tx = store.begin().await.unwrap();
        let mut mine = case("1", "甲公司", None);
        insert(&mut tx, &store.sealer, &site(), &mine)
            .await
            .unwrap();
        assert_eq!(
            get(&mut tx, &store.sealer, &site(), &mine.id)
                .await
                .unwrap(),
            mine
        );
        mine.state = "to-pay".into();
        update(&mut tx, &store.sealer, &site(), &mine)
            .await
            .unwrap();
        assert!(
            update(&mut tx, &store.sealer, &site(), &mine)
                .await
                .unwrap_err()
                .is_conflict()
        );
        assert_eq!(
            get(&mut tx, &store.sealer, &site(), &mine.id)
                .await
                .unwrap()
                .version,
            2
        );
    }
}

#[tokio::test]
async fn only_one_clerk_holds_a_case_until_the_claim_ends() {
    for store in stores().await {
        let mut tx = store.begin().await.unwrap();
        let case = case("1", "甲公司", None);
        insert(&mut tx, &store.sealer, &site(), &case)
            .await
            .unwrap();
        let (one, two) = (ClerkId::from_stored("c1"), ClerkId::from_stored("c2"));
        assert!(
            claim(&mut tx, &site(), &case.id, &one, Millis(0), Millis(100))
                .await
                .unwrap()
        );
        assert!(
            !claim(&mut tx, &site(), &case.id, &two, Millis(50), Millis(150))
                .await
                .unwrap()
        );
        release(&mut tx, &site(), &case.id, Some(&two))
            .await
            .unwrap();
        assert!(
            !claim(&mut tx, &site(), &case.id, &two, Millis(60), Millis(160))
                .await
                .unwrap()
        );
        assert!(
            claim(&mut tx, &site(), &case.id, &two, Millis(100), Millis(200))
                .await
                .unwrap()
        );
    }
}

#[tokio::test]
async fn acceptance_numbers_count_up_through_the_day() {
    for store in stores().await {
        let mut tx = store.begin().await.unwrap();
        let day = 24 * 60 * 60 * 1000;
        for (at, number) in [
            (0, "19700101000001"),
            (1, "19700101000002"),
            (day, "19700102000001"),
        ] {
            assert_eq!(
                next_number(&mut tx, &site(), Millis(at)).await.unwrap(),
                number
            );
        }
    }
}
