//! WeChat Pay, API v3, native payment (QR code).
//!
//! Requests are signed over `METHOD\nPATH?QUERY\nTIMESTAMP\nNONCE\nBODY\n`; answers and notifications over
//! `TIMESTAMP\nNONCE\nBODY\n` with the key that `Wechatpay-Serial` names. The resource of a notification is sealed with
//! AES-256-GCM under the APIv3 key. Platform certificates are not fetched: the newer public key, or the certificates
//! that the operator configures, are what is trusted.

use super::gateway::{
    About, Bill, Forged, Gateway, GatewayError, NewTrade, Notification, Receipt, RefundOrder,
    RefundStanding, TradeStanding,
};
use super::rsa_keys::{KeyError, SigningKey, VerifyingKey};
use super::wechat_bill;
use super::wire::{self, Answer};
use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::civil::Date;
use reqwest::header::HeaderMap;
use ring::aead;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use url::Url;
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::Millis;

/// Seconds that the provider's clock and ours may differ.
const WINDOW_SECONDS: u64 = 300;
/// Bytes of a refund's reason.
const REASON_LIMIT: usize = 80;
/// How the ids of platform public keys begin; others are serial numbers of certificates.
const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_";

/// A merchant of WeChat Pay.
#[derive(Clone)]
pub struct WechatMerchant {
    /// `https://api.mch.weixin.qq.com`
    pub endpoint: Url,
    pub appid: String,
    pub mchid: String,
    /// Serial number of the merchant's certificate.
    pub merchant_serial: String,
    /// PEM
    pub merchant_key: String,
    /// Id or serial number, and PEM, of the keys that the provider signs with; the first is asked for.
    pub platform_keys: Vec<(String, String)>,
    /// 32 characters.
    pub api_v3_key: String,
    /// Where notifications go: https, without a query.
    pub notify_url: String,
}

pub struct Wechat {
    endpoint: Url,
    appid: String,
    mchid: String,
    merchant_serial: String,
    merchant_key: SigningKey,
    first_key: String,
    platform_keys: HashMap<String, VerifyingKey>,
    api_v3: aead::LessSafeKey,
    notify_url: String,
    client: reqwest::Client,
}

/// Why a merchant's configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MerchantError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("the HTTP client cannot be made: {0}")]
    Client(#[from] reqwest::Error),
}

impl Wechat {
    pub fn new(merchant: WechatMerchant) -> Result<Self, MerchantError> {
        let mut platform_keys = HashMap::new();
        for (id, pem) in &merchant.platform_keys {
            platform_keys.insert(id.clone(), VerifyingKey::read(pem)?);
        }
        let first_key = merchant
            .platform_keys
            .first()
            .ok_or(KeyError::NoPlatformKey)?
            .0
            .clone();
        let api_v3 = aead::UnboundKey::new(&aead::AES_256_GCM, merchant.api_v3_key.as_bytes())
            .map_err(|_| KeyError::ApiV3)?;
        Ok(Self {
            endpoint: merchant.endpoint,
            appid: merchant.appid,
            mchid: merchant.mchid,
            merchant_serial: merchant.merchant_serial,
            merchant_key: SigningKey::read(&merchant.merchant_key)?,
            first_key,
            platform_keys,
            api_v3: aead::LessSafeKey::new(api_v3),
            notify_url: merchant.notify_url,
            client: wire::client()?,
        })
    }

    /// Calls `path` under the endpoint; the body of a verified answer, or the provider's refusal.
    async fn call(&self, path: &str, body: Option<&Value>) -> Result<Vec<u8>, GatewayError> {
        let url = self
            .endpoint
            .join(path)
            .map_err(|_| GatewayError::Malformed("the endpoint's address"))?;
        let body = body.map(Value::to_string).unwrap_or_default();
        let method = if body.is_empty() {
            reqwest::Method::GET
        } else {
            reqwest::Method::POST
        };
        wire::vouched(&url, &self.endpoint)?;
        let target = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let mut request = self
            .client
            .request(method.clone(), url)
            .header(
                "authorization",
                self.authorization(method.as_str(), &target, &body),
            )
            .header("accept", "application/json");
        if self.first_key.starts_with(PUBLIC_KEY_ID) {
            request = request.header("wechatpay-serial", &self.first_key);
        }
        if !body.is_empty() {
            request = request
                .header("content-type", "application/json")
                .body(body);
        }
        let answer: Answer = wire::ask(request).await?;
        if (200..300).contains(&answer.status) {
            self.verify(&answer.headers, &answer.body, Millis::now())?;
            return Ok(answer.body);
        }
        // Refusals need not be signed, and nothing irrevocable follows from one.
        let refusal: Refusal = serde_json::from_slice(&answer.body).unwrap_or_default();
        match refusal.code.as_str() {
            "" => Err(GatewayError::Malformed("a refusal without a code")),
            "SYSTEM_ERROR" | "SYSTEMERROR" | "BANK_ERROR" | "FREQUENCY_LIMITED"
            | "RATELIMIT_EXCEEDED" => Err(GatewayError::Unreachable(refusal.code)),
            _ => Err(GatewayError::Refused(refusal.code)),
        }
    }

