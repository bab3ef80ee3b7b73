//! Alipay, payment face to face (precreate, QR code), signed with RSA2 and the platform's public key.
//!
//! What is signed is `k=v&…` of the parameters that are not empty, sorted, undecoded. An answer's signature covers the
//! raw substring of its node. Amounts are yuan with two places.

use super::alipay_bill;
use super::gateway::{
    About, Bill, Forged, Gateway, GatewayError, NewTrade, Notification, Receipt, RefundOrder,
    RefundStanding, TradeStanding,
};
use super::rsa_keys::{SigningKey, VerifyingKey};
use super::wechat::MerchantError;
use super::{china_time, wire};
use async_trait::async_trait;
use jiff::civil::Date;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use url::{Url, form_urlencoded};
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::Millis;

/// Characters of a subject.
const SUBJECT_LIMIT: usize = 256;

/// An application at Alipay.
#[derive(Clone)]
pub struct AlipayMerchant {
    /// `https://openapi.alipay.com/gateway.do`
    pub endpoint: Url,
    pub app_id: String,
    /// The merchant's own account number, which notifications name.
    pub seller_id: String,
    /// PEM, or base64 alone as Alipay's tool writes it.
    pub app_key: String,
    /// PEM, or base64 alone as Alipay's console shows it.
    pub alipay_key: String,
    /// Where notifications go.
    pub notify_url: String,
}

pub struct Alipay {
    endpoint: Url,
    app_id: String,
    seller_id: String,
    app_key: SigningKey,
    alipay_key: VerifyingKey,
    notify_url: String,
    client: reqwest::Client,
}

impl Alipay {
    pub fn new(merchant: AlipayMerchant) -> Result<Self, MerchantError> {
        Ok(Self {
            endpoint: merchant.endpoint,
            app_id: merchant.app_id,
            seller_id: merchant.seller_id,
            app_key: SigningKey::read(&merchant.app_key)?,
            alipay_key: VerifyingKey::read(&merchant.alipay_key)?,
            notify_url: merchant.notify_url,
            client: wire::client()?,
        })
    }

    /// Calls `method`; the verified node of the answer, or the provider's refusal.
    async fn call<T: serde::de::DeserializeOwned>(
        &self,
        method: &str,
        content: &Value,
    ) -> Result<T, GatewayError> {
        let content = content.to_string();
        let timestamp = china_time(Millis::now(), "%Y-%m-%d %H:%M:%S");
        let common = [
            ("app_id", self.app_id.as_str()),
            ("charset", "utf-8"),
            ("format", "JSON"),
            ("method", method),
            ("notify_url", &self.notify_url),
            ("sign_type", "RSA2"),
            ("timestamp", &timestamp),
            ("version", "1.0"),
        ];
        let mut signed: BTreeMap<&str, &str> = common.into_iter().collect();
        signed.insert("biz_content", &content);
        let sign = self.app_key.sign(joined(&signed).as_bytes());
        let mut url = self.endpoint.clone();
        url.query_pairs_mut()
            .extend_pairs(common)
            .append_pair("sign", &sign);
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("biz_content", &content)
            .finish();
        let request = self
            .client
            .post(url)
            .header(
                "content-type",
                "application/x-www-form-urlencoded;charset=utf-8",
            )
            .body(body);
        let answer = wire::ask(request).await?;
        let node = self.node(method, &answer.body)?;
        serde_json::from_str(node.get()).map_err(|_| GatewayError::Malformed("a node's content"))
    }

    /// The node of an answer, once its signature and its code are good.
    pub(super) fn node(&self, method: &str, body: &[u8]) -> Result<Box<RawValue>, GatewayError> {
        let mut parts: HashMap<String, Box<RawValue>> = serde_json::from_slice(body)
            .map_err(|_| GatewayError::Malformed("an answer that is no JSON"))?;
        let sign = parts
            .remove("sign")
            .and_then(|sign| serde_json::from_str::<String>(sign.get()).ok());
        let name = format!("{}_response", method.replace('.', "_"));
        let node = parts
            .remove(&name)
            .or_else(|| parts.remove("error_response"))
            .ok_or(GatewayError::Malformed("an answer without its node"))?;
        let verified = match &sign {
            Some(sign) if self.alipay_key.verifies(node.get().as_bytes(), sign) => Ok(()),
            Some(_) => Err(Forged::Signature),
            None => Err(Forged::Unsigned),
        };
        let outcome: Outcome = serde_json::from_str(node.get())
            .map_err(|_| GatewayError::Malformed("a node without a code"))?;
        match outcome.code.as_str() {
            "10000" => {
                verified?;
                Ok(node)
            }
            // "Service unavailable", "waiting for the payer" and errors of the system's own.
            "20000" | "10003" => Err(GatewayError::Unreachable(outcome.sub_code)),
            _ if outcome.sub_code == "ACQ.SYSTEM_ERROR" => {
                Err(GatewayError::Unreachable(outcome.sub_code))
            }
            // Said before the provider knows who asks, and therefore unsigned: the operator has to see to it.
            "40002" | "40001" | "40006" | "20001" => Err(GatewayError::Refused(outcome.sub_code)),
            _ => {
                verified?;
                Err(GatewayError::Refused(outcome.sub_code))
            }
        }
    }
}

