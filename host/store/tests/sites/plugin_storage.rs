use yinxin_core::ids::SiteId;
use yinxin_store::plugin_storage::{lock, write as put};
use yinxin_store::{Connection, seal::Sealer};

pub fn keys() {}

pub async fn write(conn: &mut Connection, _: &Sealer, site: &SiteId, _: &()) {
    lock(conn, site, "yingtan").await.unwrap();
    put(conn, site, "yingtan", "main-key/unit", Some(b"case")).await.unwrap();
}

attempts!(plugin_storage, _keys: () => {
    reads get("yingtan", "main-key/unit");
    reads scan("yingtan", "main-key/", None, 9);
    reads room("yingtan");
    creates lock("yingtan");
    creates write("yingtan", "main-key/unit", Some(b"other case"));
    changes write("yingtan", "main-key/unit", None);
});
