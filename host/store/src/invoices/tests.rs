use super::*;
use crate::testing::stores;

fn here() -> SiteId {
    SiteId::parse("fujian").unwrap()
}

fn due(order: &OrderId) -> Invoice {
    Invoice {
        id: InvoiceId::generate(),
        order: order.clone(),
        live: true,
        kind: InvoiceKind::Provider,
        state: InvoiceState::Waiting,
        amount: Fen(22000),
        lines: vec![FeeLine {
            code: "key".into(),
            label: "证书服务费".into(),
            quantity: 1,
            amount: 22000,
            case_id: "c".into(),
        }],
        provider_no: String::new(),
        tries: 0,
        sent_at: None,
        number: String::new(),
        issued_at: None,
        file: None,
        red_no: String::new(),
        red_sent_at: None,
        red_number: String::new(),
        error: String::new(),
        created_at: Millis(5),
        changed_at: Millis(5),
        version: 1,
    }
}

#[tokio::test]
async fn an_order_has_one_live_invoice_at_most() {
    for store in stores().await {
        let order = OrderId::generate();
        let mut tx = store.begin().await.unwrap();
        let mut first = due(&order);
        assert!(insert(&mut tx, &here(), &first).await.unwrap());
        assert!(
            !insert(&mut tx, &here(), &due(&order)).await.unwrap(),
            "{}",
            store.name
        );
        first.live = false;
        first.state = InvoiceState::Voided;
        first.red_number = "26350000000000000002".into();
        first.file = Some(FileId::generate());
        save(&mut tx, &here(), &first).await.unwrap();
        assert!(insert(&mut tx, &here(), &due(&order)).await.unwrap());
        let all = of_order(&mut tx, &here(), &order).await.unwrap();
        assert_eq!(
            all.iter().map(|one| one.live).collect::<Vec<_>>(),
            [false, true]
        );
        first.version = 2;
        assert_eq!(all[0], first);
    }
}

#[tokio::test]
async fn who_read_an_older_version_writes_nothing() {
    for store in stores().await {
        let mut tx = store.begin().await.unwrap();
        let mut invoice = due(&OrderId::generate());
        insert(&mut tx, &here(), &invoice).await.unwrap();
        invoice.state = InvoiceState::Requested;
        save(&mut tx, &here(), &invoice).await.unwrap();
        invoice.state = InvoiceState::Failed;
        assert!(
            save(&mut tx, &here(), &invoice)
                .await
                .unwrap_err()
                .is_conflict()
        );
        let kept = get(&mut tx, &here(), &invoice.id).await.unwrap();
        assert_eq!((kept.state, kept.version), (InvoiceState::Requested, 2));
    }
}

#[tokio::test]
async fn buyer_and_token_are_sealed() {
    for store in stores().await {
        let sealer = &store.sealer;
        let mut tx = store.begin().await.unwrap();
        let invoice = due(&OrderId::generate());
        insert(&mut tx, &here(), &invoice).await.unwrap();
        assert_eq!(
            buyer(&mut tx, sealer, &here(), &invoice.id).await.unwrap(),
            None
        );
        let title = Buyer {
            title: "福建某某有限公司".into(),
            tax_number: "91350100M000100Y43".into(),
        };
        set_buyer(&mut tx, sealer, &here(), &invoice.id, &title)
            .await
            .unwrap();
        let found = buyer(&mut tx, sealer, &here(), &invoice.id).await.unwrap();
        assert_eq!(found, Some(title));
        let new = Token {
            token: "0123456789abcdef".into(),
            obtained_at: Millis(1),
            expires_at: Millis(9),
        };
        set_token(&mut tx, sealer, &here(), &new).await.unwrap();
        set_token(&mut tx, sealer, &here(), &new).await.unwrap();
        assert!(token(&mut tx, sealer, &here()).await.unwrap() == Some(new));
        let row = sqlx::query("SELECT token FROM invoice_tokens")
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        let stored: Vec<u8> = row.try_get("token").unwrap();
        assert!(!stored.windows(8).any(|window| window == b"01234567"));
    }
}
