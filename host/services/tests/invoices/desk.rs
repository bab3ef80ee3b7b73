//! A site that issues invoices: the simulated office, a mailer that remembers, and the worker that runs the jobs.

use async_trait::async_trait;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;
use yinxin_core::definition::FileFormat;
use yinxin_core::ids::{AccountId, CaseId, ClerkId, InvoiceId, OrderId, SiteId};
use yinxin_core::money::{FeeLine, Fen, Method};
use yinxin_core::time::{Clock, Millis};
use yinxin_services::case_event::{CASE_EVENT_JOB, CaseEvent};
use yinxin_services::invoices::{
    INVOICE_JOB, InvoiceError, InvoiceView, Invoices, Nuonuo, NuonuoAccount, TaxRate,
};
use yinxin_services::job_end::JobEnd;
use yinxin_services::messaging::{Channels, Failure, MAIL_JOB, Mail, Mailer, Messaging};
use yinxin_services::payments::{By, NewOrder, NewRefund, OrderDetails, Payments, Transfer};
use yinxin_services::uploads::{Taken, Upload, UploadError, Uploads};
use yinxin_simulators::invoice::{self, InvoiceOffice};
use yinxin_simulators::secrets::Secrets;
use yinxin_store::blobs::Blobs;
use yinxin_store::order_events::{self, OrderEventKind};
use yinxin_store::testing::{TestStore, stores};
use yinxin_store::{jobs, orders};

/// The system's clock, moved on by tests.
#[derive(Default)]
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Millis {
        Millis(Millis::now().0 + self.0.load(Ordering::SeqCst))
    }
}

/// A mail as it was handed over.
#[derive(Clone, Debug)]
pub struct Letter {
    pub to: String,
    pub subject: String,
    pub body: String,
    pub attachments: Vec<(String, String, Vec<u8>)>,
}

#[derive(Default)]
pub struct Mailbag(Mutex<Vec<Letter>>);

impl Mailbag {
    pub fn letters(&self) -> Vec<Letter> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl Mailer for Mailbag {
    async fn send(&self, mail: &Mail<'_>) -> Result<String, Failure> {
        let attachments = mail.attachments.iter();
        let letter = Letter {
            to: mail.to.to_owned(),
            subject: mail.subject.to_owned(),
            body: mail.body.to_owned(),
            attachments: attachments
                .map(|one| (one.name.clone(), one.media_type.clone(), one.bytes.clone()))
                .collect(),
        };
        self.0.lock().unwrap().push(letter);
        Ok("1".to_owned())
    }
}

pub struct Desk {
    pub store: TestStore,
    pub site: SiteId,
    pub clock: Arc<TestClock>,
    pub payments: Payments,
    pub invoices: Invoices,
    pub uploads: Arc<Uploads>,
    messaging: Arc<Messaging>,
    pub office: Arc<InvoiceOffice>,
    pub account: NuonuoAccount,
    pub mails: Arc<Mailbag>,
    address: std::net::SocketAddr,
    server: JoinHandle<std::io::Result<()>>,
    _folder: tempfile::TempDir,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A finance clerk.
pub fn clerk() -> By {
    By::clerk(&ClerkId::generate(), "林财务")
}

/// One desk on each database, with the office as provider.
pub async fn desks() -> Vec<Desk> {
    let mut desks = Vec::new();
    for store in stores().await {
        let mut desk = desk_without_provider(store).await;
        let provider = desk.nuonuo(desk.account.clone());
        let rate = TaxRate::parse("0.06").unwrap();
        desk.invoices
            .add_provider(desk.site.clone(), Arc::new(provider), rate);
        desks.push(desk);
    }
    desks
}

/// One desk on each database, whose invoices clerks upload.
pub async fn desks_without_provider() -> Vec<Desk> {
    let mut desks = Vec::new();
    for store in stores().await {
        desks.push(desk_without_provider(store).await);
    }
    desks
}

async fn desk_without_provider(store: TestStore) -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let secrets = Secrets::load_or_create(folder.path()).unwrap();
    let office = Arc::new(InvoiceOffice::new(secrets.clone()));
    let any = "127.0.0.1:0".parse().unwrap();
    let (address, server) = yinxin_simulators::serve(any, invoice::routes(office.clone()))
        .await
        .unwrap();
    let account = NuonuoAccount {
        endpoint: format!("http://{address}/open/v1/services")
            .parse()
            .unwrap(),
        token_endpoint: format!("http://{address}/accessToken").parse().unwrap(),
        app_key: invoice::APP_KEY.to_owned(),
        app_secret: secrets.nuonuo.clone(),
        tax_number: invoice::TAX_NUMBER.to_owned(),
        name: invoice::SELLER.to_owned(),
        address: "福州市鼓楼区（示范地址）".to_owned(),
        phone: "0591-88888888".to_owned(),
        clerk: "林开票".to_owned(),
        goods_code: "3040203000000000000".to_owned(),
    };
    let site = SiteId::parse("fujian").unwrap();
    let clock = Arc::new(TestClock::default());
    let (database, sealer) = (store.store.clone(), store.sealer.clone());
    let mut payments = Payments::new(database.clone(), sealer.clone(), clock.clone());
    payments.add_transfers(site.clone());
    let blobs = Blobs::folder(&folder.path().join("blobs"), sealer.clone()).unwrap();
    let uploads = Arc::new(Uploads::new(
        database.clone(),
        sealer.clone(),
        blobs.clone(),
        clock.clone(),
    ));
    let mails = Arc::new(Mailbag::default());
    let channels = Channels {
        sms: None,
        mail: Some(mails.clone()),
    };
    let messaging = Arc::new(Messaging::new(
        database.clone(),
        sealer.clone(),
        clock.clone(),
        Arc::new(blobs),
        [(site.clone(), channels)].into(),
    ));
    let invoices = Invoices::new(
        database,
        sealer,
        clock.clone(),
        uploads.clone(),
        messaging.clone(),
    );
    Desk {
        store,
        site,
        clock,
        payments,
        invoices,
        uploads,
        messaging,
        office,
        account,
        mails,
        address,
        server,
        _folder: folder,
    }
}

impl Desk {
    pub fn nuonuo(&self, account: NuonuoAccount) -> Nuonuo {
        let (store, sealer) = (self.store.store.clone(), self.store.sealer.clone());
        Nuonuo::new(
            account,
            self.site.clone(),
            store,
            sealer,
            self.clock.clone(),
        )
        .unwrap()
    }

