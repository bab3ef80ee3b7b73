//! What a refund does to an invoice.

use crate::desk::{clerk, desks};
use yinxin_core::money::Fen;
use yinxin_services::invoices::{InvoiceError, InvoiceState};
use yinxin_simulators::invoice::Fate;
use yinxin_simulators::misbehave::Mode;
use yinxin_store::order_events::OrderEventKind;

const LONG: i64 = 3600;

#[tokio::test]
async fn a_refund_voids_by_a_red_letter_invoice() {
    for desk in desks().await {
        let (order, case) = desk.asked().await;
        desk.work(LONG).await;
        desk.refund(&order, &case, 22000).await;
        assert_eq!(desk.only(&order).await.state, InvoiceState::Voiding);
        assert!(desk.work(LONG).await.is_empty(), "nobody is told again");
        let voided = desk.only(&order).await;
        assert_eq!((voided.state, voided.live), (InvoiceState::Voided, false));
        let [blue, red] = <[_; 2]>::try_from(desk.office.invoices()).unwrap();
        assert_eq!(blue.number, voided.number);
        assert_eq!(
            (&red.voids, red.amount, &red.number),
            (&blue.number, -22000, &voided.red_number)
        );
        assert_eq!(
            desk.history(&order).await.last(),
            Some(&OrderEventKind::InvoiceVoided),
            "{}",
            desk.store.name
        );
        assert_eq!(desk.mails.letters().len(), 1);
    }
}

#[tokio::test]
async fn a_partial_refund_voids_and_the_rest_is_invoiced_anew() {
    for desk in desks().await {
        let (order, cases) = desk.paid(&[22000, 8000]).await;
        for case in &cases {
            desk.ask(&order, case).await.unwrap();
        }
        desk.work(LONG).await;
        desk.refund(&order, &cases[0], 22000).await;
        assert_eq!(desk.work(LONG).await, [cases[1].clone()]);
        let [first, second] = <[_; 2]>::try_from(desk.of(&order).await).unwrap();
        assert_eq!(
            (first.state, first.live, first.amount),
            (InvoiceState::Voided, false, Fen(30000))
        );
        assert_eq!(
            (second.state, second.live, second.amount),
            (InvoiceState::Issued, true, Fen(8000))
        );
        let amounts: Vec<i64> = desk
            .office
            .invoices()
            .iter()
            .map(|one| one.amount)
            .collect();
        assert_eq!(amounts, [30000, -30000, 8000], "{}", desk.store.name);
        assert_eq!(desk.mails.letters().len(), 2);
    }
}

#[tokio::test]
async fn the_refund_of_the_one_who_never_asked_lets_the_others_have_theirs() {
    for desk in desks().await {
        let (order, cases) = desk.paid(&[22000, 8000]).await;
        desk.ask(&order, &cases[1]).await.unwrap();
        desk.refund(&order, &cases[0], 22000).await;
        assert_eq!(desk.work(LONG).await, [cases[1].clone()]);
        assert_eq!(
            desk.only(&order).await.amount,
            Fen(8000),
            "{}",
            desk.store.name
        );
    }
}

#[tokio::test]
async fn what_was_not_ordered_yet_is_withdrawn() {
    for desk in desks().await {
        let (order, case) = desk.asked().await;
        desk.refund(&order, &case, 22000).await;
        assert_eq!(desk.only(&order).await.state, InvoiceState::Withdrawn);
        assert_eq!(
            desk.history(&order).await,
            [
                OrderEventKind::InvoiceAsked,
                OrderEventKind::InvoiceWithdrawn
            ]
        );
        desk.work(LONG).await;
        assert!(desk.office.invoices().is_empty(), "{}", desk.store.name);
        assert!(desk.mails.letters().is_empty());
    }
}

