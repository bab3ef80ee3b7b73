use yinxin_core::ids::{OrderId, SiteId};
use yinxin_core::money::Fen;
use yinxin_core::time::Millis;
use yinxin_store::order_events::{By, NewOrderEvent, OrderEventKind, append};
use yinxin_store::{Connection, seal::Sealer};

pub struct Keys {
    order: OrderId,
    by: By,
}

pub fn keys() -> Keys {
    Keys { order: OrderId::generate(), by: By::host() }
}

fn event(keys: &Keys) -> NewOrderEvent<'_> {
    NewOrderEvent {
        order: &keys.order,
        kind: OrderEventKind::Opened,
        by: &keys.by,
        amount: Fen(22000),
        about: "",
        note: "",
        at: Millis(1),
    }
}

pub async fn write(conn: &mut Connection, _: &Sealer, site: &SiteId, keys: &Keys) {
    append(conn, site, &event(keys)).await.unwrap();
}

attempts!(order_events, keys: Keys => {
    creates append(&event(keys));
    reads of_order(&keys.order);
});
