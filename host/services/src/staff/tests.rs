//! Staff on both databases.

use super::*;
use crate::accounts::testing::{FakeClock, client, items, problems, solve};
use crate::accounts::{Begun, PictureAnswer};
use std::sync::Arc;
use yinxin_store::testing::{TestStore, stores};

const PASSWORD: &str = "章江门外青山横北郭白水";

struct Office {
    staff: Staff,
    clock: Arc<FakeClock>,
    site: SiteId,
    _store: TestStore,
}

impl Office {
    fn new(store: TestStore) -> Self {
        let clock = Arc::new(FakeClock::default());
        let passwords = Passwords::cheap();
        let staff = Staff::new(
            store.store.clone(),
            store.sealer.clone(),
            clock.clone(),
            passwords,
        );
        Self {
            staff,
            clock,
            site: SiteId::parse("jiangxi").unwrap(),
            _store: store,
        }
    }

    async fn hire(&self, login: &str, roles: &[Role]) -> Result<ClerkId, AccountError> {
        let new = Hiring {
            login,
            name: "王审核",
            mobile: "",
            roles,
            password: PASSWORD,
        };
        self.staff.create(&self.site, new, None).await
    }

    async fn log_in(&self, login: &str, password: &str) -> Result<(Begun, Clerk), AccountError> {
        let sent = ClerkLogIn {
            login,
            password,
            picture: None,
        };
        self.staff.log_in(&self.site, sent, &client(), None).await
    }

    async fn is_in(&self, begun: &Begun) -> bool {
        self.staff
            .clerk(&self.site, &begun.token)
            .await
            .unwrap()
            .is_some()
    }
}

#[tokio::test]
async fn a_clerk_is_made_logs_in_and_may_what_the_roles_say() {
    for store in stores().await {
        let office = Office::new(store);
        let id = office.hire("Wang.Shen", &[Role::Reviewer]).await.unwrap();
        assert_eq!(
            items(office.hire("wang.shen", &[Role::Maker]).await),
            [item::LOGIN_ID]
        );
        let bad = Hiring {
            login: "王",
            name: " ",
            mobile: "12345",
            roles: &[],
            password: "short",
        };
        let bad = office.staff.create(&office.site, bad, None).await;
        assert_eq!(
            items(bad),
            [
                item::LOGIN_ID,
                item::NAME,
                item::MOBILE,
                item::ROLES,
                item::PASSWORD
            ]
        );

        let (begun, clerk) = office.log_in("wang.shen", PASSWORD).await.unwrap();
        assert_eq!(clerk.id, id);
        assert!(clerk.must_change_password);
        assert!(serves_as(&clerk, Role::Reviewer) && !serves_as(&clerk, Role::Administrator));
        assert!(office.is_in(&begun).await);
        let there = SiteId::parse("hunan").unwrap();
        assert!(
            office
                .staff
                .clerk(&there, &begun.token)
                .await
                .unwrap()
                .is_none()
        );
        assert!(office.staff.list(&there, None, 9).await.unwrap().is_empty());
        let elsewhere = ClerkLogIn {
            login: "wang.shen",
            password: PASSWORD,
            picture: None,
        };
        assert_eq!(
            items(
                office
                    .staff
                    .log_in(&there, elsewhere, &client(), None)
                    .await
            ),
            [item::PASSWORD]
        );

        office.clock.pass(1800);
        assert!(!office.is_in(&begun).await, "a desk left for half an hour");
    }
}

#[tokio::test]
async fn the_fourth_try_needs_a_picture_code_whether_the_clerk_exists_or_not() {
    for store in stores().await {
        let office = Office::new(store);
        office.hire("reviewer", &[Role::Reviewer]).await.unwrap();
        for login in ["reviewer", "nobody"] {
            for _ in 0..3 {
                assert!(
                    !office
                        .staff
                        .needs_picture(&office.site, login)
                        .await
                        .unwrap()
                );
                assert_eq!(
                    items(office.log_in(login, "wrong password").await),
                    [item::PASSWORD]
                );
            }
            assert!(
                office
                    .staff
                    .needs_picture(&office.site, login)
                    .await
                    .unwrap()
            );
            assert_eq!(
                items(office.log_in(login, PASSWORD).await),
                [item::PICTURE_CODE]
            );
        }
        let question = office
            .staff
            .pictures
            .question(&office.site, &client())
            .await
            .unwrap();
        let answer = solve(&question.text).to_string();
        let picture = Some(PictureAnswer {
            id: question.id,
            answer,
        });
        let sent = ClerkLogIn {
            login: "reviewer",
            password: PASSWORD,
            picture,
        };
        office
            .staff
            .log_in(&office.site, sent, &client(), None)
            .await
            .unwrap();
        assert!(
            !office
                .staff
                .needs_picture(&office.site, "reviewer")
                .await
                .unwrap()
        );
    }
}