    /// Fetches a bill. The request is signed as all are; the answer is not, the hash vouches for it.
    async fn download(&self, address: &str) -> Result<Vec<u8>, GatewayError> {
        let url =
            Url::parse(address.trim()).map_err(|_| GatewayError::Malformed("a bill's address"))?;
        let target = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let request = self
            .client
            .get(url)
            .header("authorization", self.authorization("GET", &target, ""))
            .header("accept", "application/json");
        let answer = wire::ask_for_bill(request).await?;
        if !(200..300).contains(&answer.status) {
            let refusal: Refusal = serde_json::from_slice(&answer.body).unwrap_or_default();
            return Err(GatewayError::Refused(refusal.code));
        }
        Ok(answer.body)
    }

    fn authorization(&self, method: &str, target: &str, body: &str) -> String {
        let timestamp = Millis::now().0 / 1000;
        let nonce = uuid::Uuid::new_v4().simple().to_string();
        let message = format!("{method}\n{target}\n{timestamp}\n{nonce}\n{body}\n");
        let signature = self.merchant_key.sign(message.as_bytes());
        format!(
            r#"WECHATPAY2-SHA256-RSA2048 mchid="{}",nonce_str="{nonce}",signature="{signature}",timestamp="{timestamp}",serial_no="{}""#,
            self.mchid, self.merchant_serial
        )
    }

    fn verify(&self, headers: &HeaderMap, body: &[u8], now: Millis) -> Result<(), Forged> {
        let header = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        let (timestamp, nonce, signature) = (
            header("wechatpay-timestamp"),
            header("wechatpay-nonce"),
            header("wechatpay-signature"),
        );
        if timestamp.is_empty() || nonce.is_empty() || signature.is_empty() {
            return Err(Forged::Unsigned);
        }
        if signature.starts_with("WECHATPAY/SIGNTEST/") {
            return Err(Forged::Probe);
        }
        if !matches!(
            header("wechatpay-signature-type"),
            "" | "WECHATPAY2-SHA256-RSA2048"
        ) {
            return Err(Forged::Signature);
        }
        let key = self
            .platform_keys
            .get(header("wechatpay-serial"))
            .ok_or(Forged::UnknownKey)?;
        let at: i64 = timestamp.parse().map_err(|_| Forged::Form)?;
        if at.abs_diff(now.0 / 1000) > WINDOW_SECONDS {
            return Err(Forged::Stale);
        }
        let mut message = format!("{timestamp}\n{nonce}\n").into_bytes();
        message.extend_from_slice(body);
        message.push(b'\n');
        if key.verifies(&message, signature) {
            Ok(())
        } else {
            Err(Forged::Signature)
        }
    }

    fn open(&self, resource: &Resource) -> Result<Vec<u8>, Forged> {
        if resource.algorithm != "AEAD_AES_256_GCM" {
            return Err(Forged::Form);
        }
        let nonce = aead::Nonce::try_assume_unique_for_key(resource.nonce.as_bytes())
            .map_err(|_| Forged::Form)?;
        let mut sealed = STANDARD
            .decode(&resource.ciphertext)
            .map_err(|_| Forged::Form)?;
        let aad = aead::Aad::from(resource.associated_data.as_bytes());
        let plain = self
            .api_v3
            .open_in_place(nonce, aad, &mut sealed)
            .map_err(|_| Forged::Sealed)?;
        Ok(plain.to_vec())
    }

