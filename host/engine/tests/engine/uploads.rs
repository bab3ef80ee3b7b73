//! Files that come and go while the application is being submitted.

use crate::applicant::{Application, problems, said, scan};
use crate::hall::{administrator, halls};
use yinxin_core::rules::ItemStanding;
use yinxin_engine::{Actor, EngineError, Submission};

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
            let submitted = licence(&case).await;
            match upload.await.unwrap() {
                Ok(file) => assert_eq!(Some(file.unwrap().id), submitted.1),
                Err(EngineError::NotAllowed) => {}
                Err(other) => panic!("{} race {race}: {other:?}", hall.name()),
            }
            assert_eq!(
                licence(&case).await,
                submitted,
                "{} race {race}",
                hall.name()
            );
            assert_eq!(submitted.0, ItemStanding::Uploaded);
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

#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_that_cannot_be_read_or_is_only_claimed_stops_the_event() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::paid(&hall, &account, "sub").await;
        case.to_invoice().await;
        let file = case.page().await.materials[0].files[0]
            .as_ref()
            .unwrap()
            .id
            .clone();
        let before = hall.store.rows().await;
        let clerk = Actor::Clerk(administrator());
        let number = ("invoice-number", "26362000000012345678");
        let torn = Submission {
            attachments: vec![(
                "invoice-file".into(),
                "a.pdf".into(),
                b"%PDF-1.7 torn".to_vec(),
            )],
            ..said(&[number])
        };
        let refused = problems(case.fire(&clerk, "invoice", &torn).await);
        assert_eq!(refused[0].item.as_deref(), Some("invoice-file"));
        assert!(refused[0].message.contains("PDF"), "{refused:?}");
        // An id that is typed is no file that came along.
        let claimed = said(&[number, ("invoice-file", &file)]);
        let refused = problems(case.fire(&clerk, "invoice", &claimed).await);
        assert_eq!(refused[0].item.as_deref(), Some("invoice-file"));
        assert_eq!(hall.store.rows().await, before, "{}", hall.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_uploaded_and_taken_away_is_in_the_history_for_clerks() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::begin(&hall, &account).await;
        case.fill(&crate::applicant::answers("sub")).await;
        case.upload("business-licence", 0).await.unwrap();
        let (engine, site) = (&hall.engine, &hall.site);
        engine
            .remove_upload(site, &account, &case.id, "business-licence", 0)
            .await
            .unwrap();
        let labels = |page: yinxin_engine::views::CasePage| {
            page.history
                .into_iter()
                .map(|line| line.label)
                .collect::<Vec<_>>()
        };
        let all = ["开始申请", "保存填写内容", "上传文件", "删除文件"];
        assert_eq!(labels(case.desk().await), all, "{}", hall.name());
        assert_eq!(
            labels(case.page().await),
            ["开始申请"],
            "their own steps are noise"
        );
        assert_eq!(licence(&case).await, (ItemStanding::Missing, None));
        hall.verified_ledger().await;
    }
}

/// Standing and file of the business licence.
async fn licence(case: &Application<'_>) -> (ItemStanding, Option<String>) {
    let page = case.desk().await;
    let mut materials = page.materials.into_iter();
    let licence = materials
        .find(|view| view.material.id == "business-licence")
        .unwrap();
    let file = licence.files[0].as_ref().map(|file| file.id.clone());
    (licence.standing, file)
}
