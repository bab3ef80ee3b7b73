//! Certificates in people's hands.

use super::*;
use tokio::task::JoinSet;
use yinxin_core::form::Values;
use yinxin_core::ids::AccountId;
use yinxin_store::cases::{self, Case, Standing};
use yinxin_store::certificates::{Origin, set_origin};

const DAY: i64 = 24 * 3600; // seconds

/// The office's case, of the account `a1`, as the engine would have begun it.
async fn case_of(office: &Office, id: &CaseId, number: &str) {
    let case = Case {
        id: id.clone(),
        number: number.into(),
        account: me(),
        plugin: "fujian".into(),
        plugin_digest: "d".into(),
        plugin_version: "1.0.0".into(),
        service: "new".into(),
        state: "sent".into(),
        standing: Standing {
            tone: "done".into(),
            queue: String::new(),
            payable: false,
            ended: false,
            deleted: false,
        },
        subject: "甲公司".into(),
        values: Values::default(),
        version: 1,
        entered_at: NOW,
        due_at: None,
        created_at: NOW,
        updated_at: NOW,
        claim: None,
    };
    let mut tx = office.store.begin().await.unwrap();
    cases::insert(&mut tx, &office.store.sealer, &office.site, &case)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

fn me() -> AccountId {
    AccountId::from_stored("a1")
}

async fn held(office: &Office, account: &AccountId, serial: &str) -> Option<Holding> {
    let mut conn = office.store.read().await.unwrap();
    let certificates = &office.certificates;
    certificates
        .holding(&mut conn, &office.site, account, serial)
        .await
        .unwrap()
}

async fn all(office: &Office, account: &AccountId) -> Vec<Holding> {
    let mut conn = office.store.read().await.unwrap();
    let certificates = &office.certificates;
    certificates
        .holdings(
            &mut conn,
            &office.site,
            account,
            &Sought::default(),
            None,
            9,
        )
        .await
        .unwrap()
}

#[tokio::test]
async fn what_is_issued_is_in_the_hands_of_the_cases_account() {
    for store in stores().await {
        let office = Office::open(store, 0).await;
        case_of(&office, &office.case, "1").await;
        let issued = office.issue().await;
        let mine = all(&office, &me()).await;
        assert_eq!(mine.len(), 1, "{}", office.store.name);
        assert_eq!(mine[0].serial, issued.serial);
        assert_eq!(
            (mine[0].proof, &mine[0].case),
            (Proof::Case, &Some(office.case.clone()))
        );
        assert_eq!(
            (mine[0].plugin.as_str(), mine[0].service.as_str()),
            ("fujian", "new")
        );
        assert_eq!(mine[0].outlook, Outlook::Valid);
        // Its file again makes no second line, and it cannot be put away.
        let bound = office
            .certificates
            .bind_file(&office.site, &me(), issued.pem.as_bytes())
            .await;
        assert_eq!(bound.unwrap(), issued.serial);
        assert_eq!(all(&office, &me()).await, mine);
        let certificates = &office.certificates;
        assert!(
            !certificates
                .unbind(&office.site, &me(), &issued.serial)
                .await
                .unwrap()
        );
    }
}

#[tokio::test]
async fn by_its_file_another_account_sees_the_file_and_nothing_else() {
    for store in stores().await {
        let office = Office::open(store, 0).await;
        case_of(&office, &office.case, "1").await;
        let issued = office.issue().await;
        let other = AccountId::from_stored("a2");
        assert!(held(&office, &other, &issued.serial).await.is_none());
        let certificates = &office.certificates;
        let mut tasks = JoinSet::new();
        for _ in 0..6 {
            let (certificates, site, pem) = (
                certificates.clone(),
                office.site.clone(),
                issued.pem.clone(),
            );
            let other = other.clone();
            tasks.spawn(async move { certificates.bind_file(&site, &other, pem.as_bytes()).await });
        }
        for bound in tasks.join_all().await {
            assert_eq!(bound.unwrap(), issued.serial, "{}", office.store.name);
        }
        let theirs = all(&office, &other).await;
        assert_eq!(theirs.len(), 1);
        assert_eq!((theirs[0].proof, &theirs[0].case), (Proof::File, &None));
        assert_eq!(
            (theirs[0].plugin.as_str(), theirs[0].service.as_str()),
            ("", "")
        );
        assert_eq!(theirs[0].subject, issued.subject);
        // That it is revoked is public. Why, in words, is not.
        let words = "法定代表人李某被立案调查";
        let mut tx = office.store.begin().await.unwrap();
        let revoked = certificates.revoke(&mut tx, &office.site, &issued.serial, words);
        revoked.await.unwrap();
        tx.commit().await.unwrap();
        let theirs = held(&office, &other, &issued.serial).await.unwrap();
        assert_eq!(
            (theirs.outlook, theirs.reason.as_str()),
            (Outlook::Revoked, "")
        );
        let mine = held(&office, &me(), &issued.serial).await.unwrap();
        assert_eq!(mine.reason, words);
        assert!(
            certificates
                .unbind(&office.site, &other, &issued.serial)
                .await
                .unwrap()
        );
        assert!(all(&office, &other).await.is_empty());
        assert_eq!(all(&office, &me()).await.len(), 1);
    }
}

#[tokio::test]
async fn an_expired_one_is_bound_too_and_anothers_is_not() {
    for store in stores().await {
        let office = Office::open(store, 0).await;
        let issued = office.issue().await;
        office.later(400 * DAY);
        let certificates = &office.certificates;
        let bound = certificates
            .bind_file(&office.site, &me(), issued.pem.as_bytes())
            .await;
        bound.unwrap();
        // A year to the end of the day, seen 400 days later.
        assert_eq!(all(&office, &me()).await[0].outlook, Outlook::Expired(35));
        let other = SiteId::parse("hunan").unwrap();
        let unknown = certificates
            .bind_file(&other, &me(), issued.pem.as_bytes())
            .await;
        assert!(
            matches!(unknown, Err(BindError::Certificate(_))),
            "a site without an issuer"
        );
        let nonsense = certificates.bind_file(&office.site, &me(), b"x").await;
        assert!(matches!(
            nonsense,
            Err(BindError::File(FileProblem::Unreadable))
        ));
    }
}

#[tokio::test]
async fn the_days_until_the_end_are_counted_and_a_renewal_takes_its_place() {
    for store in stores().await {
        let office = Office::open(store, 0).await;
        case_of(&office, &office.case, "1").await;
        let old = office.issue().await;
        let outlook = async || held(&office, &me(), &old.serial).await.unwrap().outlook;
        assert_eq!(outlook().await, Outlook::Valid);
        office.later(305 * DAY);
        assert_eq!(outlook().await, Outlook::Ending(60));
        office.later(60 * DAY);
        assert_eq!(outlook().await, Outlook::Ending(0));
        office.later(DAY);
        assert_eq!(outlook().await, Outlook::Expired(1));

        // A case that began from it leads to another one.
        let renewal = CaseId::generate();
        case_of(&office, &renewal, "2").await;
        let mut tx = office.store.begin().await.unwrap();
        let origin = Origin {
            serial: old.serial.clone(),
            kind: "renewal".into(),
        };
        set_origin(&mut tx, &office.site, &renewal, &origin)
            .await
            .unwrap();
        let pem = request(office.folder.path(), &EC);
        let certificates = &office.certificates;
        certificates
            .accept_request(&mut tx, &office.site, &renewal, &pem, "maker")
            .await
            .unwrap();
        certificates
            .order(&mut tx, &office.site, &renewal, "r", &order())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let payload = serde_json::to_string(&order()).unwrap();
        certificates
            .issue(&office.site, &renewal, "r", &payload)
            .await
            .unwrap();
        assert_eq!(outlook().await, Outlook::Renewed, "{}", office.store.name);
        let mine = all(&office, &me()).await;
        assert_eq!(mine.len(), 2);
        let successor = held(&office, &me(), &old.serial).await.unwrap().successor;
        assert_eq!(
            (successor.as_str(), mine[0].outlook),
            (mine[0].serial.as_str(), Outlook::Valid)
        );
        let mut conn = office.store.read().await.unwrap();
        let replaced = Sought {
            standing: "replaced".into(),
            ..Sought::default()
        };
        let found = certificates
            .holdings(&mut conn, &office.site, &me(), &replaced, None, 9)
            .await
            .unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].serial, old.serial);
    }
}
