//! SMS codes and picture codes.

use super::*;

#[tokio::test]
async fn an_sms_code_is_good_once_even_for_requests_at_once() {
    for store in stores().await {
        let world = Arc::new(World::new(store));
        let client = client();
        world
            .accounts
            .send_registration_code(&world.site, &policy(), MOBILE, None, &client)
            .await
            .unwrap();
        let code = world.phone.code(MOBILE);
        let mut tasks = JoinSet::new();
        for n in 0..8 {
            let (world, code) = (world.clone(), code.clone());
            tasks.spawn(async move {
                let mut by_name = policy();
                by_name.login_ids = vec![LoginId::Username];
                let mut raw = unit();
                raw.push(("nickname".into(), format!("user{n}")));
                let form = registration_form();
                let sent = registration(&form, &raw, &code);
                world
                    .accounts
                    .register(&world.site, &by_name, sent, &client_at(1), None)
                    .await
            });
        }
        let (won, lost): (Vec<_>, Vec<_>) =
            tasks.join_all().await.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 7), "{}", world.store.name);
        for refused in lost {
            assert_eq!(items(refused), [item::SMS_CODE]);
        }
    }
}

#[tokio::test]
async fn an_sms_code_ends_after_five_guesses_or_five_minutes() {
    for store in stores().await {
        let world = World::new(store);
        let (client, form, raw, policy) = (client(), registration_form(), unit(), policy());
        let send = || {
            world
                .accounts
                .send_registration_code(&world.site, &policy, MOBILE, None, &client)
        };
        let try_code = |code: String| {
            let (world, form, raw, policy, client) = (&world, &form, &raw, &policy, &client);
            async move {
                let sent = registration(form, raw, &code);
                world
                    .accounts
                    .register(&world.site, policy, sent, client, None)
                    .await
            }
        };
        send().await.unwrap();
        let code = world.phone.code(MOBILE);
        let wrong = if code == "000000" { "000001" } else { "000000" };
        for _ in 0..5 {
            assert_eq!(items(try_code(wrong.to_owned()).await), [item::SMS_CODE]);
        }
        assert_eq!(
            items(try_code(code).await),
            [item::SMS_CODE],
            "used up by guessing"
        );

        assert_eq!(items(send().await), [item::SMS_CODE], "within a minute");
        world.clock.pass(60);
        send().await.unwrap();
        let code = world.phone.code(MOBILE);
        world.clock.pass(300);
        assert_eq!(items(try_code(code).await), [item::SMS_CODE], "too late");

        send().await.unwrap();
        let older = world.phone.code(MOBILE);
        world.clock.pass(60);
        send().await.unwrap();
        if older != world.phone.code(MOBILE) {
            assert_eq!(
                items(try_code(older).await),
                [item::SMS_CODE],
                "an older one is void"
            );
        }
        try_code(world.phone.code(MOBILE)).await.unwrap();
    }
}

#[tokio::test]
async fn a_mobile_gets_ten_codes_a_day_and_an_address_twenty_an_hour() {
    for store in stores().await {
        let world = World::new(store);
        let policy = policy();
        for _ in 0..10 {
            world
                .accounts
                .send_registration_code(&world.site, &policy, MOBILE, None, &client_at(1))
                .await
                .unwrap();
            world.clock.pass(60);
        }
        let refused = world
            .accounts
            .send_registration_code(&world.site, &policy, MOBILE, None, &client_at(1))
            .await;
        assert_eq!(items(refused), [item::SMS_CODE]);
        assert_eq!(world.phone.count(), 10);

        for n in 0..20 {
            let mobile = format!("139000000{n:02}");
            world
                .accounts
                .send_registration_code(&world.site, &policy, &mobile, None, &client_at(2))
                .await
                .unwrap();
        }
        let send = |last| {
            world.accounts.send_registration_code(
                &world.site,
                &policy,
                "13700000000",
                None,
                client_ref(last),
            )
        };
        assert_eq!(items(send(2).await), [item::SMS_CODE]);
        world.clock.pass(60);
        send(3).await.unwrap();
        let bad = world
            .accounts
            .send_registration_code(&world.site, &policy, "12345", None, &client_at(4))
            .await;
        assert_eq!(items(bad), ["mobile"]);
    }
}

