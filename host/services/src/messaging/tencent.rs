//! Tencent Cloud SMS, version 2021-01-11, signed with TC3-HMAC-SHA256 (Tencent's "Signature Method v3"): JSON body, key
//! derived from the secret by date, service and `tc3_request`.

use super::channel::{Failure, Sms, SmsProvider};
use super::wire::{ask, authority, client, hmac_sha256, sha256_hex, text};
use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::Client;
use serde_json::{Value, json};
use url::Url;

const CONTENT_TYPE: &str = "application/json; charset=utf-8";

/// A CA's account with Tencent Cloud.
#[derive(Clone)]
pub struct TencentAccount {
    /// `https://sms.tencentcloudapi.com/`
    pub endpoint: Url,
    /// `ap-guangzhou`
    pub region: String,
    pub secret_id: String,
    pub secret_key: String,
    /// SmsSdkAppId of the application.
    pub app_id: String,
    /// The registered signature, without brackets.
    pub sign_name: String,
}

pub struct Tencent {
    account: TencentAccount,
    client: Client,
}

impl Tencent {
    /// An error when the system's certificates or random source cannot be used.
    pub fn new(account: TencentAccount) -> Result<Self, reqwest::Error> {
        Ok(Self {
            account,
            client: client()?,
        })
    }

    /// One call; gives `Response`, or an error where it has one.
    async fn call(&self, action: &str, body: &Value) -> Result<Value, Failure> {
        let body = body.to_string();
        let now = Timestamp::now();
        let host = authority(&self.account.endpoint);
        let authorization = authorization(&self.account, &host, action, &body, now);
        let request = self
            .client
            .post(self.account.endpoint.clone())
            .header("authorization", authorization)
            .header("content-type", CONTENT_TYPE)
            .header("host", host)
            .header("x-tc-action", action)
            .header("x-tc-region", &self.account.region)
            .header("x-tc-timestamp", now.as_second().to_string())
            .header("x-tc-version", "2021-01-11")
            .body(body);
        let mut answer = ask(request).await?;
        match text(&answer, "/Response/Error/Code") {
            "" => answer
                .get_mut("Response")
                .map(Value::take)
                .ok_or_else(|| Failure::again("短信服务商的答复无法识别")),
            code => Err(failure(code)),
        }
    }
}

fn authorization(
    account: &TencentAccount,
    host: &str,
    action: &str,
    body: &str,
    now: Timestamp,
) -> String {
    const SIGNED: &str = "content-type;host;x-tc-action";
    let path = account.endpoint.path();
    let lines = format!(
        "content-type:{CONTENT_TYPE}\nhost:{host}\nx-tc-action:{}\n",
        action.to_lowercase()
    );
    let canonical = format!(
        "POST\n{path}\n\n{lines}\n{SIGNED}\n{}",
        sha256_hex(body.as_bytes())
    );
    let day = now.strftime("%Y-%m-%d").to_string();
    let scope = format!("{day}/sms/tc3_request");
    let to_sign = format!(
        "TC3-HMAC-SHA256\n{}\n{scope}\n{}",
        now.as_second(),
        sha256_hex(canonical.as_bytes())
    );
    let by_day = hmac_sha256(format!("TC3{}", account.secret_key).as_bytes(), &day);
    let by_service = hmac_sha256(&by_day, "sms");
    let key = hmac_sha256(&by_service, "tc3_request");
    let signature = hex::encode(hmac_sha256(&key, &to_sign));
    format!(
        "TC3-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={SIGNED}, Signature={signature}",
        account.secret_id
    )
}

/// What a code of Tencent's means for the message: see [`super::aliyun`].
fn failure(code: &str) -> Failure {
    match code {
        "InvalidParameterValue.IncorrectPhoneNumber" => {
            Failure::never("手机号码有误，服务商拒绝发送")
        }
        "FailedOperation.PhoneNumberInBlacklist" => {
            Failure::never("号码在服务商的黑名单里，对方曾退订短信")
        }
        "FailedOperation.InsufficientBalanceInSmsPackage" => Failure::again("短信套餐余量不足"),
        "AuthFailure.SignatureExpire" => Failure::again("服务器时间与服务商相差过大"),
        "" => Failure::again("短信服务商的答复无法识别"),
        _ if code.starts_with("LimitExceeded") => Failure::again("服务商限制了这个号码的发送次数"),
        _ if code.starts_with("AuthFailure") || code.starts_with("UnauthorizedOperation") => {
            Failure::again(format!(
                "短信账户的密钥或权限不对，请管理员检查配置（{code}）"
            ))
        }
        _ if [
            "FailedOperation",
            "InvalidParameter",
            "MissingParameter",
            "UnsupportedOperation",
        ]
        .iter()
        .any(|prefix| code.starts_with(prefix)) =>
        {
            Failure::never(format!("服务商拒绝发送（{code}）"))
        }
        _ => Failure::again(format!("短信服务商暂时不能发送（{code}）")),
    }
}

#[async_trait]
impl SmsProvider for Tencent {
    fn name(&self) -> &'static str {
        "tencent"
    }

    async fn send(&self, sms: &Sms<'_>) -> Result<String, Failure> {
        let values: Vec<&str> = sms
            .parameters
            .iter()
            .map(|(_, value)| value.as_str())
            .collect();
        let body = json!({
            "PhoneNumberSet": [format!("+86{}", sms.mobile)],
            "SmsSdkAppId": self.account.app_id,
            "SignName": self.account.sign_name,
            "TemplateId": sms.template_code,
            "TemplateParamSet": values,
            "SessionContext": sms.id,
        });
        let answer = self.call("SendSms", &body).await?;
        match text(&answer, "/SendStatusSet/0/Code") {
            "Ok" => Ok(text(&answer, "/SendStatusSet/0/SerialNo").to_owned()),
            code => Err(failure(code)),
        }
    }

    async fn find(&self, sms: &Sms<'_>) -> Result<Option<String>, Failure> {
        // A minute for clocks that differ.
        let begin = sms.queued_at.plus(-60).0.div_euclid(1000);
        let body = json!({
            "PhoneNumber": format!("+86{}", sms.mobile),
            "SmsSdkAppId": self.account.app_id,
            "BeginTime": begin,
            "EndTime": Timestamp::now().as_second(),
            "Offset": 0,
            "Limit": 100,
        });
        let answer = self.call("PullSmsSendStatusByPhoneNumber", &body).await?;
        let set = answer
            .pointer("/PullSmsSendStatusSet")
            .and_then(Value::as_array);
        let ours = set.and_then(|set| {
            set.iter()
                .find(|status| text(status, "/SessionContext") == sms.id)
        });
        Ok(ours.map(|status| text(status, "/SerialNo").to_owned()))
    }
}
