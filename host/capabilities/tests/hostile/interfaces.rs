//! Each interface as a plugin meets it: its answers, its errors, and the effects that it leaves for the commit.

use crate::guest::{House, facts, named};
use yinxin_capabilities::{CaseFacts, Effect, PaymentStatus, Read};
use yinxin_core::money::{FeeLine, Method, Standing};
use yinxin_store::testing;

async fn house() -> House {
    House::open(testing::sqlite().await).await
}

#[tokio::test]
async fn the_profile_is_read_and_written_where_the_applicant_may() {
    let house = house().await;
    let (log, handled) = house
        .script(&[
            ("remember", "handler|李四"),
            ("profile", ""),
            ("remember", "unit|别的公司"),
            ("remember", "colour|red"),
            ("remember", "handler|一二三四五六七八九十一"),
        ])
        .await;
    assert_eq!(log[0], "Ok(())");
    assert_eq!(log[1], "unit=某某公司 mobile=13800000000 handler=李四");
    assert_eq!(log[2], "Err(Error::NotWritable(\"unit\"))");
    assert_eq!(log[3], "Err(Error::NotWritable(\"colour\"))");
    assert_eq!(log[4], "Err(Error::TooLong(\"handler\"))");
    assert_eq!(
        handled.effects,
        [Effect::Remember {
            entries: vec![named("handler", "李四")]
        }]
    );
    assert!(
        matches!(handled.reads[..], [Read::Profile { .. }]),
        "once, however often it is read"
    );
}

#[tokio::test]
async fn money_is_asked_for_once_and_given_back_within_what_was_paid() {
    let house = house().await;
    let (log, handled) = house
        .script(&[
            ("request", "-1|wechat"),
            ("request", "22000|"),
            ("request", "22000|cpcn"),
            ("refund", "1"),
            ("request", "22000|wechat alipay"),
            ("payment", ""),
            ("request", "22000|wechat"),
            ("cancel", ""),
            ("cancel", ""),
            ("payment", ""),
        ])
        .await;
    assert!(log[0].contains("BadAmount"), "{}", log[0]);
    assert_eq!(log[1], "Err(Error::NoMethod(\"\"))");
    assert_eq!(log[2], "Err(Error::NoMethod(\"cpcn\"))");
    assert_eq!(log[3], "Err(Error::NothingToRefund)");
    assert_eq!(log[4], "Ok(())");
    assert_eq!(log[5], "Standing::Due 22000 0");
    assert_eq!(log[6], "Err(Error::AlreadyRequested)");
    assert_eq!(log[9], "Standing::Closed 22000 0");
    let line = FeeLine {
        code: "fee".into(),
        label: "费用".into(),
        quantity: 1,
        amount: 22000,
        case_id: String::new(),
    };
    let request = Effect::RequestPayment {
        lines: vec![line],
        methods: vec![Method::Wechat, Method::Alipay],
    };
    assert_eq!(handled.effects, [request, Effect::CancelPayment]);

    let payment = PaymentStatus {
        standing: Standing::Paid,
        total: 22000,
        refunded: 0,
        method: Some(Method::Wechat),
    };
    let paid = CaseFacts { payment, ..facts() };
    let calls = [
        ("refund", "0"),
        ("refund", "22001"),
        ("refund", "12000"),
        ("refund", "10001"),
        ("refund", "10000"),
    ];
    let (log, handled) = house.script_with(&house.plugin, paid, &calls).await;
    assert!(log[0].contains("BadAmount"), "{}", log[0]);
    assert_eq!(log[1], "Err(Error::NothingToRefund)");
    assert_eq!(log[2], "Ok(())");
    assert_eq!(log[3], "Err(Error::NothingToRefund)");
    assert_eq!(log[4], "Ok(())");
    assert_eq!(handled.effects.len(), 2);
}

#[tokio::test]
async fn a_case_for_baskets_does_not_ask_for_money_itself() {
    let house = house().await;
    let basket = CaseFacts {
        in_baskets: true,
        ..facts()
    };
    let calls = [("request", "22000|wechat"), ("payment", "")];
    let (log, handled) = house.script_with(&house.plugin, basket, &calls).await;
    assert_eq!(log[0], "Err(Error::InBaskets)");
    assert_eq!(log[1], "Standing::None 0 0");
    assert_eq!(handled.effects, []);
}

#[tokio::test]
async fn an_invoice_needs_money_that_stays() {
    let house = house().await;
    let standing = |standing, refunded| {
        let payment = PaymentStatus {
            standing,
            total: 22000,
            refunded,
            method: Some(Method::BankTransfer),
        };
        CaseFacts { payment, ..facts() }
    };
    for (facts, answer) in [
        (facts(), "Err(Error::NothingToInvoice)"),
        (standing(Standing::Due, 0), "Err(Error::NothingToInvoice)"),
        (standing(Standing::Paid, 0), "Ok(())"),
        (standing(Standing::Refunding, 10000), "Ok(())"),
        (
            standing(Standing::Refunding, 22000),
            "Err(Error::NothingToInvoice)",
        ),
        (
            standing(Standing::Refunded, 22000),
            "Err(Error::NothingToInvoice)",
        ),
    ] {
        let asked = [("invoice", "")];
        let (log, handled) = house.script_with(&house.plugin, facts, &asked).await;
        assert_eq!(log[0], answer);
        let effects: &[Effect] = if answer == "Ok(())" {
            &[Effect::Invoice]
        } else {
            &[]
        };
        assert_eq!(handled.effects, effects);
    }
}

