//! A plugin that cannot be activated when the real server starts: what went before goes on, and other sites never notice.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::path::{Path, PathBuf};
use yinxin_house::{Browser, Clerk, Database, House, Options, Unit, fujian};

const CLOSED: &str = "本站正在维护";

/// The built plugins, in a folder of the test's own.
fn plugins() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(yinxin_house::house::built_plugins()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    folder
}

fn component(plugins: &Path) -> PathBuf {
    plugins.join("fujian.wasm")
}

/// A component of which a part was lost on the way.
fn cut(plugins: &Path) -> Vec<u8> {
    let whole = std::fs::read(component(plugins)).unwrap();
    std::fs::write(component(plugins), &whole[..whole.len() / 2]).unwrap();
    whole
}

async fn house(plugins: &Path) -> House {
    let options = Options {
        plugins: Some(plugins.to_owned()),
        ..Options::default()
    };
    House::open_with(Database::Sqlite, options).await.unwrap()
}

/// What an administrator reads of the site's plugins.
async fn told(house: &House) -> String {
    let mut clerk = Clerk::log_in(house, "fujian", "admin").await.unwrap();
    let page = clerk.browser.open("/console/plugins").await.unwrap();
    page.main_text()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_version_before_goes_on() {
    let plugins = plugins();
    let mut house = house(plugins.path()).await;
    let mut handler = fujian::Handler::new(&house, Unit::number(1));
    handler.register().await.unwrap();
    assert!(!told(&house).await.contains("新版本未启用"));
    house.stop_server().await.unwrap();

    let whole = cut(plugins.path());
    house.start_server().await.unwrap();
    // The whole way to a handed-in application, under the rules of before.
    handler.apply("1 年").await.unwrap();
    let text = told(&house).await;
    assert!(
        text.contains("新版本未启用") && text.contains("继续使用"),
        "{text}"
    );
    house.stop_server().await.unwrap();

    std::fs::write(component(plugins.path()), whole).unwrap();
    house.start_server().await.unwrap();
    assert!(!told(&house).await.contains("新版本未启用"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_without_any_version_is_closed_and_says_so() {
    let plugins = plugins();
    let whole = cut(plugins.path());
    let mut house = house(plugins.path()).await;
    let mut stranger = Browser::new(&house, "fujian");
    for path in ["/", "/services", "/login", "/register", "/cases", "/help"] {
        let page = stranger.get(path).await.unwrap();
        assert_eq!(page.status.as_u16(), 503, "{path}");
        assert!(page.has(CLOSED), "{path}: {}", page.text());
    }
    // Whoever verifies a certificate still finds what he needs.
    for path in ["/crl", "/issuers.pem"] {
        let answer = stranger.get(path).await.unwrap();
        assert_eq!(answer.status.as_u16(), 200, "{path}");
    }
    let text = told(&house).await;
    assert!(text.contains("没有可用的版本"), "{text}");
    let mut neighbour = Browser::new(&house, "yingtan");
    neighbour.open("/services").await.unwrap();
    house.stop_server().await.unwrap();

    std::fs::write(component(plugins.path()), whole).unwrap();
    house.start_server().await.unwrap();
    stranger.open("/services").await.unwrap();
}
