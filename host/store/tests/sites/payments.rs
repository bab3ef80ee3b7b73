use yinxin_core::ids::{OrderId, PaymentId, SiteId};
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::Millis;
use yinxin_store::payments::{Arrival, Odd, Payment, PaymentState, insert, set_arrived};
use yinxin_store::{Connection, seal::Sealer, testing::stores};

pub struct Keys {
    created: Payment,
    paid: Payment,
    odd: Payment,
}

pub fn keys() -> Keys {
    let order = OrderId::generate();
    let payment = |method| Payment {
        id: PaymentId::generate(),
        order: order.clone(),
        method,
        out_trade_no: "trade".into(),
        code_url: String::new(),
        amount: Fen(22000),
        state: PaymentState::Created,
        transaction: String::new(),
        received: Fen(0),
        created_at: Millis(1),
        expires_at: Millis(100),
        checked_at: Millis(0),
        notified_at: None,
        confirmed_at: None,
    };
    Keys { created: payment(Method::Wechat), paid: payment(Method::Alipay), odd: payment(Method::Alipay) }
}

/// The same attempt, which a gateway knows by another number.
fn numbered(payment: &Payment, number: &str) -> Payment {
    Payment { out_trade_no: number.to_owned(), ..payment.clone() }
}

fn arrival() -> Arrival<'static> {
    Arrival { transaction: "4200001", amount: Fen(22000), payer: "openid", at: Millis(2) }
}

pub async fn write(conn: &mut Connection, sealer: &Sealer, site: &SiteId, keys: &Keys) {
    for payment in [&keys.created, &keys.paid] {
        let number = format!("trade-{site}");
        assert!(insert(conn, site, &numbered(payment, &number)).await.unwrap());
    }
    let paid = PaymentState::Paid;
    assert!(set_arrived(conn, sealer, site, &keys.paid.id, paid, &arrival()).await.unwrap());
    let odd = numbered(&keys.odd, &format!("odd-{site}"));
    assert!(insert(conn, site, &odd).await.unwrap());
    let mismatch = PaymentState::Mismatch;
    assert!(set_arrived(conn, sealer, site, &keys.odd.id, mismatch, &arrival()).await.unwrap());
}

attempts!(payments, keys: Keys => {
    creates insert(&numbered(&keys.created, "another"));
    reads get(&keys.created.id);
    finds by_trade(Method::Wechat, "trade-jiangxi");
    reads with_ids(&[&keys.created.id]);
    reads of_order(&keys.created.order);
    reads of_orders(&[&keys.created.order]);
    reads in_state(PaymentState::Created, None, 9);
    changes set_prepared(&keys.created.id, "weixin://");
    changes end(&keys.created.id, PaymentState::Closed);
    changes set_arrived with sealer (&keys.created.id, PaymentState::Paid, &arrival());
    changes set_standing(&keys.paid.id, PaymentState::Mismatch);
    reads odd(Odd::Open, None, 9);
    reads payer with sealer (&keys.paid.id);
    changes set_notified(&keys.created.id, Millis(3));
    changes take_check(&keys.created.id, Millis(1), Millis(3));
});

#[tokio::test]
async fn two_sites_never_have_one_trade_number_at_a_gateway() {
    for store in stores().await {
        let keys = keys();
        let [one, two] = ["jiangxi", "hunan"].map(|name| SiteId::parse(name).unwrap());
        let mut tx = store.begin().await.unwrap();
        assert!(insert(&mut tx, &one, &keys.created).await.unwrap());
        assert!(!insert(&mut tx, &two, &keys.created).await.unwrap(), "{}", store.name);
    }
}
