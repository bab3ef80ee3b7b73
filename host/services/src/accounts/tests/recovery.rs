//! Forgotten and changed passwords.

use super::*;

#[tokio::test]
async fn a_forgotten_password_is_reset_by_the_mobile_and_ends_every_session_and_lock() {
    for store in stores().await {
        let world = World::new(store);
        let (site, policy, client) = (&world.site, policy(), client());
        let begun = world.register(&policy, &unit()).await.unwrap();
        for _ in 0..6 {
            world.log_in(USCC, "wrong password").await.unwrap_err();
        }
        world
            .accounts
            .send_recovery_code(site, &policy, USCC, None, &client)
            .await
            .unwrap();
        let code = world.phone.code(MOBILE);
        let weak = Recovery {
            password: "12345678",
            ..recovery(USCC, &code)
        };
        let refused = world.accounts.recover(site, &policy, weak, &client).await;
        assert_eq!(items(refused), [item::PASSWORD]);
        let refused = world
            .accounts
            .recover(&other_site(), &policy, recovery(USCC, &code), &client)
            .await;
        assert_eq!(items(refused), [item::SMS_CODE]);
        world
            .accounts
            .recover(site, &policy, recovery(MOBILE, &code), &client)
            .await
            .unwrap();

        assert!(!live(&world, &begun).await);
        let again = world
            .accounts
            .recover(site, &policy, recovery(USCC, &code), &client)
            .await;
        assert_eq!(items(again), [item::SMS_CODE]);
        assert_eq!(items(world.log_in(USCC, PASSWORD).await), [item::PASSWORD]);
        world.log_in(USCC, "滕王高阁临江渚佩玉鸣鸾").await.unwrap();
    }
}

#[tokio::test]
async fn asking_for_a_code_does_not_tell_who_has_an_account() {
    for store in stores().await {
        let world = World::new(store);
        let (site, policy, client) = (&world.site, policy(), client());
        world.register(&policy, &unit()).await.unwrap();
        let sent_before = world.phone.count();
        let nobody = "91110000600037341L";
        let ask = |login_id: &'static str| {
            world
                .accounts
                .send_recovery_code(site, &policy, login_id, None, &client)
        };
        assert_eq!(ask(USCC).await.unwrap(), ask(nobody).await.unwrap());
        assert_eq!(
            problems(ask(USCC).await),
            problems(ask(nobody).await),
            "both too often"
        );
        assert_eq!(world.phone.count(), sent_before + 1);
        let wrong = if world.phone.code(MOBILE) == "000000" {
            "000001"
        } else {
            "000000"
        };
        let known = world
            .accounts
            .recover(site, &policy, recovery(USCC, wrong), &client)
            .await;
        let unknown = world
            .accounts
            .recover(site, &policy, recovery(nobody, wrong), &client)
            .await;
        assert_eq!(problems(known), problems(unknown));
        // a code for one purpose is none for another
        let code = world.phone.code(MOBILE);
        let form = registration_form();
        let raw = answers(&[("unit", "另一公司"), ("uscc", nobody), ("mobile", MOBILE)]);
        let refused = world
            .accounts
            .register(
                site,
                &policy,
                registration(&form, &raw, &code),
                &client,
                None,
            )
            .await;
        assert_eq!(items(refused), [item::SMS_CODE]);
    }
}

#[tokio::test]
async fn a_mobile_gets_one_code_a_minute_by_whatever_name_it_is_asked_for() {
    for store in stores().await {
        let world = World::new(store);
        let (site, policy, client) = (&world.site, policy(), client());
        world.register(&policy, &unit()).await.unwrap();
        let before = world.phone.count();
        let ask = |login_id: &'static str| {
            world
                .accounts
                .send_recovery_code(site, &policy, login_id, None, &client)
        };
        let register = || {
            world
                .accounts
                .send_registration_code(site, &policy, MOBILE, None, &client)
        };
        ask(USCC).await.unwrap();
        assert_eq!(items(ask(MOBILE).await), [item::SMS_CODE]);
        assert_eq!(items(register().await), [item::SMS_CODE]);
        assert_eq!(world.phone.count(), before + 1, "{}", world.store.name);
        world.clock.pass(60);
        register().await.unwrap();
        // Nobody is told that the code has another mobile.
        assert_eq!(
            ask(USCC).await.unwrap(),
            ask("91110000600037341L").await.unwrap()
        );
        assert_eq!(world.phone.count(), before + 2, "{}", world.store.name);
    }
}

#[tokio::test]
async fn changing_the_password_needs_the_old_one_and_ends_the_other_sessions() {
    for store in stores().await {
        let world = World::new(store);
        let here = world.register(&policy(), &unit()).await.unwrap();
        let elsewhere = world.log_in(USCC, PASSWORD).await.unwrap();
        let change = |old: &'static str, password: &'static str, again: &'static str| {
            let (world, session) = (&world, &here.session);
            async move {
                let sent = NewPassword {
                    old,
                    password,
                    password_again: again,
                };
                world
                    .accounts
                    .change_password(&world.site, &policy(), session, sent, &client())
                    .await
            }
        };
        let good = "滕王高阁临江渚佩玉鸣鸾";
        assert_eq!(
            items(change("wrong password", good, good).await),
            [item::OLD_PASSWORD]
        );
        assert_eq!(
            items(change(PASSWORD, good, "other").await),
            [item::PASSWORD_AGAIN]
        );
        assert_eq!(
            items(change(PASSWORD, PASSWORD, PASSWORD).await),
            [item::PASSWORD]
        );
        assert_eq!(items(change(PASSWORD, USCC, USCC).await), [item::PASSWORD]);
        assert!(live(&world, &elsewhere).await);
        change(PASSWORD, good, good).await.unwrap();
        assert!(live(&world, &here).await && !live(&world, &elsewhere).await);
        world.log_in(USCC, good).await.unwrap();
        // an open session is no way to try passwords
        for _ in 0..5 {
            change("wrong password", PASSWORD, PASSWORD)
                .await
                .unwrap_err();
        }
        assert!(
            problems(change(good, PASSWORD, PASSWORD).await)[0]
                .1
                .contains("30 秒")
        );
    }
}
