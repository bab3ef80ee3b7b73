use super::*;
use crate::testing::stores;

fn site() -> SiteId {
    SiteId::parse("jiangxi").unwrap()
}

pub(crate) fn new(number: &str, account: &AccountId) -> Order {
    Order {
        id: OrderId::generate(),
        number: number.to_owned(),
        account: account.clone(),
        state: OrderState::Open,
        total: Fen(22000),
        lines: vec![FeeLine {
            code: "main-key".to_owned(),
            label: "主锁".to_owned(),
            quantity: 1,
            amount: 22000,
            case_id: String::new(),
        }],
        methods: vec![Method::Wechat, Method::Alipay],
        reference: number.repeat(9),
        chosen: None,
        slip: String::new(),
        created_at: Millis(10),
        expires_at: Millis(100),
        paid_at: None,
        paid_by: None,
        version: 1,
    }
}

#[tokio::test]
async fn an_order_is_read_back_as_written_and_its_number_is_unique() {
    for store in stores().await {
        let account = AccountId::generate();
        let order = new("1", &account);
        let mut tx = store.begin().await.unwrap();
        assert!(insert(&mut tx, &site(), &order).await.unwrap());
        assert!(
            !insert(&mut tx, &site(), &new("1", &account)).await.unwrap(),
            "{}",
            store.name
        );
        assert_eq!(get(&mut tx, &site(), &order.id).await.unwrap(), order);
        assert_eq!(lock(&mut tx, &site(), &order.id).await.unwrap().version, 2);
        let payment = PaymentId::generate();
        set_paid(&mut tx, &site(), &order.id, &payment, Millis(50))
            .await
            .unwrap();
        let paid = get(&mut tx, &site(), &order.id).await.unwrap();
        assert_eq!(
            (paid.state, paid.paid_at, paid.paid_by),
            (OrderState::Paid, Some(Millis(50)), Some(payment))
        );
    }
}

#[tokio::test]
async fn a_case_is_in_one_live_order_only() {
    for store in stores().await {
        let account = AccountId::generate();
        let (first, second) = (new("1", &account), new("2", &account));
        let case = CaseId::generate();
        let mut tx = store.begin().await.unwrap();
        for order in [&first, &second] {
            insert(&mut tx, &site(), order).await.unwrap();
        }
        assert!(add_case(&mut tx, &site(), &first.id, &case).await.unwrap());
        assert!(
            !add_case(&mut tx, &site(), &second.id, &case).await.unwrap(),
            "{}",
            store.name
        );
        set_state(&mut tx, &site(), &first.id, OrderState::Closed)
            .await
            .unwrap();
        assert!(add_case(&mut tx, &site(), &second.id, &case).await.unwrap());
        assert_eq!(
            of_case(&mut tx, &site(), &case).await.unwrap().unwrap().id,
            second.id
        );
        assert_eq!(cases_of(&mut tx, &site(), &first.id).await.unwrap(), [case]);
    }
}

#[tokio::test]
async fn invoice_and_delivery_are_sealed_in_their_row() {
    for store in stores().await {
        let order = new("1", &AccountId::generate());
        let mut tx = store.begin().await.unwrap();
        insert(&mut tx, &site(), &order).await.unwrap();
        let empty = details(&mut tx, &store.sealer, &site(), &order.id)
            .await
            .unwrap();
        assert_eq!(empty, OrderDetails::default());
        let given = OrderDetails {
            invoice_title: "鹰潭某某建设有限公司".to_owned(),
            contact_mobile: "13800000000".to_owned(),
            ..OrderDetails::default()
        };
        set_details(&mut tx, &store.sealer, &site(), &order.id, &given)
            .await
            .unwrap();
        assert_eq!(
            details(&mut tx, &store.sealer, &site(), &order.id)
                .await
                .unwrap(),
            given
        );
        let row = sqlx::query("SELECT details FROM orders")
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        let stored: Vec<u8> = row.get("details");
        assert!(!stored.windows(11).any(|part| part == b"13800000000"));
    }
}

