//! Messages against the simulated SMS providers and a third party's SMTP server, on both databases.

use super::*;
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use yinxin_core::definition::{MailText, SmsText};
use yinxin_simulators::misbehave::{Mode, Orders};
use yinxin_simulators::secrets::{ALIYUN_KEY_ID, Secrets, TENCENT_KEY_ID};
use yinxin_simulators::sms::{self, Provider, Template};
use yinxin_store::blobs::{self, BlobKey};
use yinxin_store::files::{File, Owner};
use yinxin_store::testing::{TestStore, stores};

/// A clock that a test moves.
struct Clockwork(AtomicI64);

impl Clock for Clockwork {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }
}

/// Messaging with a clock to move, and a worker.
struct Office<'a> {
    store: &'a TestStore,
    clock: Arc<Clockwork>,
    blobs: Arc<Blobs>,
    messaging: Messaging,
    _folder: tempfile::TempDir,
}

fn site() -> SiteId {
    SiteId::parse("jiangxi").unwrap()
}

impl<'a> Office<'a> {
    fn new(store: &'a TestStore, channels: Channels) -> Self {
        let clock = Arc::new(Clockwork(AtomicI64::new(Millis::now().0)));
        let folder = tempfile::tempdir().unwrap();
        let blobs = Arc::new(Blobs::folder(folder.path(), store.sealer.clone()).unwrap());
        let messaging = Messaging::new(
            store.store.clone(),
            store.sealer.clone(),
            clock.clone(),
            blobs.clone(),
            HashMap::from([(site(), channels)]),
        );
        Self {
            store,
            clock,
            blobs,
            messaging,
            _folder: folder,
        }
    }

