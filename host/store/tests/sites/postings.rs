use yinxin_core::ids::{OrderId, PaymentId, SiteId};
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::Millis;
use yinxin_store::postings::{Account, Entry, post};
use yinxin_store::{Connection, seal::Sealer};

pub fn keys() -> OrderId {
    OrderId::generate()
}

fn entry<'a>(id: &str, order: &'a OrderId) -> Entry<'a> {
    Entry {
        id: id.to_owned(),
        from: Account::Fees,
        to: Account::Gateway(Method::Wechat),
        amount: Fen(22000),
        order: order.as_str(),
        payment: "payment",
        refund: "",
        at: Millis(1),
    }
}

pub async fn write(conn: &mut Connection, _: &Sealer, site: &SiteId, order: &OrderId) {
    assert!(post(conn, site, &entry("paid:1", order)).await.unwrap());
    assert!(post(conn, site, &entry("paid:2", order)).await.unwrap());
    // As if somebody had changed a row by hand: only so an entry does not balance.
    sqlx::query("UPDATE postings SET amount = amount - 1 WHERE site = $1 AND entry_id = 'paid:2' AND account = 'fees'")
        .bind(site.as_str().to_owned())
        .execute(conn)
        .await
        .unwrap();
}

attempts!(postings, order: OrderId => {
    creates post(&entry("paid:1", order));
    reads balance(Account::Fees);
    reads of_order(order);
    reads of_payment(&PaymentId::from_stored("payment"));
    reads balances();
    reads held(Method::Wechat);
    reads orphans();
    reads unbalanced();
});
