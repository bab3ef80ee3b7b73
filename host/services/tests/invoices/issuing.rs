//! From the cases' wish to the invoice in the order and in the mail.

use crate::desk::desks;
use yinxin_core::ids::{CaseId, OrderId, SiteId};
use yinxin_core::money::Fen;
use yinxin_services::invoices::{INVOICE_JOB, InvoiceError, InvoiceKind, InvoiceState};
use yinxin_services::payments::OrderDetails;
use yinxin_simulators::invoice::Fate;
use yinxin_simulators::misbehave::Mode;
use yinxin_store::order_events::OrderEventKind;

/// Seconds in which every job of these tests is through.
const LONG: i64 = 3600;

#[tokio::test]
async fn an_invoice_follows_when_every_case_has_asked() {
    for desk in desks().await {
        let (order, cases) = desk.paid(&[22000, 8001]).await;
        desk.ask(&order, &cases[0]).await.unwrap();
        desk.ask(&order, &cases[0]).await.unwrap();
        assert!(desk.work(LONG).await.is_empty());
        assert!(desk.of(&order).await.is_empty(), "{}", desk.store.name);

        desk.ask(&order, &cases[1]).await.unwrap();
        assert_eq!(desk.only(&order).await.state, InvoiceState::Waiting);
        let mut told = desk.work(LONG).await;
        told.sort();
        assert_eq!(told, cases);
        let invoice = desk.only(&order).await;
        assert_eq!(
            (invoice.state, invoice.kind, invoice.amount),
            (InvoiceState::Issued, InvoiceKind::Provider, Fen(30001))
        );
        assert_eq!(invoice.number.len(), 20);

        let file = desk
            .uploads
            .read_original(&desk.site, &invoice.file.unwrap())
            .await
            .unwrap();
        assert_eq!(file.media_type, "application/pdf");
        assert!(file.bytes.starts_with(b"%PDF-"));
        let letters = desk.mails.letters();
        assert_eq!(letters.len(), 1);
        assert_eq!(letters[0].to, "finance@example.com");
        assert!(letters[0].subject.contains(&invoice.order_number));
        assert!(letters[0].body.contains(&invoice.number));
        assert!(letters[0].body.contains("300.01"));
        let (name, kind, bytes) = &letters[0].attachments[0];
        assert_eq!(
            (name.as_str(), kind.as_str()),
            (file.name.as_str(), "application/pdf")
        );
        assert_eq!(bytes, &file.bytes);

        let [issued] = <[_; 1]>::try_from(desk.office.invoices()).unwrap();
        assert_eq!(issued.buyer_tax_number, "91350100M000100Y43");
        assert_eq!((issued.amount, issued.tax), (30001, 1245 + 453));
        assert!(issued.order_no.len() <= 20);
        assert_eq!(
            desk.history(&order).await,
            [OrderEventKind::InvoiceAsked, OrderEventKind::InvoiceIssued]
        );
    }
}

#[tokio::test]
async fn it_is_issued_once_however_often_the_job_runs() {
    for desk in desks().await {
        let (order, _) = desk.asked().await;
        desk.work(LONG).await;
        for _ in 0..3 {
            assert_eq!(desk.store.forget_done(INVOICE_JOB).await, 1);
            desk.work(LONG).await;
        }
        assert_eq!(desk.office.invoices().len(), 1, "{}", desk.store.name);
        assert_eq!(desk.mails.letters().len(), 1);
        assert_eq!(desk.only(&order).await.state, InvoiceState::Issued);
    }
}