#[tokio::test]
async fn lists_page_by_key_and_end_with_the_expired() {
    for store in stores().await {
        let account = AccountId::generate();
        let mut tx = store.begin().await.unwrap();
        let mut ids = Vec::new();
        for number in ["1", "2", "3"] {
            let order = new(number, &account);
            insert(&mut tx, &site(), &order).await.unwrap();
            ids.push(order.id);
        }
        let page = of_account(&mut tx, &site(), &account, None, 2)
            .await
            .unwrap();
        assert_eq!(
            [&page[0].id, &page[1].id],
            [&ids[2], &ids[1]],
            "{}",
            store.name
        );
        let rest = of_account(&mut tx, &site(), &account, Some(ids[1].as_str()), 2)
            .await
            .unwrap();
        assert_eq!(
            rest.iter().map(|order| &order.id).collect::<Vec<_>>(),
            [&ids[0]]
        );
        assert!(
            expired(&mut tx, &site(), Millis(99), 10)
                .await
                .unwrap()
                .is_empty()
        );
        set_state(&mut tx, &site(), &ids[0], OrderState::SlipUploaded)
            .await
            .unwrap();
        assert_eq!(
            expired(&mut tx, &site(), Millis(100), 10)
                .await
                .unwrap()
                .len(),
            2
        );
        let waiting = in_state(&mut tx, &site(), OrderState::SlipUploaded, None, 10)
            .await
            .unwrap();
        assert_eq!(waiting[0].id, ids[0]);
    }
}

#[tokio::test]
async fn a_case_that_moves_to_an_older_order_belongs_to_that_one() {
    for store in stores().await {
        let account = AccountId::generate();
        let (older, newer) = (new("1", &account), new("2", &account));
        let case = CaseId::generate();
        let mut tx = store.begin().await.unwrap();
        for order in [&older, &newer] {
            insert(&mut tx, &site(), order).await.unwrap();
        }
        assert!(add_case(&mut tx, &site(), &newer.id, &case).await.unwrap());
        set_state(&mut tx, &site(), &newer.id, OrderState::Closed)
            .await
            .unwrap();
        assert!(add_case(&mut tx, &site(), &older.id, &case).await.unwrap());
        let found = of_case(&mut tx, &site(), &case).await.unwrap().unwrap();
        assert_eq!(found.id, older.id, "{}", store.name);
    }
}

#[tokio::test]
async fn many_are_read_as_each_one() {
    let other = SiteId::parse("fujian").unwrap();
    for store in stores().await {
        let account = AccountId::generate();
        let (first, second) = (new("1", &account), new("2", &account));
        let (moved, alone) = (CaseId::generate(), CaseId::generate());
        let mut tx = store.begin().await.unwrap();
        for order in [&first, &second] {
            insert(&mut tx, &site(), order).await.unwrap();
        }
        add_case(&mut tx, &site(), &first.id, &moved).await.unwrap();
        set_state(&mut tx, &site(), &first.id, OrderState::Closed)
            .await
            .unwrap();
        for case in [&moved, &alone] {
            assert!(add_case(&mut tx, &site(), &second.id, case).await.unwrap());
        }
        let given = OrderDetails {
            invoice_title: "鹰潭某某建设有限公司".to_owned(),
            ..OrderDetails::default()
        };
        set_details(&mut tx, &store.sealer, &site(), &first.id, &given)
            .await
            .unwrap();

        let (ids, unknown) = ([&first.id, &second.id], OrderId::generate());
        let mut each = Vec::new();
        for id in ids.iter().rev() {
            each.push(get(&mut tx, &site(), id).await.unwrap());
        }
        let found = with_ids(&mut tx, &site(), &[ids[0], &unknown, ids[1]])
            .await
            .unwrap();
        assert_eq!(found, each, "{}", store.name);
        assert_eq!(with_ids(&mut tx, &other, &ids).await.unwrap(), []);
        assert_eq!(with_ids(&mut tx, &site(), &[]).await.unwrap(), []);

        let last = of_cases(&mut tx, &site(), &[&moved, &alone, &CaseId::generate()])
            .await
            .unwrap();
        let newest = each.swap_remove(0);
        assert_eq!(newest.id, second.id);
        assert_eq!(
            last,
            HashMap::from([(moved, newest.clone()), (alone, newest)])
        );

        let details = details_of(&mut tx, &store.sealer, &site(), &ids)
            .await
            .unwrap();
        assert_eq!(
            details,
            HashMap::from([(first.id, given), (second.id, OrderDetails::default())])
        );
    }
}
