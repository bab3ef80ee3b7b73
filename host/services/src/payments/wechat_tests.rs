use super::*;
use yinxin_simulators::keys::{SigningKey as Theirs, WechatKeys};

const NOW: Millis = Millis(1_795_190_400_000);
const API_V3: &str = "0123456789abcdef0123456789abcdef";

struct Desk {
    wechat: Wechat,
    platform: Theirs,
}

fn desk() -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let platform = Theirs::load_or_create(folder.path(), "platform").unwrap();
    let pem = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let merchant = WechatMerchant {
        endpoint: Url::parse("http://127.0.0.1:9").unwrap(),
        appid: WechatKeys::APPID.to_owned(),
        mchid: WechatKeys::MCHID.to_owned(),
        merchant_serial: WechatKeys::MERCHANT_SERIAL.to_owned(),
        merchant_key: pem("platform.key"),
        platform_keys: vec![(WechatKeys::PLATFORM_KEY_ID.to_owned(), pem("platform.pub"))],
        api_v3_key: API_V3.to_owned(),
        notify_url: "https://ca.example.cn/n".to_owned(),
    };
    Desk {
        wechat: Wechat::new(merchant).unwrap(),
        platform,
    }
}

fn envelope(mchid: &str) -> Vec<u8> {
    let mut sealed = json!({"mchid": mchid, "out_trade_no": "t1"})
        .to_string()
        .into_bytes();
    let key = aead::UnboundKey::new(&aead::AES_256_GCM, API_V3.as_bytes()).unwrap();
    let nonce = "abcdefghijkl";
    aead::LessSafeKey::new(key)
        .seal_in_place_append_tag(
            aead::Nonce::try_assume_unique_for_key(nonce.as_bytes()).unwrap(),
            aead::Aad::from(b"transaction"),
            &mut sealed,
        )
        .unwrap();
    let resource = json!({
        "algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": "transaction",
        "ciphertext": STANDARD.encode(sealed),
    });
    json!({"id": "EV-1", "event_type": "TRANSACTION.SUCCESS", "resource": resource})
        .to_string()
        .into_bytes()
}

fn headers(key: &Theirs, body: &[u8], prefix: &str) -> HeaderMap {
    let timestamp = (NOW.0 / 1000).to_string();
    let mut message = format!("{timestamp}\nnonce\n").into_bytes();
    message.extend_from_slice(body);
    message.push(b'\n');
    let signature = format!("{prefix}{}", STANDARD.encode(key.sign(&message).unwrap()));
    let mut headers = HeaderMap::new();
    headers.insert("wechatpay-timestamp", timestamp.parse().unwrap());
    headers.insert("wechatpay-nonce", "nonce".parse().unwrap());
    headers.insert("wechatpay-signature", signature.parse().unwrap());
    headers.insert(
        "wechatpay-serial",
        WechatKeys::PLATFORM_KEY_ID.parse().unwrap(),
    );
    headers
}

#[test]
fn a_notification_is_taken_within_300_seconds() {
    let desk = desk();
    let body = envelope(WechatKeys::MCHID);
    let headers = headers(&desk.platform, &body, "");
    for seconds in [-300, 0, 300] {
        let taken = desk
            .wechat
            .notification(&headers, &body, NOW.plus(seconds))
            .unwrap();
        assert_eq!(
            taken,
            Notification {
                id: "EV-1".to_owned(),
                about: About::Trade("t1".to_owned())
            }
        );
    }
    for seconds in [-301, 301] {
        let refused = desk.wechat.notification(&headers, &body, NOW.plus(seconds));
        assert_eq!(refused, Err(Forged::Stale));
    }
}

#[test]
fn what_is_not_the_providers_is_refused() {
    let desk = desk();
    let body = envelope(WechatKeys::MCHID);
    let good = headers(&desk.platform, &body, "");
    let refused = |headers: &HeaderMap, body: &[u8]| {
        desk.wechat.notification(headers, body, NOW).unwrap_err()
    };

    let mut tampered = body.clone();
    tampered.push(b' ');
    assert_eq!(refused(&good, &tampered), Forged::Signature);
    assert_eq!(refused(&HeaderMap::new(), &body), Forged::Unsigned);
    let stranger = Theirs::unknown().unwrap();
    assert_eq!(
        refused(&headers(&stranger, &body, ""), &body),
        Forged::Signature
    );
    let probe = headers(&desk.platform, &body, "WECHATPAY/SIGNTEST/");
    assert_eq!(refused(&probe, &body), Forged::Probe);
    let mut other_key = good.clone();
    other_key.insert("wechatpay-serial", "PUB_KEY_ID_2".parse().unwrap());
    assert_eq!(refused(&other_key, &body), Forged::UnknownKey);

    let foreign = envelope("1900000002");
    assert_eq!(
        refused(&headers(&desk.platform, &foreign, ""), &foreign),
        Forged::Merchant
    );
    let text = String::from_utf8(body).unwrap();
    let unsealed = text.replace("abcdefghijkl", "abcdefghijkm").into_bytes();
    assert_eq!(
        refused(&headers(&desk.platform, &unsealed, ""), &unsealed),
        Forged::Sealed
    );
}

#[test]
fn a_description_is_cut_at_a_character() {
    assert_eq!(at_most("数字证书", 7), "数字");
    assert_eq!(at_most("abc", 7), "abc");
    assert_eq!(at_most("数", 2), "");
}

#[test]
fn the_end_of_a_trade_is_told_in_chinas_time() {
    assert_eq!(china_rfc3339(NOW), "2026-11-21T00:00:00+08:00");
}
