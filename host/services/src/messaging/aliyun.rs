//! Aliyun SMS: `dysmsapi`, version 2017-05-25, signed with ACS3-HMAC-SHA256 (Aliyun's "V3 request body and signature
//! mechanism"). Parameters stand in the query, the body is empty.

use super::channel::{Failure, Sms, SmsProvider};
use super::wire::{ask, authority, client, hmac_sha256, sha256_hex, text};
use async_trait::async_trait;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Client;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use url::Url;
use yinxin_core::time::Millis;

/// RFC 3986: unreserved characters stand as they are.
const RFC3986: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A CA's account with Aliyun.
#[derive(Clone)]
pub struct AliyunAccount {
    /// `https://dysmsapi.aliyuncs.com/`
    pub endpoint: Url,
    pub key_id: String,
    pub key_secret: String,
    /// The registered signature, without brackets.
    pub sign_name: String,
}

pub struct Aliyun {
    account: AliyunAccount,
    client: Client,
}

type Parameters<'a> = BTreeMap<&'a str, String>;

impl Aliyun {
    /// An error when the system's certificates or random source cannot be used.
    pub fn new(account: AliyunAccount) -> Result<Self, reqwest::Error> {
        Ok(Self {
            account,
            client: client()?,
        })
    }

    /// One call; an error where the answer's code is not `OK`.
    async fn call(&self, action: &str, parameters: &Parameters<'_>) -> Result<Value, Failure> {
        let query = canonical_query(parameters);
        let nonce = uuid::Uuid::new_v4().to_string();
        let date = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let body_hash = sha256_hex(b"");
        // In alphabetical order, as the signature wants them.
        let headers = [
            ("host", authority(&self.account.endpoint)),
            ("x-acs-action", action.to_owned()),
            ("x-acs-content-sha256", body_hash),
            ("x-acs-date", date),
            ("x-acs-signature-nonce", nonce),
            ("x-acs-version", "2017-05-25".to_owned()),
        ];
        let authorization = authorization(&self.account, &query, &headers);
        let mut url = self.account.endpoint.clone();
        url.set_query(Some(&query));
        let mut request = self.client.post(url).header("authorization", authorization);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = ask(request).await?;
        match text(&answer, "/Code") {
            "OK" => Ok(answer),
            code => Err(failure(code)),
        }
    }
}

fn canonical_query(parameters: &Parameters<'_>) -> String {
    let encode = |text: &str| utf8_percent_encode(text, RFC3986).to_string();
    let pairs: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    pairs.join("&")
}

fn authorization(account: &AliyunAccount, query: &str, headers: &[(&str, String)]) -> String {
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let signed = names.join(";");
    let lines: String = headers
        .iter()
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    let path = account.endpoint.path();
    let canonical = format!(
        "POST\n{path}\n{query}\n{lines}\n{signed}\n{}",
        sha256_hex(b"")
    );
    let to_sign = format!("ACS3-HMAC-SHA256\n{}", sha256_hex(canonical.as_bytes()));
    let signature = hex::encode(hmac_sha256(account.key_secret.as_bytes(), &to_sign));
    format!(
        "ACS3-HMAC-SHA256 Credential={},SignedHeaders={signed},Signature={signature}",
        account.key_id
    )
}

/// What a code of Aliyun's means for the message. Codes that are about the message are final; those about the account
/// or the line are not, since a person can put them right.
fn failure(code: &str) -> Failure {
    match code {
        "isv.MOBILE_NUMBER_ILLEGAL" | "isv.MOBILE_COUNT_OVER_LIMIT" => {
            Failure::never("手机号码有误，服务商拒绝发送")
        }
        "isv.BLACK_KEY_CONTROL_LIMIT" | "isv.DENY_IP_RANGE" | "isv.BLACKLIST" => {
            Failure::never(format!("服务商禁止发送这条短信（{code}）"))
        }
        "isv.PARAM_LENGTH_LIMIT" => Failure::never("短信里填入的内容太长，服务商拒绝发送"),
        "isv.BUSINESS_LIMIT_CONTROL" => Failure::again("服务商限制了这个号码的发送次数"),
        "isv.AMOUNT_NOT_ENOUGH" | "isv.OUT_OF_SERVICE" => {
            Failure::again("短信账户余额不足或已停用")
        }
        "SignatureDoesNotMatch"
        | "InvalidAccessKeyId.NotFound"
        | "InvalidAccessKeyId.Inactive"
        | "isp.RAM_PERMISSION_DENY"
        | "NoPermission" => Failure::again(format!(
            "短信账户的密钥或权限不对，请管理员检查配置（{code}）"
        )),
        "InvalidTimeStamp.Expired" => Failure::again("服务器时间与服务商相差过大"),
        _ if code.starts_with("isv.") => Failure::never(format!("服务商拒绝发送（{code}）")),
        "" => Failure::again("短信服务商的答复无法识别"),
        _ => Failure::again(format!("短信服务商暂时不能发送（{code}）")),
    }
}

#[async_trait]
impl SmsProvider for Aliyun {
    fn name(&self) -> &'static str {
        "aliyun"
    }

    async fn send(&self, sms: &Sms<'_>) -> Result<String, Failure> {
        let values: Map<String, Value> = sms
            .parameters
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into()))
            .collect();
        let parameters = Parameters::from([
            ("OutId", sms.id.to_owned()),
            ("PhoneNumbers", sms.mobile.to_owned()),
            ("SignName", self.account.sign_name.clone()),
            ("TemplateCode", sms.template_code.to_owned()),
            ("TemplateParam", Value::Object(values).to_string()),
        ]);
        let answer = self.call("SendSms", &parameters).await?;
        Ok(text(&answer, "/BizId").to_owned())
    }

    /// Asks for the records of the days on which it was tried.
    async fn find(&self, sms: &Sms<'_>) -> Result<Option<String>, Failure> {
        let (first, last) = (sms.queued_at.day(), Millis::now().day());
        let mut days = vec![last];
        if first < last {
            days.push(first);
        }
        for day in days {
            let parameters = Parameters::from([
                ("CurrentPage", "1".to_owned()),
                // The largest page; one number gets at most a few dozen a day.
                ("PageSize", "50".to_owned()),
                ("PhoneNumber", sms.mobile.to_owned()),
                ("SendDate", day.strftime("%Y%m%d").to_string()),
            ]);
            let answer = self.call("QuerySendDetails", &parameters).await?;
            let details = answer
                .pointer("/SmsSendDetailDTOs/SmsSendDetailDTO")
                .and_then(Value::as_array);
            if details.is_some_and(|details| {
                details
                    .iter()
                    .any(|detail| text(detail, "/OutId") == sms.id)
            }) {
                // The records have no BizId; our own number finds it at Aliyun's.
                return Ok(Some(sms.id.to_owned()));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_wrong_stays_wrong_and_an_empty_account_is_filled_again() {
        assert!(!failure("isv.MOBILE_NUMBER_ILLEGAL").again);
        assert!(failure("isv.AMOUNT_NOT_ENOUGH").again);
        assert!(!failure("isv.SOMETHING_NEW").again);
        assert!(failure("Throttling.User").again);
    }
}