#[tokio::test]
async fn two_workers_at_once_order_one_invoice() {
    for desk in desks().await {
        let (order, _) = desk.asked().await;
        let payload = format!(r#"{{"invoice_id":"{}"}}"#, desk.only(&order).await.id);
        let run = || desk.invoices.run_job(&desk.site, INVOICE_JOB, &payload);
        let (one, two, three) = tokio::join!(run(), run(), run());
        for ended in [one, two, three] {
            ended.unwrap();
        }
        desk.work(LONG).await;
        assert_eq!(desk.office.invoices().len(), 1, "{}", desk.store.name);
        assert_eq!(desk.only(&order).await.state, InvoiceState::Issued);
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_and_not_ordered_anew() {
    for desk in desks().await {
        // The answer breaks off; the order was taken twice, the second refused; nobody remembers it.
        for mode in [Mode::Drop, Mode::Repeat] {
            desk.office.misbehaviour.next(mode, 1);
            let (order, _) = desk.asked().await;
            let told = desk.work(LONG).await;
            assert_eq!(told.len(), 1, "{mode:?}");
            assert_eq!(desk.only(&order).await.state, InvoiceState::Issued);
            let ours: Vec<_> = desk.office.invoices();
            assert_eq!(ours.len(), 1);
            desk.office.forget();
        }
    }
}

#[tokio::test]
async fn an_order_that_never_arrived_is_sent_again_under_its_number() {
    for mut desk in desks().await {
        let (order, _) = desk.asked().await;
        desk.close_office().await;
        desk.work(60).await;
        let waits = desk.only(&order).await;
        assert_eq!(waits.state, InvoiceState::Requested);
        assert!(waits.error.contains("连不上开票服务"), "{}", waits.error);
        desk.open_office().await;
        desk.work(LONG).await;
        assert_eq!(desk.only(&order).await.state, InvoiceState::Issued);
        let number = &desk.office.invoices()[0].order_no;
        assert_eq!(
            number,
            &format!("{}01", desk.only(&order).await.order_number)
        );

        // The office loses what it had taken in, before it was issued.
        desk.office.next(Fate::Wait);
        let (order, _) = desk.asked().await;
        desk.work(60).await;
        desk.office.forget();
        desk.office.next(Fate::Issue);
        desk.work(LONG).await;
        assert_eq!(desk.only(&order).await.state, InvoiceState::Issued);
        assert_eq!(desk.office.invoices().len(), 1, "{}", desk.store.name);
    }
}

#[tokio::test]
async fn what_was_refused_is_tried_again_by_a_clerk() {
    for desk in desks().await {
        desk.office.misbehaviour.next(Mode::Error, 1);
        let (order, _) = desk.asked().await;
        assert!(desk.work(LONG).await.is_empty());
        let refused = desk.only(&order).await;
        assert_eq!(refused.state, InvoiceState::Failed);
        assert!(refused.error.contains("控制页面安排的错误"));

        // Taken in, and refused by the tax office afterwards.
        desk.office.next(Fate::Fail);
        desk.retry(&refused.id).await.unwrap();
        desk.work(LONG).await;
        let failed = desk.only(&order).await;
        assert_eq!(failed.state, InvoiceState::Failed);
        assert!(failed.error.contains("购方税号"));

        desk.retry(&refused.id).await.unwrap();
        assert_eq!(desk.work(LONG).await.len(), 1);
        let issued = desk.only(&order).await;
        assert_eq!(
            (issued.state, issued.error.as_str()),
            (InvoiceState::Issued, "")
        );
        assert_eq!(
            desk.office.invoices().len(),
            2,
            "the failed one and the good one"
        );
        assert!(matches!(
            desk.retry(&issued.id).await,
            Err(InvoiceError::NotNow)
        ));
        use OrderEventKind::{InvoiceAsked, InvoiceFailed, InvoiceIssued, InvoiceRetried};
        assert_eq!(
            desk.history(&order).await,
            [
                InvoiceAsked,
                InvoiceFailed,
                InvoiceRetried,
                InvoiceFailed,
                InvoiceRetried,
                InvoiceIssued
            ]
        );
    }
}

#[tokio::test]
async fn a_retry_finds_what_was_issued_in_the_meantime() {
    for desk in desks().await {
        desk.office.next(Fate::Fail);
        let (order, _) = desk.asked().await;
        desk.work(LONG).await;
        let failed = desk.only(&order).await;
        assert_eq!(failed.state, InvoiceState::Failed);
        // Somebody had it issued on the provider's own pages.
        desk.office.issue_failed();
        desk.retry(&failed.id).await.unwrap();
        desk.work(LONG).await;
        assert_eq!(desk.only(&order).await.state, InvoiceState::Issued);
        assert_eq!(desk.office.invoices().len(), 1, "{}", desk.store.name);
    }
}

#[tokio::test]
async fn a_file_without_a_seal_or_that_is_none_is_fetched_later() {
    for desk in desks().await {
        desk.office.next(Fate::Seal);
        let (order, _) = desk.asked().await;
        assert_eq!(desk.work(LONG).await.len(), 1);
        assert_eq!(desk.only(&order).await.state, InvoiceState::Issued);

        desk.office.misbehaviour.next(Mode::Forge, 1);
        let (order, _) = desk.asked().await;
        desk.work(15).await;
        let issued = desk.only(&order).await;
        assert_eq!(issued.state, InvoiceState::Requested);
        assert!(issued.error.contains("版式文件"), "{}", issued.error);
        assert_eq!(desk.work(LONG).await.len(), 1);
        let issued = desk.only(&order).await;
        assert_eq!(
            (issued.state, issued.error.as_str()),
            (InvoiceState::Issued, "")
        );
        assert_eq!(desk.office.invoices().len(), 2, "{}", desk.store.name);
    }
}

#[tokio::test]
async fn who_gives_no_title_is_a_person_and_who_gives_no_address_gets_no_mail() {
    for desk in desks().await {
        let (order, cases) = desk.paid_for(&[100], &OrderDetails::default()).await;
        desk.ask(&order, &cases[0]).await.unwrap();
        assert_eq!(desk.work(LONG).await, cases);
        let [issued] = <[_; 1]>::try_from(desk.office.invoices()).unwrap();
        assert_eq!(
            (issued.buyer.as_str(), issued.buyer_tax_number.as_str()),
            ("个人", "")
        );
        assert!(desk.mails.letters().is_empty());
    }
}

#[tokio::test]
async fn a_wrong_tax_number_is_named_and_can_be_corrected() {
    for desk in desks().await {
        let mut details = OrderDetails {
            invoice_title: "福建某某建设有限公司".to_owned(),
            tax_number: "91350100M000100Y44".to_owned(),
            ..OrderDetails::default()
        };
        let (order, cases) = desk.paid_for(&[22000], &details).await;
        desk.ask(&order, &cases[0]).await.unwrap();
        desk.work(LONG).await;
        let failed = desk.only(&order).await;
        assert_eq!(failed.state, InvoiceState::Failed);
        assert!(failed.error.contains("税号有误"));
        assert!(desk.office.invoices().is_empty());

        details.tax_number = "91350100M000100Y43".to_owned();
        let mut tx = desk.store.begin().await.unwrap();
        desk.payments
            .set_details(&mut tx, &desk.site, &order, &details)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        desk.retry(&failed.id).await.unwrap();
        assert_eq!(desk.work(LONG).await, cases);
        assert_eq!(desk.only(&order).await.state, InvoiceState::Issued);
    }
}

#[tokio::test]
async fn nobody_asks_for_what_was_not_paid_or_is_not_theirs() {
    for desk in desks().await {
        let (order, _) = desk.paid(&[22000]).await;
        let stranger = desk.ask(&order, &CaseId::generate()).await;
        assert!(matches!(stranger, Err(InvoiceError::NothingToInvoice)));

        let (order, case) = desk.asked().await;
        desk.work(LONG).await;
        let invoice = desk.only(&order).await;
        let other = SiteId::parse("jiangxi").unwrap();
        let found = desk.invoices.of_order(&other, &order).await.unwrap();
        assert!(found.is_empty());
        let listed = desk.invoices.list(&other, None, None, 9).await.unwrap();
        assert!(listed.is_empty());
        let taken = desk.take(&order, b"%PDF-1.4\n%%EOF\n").await.unwrap();
        let mut tx = desk.store.begin().await.unwrap();
        let by = crate::desk::clerk();
        assert!(is_not_found(
            desk.invoices.retry(&mut tx, &other, &invoice.id, &by).await
        ));
        assert!(is_not_found(
            desk.invoices.ask(&mut tx, &other, &order, &case).await
        ));
        let file = invoice.file.unwrap();
        assert!(desk.uploads.read_original(&other, &file).await.is_err());
        let put = desk
            .invoices
            .upload_by_hand(&mut tx, &other, &order, "26352000000000000009", taken, &by)
            .await;
        assert!(is_not_found(put));
        let nowhere = OrderId::generate();
        assert!(is_not_found(
            desk.invoices
                .ask(&mut tx, &desk.site, &nowhere, &case)
                .await
        ));
    }
}

fn is_not_found<T>(outcome: Result<T, InvoiceError>) -> bool {
    matches!(
        outcome,
        Err(InvoiceError::Store(yinxin_store::StoreError::NotFound))
    )
}

#[tokio::test]
async fn a_clerk_lists_invoices_by_state() {
    for desk in desks().await {
        let (first, _) = desk.asked().await;
        desk.work(LONG).await;
        let (second, _) = desk.asked().await;
        let list = async |state| {
            let all = desk
                .invoices
                .list(&desk.site, state, None, 9)
                .await
                .unwrap();
            all.into_iter().map(|one| one.order).collect::<Vec<_>>()
        };
        assert_eq!(
            list(Some(InvoiceState::Issued)).await,
            std::slice::from_ref(&first)
        );
        assert_eq!(
            list(Some(InvoiceState::Waiting)).await,
            std::slice::from_ref(&second)
        );
        assert_eq!(list(None).await, [second, first], "{}", desk.store.name);
    }
}
