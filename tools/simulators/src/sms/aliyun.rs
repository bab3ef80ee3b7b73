//! Aliyun SMS (`dysmsapi`, version 2017-05-25) with the signature ACS3-HMAC-SHA256. Errors of the protocol have an HTTP
//! status of their own; errors of the business come with 200 and a `Code` that is not `OK`.

use super::{
    Answer, Call, Provider, Sms, Text, authorization_part, request_id, sha256_hex,
    templates::Refusal,
};
use crate::misbehave::{Mode, Turn};
use axum::http::StatusCode;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use ring::hmac;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// RFC 3986: unreserved characters stand as they are.
const RFC3986: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Seconds within which a request's date has to lie, and for which its nonce is remembered.
const WINDOW: u64 = 15 * 60;

/// Characters of one parameter's value; Aliyun's limit for parameters of the kind "other".
const PARAMETER_LIMIT: usize = 35;

pub fn answer(sms: &Sms, call: &Call<'_>, turn: &Turn) -> Answer {
    match verified(sms, call) {
        Err((status, code, message)) => error(status, code, message),
        Ok(parameters) => match call.header("x-acs-action") {
            "SendSms" => (StatusCode::OK, send(sms, &parameters, turn)),
            "QuerySendDetails" => (StatusCode::OK, query(sms, &parameters)),
            _ => error(
                StatusCode::NOT_FOUND,
                "InvalidAction.NotFound",
                "Specified api is not found.",
            ),
        },
    }
}

fn error(status: StatusCode, code: &str, message: &str) -> Answer {
    let body = json!({
        "Code": code, "Message": message, "RequestId": request_id(), "HostId": "dysmsapi.aliyuncs.com",
        "Recommend": "",
    });
    (status, body)
}

type Parameters = BTreeMap<String, String>;
type Refused = (StatusCode, &'static str, &'static str);

