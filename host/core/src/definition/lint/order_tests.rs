//! The rules of the lint about orders, receipts and certificates.

use super::sample::{state_of, transition_of};
use super::tests::messages;
use crate::definition::*;
use crate::money::Method;

/// The sample with a receipt for its orders.
fn with_receipt(d: &mut Definition) {
    let mut receipt = d.documents[0].clone();
    receipt.id = "receipt".into();
    receipt.title = "回执 {order-number}".into();
    receipt.states.clear();
    receipt.blocks = vec![
        Block::Paragraph(
            "{unit} 应付 {order-total} 元，{order-method}，附言 {order-reference}".into(),
        ),
        Block::OrderCases,
    ];
    d.documents.push(receipt);
    d.services[0].ordering = Ordering::Basket;
    d.services[0].receipts = vec![Receipt {
        document: "receipt".into(),
        methods: vec![Method::Wechat],
    }];
}

#[test]
fn a_basket_service_with_a_receipt_is_fit() {
    assert_eq!(messages(with_receipt), [""; 0]);
}

#[test]
fn orders_and_receipts_hang_together() {
    type Breakage = fn(&mut Definition);
    let cases: [(Breakage, &str); 11] = [
        (
            |d| state_of(d, "pay").payable = false,
            "cases of service `new` are put into orders, and no state of lifecycle `new` is payable",
        ),
        (
            |d| d.services[0].receipts[0].document = "gone".into(),
            "document `gone` does not exist",
        ),
        (
            |d| d.services[0].receipts.extend_from_within(..),
            "receipt `receipt` is listed twice",
        ),
        (
            |d| d.services[0].receipts[0].methods.push(Method::Wechat),
            "the receipt is for Wechat twice",
        ),
        (
            |d| d.services[0].receipts[0].methods = vec![Method::BankTransfer],
            "state `pay` is payable, a receipt is for bank transfers, and nothing happens when one has come",
        ),
        (
            |d| d.services[0].receipts.clear(),
            "the cases of an order are listed on a paper that no order has",
        ),
        (
            |d| {
                d.documents[0]
                    .blocks
                    .push(Block::Note("{order-number}".into()))
            },
            "placeholder `{order-number}` is of an order, and this paper is of a case",
        ),
        (
            |d| {
                d.documents[1]
                    .blocks
                    .push(Block::Note("{order-numbr}".into()))
            },
            "placeholder `{order-numbr}` names no field of service `new`",
        ),
        (
            |d| {
                d.documents[1]
                    .blocks
                    .push(Block::IdentityQr("legal".into()))
            },
            "an identity check is of one case, and a receipt is for several",
        ),
        (
            |d| d.services[0].steps[2].content = StepContent::Documents(vec!["receipt".into()]),
            "document `receipt` is a receipt, and service `new` prints it for a single case",
        ),
        (
            |d| d.services[0].from_certificate = true,
            "a new certificate starts from no other",
        ),
    ];
    for (breakage, message) in cases {
        let found = messages(|d| {
            with_receipt(d);
            breakage(d);
        });
        assert!(found.iter().any(|m| m == message), "{message}: {found:#?}");
    }
}

#[test]
fn a_timer_by_a_certificate_needs_one() {
    let warn = |d: &mut Definition| {
        transition_of(d, "lapse").actor = Actor::Timer(Timer {
            base: TimerBase::CertificateExpiry,
            days: -30,
            working: false,
        });
    };
    assert_eq!(
        messages(warn),
        ["the timer counts from the end of a certificate, and no case has one here"]
    );
    let renewal = |d: &mut Definition| {
        warn(d);
        d.services[0].kind = ServiceKind::Renewal;
        d.services[0].from_certificate = true;
    };
    assert_eq!(messages(renewal), [""; 0]);
}
