//! What is posted to the addresses of payment providers and of the face check's: before the signature, where nothing may be
//! believed, and behind it, where nothing may break.

use crate::feed::Feed;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue};
use ring::{aead, hmac};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use yinxin_core::time::Millis;
use yinxin_services::identity::{FaceAccount, FaceCheck, HttpFaceCheck};
use yinxin_services::payments::{
    About, Alipay, AlipayMerchant, Gateway, Notification, Wechat, WechatMerchant, outside,
};
use yinxin_simulators::keys::{AlipayKeys, SigningKey, WechatKeys};

const API_V3: &str = "0123456789abcdef0123456789abcdef";
const FACE_KEY: &str = "face";
const FACE_SECRET: &str = "a-secret-of-the-face-check";

/// One key for all providers, made once a process.
struct Desk {
    platform: SigningKey,
    wechat: Wechat,
    alipay: Alipay,
    face: HttpFaceCheck,
}

static DESK: LazyLock<Desk> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let platform = SigningKey::load_or_create(folder.path(), "platform").expect("a key");
    let pem = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("a key");
    let wechat = Wechat::new(WechatMerchant {
        endpoint: "http://127.0.0.1:9".parse().expect("an address"),
        appid: WechatKeys::APPID.to_owned(),
        mchid: WechatKeys::MCHID.to_owned(),
        merchant_serial: WechatKeys::MERCHANT_SERIAL.to_owned(),
        merchant_key: pem("platform.key"),
        platform_keys: vec![(WechatKeys::PLATFORM_KEY_ID.to_owned(), pem("platform.pub"))],
        api_v3_key: API_V3.to_owned(),
        notify_url: "https://ca.example.cn/n".to_owned(),
    });
    let alipay = Alipay::new(AlipayMerchant {
        endpoint: "http://127.0.0.1:9/gateway.do".parse().expect("an address"),
        app_id: AlipayKeys::APP_ID.to_owned(),
        seller_id: AlipayKeys::SELLER_ID.to_owned(),
        app_key: pem("platform.key"),
        alipay_key: pem("platform.pub"),
        notify_url: "https://ca.example.cn/n".to_owned(),
    });
    let face = HttpFaceCheck::new(FaceAccount {
        endpoint: "http://127.0.0.1:9/".parse().expect("an address"),
        key_id: FACE_KEY.to_owned(),
        secret: FACE_SECRET.to_owned(),
    });
    Desk {
        platform,
        wechat: wechat.expect("a merchant"),
        alipay: alipay.expect("a merchant"),
        face: face.expect("an account"),
    }
});

