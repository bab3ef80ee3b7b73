//! Logging in, locks and sessions.

use super::*;

#[tokio::test]
async fn an_unknown_login_id_and_a_wrong_password_look_the_same_and_lock_the_same() {
    for store in stores().await {
        let world = World::new(store);
        world.register(&policy(), &unit()).await.unwrap();
        let mut known = Vec::new();
        let mut unknown = Vec::new();
        for _ in 0..7 {
            known.push(problems(world.log_in(USCC, "not the password").await));
            unknown.push(problems(
                world.log_in("91110000600037341L", "not the password").await,
            ));
        }
        assert_eq!(known, unknown, "{}", world.store.name);
        assert!(
            known[4][0].1.contains("不正确") && known[5][0].1.contains("30 秒"),
            "{known:?}"
        );
        // with the mobile it is the same account, locked as well, whatever the password
        assert_eq!(problems(world.log_in(MOBILE, PASSWORD).await), known[5]);
    }
}

#[tokio::test]
async fn a_lock_doubles_ends_and_is_cleared_by_the_right_password() {
    for store in stores().await {
        let world = World::new(store);
        world.register(&policy(), &unit()).await.unwrap();
        let locked_for = |text: Vec<(String, String)>| text[0].1.clone();
        for _ in 0..5 {
            world.log_in(USCC, "wrong password").await.unwrap_err();
        }
        for (wait, says) in [
            (30, "30 秒"),
            (60, "1 分钟"),
            (120, "2 分钟"),
            (240, "4 分钟"),
        ] {
            assert!(locked_for(problems(world.log_in(USCC, PASSWORD).await)).contains(says));
            world.clock.pass(wait - 1);
            assert!(locked_for(problems(world.log_in(USCC, PASSWORD).await)).contains("1 秒"));
            world.clock.pass(1);
            assert!(
                locked_for(problems(world.log_in(USCC, "wrong password").await)).contains("不正确")
            );
        }
        world.clock.pass(480);
        world.log_in(USCC, PASSWORD).await.unwrap();
        world.log_in(USCC, "wrong password").await.unwrap_err();
        world.log_in(USCC, PASSWORD).await.unwrap();
    }
}

#[tokio::test]
async fn guesses_at_once_all_count() {
    for store in stores().await {
        let world = Arc::new(World::new(store));
        world.register(&policy(), &unit()).await.unwrap();
        let mut tasks = JoinSet::new();
        for _ in 0..16 {
            let world = world.clone();
            tasks.spawn(async move {
                problems(world.log_in(USCC, "wrong password").await)[0]
                    .1
                    .clone()
            });
        }
        let answers = tasks.join_all().await;
        let looked_at = answers
            .iter()
            .filter(|says| says.contains("不正确"))
            .count();
        assert_eq!(looked_at, 5, "{}", world.store.name);
    }
}

#[tokio::test]
async fn an_address_that_guesses_around_is_locked_and_others_are_not() {
    for store in stores().await {
        let world = World::new(store);
        world.register(&policy(), &unit()).await.unwrap();
        let log_in = |login_id: String, password: &'static str, last| {
            let world = &world;
            async move {
                let sent = LogIn {
                    login_id: &login_id,
                    password,
                    picture: None,
                    sms_code: "",
                };
                world
                    .accounts
                    .log_in(&world.site, &policy(), sent, &client_at(last), None)
                    .await
            }
        };
        for n in 0..20 {
            log_in(format!("139000000{n:02}"), "guess guess", 1)
                .await
                .unwrap_err();
        }
        assert!(
            problems(log_in(USCC.into(), PASSWORD, 1).await)[0]
                .1
                .contains("1 分钟")
        );
        log_in(USCC.into(), PASSWORD, 2).await.unwrap();
        world.clock.pass(60);
        log_in(USCC.into(), PASSWORD, 1).await.unwrap();
    }
}

