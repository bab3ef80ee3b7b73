use yinxin_core::ids::{AccountId, CaseId, OrderId, PaymentId, SiteId};
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::Millis;
use yinxin_store::orders::{Filter, Order, OrderDetails, OrderState, Price, add_case, insert, set_details};
use yinxin_store::{Connection, seal::Sealer};

pub struct Keys {
    order: Order,
    pub case: CaseId,
}

pub fn keys() -> Keys {
    let order = Order {
        id: OrderId::generate(),
        number: "D1".into(),
        account: AccountId::generate(),
        state: OrderState::Open,
        total: Fen(22000),
        lines: Vec::new(),
        methods: vec![Method::Wechat],
        reference: "123456782".into(),
        chosen: None,
        slip: String::new(),
        created_at: Millis(1),
        expires_at: Millis(100),
        paid_at: None,
        paid_by: None,
        version: 1,
    };
    Keys { order, case: CaseId::generate() }
}

fn details() -> OrderDetails {
    OrderDetails { invoice_title: "鹰潭公司".into(), ..OrderDetails::default() }
}

pub async fn write(conn: &mut Connection, sealer: &Sealer, site: &SiteId, keys: &Keys) {
    assert!(insert(conn, site, &keys.order).await.unwrap());
    assert!(add_case(conn, site, &keys.order.id, &keys.case).await.unwrap());
    set_details(conn, sealer, site, &keys.order.id, &details()).await.unwrap();
}

attempts!(orders, keys: Keys => {
    creates insert(&keys.order);
    creates insert(&Order { id: OrderId::generate(), ..keys.order.clone() });
    creates add_case(&OrderId::from_stored("other"), &keys.case);
    changes remove_case(&keys.order.id, &keys.case);
    changes free_case(&keys.order.id, &keys.case);
    changes set_price(&keys.order.id, &Price { total: Fen(1), lines: Vec::new(), methods: Vec::new(), chosen: None });
    changes set_chosen(&keys.order.id, Method::Wechat);
    changes extend(&keys.order.id, Millis(200));
    reads called("123456782", 9);
    reads newest(&Filter { account: Some(keys.order.account.clone()), ..Filter::default() }, None, 9);
    reads get(&keys.order.id);
    changes set_state(&keys.order.id, OrderState::Closed);
    changes set_paid(&keys.order.id, &PaymentId::generate(), Millis(2));
    changes set_slip(&keys.order.id, "file");
    changes set_details with sealer (&keys.order.id, &OrderDetails::default());
    reads details with sealer (&keys.order.id);
    reads details_of with sealer (&[&keys.order.id]);
    reads of_case(&keys.case);
    reads of_cases(&[&keys.case]);
    reads with_ids(&[&keys.order.id]);
    reads cases_of(&keys.order.id);
    reads of_account(&keys.order.account, None, 9);
    reads in_state(OrderState::Open, None, 9);
    reads counted(OrderState::Open, 9);
    reads expired(Millis(100), 9);
    // It counts the order's version up.
    changes lock(&keys.order.id);
});