    fn notification(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Millis,
    ) -> Result<Notification, Forged> {
        self.verify(headers, body, now)?;
        let envelope: Envelope = serde_json::from_slice(body).map_err(|_| Forged::Form)?;
        let content: Content =
            serde_json::from_slice(&self.open(&envelope.resource)?).map_err(|_| Forged::Form)?;
        if content.mchid != self.mchid {
            return Err(Forged::Merchant);
        }
        let about = match envelope.event_type.split_once('.') {
            Some(("TRANSACTION", _)) if matches!(content.trade_state.as_str(), "" | "SUCCESS") => {
                About::Trade(content.out_trade_no)
            }
            Some(("TRANSACTION", _)) => About::Closed(content.out_trade_no),
            Some(("REFUND", _)) => About::Refund {
                number: content.out_refund_no,
                trade: content.out_trade_no,
            },
            _ => About::Other,
        };
        Ok(Notification {
            id: envelope.id,
            about,
        })
    }

    fn refund_standing(
        answer: &[u8],
        order: &RefundOrder<'_>,
    ) -> Result<RefundStanding, GatewayError> {
        let refund: Refund =
            serde_json::from_slice(answer).map_err(|_| GatewayError::Malformed("a refund"))?;
        if refund.out_refund_no != order.out_refund_no || refund.amount.refund != order.amount.0 {
            return Err(GatewayError::Malformed("another refund than asked for"));
        }
        match refund.status.as_str() {
            "SUCCESS" => Ok(RefundStanding::Done(refund.refund_id)),
            "PROCESSING" => Ok(RefundStanding::Processing),
            // ABNORMAL: the payer's card is void, somebody has to act at the provider's console.
            "ABNORMAL" | "CLOSED" => Ok(RefundStanding::Failed(refund.status)),
            _ => Err(GatewayError::Malformed("a refund's status")),
        }
    }
}

#[derive(Deserialize)]
struct BillPlace {
    hash_type: String,
    hash_value: String,
    download_url: String,
}

#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    code: String,
}

#[derive(Deserialize)]
struct Resource {
    algorithm: String,
    nonce: String,
    ciphertext: String,
    #[serde(default)]
    associated_data: String,
}

#[derive(Deserialize)]
struct Envelope {
    id: String,
    event_type: String,
    resource: Resource,
}

#[derive(Deserialize)]
struct Content {
    mchid: String,
    #[serde(default)]
    out_trade_no: String,
    #[serde(default)]
    trade_state: String,
    #[serde(default)]
    out_refund_no: String,
}

#[derive(Deserialize)]
struct Code {
    code_url: String,
}

#[derive(Deserialize)]
struct Transaction {
    appid: String,
    mchid: String,
    out_trade_no: String,
    trade_state: String,
    #[serde(default)]
    transaction_id: String,
    amount: Option<TransactionAmount>,
    payer: Option<Payer>,
}

#[derive(Deserialize)]
struct TransactionAmount {
    total: i64,
    #[serde(default)]
    currency: String,
}

#[derive(Default, Deserialize)]
struct Payer {
    #[serde(default)]
    openid: String,
}

#[derive(Deserialize)]
struct Refund {
    refund_id: String,
    out_refund_no: String,
    status: String,
    amount: RefundAmount,
}

#[derive(Deserialize)]
struct RefundAmount {
    refund: i64,
}

