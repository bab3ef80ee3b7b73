//! Tencent Cloud SMS (version 2021-01-11) with the signature TC3-HMAC-SHA256. Every answer has the status 200; errors stand
//! in `Response.Error`, those of one number in its `SendStatusSet` entry.

use super::{
    Answer, Call, Provider, Sms, Text, authorization_part, request_id, sha256_hex,
    templates::Refusal,
};
use crate::misbehave::{Mode, Turn};
use axum::http::StatusCode;
use jiff::{Timestamp, tz::TimeZone};
use ring::hmac;
use serde::Deserialize;
use serde_json::{Value, json};

/// Seconds by which `X-TC-Timestamp` may be away.
const WINDOW: u64 = 300;

/// Numbers in one request.
const NUMBERS: usize = 200;

pub fn answer(sms: &Sms, call: &Call<'_>, turn: &Turn) -> Answer {
    let result = verified(sms, call).and_then(|()| match call.header("x-tc-action") {
        "SendSms" => send(sms, call.body, turn),
        "PullSmsSendStatusByPhoneNumber" => pull(sms, call.body),
        _ => Err((
            "InvalidAction",
            "The request action is not found.".to_owned(),
        )),
    });
    let mut response = match result {
        Ok(response) => response,
        Err((code, message)) => json!({ "Error": { "Code": code, "Message": message } }),
    };
    if let Some(map) = response.as_object_mut() {
        map.insert("RequestId".into(), request_id().into());
    }
    (StatusCode::OK, json!({ "Response": response }))
}

type Refused<'a> = (&'a str, String);

