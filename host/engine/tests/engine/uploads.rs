//! Files that come and go while the application is being submitted.

use crate::applicant::{Application, scan};
use crate::hall::{administrator, halls};
use yinxin_core::rules::ItemStanding;
use yinxin_engine::{EngineError, Submission};

/// How often submission and upload race.
const RACES: usize = 15;

#[tokio::test(flavor = "multi_thread")]
async fn no_file_is_taken_away_from_what_was_submitted() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::ready(&hall, &account, "sub").await;
        let (mut submitted, mut removed) = (0, 0);
        for race in 0..RACES {
            let submission = {
                let (engine, site, case) =
                    (hall.engine.clone(), hall.site.clone(), case.id.clone());
                let actor = Application::applicant(&Application {
                    hall: &hall,
                    account: account.clone(),
                    id: case.clone(),
                });
                tokio::spawn(async move {
                    engine
                        .fire(&site, &actor, &case, "submit", &Submission::default())
                        .await
                })
            };
            let removal = {
                let (engine, site) = (hall.engine.clone(), hall.site.clone());
                let (case, account) = (case.id.clone(), account.clone());
                tokio::spawn(async move {
                    engine
                        .remove_upload(&site, &account, &case, "business-licence", 0)
                        .await
                })
            };
            let outcomes = (submission.await.unwrap(), removal.await.unwrap());
            match outcomes {
                (Ok(()), Err(EngineError::NotAllowed)) => {
                    submitted += 1;
                    let reason = [("business-licence", "图片不清晰，请重新扫描后上传。")];
                    case.refuse(&administrator(), &reason).await.unwrap();
                }
                (Err(EngineError::Problems(_)), Ok(())) => removed += 1,
                other => panic!("{} race {race}: {other:?}", hall.name()),
            }
            case.upload("business-licence", 0).await.unwrap();
        }
        assert_eq!(submitted + removed, RACES);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_arrives_during_the_submission_is_part_of_it_or_is_refused() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::ready(&hall, &account, "sub").await;
        for race in 0..RACES {
            let submission = {
                let (engine, site) = (hall.engine.clone(), hall.site.clone());
                let (actor, case) = (case.applicant(), case.id.clone());
                tokio::spawn(async move {
                    engine
                        .fire(&site, &actor, &case, "submit", &Submission::default())
                        .await
                })
            };
            let upload = {
                let (engine, site) = (hall.engine.clone(), hall.site.clone());
                let (case, account) = (case.id.clone(), account.clone());
                let file = ("执照.jpg".to_owned(), scan(200));
                tokio::spawn(async move {
                    engine
                        .upload(&site, &account, &case, "business-licence", 0, file)
                        .await
                })
            };
            submission.await.unwrap().unwrap();
            let upload = upload.await.unwrap();
            let page = case.desk().await;
            let licence = page
                .materials
                .iter()
                .find(|view| view.material.id == "business-licence");
            let shown = licence.unwrap().files[0].as_ref().unwrap();
            match upload {
                Ok(file) => assert_eq!(file.unwrap().id, shown.id),
                Err(EngineError::NotAllowed) => {}
                Err(other) => panic!("{} race {race}: {other:?}", hall.name()),
            }
            assert_eq!(licence.unwrap().standing, ItemStanding::Uploaded);
            let reason = [("business-licence", "图片不清晰，请重新扫描后上传。")];
            case.refuse(&administrator(), &reason).await.unwrap();
            case.upload("business-licence", 0).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_what_was_asked_for_is_refused_in_words() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::begin(&hall, &account).await;
        case.fill(&crate::applicant::answers("sub")).await;
        let file = ("执照.jpg".to_owned(), b"%PDF-1.7".to_vec());
        let (engine, site) = (&hall.engine, &hall.site);
        let taken = engine
            .upload(site, &account, &case.id, "business-licence", 0, file)
            .await;
        assert!(
            taken.unwrap().unwrap_err().contains("营业执照"),
            "{}",
            hall.name()
        );
        let file = ("章.jpg".to_owned(), scan(1));
        let taken = engine
            .upload(site, &account, &case.id, "seal-sheet", 0, file)
            .await;
        assert!(
            matches!(taken, Err(EngineError::NotAllowed)),
            "a sub key has no seal"
        );
    }
}
