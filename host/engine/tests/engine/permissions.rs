//! Who may do what to which case, and what happens when two want to at once.

use crate::applicant::{Application, answers, problems, scan};
use crate::hall::{Hall, administrator, clerk, halls};
use yinxin_core::definition::Role;
use yinxin_core::ids::{AccountId, SiteId};
use yinxin_core::rules::ItemJudgement;
use yinxin_engine::views::{ListFilter, Rendition};
use yinxin_engine::{Actor, ClerkActor, EngineError, Submission};

/// What every function that names a case says to this person on this site.
async fn everything(
    hall: &Hall,
    site: &SiteId,
    account: &AccountId,
    case: &Application<'_>,
) -> Vec<(&'static str, Option<EngineError>)> {
    let (engine, id) = (&hall.engine, &case.id);
    let viewer = Actor::Applicant(account.clone());
    let known = case.desk().await;
    let file = known.materials[0].files[0].as_ref().unwrap().id.clone();
    let scan = ("a.jpg".to_owned(), scan(9));
    let nothing = Submission::default();
    let check = "legal-representative";
    let form = "application-form";
    vec![
        ("page", engine.page(site, &viewer, id).await.err()),
        (
            "save_form",
            engine
                .save_form(site, account, id, "order", &answers("sub"))
                .await
                .err(),
        ),
        (
            "accept_agreement",
            engine
                .accept_agreement(site, account, id, "order")
                .await
                .err(),
        ),
        (
            "upload",
            engine.upload(site, account, id, form, 0, scan).await.err(),
        ),
        (
            "remove_upload",
            engine.remove_upload(site, account, id, form, 0).await.err(),
        ),
        (
            "open_identity",
            engine.open_identity(site, account, id, check).await.err(),
        ),
        (
            "fire",
            engine
                .fire(site, &viewer, id, "submit", &nothing)
                .await
                .err(),
        ),
        (
            "fire delete",
            engine
                .fire(site, &viewer, id, "delete", &nothing)
                .await
                .err(),
        ),
        ("delete", engine.delete(site, account, id).await.err()),
        ("paper", engine.paper(site, &viewer, id, form).await.err()),
        (
            "paper_pdf",
            engine.paper_pdf(site, &viewer, id, form).await.err(),
        ),
        (
            "file",
            engine
                .file(site, &viewer, id, &file, Rendition::View)
                .await
                .err(),
        ),
        (
            "certificate_pem",
            engine
                .certificate_pem(site, &viewer, id, "01", true)
                .await
                .err(),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn another_account_does_not_find_the_case() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::ready(&hall, &account, "sub").await;
        let stranger = AccountId::generate();
        let before = hall.store.rows().await;
        for (function, error) in everything(&hall, &hall.site, &stranger, &case).await {
            assert!(
                matches!(error, Some(EngineError::NotFound)),
                "{function}: {error:?}"
            );
        }
        let all = ListFilter::default();
        let lines = hall.engine.my_cases(&hall.site, &stranger, &all, None, 9);
        assert!(lines.await.unwrap().lines.is_empty());
        assert_eq!(hall.store.rows().await, before, "{}", hall.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_of_another_site_is_not_found() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::submitted(&hall, &account, "sub").await;
        let before = hall.store.rows().await;
        for site in [&hall.neighbour, &hall.wild] {
            for (function, error) in everything(&hall, site, &account, &case).await {
                assert!(
                    matches!(error, Some(EngineError::NotFound)),
                    "{function}: {error:?}"
                );
            }
            let (engine, boss) = (&hall.engine, administrator());
            let viewer = Actor::Clerk(boss.clone());
            let nothing = Submission::default();
            let known = case.desk().await;
            let file = known.materials[0].files[0].as_ref().unwrap().id.clone();
            let form = "application-form";
            for (function, error) in [
                ("page", engine.page(site, &viewer, &case.id).await.err()),
                (
                    "fire",
                    engine
                        .fire(site, &viewer, &case.id, "refuse", &nothing)
                        .await
                        .err(),
                ),
                ("claim", engine.claim(site, &boss, &case.id).await.err()),
                ("release", engine.release(site, &boss, &case.id).await.err()),
                (
                    "paper",
                    engine.paper(site, &viewer, &case.id, form).await.err(),
                ),
                (
                    "file",
                    engine
                        .file(site, &viewer, &case.id, &file, Rendition::Original)
                        .await
                        .err(),
                ),
                (
                    "certificate_pem",
                    engine
                        .certificate_pem(site, &viewer, &case.id, "01", false)
                        .await
                        .err(),
                ),
            ] {
                assert!(
                    matches!(error, Some(EngineError::NotFound)),
                    "{function}: {error:?}"
                );
            }
            let search = ListFilter {
                text: known.number.clone(),
                ..ListFilter::default()
            };
            let found = engine.search(site, &boss, &search, None, 9).await.unwrap();
            assert!(found.lines.is_empty());
            let all = ListFilter::default();
            let queue = engine.queue(site, &boss, Role::Reviewer, &all, None, 9);
            assert!(queue.await.unwrap().lines.is_empty());
        }
        assert_eq!(hall.store.rows().await, before, "{}", hall.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_submitted_is_changed_by_nobody() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::submitted(&hall, &account, "sub").await;
        let before = hall.store.rows().await;
        for (function, error) in everything(&hall, &hall.site, &account, &case).await {
            match function {
                // Seeing and printing goes on.
                "page" | "paper" | "paper_pdf" | "file" => assert!(error.is_none(), "{function}"),
                "certificate_pem" => assert!(matches!(error, Some(EngineError::NotFound))),
                _ => assert!(
                    matches!(error, Some(EngineError::NotAllowed)),
                    "{function}: {error:?}"
                ),
            }
        }
        assert_eq!(hall.store.rows().await, before, "{}", hall.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clerk_acts_in_their_own_role_only() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::submitted(&hall, &account, "sub").await;
        let maker = clerk("制作员", &[Role::Maker]);
        let engine = &hall.engine;
        assert!(matches!(
            case.pass(&maker).await,
            Err(EngineError::NotAllowed)
        ));
        let claimed = engine.claim(&hall.site, &maker, &case.id).await;
        assert!(matches!(claimed, Err(EngineError::NotAllowed)));
        let filter = ListFilter::default();
        let queue = engine
            .queue(&hall.site, &maker, Role::Reviewer, &filter, None, 9)
            .await;
        assert!(matches!(queue, Err(EngineError::NotAllowed)));
        let dead = engine.dead_jobs(&hall.site, &maker, None, 9).await;
        assert!(matches!(dead, Err(EngineError::NotAllowed)));
        let revived = engine.revive_job(&hall.site, &maker, "1").await;
        assert!(matches!(revived, Err(EngineError::NotAllowed)));
        // Nor does a clerk submit for the applicant, or an applicant pass the review.
        let submitted = case.by_clerk(&administrator(), "submit", &[]).await;
        assert!(matches!(submitted, Err(EngineError::NotAllowed)));
        let passed = case
            .fire(&case.applicant(), "pass", &Submission::default())
            .await;
        assert!(
            matches!(passed, Err(EngineError::NotAllowed)),
            "{}",
            hall.name()
        );
        // Nor does anybody but the host say that it is paid.
        for actor in [case.applicant(), Actor::Clerk(administrator())] {
            let paid = case.fire(&actor, "paid", &Submission::default()).await;
            assert!(matches!(paid, Err(EngineError::NotAllowed)));
        }
        assert_eq!(case.state().await, "first-review");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_clerks_on_one_case_one_wins_and_the_other_is_told() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::submitted(&hall, &account, "sub").await;
        let judgements = case.judgements().await;
        let submission = Submission {
            seen_version: Some(case.desk().await.version),
            judgements,
            ..Submission::default()
        };
        let racing = ["审核员甲", "审核员乙"].map(|name| {
            let actor = Actor::Clerk(clerk(name, &[Role::Reviewer]));
            let (engine, site) = (hall.engine.clone(), hall.site.clone());
            let (id, submission) = (case.id.clone(), submission.clone());
            tokio::spawn(async move { engine.fire(&site, &actor, &id, "pass", &submission).await })
        });
        let mut won = 0;
        for attempt in racing {
            match attempt.await.unwrap() {
                Ok(()) => won += 1,
                Err(error) => assert!(matches!(error, EngineError::Stale), "{error:?}"),
            }
        }
        assert_eq!(won, 1, "{}", hall.name());
        let passed = case.history().await;
        assert_eq!(
            passed
                .iter()
                .filter(|row| row.entry.transition == "pass")
                .count(),
            1
        );
        assert_eq!(
            case.desk().await.messages.len(),
            1,
            "the handler is told once"
        );
        let late = case
            .fire(&Actor::Clerk(administrator()), "pass", &submission)
            .await;
        assert!(matches!(late, Err(EngineError::Stale)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_a_case_is_seen_and_respected() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::submitted(&hall, &account, "sub").await;
        let (first, second) = (
            clerk("甲", &[Role::Reviewer]),
            clerk("乙", &[Role::Reviewer]),
        );
        let engine = &hall.engine;
        engine.claim(&hall.site, &first, &case.id).await.unwrap();
        engine.claim(&hall.site, &first, &case.id).await.unwrap();
        let held = engine.claim(&hall.site, &second, &case.id).await;
        assert!(problems(held)[0].message.contains("其他同事"));
        let seen = async |clerk: &ClerkActor| {
            let page = engine
                .page(&hall.site, &Actor::Clerk(clerk.clone()), &case.id)
                .await;
            page.unwrap().claim.map(|claim| claim.mine)
        };
        assert_eq!(
            (seen(&first).await, seen(&second).await),
            (Some(true), Some(false))
        );
        let next = engine
            .next_unclaimed(&hall.site, &second, Role::Reviewer)
            .await
            .unwrap();
        assert!(next.is_none());
        let judgements = case.judgements().await;
        let submission = Submission {
            judgements,
            ..Submission::default()
        };
        let passed = case
            .fire(&Actor::Clerk(second.clone()), "pass", &submission)
            .await;
        assert!(problems(passed)[0].message.contains("其他同事"));
        // Who does not hold it cannot give it back; who went home gives it back by time.
        engine.release(&hall.site, &second, &case.id).await.unwrap();
        assert_eq!(seen(&second).await, Some(false), "{}", hall.name());
        hall.clock.advance(31 * 60);
        assert_eq!(seen(&second).await, None);
        let next = engine
            .next_unclaimed(&hall.site, &second, Role::Reviewer)
            .await
            .unwrap();
        assert_eq!(next, Some(case.id.clone()));
        engine
            .release(&hall.site, &administrator(), &case.id)
            .await
            .unwrap();
        assert_eq!(seen(&second).await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_says_one_thing_of_each_item() {
    for hall in halls().await {
        let account = hall.registered().await;
        let case = Application::submitted(&hall, &account, "sub").await;
        let reviewer = Actor::Clerk(clerk("审核员", &[Role::Reviewer]));
        let all = case.judgements().await;
        let refused = |item: &str, reason: &str| ItemJudgement {
            item: item.to_owned(),
            passed: false,
            reason: reason.to_owned(),
        };
        let said = async |id: &str, judgements: Vec<ItemJudgement>| {
            let submission = Submission {
                judgements,
                ..Submission::default()
            };
            let found = problems(case.fire(&reviewer, id, &submission).await);
            found
                .into_iter()
                .map(|problem| problem.item.unwrap_or_default())
                .collect::<Vec<_>>()
        };
        let unit = || refused("unit", "名称不符");
        // Nothing is left out, said twice, refused and passed, or refused without a word.
        assert_eq!(said("pass", all[1..].to_vec()).await, [all[0].item.clone()]);
        let twice: Vec<_> = all.iter().cloned().chain([unit()]).collect();
        assert_eq!(said("pass", twice).await, ["unit", "unit"]);
        let mut one = all.clone();
        one.retain(|judgement| judgement.item != "unit");
        one.push(unit());
        assert_eq!(said("pass", one).await, ["unit"]);
        assert_eq!(said("refuse", vec![refused("unit", " ")]).await, ["unit"]);
        assert_eq!(
            said("refuse", vec![refused("unit", &"长".repeat(501))]).await,
            ["unit"]
        );
        // An item that the application does not have, such as a sub key's seal sheet.
        assert_eq!(
            said("refuse", vec![refused("seal-sheet", "不清晰")]).await,
            [""]
        );
        assert_eq!(case.state().await, "first-review", "{}", hall.name());
    }
}
