use yinxin_core::ids::SiteId;
use yinxin_core::time::Millis;
use yinxin_store::login_attempts::count;
use yinxin_store::{Connection, seal::Sealer};

pub fn keys() {}

pub async fn write(conn: &mut Connection, _: &Sealer, site: &SiteId, _: &()) {
    count(conn, site, "uscc", Millis(1), 60, |_| 0).await.unwrap();
}

attempts!(login_attempts, _keys: () => {
    creates count("uscc", Millis(2), 60, |_| 10);
    changes take_back("uscc");
    changes clear("uscc");
    reads failures("uscc", Millis(2));
    changes sweep(Millis(1_000_000));
});
