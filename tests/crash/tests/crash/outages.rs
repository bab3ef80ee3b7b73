//! The server without its database, its disk, its mail, its SMS or its payment providers, while somebody applies. During
//! the outage pages say so and keep what was typed; after it everything goes on by itself, and has happened once.

use anyhow::Result;
use std::time::{Duration, Instant};
use yinxin_crash::books::{self, Counted};
use yinxin_crash::cluster::Cluster;
use yinxin_crash::disk::Disk;
use yinxin_crash::line::{Line, State};
use yinxin_crash::people::{Desk, Pays, Person, Through, Troubles};
use yinxin_crash::records::{Records, SOON};
use yinxin_house::processes::free_port;
use yinxin_house::{Answer, Browser, Clerk, Database, House, Options, Page, fujian};

/// Longer than it takes to notice that an outage is over.
const RECOVERY: Duration = Duration::from_secs(60);

/// Somebody in the middle of an application, the form of which is about to be sent.
struct Scene {
    house: House,
    desk: Desk,
    troubles: Troubles,
    handler: fujian::Handler,
    case: String,
}

impl Scene {
    async fn open(house: House) -> Result<Self> {
        let desk = Desk::open(&house, "fujian").await?;
        let Person::Fujian(mut handler, _) = Person::new(&house, "fujian", 1, Pays::Transfer)
        else {
            panic!("somebody at Fujian's site");
        };
        handler.register().await?;
        let case = handler.begin("new-enterprise").await?;
        handler.agree(&case).await?;
        Ok(Self {
            house,
            desk,
            troubles: Troubles::default(),
            handler,
            case,
        })
    }

    /// The application's form, filled in by hand but for the name, which is this.
    async fn filled(&mut self, name: &str) -> Result<(yinxin_house::Form, usize)> {
        let path = format!("{}/steps/application", self.case);
        let page = self.handler.browser.open(&path).await?;
        let (mut form, button) = page.form_with("保存并继续")?;
        form.fill("单位名称", name)?;
        Ok((form, button))
    }

    /// What `/readyz` says.
    async fn ready(&self) -> Result<Page> {
        Browser::new(&self.house, "fujian").get("/readyz").await
    }