#[tokio::test]
async fn an_address_is_sent_sixty_codes_a_day_whatever_they_are_for() {
    for store in stores().await {
        let world = World::new(store);
        let (site, policy, client) = (&world.site, policy(), client_at(1));
        let account = world.register(&policy, &unit()).await.unwrap();
        let account = AccountId::from_stored(account.session.subject.as_str());
        world.clock.pass(86_400);
        let ask = |number: usize| {
            let mobile = format!("139{number:08}");
            let (accounts, account, policy, client) = (&world.accounts, &account, &policy, &client);
            async move {
                match number % 8 {
                    0 => {
                        accounts
                            .send_registration_code(site, policy, &mobile, None, client)
                            .await
                    }
                    1 | 3 | 5 | 7 => {
                        accounts
                            .send_mobile_change_code(site, policy, account, &mobile, client)
                            .await
                    }
                    _ => {
                        accounts
                            .send_recovery_code(site, policy, &mobile, None, client)
                            .await
                    }
                }
            }
        };
        let mut number = 0;
        for hour in 0..4 {
            let mut sent = 0;
            for _ in 0..24 {
                sent += usize::from(ask(number).await.is_ok());
                number += 1;
            }
            let left = if hour < 3 { 20 } else { 0 };
            assert_eq!(sent, left, "{}: in hour {hour}", world.store.name);
            world.clock.pass(3600);
        }
        world.clock.pass(86_400);
        ask(number).await.unwrap();
    }
}

#[tokio::test]
async fn a_picture_code_guards_the_sms_and_is_good_once() {
    for store in stores().await {
        let world = World::new(store);
        let (client, mut both) = (client(), policy());
        both.registration_proofs = vec![Proof::PictureCode, Proof::SmsCode];
        let send = |picture: Option<PictureAnswer>| {
            let (world, both, client) = (&world, &both, &client);
            async move {
                world
                    .accounts
                    .send_registration_code(&world.site, both, MOBILE, picture.as_ref(), client)
                    .await
            }
        };
        assert_eq!(items(send(None).await), [item::PICTURE_CODE]);
        let picture = world.picture(&client).await;
        let wrong = PictureAnswer {
            answer: "99".into(),
            ..picture.clone()
        };
        assert_eq!(items(send(Some(wrong)).await), [item::PICTURE_CODE]);
        assert_eq!(
            items(send(Some(picture)).await),
            [item::PICTURE_CODE],
            "one answer only"
        );
        let late = world.picture(&client).await;
        world.clock.pass(300);
        assert_eq!(items(send(Some(late)).await), [item::PICTURE_CODE]);
        assert_eq!(world.phone.count(), 0);
        send(Some(world.picture(&client).await)).await.unwrap();
        assert_eq!(world.phone.count(), 1);

        // a drawn picture is kept like a sum, and one of another site is worth nothing
        let drawn = world
            .accounts
            .pictures()
            .picture(&other_site(), &client)
            .await
            .unwrap();
        let answer = PictureAnswer {
            id: drawn.id,
            answer: "AAAA".into(),
        };
        assert!(
            !world
                .accounts
                .pictures()
                .is_right(&world.site, Some(&answer))
                .await
                .unwrap()
        );
    }
}

#[tokio::test]
async fn a_picture_code_with_the_log_in_form_is_used_up_by_it() {
    for store in stores().await {
        let world = World::new(store);
        world.register(&policy(), &unit()).await.unwrap();
        let mut with_picture = policy();
        with_picture.login_proofs = vec![Proof::PictureCode];
        let client = client();
        let log_in = |picture: Option<PictureAnswer>| {
            let (world, policy, client) = (&world, &with_picture, &client);
            async move {
                let sent = LogIn {
                    login_id: USCC,
                    password: PASSWORD,
                    picture,
                    sms_code: "",
                };
                world
                    .accounts
                    .log_in(&world.site, policy, sent, client, None)
                    .await
            }
        };
        assert_eq!(items(log_in(None).await), [item::PICTURE_CODE]);
        let picture = world.picture(&client).await;
        log_in(Some(picture.clone())).await.unwrap();
        assert_eq!(items(log_in(Some(picture)).await), [item::PICTURE_CODE]);
    }
}
