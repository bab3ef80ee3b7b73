//! Money that goes back, comes twice, or comes too late.

use crate::applicant::Application;
use crate::hall::{administrator, clerk, halls};
use yinxin_core::definition::Role;
use yinxin_core::money::{Fen, Method};
use yinxin_engine::EngineError;
use yinxin_simulators::trades::PayMode;
use yinxin_store::postings::{self, Account};

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_cancels_and_the_fee_goes_back() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::paid(&hall, &account, "main").await;
        let reason = [("reason", "单位要求撤回")];
        let reviewer = clerk("审核员", &[Role::Reviewer]);
        let refused = case.by_clerk(&reviewer, "cancel", &reason).await;
        assert!(matches!(refused, Err(EngineError::NotAllowed)));
        case.by_clerk(&administrator(), "cancel", &reason)
            .await
            .unwrap();
        assert_eq!(case.state().await, "refunding", "{}", hall.name());
        hall.work(60).await;
        let page = case.page().await;
        assert_eq!(page.state.id, "cancelled");
        assert_eq!(page.order.unwrap().state, "refunded");
        let mut conn = hall.store.read().await.unwrap();
        let held = postings::balance(&mut conn, &hall.site, Account::Gateway(Method::Wechat)).await;
        assert_eq!(held.unwrap(), Fen(0));
        assert!(
            postings::unbalanced(&mut conn, &hall.site)
                .await
                .unwrap()
                .is_empty()
        );
        drop(conn);
        let last = hall.pocket.sms().pop().unwrap();
        assert_eq!(last.1, "SMS_470010006");
        // The main key is free again.
        Application::submitted(&hall, &account, "main").await;
        hall.verified_ledger().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_was_sent_back_gets_a_new_order() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::submitted(&hall, &account, "main").await;
        case.pass(&administrator()).await.unwrap();
        let first = case.page().await.order.unwrap();
        case.pay_unnoticed(PayMode::Drop).await;
        case.by_clerk(&administrator(), "send-back", &[("reason", "请核对")])
            .await
            .unwrap();
        assert_eq!(case.page().await.order.unwrap().state, "closed");
        // The money arrives at a closed order and goes back by itself.
        hall.work(60).await;
        assert_eq!(case.state().await, "to-correct", "{}", hall.name());
        case.submit().await.unwrap();
        case.pass(&administrator()).await.unwrap();
        let second = case.page().await.order.unwrap();
        assert_ne!(first.id, second.id);
        case.pay(PayMode::Normal).await;
        assert_eq!(case.state().await, "to-post");
        let mut conn = hall.store.read().await.unwrap();
        let held = postings::balance(&mut conn, &hall.site, Account::Gateway(Method::Wechat)).await;
        assert_eq!(held.unwrap(), Fen(22_000));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_application_is_corrected_without_paying_again() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::paid(&hall, &account, "main").await;
        case.by_clerk(&administrator(), "send-back", &[("reason", "经办人有变更")])
            .await
            .unwrap();
        let deleted = hall.engine.delete(&hall.site, &account, &case.id).await;
        let refused = crate::applicant::problems(deleted);
        assert!(refused[0].message.contains("已经付款"));
        let cheaper = case.save(&crate::applicant::answers("sub")).await;
        assert_eq!(cheaper[0].item.as_deref(), Some("lock-kind"));
        case.fill(&crate::applicant::answers("main")).await;
        case.submit().await.unwrap();
        case.pass(&administrator()).await.unwrap();
        assert_eq!(case.state().await, "to-post", "{}", hall.name());
    }
}
