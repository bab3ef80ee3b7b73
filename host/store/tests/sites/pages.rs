use yinxin_core::ids::SiteId;
use yinxin_core::time::Millis;
use yinxin_store::pages::{Page, insert};
use yinxin_store::{Connection, seal::Sealer};

pub fn keys() -> Page {
    Page {
        slug: "help".into(),
        title: "帮助".into(),
        markdown: "一".into(),
        position: 10,
        published: true,
        version: 1,
        updated_by: "site".into(),
        updated_at: Millis(1),
    }
}

pub async fn write(conn: &mut Connection, _: &Sealer, site: &SiteId, page: &Page) {
    assert!(insert(conn, site, page).await.unwrap());
}

attempts!(pages, page: Page => {
    creates insert(page);
    changes update(page);
    reads get("help");
    reads list(true);
    reads history("help", None, 9);
    reads version("help", 1);
});
