//! A site that takes money, its two simulated providers, and the worker that runs its jobs.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use yinxin_core::ids::{AccountId, CaseId, ClerkId, OrderId, SiteId};
use yinxin_core::money::{FeeLine, Fen, Method, Standing};
use yinxin_core::time::{Clock, Millis};
use yinxin_services::case_event::{CASE_EVENT_JOB, CaseEvent};
use yinxin_services::job_end::JobEnd;
use yinxin_services::payments::{
    Acknowledgement, Alipay, AlipayMerchant, By, NewOrder, NewRefund, OrderState, PaymentError,
    PaymentView, Payments, Refund, RefundState, Settled, Transfer, Wechat, WechatMerchant,
};
use yinxin_simulators::keys::{AlipayKeys, WechatKeys};
use yinxin_simulators::payer_page::Provider;
use yinxin_simulators::trades::{Pace, PayMode, Trade};
use yinxin_simulators::{alipay, wechat};
use yinxin_store::testing::{TestStore, stores};
use yinxin_store::{jobs, postings};

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

pub struct Desk {
    pub store: TestStore,
    pub site: SiteId,
    pub clock: Arc<TestClock>,
    pub payments: Arc<Payments>,
    pub wechat: Arc<wechat::Wechat>,
    pub alipay: Arc<alipay::Alipay>,
    pub wechat_merchant: WechatMerchant,
    pub alipay_merchant: AlipayMerchant,
    provider_address: std::net::SocketAddr,
    providers: JoinHandle<()>,
    inbox: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.providers.abort();
        self.inbox.abort();
    }
}

/// A finance clerk who is nobody's applicant.
pub fn clerk() -> By {
    By::clerk(&ClerkId::generate(), "林财务")
}

/// One desk on each database.
pub async fn desks() -> Vec<Desk> {
    let mut desks = Vec::new();
    for store in stores().await {
        desks.push(desk(store).await);
    }
    desks
}

/// Keys are made once for all tests: the providers keep their trades elsewhere.
fn keys(folder: &std::path::Path) {
    let made = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("payment-keys");
    WechatKeys::load_or_create(&made).unwrap();
    AlipayKeys::load_or_create(&made).unwrap();
    for provider in ["wechat", "alipay"] {
        std::fs::create_dir_all(folder.join(provider)).unwrap();
        for entry in std::fs::read_dir(made.join(provider)).unwrap() {
            let file = entry.unwrap().path();
            if file
                .extension()
                .is_some_and(|kind| kind == "key" || kind == "pub")
            {
                std::fs::copy(&file, folder.join(provider).join(file.file_name().unwrap()))
                    .unwrap();
            }
        }
    }
}

async fn desk(store: TestStore) -> Desk {
    let folder = tempfile::tempdir().unwrap();
    keys(folder.path());
    let pace = Pace {
        retries: [50, 100, 200, 400].map(Duration::from_millis).to_vec(),
        delay: Duration::from_millis(100),
        refund: Duration::ZERO,
    };
    let wechat = wechat::state_with(folder.path(), pace.clone()).unwrap();
    let alipay = alipay::state_with(folder.path(), pace).unwrap();
    let providers = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let notices = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let provider_address = providers.local_addr().unwrap();
    let provider_url = format!("http://{provider_address}");
    let notice_url = |what: &str| format!("http://{}/{what}", notices.local_addr().unwrap());

    let site = SiteId::parse("jiangxi").unwrap();
    let clock = Arc::new(TestClock::default());
    let mut payments = Payments::new(store.store.clone(), store.sealer.clone(), clock.clone());
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let wechat_merchant = WechatMerchant {
        endpoint: provider_url.parse().unwrap(),
        appid: WechatKeys::APPID.to_owned(),
        mchid: WechatKeys::MCHID.to_owned(),
        merchant_serial: WechatKeys::MERCHANT_SERIAL.to_owned(),
        merchant_key: read("wechat/merchant.key"),
        platform_keys: vec![(
            WechatKeys::PLATFORM_KEY_ID.to_owned(),
            read("wechat/platform.pub"),
        )],
        api_v3_key: read("wechat/apiv3.key").trim().to_owned(),
        notify_url: notice_url("wechat"),
    };
    payments.add_gateway(
        site.clone(),
        Arc::new(Wechat::new(wechat_merchant.clone()).unwrap()),
    );
    let alipay_merchant = AlipayMerchant {
        endpoint: format!("{provider_url}/gateway.do").parse().unwrap(),
        app_id: AlipayKeys::APP_ID.to_owned(),
        seller_id: AlipayKeys::SELLER_ID.to_owned(),
        app_key: read("alipay/app.key"),
        alipay_key: read("alipay/platform.pub"),
        notify_url: notice_url("alipay"),
    };
    payments.add_gateway(
        site.clone(),
        Arc::new(Alipay::new(alipay_merchant.clone()).unwrap()),
    );
    payments.add_transfers(site.clone());
    let payments = Arc::new(payments);
    let inbox = Router::new()
        .route("/{gateway}", post(notice))
        .with_state((payments.clone(), site.clone()));
    let providers = serve_providers(providers, &wechat, &alipay);
    let inbox = tokio::spawn(async move { axum::serve(notices, inbox).await.unwrap() });
    Desk {
        store,
        site,
        clock,
        payments,
        wechat,
        alipay,
        wechat_merchant,
        alipay_merchant,
        provider_address,
        providers,
        inbox,
        _folder: folder,
    }
}