#[tokio::test]
async fn disabling_and_resetting_end_a_clerks_sessions() {
    for store in stores().await {
        let office = Office::new(store);
        let (site, admin) = (&office.site, ClerkId::generate());
        let id = office.hire("reviewer", &[Role::Reviewer]).await.unwrap();
        let (begun, _) = office.log_in("reviewer", PASSWORD).await.unwrap();
        office
            .staff
            .reset_password(site, &id, "新的一串好密码呀呀", Some(&admin))
            .await
            .unwrap_err();
        assert!(
            office.is_in(&begun).await,
            "a password of nine characters is refused"
        );
        let reset = "新的一串好密码呀呀呀";
        office
            .staff
            .reset_password(site, &id, reset, Some(&admin))
            .await
            .unwrap();
        assert!(!office.is_in(&begun).await);

        let (here, _) = office.log_in("reviewer", reset).await.unwrap();
        let (elsewhere, clerk) = office.log_in("reviewer", reset).await.unwrap();
        assert!(clerk.must_change_password);
        let change = |old: &'static str, new: &'static str, again: &'static str| {
            let (office, session) = (&office, &here.session);
            async move {
                office
                    .staff
                    .change_password(&office.site, session, old, new, again, &client())
                    .await
            }
        };
        assert_eq!(
            items(change("wrong password", PASSWORD, PASSWORD).await),
            [item::OLD_PASSWORD]
        );
        assert_eq!(
            items(change(reset, PASSWORD, "other").await),
            [item::PASSWORD_AGAIN]
        );
        assert_eq!(items(change(reset, reset, reset).await), [item::PASSWORD]);
        change(reset, PASSWORD, PASSWORD).await.unwrap();
        assert!(office.is_in(&here).await && !office.is_in(&elsewhere).await);

        let mut clerk = office.staff.get(site, &id).await.unwrap();
        assert!(!clerk.must_change_password);
        clerk.disabled = true;
        office
            .staff
            .update(site, &clerk, "138 0000 0000", Some(&admin))
            .await
            .unwrap();
        assert!(!office.is_in(&here).await);
        assert!(
            problems(office.log_in("reviewer", PASSWORD).await)[0]
                .1
                .contains("停用")
        );
        let stale = office.staff.update(site, &clerk, "", Some(&admin)).await;
        assert_eq!(items(stale), [""]);
        // The number is kept as a stale page cannot change it.
        let mobile = office.staff.mobile(site, &id).await.unwrap().unwrap();
        assert_eq!(mobile.as_str(), "13800000000");
        let kinds: Vec<_> = office
            .staff
            .events(site, &id, None, 3)
            .await
            .unwrap()
            .into_iter()
            .map(|event| event.kind)
            .collect();
        assert_eq!(kinds, ["disabled", "password-changed", "logged-in"]);
    }
}

#[tokio::test]
async fn a_site_keeps_an_administrator_even_when_two_resign_at_once() {
    for store in stores().await {
        let office = Arc::new(Office::new(store));
        let mut ids = Vec::new();
        for login in ["admin-a", "admin-b"] {
            ids.push(office.hire(login, &[Role::Administrator]).await.unwrap());
        }
        let mut tasks = tokio::task::JoinSet::new();
        for id in ids {
            let office = office.clone();
            tasks.spawn(async move {
                let mut clerk = office.staff.get(&office.site, &id).await.unwrap();
                clerk.roles = vec![Role::Reviewer];
                office.staff.update(&office.site, &clerk, "", None).await
            });
        }
        let (done, refused): (Vec<_>, Vec<_>) =
            tasks.join_all().await.into_iter().partition(Result::is_ok);
        assert_eq!((done.len(), refused.len()), (1, 1));
        let left = office.staff.list(&office.site, None, 9).await.unwrap();
        assert_eq!(
            left.iter()
                .filter(|clerk| serves_as(clerk, Role::Administrator))
                .count(),
            1
        );
    }
}

#[tokio::test]
async fn demo_clerks_are_made_once() {
    for store in stores().await {
        let office = Office::new(store);
        let logins = office
            .staff
            .create_demo(&office.site, PASSWORD)
            .await
            .unwrap();
        assert_eq!(
            office
                .staff
                .create_demo(&office.site, "another password")
                .await
                .unwrap(),
            logins
        );
        assert_eq!(
            office
                .staff
                .list(&office.site, None, 9)
                .await
                .unwrap()
                .len(),
            5
        );
        let (_, maker) = office.log_in("maker", PASSWORD).await.unwrap();
        assert!(serves_as(&maker, Role::Maker) && !maker.must_change_password);

        office
            .staff
            .save_reason(&office.site, &maker.id, "licence", " 缺少公章 ")
            .await
            .unwrap();
        office
            .staff
            .save_reason(&office.site, &maker.id, "licence", "")
            .await
            .unwrap();
        let reasons = office
            .staff
            .saved_reasons(&office.site, &maker.id, "licence")
            .await
            .unwrap();
        assert_eq!(reasons.len(), 1);
        assert_eq!(reasons[0].text, "缺少公章");
        assert!(
            office
                .staff
                .drop_reason(&office.site, &maker.id, &reasons[0].id)
                .await
                .unwrap()
        );
    }
}
