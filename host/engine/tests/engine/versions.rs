//! A case goes on under the version of its plugin that it began with, until a newer one takes it over.

use crate::hall::{Hall, activate, halls};
use crate::shelf;
use yinxin_core::ids::{AccountId, CaseId};
use yinxin_engine::{Actor, Submission};
use yinxin_store::ledger;

async fn begin(hall: &Hall, account: &AccountId) -> CaseId {
    hall.engine
        .start(&hall.wild, account, "hostile", "new")
        .await
        .unwrap()
}

/// Digest of the version that decided the case's last event.
async fn decided_by(hall: &Hall, account: &AccountId, case: &CaseId) -> String {
    let actor = Actor::Applicant(account.clone());
    let good = hall
        .engine
        .fire(&hall.wild, &actor, case, "good", &Submission::default())
        .await;
    good.unwrap();
    let mut conn = hall.store.read().await.unwrap();
    let history = ledger::of_case(&mut conn, &hall.wild, case).await.unwrap();
    history.last().unwrap().entry.plugin_digest.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_version_decides_its_cases_until_a_new_one_takes_them_over() {
    for hall in halls().await {
        let account = AccountId::generate();
        let first = hall.registry.plugin(&hall.wild, "hostile").unwrap();
        let (early, late) = (begin(&hall, &account).await, begin(&hall, &account).await);

        let parcel = shelf::hostile("2.0.0", None);
        let second = activate(&hall.registry, &hall.store, &hall.wild, &parcel).await;
        let under_second = begin(&hall, &account).await;
        assert_eq!(
            decided_by(&hall, &account, &early).await,
            first.digest,
            "{}",
            hall.name()
        );
        let viewer = Actor::Applicant(account.clone());
        let page = hall.engine.page(&hall.wild, &viewer, &late).await.unwrap();
        assert_eq!(page.definition.version, "1.0.0");

        // The third takes over what began under the first, and nothing of the second's.
        let parcel = shelf::hostile("3.0.0", Some("1.0.0"));
        let third = activate(&hall.registry, &hall.store, &hall.wild, &parcel).await;
        let page = hall.engine.page(&hall.wild, &viewer, &late).await.unwrap();
        assert_eq!(page.definition.version, "3.0.0");
        assert_eq!(decided_by(&hall, &account, &late).await, third.digest);
        assert_eq!(
            decided_by(&hall, &account, &under_second).await,
            second.digest
        );
        let mut digests = [&first.digest, &second.digest, &third.digest];
        digests.sort_unstable();
        assert!(digests.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
