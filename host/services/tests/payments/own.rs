//! Nobody decides about his own money.

use crate::desk::{Desk, desks};
use yinxin_core::definition::{LoginId, Role};
use yinxin_core::ids::{ClerkId, FileId, OrderId};
use yinxin_core::mobile::Mobile;
use yinxin_core::money::Fen;
use yinxin_services::accounts::login_id;
use yinxin_services::payments::{By, OrderDetails, PaymentError, Settled, Transfer};
use yinxin_store::accounts::{self, NewAccount};
use yinxin_store::clerks::{self, NewClerk};

const MOBILE: &str = "13905910001";

async fn clerk(desk: &Desk, name: &str, mobile: Option<&str>) -> By {
    let id = ClerkId::generate();
    let new = NewClerk {
        id: &id,
        login: id.as_str(),
        name,
        password_hash: "$x",
        roles: &[Role::Finance],
        must_change_password: false,
        created_at: desk.clock_in(0),
    };
    let mobile = mobile.map(|text| Mobile::parse(text).unwrap());
    let mut tx = desk.store.begin().await.unwrap();
    assert!(clerks::insert(&mut tx, &desk.site, new).await.unwrap());
    clerks::set_mobile(
        &mut tx,
        &desk.store.sealer,
        &desk.site,
        &id,
        mobile.as_ref(),
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    By::clerk(&id, name)
}

async fn verify(
    desk: &Desk,
    order: &OrderId,
    payer: &str,
    by: &By,
) -> Result<Settled, PaymentError> {
    let reference = FileId::generate().to_string();
    let transfer = Transfer {
        reference: &reference,
        amount: Fen(22000),
        payer,
    };
    let mut tx = desk.store.begin().await.unwrap();
    // Not committed: each tries anew.
    desk.payments
        .verify_transfer(&mut tx, &desk.site, order, &transfer, by)
        .await
}

#[tokio::test]
async fn a_clerk_is_recognised_by_number_and_by_name() {
    for desk in desks().await {
        let (order, _) = desk.order(1).await;
        let account = desk
            .payments
            .order_view(&desk.site, &order)
            .await
            .unwrap()
            .account;
        let known = clerk(&desk, "林财务", Some(MOBILE)).await;
        let unknown = clerk(&desk, "陈财务", None).await;
        let own = |outcome: Result<Settled, PaymentError>| {
            matches!(outcome, Err(PaymentError::OwnPayment))
        };
        let name = &desk.store.name;

        assert!(
            verify(&desk, &order, "某公司", &known).await.is_ok(),
            "{name}"
        );
        // The payer.
        assert!(
            own(verify(&desk, &order, "林 财务", &known).await),
            "{name}"
        );
        assert!(
            own(verify(&desk, &order, "陈财务", &unknown).await),
            "{name}"
        );
        assert!(verify(&desk, &order, "林财务", &unknown).await.is_ok());
        // Who is to be called, whether or not a number is on file.
        for (contact, mobile, by) in [
            ("王先生", "139 0591 0001", &known),
            ("陈财务", "", &unknown),
        ] {
            let details = OrderDetails {
                contact_name: contact.to_owned(),
                contact_mobile: mobile.to_owned(),
                ..OrderDetails::default()
            };
            let mut tx = desk.store.begin().await.unwrap();
            desk.payments
                .set_details(&mut tx, &desk.site, &order, &details)
                .await
                .unwrap();
            tx.commit().await.unwrap();
            assert!(
                own(verify(&desk, &order, "某公司", by).await),
                "{contact} {name}"
            );
        }
        // The number that the applicant logs in with.
        let (second, _) = desk.order(1).await;
        let account_of = desk
            .payments
            .order_view(&desk.site, &second)
            .await
            .unwrap()
            .account;
        let mut tx = desk.store.begin().await.unwrap();
        let key = login_id::key(&desk.store.sealer, &desk.site, MOBILE);
        accounts::add_login_id(&mut tx, &desk.site, &key, LoginId::Mobile, &account_of)
            .await
            .unwrap();
        // The account's own name.
        let new = NewAccount {
            id: &account,
            password_hash: "$x",
            name: "陈财务",
            mobile_masked: "",
            created_at: desk.clock_in(0),
        };
        accounts::insert(&mut tx, &desk.site, new).await.unwrap();
        let none = OrderDetails::default();
        desk.payments
            .set_details(&mut tx, &desk.site, &order, &none)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert!(
            own(verify(&desk, &second, "某公司", &known).await),
            "{name}"
        );
        assert!(
            own(verify(&desk, &order, "某公司", &unknown).await),
            "{name}"
        );
        assert!(verify(&desk, &second, "某公司", &unknown).await.is_ok());
    }
}

#[tokio::test]
async fn a_clerk_neither_refuses_assigns_nor_pays_out_for_himself() {
    for desk in desks().await {
        let (order, _) = desk.order(1).await;
        let (other, _) = desk.order(1).await;
        let by = clerk(&desk, "陈财务", None).await;
        let details = OrderDetails {
            contact_name: "陈财务".to_owned(),
            ..OrderDetails::default()
        };
        let mut tx = desk.store.begin().await.unwrap();
        let (payments, site) = (&desk.payments, &desk.site);
        payments
            .set_details(&mut tx, site, &order, &details)
            .await
            .unwrap();
        let file = FileId::generate();
        payments
            .upload_slip(&mut tx, site, &order, &file, &By::host())
            .await
            .unwrap();
        let refused = payments
            .refuse_slip(&mut tx, site, &order, "看不清", &by)
            .await;
        assert!(
            matches!(refused, Err(PaymentError::OwnPayment)),
            "{}",
            desk.store.name
        );
        tx.commit().await.unwrap();

        desk.transfer(&other, "B1", 10000).await.unwrap();
        let part = payments.payments_of(site, &other).await.unwrap()[0]
            .payment
            .clone();
        desk.transfer(&order, "B2", 25000).await.unwrap();
        let surplus = desk
            .refunds(&order, yinxin_services::payments::RefundState::Requested)
            .await;
        let mut tx = desk.store.begin().await.unwrap();
        let paid_out = payments
            .finish_refund_by_hand(&mut tx, site, &surplus[0].id, "OUT", &by)
            .await;
        assert!(matches!(paid_out, Err(PaymentError::OwnPayment)));
        drop(tx);

        let (third, _) = desk.order(1).await;
        let mut tx = desk.store.begin().await.unwrap();
        payments
            .set_details(&mut tx, site, &third, &details)
            .await
            .unwrap();
        let assigned = payments.assign(&mut tx, site, &part, &third, &by).await;
        assert!(matches!(assigned, Err(PaymentError::OwnPayment)));
        let surplus = payments.payments_of(site, &order).await.unwrap()[0]
            .payment
            .clone();
        let assigned = payments.assign(&mut tx, site, &surplus, &other, &by).await;
        assert!(
            matches!(assigned, Err(PaymentError::OwnPayment)),
            "what came for his own order"
        );
    }
}