    /// Nobody answers at the office's address any more.
    pub async fn close_office(&mut self) {
        self.server.abort();
        let _ = (&mut self.server).await;
    }

    /// It is back at the same address, with what it knew.
    pub async fn open_office(&mut self) {
        let routes = invoice::routes(self.office.clone());
        let (_, server) = yinxin_simulators::serve(self.address, routes)
            .await
            .unwrap();
        self.server = server;
    }

    /// A paid order over cases of these amounts.
    pub async fn paid(&self, amounts: &[i64]) -> (OrderId, Vec<CaseId>) {
        let details = OrderDetails {
            invoice_title: "福建某某建设有限公司".to_owned(),
            tax_number: "91350100M000100Y43".to_owned(),
            invoice_email: "finance@example.com".to_owned(),
            ..OrderDetails::default()
        };
        self.paid_for(amounts, &details).await
    }

    pub async fn paid_for(
        &self,
        amounts: &[i64],
        details: &OrderDetails,
    ) -> (OrderId, Vec<CaseId>) {
        let cases: Vec<CaseId> = amounts.iter().map(|_| CaseId::generate()).collect();
        let line = |(case, amount): (&CaseId, &i64)| FeeLine {
            code: "service".to_owned(),
            label: "数字证书服务费".to_owned(),
            quantity: 1,
            amount: *amount,
            case_id: case.to_string(),
        };
        let new = NewOrder {
            account: AccountId::generate(),
            cases: cases.clone(),
            lines: cases.iter().zip(amounts).map(line).collect(),
            methods: vec![Method::BankTransfer],
            chosen: None,
            expires_at: self.clock.now().plus(24 * 3600),
        };
        let mut tx = self.store.begin().await.unwrap();
        let order = self.payments.open_order(&mut tx, &self.site, new).await;
        let order = order.unwrap();
        orders::set_details(&mut tx, &self.store.sealer, &self.site, &order.id, details)
            .await
            .unwrap();
        let transfer = Transfer {
            reference: &order.number,
            amount: order.total,
            payer: "福建某某建设有限公司",
        };
        self.payments
            .verify_transfer(&mut tx, &self.site, &order.id, &transfer, &clerk())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        (order.id, cases)
    }

    pub async fn ask(&self, order: &OrderId, case: &CaseId) -> Result<(), InvoiceError> {
        let mut tx = self.store.begin().await.unwrap();
        self.invoices.ask(&mut tx, &self.site, order, case).await?;
        tx.commit().await.unwrap();
        Ok(())
    }

