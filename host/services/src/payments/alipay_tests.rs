use super::*;
use base64::{Engine, engine::general_purpose::STANDARD};
use yinxin_simulators::keys::{AlipayKeys, SigningKey as Theirs};

struct Desk {
    alipay: Alipay,
    platform: Theirs,
}

fn desk() -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let platform = Theirs::load_or_create(folder.path(), "platform").unwrap();
    let pem = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    // As Alipay's tool and console hand them out: base64 in one line.
    let bare = |pem: String| {
        pem.lines()
            .filter(|line| !line.starts_with("---"))
            .collect::<String>()
    };
    let merchant = AlipayMerchant {
        endpoint: Url::parse("http://127.0.0.1:9/gateway.do").unwrap(),
        app_id: AlipayKeys::APP_ID.to_owned(),
        seller_id: AlipayKeys::SELLER_ID.to_owned(),
        app_key: bare(pem("platform.key")),
        alipay_key: bare(pem("platform.pub")),
        notify_url: "https://ca.example.cn/n".to_owned(),
    };
    Desk {
        alipay: Alipay::new(merchant).unwrap(),
        platform,
    }
}

fn sign(key: &Theirs, content: &str) -> String {
    STANDARD.encode(key.sign(content.as_bytes()).unwrap())
}

#[test]
fn an_answers_signature_covers_the_raw_substring() {
    let desk = desk();
    let node = r#"{ "code":"10000", "msg":"Success","subject":"a\/b 数" }"#;
    let answer = |node: &str, sign: &str| {
        let text = format!(r#"{{"alipay_trade_query_response": {node} ,"sign":"{sign}"}}"#);
        desk.alipay
            .node("alipay.trade.query", text.as_bytes())
            .map(|node| node.get().to_owned())
    };
    let good = sign(&desk.platform, node);
    assert_eq!(answer(node, &good).unwrap(), node);
    let tampered = answer(&node.replace("a\\/b", "a/b"), &good);
    assert_eq!(tampered, Err(GatewayError::Unverified(Forged::Signature)));
    let unsigned = desk.alipay.node(
        "alipay.trade.query",
        br#"{"alipay_trade_query_response":{"code":"10000"}}"#,
    );
    assert_eq!(
        unsigned.unwrap_err(),
        GatewayError::Unverified(Forged::Unsigned)
    );
}

#[test]
fn a_refusal_is_believed_as_far_as_it_is_signed() {
    let desk = desk();
    let node = |text: &str| {
        desk.alipay
            .node("alipay.trade.query", text.as_bytes())
            .unwrap_err()
    };
    let unknown_app = r#"{"error_response":{"code":"40002","msg":"Invalid Arguments","sub_code":"isv.invalid-app-id"}}"#;
    assert_eq!(
        node(unknown_app),
        GatewayError::Refused("isv.invalid-app-id".to_owned())
    );
    let no_trade = r#"{"code":"40004","msg":"Business Failed","sub_code":"ACQ.TRADE_NOT_EXIST"}"#;
    let unsigned = format!(r#"{{"alipay_trade_query_response":{no_trade}}}"#);
    assert_eq!(node(&unsigned), GatewayError::Unverified(Forged::Unsigned));
    let signed = format!(
        r#"{{"alipay_trade_query_response":{no_trade},"sign":"{}"}}"#,
        sign(&desk.platform, no_trade)
    );
    assert_eq!(node(&signed), GatewayError::Refused(NO_TRADE.to_owned()));
    assert_eq!(
        node("<html>"),
        GatewayError::Malformed("an answer that is no JSON")
    );
}

fn form(key: &Theirs, changes: &[(&str, &str)], tampered: &[(&str, &str)]) -> Vec<u8> {
    let mut fields: BTreeMap<&str, &str> = BTreeMap::from([
        ("app_id", AlipayKeys::APP_ID),
        ("seller_id", AlipayKeys::SELLER_ID),
        ("notify_id", "n1"),
        ("out_trade_no", "t1"),
        ("trade_status", "TRADE_SUCCESS"),
        ("total_amount", "220.00"),
        ("subject", "数字证书 & 印章"),
        ("empty", ""),
    ]);
    fields.extend(changes.iter().copied());
    let sign = sign(key, &joined(&fields));
    fields.extend(tampered.iter().copied());
    fields.insert("sign", &sign);
    fields.insert("sign_type", "RSA2");
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
        .into_bytes()
}

#[test]
fn a_notification_is_verified_over_its_decoded_fields() {
    let desk = desk();
    let verify = |body: Vec<u8>| desk.alipay.verify_notification(&HeaderMap::new(), &body);
    let about = |body: Vec<u8>| verify(body).unwrap().about;
    assert_eq!(
        about(form(&desk.platform, &[], &[])),
        About::Trade("t1".to_owned())
    );
    let refund = [("out_biz_no", "r1"), ("refund_fee", "1.00")];
    assert_eq!(
        about(form(&desk.platform, &refund, &[])),
        About::Refund {
            number: "r1".to_owned(),
            trade: "t1".to_owned()
        }
    );
    let closed = [("trade_status", "TRADE_CLOSED")];
    assert_eq!(
        about(form(&desk.platform, &closed, &[])),
        About::Closed("t1".to_owned())
    );
    let waiting = [("trade_status", "WAIT_BUYER_PAY")];
    assert_eq!(about(form(&desk.platform, &waiting, &[])), About::Other);

    assert_eq!(
        verify(form(&desk.platform, &[], &[("total_amount", "0.01")])),
        Err(Forged::Signature)
    );
    assert_eq!(
        verify(form(&desk.platform, &[("app_id", "2")], &[])),
        Err(Forged::Merchant)
    );
    assert_eq!(
        verify(form(&desk.platform, &[("seller_id", "2")], &[])),
        Err(Forged::Merchant)
    );
    assert_eq!(
        verify(form(&Theirs::unknown().unwrap(), &[], &[])),
        Err(Forged::Signature)
    );
    assert_eq!(verify(b"out_trade_no=t1".to_vec()), Err(Forged::Unsigned));
}

#[test]
fn keys_that_are_none_are_refused() {
    assert!(
        SigningKey::read("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----").is_err()
    );
    assert!(VerifyingKey::read("not a key").is_err());
    assert!(
        VerifyingKey::read("-----BEGIN OPENSSH KEY-----\nAAAA\n-----END OPENSSH KEY-----").is_err()
    );
}