#[tokio::test]
async fn a_log_in_can_want_a_code_on_the_mobile_too() {
    for store in stores().await {
        let world = World::new(store);
        world.register(&policy(), &unit()).await.unwrap();
        let mut twice = policy();
        twice.login_proofs = vec![Proof::SmsCode];
        let client = client();
        // Where it does not, none is sent.
        let sent = world.phone.count();
        let refused = world
            .accounts
            .send_login_code(&world.site, &policy(), USCC, None, &client)
            .await;
        assert_eq!(items(refused), [item::SMS_CODE]);
        assert_eq!(world.phone.count(), sent);
        let log_in = |password: &'static str, code: String| {
            let (world, twice, client) = (&world, &twice, &client);
            async move {
                let sent = LogIn {
                    login_id: USCC,
                    password,
                    picture: None,
                    sms_code: &code,
                };
                world
                    .accounts
                    .log_in(&world.site, twice, sent, client, None)
                    .await
            }
        };
        assert_eq!(
            items(log_in(PASSWORD, String::new()).await),
            [item::SMS_CODE]
        );
        world
            .accounts
            .send_login_code(&world.site, &twice, USCC, None, &client)
            .await
            .unwrap();
        let code = world.phone.code(MOBILE);
        assert_eq!(
            items(log_in("wrong password", code.clone()).await),
            [item::PASSWORD]
        );
        log_in(PASSWORD, code.clone()).await.unwrap();
        assert_eq!(items(log_in(PASSWORD, code).await), [item::SMS_CODE]);
    }
}

#[tokio::test]
async fn a_session_ends_by_idling_by_age_by_logging_out_and_with_its_account() {
    for store in stores().await {
        let world = World::new(store);
        let (site, sessions) = (world.site.clone(), world.accounts.sessions().clone());
        let first = world.register(&policy(), &unit()).await.unwrap();
        world.clock.pass(2 * 3600 - 1);
        assert!(live(&world, &first).await);
        world.clock.pass(2 * 3600 - 1);
        assert!(live(&world, &first).await, "its use was noted");
        world.clock.pass(2 * 3600);
        assert!(!live(&world, &first).await, "idle");

        let second = world.log_in(USCC, PASSWORD).await.unwrap();
        for _ in 0..11 {
            world.clock.pass(3600);
            assert!(live(&world, &second).await);
        }
        world.clock.pass(3600);
        assert!(!live(&world, &second).await, "twelve hours");

        // a log-in ends the token that the browser came with
        let third = world.log_in(USCC, PASSWORD).await.unwrap();
        let sent = LogIn {
            login_id: USCC,
            password: PASSWORD,
            picture: None,
            sms_code: "",
        };
        let fourth = world
            .accounts
            .log_in(&site, &policy(), sent, &client(), Some(&third.token))
            .await
            .unwrap();
        assert_ne!(third.token, fourth.token);
        assert!(!live(&world, &third).await && live(&world, &fourth).await);

        let fifth = world.log_in(USCC, PASSWORD).await.unwrap();
        let list = sessions.list(&site, &fifth.session).await.unwrap();
        assert_eq!(
            list.iter().map(|s| &s.id).collect::<Vec<_>>(),
            [&fourth.session.id, &fifth.session.id]
        );
        assert!(
            sessions
                .end_one(&site, &fifth.session, &fourth.session.id)
                .await
                .unwrap()
        );
        assert!(!live(&world, &fourth).await);
        sessions.end(&other_site(), &fifth.token).await.unwrap();
        assert!(live(&world, &fifth).await);
        sessions.end(&site, &fifth.token).await.unwrap();
        assert!(!live(&world, &fifth).await);

        let (sixth, seventh) = (
            world.log_in(USCC, PASSWORD).await.unwrap(),
            world.log_in(USCC, PASSWORD).await.unwrap(),
        );
        let ended = sessions
            .end_everywhere(&site, &sixth.session)
            .await
            .unwrap();
        assert_eq!(ended, 4, "two that had run out lay there still");
        assert!(!live(&world, &sixth).await && !live(&world, &seventh).await);

        let eighth = world.log_in(USCC, PASSWORD).await.unwrap();
        let account = AccountId::from_stored(eighth.session.subject.as_str());
        let clerk = ClerkId::generate();
        world
            .accounts
            .set_state(&site, &account, AccountState::Locked, &clerk, &client())
            .await
            .unwrap();
        assert!(!live(&world, &eighth).await);
        let (item, says) = problems(world.log_in(USCC, PASSWORD).await).remove(0);
        assert_eq!((item.as_str(), says.contains("停用")), ("", true));
        assert!(
            problems(world.log_in(USCC, "wrong password").await)[0]
                .1
                .contains("不正确"),
            "told to the owner only"
        );
        world
            .accounts
            .set_state(&site, &account, AccountState::Active, &clerk, &client())
            .await
            .unwrap();
        world.log_in(USCC, PASSWORD).await.unwrap();

        world.clock.pass(3 * 86_400);
        assert!(world.accounts.sweep(&site).await.unwrap() > 0);
        assert_eq!(world.accounts.sweep(&site).await.unwrap(), 0);
    }
}