/// Checks date, nonce, hash of the body, signed headers and signature; gives the parameters of query and form.
fn verified(sms: &Sms, call: &Call<'_>) -> Result<Parameters, Refused> {
    const BAD: StatusCode = StatusCode::BAD_REQUEST;
    let authorization = call.header("authorization");
    if !authorization.starts_with("ACS3-HMAC-SHA256 ") {
        return Err((
            BAD,
            "MissingParameter",
            "The Authorization header is missing or of another scheme.",
        ));
    }
    if call.header("x-acs-version") != "2017-05-25" {
        return Err((
            BAD,
            "InvalidVersion",
            "Specified parameter Version is not valid.",
        ));
    }
    let date: Timestamp = call.header("x-acs-date").parse().map_err(|_| {
        (
            BAD,
            "InvalidTimeStamp.Format",
            "Specified time stamp or date value is not well formatted.",
        )
    })?;
    let now = Timestamp::now().as_second();
    if date.as_second().abs_diff(now) > WINDOW {
        return Err((
            BAD,
            "InvalidTimeStamp.Expired",
            "Specified time stamp or date value is expired.",
        ));
    }
    if authorization_part(authorization, "Credential") != crate::secrets::ALIYUN_KEY_ID {
        return Err((
            StatusCode::NOT_FOUND,
            "InvalidAccessKeyId.NotFound",
            "Specified access key is not found.",
        ));
    }
    let content_hash = call.header("x-acs-content-sha256");
    if content_hash != sha256_hex(call.body) {
        return Err((
            BAD,
            "SignatureDoesNotMatch",
            "The hash of the body does not match x-acs-content-sha256.",
        ));
    }
    let signed: Vec<&str> = authorization_part(authorization, "SignedHeaders")
        .split(';')
        .collect();
    if !signed.is_sorted()
        || !must_be_signed(call)
            .iter()
            .all(|name| signed.contains(&name.as_str()))
    {
        return Err((
            BAD,
            "IncompleteSignature",
            "host, content-type and every x-acs header must be signed.",
        ));
    }
    let query = pairs(call.query);
    let canonical_query = canonical_query(&query);
    let canonical = [
        call.method,
        call.path,
        &canonical_query,
        &call.canonical_headers(&signed),
        &signed.join(";"),
        content_hash,
    ]
    .join("\n");
    let to_sign = format!("ACS3-HMAC-SHA256\n{}", sha256_hex(canonical.as_bytes()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, sms.secrets.aliyun.as_bytes());
    let given = hex::decode(authorization_part(authorization, "Signature")).unwrap_or_default();
    if hmac::verify(&key, to_sign.as_bytes(), &given).is_err() {
        return Err((
            BAD,
            "SignatureDoesNotMatch",
            "Specified signature does not match our calculation.",
        ));
    }
    let nonce = call.header("x-acs-signature-nonce");
    if nonce.is_empty() {
        return Err((
            BAD,
            "MissingSignatureNonce",
            "SignatureNonce is mandatory for this action.",
        ));
    }
    if !sms.nonces.fresh(nonce, now.unsigned_abs(), 2 * WINDOW) {
        return Err((
            BAD,
            "SignatureNonceUsed",
            "Specified signature nonce was used already.",
        ));
    }
    let form = call
        .header("content-type")
        .starts_with("application/x-www-form-urlencoded");
    let body = if form {
        pairs(&String::from_utf8_lossy(call.body))
    } else {
        Vec::new()
    };
    Ok(query.into_iter().chain(body).collect())
}

/// The headers of this request that its signature has to cover.
fn must_be_signed(call: &Call<'_>) -> Vec<String> {
    let names = call.headers.keys().map(|name| name.as_str().to_owned());
    names
        .filter(|name| name.starts_with("x-acs-") || name == "host" || name == "content-type")
        .collect()
}

fn pairs(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect()
}

fn canonical_query(pairs: &[(String, String)]) -> String {
    let encode = |text: &str| percent_encode(text.as_bytes(), RFC3986).to_string();
    let mut encoded: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    encoded.sort();
    encoded.join("&")
}

fn refusal(code: &str, message: &str) -> Value {
    json!({ "Code": code, "Message": message, "RequestId": request_id() })
}

fn send(sms: &Sms, parameters: &Parameters, turn: &Turn) -> Value {
    let get = |name: &str| parameters.get(name).map(String::as_str).unwrap_or_default();
    let mobile = get("PhoneNumbers");
    if turn.mode == Mode::Error {
        return refusal(
            turn.code_or("isp.SYSTEM_ERROR"),
            "the control page ordered this error",
        );
    }
    if !is_mobile(mobile) {
        return refusal("isv.MOBILE_NUMBER_ILLEGAL", "手机号码格式错误");
    }
    if get("SignName").is_empty() {
        return refusal("isv.SMS_SIGNATURE_ILLEGAL", "短信签名不合法");
    }
    let template = get("TemplateCode");
    if !template.starts_with("SMS_") {
        return refusal("isv.SMS_TEMPLATE_ILLEGAL", "短信模版不合法");
    }
    let Ok(values) = template_parameters(get("TemplateParam")) else {
        return refusal("isv.INVALID_JSON_PARAM", "JSON 参数不合法，只接受字符串值");
    };
    if values
        .iter()
        .any(|(_, value)| value.chars().count() > PARAMETER_LIMIT)
    {
        return refusal("isv.PARAM_LENGTH_LIMIT", "参数超出长度限制");
    }
    let text = match sms.templates.fill(Provider::Aliyun, template, &values) {
        Ok(text) => text,
        Err(Refusal::UnknownTemplate) => {
            return refusal("isv.SMS_TEMPLATE_ILLEGAL", "短信模版不合法");
        }
        Err(Refusal::WrongParameters) => {
            return refusal("isv.TEMPLATE_MISSING_PARAMETERS", "模版缺少变量");
        }
    };
    let number = request_id();
    let received = Text {
        provider: Provider::Aliyun,
        number: number.clone(),
        reference: get("OutId").to_owned(),
        mobile: mobile.to_owned(),
        sign: get("SignName").to_owned(),
        template: template.to_owned(),
        text: format!("【{}】{text}", get("SignName")),
        parameters: values,
        at: Timestamp::now(),
    };
    sms.deliver(received, turn);
    json!({ "Code": "OK", "Message": "OK", "BizId": number, "RequestId": request_id() })
}

fn is_mobile(text: &str) -> bool {
    text.len() == 11 && text.starts_with('1') && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A JSON object of strings and numbers; empty for a text without parameters.
fn template_parameters(text: &str) -> Result<Vec<(String, String)>, ()> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let Ok(Value::Object(map)) = serde_json::from_str(text) else {
        return Err(());
    };
    map.into_iter()
        .map(|(name, value)| match value {
            Value::String(text) => Ok((name, text)),
            Value::Number(number) => Ok((name, number.to_string())),
            _ => Err(()),
        })
        .collect()
}

/// What was sent to a number on a day, newest first.
fn query(sms: &Sms, parameters: &Parameters) -> Value {
    let get = |name: &str| parameters.get(name).map(String::as_str).unwrap_or_default();
    let (mobile, day) = (get("PhoneNumber"), get("SendDate"));
    let size = get("PageSize")
        .parse::<usize>()
        .ok()
        .filter(|size| (1..=50).contains(size));
    let page = get("CurrentPage")
        .parse::<usize>()
        .ok()
        .filter(|page| *page >= 1);
    let (Some(size), Some(page)) = (size, page) else {
        return refusal(
            "isv.INVALID_PARAMETERS",
            "PageSize 为 1 到 50，CurrentPage 从 1 开始",
        );
    };
    let biz = get("BizId");
    let found: Vec<Text> = sms
        .texts()
        .into_iter()
        .rev()
        .filter(|text| text.provider == Provider::Aliyun && text.mobile == mobile)
        .filter(|text| {
            crate::pages::china_day(text.at) == day && (biz.is_empty() || text.number == biz)
        })
        .collect();
    let details: Vec<Value> = found
        .iter()
        .skip((page - 1) * size)
        .take(size)
        .map(|text| {
            json!({
                "OutId": text.reference, "PhoneNum": text.mobile, "Content": text.text,
                "TemplateCode": text.template, "SendStatus": 3, "ErrCode": "DELIVERED",
                "SendDate": crate::pages::china_time(text.at), "ReceiveDate": crate::pages::china_time(text.at),
            })
        })
        .collect();
    json!({
        "Code": "OK", "Message": "OK", "RequestId": request_id(), "TotalCount": found.len(),
        "SmsSendDetailDTOs": { "SmsSendDetailDTO": details },
    })
}
