use super::*;
use crate::testing::stores;

fn site(name: &str) -> SiteId {
    SiteId::parse(name).unwrap()
}

fn sample(idem: &str, case: Option<CaseId>) -> Message {
    Message {
        id: MessageId::generate(),
        idem: idem.to_owned(),
        case,
        channel: Channel::Mail,
        template: "invoice".to_owned(),
        template_code: String::new(),
        recipient: "zhang@example.cn".to_owned(),
        recipient_masked: "z***@example.cn".to_owned(),
        subject: "电子发票".to_owned(),
        body: "请查收。".to_owned(),
        parameters: vec![("number".to_owned(), "1".to_owned())],
        attachments: vec![FileId::from_stored("f1")],
        state: State::Queued,
        round: 0,
        attempts: 0,
        next_at: Millis(5),
        expires_at: Some(Millis(900)),
        provider: String::new(),
        provider_no: String::new(),
        last_error: String::new(),
        created_at: Millis(5),
        sent_at: None,
    }
}

#[tokio::test]
async fn a_message_is_queued_once_and_read_back_whole() {
    for store in stores().await {
        let here = site("jiangxi");
        let mut tx = store.begin().await.unwrap();
        let message = sample("a", Some(CaseId::from_stored("c1")));
        assert!(
            insert(&mut tx, &store.sealer, &here, &message)
                .await
                .unwrap()
        );
        assert!(
            !insert(&mut tx, &store.sealer, &here, &sample("a", None))
                .await
                .unwrap()
        );
        let read = find(&mut tx, &store.sealer, &here, &message.id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(read.recipient, message.recipient);
        assert_eq!(read.body, message.body);
        assert_eq!(read.parameters, message.parameters);
        assert_eq!(read.attachments, message.attachments);
        assert_eq!(read.expires_at, message.expires_at);
        assert_eq!(
            id_by_key(&mut tx, &here, "a").await.unwrap(),
            Some(message.id.clone())
        );
        let of_case = of_case(
            &mut tx,
            &store.sealer,
            &here,
            &CaseId::from_stored("c1"),
            None,
            9,
        )
        .await
        .unwrap();
        assert_eq!(of_case.len(), 1, "{}", store.name);
        let row = sqlx::query("SELECT recipient, body FROM messages")
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        for column in ["recipient", "body"] {
            let stored: Vec<u8> = row.try_get(column).unwrap();
            assert!(
                !String::from_utf8_lossy(&stored).contains("zhang"),
                "sealed at rest"
            );
            assert!(
                !String::from_utf8_lossy(&stored).contains("查收"),
                "sealed at rest"
            );
        }
    }
}

#[tokio::test]
async fn a_try_ends_as_sent_as_waiting_or_as_dead_and_a_dead_one_is_sent_again() {
    for store in stores().await {
        let here = site("jiangxi");
        let mut tx = store.begin().await.unwrap();
        let message = sample("a", None);
        insert(&mut tx, &store.sealer, &here, &message)
            .await
            .unwrap();
        let id = &message.id;
        assert!(begin_try(&mut tx, &here, id, 0).await.unwrap());
        mark_unsent(&mut tx, &here, id, State::Queued, Millis(50), "busy")
            .await
            .unwrap();
        assert!(begin_try(&mut tx, &here, id, 0).await.unwrap());
        mark_unsent(&mut tx, &here, id, State::Dead, Millis(50), "refused")
            .await
            .unwrap();
        assert!(!begin_try(&mut tx, &here, id, 0).await.unwrap(), "given up");
        assert_eq!(unsent_count(&mut tx, &here).await.unwrap(), 1);
        assert_eq!(
            requeue(&mut tx, &here, id, Millis(60)).await.unwrap(),
            Some(1)
        );
        assert_eq!(requeue(&mut tx, &here, id, Millis(60)).await.unwrap(), None);
        assert!(
            !begin_try(&mut tx, &here, id, 0).await.unwrap(),
            "the job of the old round does nothing"
        );
        assert!(begin_try(&mut tx, &here, id, 1).await.unwrap());
        mark_sent(&mut tx, &here, id, ("aliyun", "9006"), Millis(70))
            .await
            .unwrap();
        let again = mark_sent(&mut tx, &here, id, ("aliyun", "9006"), Millis(70)).await;
        assert!(again.unwrap_err().is_conflict());
        let sent = find(&mut tx, &store.sealer, &here, id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (sent.state, sent.attempts, sent.sent_at),
            (State::Sent, 1, Some(Millis(70)))
        );
    }
}

#[tokio::test]
async fn lists_page_by_id() {
    for store in stores().await {
        let here = site("jiangxi");
        let case = CaseId::from_stored("c1");
        let mut tx = store.begin().await.unwrap();
        let mut ids = Vec::new();
        for n in 0..5 {
            let message = sample(&n.to_string(), Some(case.clone()));
            insert(&mut tx, &store.sealer, &here, &message)
                .await
                .unwrap();
            begin_try(&mut tx, &here, &message.id, 0).await.unwrap();
            mark_unsent(&mut tx, &here, &message.id, State::Failed, Millis(1), "x")
                .await
                .unwrap();
            ids.push(message.id);
        }
        ids.reverse();
        let first = unsent(&mut tx, &store.sealer, &here, None, 3)
            .await
            .unwrap();
        let after = first.last().unwrap().id.as_str().to_owned();
        let rest = unsent(&mut tx, &store.sealer, &here, Some(&after), 3)
            .await
            .unwrap();
        let seen: Vec<MessageId> = first
            .into_iter()
            .chain(rest)
            .map(|message| message.id)
            .collect();
        assert_eq!(seen, ids, "{}", store.name);
        let failed = by_state(
            &mut tx,
            &store.sealer,
            &here,
            State::Failed,
            Some(&after),
            9,
        )
        .await
        .unwrap();
        assert_eq!(failed.len(), 2);
    }
}