fn serve_providers(
    listener: TcpListener,
    wechat: &Arc<wechat::Wechat>,
    alipay: &Arc<alipay::Alipay>,
) -> JoinHandle<()> {
    let router = wechat::routes(wechat.clone()).merge(alipay::routes(alipay.clone()));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() })
}

async fn notice(
    State((payments, site)): State<(Arc<Payments>, SiteId)>,
    Path(gateway): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let method = if gateway == "wechat" {
        Method::Wechat
    } else {
        Method::Alipay
    };
    let answer = match payments
        .receive_notification(&site, method, &headers, &body)
        .await
    {
        Ok(answer) => answer,
        Err(PaymentError::Forged(_)) => Acknowledgement::forged(method),
        Err(_) => Acknowledgement::again(method),
    };
    (StatusCode::from_u16(answer.status).unwrap(), answer.body).into_response()
}

impl Desk {
    /// Nobody answers at the providers' address any more.
    pub async fn stop_providers(&mut self) {
        self.providers.abort();
        let _ = (&mut self.providers).await;
    }

    /// They are back at the same address, with what they knew.
    pub async fn start_providers(&mut self) {
        let listener = TcpListener::bind(self.provider_address).await.unwrap();
        self.providers = serve_providers(listener, &self.wechat, &self.alipay);
    }

    pub fn clock_in(&self, seconds: i64) -> Millis {
        self.clock.now().plus(seconds)
    }

    /// An order of 220.00 over `cases` cases, for a day.
    pub async fn order(&self, cases: usize) -> (OrderId, Vec<CaseId>) {
        let cases: Vec<CaseId> = (0..cases).map(|_| CaseId::generate()).collect();
        let new = NewOrder {
            account: AccountId::generate(),
            cases: cases.clone(),
            lines: vec![FeeLine {
                code: "main-key".to_owned(),
                label: "机构数字证书（主锁）".to_owned(),
                quantity: 1,
                amount: 22000,
                case_id: String::new(),
            }],
            methods: vec![Method::Wechat, Method::Alipay, Method::BankTransfer],
            chosen: None,
            expires_at: self.clock.now().plus(24 * 3600),
        };
        let mut tx = self.store.begin().await.unwrap();
        let order = self
            .payments
            .open_order(&mut tx, &self.site, new)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        (order.id, cases)
    }

    /// An order for a day over one case for each amount, which its line names, and a line that all share.
    pub async fn basket(&self, amounts: &[i64], shared: i64) -> (OrderId, Vec<CaseId>) {
        let mut cases = Vec::new();
        let mut lines = Vec::new();
        for amount in amounts.iter().copied().chain([shared]) {
            let case_id = if cases.len() < amounts.len() {
                cases.push(CaseId::generate());
                cases.last().unwrap().to_string()
            } else {
                String::new()
            };
            if amount > 0 {
                lines.push(FeeLine {
                    code: "certificate".to_owned(),
                    label: "企业证书".to_owned(),
                    quantity: 1,
                    amount,
                    case_id,
                });
            }
        }
        let new = NewOrder {
            account: AccountId::generate(),
            cases: cases.clone(),
            lines,
            methods: vec![Method::Wechat, Method::BankTransfer],
            chosen: Some(Method::BankTransfer),
            expires_at: self.clock.now().plus(24 * 3600),
        };
        let mut tx = self.store.begin().await.unwrap();
        let order = self
            .payments
            .open_order(&mut tx, &self.site, new)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        (order.id, cases)
    }

