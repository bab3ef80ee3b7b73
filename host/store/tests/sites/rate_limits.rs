use yinxin_core::ids::SiteId;
use yinxin_core::time::Millis;
use yinxin_store::rate_limits::hit;
use yinxin_store::{Connection, seal::Sealer};

pub fn keys() {}

pub async fn write(conn: &mut Connection, _: &Sealer, site: &SiteId, _: &()) {
    hit(conn, site, "sms/mobile", Millis(1), 60).await.unwrap();
}

attempts!(rate_limits, _keys: () => {
    creates hit("sms/mobile", Millis(2), 60);
    changes sweep(Millis(1_000_000));
});
