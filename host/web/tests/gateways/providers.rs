//! The payment providers on the wire: simulators on a port of this machine, and the host's clients for them. They lie when
//! they are told to.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use yinxin_core::money::Method;
use yinxin_services::payments::{Alipay, AlipayMerchant, Gateway, Wechat, WechatMerchant};
use yinxin_simulators::bills::Manner;
use yinxin_simulators::keys::{AlipayKeys, WechatKeys};
use yinxin_simulators::lies::Answers;
use yinxin_simulators::payer_page::Provider;
use yinxin_simulators::trades::{Book, Pace, PayMode, Trade};
use yinxin_simulators::{alipay, wechat};

/// Asks or tells a simulator, whichever it is.
macro_rules! at {
    ($providers:expr, $method:expr, $provider:ident => $work:expr) => {
        match $method {
            Method::Wechat => {
                let $provider = &$providers.wechat;
                $work
            }
            Method::Alipay => {
                let $provider = &$providers.alipay;
                $work
            }
            other => panic!("{other:?} has no simulator, so that nothing is known about its lies"),
        }
    };
}

pub struct Providers {
    wechat: Arc<wechat::Wechat>,
    alipay: Arc<alipay::Alipay>,
    merchants: (WechatMerchant, AlipayMerchant),
    server: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Drop for Providers {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Keys are made once for all tests, because it takes seconds; the providers keep their trades elsewhere.
fn keys(folder: &Path) {
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("payment-keys");
    WechatKeys::load_or_create(&made).unwrap();
    AlipayKeys::load_or_create(&made).unwrap();
    for provider in ["wechat", "alipay"] {
        std::fs::create_dir_all(folder.join(provider)).unwrap();
        for entry in std::fs::read_dir(made.join(provider)).unwrap() {
            let file = entry.unwrap().path();
            let is_key = |kind: &std::ffi::OsStr| kind == "key" || kind == "pub";
            if file.extension().is_some_and(is_key) {
                let copy = folder.join(provider).join(file.file_name().unwrap());
                std::fs::copy(&file, copy).unwrap();
            }
        }
    }
}

impl Providers {
    /// `notify`: where a provider of this name tells.
    pub async fn open(notify: impl Fn(&str) -> String, retries: &[Duration]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        keys(folder.path());
        let pace = Pace {
            retries: retries.to_vec(),
            delay: Duration::from_millis(50),
            refund: Duration::ZERO,
        };
        let wechat = wechat::state_with(folder.path(), pace.clone()).unwrap();
        let alipay = alipay::state_with(folder.path(), pace).unwrap();
        // Bills of the day that is not over, so that nobody has to wait for tomorrow.
        let early = Manner {
            ready_hour: -1,
            ..Manner::default()
        };
        wechat.bills.set(early.clone());
        alipay.bills.set(early);

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        let wechat_merchant = WechatMerchant {
            endpoint: address.parse().unwrap(),
            appid: WechatKeys::APPID.to_owned(),
            mchid: WechatKeys::MCHID.to_owned(),
            merchant_serial: WechatKeys::MERCHANT_SERIAL.to_owned(),
            merchant_key: read("wechat/merchant.key"),
            platform_keys: vec![(
                WechatKeys::PLATFORM_KEY_ID.to_owned(),
                read("wechat/platform.pub"),
            )],
            api_v3_key: read("wechat/apiv3.key").trim().to_owned(),
            notify_url: notify("wechat"),
        };
        let alipay_merchant = AlipayMerchant {
            endpoint: format!("{address}/gateway.do").parse().unwrap(),
            app_id: AlipayKeys::APP_ID.to_owned(),
            seller_id: AlipayKeys::SELLER_ID.to_owned(),
            app_key: read("alipay/app.key"),
            alipay_key: read("alipay/platform.pub"),
            notify_url: notify("alipay"),
        };
        let routes = wechat::routes(wechat.clone()).merge(alipay::routes(alipay.clone()));
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self {
            wechat,
            alipay,
            merchants: (wechat_merchant, alipay_merchant),
            server,
            _folder: folder,
        }
    }

    /// The host's clients, one for each provider.
    pub fn gateways(&self) -> [Arc<dyn Gateway>; 2] {
        let (wechat, alipay) = self.merchants.clone();
        [
            Arc::new(Wechat::new(wechat).unwrap()),
            Arc::new(Alipay::new(alipay).unwrap()),
        ]
    }

    pub fn book(&self, method: Method) -> Arc<Book> {
        at!(self, method, provider => provider.book().clone())
    }

    /// How requests about a trade are answered from now on; an empty number: all requests.
    pub fn answer(&self, method: Method, trade: &str, answers: Answers) {
        at!(self, method, provider => provider.lies().set(trade, answers));
    }

    /// Somebody scans and pays, or does as if; comes back after the first notification.
    pub async fn pay(&self, method: Method, trade: &str, mode: PayMode) -> Trade {
        at!(self, method, provider => provider.pay(trade, mode).await.unwrap())
    }

    /// What was held back about a trade is told now: how many letters.
    pub async fn tell(&self, method: Method, trade: &str) -> usize {
        at!(self, method, provider => provider.notifier().release(provider.book(), trade).await)
    }

    /// Somebody gives money back at the provider's own console.
    pub async fn refund_at_console(&self, method: Method, trade: &str, amount: i64) {
        at!(self, method, provider => provider.refund_at_console(trade, amount).await.unwrap());
    }

    /// fen that a provider holds for us, by its own book.
    pub fn held(&self, method: Method) -> i64 {
        let trades = self.book(method).all();
        trades
            .iter()
            .map(|trade| trade.received() - trade.refunded())
            .sum()
    }
}