/// The first byte says who speaks and whether he can sign; without a signature, lines of headers come up to a zero.
pub fn notification(bytes: &[u8]) {
    let mut feed = Feed::new(bytes);
    let desk = &*DESK;
    match feed.byte() % 8 {
        0 => {
            let headers = headers(feed.text());
            let believed = desk.wechat.verify_notification(&headers, feed.rest());
            assert!(believed.is_err(), "believed without a signature");
        }
        1 => {
            let body = feed.rest();
            is_sound(desk.wechat.verify_notification(&desk.signed(body), body));
        }
        2 => {
            let body = sealed(feed.text(), feed.rest());
            is_sound(desk.wechat.verify_notification(&desk.signed(&body), &body));
        }
        3 => {
            let believed = desk
                .alipay
                .verify_notification(&HeaderMap::new(), feed.rest());
            assert!(believed.is_err(), "believed without a signature");
        }
        4 => {
            let body = desk.signed_form(feed.rest());
            is_sound(
                desk.alipay
                    .verify_notification(&HeaderMap::new(), body.as_bytes()),
            );
        }
        5 => {
            let node = String::from_utf8_lossy(feed.rest());
            let sign = STANDARD.encode(desk.platform.sign(node.as_bytes()).expect("signed"));
            let answer = format!(r#"{{"alipay_trade_query_response":{node},"sign":"{sign}"}}"#);
            let found =
                outside::alipay_answer(&desk.alipay, "alipay.trade.query", answer.as_bytes());
            // What is believed is what was signed, to the byte.
            assert!(found.is_err() || found.as_deref() == Ok(node.trim()));
        }
        6 => {
            let headers = headers(feed.text());
            let said = yinxin_services::identity::Notification {
                path: "/notify/face/jiangxi",
                headers: &headers,
                body: feed.rest(),
            };
            assert!(
                desk.face.read(&said).is_err(),
                "believed without a signature"
            );
        }
        _ => {
            let path = String::from_utf8_lossy(feed.text()).into_owned();
            let body = feed.rest();
            let headers = face_signed(&path, body);
            let said = yinxin_services::identity::Notification {
                path: &path,
                headers: &headers,
                body,
            };
            let _ = desk.face.read(&said);
        }
    }
}

fn is_sound(believed: Result<Notification, yinxin_services::payments::Forged>) {
    if let Ok(notification) = believed
        && let About::Trade(number) | About::Closed(number) | About::Refund { number, .. } =
            notification.about
    {
        assert!(number.len() < 1 << 20, "{}", number.len());
    }
}

/// `name: value` a line; what no header can be is left out.
fn headers(lines: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = parts
            .next()
            .and_then(|name| HeaderName::from_bytes(name).ok());
        let value = parts.next().map(<[u8]>::trim_ascii);
        let value = value.and_then(|value| HeaderValue::from_bytes(value).ok());
        if let (Some(name), Some(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

impl Desk {
    fn signed(&self, body: &[u8]) -> HeaderMap {
        let timestamp = (Millis::now().0 / 1000).to_string();
        let mut message = format!("{timestamp}\nnonce\n").into_bytes();
        message.extend_from_slice(body);
        message.push(b'\n');
        let signature = STANDARD.encode(self.platform.sign(&message).expect("signed"));
        let lines = [
            ("wechatpay-timestamp", timestamp.as_str()),
            ("wechatpay-nonce", "nonce"),
            ("wechatpay-signature", &signature),
            ("wechatpay-serial", WechatKeys::PLATFORM_KEY_ID),
        ];
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.insert(name, value.parse().expect("a header"));
        }
        headers
    }

    fn signed_form(&self, body: &[u8]) -> String {
        let mut fields: BTreeMap<String, String> =
            url::form_urlencoded::parse(body).into_owned().collect();
        fields.remove("sign");
        fields.remove("sign_type");
        let pairs: Vec<String> = fields
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let sign = self
            .platform
            .sign(pairs.join("&").as_bytes())
            .expect("signed");
        fields.insert("sign".to_owned(), STANDARD.encode(sign));
        fields.insert("sign_type".to_owned(), "RSA2".to_owned());
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish()
    }
}

/// An envelope of WeChat's around `content`, with this type of event.
fn sealed(event: &[u8], content: &[u8]) -> Vec<u8> {
    let key = aead::UnboundKey::new(&aead::AES_256_GCM, API_V3.as_bytes()).expect("a key");
    let nonce = "abcdefghijkl";
    let mut sealed = content.to_vec();
    aead::LessSafeKey::new(key)
        .seal_in_place_append_tag(
            aead::Nonce::try_assume_unique_for_key(nonce.as_bytes()).expect("twelve bytes"),
            aead::Aad::from(b"transaction"),
            &mut sealed,
        )
        .expect("sealed");
    let resource = json!({
        "algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": "transaction",
        "ciphertext": STANDARD.encode(sealed),
    });
    let event = String::from_utf8_lossy(event);
    json!({ "id": "EV-1", "event_type": event, "resource": resource })
        .to_string()
        .into_bytes()
}

fn face_signed(path: &str, body: &[u8]) -> HeaderMap {
    let timestamp = (Millis::now().0 / 1000).to_string();
    let mut message = format!("{timestamp}\nnonce\nPOST\n{path}\n").into_bytes();
    message.extend_from_slice(body);
    let key = hmac::Key::new(hmac::HMAC_SHA256, FACE_SECRET.as_bytes());
    let signature = hex::encode(hmac::sign(&key, &message));
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("x-key-id", FACE_KEY),
        ("x-timestamp", &timestamp),
        ("x-nonce", "nonce"),
        ("x-signature", &signature),
    ] {
        headers.insert(name, value.parse().expect("a header"));
    }
    headers
}