/// The longest beginning of `text` of at most `limit` bytes.
fn at_most(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

#[async_trait]
impl Gateway for Wechat {
    fn method(&self) -> Method {
        Method::Wechat
    }

    async fn prepare(&self, trade: &NewTrade<'_>) -> Result<String, GatewayError> {
        let body = json!({
            "appid": self.appid,
            "mchid": self.mchid,
            // The documentation counts characters, the service bytes.
            "description": at_most(trade.subject, 127),
            "out_trade_no": trade.out_trade_no,
            "time_expire": china_rfc3339(trade.expires_at),
            "notify_url": self.notify_url,
            "amount": {"total": trade.amount.0, "currency": "CNY"},
        });
        let answer = self
            .call("/v3/pay/transactions/native", Some(&body))
            .await?;
        let code: Code =
            serde_json::from_slice(&answer).map_err(|_| GatewayError::Malformed("a code"))?;
        Ok(code.code_url)
    }

    async fn query(&self, out_trade_no: &str) -> Result<TradeStanding, GatewayError> {
        let path = format!(
            "/v3/pay/transactions/out-trade-no/{out_trade_no}?mchid={}",
            self.mchid
        );
        let answer = match self.call(&path, None).await {
            Err(GatewayError::Refused(code))
                if matches!(code.as_str(), "ORDER_NOT_EXIST" | "ORDERNOTEXIST") =>
            {
                return Ok(TradeStanding::Unpaid);
            }
            answer => answer?,
        };
        let trade: Transaction = serde_json::from_slice(&answer)
            .map_err(|_| GatewayError::Malformed("a transaction"))?;
        if trade.mchid != self.mchid
            || trade.appid != self.appid
            || trade.out_trade_no != out_trade_no
        {
            return Err(GatewayError::Malformed(
                "another transaction than asked for",
            ));
        }
        match trade.trade_state.as_str() {
            "NOTPAY" | "USERPAYING" | "ACCEPT" | "PAYERROR" => Ok(TradeStanding::Unpaid),
            "CLOSED" | "REVOKED" => Ok(TradeStanding::Closed),
            "REFUND" => Ok(TradeStanding::Refunded),
            "SUCCESS" => {
                let amount = trade
                    .amount
                    .ok_or(GatewayError::Malformed("a transaction without an amount"))?;
                if !matches!(amount.currency.as_str(), "" | "CNY") {
                    return Err(GatewayError::Malformed("a transaction in another currency"));
                }
                Ok(TradeStanding::Paid(Receipt {
                    transaction: trade.transaction_id,
                    amount: Fen(amount.total),
                    payer: trade.payer.unwrap_or_default().openid,
                }))
            }
            _ => Err(GatewayError::Malformed("a transaction's state")),
        }
    }

    async fn close(&self, out_trade_no: &str) -> Result<(), GatewayError> {
        let path = format!("/v3/pay/transactions/out-trade-no/{out_trade_no}/close");
        self.call(&path, Some(&json!({"mchid": self.mchid})))
            .await?;
        Ok(())
    }

    async fn refund(&self, order: &RefundOrder<'_>) -> Result<RefundStanding, GatewayError> {
        let body = json!({
            "out_trade_no": order.out_trade_no,
            "out_refund_no": order.out_refund_no,
            "reason": at_most(order.reason, REASON_LIMIT),
            "notify_url": self.notify_url,
            "amount": {"refund": order.amount.0, "total": order.total.0, "currency": "CNY"},
        });
        match self.call("/v3/refund/domestic/refunds", Some(&body)).await {
            Ok(answer) => Self::refund_standing(&answer, order),
            Err(GatewayError::Refused(code)) => Ok(RefundStanding::Failed(code)),
            Err(error) => Err(error),
        }
    }

    async fn query_refund(&self, order: &RefundOrder<'_>) -> Result<RefundStanding, GatewayError> {
        match self
            .call(
                &format!("/v3/refund/domestic/refunds/{}", order.out_refund_no),
                None,
            )
            .await
        {
            Ok(answer) => Self::refund_standing(&answer, order),
            Err(GatewayError::Refused(code)) if code == "RESOURCE_NOT_EXISTS" => {
                Ok(RefundStanding::Unknown)
            }
            Err(error) => Err(error),
        }
    }

    async fn bill(&self, day: Date) -> Result<Bill, GatewayError> {
        let path = format!("/v3/bill/tradebill?bill_date={day}&bill_type=ALL");
        let place: BillPlace = match self.call(&path, None).await {
            Ok(answer) => serde_json::from_slice(&answer)
                .map_err(|_| GatewayError::Malformed("a bill's address"))?,
            Err(GatewayError::Refused(code)) => match code.as_str() {
                "NO_STATEMENT_EXIST" => return Ok(Bill::Absent { sure: true }),
                "STATEMENT_CREATING" => return Ok(Bill::NotYet),
                _ => return Err(GatewayError::Refused(code)),
            },
            Err(error) => return Err(error),
        };
        let file = self.download(&place.download_url).await?;
        wechat_bill::verify(&place.hash_type, &place.hash_value, &file)?;
        wechat_bill::read(&file, &self.mchid).map(Bill::Ready)
    }

    fn verify_notification(
        &self,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Notification, Forged> {
        self.notification(headers, body, Millis::now())
    }
}

/// `2026-11-20T18:05:00+08:00`
fn china_rfc3339(at: Millis) -> String {
    super::china_time(at, "%Y-%m-%dT%H:%M:%S+08:00")
}

#[cfg(test)]
#[path = "wechat_tests.rs"]
mod tests;
