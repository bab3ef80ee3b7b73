use yinxin_core::ids::{OrderId, SiteId};
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::Millis;
use yinxin_store::postings::{Account, Entry, post};
use yinxin_store::{Connection, seal::Sealer};

pub fn keys() -> OrderId {
    OrderId::generate()
}

pub async fn write(conn: &mut Connection, _: &Sealer, site: &SiteId, order: &OrderId) {
    let entry = Entry {
        id: "receipt:1".to_owned(),
        from: Account::Unapplied,
        to: Account::Gateway(Method::BankTransfer),
        amount: Fen(22000),
        order: order.as_str(),
        payment: "payment",
        refund: "",
        at: Millis(5),
    };
    assert!(post(conn, site, &entry).await.unwrap());
}

attempts!(books, _order: OrderId => {
    reads sums(Millis(1), Millis(10));
    reads lines(Millis(1), Millis(10), None, 10);
});