    /// A clerk finds a transfer on the account.
    pub async fn transfer(
        &self,
        order: &OrderId,
        reference: &str,
        amount: i64,
    ) -> Result<Settled, PaymentError> {
        let transfer = Transfer {
            reference,
            amount: Fen(amount),
            payer: "福州某某贸易有限公司",
        };
        let mut tx = self.store.begin().await.unwrap();
        let settled = self
            .payments
            .verify_transfer(&mut tx, &self.site, order, &transfer, &clerk())
            .await?;
        tx.commit().await.unwrap();
        Ok(settled)
    }

    /// A rule asks for a case's money, or somebody for all of it.
    pub async fn refund(
        &self,
        order: &OrderId,
        case: Option<&CaseId>,
        amount: i64,
    ) -> Result<Vec<Refund>, PaymentError> {
        let by = By::host();
        let new = NewRefund {
            order,
            case,
            amount: Fen(amount),
            reason: "申请已撤销",
            by: &by,
        };
        let mut tx = self.store.begin().await.unwrap();
        let refunds = self.payments.refund(&mut tx, &self.site, new).await?;
        tx.commit().await.unwrap();
        Ok(refunds)
    }

    /// A clerk pays a refund out by hand.
    pub async fn by_hand(&self, refund: &str) -> Result<(), PaymentError> {
        let mut tx = self.store.begin().await.unwrap();
        self.payments
            .finish_refund_by_hand(&mut tx, &self.site, refund, "ICBC-OUT", &clerk())
            .await?;
        tx.commit().await.unwrap();
        Ok(())
    }

    /// Refunds in a state, of one order.
    pub async fn refunds(&self, order: &OrderId, state: RefundState) -> Vec<Refund> {
        let all = self.payments.refunds_in(&self.site, state, None, 1000);
        let mut all = all.await.unwrap();
        all.retain(|refund| refund.order == *order);
        all
    }

    /// What happened to an order, in one word each.
    pub async fn history(&self, order: &OrderId) -> Vec<&'static str> {
        let all = self.payments.history(&self.site, order).await.unwrap();
        all.iter().map(|event| event.kind.as_str()).collect()
    }

    pub async fn standing(&self, case: &CaseId) -> (Standing, i64, i64) {
        let mut conn = self.store.read().await.unwrap();
        let status = self.payments.case_status(&mut conn, &self.site, case);
        let status = status.await.unwrap();
        (status.standing, status.total.0, status.refunded.0)
    }

    pub async fn begin(&self, order: &OrderId, method: Method) -> PaymentView {
        self.payments
            .begin_payment(&self.site, order, method)
            .await
            .unwrap()
    }

    /// The payer scans and pays; comes back after the first notification.
    pub async fn pay(&self, payment: &PaymentView, mode: PayMode) -> Trade {
        match payment.method {
            Method::Wechat => {
                let trade = self.wechat.book.find(&payment.code_url).unwrap();
                self.wechat.pay(&trade.out_trade_no, mode).await.unwrap()
            }
            _ => {
                let trade = self.alipay.book.find(&payment.code_url).unwrap();
                self.alipay.pay(&trade.out_trade_no, mode).await.unwrap()
            }
        }
    }

    pub async fn state(&self, order: &OrderId) -> OrderState {
        self.payments
            .order_view(&self.site, order)
            .await
            .unwrap()
            .state
    }

    pub async fn payment_state(
        &self,
        payment: &PaymentView,
    ) -> yinxin_services::payments::PaymentState {
        let mut conn = self.store.read().await.unwrap();
        yinxin_store::payments::get(&mut conn, &self.site, &payment.id)
            .await
            .unwrap()
            .state
    }

    /// Runs what is due, and what becomes due within `seconds`, as the engine's worker does; the events it was told.
    pub async fn work(&self, seconds: i64) -> Vec<CaseEvent> {
        let mut events = Vec::new();
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
                let Some(next) = next else { return events };
                self.clock.advance((next.0 - now.0) / 1000 + 1);
                continue;
            };
            let outcome = if job.kind == CASE_EVENT_JOB {
                events.push(serde_json::from_str(&job.payload).unwrap());
                JobEnd::Done
            } else {
                self.payments
                    .run_job(&job.site, &job.kind, &job.payload)
                    .await
                    .unwrap()
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

    /// What an account of the ledger holds; the books are right.
    pub async fn balance(&self, account: postings::Account) -> Fen {
        let faults = self.payments.check_ledger(&self.site).await.unwrap();
        assert_eq!(faults, [], "{}", self.store.name);
        let mut conn = self.store.read().await.unwrap();
        postings::balance(&mut conn, &self.site, account)
            .await
            .unwrap()
    }
}
