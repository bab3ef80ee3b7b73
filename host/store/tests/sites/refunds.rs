use yinxin_core::ids::{OrderId, PaymentId, SiteId};
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::Millis;
use yinxin_store::refunds::{Purpose, Refund, RefundState, insert};
use yinxin_store::{Connection, seal::Sealer};

pub struct Keys {
    requested: Refund,
    failed: Refund,
}

pub fn keys() -> Keys {
    let (order, payment) = (OrderId::generate(), PaymentId::generate());
    let refund = |state| Refund {
        id: PaymentId::generate().to_string(),
        request: "request".into(),
        order: order.clone(),
        payment: payment.clone(),
        case: None,
        purpose: Purpose::Order,
        amount: Fen(22000),
        reason: "撤回申请".into(),
        state,
        requested_by: "host".into(),
        provider_no: String::new(),
        paid_from: None,
        requested_at: Millis(1),
        finished_at: None,
    };
    Keys { requested: refund(RefundState::Requested), failed: refund(RefundState::Failed) }
}

pub async fn write(conn: &mut Connection, _: &Sealer, site: &SiteId, keys: &Keys) {
    insert(conn, site, &keys.requested).await.unwrap();
    insert(conn, site, &keys.failed).await.unwrap();
}

attempts!(refunds, keys: Keys => {
    creates insert(&keys.requested);
    reads get(&keys.requested.id);
    reads by_number(&keys.requested.out_refund_no());
    reads of_order(&keys.requested.order);
    reads of_orders(&[&keys.requested.order]);
    reads in_state(RefundState::Requested, None, 9);
    reads of_payment(&keys.requested.payment);
    reads totals_of(&[&keys.requested.payment]);
    changes set_state(&keys.requested.id, RefundState::Done, "50000", Some(Millis(2)));
    changes finish(&keys.requested.id, "50000", Method::Wechat, Millis(2));
    changes withdraw(&keys.requested.id, Millis(2));
    changes reopen(&keys.failed.id);
});
