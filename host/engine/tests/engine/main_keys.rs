//! One main key per unit and project, ever (manual rows J-8 and J-11).

use crate::applicant::{Application, answers, problems};
use crate::hall::{administrator, halls};
use yinxin_engine::{EngineError, Submission};

/// How often two submissions race; each database has its own way to let one of them wait.
const RACES: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_main_key_is_refused_with_the_offer_of_a_sub_key() {
    for hall in halls().await {
        let account = hall.registered().await;
        Application::submitted(&hall, &account, "main").await;

        let second = Application::begin(&hall, &account).await;
        let refused = second.save(&answers("main")).await;
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert_eq!(refused[0].item.as_deref(), Some("lock-kind"));
        let offer = refused[0].offer.as_ref().unwrap();
        assert_eq!(
            (offer.field.as_str(), offer.value.as_str()),
            ("lock-kind", "sub")
        );

        second.fill(&answers("sub")).await;
        second.prepare().await;
        let page = second.page().await;
        assert!(
            page.materials
                .iter()
                .all(|view| view.material.id != "seal-sheet")
        );
        assert!(
            page.papers
                .iter()
                .all(|view| view.document.id != "seal-sheet")
        );
        second.submit().await.unwrap();
        second.pass(&administrator()).await.unwrap();
        let order = second.page().await.order.unwrap();
        assert_eq!(order.total, 19_000, "{}", hall.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_main_keys_submitted_at_once_exactly_one_wins() {
    for hall in halls().await {
        let account = hall.registered().await;
        let cases = [
            Application::ready(&hall, &account, "main").await,
            Application::ready(&hall, &account, "main").await,
        ];
        for race in 0..RACES {
            let racing = cases.clone().map(|case| {
                let (engine, site, actor, id) = (
                    hall.engine.clone(),
                    hall.site.clone(),
                    case.applicant(),
                    case.id,
                );
                tokio::spawn(async move {
                    engine
                        .fire(&site, &actor, &id, "submit", &Submission::default())
                        .await
                })
            });
            let mut outcomes = Vec::new();
            for submission in racing {
                outcomes.push(submission.await.unwrap());
            }
            let won: Vec<_> = (0..2).filter(|at| outcomes[*at].is_ok()).collect();
            assert_eq!(won.len(), 1, "{} race {race}: {outcomes:?}", hall.name());
            let lost = problems(outcomes.swap_remove(1 - won[0]));
            assert!(lost[0].offer.is_some(), "{lost:?}");
            give_back(&cases[won[0]]).await;
        }
        hall.verified_ledger().await;
    }
}

/// The winner becomes a sub key, which releases the main key, and then wants to be a main key again.
async fn give_back(case: &Application<'_>) {
    let clerk = administrator();
    case.refuse(&clerk, &[("lock", "请改办副锁")])
        .await
        .unwrap();
    case.fill(&answers("sub")).await;
    case.submit().await.unwrap();
    case.refuse(&clerk, &[("lock", "请改办主锁")])
        .await
        .unwrap();
    case.fill(&answers("main")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_for_the_account_s_own_unit() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::begin(&hall, &account).await;
        let other = crate::applicant::answers_of("别的公司", "91360600MA35XK4C25", "sub");
        let items: Vec<_> = case
            .save(&other)
            .await
            .into_iter()
            .filter_map(|p| p.item)
            .collect();
        assert_eq!(items, ["unit-name", "uscc"]);
        assert!(
            matches!(case.submit().await, Err(EngineError::Problems(_))),
            "{}",
            hall.name()
        );
    }
}
