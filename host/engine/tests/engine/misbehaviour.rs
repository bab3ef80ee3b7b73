//! A rule that declines, traps or does not end leaves nothing: no row in any table.

use crate::hall::{Hall, halls};
use yinxin_capabilities::RuleError;
use yinxin_core::ids::{AccountId, CaseId};
use yinxin_engine::{Actor, EngineError, Submission};

async fn fire(
    hall: &Hall,
    account: &AccountId,
    case: &CaseId,
    id: &str,
) -> Result<(), EngineError> {
    let actor = Actor::Applicant(account.clone());
    hall.engine
        .fire(&hall.wild, &actor, case, id, &Submission::default())
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_misbehaving_rule_asked_for_has_not_happened() {
    for hall in halls().await {
        let account = AccountId::generate();
        let case = hall
            .engine
            .start(&hall.wild, &account, "hostile", "new")
            .await
            .unwrap();
        let before = hall.store.rows().await;

        let declined = fire(&hall, &account, &case, "decline").await;
        let problems = crate::applicant::problems(declined);
        assert_eq!(problems[0].message, "不行");
        assert_eq!(hall.store.rows().await, before, "{}", hall.name());

        // A trap, a loop without end, one that buries the host in effects, and a stack without end.
        for behaviour in [
            "panic",
            "endless",
            "many-effects",
            "large-effects",
            "recurse",
        ] {
            let error = fire(&hall, &account, &case, behaviour).await.unwrap_err();
            let text = error.to_string();
            match error {
                EngineError::Rule(RuleError::Call(call)) => {
                    assert_eq!((call.plugin.as_str(), call.export), ("hostile", "handle"));
                }
                other => panic!("{behaviour}: {other:?}"),
            }
            assert!(
                text.contains("hostile") && text.contains("handle"),
                "{text}"
            );
            assert_eq!(
                hall.store.rows().await,
                before,
                "{} {behaviour}",
                hall.name()
            );
        }

        // An answer that its own definition rules out.
        for behaviour in ["unknown-state", "unknown-field", "unprintable"] {
            let refused = fire(&hall, &account, &case, behaviour).await;
            assert!(matches!(
                refused,
                Err(EngineError::Rule(RuleError::Answer { .. }))
            ));
            assert_eq!(
                hall.store.rows().await,
                before,
                "{} {behaviour}",
                hall.name()
            );
        }

        let viewer = Actor::Applicant(account.clone());
        let page = hall.engine.page(&hall.wild, &viewer, &case).await.unwrap();
        assert_eq!((page.state.id.as_str(), page.version), ("draft", 1));
        fire(&hall, &account, &case, "good").await.unwrap();
        let page = hall.engine.page(&hall.wild, &viewer, &case).await.unwrap();
        assert_eq!(page.state.id, "done");
    }
}