    async fn queue(&self, new: NewMessage) -> MessageId {
        let mut tx = self.store.begin().await.unwrap();
        let id = self.messaging.queue(&mut tx, &site(), new).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// Does the jobs that are due; gives how each ended.
    async fn work(&self) -> Vec<JobEnd> {
        let mut ends = Vec::new();
        loop {
            let now = self.clock.now();
            let mut tx = self.store.begin().await.unwrap();
            let job = jobs::lease(&mut tx, self.store.dialect(), now, now.plus(60))
                .await
                .unwrap();
            tx.commit().await.unwrap();
            let Some(job) = job else { return ends };
            assert_eq!(job.kind, MESSAGE_JOB);
            let end = self.messaging.run(&site(), &job.payload).await.unwrap();
            let mut tx = self.store.begin().await.unwrap();
            match &end {
                JobEnd::Done => jobs::finish(&mut tx, &site(), &job.id).await.unwrap(),
                JobEnd::Again { at, why } => jobs::retry(&mut tx, &site(), &job.id, *at, why)
                    .await
                    .unwrap(),
            }
            tx.commit().await.unwrap();
            ends.push(end);
        }
    }

    /// Lets time pass until the next try is due.
    fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    async fn message(&self, id: &MessageId) -> Message {
        let mut conn = self.store.read().await.unwrap();
        messages::find(&mut conn, &self.store.sealer, &site(), id)
            .await
            .unwrap()
            .unwrap()
    }
}

struct Providers {
    sms: Arc<sms::Sms>,
    endpoint: url::Url,
    secrets: Secrets,
    _state: tempfile::TempDir,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Drop for Providers {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn providers() -> Providers {
    let state = tempfile::tempdir().unwrap();
    let secrets = Secrets::load_or_create(state.path()).unwrap();
    let sms = Arc::new(sms::Sms::new(secrets.clone()));
    sms.register(Template {
        provider: Provider::Aliyun,
        code: "SMS_1001".into(),
        text: "您的申请${number}未通过：${reason}。".into(),
    });
    sms.register(Template {
        provider: Provider::Tencent,
        code: "2002".into(),
        text: "您的申请{1}未通过：{2}。".into(),
    });
    let loopback = "127.0.0.1:0".parse().unwrap();
    let (address, task) = yinxin_simulators::serve(loopback, sms::routes(sms.clone()))
        .await
        .unwrap();
    let endpoint = format!("http://{address}/").parse().unwrap();
    Providers {
        sms,
        endpoint,
        secrets,
        _state: state,
        task,
    }
}

impl Providers {
    fn aliyun(&self, secret: &str) -> Channels {
        let account = AliyunAccount {
            endpoint: self.endpoint.clone(),
            key_id: ALIYUN_KEY_ID.into(),
            key_secret: secret.into(),
            sign_name: "江西CA".into(),
        };
        Channels {
            sms: Some(Arc::new(Aliyun::new(account).unwrap())),
            mail: None,
        }
    }

    fn tencent(&self, secret: &str) -> Channels {
        let account = TencentAccount {
            endpoint: self.endpoint.clone(),
            region: "ap-guangzhou".into(),
            secret_id: TENCENT_KEY_ID.into(),
            secret_key: secret.into(),
            app_id: "1400006666".into(),
            sign_name: "江西CA".into(),
        };
        Channels {
            sms: Some(Arc::new(Tencent::new(account).unwrap())),
            mail: None,
        }
    }

    /// Both, each with the code that it knows the text by.
    fn both(&self) -> [(Channels, &'static str); 2] {
        [
            (self.aliyun(&self.secrets.aliyun), "SMS_1001"),
            (self.tencent(&self.secrets.tencent), "2002"),
        ]
    }
}

fn named(name: &str, value: &str) -> NamedValue {
    NamedValue {
        name: name.into(),
        value: value.into(),
    }
}

fn refusal(key: &str, code: &str) -> NewMessage {
    NewMessage {
        key: key.into(),
        case_id: Some(CaseId::from_stored("case-1")),
        recipient: "138 0000 1234".into(),
        template: "refused".into(),
        content: MessageContent::Sms(SmsText {
            template_code: code.into(),
            text: "您的申请{number}未通过：{reason}。".into(),
            parameters: vec!["number".into(), "reason".into()],
        }),
        parameters: vec![
            named("reason", "执照 & 印章+不清晰~*'"),
            named("number", "JX2026112000001"),
        ],
        attachments: Vec::new(),
        expires_at: None,
    }
}

const TEXT: &str = "【江西CA】您的申请JX2026112000001未通过：执照 & 印章+不清晰~*'。";

#[tokio::test]
async fn an_sms_is_queued_once_and_arrives_by_either_provider() {
    for store in stores().await {
        let providers = providers().await;
        for (round, (channels, code)) in providers.both().into_iter().enumerate() {
            let office = Office::new(&store, channels);
            let key = format!("refused/{round}");
            let id = office.queue(refusal(&key, code)).await;
            assert_eq!(
                office.queue(refusal(&key, code)).await,
                id,
                "the same message"
            );
            assert_eq!(office.work().await, [JobEnd::Done]);
            let texts = providers.sms.texts();
            assert_eq!(texts.len(), round + 1);
            let text = texts.last().unwrap();
            assert_eq!(
                (text.text.as_str(), text.mobile.as_str()),
                (TEXT, "13800001234")
            );
            assert_eq!(text.reference, id.as_str());
            let message = office.message(&id).await;
            assert_eq!(message.state, State::Sent);
            assert_eq!(message.provider_no, text.number);
            assert_eq!(message.recipient_masked, "138****1234");
            let of_case = office
                .messaging
                .of_case(&site(), &CaseId::from_stored("case-1"), None, 10)
                .await
                .unwrap();
            assert_eq!(of_case.len(), round + 1);
        }
    }
}

#[tokio::test]
async fn nothing_is_sent_when_the_transaction_is_rolled_back() {
    for store in stores().await {
        let providers = providers().await;
        let office = Office::new(&store, providers.aliyun(&providers.secrets.aliyun));
        let mut tx = store.begin().await.unwrap();
        office
            .messaging
            .queue(&mut tx, &site(), refusal("a", "SMS_1001"))
            .await
            .unwrap();
        drop(tx);
        assert!(office.work().await.is_empty());
        assert!(providers.sms.texts().is_empty());
    }
}

#[tokio::test]
async fn a_busy_provider_is_asked_again_later() {
    for store in stores().await {
        let providers = providers().await;
        for (round, (channels, code)) in providers.both().into_iter().enumerate() {
            let office = Office::new(&store, channels);
            let id = office.queue(refusal(&format!("busy/{round}"), code)).await;
            providers.sms.misbehaviour.next(Mode::Error, 1);
            let ends = office.work().await;
            let [JobEnd::Again { at, why }] = ends.as_slice() else {
                panic!("{ends:?}")
            };
            assert!(why.starts_with("短信服务商暂时不能发送"), "{why}");
            let wait = at.0 - office.clock.now().0;
            assert!((12_000..=18_000).contains(&wait), "{wait}");
            assert!(office.work().await.is_empty(), "not due yet");
            office.pass(20);
            assert_eq!(office.work().await, [JobEnd::Done]);
            let message = office.message(&id).await;
            assert_eq!((message.state, message.attempts), (State::Sent, 2));
            assert_eq!(providers.sms.texts().len(), round + 1);
        }
    }
}

#[tokio::test]
async fn a_lost_answer_does_not_send_a_second_text() {
    for store in stores().await {
        let providers = providers().await;
        for (round, (channels, code)) in providers.both().into_iter().enumerate() {
            let office = Office::new(&store, channels);
            let id = office.queue(refusal(&format!("lost/{round}"), code)).await;
            for mode in [Mode::Drop, Mode::Forge] {
                providers.sms.misbehaviour.next(mode, 1);
                assert!(matches!(
                    office.work().await.as_slice(),
                    [JobEnd::Again { .. }]
                ));
                assert_eq!(
                    providers.sms.texts().len(),
                    round + 1,
                    "taken, but the answer is lost"
                );
                office.pass(60);
            }
            assert_eq!(office.work().await, [JobEnd::Done]);
            assert_eq!(providers.sms.texts().len(), round + 1, "{}", store.name);
            let message = office.message(&id).await;
            assert_eq!(message.state, State::Sent);
            assert!(!message.provider_no.is_empty());
        }
    }
}

#[tokio::test]
async fn a_sender_that_died_in_the_middle_is_followed_by_one_that_asks_first() {
    for store in stores().await {
        let providers = providers().await;
        let office = Office::new(&store, providers.tencent(&providers.secrets.tencent));
        let id = office.queue(refusal("died", "2002")).await;
        let mut tx = store.begin().await.unwrap();
        messages::begin_try(&mut tx, &site(), &id, 0).await.unwrap();
        tx.commit().await.unwrap();
        let message = office.message(&id).await;
        office.messaging.send(&site(), &message).await.unwrap();
        // Here the process ends: sent, but not written down.
        assert_eq!(office.work().await, [JobEnd::Done]);
        assert_eq!(providers.sms.texts().len(), 1);
        assert_eq!(office.message(&id).await.state, State::Sent);
    }
}

#[tokio::test]
async fn a_refused_message_is_a_dead_letter_that_a_clerk_sends_again() {
    for store in stores().await {
        let providers = providers().await;
        let office = Office::new(&store, providers.aliyun(&providers.secrets.aliyun));
        let id = office.queue(refusal("refused", "SMS_1001")).await;
        let orders = Orders {
            mode: Mode::Error,
            count: 1,
            delay_ms: 0,
            code: "isv.MOBILE_NUMBER_ILLEGAL".into(),
        };
        providers.sms.misbehaviour.order(orders);
        assert_eq!(office.work().await, [JobEnd::Done]);
        let letters = office
            .messaging
            .dead_letters(&site(), None, 10)
            .await
            .unwrap();
        assert_eq!(letters.len(), 1);
        assert_eq!((&letters[0].id, letters[0].state), (&id, State::Dead));
        assert_eq!(letters[0].last_error, "手机号码有误，服务商拒绝发送");

        let other = SiteId::parse("hunan").unwrap();
        assert!(!office.messaging.resend(&other, &id).await.unwrap());
        assert!(office.messaging.resend(&site(), &id).await.unwrap());
        assert!(
            !office.messaging.resend(&site(), &id).await.unwrap(),
            "it is under way"
        );
        assert_eq!(office.work().await, [JobEnd::Done]);
        assert_eq!(office.message(&id).await.state, State::Sent);
        assert_eq!(providers.sms.texts().len(), 1);
        assert!(
            office
                .messaging
                .dead_letters(&site(), None, 10)
                .await
                .unwrap()
                .is_empty()
        );
    }
}

#[tokio::test]
async fn a_wrong_template_is_final_and_a_wrong_secret_is_not() {
    for store in stores().await {
        let providers = providers().await;
        for (round, (channels, _)) in providers.both().into_iter().enumerate() {
            let office = Office::new(&store, channels);
            let code = if round == 0 { "SMS_9" } else { "9" };
            let id = office
                .queue(refusal(&format!("template/{round}"), code))
                .await;
            assert_eq!(office.work().await, [JobEnd::Done]);
            assert_eq!(office.message(&id).await.state, State::Dead);
        }
        for (round, channels) in [providers.aliyun("wrong"), providers.tencent("wrong")]
            .into_iter()
            .enumerate()
        {
            let office = Office::new(&store, channels);
            let code = if round == 0 { "SMS_1001" } else { "2002" };
            office
                .queue(refusal(&format!("secret/{round}"), code))
                .await;
            let ends = office.work().await;
            let [JobEnd::Again { why, .. }] = ends.as_slice() else {
                panic!("{ends:?}")
            };
            assert!(why.contains("密钥或权限不对"), "{why}");
            office.pass(1_000_000);
            let mut tx = store.begin().await.unwrap();
            let job = jobs::lease(
                &mut tx,
                store.dialect(),
                office.clock.now(),
                Millis(i64::MAX),
            )
            .await
            .unwrap();
            jobs::bury(&mut tx, &site(), &job.unwrap().id, "")
                .await
                .unwrap();
            tx.commit().await.unwrap();
        }
        assert!(providers.sms.texts().is_empty());
    }
}

#[tokio::test]
async fn tries_end_and_the_message_waits_for_a_clerk() {
    for store in stores().await {
        // Nobody listens there.
        let account = AliyunAccount {
            endpoint: "http://127.0.0.1:9/".parse().unwrap(),
            key_id: String::new(),
            key_secret: String::new(),
            sign_name: String::new(),
        };
        let channels = Channels {
            sms: Some(Arc::new(Aliyun::new(account).unwrap())),
            mail: None,
        };
        let office = Office::new(&store, channels);
        let id = office.queue(refusal("nobody", "SMS_1001")).await;
        let mut tries = 0;
        loop {
            let ends = office.work().await;
            tries += ends.len();
            if ends == [JobEnd::Done] {
                break;
            }
            office.pass(3600 * 2);
        }
        assert_eq!(tries, 10);
        let message = office.message(&id).await;
        assert_eq!(
            (message.state, message.last_error.as_str()),
            (State::Failed, "连不上短信服务商")
        );
    }
}

#[tokio::test]
async fn an_outdated_code_is_not_sent() {
    for store in stores().await {
        let providers = providers().await;
        let office = Office::new(&store, providers.aliyun(&providers.secrets.aliyun));
        let mut new = refusal("code", "SMS_1001");
        new.expires_at = Some(office.clock.now().plus(300));
        let id = office.queue(new).await;
        office.pass(301);
        assert_eq!(office.work().await, [JobEnd::Done]);
        assert_eq!(office.message(&id).await.state, State::Dead);
        assert!(providers.sms.texts().is_empty());
    }
}

#[tokio::test]
async fn what_cannot_be_filled_or_reached_is_not_queued() {
    let store = yinxin_store::testing::sqlite().await;
    let office = Office::new(&store, Channels::default());
    let mut tx = store.begin().await.unwrap();
    let mut missing = refusal("a", "SMS_1001");
    missing.parameters.pop();
    let error = office
        .messaging
        .queue(&mut tx, &site(), missing)
        .await
        .unwrap_err();
    assert!(matches!(error, MessagingError::MissingParameter(name) if name == "number"));
    let mut nobody = refusal("b", "SMS_1001");
    nobody.recipient = "12345".into();
    let error = office
        .messaging
        .queue(&mut tx, &site(), nobody)
        .await
        .unwrap_err();
    assert!(matches!(error, MessagingError::NoRecipient));
}

// ---- mail

/// The interpreter with aiosmtpd: `YINXIN_TEST_PYTHON`, or an environment made in the target folder.
fn python() -> PathBuf {
    static READY: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    let ready = READY.get_or_init(|| {
        if let Ok(python) = std::env::var("YINXIN_TEST_PYTHON") {
            return PathBuf::from(python);
        }
        let target =
            std::env::var("CARGO_TARGET_DIR").map_or_else(|_| root().join("target"), PathBuf::from);
        let folder = target.join("test-python");
        let python = folder.join("bin/python");
        let has_it = |python: &Path| {
            let found = Command::new(python)
                .args(["-c", "import aiosmtpd"])
                .stderr(Stdio::null())
                .status();
            found.is_ok_and(|status| status.success())
        };
        if !has_it(&python) {
            let made = Command::new("python3")
                .args(["-m", "venv"])
                .arg(&folder)
                .status()
                .unwrap();
            assert!(made.success(), "python3 makes an environment");
            let pip = Command::new(&python)
                .args(["-m", "pip", "install", "-q", "aiosmtpd==1.4.6"])
                .status();
            assert!(pip.unwrap().success(), "pip installs aiosmtpd");
        }
        python
    });
    ready.clone()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// aiosmtpd at work.
struct Server {
    process: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    fn start(starttls: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(python());
        command.arg(root().join("tests/conformance/smtp_server.py"));
        command.arg("--out").arg(folder.path().join("mails.jsonl"));
        command.args(["--user", "ca", "--password", "口令"]);
        if starttls {
            certificate(folder.path());
            command
                .arg("--starttls")
                .arg(folder.path().join("cert.pem"))
                .arg(folder.path().join("key.pem"));
        }
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let announced: serde_json::Value =
            serde_json::from_str(&line).expect("the server announces its port");
        let port = u16::try_from(announced["port"].as_u64().unwrap()).unwrap();
        Self {
            process,
            port,
            folder,
        }
    }

    fn mails(&self) -> Vec<serde_json::Value> {
        let lines =
            std::fs::read_to_string(self.folder.path().join("mails.jsonl")).unwrap_or_default();
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn account(&self) -> SmtpAccount {
        SmtpAccount {
            host: "localhost".into(),
            port: self.port,
            tls: Tls::None,
            login: Some(("ca".into(), "口令".into())),
            from_name: "江西CA 电子认证".into(),
            from_address: "noreply@ca.example.cn".into(),
            root_certificate: None,
        }
    }
}

/// A server certificate of a house's own authority, as many an intranet has.
fn certificate(folder: &Path) {
    let made = Command::new("openssl")
        .current_dir(folder)
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ])
        .args([
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success(), "openssl makes a certificate");
}

fn by_mail(account: SmtpAccount) -> Channels {
    Channels {
        sms: None,
        mail: Some(Arc::new(Smtp::new(account).unwrap())),
    }
}

fn invoice(key: &str, to: &str, attachments: Vec<FileId>) -> NewMessage {
    NewMessage {
        key: key.into(),
        case_id: None,
        recipient: to.into(),
        template: "invoice".into(),
        content: MessageContent::Mail(MailText {
            subject: "电子发票：{number}".into(),
            body: "您好：\n\n申请 {number} 的电子发票见附件。\n.\n第二段".into(),
            attachments: vec!["invoice".into()],
        }),
        parameters: vec![named("number", "JX2026112000001")],
        attachments,
        expires_at: None,
    }
}

async fn stored_file(office: &Office<'_>, name: &str, bytes: &[u8]) -> FileId {
    let now = office.clock.now();
    let key = BlobKey::generate(&site());
    let mut tx = office.store.begin().await.unwrap();
    blobs::announce(&mut tx, &site(), &key, now).await.unwrap();
    tx.commit().await.unwrap();
    office.blobs.put(&key, bytes).await.unwrap();
    let file = File {
        id: FileId::generate(),
        owner: Owner::Case(CaseId::from_stored("case-1")),
        name: name.into(),
        media_type: "application/pdf".into(),
        size: bytes.len() as u64,
        sha256: wire::sha256_hex(bytes),
        width: 0,
        height: 0,
        original_key: key.as_str().into(),
        view_key: String::new(),
        thumbnail_key: String::new(),
        listing: Vec::new(),
        created_at: now,
        created_by: "clerk".into(),
    };
    let mut tx = office.store.begin().await.unwrap();
    files::insert(&mut tx, &office.store.sealer, &site(), &file)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    file.id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_arrives_whole_with_its_attachment() {
    let server = Server::start(false);
    for store in stores().await {
        let office = Office::new(&store, by_mail(server.account()));
        let pdf: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        let file = stored_file(&office, "电子发票 1号.pdf", &pdf).await;
        let before = server.mails().len();
        let id = office
            .queue(invoice("a", "zhang@example.cn", vec![file]))
            .await;
        assert_eq!(office.work().await, [JobEnd::Done]);
        let mails = server.mails();
        assert_eq!(mails.len(), before + 1);
        let mail = mails.last().unwrap();
        assert_eq!(mail["subject"], "电子发票：JX2026112000001");
        assert_eq!(mail["to"], serde_json::json!(["zhang@example.cn"]));
        assert_eq!(mail["login"], "ca");
        assert!(mail["sender"].as_str().unwrap().contains("江西CA 电子认证"));
        let text = mail["text"].as_str().unwrap().replace("\r\n", "\n");
        assert_eq!(
            text.trim_end(),
            "您好：\n\n申请 JX2026112000001 的电子发票见附件。\n.\n第二段"
        );
        assert_eq!(mail["attachments"][0]["name"], "电子发票 1号.pdf");
        assert_eq!(mail["attachments"][0]["type"], "application/pdf");
        assert_eq!(mail["attachments"][0]["sha256"], wire::sha256_hex(&pdf));
        let message = office.message(&id).await;
        assert_eq!(message.state, State::Sent);
        assert_eq!(mail["message_id"], message.provider_no);
        assert_eq!(message.recipient_masked, "z***@example.cn");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_refuses_is_told_from_one_that_is_busy() {
    let server = Server::start(false);
    for store in stores().await {
        let office = Office::new(&store, by_mail(server.account()));
        let refused = office
            .queue(invoice("a", "refused@example.cn", Vec::new()))
            .await;
        assert_eq!(office.work().await, [JobEnd::Done]);
        let letter = office.message(&refused).await;
        assert_eq!(
            (letter.state, letter.last_error.as_str()),
            (State::Dead, "邮件服务器不接受这个收件地址（550）")
        );
        office
            .queue(invoice("b", "later@example.cn", Vec::new()))
            .await;
        assert!(matches!(
            office.work().await.as_slice(),
            [JobEnd::Again { .. }]
        ));

        let mut account = server.account();
        account.login = Some(("ca".into(), "wrong".into()));
        let office = Office::new(&store, by_mail(account));
        office
            .queue(invoice("c", "zhang@example.cn", Vec::new()))
            .await;
        let ends = office.work().await;
        let [JobEnd::Again { why, .. }] = ends.as_slice() else {
            panic!("{ends:?}")
        };
        assert!(why.contains("用户名或密码不对"), "{why}");
        let gone = office
            .queue(invoice(
                "d",
                "zhang@example.cn",
                vec![FileId::from_stored("gone")],
            ))
            .await;
        assert_eq!(office.work().await, [JobEnd::Done]);
        assert_eq!(office.message(&gone).await.last_error, "附件已被删除");
    }
    assert!(server.mails().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn starttls_is_used_where_it_is_asked_for_and_never_left_out() {
    let store = yinxin_store::testing::sqlite().await;
    let secure = Server::start(true);
    let mut account = secure.account();
    account.tls = Tls::StartTls;
    account.root_certificate = Some(std::fs::read(secure.folder.path().join("cert.pem")).unwrap());
    let office = Office::new(&store, by_mail(account.clone()));
    office
        .queue(invoice("a", "zhang@example.cn", Vec::new()))
        .await;
    assert_eq!(office.work().await, [JobEnd::Done]);
    assert_eq!(secure.mails()[0]["tls"], true);
    assert_eq!(secure.mails()[0]["login"], "ca");

    account.root_certificate = None;
    let office = Office::new(&store, by_mail(account));
    office
        .queue(invoice("b", "zhang@example.cn", Vec::new()))
        .await;
    assert!(
        matches!(office.work().await.as_slice(), [JobEnd::Again { .. }]),
        "an unknown authority"
    );
    assert_eq!(secure.mails().len(), 1);

    let plain = Server::start(false);
    let mut account = plain.account();
    account.tls = Tls::StartTls;
    let office = Office::new(&store, by_mail(account));
    office
        .queue(invoice("c", "zhang@example.cn", Vec::new()))
        .await;
    assert!(
        matches!(office.work().await.as_slice(), [JobEnd::Again { .. }]),
        "a server without STARTTLS"
    );
    assert!(plain.mails().is_empty());
}