#[tokio::test]
async fn a_message_needs_its_text_its_parameters_and_somebody_to_reach() {
    let house = house().await;
    let (log, handled) = house
        .script(&[
            ("send", "unheard-of"),
            ("send", "told"),
            ("send", "told|acceptance|20261120-1"),
            ("send", "handler"),
            ("send", "mailed|acceptance|20261120-1"),
        ])
        .await;
    assert_eq!(log[0], "Err(Error::UnknownMessage(\"unheard-of\"))");
    assert_eq!(log[1], "Err(Error::MissingParameter(\"acceptance\"))");
    assert_eq!(&log[2..], ["Ok(())", "Ok(())", "Ok(())"]);
    let told = Effect::Send {
        message: "told".into(),
        parameters: vec![named("acceptance", "20261120-1")],
    };
    assert_eq!(handled.effects[0], told);

    let unreachable = CaseFacts {
        account_mobile: String::new(),
        values: vec![named("mobile", "021-1234")],
        ..facts()
    };
    let calls = [
        ("send", "told|acceptance|1"),
        ("send", "handler"),
        ("send", "mailed|acceptance|1"),
    ];
    let (log, _) = house.script_with(&house.plugin, unreachable, &calls).await;
    assert_eq!(log[0], "Err(Error::NoRecipient(\"account\"))");
    assert_eq!(log[1], "Err(Error::NoRecipient(\"mobile\"))");
    assert_eq!(log[2], "Err(Error::NoRecipient(\"email\"))");

    let (log, handled) = house.script(&[("send", "handler"); 17]).await;
    assert_eq!(log[15], "Ok(())");
    assert_eq!(log[16], "Err(Error::TooMany)");
    assert_eq!(handled.effects.len(), 16);
}

#[tokio::test]
async fn checks_and_papers_are_seen_and_voided() {
    let house = house().await;
    let (log, handled) = house
        .script(&[
            ("identity", "legal"),
            ("void-identity", "legal"),
            ("identity", "legal"),
            ("identity", "other"),
            ("void-identity", "other"),
            ("paper", "letter"),
            ("void-paper", "letter"),
            ("paper", "letter"),
            ("paper", "other"),
        ])
        .await;
    assert_eq!(log[0], "Ok(Standing::Passed)");
    assert_eq!(log[2], "Ok(Standing::None)");
    assert_eq!(log[3], "Err(Error::UnknownCheck(\"other\"))");
    assert_eq!(log[4], "Err(Error::UnknownCheck(\"other\"))");
    assert_eq!(log[5], "Some(\"L-1\")");
    assert_eq!(log[7], "None");
    assert_eq!(log[8], "Err(Error::UnknownDocument(\"other\"))");
    let void = [
        Effect::VoidIdentity {
            check: "legal".into(),
        },
        Effect::VoidDocument {
            document: "letter".into(),
        },
    ];
    assert_eq!(handled.effects, void);
}

#[tokio::test]
async fn certificates_are_issued_frozen_restored_and_revoked() {
    let house = house().await;
    let (log, handled) = house
        .script(&[
            ("issued", ""),
            ("issue", "CN|鹰潭某某有限公司|12"),
            ("issue", "CN|x|61"),
            ("issue", "XX|x|12"),
            ("hold", "0b"),
            ("hold", "0b"),
            ("issued", ""),
            ("release", "0b"),
            ("revoke", "0b"),
            ("revoke", "0a"),
            ("revoke", "ff"),
        ])
        .await;
    assert_eq!(log[0], "0b Standing::Valid, 0a Standing::Revoked");
    assert_eq!(log[1], "Ok(())");
    assert!(log[2].contains("61 months") && log[3].contains("`XX` is no known attribute"));
    assert_eq!(log[4], "Ok(())");
    assert!(
        log[5].contains("0b is Held and cannot become Held"),
        "{}",
        log[5]
    );
    assert_eq!(log[6], "0b Standing::Held, 0a Standing::Revoked");
    assert_eq!([log[7].as_str(), log[8].as_str()], ["Ok(())"; 2]);
    assert!(log[9].contains("cannot become Revoked"), "{}", log[9]);
    assert_eq!(log[10], "Err(Error::UnknownCertificate(\"ff\"))");
    assert_eq!(
        handled.effects,
        [
            Effect::Issue {
                subject: vec![named("CN", "鹰潭某某有限公司")],
                months: 12
            },
            Effect::Hold {
                serial: "0b".into()
            },
            Effect::Release {
                serial: "0b".into()
            },
            Effect::Revoke {
                serial: "0b".into(),
                reason: "丢失".into()
            },
        ]
    );

    let without_key = CaseFacts {
        has_request: false,
        ..facts()
    };
    let (log, _) = house
        .script_with(&house.plugin, without_key, &[("issue", "CN|x|12")])
        .await;
    assert_eq!(log[0], "Err(Error::NoKey)");
}

#[tokio::test]
async fn this_host_has_no_token_service_yet_and_says_so() {
    let house = house().await;
    let (log, handled) = house
        .script(&[("token", ""), ("request-token", ""), ("cancel-token", "")])
        .await;
    assert_eq!(log, ["Err(Error::Unavailable)"; 3]);
    assert!(handled.effects.is_empty());
}