/// `k=v&…` of what is not empty, sorted by name.
fn joined<K: AsRef<str> + Ord, V: AsRef<str>>(fields: &BTreeMap<K, V>) -> String {
    let pairs: Vec<String> = fields
        .iter()
        .filter(|(_, value)| !value.as_ref().is_empty())
        .map(|(name, value)| format!("{}={}", name.as_ref(), value.as_ref()))
        .collect();
    pairs.join("&")
}

/// Alipay refuses `/`, `=` and `&` in a subject.
fn subject(text: &str) -> String {
    text.replace(['/', '=', '&'], " ")
        .chars()
        .take(SUBJECT_LIMIT)
        .collect()
}

fn yuan(text: &str) -> Result<Fen, GatewayError> {
    Fen::parse_yuan(text).ok_or(GatewayError::Malformed("an amount"))
}

#[derive(Deserialize)]
struct Outcome {
    code: String,
    #[serde(default)]
    sub_code: String,
}

#[derive(Deserialize)]
struct Precreated {
    out_trade_no: String,
    qr_code: String,
}

#[derive(Deserialize)]
struct Trade {
    out_trade_no: String,
    #[serde(default)]
    trade_no: String,
    trade_status: String,
    #[serde(default)]
    total_amount: String,
    #[serde(default)]
    buyer_logon_id: String,
    /// When money came; only then is it there.
    #[serde(default)]
    send_pay_date: String,
}

#[derive(Deserialize)]
struct Refunded {
    out_trade_no: String,
    #[serde(default)]
    trade_no: String,
    #[serde(default)]
    fund_change: String,
}

#[derive(Deserialize)]
struct RefundQuery {
    #[serde(default)]
    trade_no: String,
    #[serde(default)]
    out_request_no: String,
    #[serde(default)]
    refund_status: String,
    #[serde(default)]
    refund_amount: String,
}

#[derive(Deserialize)]
struct BillPlace {
    bill_download_url: String,
}

const NO_TRADE: &str = "ACQ.TRADE_NOT_EXIST";
const BILL_METHOD: &str = "alipay.data.dataservice.bill.downloadurl.query";

#[async_trait]
impl Gateway for Alipay {
    fn method(&self) -> Method {
        Method::Alipay
    }

    async fn prepare(&self, trade: &NewTrade<'_>) -> Result<String, GatewayError> {
        let content = json!({
            "out_trade_no": trade.out_trade_no,
            "subject": subject(trade.subject),
            "total_amount": trade.amount.to_string(),
            "time_expire": china_time(trade.expires_at, "%Y-%m-%d %H:%M:%S"),
        });
        let answer: Precreated = self.call("alipay.trade.precreate", &content).await?;
        if answer.out_trade_no != trade.out_trade_no {
            return Err(GatewayError::Malformed("another trade than asked for"));
        }
        Ok(answer.qr_code)
    }

    async fn query(&self, out_trade_no: &str) -> Result<TradeStanding, GatewayError> {
        let answer = self
            .call::<Trade>("alipay.trade.query", &json!({"out_trade_no": out_trade_no}))
            .await;
        let trade = match answer {
            // A trade comes into being when its code is scanned.
            Err(GatewayError::Refused(code)) if code == NO_TRADE => {
                return Ok(TradeStanding::Unpaid);
            }
            answer => answer?,
        };
        if trade.out_trade_no != out_trade_no {
            return Err(GatewayError::Malformed("another trade than asked for"));
        }
        match trade.trade_status.as_str() {
            "WAIT_BUYER_PAY" => Ok(TradeStanding::Unpaid),
            "TRADE_CLOSED" if trade.send_pay_date.is_empty() => Ok(TradeStanding::Closed),
            "TRADE_CLOSED" => Ok(TradeStanding::Refunded),
            "TRADE_SUCCESS" | "TRADE_FINISHED" => Ok(TradeStanding::Paid(Receipt {
                transaction: trade.trade_no,
                amount: yuan(&trade.total_amount)?,
                payer: trade.buyer_logon_id,
            })),
            _ => Err(GatewayError::Malformed("a trade's status")),
        }
    }