/// Checks scope, date, signed headers and signature.
fn verified(sms: &Sms, call: &Call<'_>) -> Result<(), Refused<'static>> {
    let authorization = call.header("authorization");
    if !authorization.starts_with("TC3-HMAC-SHA256 ") {
        return Err((
            "AuthFailure.InvalidAuthorization",
            "The Authorization header is not TC3.".into(),
        ));
    }
    if call.header("x-tc-version") != "2021-01-11" {
        return Err((
            "NoSuchVersion",
            "The version of the API is not found.".into(),
        ));
    }
    if call.header("x-tc-region").is_empty() {
        return Err((
            "MissingParameter",
            "The request is missing the parameter Region.".into(),
        ));
    }
    let timestamp = call.header("x-tc-timestamp");
    let at = timestamp
        .parse::<i64>()
        .ok()
        .and_then(|second| Timestamp::from_second(second).ok());
    let Some(at) = at.filter(|at| at.as_second().abs_diff(Timestamp::now().as_second()) <= WINDOW)
    else {
        return Err((
            "AuthFailure.SignatureExpire",
            "The signature has expired.".into(),
        ));
    };
    let day = at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d").to_string();
    let scope = format!("{day}/sms/tc3_request");
    let credential = authorization_part(authorization, "Credential");
    let Some((key_id, given_scope)) = credential.split_once('/') else {
        return Err((
            "AuthFailure.InvalidAuthorization",
            "The credential has no scope.".into(),
        ));
    };
    if key_id != crate::secrets::TENCENT_KEY_ID {
        return Err((
            "AuthFailure.SecretIdNotFound",
            "The SecretId is not found.".into(),
        ));
    }
    if given_scope != scope {
        return Err((
            "AuthFailure.SignatureFailure",
            "The scope is not date/sms/tc3_request.".into(),
        ));
    }
    let signed: Vec<&str> = authorization_part(authorization, "SignedHeaders")
        .split(';')
        .collect();
    if !signed.is_sorted()
        || !["content-type", "host"]
            .iter()
            .all(|name| signed.contains(name))
    {
        return Err((
            "AuthFailure.SignatureFailure",
            "content-type and host must be signed.".into(),
        ));
    }
    let canonical = [
        call.method,
        call.path,
        call.query,
        &call.canonical_headers(&signed).to_lowercase(),
        &signed.join(";"),
        &sha256_hex(call.body),
    ]
    .join("\n");
    let to_sign = format!(
        "TC3-HMAC-SHA256\n{timestamp}\n{scope}\n{}",
        sha256_hex(canonical.as_bytes())
    );
    let mut key = format!("TC3{}", sms.secrets.tencent).into_bytes();
    for step in [day.as_str(), "sms", "tc3_request"] {
        key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), step.as_bytes())
            .as_ref()
            .to_vec();
    }
    let given = hex::decode(authorization_part(authorization, "Signature")).unwrap_or_default();
    hmac::verify(
        &hmac::Key::new(hmac::HMAC_SHA256, &key),
        to_sign.as_bytes(),
        &given,
    )
    .map_err(|_| {
        (
            "AuthFailure.SignatureFailure",
            "The signature does not match.".into(),
        )
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct SendSms {
    phone_number_set: Vec<String>,
    sms_sdk_app_id: String,
    template_id: String,
    sign_name: String,
    #[serde(default)]
    template_param_set: Vec<String>,
    #[serde(default)]
    session_context: String,
    #[serde(default, rename = "ExtendCode")]
    _extend_code: String,
    #[serde(default, rename = "SenderId")]
    _sender_id: String,
}

fn send(sms: &Sms, body: &[u8], turn: &Turn) -> Result<Value, Refused<'static>> {
    let request: SendSms =
        serde_json::from_slice(body).map_err(|error| ("InvalidParameter", error.to_string()))?;
    if request.phone_number_set.is_empty() || request.phone_number_set.len() > NUMBERS {
        return Err((
            "InvalidParameterValue.PhoneNumberSet",
            "1 to 200 numbers.".into(),
        ));
    }
    if request.sms_sdk_app_id.is_empty() {
        return Err((
            "UnauthorizedOperation.SmsSdkAppIdVerifyFail",
            "The SmsSdkAppId is empty.".into(),
        ));
    }
    let set: Vec<Value> = request
        .phone_number_set
        .iter()
        .map(|number| send_one(sms, &request, number, turn))
        .collect();
    Ok(json!({ "SendStatusSet": set }))
}

fn send_one(sms: &Sms, request: &SendSms, number: &str, turn: &Turn) -> Value {
    let status = |code: &str, message: &str, serial: &str, fee: u8| {
        json!({
            "SerialNo": serial, "PhoneNumber": number, "Fee": fee, "SessionContext": request.session_context,
            "Code": code, "Message": message, "IsoCode": "CN",
        })
    };
    if turn.mode == Mode::Error {
        return status(
            turn.code_or("InternalError.Timeout"),
            "the control page ordered this error",
            "",
            0,
        );
    }
    let mobile = number.trim_start_matches("+86");
    if mobile.len() != 11
        || !mobile.starts_with('1')
        || !mobile.bytes().all(|byte| byte.is_ascii_digit())
    {
        return status(
            "InvalidParameterValue.IncorrectPhoneNumber",
            "incorrect phone number",
            "",
            0,
        );
    }
    if request.sign_name.is_empty() {
        return status(
            "FailedOperation.SignatureIncorrectOrUnapproved",
            "signature incorrect",
            "",
            0,
        );
    }
    if request.template_id.is_empty()
        || !request
            .template_id
            .bytes()
            .all(|byte| byte.is_ascii_digit())
    {
        return status(
            "FailedOperation.TemplateIncorrectOrUnapproved",
            "template incorrect",
            "",
            0,
        );
    }
    let parameters: Vec<(String, String)> = request
        .template_param_set
        .iter()
        .enumerate()
        .map(|(at, value)| ((at + 1).to_string(), value.clone()))
        .collect();
    let text = match sms
        .templates
        .fill(Provider::Tencent, &request.template_id, &parameters)
    {
        Ok(text) => text,
        Err(Refusal::UnknownTemplate) => {
            return status(
                "FailedOperation.TemplateIncorrectOrUnapproved",
                "template incorrect",
                "",
                0,
            );
        }
        Err(Refusal::WrongParameters) => {
            let code = "FailedOperation.TemplateParamSetNotMatchApprovedTemplate";
            return status(code, "parameters do not match the template", "", 0);
        }
    };
    let serial = request_id();
    let received = Text {
        provider: Provider::Tencent,
        number: serial.clone(),
        reference: request.session_context.clone(),
        mobile: mobile.to_owned(),
        sign: request.sign_name.clone(),
        template: request.template_id.clone(),
        text: format!("【{}】{text}", request.sign_name),
        parameters,
        at: Timestamp::now(),
    };
    sms.deliver(received, turn);
    status("Ok", "send success", &serial, 1)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Pull {
    begin_time: i64,
    #[serde(default)]
    end_time: Option<i64>,
    offset: usize,
    limit: usize,
    phone_number: String,
    #[serde(rename = "SmsSdkAppId")]
    _sms_sdk_app_id: String,
}

/// What was sent to a number in a span of time.
fn pull(sms: &Sms, body: &[u8]) -> Result<Value, Refused<'static>> {
    let request: Pull =
        serde_json::from_slice(body).map_err(|error| ("InvalidParameter", error.to_string()))?;
    if request.limit > 100 {
        return Err(("InvalidParameter", "Limit is at most 100.".into()));
    }
    let mobile = request.phone_number.trim_start_matches("+86");
    let set: Vec<Value> = sms
        .texts()
        .into_iter()
        .filter(|text| text.provider == Provider::Tencent && text.mobile == mobile)
        .filter(|text| {
            let at = text.at.as_second();
            at >= request.begin_time && request.end_time.is_none_or(|end| at <= end)
        })
        .skip(request.offset)
        .take(request.limit)
        .map(|text| {
            json!({
                "UserReceiveTime": text.at.as_second(), "CountryCode": "86", "SubscriberNumber": text.mobile,
                "PhoneNumber": format!("+86{}", text.mobile), "SerialNo": text.number, "ReportStatus": "SUCCESS",
                "Description": "DELIVRD", "SessionContext": text.reference,
            })
        })
        .collect();
    Ok(json!({ "PullSmsSendStatusSet": set }))
}
