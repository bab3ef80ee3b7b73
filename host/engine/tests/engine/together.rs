//! Many at once: tabs, colleagues, applicants.

use crate::applicant::{Application, answers};
use crate::hall::{clerk, halls};
use futures::future::join_all;
use std::collections::BTreeSet;
use yinxin_core::definition::Role;
use yinxin_engine::EngineError;

#[tokio::test(flavor = "multi_thread")]
async fn applications_that_begin_at_once_have_numbers_of_their_own() {
    for hall in halls().await {
        let account = hall.registered().await;
        let begun = (0..12).map(|_| {
            let (engine, site, account) = (hall.engine.clone(), hall.site.clone(), account.clone());
            tokio::spawn(async move {
                engine
                    .start(&site, &account, "yingtan", "new-certificate")
                    .await
                    .unwrap()
            })
        });
        let mut numbers = BTreeSet::new();
        for id in join_all(begun).await {
            let case = Application {
                hall: &hall,
                account: account.clone(),
                id: id.unwrap(),
            };
            numbers.insert(case.page().await.number);
        }
        assert_eq!(numbers.len(), 12, "{}", hall.name());
        hall.verified_ledger().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_opened_in_several_tabs_has_one_number_and_one_code() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::begin(&hall, &account).await;
        case.fill(&answers("main")).await;
        let tabs = (0..6).map(|_| {
            let (engine, site) = (hall.engine.clone(), hall.site.clone());
            let (viewer, id) = (case.applicant(), case.id.clone());
            tokio::spawn(async move {
                engine
                    .paper(&site, &viewer, &id, "authorisation-letter")
                    .await
                    .unwrap()
            })
        });
        let letters: Vec<_> = join_all(tabs)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        for letter in &letters {
            assert_eq!(
                letter.imprint.number,
                letters[0].imprint.number,
                "{}",
                hall.name()
            );
            assert_eq!(
                format!("{:?}", letter.blocks),
                format!("{:?}", letters[0].blocks)
            );
        }
        let token = case.pass_face_check().await;
        assert!(
            format!("{:?}", letters[0].blocks).contains(&token),
            "the letter's code is the page's"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_saved_in_two_tabs_is_one_of_the_two() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::begin(&hall, &account).await;
        for _ in 0..5 {
            let tabs = ["main", "sub"].map(|kind| {
                let (engine, site) = (hall.engine.clone(), hall.site.clone());
                let (account, id) = (account.clone(), case.id.clone());
                tokio::spawn(async move {
                    engine
                        .save_form(&site, &account, &id, "order", &answers(kind))
                        .await
                })
            });
            let mut saved = 0;
            for tab in tabs {
                match tab.await.unwrap() {
                    Ok(tab) => {
                        assert_eq!(tab.problems, []);
                        saved += 1;
                    }
                    Err(error) => assert!(matches!(error, EngineError::Stale), "{error:?}"),
                }
            }
            assert!(saved >= 1, "{}", hall.name());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn colleagues_who_take_the_next_case_at_once_get_different_ones() {
    for hall in halls().await {
        let account = hall.registered().await;
        Application::submitted(&hall, &account, "main").await;
        for _ in 0..2 {
            Application::submitted(&hall, &account, "sub").await;
        }
        let next = (0..3).map(|_| {
            let (engine, site) = (hall.engine.clone(), hall.site.clone());
            let reviewer = clerk("审核员", &[Role::Reviewer]);
            tokio::spawn(async move {
                engine
                    .next_unclaimed(&site, &reviewer, Role::Reviewer)
                    .await
                    .unwrap()
            })
        });
        let taken: BTreeSet<_> = join_all(next)
            .await
            .into_iter()
            .map(|id| id.unwrap().unwrap())
            .collect();
        assert_eq!(taken.len(), 3, "{}", hall.name());
    }
}
