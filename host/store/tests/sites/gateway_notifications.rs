use yinxin_core::ids::SiteId;
use yinxin_core::money::Method;
use yinxin_core::time::Millis;
use yinxin_store::gateway_notifications::{NewNotification, insert};
use yinxin_store::{Connection, seal::Sealer};

pub fn keys() {}

fn new() -> NewNotification<'static> {
    NewNotification { method: Method::Wechat, id: "EV-1", trade_no: "trade", body: b"raw", at: Millis(1) }
}

pub async fn write(conn: &mut Connection, sealer: &Sealer, site: &SiteId, _: &()) {
    assert!(insert(conn, sealer, site, &new()).await.unwrap());
}

attempts!(gateway_notifications, _keys: () => {
    creates insert with sealer (&new());
    reads body with sealer (Method::Wechat, "EV-1");
    reads count("trade");
});
