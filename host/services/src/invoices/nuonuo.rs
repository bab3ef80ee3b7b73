//! Nuonuo's open platform 诺诺开放平台, product 诺税通 SaaS, which issues fully digital invoices (数电票).
//!
//! Derived from third-party clients and from copies of the platform's documents on GitHub; there was no account to try it
//! with, so nothing of it has met the original:
//!
//! - Envelope, headers and signature (`POST …/open/v1/services?senid&nonce&timestamp&appkey`; `X-Nuonuo-Sign` is
//!   base64(HMAC-SHA1) over `a=services&l=v1&p=open&k=…&i=…&n=…&t=…&f=<body>`): the same in clients in Go, PHP, Python
//!   and Java. Access token (`client_credentials`, a day long, fifty in thirty days): axolo/node-nuonuo and a PHP client.
//! - Fields of an invoice and of the answer to a query, with the status codes 2, 20, 21, 22, 24, 3 and 31:
//!   ZUOXIANGE/NuoNuoSdk. `pc` as kind of invoice, `E9106` for a number that was used, `E9500` for one that is not known,
//!   `reInvoice` after a failed seal and a new number after a failed invoice: the tests of an Odoo module.
//! - Red-letter invoices (`saveInvoiceRedConfirm`, `queryInvoiceRedConfirm`, status 01 to 16): copies of both documents.
//!
//! Not verified: what a repeated `billId` is answered with (we ask whether it is known), which further codes mean "not
//! now" (all but `E9…` are taken so), the greatest length of `orderNo` (documents say 20 and 64; ours has 20), whether a
//! red-letter invoice that needs no confirmation really follows by itself in every province, and the hosts that PDFs come
//! from (any is accepted over HTTPS).
//!
//! Why not the methods `nuonuo.ElectronInvoice.*` with the same envelope: they order invoices of the tax-control disk,
//! which fully digital ones have replaced, and their red-letter invoices need a code that these do not have.

mod answers;
pub mod outside;
mod token;

use super::provider::{
    InvoiceOrder, InvoiceProvider, ProviderError, RedLetter, RedStanding, Standing,
};
use super::wire::{ANSWER_LIMIT, ask, client};
use crate::uploads::ORDER_FILE_BYTES;
use answers::Answer;
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Client;
use ring::hmac;
use serde_json::{Value, json};
use std::sync::Arc;
use token::Tokens;
use url::Url;
use yinxin_core::ids::SiteId;
use yinxin_core::time::{Clock, Millis};
use yinxin_store::Store;
use yinxin_store::seal::Sealer;

const ISSUE: &str = "nuonuo.OpeMplatform.requestBillingNew";
const QUERY: &str = "nuonuo.OpeMplatform.queryInvoiceResult";
const SEAL_AGAIN: &str = "nuonuo.OpeMplatform.reInvoice";
const RED: &str = "nuonuo.OpeMplatform.saveInvoiceRedConfirm";
const QUERY_RED: &str = "nuonuo.OpeMplatform.queryInvoiceRedConfirm";

/// Kind of invoice: 电子发票（普通发票）.
const ORDINARY: &str = "pc";
/// Reason of a red-letter invoice: the service ended.
const SERVICE_ENDED: &str = "3";

/// A CA's account and what stands on its invoices.
#[derive(Clone)]
pub struct NuonuoAccount {
    /// `https://sdk.nuonuo.com/open/v1/services`
    pub endpoint: Url,
    /// `https://open.nuonuo.com/accessToken`
    pub token_endpoint: Url,
    pub app_key: String,
    pub app_secret: String,
    /// The CA's own.
    pub tax_number: String,
    /// As registered with the tax office.
    pub name: String,
    pub address: String,
    pub phone: String,
    /// Who issues 开票员: the name of the person whose tax office login the platform uses.
    pub clerk: String,
    /// 19 digits of the tax classification 税收分类编码.
    pub goods_code: String,
}

pub struct Nuonuo {
    account: NuonuoAccount,
    tokens: Tokens,
    client: Client,
}

