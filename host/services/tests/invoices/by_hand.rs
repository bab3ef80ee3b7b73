//! Invoices that a clerk uploads.

use crate::desk::{clerk, desks, desks_without_provider};
use yinxin_core::money::Fen;
use yinxin_services::invoices::{InvoiceError, InvoiceKind, InvoiceState};
use yinxin_simulators::invoice::Fate;
use yinxin_simulators::misbehave::Mode;
use yinxin_store::order_events::OrderEventKind;

const LONG: i64 = 3600;
const NUMBER: &str = "26352000000000000077";
const RIGHT_NUMBER: &str = "26352000000000000078";

#[tokio::test]
async fn without_a_provider_a_clerk_uploads_and_corrects() {
    for desk in desks_without_provider().await {
        let (order, case) = desk.asked().await;
        assert!(desk.work(LONG).await.is_empty());
        assert_eq!(desk.only(&order).await.state, InvoiceState::Waiting);
        assert!(desk.invoices.can_upload(&desk.site, &order).await.unwrap());
        let bad = desk.upload(&order, "123").await;
        assert!(matches!(bad, Err(InvoiceError::BadNumber)));
        assert!(desk.take(&order, b"<html></html>").await.is_err());

        desk.upload(&order, " 2635 2000 0000 0000 0077 ")
            .await
            .unwrap();
        assert_eq!(desk.work(LONG).await, [case]);
        let [waited, uploaded] = <[_; 2]>::try_from(desk.of(&order).await).unwrap();
        assert_eq!(waited.state, InvoiceState::Withdrawn);
        assert_eq!(
            (uploaded.state, uploaded.kind, uploaded.number.as_str()),
            (InvoiceState::Issued, InvoiceKind::ByHand, NUMBER)
        );
        assert_eq!(uploaded.amount, Fen(22000));
        assert_eq!(desk.mails.letters()[0].attachments.len(), 1);

        // The wrong file: the right one takes its place and is mailed, the case has heard already.
        desk.upload(&order, RIGHT_NUMBER).await.unwrap();
        assert!(desk.work(LONG).await.is_empty());
        let all = desk.of(&order).await;
        assert_eq!(all[1].state, InvoiceState::Replaced);
        assert!(all[1].file.is_some(), "the history keeps the wrong one");
        assert_eq!((all[2].state, all[2].live), (InvoiceState::Issued, true));
        assert_eq!(desk.mails.letters().len(), 2, "{}", desk.store.name);
        assert!(desk.mails.letters()[1].body.contains(RIGHT_NUMBER));
        use OrderEventKind::{InvoiceAsked, InvoiceUploaded};
        assert_eq!(
            desk.history(&order).await,
            [InvoiceAsked, InvoiceUploaded, InvoiceUploaded]
        );

        let (other, _) = desk.asked().await;
        let taken = desk.upload(&other, NUMBER).await;
        assert!(matches!(taken, Err(InvoiceError::NumberTaken(of)) if of == order));
    }
}

#[tokio::test]
async fn an_upload_is_voided_by_a_clerk_too() {
    for desk in desks_without_provider().await {
        let (order, cases) = desk.paid(&[22000, 8000]).await;
        for case in &cases {
            desk.ask(&order, case).await.unwrap();
        }
        let id = desk.upload(&order, NUMBER).await.unwrap();
        desk.work(LONG).await;
        desk.refund(&order, &cases[1], 8000).await;
        desk.work(LONG).await;
        let voiding = desk.of(&order).await.pop().unwrap();
        assert_eq!(voiding.state, InvoiceState::Voiding);
        assert!(!desk.invoices.can_upload(&desk.site, &order).await.unwrap());
        let mut tx = desk.store.begin().await.unwrap();
        desk.invoices
            .void_by_hand(&mut tx, &desk.site, &id, RIGHT_NUMBER, &clerk())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let all = desk.of(&order).await;
        let rest = all.last().unwrap();
        assert_eq!(
            (rest.state, rest.amount, rest.live),
            (InvoiceState::Waiting, Fen(22000), true),
            "{}",
            desk.store.name
        );
    }
}

