//! WeChat's simulator on a port of this machine, and a payer in front of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use yinxin_services::payments::{Gateway, Wechat, WechatMerchant};
use yinxin_simulators::keys::WechatKeys;
use yinxin_simulators::payer_page::Provider;
use yinxin_simulators::trades::{Pace, PayMode};
use yinxin_simulators::wechat;

pub struct Till {
    provider: Arc<wechat::Wechat>,
    address: String,
    server: JoinHandle<()>,
    keys: PathBuf,
}

impl Till {
    pub async fn open() -> Self {
        // Making keys takes seconds: once for all tests.
        let keys = Path::new(env!("CARGO_TARGET_TMPDIR")).join("payment-keys");
        WechatKeys::load_or_create(&keys).unwrap();
        let pace = Pace {
            retries: vec![Duration::from_millis(50)],
            delay: Duration::from_millis(50),
            refund: Duration::ZERO,
        };
        let provider = wechat::state_with(&keys, pace).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let routes = wechat::routes(provider.clone());
        Self {
            provider,
            address,
            server: tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() }),
            keys,
        }
    }

    pub fn gateway(&self) -> Arc<dyn Gateway> {
        let read = |name: &str| std::fs::read_to_string(self.keys.join(name)).unwrap();
        let merchant = WechatMerchant {
            endpoint: self.address.parse().unwrap(),
            appid: WechatKeys::APPID.to_owned(),
            mchid: WechatKeys::MCHID.to_owned(),
            merchant_serial: WechatKeys::MERCHANT_SERIAL.to_owned(),
            merchant_key: read("wechat/merchant.key"),
            platform_keys: vec![(
                WechatKeys::PLATFORM_KEY_ID.to_owned(),
                read("wechat/platform.pub"),
            )],
            api_v3_key: read("wechat/apiv3.key").trim().to_owned(),
            // Nobody listens: what a page asks itself has to be enough.
            notify_url: "http://127.0.0.1:9/notify".to_owned(),
        };
        Arc::new(Wechat::new(merchant).unwrap())
    }

    /// Somebody scans the order's code and pays; nobody is told.
    pub async fn pay(&self, code: &str) {
        let trade = self.provider.book().find(code).unwrap();
        self.provider
            .pay(&trade.out_trade_no, PayMode::Drop)
            .await
            .unwrap();
    }

    /// The provider is out of reach from now on.
    pub fn close(&self) {
        self.server.abort();
    }
}

impl Drop for Till {
    fn drop(&mut self) {
        self.server.abort();
    }
}
