//! Time that goes by: due dates, and transitions that come by themselves.

use crate::applicant::Application;
use crate::hall::{administrator, clerk, halls, halls_with};
use yinxin_core::calendar::Calendar;
use yinxin_core::definition::Role;
use yinxin_core::ids::OrderId;
use yinxin_core::time::{Clock, Millis};
use yinxin_simulators::trades::PayMode;

const DAY: i64 = 24 * 3600; // seconds

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_nobody_pays_is_closed_after_thirty_days() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::submitted(&hall, &account, "main").await;
        case.pass(&administrator()).await.unwrap();
        hall.clock.advance(30 * DAY - 60);
        hall.engine.work_off().await.unwrap();
        assert_eq!(case.state().await, "to-pay", "{}", hall.name());
        hall.clock.advance(120);
        // The host closes the order by itself on the same day, whichever comes first.
        hall.engine.keep_house().await.unwrap();
        hall.engine.work_off().await.unwrap();
        let page = case.page().await;
        assert_eq!(page.state.id, "cancelled");
        assert_eq!(page.order.unwrap().state, "closed");
        let history = case.history().await;
        assert_eq!(history.last().unwrap().entry.actor_kind, "timer");
        // The main key is free again.
        Application::submitted(&hall, &account, "main").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_of_a_state_that_was_left_does_nothing() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::submitted(&hall, &account, "sub").await;
        case.pass(&administrator()).await.unwrap();
        // Sent back and passed again: a second stay in the same state, with a timer of its own.
        hall.clock.advance(10 * DAY);
        case.by_clerk(&administrator(), "send-back", &[("reason", "请核对发票")])
            .await
            .unwrap();
        case.submit().await.unwrap();
        case.pass(&administrator()).await.unwrap();
        hall.clock.advance(25 * DAY);
        hall.engine.work_off().await.unwrap();
        assert_eq!(
            case.state().await,
            "to-pay",
            "{}: the first stay's timer is void",
            hall.name()
        );
        case.pay(PayMode::Normal).await;
        let rows = case.history().await.len();
        hall.clock.advance(31 * DAY);
        hall.engine.work_off().await.unwrap();
        assert_eq!(case.state().await, "to-post");
        assert_eq!(case.history().await.len(), rows);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn due_dates_count_working_days_over_a_holiday() {
    let calendar = Calendar::new(
        &["2026-10-01..2026-10-07".to_owned()],
        &["2026-10-10".to_owned()],
    );
    for hall in halls_with(calendar.unwrap()).await {
        // The Wednesday before the national holiday.
        hall.clock
            .set(Millis::start_of("2026-09-30".parse().unwrap()).plus(10 * 3600));
        let account = hall.registered().await;
        let case = Application::submitted(&hall, &account, "sub").await;
        let end_of_friday = Millis(Millis::start_of("2026-10-10".parse().unwrap()).0 - 1);
        let page = case.page().await;
        assert_eq!(page.due_at, Some(end_of_friday), "{}", hall.name());
        let reviewer = clerk("审核员", &[Role::Reviewer]);
        let overdue = async || hall.engine.queues(&hall.site, &reviewer).await.unwrap()[0].overdue;
        assert_eq!(overdue().await, 0);
        hall.clock.set(end_of_friday.plus(1));
        assert!(hall.clock.now() > end_of_friday);
        assert_eq!(overdue().await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_came_on_the_last_day_is_not_overtaken_by_the_timer() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::submitted(&hall, &account, "main").await;
        case.pass(&administrator()).await.unwrap();
        hall.clock.advance(30 * DAY - 300);
        hall.engine.work_off().await.unwrap();
        case.pay_unnoticed(PayMode::Drop).await;
        // The page asks the provider; nobody has told the case yet.
        let order = OrderId::from_stored(case.page().await.order.unwrap().id);
        let view = hall
            .services
            .payments
            .order_view(&hall.site, &order)
            .await
            .unwrap();
        hall.services
            .payments
            .poll(&hall.site, &view.payment.unwrap().id)
            .await
            .unwrap();
        assert_eq!(case.page().await.order.unwrap().state, "paid");
        // The timer was due before the event was written: it is looked at first.
        let set = case.page().await.entered_at.plus(30 * DAY);
        hall.clock.set(set.plus(1));
        hall.store.delay("case-event", set.plus(2)).await;
        hall.engine.work_off().await.unwrap();
        assert_eq!(case.state().await, "to-pay", "{}", hall.name());
        hall.work(60).await;
        assert_eq!(case.state().await, "to-post");
    }
}