    /// Waits until the server is ready again.
    async fn recovered(&self) -> Result<()> {
        let begun = Instant::now();
        while !self.ready().await?.status.is_success() {
            assert!(begun.elapsed() < RECOVERY, "it does not recover");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// The outage is over: the application goes its way to the end, everything comes to rest, and the books agree.
    async fn goes_on(self) -> Result<()> {
        let Self {
            house,
            mut desk,
            troubles,
            handler,
            case,
        } = self;
        let mut person = Person::Fujian(handler, Pays::Transfer);
        let through = person.go(&mut desk, &troubles).await?;
        assert_eq!(
            format!("/cases/{}", through[0].case),
            case,
            "the one that was begun"
        );
        let steps = [
            "submit",
            "accept",
            "transferred",
            "papers-pass",
            "make",
            "issued",
            "ship",
        ];
        once(&house, &through, &steps).await?;
        let counted = agreed(&house).await?;
        assert_eq!(
            (counted.certificates, counted.invoices),
            (1, 1),
            "{counted}"
        );
        Ok(())
    }
}

/// Each of these stands once in the history of what came through.
async fn once(house: &House, through: &[Through], steps: &[&str]) -> Result<()> {
    at_rest(house).await?;
    for Through { kind, case } in through {
        let history = Records::of(house).await?.history(case).await?;
        for step in steps {
            assert_eq!(
                history.get(*step),
                Some(&1),
                "{kind}: {step} in {history:?}"
            );
        }
    }
    Ok(())
}

async fn agreed(house: &House) -> Result<Counted> {
    let (counted, faults) = books::compare(house).await?;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    println!("afterwards: {counted}");
    Ok(counted)
}

/// Everything that waited is done, without anybody's hand.
async fn at_rest(house: &House) -> Result<()> {
    let begun = Instant::now();
    let mut records = Records::of(house).await?;
    loop {
        let left = records.unfinished().await?;
        if left.is_empty() {
            return Ok(());
        }
        assert!(
            begun.elapsed() < RECOVERY,
            "this waits for ever:\n{}",
            left.join("\n")
        );
        records.pass_time(SOON).await?;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A page that asks to come later, in words, with what was typed and a button that sends it again.
fn asks_to_come_later(page: &Page, typed: &str) -> (yinxin_house::Form, usize) {
    assert_eq!(page.status.as_u16(), 503, "{}", page.text());
    assert!(page.has("请稍后再试"), "{}", page.text());
    let (form, button) = page.form_with("再试一次").unwrap();
    let kept = form
        .fields
        .iter()
        .any(|field| field.value.as_deref() == Some(typed));
    assert!(kept, "what was typed is lost: {form:?}");
    (form, button)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_postgresql_is_waited_for() {
    let cluster = Cluster::start().await.unwrap();
    let options = Options {
        database_url: Some(cluster.url()),
        ..Options::default()
    };
    let house = House::open_with(Database::Postgres, options).await.unwrap();
    let mut scene = Scene::open(house).await.unwrap();
    let name = "福州海丝路航运有限公司";
    let (form, button) = scene.filled(name).await.unwrap();

    cluster.crash().await.unwrap();
    let ready = scene.ready().await.unwrap();
    assert_eq!(
        (ready.status.as_u16(), &ready.body[..]),
        (503, &b"database"[..])
    );
    let alive = Browser::new(&scene.house, "fujian")
        .get("/healthz")
        .await
        .unwrap();
    assert_eq!(alive.status.as_u16(), 200);
    let page = scene
        .handler
        .browser
        .send_once(&form, Some(button))
        .await
        .unwrap();
    let (again, press) = asks_to_come_later(&page, name);
    let page = scene.desk.reviewer.browser.get("/console").await.unwrap();
    assert_eq!(page.status.as_u16(), 503, "{}", page.text());

    cluster.again().await.unwrap();
    scene.recovered().await.unwrap();
    saved(&mut scene, &again, press, name).await.unwrap();
    scene.goes_on().await.unwrap();
}

/// The button of the page that asked to come later does what was to be done.
async fn saved(
    scene: &mut Scene,
    again: &yinxin_house::Form,
    button: usize,
    name: &str,
) -> Result<()> {
    // The rest of the form is missing still: the page says so, and holds the name.
    let page = scene.handler.browser.send(again, Some(button)).await?;
    let log = std::fs::read_to_string(scene.house.server_log())?;
    let last: Vec<&str> = log.lines().rev().take(5).collect();
    assert!(
        !page.status.is_server_error(),
        "{}\n{}",
        page.text(),
        last.join("\n")
    );
    let path = format!("{}/steps/application", scene.case);
    let page = scene.handler.browser.open(&path).await?;
    let (mut form, _) = page.form_with("保存并继续")?;
    assert_eq!(form.field("单位名称")?.value.as_deref(), Some(name));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_somebody_holds_is_waited_for() {
    let house = House::open(Database::Sqlite).await.unwrap();
    let mut scene = Scene::open(house).await.unwrap();
    let name = "福州海丝路航运有限公司";
    let (form, button) = scene.filled(name).await.unwrap();

    let mut other = Records::of(&scene.house).await.unwrap();
    other.hold().await.unwrap();
    let page = scene
        .handler
        .browser
        .send_once(&form, Some(button))
        .await
        .unwrap();
    let (again, press) = asks_to_come_later(&page, name);
    // Reading goes on.
    let page = scene.handler.browser.get("/").await.unwrap();
    assert_eq!(page.status.as_u16(), 200, "{}", page.text());

    other.give_free().await.unwrap();
    scene.recovered().await.unwrap();
    saved(&mut scene, &again, press, name).await.unwrap();
    scene.goes_on().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_loses_nothing() {
    let disk = Disk::new().unwrap();
    let beside = tempfile::tempdir().unwrap();
    let options = Options {
        data: Some(disk.data()),
        server: Some(disk.server(beside.path()).unwrap()),
        ..Options::default()
    };
    let house = House::open_with(Database::Sqlite, options).await.unwrap();
    let server = house.processes().0.unwrap();
    let mut scene = Scene::open(house).await.unwrap();
    let name = "福州海丝路航运有限公司";
    let (form, button) = scene.filled(name).await.unwrap();

    disk.fill(server).unwrap();
    println!("{}", disk.kind());
    // What is in the log already has its place; soon there is none left.
    let mut page = scene
        .handler
        .browser
        .send_once(&form, Some(button))
        .await
        .unwrap();
    for _ in 0..200 {
        if page.status.as_u16() == 503 {
            break;
        }
        page = scene
            .handler
            .browser
            .send_once(&form, Some(button))
            .await
            .unwrap();
    }
    let (again, press) = asks_to_come_later(&page, name);
    let ready = scene.ready().await.unwrap();
    assert_eq!(
        (ready.status.as_u16(), &ready.body[..]),
        (503, &b"disk"[..])
    );
    let materials = format!("{}/steps/materials", scene.case);
    let page = scene.handler.browser.get(&materials).await.unwrap();
    assert_eq!(
        page.status.as_u16(),
        200,
        "reading goes on: {}",
        page.text()
    );
    let mut upload = page
        .forms()
        .into_iter()
        .find(|form| form.multipart)
        .unwrap();
    let scan = yinxin_house::scans::sheet(1);
    let file = Answer::File {
        name: "扫描件.jpg",
        bytes: &scan,
    };
    upload.fill("file", file).unwrap();
    let page = scene
        .handler
        .browser
        .send_once(&upload, Some(0))
        .await
        .unwrap();
    assert_eq!(page.status.as_u16(), 503, "{}", page.text());

    disk.free(server).unwrap();
    scene.recovered().await.unwrap();
    saved(&mut scene, &again, press, name).await.unwrap();
    scene.goes_on().await.unwrap();
}

/// SMS and payment provider do not answer, then the mail server.
#[tokio::test(flavor = "multi_thread")]
async fn without_mail_sms_and_gateways_everything_waits_and_then_goes_on() {
    let ports = [free_port().unwrap(), free_port().unwrap()];
    let http = Line::to(ports[0]).await.unwrap();
    let smtp = Line::to(ports[1]).await.unwrap();
    let options = Options {
        simulators: Some(ports),
        lines: Some([http.port, smtp.port]),
        ..Options::default()
    };
    let house = House::open_with(Database::Sqlite, options).await.unwrap();
    let troubles = Troubles::default();
    let mut desk = Desk::open(&house, "yingtan").await.unwrap();
    let mut admin = Clerk::log_in(&house, "yingtan", "admin").await.unwrap();
    let Person::Yingtan(mut handler, _) = Person::new(&house, "yingtan", 1, Pays::Wechat) else {
        panic!("somebody at Yingtan's site");
    };
    handler.register().await.unwrap();
    let case = handler.apply("主锁").await.unwrap();
    http.set(State::Refused);
    smtp.set(State::Refused);

    // The news of the review waits; paying does not begin, and the page says why.
    desk.reviewer.pass_all(&case, "初审通过").await.unwrap();
    let page = handler.browser.open(&format!("{case}/pay")).await.unwrap();
    let page = handler.browser.press(&page, "微信支付", &[]).await.unwrap();
    assert_eq!(page.status.as_u16(), 503, "{}", page.text());
    assert!(page.has("支付渠道暂时没有响应"), "{}", page.text());
    let text = waits(&house, &mut admin, "发送消息").await.unwrap();
    assert!(text.contains("短信服务商"), "{text}");
    // What a silent line means is known when patience ends, and not before.
    http.set(State::Silent);
    Records::of(&house)
        .await
        .unwrap()
        .pass_time(SOON)
        .await
        .unwrap();
    let text = waits(&house, &mut admin, "查询付款").await.unwrap();
    assert!(text.contains("支付平台没有应答"), "{text}");

    // The providers are there again; the mail with the invoice still finds nobody.
    http.set(State::Open);
    let mut person = Person::Yingtan(handler, Pays::Wechat);
    let through = person.go(&mut desk, &troubles).await.unwrap();
    assert_eq!(
        format!("/cases/{}", through[0].case),
        case,
        "the one that was begun"
    );
    Records::of(&house)
        .await
        .unwrap()
        .pass_time(SOON)
        .await
        .unwrap();
    let text = waits(&house, &mut admin, "邮件服务器").await.unwrap();
    assert!(text.contains("发送消息"), "{text}");
    smtp.set(State::Open);
    let steps = [
        "submit",
        "pass",
        "paid",
        "post",
        "papers-pass",
        "make",
        "issued",
        "ship",
        "invoice",
    ];
    once(&house, &through, &steps).await.unwrap();
    let counted = agreed(&house).await.unwrap();
    assert_eq!(
        (counted.certificates, counted.paid_trades, counted.mails),
        (1, 1, 1),
        "{counted}"
    );
}

/// What the console's page of jobs says, once it has this.
async fn waits(house: &House, admin: &mut Clerk, what: &str) -> Result<String> {
    let begun = Instant::now();
    loop {
        let page = admin.browser.open("/console/jobs").await?;
        if page.has(what) {
            return Ok(page.main_text());
        }
        if begun.elapsed() > RECOVERY {
            let left = Records::of(house).await?.unfinished().await?;
            anyhow::bail!(
                "{what} is not on the page, while {left:?} are left: {}",
                page.main_text()
            );
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
