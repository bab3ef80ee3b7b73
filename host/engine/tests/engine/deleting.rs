//! Deleting an application (manual row J-6).

use crate::applicant::{Application, answers};
use crate::hall::{administrator, halls};
use yinxin_core::identity::Standing;
use yinxin_engine::views::ListFilter;
use yinxin_engine::{EngineError, Submission};
use yinxin_services::identity::{IdentityError, State};
use yinxin_store::papers;

const LETTER: &str = "authorisation-letter";

#[tokio::test(flavor = "multi_thread")]
async fn deleting_voids_check_and_letter_and_releases_the_main_key() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::begin(&hall, &account).await;
        case.fill(&answers("main")).await;
        case.print().await;
        let token = case.pass_face_check().await;
        case.upload_all().await;
        case.submit().await.unwrap();
        let (engine, identity) = (&hall.engine, &hall.services.identity);
        let under_review = engine.delete(&hall.site, &account, &case.id).await;
        assert!(matches!(under_review, Err(EngineError::NotAllowed)));

        case.refuse(&administrator(), &[("unit", "名称不符")])
            .await
            .unwrap();
        engine.delete(&hall.site, &account, &case.id).await.unwrap();
        let gone = engine.page(&hall.site, &case.applicant(), &case.id).await;
        assert!(matches!(gone, Err(EngineError::NotFound)));
        let again = engine.delete(&hall.site, &account, &case.id).await;
        assert!(matches!(again, Err(EngineError::NotFound)));
        let mine = engine
            .my_cases(&hall.site, &account, &ListFilter::default(), None, 10)
            .await;
        assert!(mine.unwrap().lines.is_empty());
        assert_eq!(
            case.desk().await.state.id,
            "deleted",
            "a clerk still sees it"
        );
        let voided = identity.by_token(&hall.site, &token).await.unwrap();
        assert_eq!(voided.state, State::Voided);
        let scanned = identity.start(&hall.site, &token).await;
        assert!(
            matches!(scanned, Err(IdentityError::Voided)),
            "{}",
            hall.name()
        );
        let mut conn = hall.store.read().await.unwrap();
        let letter = papers::latest(&mut conn, &hall.site, &case.id, LETTER)
            .await
            .unwrap();
        assert!(letter.is_none());
        drop(conn);

        // Applying again: a new letter, a new check, and the main key is free.
        let next = Application::begin(&hall, &account).await;
        next.fill(&answers("main")).await;
        assert_eq!(next.page().await.checks[0].standing, Standing::None);
        next.print().await;
        assert_eq!(next.page().await.checks[0].standing, Standing::Waiting);
        assert_ne!(next.pass_face_check().await, token);
        next.upload_all().await;
        next.submit().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_transition_delete_deletes_wherever_it_comes_from() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::begin(&hall, &account).await;
        case.fire(&case.applicant(), "delete", &Submission::default())
            .await
            .unwrap();
        let gone = hall
            .engine
            .page(&hall.site, &case.applicant(), &case.id)
            .await;
        assert!(
            matches!(gone, Err(EngineError::NotFound)),
            "{}",
            hall.name()
        );
        let late = case
            .fire(&case.applicant(), "submit", &Submission::default())
            .await;
        assert!(matches!(late, Err(EngineError::NotFound)), "{late:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_legal_representative_needs_a_check_of_their_own() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::ready(&hall, &account, "sub").await;
        assert_eq!(case.page().await.checks[0].standing, Standing::Passed);
        let other = crate::applicant::with(answers("sub"), "legal-name", "赵敏");
        case.fill(&other).await;
        let page = case.page().await;
        assert_eq!(page.checks[0].standing, Standing::None, "{}", hall.name());
        let letter = page
            .papers
            .iter()
            .find(|view| view.document.id == LETTER)
            .unwrap();
        assert!(
            letter.made_at.is_none(),
            "the letter with the old code is void"
        );
        assert!(matches!(case.submit().await, Err(EngineError::Problems(_))));
    }
}
