use yinxin_core::ids::{OrderId, PaymentId, SiteId};
use yinxin_core::money::Fen;
use yinxin_core::time::Millis;
use yinxin_store::allocations::{Allocation, insert};
use yinxin_store::{Connection, seal::Sealer};

pub fn keys() -> Allocation {
    Allocation {
        id: "allocation".into(),
        payment: PaymentId::generate(),
        order: OrderId::generate(),
        amount: Fen(22000),
        made_at: Millis(1),
    }
}

pub async fn write(conn: &mut Connection, _: &Sealer, site: &SiteId, new: &Allocation) {
    insert(conn, site, new).await.unwrap();
}

attempts!(allocations, new: Allocation => {
    creates insert(new);
    reads of_order(&new.order);
    reads of_orders(&[&new.order]);
    reads of_payment(&new.payment);
    reads of_payments(&[&new.payment]);
    changes release(&new.id, Millis(2));
});