    /// A paid order of one case that has asked.
    pub async fn asked(&self) -> (OrderId, CaseId) {
        let (order, cases) = self.paid(&[22000]).await;
        self.ask(&order, &cases[0]).await.unwrap();
        (order, cases[0].clone())
    }

    pub async fn refund(&self, order: &OrderId, case: &CaseId, amount: i64) {
        let by = clerk();
        let new = NewRefund {
            order,
            case: Some(case),
            amount: Fen(amount),
            reason: "撤回申请",
            by: &by,
        };
        let mut tx = self.store.begin().await.unwrap();
        let refunds = self
            .payments
            .refund(&mut tx, &self.site, new)
            .await
            .unwrap();
        for refund in refunds {
            self.payments
                .finish_refund_by_hand(&mut tx, &self.site, &refund.id, "200001", &by)
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
    }

    pub async fn retry(&self, id: &InvoiceId) -> Result<(), InvoiceError> {
        let mut tx = self.store.begin().await.unwrap();
        self.invoices
            .retry(&mut tx, &self.site, id, &clerk())
            .await?;
        tx.commit().await.unwrap();
        Ok(())
    }

    pub async fn take(&self, order: &OrderId, bytes: &[u8]) -> Result<Taken, UploadError> {
        let upload = Upload {
            name: "发票.pdf".to_owned(),
            bytes: bytes.to_vec().into(),
            by: "clerk".to_owned(),
        };
        self.uploads
            .take_of_order(&self.site, order, "电子发票", &[FileFormat::Pdf], upload)
            .await
    }

    pub async fn upload(&self, order: &OrderId, number: &str) -> Result<InvoiceId, InvoiceError> {
        let taken = self.take(order, b"%PDF-1.4\n%%EOF\n").await.unwrap();
        let mut tx = self.store.begin().await.unwrap();
        let id = self
            .invoices
            .upload_by_hand(&mut tx, &self.site, order, number, taken, &clerk())
            .await?;
        tx.commit().await.unwrap();
        Ok(id)
    }

    /// The order's invoices, oldest first.
    pub async fn of(&self, order: &OrderId) -> Vec<InvoiceView> {
        self.invoices.of_order(&self.site, order).await.unwrap()
    }

    /// The order's only invoice.
    pub async fn only(&self, order: &OrderId) -> InvoiceView {
        let [only] = <[_; 1]>::try_from(self.of(order).await).unwrap();
        only
    }

    /// What the order's history says of invoices.
    pub async fn history(&self, order: &OrderId) -> Vec<OrderEventKind> {
        let mut conn = self.store.read().await.unwrap();
        let all = order_events::of_order(&mut conn, &self.site, order)
            .await
            .unwrap();
        all.iter()
            .map(|event| event.kind)
            .filter(|kind| kind.as_str().starts_with("invoice"))
            .collect()
    }

    /// Runs what is due, and what becomes due within `seconds`, as the engine's worker does; the cases that were told
    /// `invoiced`.
    pub async fn work(&self, seconds: i64) -> Vec<CaseId> {
        let mut told = Vec::new();
        let end = self.clock.now().plus(seconds);
        loop {
            let now = self.clock.now();
            let mut tx = self.store.begin().await.unwrap();
            let job = jobs::lease(&mut tx, now, now.plus(60)).await.unwrap();
            tx.commit().await.unwrap();
            let Some(job) = job else {
                let mut conn = self.store.read().await.unwrap();
                let next = jobs::next_due(&mut conn)
                    .await
                    .unwrap()
                    .filter(|next| *next <= end);
                let Some(next) = next else { return told };
                self.clock.advance((next.0 - now.0) / 1000 + 1);
                continue;
            };
            let outcome = match job.kind.as_str() {
                INVOICE_JOB => self
                    .invoices
                    .run_job(&job.site, &job.kind, &job.payload)
                    .await
                    .unwrap(),
                MAIL_JOB => self.messaging.run(&job.site, &job.payload).await.unwrap(),
                CASE_EVENT_JOB => {
                    let event: CaseEvent = serde_json::from_str(&job.payload).unwrap();
                    if event.event == "invoiced" {
                        told.push(event.case_id);
                    }
                    JobEnd::Done
                }
                _ => JobEnd::Done,
            };
            let mut tx = self.store.begin().await.unwrap();
            match outcome {
                JobEnd::Done => jobs::finish(&mut tx, &job.site, &job.id).await.unwrap(),
                JobEnd::Again { at, why } => {
                    jobs::retry(&mut tx, &job.site, &job.id, at, &why)
                        .await
                        .unwrap();
                }
            }
            tx.commit().await.unwrap();
        }
    }
}
