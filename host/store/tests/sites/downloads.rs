use yinxin_core::ids::{FileId, SiteId};
use yinxin_core::time::Millis;
use yinxin_store::downloads::{Download, insert};
use yinxin_store::{Connection, seal::Sealer};

pub fn keys() -> Download {
    Download {
        id: "driver".into(),
        title: "驱动".into(),
        summary: "插入钥匙前安装。".into(),
        file_id: FileId::generate(),
        file_name: "driver.exe".into(),
        bytes: 9,
        position: 1,
        published: true,
        version: 1,
        updated_by: "管理员".into(),
        updated_at: Millis(1),
    }
}

pub async fn write(conn: &mut Connection, _: &Sealer, site: &SiteId, driver: &Download) {
    insert(conn, site, driver).await.unwrap();
}

attempts!(downloads, driver: Download => {
    creates insert(driver);
    changes update(driver);
    reads get("driver");
    reads list(true);
    changes remove("driver");
});
