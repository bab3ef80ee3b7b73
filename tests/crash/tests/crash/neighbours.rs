//! A provider that takes connections and never answers holds up who waits for it, and nobody else: neither another site
//! nor other work of the same site.

use crate::scene::{self, Lines};
use std::time::{Duration, Instant};
use yinxin_crash::line::State;
use yinxin_crash::people::Troubles;
use yinxin_crash::records::Records;
use yinxin_house::sites::of_domain;
use yinxin_house::{Database, Desk, House, Options};

/// Codes that cannot be sent. A try takes ten seconds: the two places of a site have tried all after a hundred, and four
/// workers for everything would have after fifty.
const STUCK: u64 = 20;
/// After this nothing will happen any more.
const PATIENCE: Duration = Duration::from_secs(60);
/// What only Aliyun's requests have: the header with the action.
const ALIYUN: &str = "x-acs-action";

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_provider_of_one_site_holds_up_no_other_and_no_other_work() {
    let (lines, options) = Lines::laid(Options::default()).await.unwrap();
    let house = House::open_with(Database::Sqlite, options).await.unwrap();
    let troubles = Troubles::default();
    let [fujian, yingtan] = ["fujian", "yingtan"].map(|domain| of_domain(domain).unwrap());
    // Yingtan's codes go by Aliyun, Fujian's by Tencent. Somebody at Yingtan is about to pay.
    let mut desk = Desk::open(&house, "yingtan").await.unwrap();
    let way = &yingtan.ways[0];
    let mut payer = scene::begun(&house, way, 1, &troubles).await.unwrap();
    payer.come_to("待付款", &mut desk, &troubles).await.unwrap();
    scene::at_rest(&house).await.unwrap();

    lines.http.set(State::SilentTo(ALIYUN));
    for number in 0..STUCK {
        let mut stranger = way.person(&house, 100 + number);
        stranger.ask_for_code().await.unwrap();
    }
    let mut records = Records::of(&house).await.unwrap();
    let begun = Instant::now();
    while records.under_way().await.unwrap().is_empty() {
        let waited = begun.elapsed();
        assert!(waited < PATIENCE, "nobody tries to send the codes");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let stuck = records.untried("message").await.unwrap();
    // Another site's code comes, and its holder is in.
    let mut neighbour = fujian.ways[0].person(&house, 2);
    neighbour.register().await.unwrap();
    // The same site's payment is known.
    let paid = payer.come_to("待寄送纸质资料", &mut desk, &troubles).await;
    paid.unwrap();
    let untried = records.untried("message").await.unwrap();
    assert!(!untried.is_disjoint(&stuck), "they waited for the codes");

    lines.http.set(State::Open);
    scene::at_rest(&house).await.unwrap();
    scene::agreed(&house).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_mail_server_holds_up_no_code() {
    let (lines, options) = Lines::laid(Options::default()).await.unwrap();
    let house = House::open_with(Database::Sqlite, options).await.unwrap();
    let troubles = Troubles::default();
    // Fujian tells everything by SMS and by mail.
    let fujian = of_domain("fujian").unwrap();
    let way = &fujian.ways[0];
    let mut desk = Desk::open(&house, "fujian").await.unwrap();
    lines.smtp.set(State::Silent);
    for number in 1..=2 {
        let mut applicant = scene::begun(&house, way, number, &troubles).await.unwrap();
        let came = applicant.come_to("待收材料", &mut desk, &troubles).await;
        came.unwrap();
    }
    let mut records = Records::of(&house).await.unwrap();
    let stuck = records.untried("mail").await.unwrap();

    let mut stranger = way.person(&house, 3);
    stranger.register().await.unwrap();
    let untried = records.untried("mail").await.unwrap();
    assert!(!untried.is_disjoint(&stuck), "the code waited for mails");

    lines.smtp.set(State::Open);
    scene::at_rest(&house).await.unwrap();
    scene::agreed(&house).await.unwrap();
}