impl Nuonuo {
    /// An error when the system's certificates cannot be used.
    pub fn new(
        account: NuonuoAccount,
        site: SiteId,
        store: Store,
        sealer: Arc<Sealer>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, reqwest::Error> {
        let client = client()?;
        let tokens = Tokens {
            site,
            store,
            sealer,
            clock,
            client: client.clone(),
            endpoint: account.token_endpoint.clone(),
            app_key: account.app_key.clone(),
            app_secret: account.app_secret.clone(),
        };
        Ok(Self {
            account,
            tokens,
            client,
        })
    }

    /// One signed call.
    async fn call(&self, method: &str, content: &Value) -> Result<Answer, ProviderError> {
        let token = self.tokens.get().await?;
        let body = content.to_string();
        let serial = uuid::Uuid::new_v4().simple().to_string();
        let nonce = nonce(&serial);
        let timestamp = jiff::Timestamp::now().as_second().to_string();
        let mut url = self.account.endpoint.clone();
        url.query_pairs_mut()
            .append_pair("senid", &serial)
            .append_pair("nonce", &nonce)
            .append_pair("timestamp", &timestamp)
            .append_pair("appkey", &self.account.app_key);
        let to_sign = to_sign(
            &url,
            &self.account.app_key,
            [&serial, &nonce, &timestamp],
            &body,
        );
        let request = self
            .client
            .post(url)
            .header("content-type", "application/json; charset=UTF-8")
            .header("x-nuonuo-sign", sign(&self.account.app_secret, &to_sign))
            .header("accesstoken", &token.token)
            .header("usertax", &self.account.tax_number)
            .header("method", method)
            .body(body);
        let answer = Answer::read(&ask(request, ANSWER_LIMIT).await?)?;
        if answer.is_about_credentials() {
            self.tokens.give_up(&token).await?;
            let why = format!(
                "开票服务的账户凭证不对，请管理员检查配置（{}）",
                answer.in_words()
            );
            return Err(ProviderError::Unreachable(why));
        }
        Ok(answer)
    }

    /// The invoice under our number or the provider's, blue or red.
    async fn find(&self, content: &Value) -> Result<Option<Value>, ProviderError> {
        let answer = self.call(QUERY, content).await?;
        if answer.is_unknown() {
            return Ok(None);
        }
        let found = answer.successful()?.first();
        let ours = found.filter(|found| {
            let seller = answers::text(found, "salerTaxNum");
            seller.is_empty() || seller == self.account.tax_number
        });
        Ok(ours)
    }
}

/// Eight digits, from what is random anyway.
fn nonce(serial: &str) -> String {
    let number = u64::from_str_radix(serial.get(..12).unwrap_or_default(), 16).unwrap_or(0);
    (10_000_000 + number % 90_000_000).to_string()
}

/// What is signed: the path's three parts from the last to the first, then the envelope and the body.
fn to_sign(url: &Url, app_key: &str, envelope: [&str; 3], body: &str) -> String {
    let mut parts = url.path_segments().into_iter().flatten();
    let (p, l, a) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let [serial, nonce, timestamp] = envelope;
    format!("a={a}&l={l}&p={p}&k={app_key}&i={serial}&n={nonce}&t={timestamp}&f={body}")
}

fn sign(secret: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

/// `2026-11-20 18:05:00` in China.
fn china_second(at: Millis) -> String {
    let instant = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    jiff::tz::Offset::constant(8)
        .to_datetime(instant)
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

#[async_trait]
impl InvoiceProvider for Nuonuo {
    fn name(&self) -> &'static str {
        "nuonuo"
    }

    async fn issue(&self, order: &InvoiceOrder<'_>) -> Result<(), ProviderError> {
        let lines: Vec<Value> = order
            .lines
            .iter()
            .map(|line| {
                json!({
                    "goodsName": line.name,
                    "goodsCode": self.account.goods_code,
                    "withTaxFlag": "1",
                    "price": line.price.to_string(),
                    "num": line.quantity.to_string(),
                    "taxRate": order.rate.to_string(),
                    "taxExcludedAmount": line.without_tax.to_string(),
                    "tax": line.tax.to_string(),
                    "taxIncludedAmount": line.amount.to_string(),
                    "invoiceLineProperty": "0",
                })
            })
            .collect();
        let content = json!({ "order": {
            "orderNo": order.number,
            "invoiceDate": china_second(order.at),
            "invoiceType": "1",
            "invoiceLine": ORDINARY,
            "buyerName": order.buyer.title,
            "buyerTaxNum": order.buyer.tax_number,
            "salerTaxNum": self.account.tax_number,
            "salerTel": self.account.phone,
            "salerAddress": self.account.address,
            "clerk": self.account.clerk,
            "remark": order.remark,
            // We mail it ourselves: nobody's address has to leave the house for it.
            "pushMode": "-1",
            "invoiceDetail": lines,
        }});
        let answer = self.call(ISSUE, &content).await?;
        if answer.is_repeated() {
            return Ok(());
        }
        answer.successful().map(|_| ())
    }

    async fn query(&self, number: &str) -> Result<Standing, ProviderError> {
        let content = json!({ "orderNos": [number], "isOfferInvoiceDetail": "0" });
        let Some(found) = self.find(&content).await? else {
            return Ok(Standing::Unknown);
        };
        if answers::text(&found, "orderNo") != number {
            return Err(ProviderError::Malformed("答的是另一张发票"));
        }
        if answers::text(&found, "status") == answers::SEAL_FAILED {
            let again = json!({ "fpqqlsh": answers::text(&found, "serialNo"), "orderno": number });
            self.call(SEAL_AGAIN, &again).await?;
            return Ok(Standing::Working("签章失败，已请求重新签章".to_owned()));
        }
        answers::standing(&found)
    }

    async fn void(&self, red: &RedLetter<'_>) -> Result<(), ProviderError> {
        let content = json!({
            "billId": red.number,
            "applySource": "0",
            "blueInvoiceLine": ORDINARY,
            "blueElecInvoiceNumber": red.invoice,
            "sellerTaxNo": self.account.tax_number,
            "sellerName": self.account.name,
            "buyerTaxNo": red.buyer.tax_number,
            "buyerName": red.buyer.title,
            "redReason": SERVICE_ENDED,
        });
        let refused = match self.call(RED, &content).await?.successful() {
            Err(error @ ProviderError::Refused(_)) => error,
            other => return other.map(|_| ()),
        };
        // A number that it knows was taken before, and its answer lost.
        match self.query_void(red.number).await? {
            RedStanding::Unknown => Err(refused),
            _ => Ok(()),
        }
    }

    async fn query_void(&self, number: &str) -> Result<RedStanding, ProviderError> {
        let content = json!({ "identity": "0", "billId": number });
        let answer = self.call(QUERY_RED, &content).await?;
        if answer.is_unknown() {
            return Ok(RedStanding::Unknown);
        }
        let Some(request) = answer.successful()?.listed(number) else {
            return Ok(RedStanding::Unknown);
        };
        let serial = match answers::red_request(&request) {
            Ok(serial) => serial,
            Err(standing) => return Ok(standing),
        };
        let content = json!({ "serialNos": [serial], "isOfferInvoiceDetail": "0" });
        match self.find(&content).await? {
            Some(red) => answers::red_standing(&red),
            None => Ok(RedStanding::Working("红字发票开具中".to_owned())),
        }
    }

    async fn download(&self, address: &str) -> Result<Vec<u8>, ProviderError> {
        let url = Url::parse(address).map_err(|_| ProviderError::Malformed("PDF 地址"))?;
        if url.scheme() != "https" && url.origin() != self.account.endpoint.origin() {
            return Err(ProviderError::Malformed("PDF 地址不是 https"));
        }
        let limit = usize::try_from(ORDER_FILE_BYTES).unwrap_or(usize::MAX);
        ask(self.client.get(url), limit).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_to_sign_names_the_path_backwards() {
        let url = Url::parse("https://sdk.nuonuo.com/open/v1/services?senid=1").unwrap();
        let text = to_sign(&url, "SD1", ["1", "10000000", "1500000000"], "{}");
        assert_eq!(
            text,
            "a=services&l=v1&p=open&k=SD1&i=1&n=10000000&t=1500000000&f={}"
        );
        // printf '<text>' | openssl dgst -sha1 -hmac secret -binary | base64
        assert_eq!(sign("secret", &text), "jnFTsJpC2J1kBDNumGE2h1zTFMw=");
    }

    #[test]
    fn a_nonce_has_eight_digits() {
        for serial in ["000000000000ffff", "ffffffffffffffff", ""] {
            assert_eq!(nonce(serial).len(), 8);
        }
    }
}
