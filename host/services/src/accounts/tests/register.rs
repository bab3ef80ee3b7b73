//! Registering.

use super::*;

#[tokio::test]
async fn one_registers_and_logs_in_with_each_login_id() {
    for store in stores().await {
        let world = World::new(store);
        let begun = world.register(&policy(), &unit()).await.unwrap();
        let (session, account) = world
            .accounts
            .applicant(&world.site, &begun.token)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (account.name.as_str(), account.mobile_masked.as_str()),
            ("鹰潭市某公司", "138****1234")
        );
        assert_eq!(session.csrf.len(), 22);

        let profile = world
            .accounts
            .profile(&world.site, &account.id)
            .await
            .unwrap();
        assert_eq!(profile.values.get("uscc"), USCC);
        assert_eq!(
            profile.values.get("answer"),
            "",
            "answers to challenge questions are not for the profile"
        );

        for login_id in [USCC, "91350100m000100y43 ", MOBILE, "+86 138 1234 1234"] {
            let begun = world.log_in(login_id, PASSWORD).await.unwrap();
            assert_eq!(begun.session.subject, account.id.as_str());
        }
        // the other site knows neither account nor token
        let sent = LogIn {
            login_id: USCC,
            password: PASSWORD,
            picture: None,
            sms_code: "",
        };
        let there = world
            .accounts
            .log_in(&other_site(), &policy(), sent, &client(), None)
            .await;
        assert_eq!(items(there), [item::PASSWORD]);
        assert!(
            world
                .accounts
                .applicant(&other_site(), &begun.token)
                .await
                .unwrap()
                .is_none()
        );
        assert!(
            world
                .accounts
                .find(&other_site(), USCC)
                .await
                .unwrap()
                .is_none()
        );
        assert_eq!(
            world
                .accounts
                .find(&world.site, MOBILE)
                .await
                .unwrap()
                .unwrap()
                .id,
            account.id
        );

        let events = world
            .accounts
            .events(&world.site, &account.id, None, 10)
            .await
            .unwrap();
        assert_eq!(events.len(), 5);
        assert_eq!(events.last().unwrap().kind, "registered");
    }
}

#[tokio::test]
async fn everything_wrong_is_said_at_once_and_what_was_typed_stays() {
    for store in stores().await {
        let world = World::new(store);
        let raw = answers(&[
            ("unit", ""),
            ("uscc", "91350100M000100Y44"),
            ("mobile", MOBILE),
            ("nickname", "13900001111"),
        ]);
        let mut with_name = policy();
        with_name.login_ids.push(LoginId::Username);
        let form = registration_form();
        let sent = Registration {
            password: "12345678",
            terms_accepted: false,
            ..registration(&form, &raw, "000000")
        };
        let refused = world
            .accounts
            .register(&world.site, &with_name, sent, &client(), None)
            .await
            .map(|_| ());
        let refusal = refused.as_ref().unwrap_err().refusal().unwrap().clone();
        assert_eq!(refusal.values.get("uscc"), "91350100M000100Y44");
        // 11 digits fit a user name of at most 12, but belong to whoever has the mobile
        let expected = [
            "unit",
            "uscc",
            "nickname",
            item::PASSWORD,
            item::TERMS,
            item::SMS_CODE,
        ];
        assert_eq!(items(refused), expected);
    }
}

#[tokio::test]
async fn of_eight_registrations_at_once_one_wins() {
    for store in stores().await {
        let world = Arc::new(World::new(store));
        let mut without_code = policy();
        without_code.registration_proofs.clear();
        let mut tasks = JoinSet::new();
        for n in 0..8 {
            let (world, policy) = (world.clone(), without_code.clone());
            tasks.spawn(async move {
                // two of the login ids are the same for all, in the form of two kinds
                let mut raw = unit();
                raw.push(("nickname".into(), format!("user{n}")));
                world.register(&policy, &raw).await
            });
        }
        let (won, lost): (Vec<_>, Vec<_>) =
            tasks.join_all().await.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 7), "{}", world.store.name);
        for refused in lost {
            assert!(
                problems(refused)
                    .iter()
                    .all(|(_, says)| says.contains("已注册"))
            );
        }
        assert_eq!(
            world
                .accounts
                .list(&world.site, "", None, 10)
                .await
                .unwrap()
                .len(),
            1
        );
    }
}

/// The account policy of a site where the mobile alone logs in.
fn by_mobile() -> AccountPolicy {
    let mut by_mobile = policy();
    by_mobile.login_ids = vec![LoginId::Mobile];
    by_mobile
}

#[tokio::test]
async fn of_registrations_at_once_with_one_mobile_one_wins_with_the_code_and_without() {
    for store in stores().await {
        let world = Arc::new(World::new(store));
        let mut without_code = by_mobile();
        without_code.registration_proofs.clear();
        for (policy, mobile) in [(by_mobile(), MOBILE), (without_code, "13900005678")] {
            if !policy.registration_proofs.is_empty() {
                let sent = world.accounts.send_registration_code(
                    &world.site,
                    &policy,
                    mobile,
                    None,
                    client_ref(9),
                );
                sent.await.unwrap();
            }
            let mut tasks = JoinSet::new();
            for _ in 0..6 {
                let (world, policy) = (world.clone(), policy.clone());
                tasks.spawn(async move {
                    let raw =
                        answers(&[("unit", "福州某公司"), ("uscc", USCC), ("mobile", mobile)]);
                    let form = registration_form();
                    let code = if policy.registration_proofs.is_empty() {
                        String::new()
                    } else {
                        world.phone.code(mobile)
                    };
                    let sent = registration(&form, &raw, &code);
                    let client = client();
                    world
                        .accounts
                        .register(&world.site, &policy, sent, &client, None)
                        .await
                        .is_ok()
                });
            }
            let won = tasks.join_all().await.into_iter().filter(|won| *won);
            assert_eq!(won.count(), 1, "{} {mobile}", world.store.name);
        }
        let accounts = world.accounts.list(&world.site, "", None, 10).await;
        assert_eq!(accounts.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn one_text_is_one_accounts_login_id_whatever_its_kind() {
    for store in stores().await {
        let world = World::new(store);
        world.register(&policy(), &unit()).await.unwrap();
        let mut raw = unit();
        raw.retain(|(name, _)| name != "uscc");
        raw.push(("uscc".into(), "91110000600037341L".into()));
        assert_eq!(items(world.register(&policy(), &raw).await), ["mobile"]);
        // the code was right and is not held against the next try with another mobile's
        raw.retain(|(name, _)| name != "mobile");
        raw.push(("mobile".into(), "13900005678".into()));
        world.register(&policy(), &raw).await.unwrap();
    }
}

#[test]
fn where_both_proofs_are_asked_the_picture_guards_the_sms() {
    let asked = |proofs: &[Proof]| {
        let asked = AskedProofs::of(proofs);
        (
            asked.picture_with_form,
            asked.sms_code,
            asked.picture_with_sms,
        )
    };
    assert_eq!(asked(&[]), (false, false, false));
    assert_eq!(asked(&[Proof::PictureCode]), (true, false, false));
    assert_eq!(asked(&[Proof::SmsCode]), (false, true, false));
    assert_eq!(
        asked(&[Proof::PictureCode, Proof::SmsCode]),
        (false, true, true)
    );
    let mut weak = policy();
    weak.recovery_proofs = vec![Proof::PictureCode];
    let recovery = AskedProofs::of_recovery(&weak);
    assert!(
        recovery.sms_code && recovery.picture_with_sms,
        "a picture alone never resets a password"
    );
}