#[tokio::test]
async fn a_clerk_does_not_get_ahead_of_the_provider() {
    for desk in desks().await {
        let (order, _) = desk.asked().await;
        assert!(matches!(
            desk.upload(&order, NUMBER).await,
            Err(InvoiceError::NotNow)
        ));
        desk.work(LONG).await;
        assert!(matches!(
            desk.upload(&order, NUMBER).await,
            Err(InvoiceError::NotNow)
        ));
        assert!(!desk.invoices.can_upload(&desk.site, &order).await.unwrap());
        assert_eq!(desk.mails.letters().len(), 1, "{}", desk.store.name);
    }
}

#[tokio::test]
async fn after_a_refusal_or_a_day_a_clerk_uploads_and_what_comes_late_is_voided() {
    for desk in desks().await {
        desk.office.misbehaviour.next(Mode::Error, 1);
        let (order, case) = desk.asked().await;
        desk.work(LONG).await;
        desk.upload(&order, NUMBER).await.unwrap();
        assert_eq!(desk.work(LONG).await, [case]);
        let states: Vec<_> = desk.of(&order).await.iter().map(|one| one.state).collect();
        assert_eq!(states, [InvoiceState::Withdrawn, InvoiceState::Issued]);

        desk.office.next(Fate::Wait);
        let (order, case) = desk.asked().await;
        desk.work(60).await;
        assert!(!desk.invoices.can_upload(&desk.site, &order).await.unwrap());
        desk.clock.advance(24 * 3600);
        assert!(desk.invoices.can_upload(&desk.site, &order).await.unwrap());
        desk.upload(&order, RIGHT_NUMBER).await.unwrap();
        assert_eq!(desk.work(600).await, [case]);
        desk.office.next(Fate::Issue);
        desk.work(2 * LONG).await;
        let [late, uploaded] = <[_; 2]>::try_from(desk.of(&order).await).unwrap();
        assert_eq!((late.state, late.live), (InvoiceState::Voided, false));
        assert_eq!(
            (uploaded.state, uploaded.live),
            (InvoiceState::Issued, true)
        );
        let amounts: Vec<i64> = desk
            .office
            .invoices()
            .iter()
            .map(|one| one.amount)
            .collect();
        assert_eq!(amounts, [22000, -22000], "{}", desk.store.name);
        assert_eq!(desk.mails.letters().len(), 2);
    }
}

#[tokio::test]
async fn a_clerk_brings_the_file_that_the_provider_does_not_give() {
    for desk in desks().await {
        desk.office.misbehaviour.next(Mode::Forge, 99);
        let (order, case) = desk.asked().await;
        assert!(desk.work(60).await.is_empty());
        let issued = desk.only(&order).await;
        assert_eq!(issued.state, InvoiceState::Requested);
        assert!(matches!(
            desk.upload(&order, NUMBER).await,
            Err(InvoiceError::NotNow)
        ));
        let id = desk.upload(&order, &issued.number).await.unwrap();
        assert_eq!(id, issued.id);
        assert_eq!(desk.work(LONG).await, [case]);
        let done = desk.only(&order).await;
        assert_eq!(
            (done.state, done.error.as_str()),
            (InvoiceState::Issued, ""),
            "{}",
            desk.store.name
        );
        assert_eq!(desk.mails.letters().len(), 1);
    }
}

#[tokio::test]
async fn a_case_that_asks_late_hears_of_the_upload_at_once() {
    for desk in desks_without_provider().await {
        let (order, cases) = desk.paid(&[22000, 8000]).await;
        desk.upload(&order, NUMBER).await.unwrap();
        assert!(desk.work(LONG).await.is_empty(), "nobody has asked");
        desk.ask(&order, &cases[1]).await.unwrap();
        assert_eq!(
            desk.work(LONG).await,
            [cases[1].clone()],
            "{}",
            desk.store.name
        );
        assert_eq!(desk.only(&order).await.state, InvoiceState::Issued);
    }
}