#[tokio::test]
async fn what_is_under_way_is_voided_once_it_is_issued() {
    for desk in desks().await {
        desk.office.next(Fate::Wait);
        let (order, case) = desk.asked().await;
        desk.work(60).await;
        desk.refund(&order, &case, 22000).await;
        desk.work(600).await;
        assert_eq!(desk.only(&order).await.state, InvoiceState::Voiding);
        desk.office.next(Fate::Issue);
        assert!(desk.work(2 * LONG).await.is_empty());
        assert_eq!(desk.only(&order).await.state, InvoiceState::Voided);
        let amounts: Vec<i64> = desk
            .office
            .invoices()
            .iter()
            .map(|one| one.amount)
            .collect();
        assert_eq!(amounts, [22000, -22000], "{}", desk.store.name);
        assert!(desk.mails.letters().is_empty());
    }
}

#[tokio::test]
async fn what_failed_is_withdrawn() {
    for desk in desks().await {
        desk.office.next(Fate::Fail);
        let (order, case) = desk.asked().await;
        desk.work(LONG).await;
        desk.refund(&order, &case, 22000).await;
        desk.work(LONG).await;
        assert_eq!(desk.only(&order).await.state, InvoiceState::Withdrawn);
        // Refused at once, so that the office has nothing under the number.
        desk.office.misbehaviour.next(Mode::Error, 1);
        let (order, case) = desk.asked().await;
        desk.work(LONG).await;
        desk.refund(&order, &case, 22000).await;
        desk.work(LONG).await;
        assert_eq!(
            desk.only(&order).await.state,
            InvoiceState::Withdrawn,
            "{}",
            desk.store.name
        );
    }
}

#[tokio::test]
async fn a_red_letter_invoice_is_ordered_once_though_its_answer_is_lost() {
    for desk in desks().await {
        for mode in [Mode::Drop, Mode::Repeat] {
            let (order, case) = desk.asked().await;
            desk.work(LONG).await;
            desk.office.misbehaviour.next(mode, 1);
            desk.refund(&order, &case, 22000).await;
            desk.work(LONG).await;
            assert_eq!(desk.only(&order).await.state, InvoiceState::Voided);
            let reds = desk.office.red_requests();
            assert_eq!(reds.len(), 1, "{mode:?} {}", desk.store.name);
            desk.office.forget();
        }
    }
}

#[tokio::test]
async fn a_refused_red_letter_invoice_is_tried_again_or_noted_by_hand() {
    for desk in desks().await {
        let (order, cases) = desk.paid(&[22000, 8000]).await;
        for case in &cases {
            desk.ask(&order, case).await.unwrap();
        }
        desk.work(LONG).await;
        desk.office.next(Fate::Fail);
        desk.refund(&order, &cases[0], 22000).await;
        desk.work(LONG).await;
        let refused = desk.only(&order).await;
        assert_eq!(refused.state, InvoiceState::VoidFailed);
        assert!(refused.error.contains("不能冲红"));

        desk.office.next(Fate::Fail);
        desk.retry(&refused.id).await.unwrap();
        desk.work(LONG).await;
        assert_eq!(desk.only(&order).await.state, InvoiceState::VoidFailed);
        assert_eq!(desk.office.red_requests().len(), 2);

        let void = async |number: &str| {
            let mut tx = desk.store.begin().await.unwrap();
            let noted = desk
                .invoices
                .void_by_hand(&mut tx, &desk.site, &refused.id, number, &clerk())
                .await;
            if noted.is_ok() {
                tx.commit().await.unwrap();
            }
            noted
        };
        assert!(matches!(void("1").await, Err(InvoiceError::BadNumber)));
        assert!(matches!(
            void(&refused.number).await,
            Err(InvoiceError::NotNow)
        ));
        void("26352000000000009999").await.unwrap();
        desk.work(LONG).await;
        let [first, second] = <[_; 2]>::try_from(desk.of(&order).await).unwrap();
        assert_eq!(first.red_number, "26352000000000009999");
        assert_eq!(
            (first.state, second.state, second.amount),
            (InvoiceState::Voided, InvoiceState::Issued, Fen(8000)),
            "{}",
            desk.store.name
        );
    }
}
