//! Queues, search and an applicant's own list (manual rows C-4 and C-6).

use crate::applicant::{Application, HANDLER_MOBILE};
use crate::hall::{ACCOUNT_MOBILE, UNIT, USCC, administrator, clerk, halls};
use yinxin_core::definition::{Role, Tone};
use yinxin_engine::views::ListFilter;

fn text(text: &str) -> ListFilter {
    ListFilter {
        text: text.to_owned(),
        ..ListFilter::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clerk_finds_a_case_by_all_that_is_written_on_its_papers() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::paid(&hall, &account, "sub").await;
        case.to_invoice().await;
        let page = case.desk().await;
        let serial = page.certificates[0].serial.clone();
        let (engine, clerk) = (&hall.engine, administrator());
        let found = async |typed: &str| {
            let lines = engine
                .search(&hall.site, &clerk, &text(typed), None, 9)
                .await
                .unwrap();
            lines
                .lines
                .into_iter()
                .map(|line| line.id)
                .collect::<Vec<_>>()
        };
        for typed in [
            page.number.as_str(),
            UNIT,
            "某某建设",
            USCC,
            "91360600ma35xk4c12",
            HANDLER_MOBILE,
            ACCOUNT_MOBILE,
            "139 0701 0002",
            "360602198001010010",
            "360602199002020020",
            "SF1300000000001",
            "sf1300000000009",
            &serial,
            &serial.to_uppercase(),
        ] {
            assert_eq!(
                found(typed).await,
                std::slice::from_ref(&case.id),
                "{} {typed}",
                hall.name()
            );
        }
        assert!(found("13907019999").await.is_empty());
        assert!(found("没有这家单位").await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_paged_without_losing_or_repeating_a_line() {
    for hall in halls().await {
        let account = hall.registered().await;
        let mut all = Vec::new();
        for _ in 0..7 {
            all.push(Application::begin(&hall, &account).await.id);
        }
        let (engine, filter) = (&hall.engine, ListFilter::default());
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = engine
                .my_cases(&hall.site, &account, &filter, after.as_deref(), 3)
                .await;
            let page = page.unwrap();
            assert!(page.lines.len() <= 3);
            seen.extend(page.lines.into_iter().map(|line| line.id));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        seen.reverse();
        assert_eq!(seen, all, "{}: newest first", hall.name());
        let (mut seen, mut after) = (Vec::new(), None);
        let boss = administrator();
        loop {
            let page = engine
                .search(&hall.site, &boss, &filter, after.as_deref(), 3)
                .await
                .unwrap();
            seen.extend(page.lines.into_iter().map(|line| line.id));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, all);
        let tones = engine.tones(&hall.site, &account).await.unwrap();
        assert_eq!(tones, [(Tone::Draft, 7)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_says_what_its_reader_may_do_and_nothing_else() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::submitted(&hall, &account, "sub").await;
        let (engine, filter) = (&hall.engine, ListFilter::default());
        let mine = engine
            .my_cases(&hall.site, &account, &filter, None, 9)
            .await
            .unwrap();
        assert_eq!(mine.lines[0].state_label, "等待初审");
        assert!(mine.lines[0].actions.is_empty());
        let reviewer = clerk("审核员", &[Role::Reviewer]);
        let queue = engine
            .queue(&hall.site, &reviewer, Role::Reviewer, &filter, None, 9)
            .await;
        let line = &queue.unwrap().lines[0];
        assert_eq!((&line.id, line.state_label.as_str()), (&case.id, "待初审"));
        assert_eq!(line.actions, ["初审通过", "退回改正"]);
        engine.claim(&hall.site, &reviewer, &case.id).await.unwrap();
        let held = engine.claimed(&hall.site, &reviewer, 9).await.unwrap();
        assert_eq!(held.lines.len(), 1);
        assert!(
            held.lines[0].claim.as_ref().unwrap().mine,
            "{}",
            hall.name()
        );
    }
}
