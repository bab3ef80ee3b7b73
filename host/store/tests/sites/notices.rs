use yinxin_core::ids::SiteId;
use yinxin_core::time::Millis;
use yinxin_store::notices::{Notice, insert};
use yinxin_store::{Connection, seal::Sealer};

pub fn keys() -> Notice {
    Notice {
        id: "1".into(),
        title: "停机维护".into(),
        markdown: "周六晚间暂停服务。".into(),
        pinned: true,
        published: true,
        published_at: None,
        version: 1,
        updated_by: "管理员".into(),
        updated_at: Millis(1),
    }
}

pub async fn write(conn: &mut Connection, _: &Sealer, site: &SiteId, notice: &Notice) {
    insert(conn, site, notice).await.unwrap();
}

attempts!(notices, notice: Notice => {
    creates insert(notice);
    changes update(notice);
    reads get("1");
    reads list(true, true, None, 9);
    reads list(false, false, None, 9);
    changes remove("1");
});
