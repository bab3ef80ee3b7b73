//! The provider of invoices on the wire: the simulated Nuonuo on a port of this machine, and the host's client for it.

use crate::sites::Invoicing;
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinHandle;
use yinxin_core::ids::SiteId;
use yinxin_core::time::Clock;
use yinxin_services::invoices::{Nuonuo, NuonuoAccount};
use yinxin_simulators::invoice::{self, InvoiceOffice, Stage};
use yinxin_simulators::secrets::Secrets;
use yinxin_store::Store;
use yinxin_store::seal::Sealer;

/// Access tokens after which the next month begins; a month has fifty.
const MANY_TOKENS: usize = 40;

pub struct Office {
    office: Arc<InvoiceOffice>,
    account: NuonuoAccount,
    server: JoinHandle<std::io::Result<()>>,
}

impl Drop for Office {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Office {
    pub async fn open(folder: &Path, site: &Invoicing) -> Self {
        let secrets = Secrets::load_or_create(folder).unwrap();
        let office = Arc::new(InvoiceOffice::new(secrets.clone()));
        let any = "127.0.0.1:0".parse().unwrap();
        let (address, server) = yinxin_simulators::serve(any, invoice::routes(office.clone()))
            .await
            .unwrap();
        let at = |path: &str| format!("http://{address}/{path}").parse().unwrap();
        let account = NuonuoAccount {
            endpoint: at("open/v1/services"),
            token_endpoint: at("accessToken"),
            app_key: invoice::APP_KEY.to_owned(),
            app_secret: secrets.nuonuo.clone(),
            tax_number: invoice::TAX_NUMBER.to_owned(),
            name: invoice::SELLER.to_owned(),
            address: "福州市鼓楼区（示范地址）".to_owned(),
            phone: "0591-88888888".to_owned(),
            clerk: "林开票".to_owned(),
            goods_code: site.goods_code.clone(),
        };
        Self {
            office,
            account,
            server,
        }
    }

    /// The host's client.
    pub fn client(
        &self,
        site: &SiteId,
        store: &Store,
        sealer: &Arc<Sealer>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Nuonuo> {
        let (account, site) = (self.account.clone(), site.clone());
        Arc::new(Nuonuo::new(account, site, store.clone(), sealer.clone(), clock).unwrap())
    }

    /// Each day of the host's costs a token, and many of them pass in an hour of the office's.
    pub fn turn_the_page(&self) {
        if self.office.tokens_given() > MANY_TOKENS {
            self.office.next_month();
        }
    }

    /// What it has issued, or is about to, under numbers that begin so: fen, below zero for a red-letter invoice.
    pub fn under(&self, order: &str) -> Vec<i64> {
        let all = self.office.invoices().into_iter();
        all.filter(|one| one.order_no.starts_with(order) && one.stage != Stage::Failed)
            .map(|one| one.amount)
            .collect()
    }
}