    async fn close(&self, out_trade_no: &str) -> Result<(), GatewayError> {
        self.call::<Value>("alipay.trade.close", &json!({"out_trade_no": out_trade_no}))
            .await
            .map(|_| ())
    }

    async fn refund(&self, order: &RefundOrder<'_>) -> Result<RefundStanding, GatewayError> {
        let content = json!({
            "out_trade_no": order.out_trade_no,
            "out_request_no": order.out_refund_no,
            "refund_amount": order.amount.to_string(),
            "refund_reason": subject(order.reason),
        });
        match self.call::<Refunded>("alipay.trade.refund", &content).await {
            Ok(answer) if answer.out_trade_no != order.out_trade_no => {
                Err(GatewayError::Malformed("another trade than asked for"))
            }
            // Code 10000 alone is not the end: money moved only where it says so.
            Ok(answer) if answer.fund_change == "Y" => Ok(RefundStanding::Done(answer.trade_no)),
            Ok(_) => Ok(RefundStanding::Processing),
            Err(GatewayError::Refused(code)) => Ok(RefundStanding::Failed(code)),
            Err(error) => Err(error),
        }
    }

    async fn query_refund(&self, order: &RefundOrder<'_>) -> Result<RefundStanding, GatewayError> {
        let content =
            json!({"out_trade_no": order.out_trade_no, "out_request_no": order.out_refund_no});
        let answer: RefundQuery = self
            .call("alipay.trade.fastpay.refund.query", &content)
            .await?;
        if answer.out_request_no != order.out_refund_no || answer.refund_status != "REFUND_SUCCESS"
        {
            return Ok(RefundStanding::Unknown);
        }
        if yuan(&answer.refund_amount)? != order.amount {
            return Err(GatewayError::Malformed(
                "another amount than was to go back",
            ));
        }
        Ok(RefundStanding::Done(answer.trade_no))
    }

    async fn bill(&self, day: Date) -> Result<Bill, GatewayError> {
        let content = json!({"bill_type": "trade", "bill_date": day.to_string()});
        let place: BillPlace = match self.call(BILL_METHOD, &content).await {
            Err(GatewayError::Refused(code)) if code == "isp.bill_not_exist" => {
                return Ok(Bill::Absent { sure: false });
            }
            place => place?,
        };
        let address = alipay_bill::address(&place.bill_download_url)?;
        wire::vouched(&address, &self.endpoint)?;
        let answer = wire::ask_for_bill(self.client.get(address)).await?;
        if answer.status != 200 {
            return Err(GatewayError::Refused(format!("status {}", answer.status)));
        }
        alipay_bill::read(answer.body, &self.seller_id).map(Bill::Ready)
    }

    fn verify_notification(&self, _: &HeaderMap, body: &[u8]) -> Result<Notification, Forged> {
        let mut fields: BTreeMap<String, String> =
            form_urlencoded::parse(body).into_owned().collect();
        let sign = fields.remove("sign").ok_or(Forged::Unsigned)?;
        // Unlike in requests, the kind of signature is not part of what is signed.
        if fields
            .remove("sign_type")
            .is_some_and(|kind| kind != "RSA2")
        {
            return Err(Forged::Signature);
        }
        if !self.alipay_key.verifies(joined(&fields).as_bytes(), &sign) {
            return Err(Forged::Signature);
        }
        let mut field = |name: &str| fields.remove(name).unwrap_or_default();
        if field("app_id") != self.app_id || field("seller_id") != self.seller_id {
            return Err(Forged::Merchant);
        }
        let id = field("notify_id");
        let (trade, refund) = (field("out_trade_no"), field("out_biz_no"));
        let is_refund = !field("refund_fee").is_empty() && !refund.is_empty();
        let about = match field("trade_status").as_str() {
            _ if is_refund => About::Refund {
                number: refund,
                trade,
            },
            "TRADE_SUCCESS" | "TRADE_FINISHED" => About::Trade(trade),
            "TRADE_CLOSED" => About::Closed(trade),
            _ => About::Other,
        };
        if id.is_empty() {
            Err(Forged::Form)
        } else {
            Ok(Notification { id, about })
        }
    }
}

#[cfg(test)]
#[path = "alipay_tests.rs"]
mod tests;
