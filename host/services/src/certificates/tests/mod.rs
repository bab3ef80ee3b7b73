//! OpenSSL makes the requests and judges what we sign.

mod files;
mod holdings;
mod issuing;
mod register;
mod requests;
mod revocation;

use super::*;
use crate::case_event::CASE_EVENT_JOB;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use yinxin_store::testing::{TestStore, stores};

/// 2026-11-20 18:05 in China.
const NOW: Millis = Millis(1_795_169_100_000);

struct Watch(Mutex<Millis>);

impl Clock for Watch {
    fn now(&self) -> Millis {
        *self.0.lock().unwrap()
    }
}

/// The embedded issuer in a process that dies `crashes` times while a signature is on its way.
struct Fragile {
    inner: EmbeddedIssuer,
    crashes: AtomicUsize,
}

#[async_trait::async_trait]
impl Issuer for Fragile {
    async fn prepare(&self, site: &SiteId, wish: &Wish) -> Result<Prepared, IssuerError> {
        self.inner.prepare(site, wish).await
    }

    async fn sign(&self, site: &SiteId, tbs: &[u8]) -> Result<Signed, IssuerError> {
        let signed = self.inner.sign(site, tbs).await?;
        let left = self.crashes.load(Ordering::SeqCst);
        if left == 0 {
            return Ok(signed);
        }
        self.crashes.store(left - 1, Ordering::SeqCst);
        Err(StoreError::Conflict.into())
    }

    async fn chain(&self, site: &SiteId) -> Result<Vec<String>, IssuerError> {
        self.inner.chain(site).await
    }

    async fn sign_list(&self, site: &SiteId, list: &ListToSign) -> Result<Vec<u8>, IssuerError> {
        self.inner.sign_list(site, list).await
    }
}

struct Office {
    store: TestStore,
    watch: Arc<Watch>,
    certificates: Certificates,
    site: SiteId,
    case: CaseId,
    folder: tempfile::TempDir,
}

impl Office {
    async fn open(store: TestStore, crashes: usize) -> Self {
        let site = SiteId::parse("jiangxi").unwrap();
        let watch = Arc::new(Watch(Mutex::new(NOW)));
        let addresses = [(
            site.clone(),
            "http://jiangxi.example.cn/pki/issuing.crl".to_owned(),
        )]
        .into();
        let inner = EmbeddedIssuer::new(
            store.store.clone(),
            store.sealer.clone(),
            watch.clone(),
            addresses,
        );
        let names = IssuerNames {
            organisation: "江西省数字证书有限公司".into(),
            root: "江西 CA 根".into(),
            issuing: "江西 CA 签发".into(),
        };
        assert!(inner.establish(&site, &names).await.unwrap());
        assert!(
            !inner.establish(&site, &names).await.unwrap(),
            "an authority is made once"
        );
        let issuer = Arc::new(Fragile {
            inner,
            crashes: AtomicUsize::new(crashes),
        });
        let certificates = Certificates::new(store.store.clone(), watch.clone(), issuer);
        let folder = tempfile::tempdir().unwrap();
        Self {
            store,
            watch,
            certificates,
            site,
            case: CaseId::generate(),
            folder,
        }
    }

    fn later(&self, seconds: i64) {
        let mut now = self.watch.0.lock().unwrap();
        *now = now.plus(seconds);
    }

    async fn accept(&self, pem: &str) -> ExaminedRequest {
        let mut tx = self.store.begin().await.unwrap();
        let taken = self
            .certificates
            .accept_request(&mut tx, &self.site, &self.case, pem, "maker")
            .await;
        tx.commit().await.unwrap();
        taken.unwrap()
    }

    async fn order(&self, key: &str) -> String {
        let mut tx = self.store.begin().await.unwrap();
        let order = order();
        self.certificates
            .order(&mut tx, &self.site, &self.case, key, &order)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        serde_json::to_string(&order).unwrap()
    }

    async fn issued(&self) -> Vec<CertificateView> {
        let mut conn = self.store.read().await.unwrap();
        self.certificates
            .of_case(&mut conn, &self.site, &self.case)
            .await
            .unwrap()
    }

    async fn issue(&self) -> CertificateView {
        self.accept(&request(self.folder.path(), &EC)).await;
        let payload = self.order("k").await;
        self.certificates
            .issue(&self.site, &self.case, "k", &payload)
            .await
            .unwrap();
        self.issued().await.remove(0)
    }

    /// Payloads of the events that the engine will hear, oldest first.
    async fn events(&self) -> Vec<CaseEvent> {
        let mut found = Vec::new();
        let mut tx = self.store.begin().await.unwrap();
        let far = NOW.plus(1_000_000_000);
        while let Some(job) = jobs::lease(&mut tx, far, far.plus(1)).await.unwrap() {
            if job.kind == CASE_EVENT_JOB {
                found.push(serde_json::from_str(&job.payload).unwrap());
            }
        }
        found
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    fn openssl(&self, arguments: &[&str]) -> String {
        openssl(self.folder.path(), arguments).unwrap()
    }
}

fn order() -> IssueOrder {
    let attribute = |name: &str, value: &str| NamedValue {
        name: name.into(),
        value: value.into(),
    };
    IssueOrder {
        subject: vec![
            attribute("C", "CN"),
            attribute("O", "鹰潭市某某建设有限公司"),
            attribute("serialNumber", "91360600MA35F5XX0K"),
            attribute("CN", "钟𬭎"),
        ],
        months: 12,
    }
}

fn openssl(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    if output.status.success() {
        Ok(text)
    } else {
        Err(text)
    }
}

const EC: [&str; 4] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

fn request(folder: &Path, key: &[&str]) -> String {
    let mut arguments = vec![
        "req",
        "-new",
        "-nodes",
        "-subj",
        "/CN=request",
        "-keyout",
        "key.pem",
        "-out",
        "csr.pem",
    ];
    arguments.extend(key);
    openssl(folder, &arguments).unwrap();
    std::fs::read_to_string(folder.join("csr.pem")).unwrap()
}
