use yinxin_core::ids::SiteId;
use yinxin_core::time::Millis;
use yinxin_store::plugins::{Activation, activate, save_component};
use yinxin_store::{Connection, seal::Sealer};

pub fn keys() {}

fn activation(at: Millis) -> Activation {
    Activation {
        plugin: "yingtan".into(),
        digest: "digest".into(),
        version: "0.1.0".into(),
        definition: "{}".into(),
        active: true,
        activated_at: at,
    }
}

pub async fn write(conn: &mut Connection, _: &Sealer, site: &SiteId, _: &()) {
    save_component(conn, site, "digest", b"\0asm").await.unwrap();
    activate(conn, site, &activation(Millis(1))).await.unwrap();
}

attempts!(plugins, _keys: () => {
    creates save_component("digest", b"\0asm");
    reads component("digest");
    creates activate(&activation(Millis(2)));
    reads in_use();
    reads activation("yingtan", "digest");
});
