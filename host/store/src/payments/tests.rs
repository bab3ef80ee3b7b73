use super::*;
use crate::refunds::{self, Purpose, Refund, RefundState};
use crate::testing::stores;

fn site() -> SiteId {
    SiteId::parse("jiangxi").unwrap()
}

fn new(order: &OrderId, method: Method) -> Payment {
    let id = PaymentId::generate();
    Payment {
        out_trade_no: id.as_str().replace('-', ""),
        id,
        order: order.clone(),
        method,
        code_url: String::new(),
        amount: Fen(22000),
        state: PaymentState::Created,
        transaction: String::new(),
        received: Fen(0),
        created_at: Millis(10),
        expires_at: Millis(100),
        checked_at: Millis(0),
        notified_at: None,
        confirmed_at: None,
    }
}

fn arrival() -> Arrival<'static> {
    Arrival {
        transaction: "4200001",
        amount: Fen(22000),
        payer: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
        at: Millis(70),
    }
}

#[tokio::test]
async fn an_order_has_one_open_attempt_at_a_gateway() {
    for store in stores().await {
        let order = OrderId::generate();
        let first = new(&order, Method::Wechat);
        let mut tx = store.begin().await.unwrap();
        assert!(insert(&mut tx, &site(), &first).await.unwrap());
        assert!(
            !insert(&mut tx, &site(), &new(&order, Method::Wechat))
                .await
                .unwrap(),
            "{}",
            store.name
        );
        assert!(
            insert(&mut tx, &site(), &new(&order, Method::Alipay))
                .await
                .unwrap()
        );
        assert!(
            set_prepared(&mut tx, &site(), &first.id, "weixin://1")
                .await
                .unwrap()
        );
        assert!(
            !set_prepared(&mut tx, &site(), &first.id, "weixin://2")
                .await
                .unwrap()
        );
        assert_eq!(
            get(&mut tx, &site(), &first.id).await.unwrap().code_url,
            "weixin://1"
        );
        assert!(
            end(&mut tx, &site(), &first.id, PaymentState::Closed)
                .await
                .unwrap()
        );
        assert!(
            !end(&mut tx, &site(), &first.id, PaymentState::Failed)
                .await
                .unwrap()
        );
        assert!(
            insert(&mut tx, &site(), &new(&order, Method::Wechat))
                .await
                .unwrap()
        );
        assert_eq!(of_order(&mut tx, &site(), &order).await.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn money_is_booked_once_even_on_a_closed_attempt() {
    for store in stores().await {
        let payment = new(&OrderId::generate(), Method::Wechat);
        let mut tx = store.begin().await.unwrap();
        insert(&mut tx, &site(), &payment).await.unwrap();
        end(&mut tx, &site(), &payment.id, PaymentState::Closed)
            .await
            .unwrap();
        for expected in [true, false] {
            let booked = set_arrived(
                &mut tx,
                &store.sealer,
                &site(),
                &payment.id,
                PaymentState::Paid,
                &arrival(),
            )
            .await;
            assert_eq!(booked.unwrap(), expected, "{}", store.name);
        }
        let paid = get(&mut tx, &site(), &payment.id).await.unwrap();
        assert_eq!(
            (paid.state, paid.received, paid.confirmed_at),
            (PaymentState::Paid, Fen(22000), Some(Millis(70)))
        );
        let who = payer(&mut tx, &store.sealer, &site(), &payment.id)
            .await
            .unwrap();
        assert_eq!(who, arrival().payer);
    }
}

#[tokio::test]
async fn many_pages_ask_the_gateway_as_one() {
    for store in stores().await {
        let payment = new(&OrderId::generate(), Method::Wechat);
        let mut tx = store.begin().await.unwrap();
        insert(&mut tx, &site(), &payment).await.unwrap();
        assert!(
            take_check(&mut tx, &site(), &payment.id, Millis(3000), Millis(5000))
                .await
                .unwrap()
        );
        assert!(
            !take_check(&mut tx, &site(), &payment.id, Millis(3500), Millis(5500))
                .await
                .unwrap()
        );
        assert!(
            take_check(&mut tx, &site(), &payment.id, Millis(5000), Millis(7000))
                .await
                .unwrap(),
            "{}",
            store.name
        );
    }
}

#[tokio::test]
async fn a_refund_goes_on_until_it_is_done_and_is_owed_until_it_is_withdrawn() {
    for store in stores().await {
        let order = OrderId::generate();
        let payment = PaymentId::generate();
        let refund = Refund {
            id: "0190-aa".to_owned(),
            request: "0190-aa".to_owned(),
            order: order.clone(),
            payment: payment.clone(),
            case: None,
            purpose: Purpose::Order,
            amount: Fen(500),
            reason: "撤销申请".to_owned(),
            state: RefundState::Requested,
            requested_by: "host".to_owned(),
            provider_no: String::new(),
            paid_from: None,
            requested_at: Millis(5),
            finished_at: None,
        };
        let mut tx = store.begin().await.unwrap();
        refunds::insert(&mut tx, &site(), &refund).await.unwrap();
        assert_eq!(
            refunds::get(&mut tx, &site(), &refund.id).await.unwrap(),
            refund
        );
        assert_eq!(refund.out_refund_no(), "0190aa");
        assert_eq!(
            refunds::totals_of(&mut tx, &site(), &[&payment])
                .await
                .unwrap()[&payment],
            Fen(500)
        );
        let failed = RefundState::Failed;
        assert!(
            refunds::set_state(&mut tx, &site(), "0190-aa", failed, "", Some(Millis(9)))
                .await
                .unwrap()
        );
        assert_eq!(
            refunds::totals_of(&mut tx, &site(), &[&payment])
                .await
                .unwrap()[&payment],
            Fen(500),
            "what failed is owed still"
        );
        assert_eq!(
            refunds::in_state(&mut tx, &site(), failed, None, 9)
                .await
                .unwrap()
                .len(),
            1
        );
        assert!(refunds::reopen(&mut tx, &site(), "0190-aa").await.unwrap());
        assert!(
            refunds::finish(
                &mut tx,
                &site(),
                "0190-aa",
                "5000",
                Method::Wechat,
                Millis(9)
            )
            .await
            .unwrap()
        );
        assert!(
            !refunds::withdraw(&mut tx, &site(), "0190-aa", Millis(9))
                .await
                .unwrap()
        );
        let done = refunds::get(&mut tx, &site(), "0190-aa").await.unwrap();
        assert_eq!(
            (done.state, done.paid_from),
            (RefundState::Done, Some(Method::Wechat))
        );
        assert!(
            !refunds::set_state(&mut tx, &site(), "0190-aa", failed, "", None)
                .await
                .unwrap()
        );
        assert!(
            !refunds::reopen(&mut tx, &site(), "0190-aa").await.unwrap(),
            "{}",
            store.name
        );
        assert_eq!(
            refunds::of_order(&mut tx, &site(), &order)
                .await
                .unwrap()
                .len(),
            1
        );
    }
}
