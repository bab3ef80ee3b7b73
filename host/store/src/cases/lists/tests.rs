use super::*;
use crate::cases::tests::{case, site};
use crate::cases::{insert, lookup_context, next_number, set_lookups};
use crate::testing::stores;

#[tokio::test]
async fn queues_page_by_due_date_and_search_finds_by_name_number_and_fingerprint() {
    for store in stores().await {
        let mut tx = store.begin().await.unwrap();
        for (number, subject, due) in [
            ("20260001", "甲_公司", Some(30)),
            ("20260002", "乙%公司", None),
            ("20260003", "丙公司", Some(10)),
        ] {
            let case = case(number, subject, due);
            insert(&mut tx, &store.sealer, &site(), &case)
                .await
                .unwrap();
            let fingerprint = store.sealer.fingerprint(&lookup_context(&site()), number);
            set_lookups(
                &mut tx,
                &site(),
                &case.id,
                &[fingerprint.clone(), fingerprint],
            )
            .await
            .unwrap();
        }
        let filter = Filter {
            queue: Some("reviewer".into()),
            ..Filter::default()
        };
        let mut seen = vec![];
        let mut after = None;
        loop {
            let page = by_due(
                &mut tx,
                &site(),
                &filter,
                after.as_ref(),
                2,
                store.name_statistics(),
            )
            .await
            .unwrap();
            seen.extend(page.iter().map(|line| line.number.clone()));
            let Some(last) = page.last() else { break };
            after = After::parse(&After::line(last).text());
        }
        assert_eq!(seen, ["20260003", "20260001", "20260002"], "{}", store.name);
        let find = |filter: Filter| {
            let sealer = store.sealer.clone();
            async move { (filter, sealer) }
        };
        let (by_text, sealer) = find(Filter {
            text: Some("_公".into()),
            ..Filter::default()
        })
        .await;
        assert_eq!(
            by_due(&mut tx, &site(), &by_text, None, 9, store.name_statistics())
                .await
                .unwrap()
                .len(),
            1
        );
        let by_number = Filter {
            text: Some("0002".into()),
            ..Filter::default()
        };
        assert_eq!(
            newest(&mut tx, &site(), &by_number, None, 9).await.unwrap()[0].subject,
            "乙%公司"
        );
        let fingerprint = sealer.fingerprint(&lookup_context(&site()), "20260003");
        let by_print = Filter {
            key: Some(Key {
                text: String::new(),
                fingerprint,
            }),
            ..Filter::default()
        };
        assert_eq!(
            newest(&mut tx, &site(), &by_print, None, 9).await.unwrap()[0].number,
            "20260003"
        );
        let queues = ["finance", "reviewer"];
        let counts = queue_counts(&mut tx, &site(), &queues, Millis(20))
            .await
            .unwrap();
        let expected = QueueCount {
            queue: "reviewer".to_owned(),
            cases: 3,
            overdue: 1,
            oldest: Millis(5),
        };
        assert_eq!(counts, [expected], "{}", store.name);
    }
}

#[tokio::test]
async fn a_part_of_a_name_finds_all_cases_that_have_it_whether_few_have_it_or_many() {
    for store in stores().await {
        let mut tx = store.begin().await.unwrap();
        next_number(&mut tx, &site(), Millis(1)).await.unwrap();
        for number in 0..600 {
            let subject = match number {
                7 | 300 => "信江Water供水公司".to_owned(),
                599 => "鹰潭某某建设工程有限公司第五百九十九分公司".to_owned(),
                _ => format!("鹰潭第{number}建设工程有限公司Cn"),
            };
            let case = case(&format!("20261120{number:06}"), &subject, Some(number));
            insert(&mut tx, &store.sealer, &site(), &case)
                .await
                .unwrap();
        }
        for (text, count) in [
            ("信江", 2),
            ("江water供", 2),
            ("水公司", 2),
            ("第30建设", 1),
            ("建设工程", 598),
            ("工程有限公司第五百九十九分", 1),
            ("鹰潭某某建设工程有限公司第五百九十八分公司", 0),
            ("20261120000299", 1),
            ("2026112000029", 10),
            ("20261120", 600),
            ("000299", 1),
            ("0299", 1),
            ("没有", 0),
            // Latin letters in either form, of few names, of a long part, and of very many.
            ("wATER供水", 2),
            ("鹰潭第30建设工程有限公司cN", 1),
            ("公司cn", 597),
            ("公司Cn", 597),
        ] {
            // As on a site that began so many cases: what is found is walked to, fetched where few have it, and fetched.
            for begun in [1, 600, 4_000_000] {
                sqlx::query("UPDATE case_numbers SET last = $1")
                    .bind(begun)
                    .execute(&mut *tx)
                    .await
                    .unwrap();
                let filter = Filter {
                    text: Some(text.to_owned()),
                    ..Filter::default()
                };
                let statistics = NameStatistics::default();
                let lines = by_due(&mut tx, &site(), &filter, None, 1_000, &statistics)
                    .await
                    .unwrap();
                assert_eq!(lines.len(), count, "{} {text}, {begun} cases", store.name);
            }
        }
        // Cases that were last written before names had a signature.
        sqlx::query("UPDATE cases SET subject_signature = -1")
            .execute(&mut *tx)
            .await
            .unwrap();
        let old = Filter {
            text: Some("建设工程".into()),
            ..Filter::default()
        };
        let lines = by_due(&mut tx, &site(), &old, None, 1_000, store.name_statistics())
            .await
            .unwrap();
        assert_eq!(lines.len(), 598, "{}", store.name);
        // What a case is called later finds it too.
        let mut renamed = case("20261121000001", "旧名公司", None);
        insert(&mut tx, &store.sealer, &site(), &renamed)
            .await
            .unwrap();
        renamed.subject = "新名公司".into();
        crate::cases::update(&mut tx, &store.sealer, &site(), &renamed)
            .await
            .unwrap();
        for (text, count) in [("新名", 1), ("旧名", 0)] {
            let filter = Filter {
                text: Some(text.to_owned()),
                ..Filter::default()
            };
            let lines = by_due(&mut tx, &site(), &filter, None, 9, store.name_statistics())
                .await
                .unwrap();
            assert_eq!(lines.len(), count, "{} {text}", store.name);
        }
    }
}
