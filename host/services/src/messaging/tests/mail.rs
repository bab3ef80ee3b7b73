//! Mail to a third party's SMTP server.

use super::*;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use yinxin_core::definition::MailText;
use yinxin_store::blobs::{self, BlobKey};
use yinxin_store::files::{File, Owner};
use yinxin_store::testing::stores;

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
