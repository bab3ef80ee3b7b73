//! Accounts on both databases.

use super::testing::*;
use super::*;
use tokio::task::JoinSet;
use yinxin_core::definition::LoginId;
use yinxin_core::rules::NamedValue;
use yinxin_store::testing::stores;

fn other_site() -> SiteId {
    SiteId::parse("hunan").unwrap()
}

fn recovery<'a>(login_id: &'a str, sms_code: &'a str) -> Recovery<'a> {
    let password = "滕王高阁临江渚佩玉鸣鸾";
    Recovery {
        login_id,
        sms_code,
        password,
        password_again: password,
    }
}

async fn live(world: &World, begun: &Begun) -> bool {
    world
        .accounts
        .applicant(&world.site, &begun.token)
        .await
        .unwrap()
        .is_some()
}

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

fn client_ref(last: u8) -> &'static Client {
    Box::leak(Box::new(client_at(last)))
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
async fn a_log_in_can_want_a_code_on_the_mobile_too() {
    for store in stores().await {
        let world = World::new(store);
        world.register(&policy(), &unit()).await.unwrap();
        let mut twice = policy();
        twice.login_proofs = vec![Proof::SmsCode];
        let client = client();
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

#[tokio::test]
async fn a_profile_is_edited_within_what_its_editor_may() {
    for store in stores().await {
        let world = World::new(store);
        let (site, policy, form, client) = (&world.site, policy(), profile_form(), client());
        let begun = world.register(&policy, &unit()).await.unwrap();
        let account = AccountId::from_stored(begun.session.subject.as_str());
        let edit = |raw: Vec<(String, String)>, over, code: String| {
            let (world, policy, form, client, account) =
                (&world, &policy, &form, &client, &account);
            async move {
                let edit = ProfileEdit {
                    form,
                    raw: &raw,
                    over,
                };
                let editor = Editor::Applicant { sms_code: &code };
                world
                    .accounts
                    .edit_profile(&world.site, policy, account, edit, editor, client)
                    .await
            }
        };
        let raw =
            |mobile: &str, handler: &str| answers(&[("mobile", mobile), ("handler", handler)]);

        edit(raw(MOBILE, "王勃"), 1, String::new()).await.unwrap();
        let profile = world.accounts.profile(site, &account).await.unwrap();
        assert_eq!(
            (profile.values.get("handler"), profile.values.get("unit")),
            ("王勃", "鹰潭市某公司")
        );
        assert_eq!(
            items(edit(raw(MOBILE, "王勃"), 1, String::new()).await),
            [""],
            "written over a newer one"
        );

        let mut forged = raw(MOBILE, "王勃");
        forged.extend(answers(&[
            ("unit", "冒名公司"),
            ("uscc", "91110000600037341L"),
        ]));
        assert_eq!(
            items(edit(forged, 2, String::new()).await),
            ["unit", "uscc"]
        );
        let mut same = raw(MOBILE, "王勃");
        same.extend(answers(&[("unit", "鹰潭市某公司"), ("uscc", USCC)]));
        edit(same, 2, String::new()).await.unwrap();

        let new_mobile = "13900005678";
        assert_eq!(
            items(edit(raw("", "王勃"), 3, String::new()).await),
            ["mobile", "mobile"]
        );
        assert_eq!(
            items(edit(raw(new_mobile, "王勃"), 3, String::new()).await),
            [item::SMS_CODE]
        );
        world
            .accounts
            .send_mobile_change_code(site, &policy, &account, new_mobile, &client)
            .await
            .unwrap();
        let code = world.phone.code(new_mobile);
        assert_eq!(
            items(edit(raw("13900009999", "王勃"), 3, code.clone()).await),
            [item::SMS_CODE]
        );
        edit(raw(new_mobile, "王勃"), 3, code).await.unwrap();
        assert_eq!(
            world
                .accounts
                .account(site, &account)
                .await
                .unwrap()
                .mobile_masked,
            "139****5678"
        );
        world.log_in(new_mobile, PASSWORD).await.unwrap();
        assert_eq!(
            items(world.log_in(MOBILE, PASSWORD).await),
            [item::PASSWORD]
        );

        // the mobile of another account is not to be had
        let other = answers(&[
            ("unit", "另一公司"),
            ("uscc", "91110000600037341L"),
            ("mobile", MOBILE),
        ]);
        world.register(&policy, &other).await.unwrap();
        world
            .accounts
            .send_mobile_change_code(site, &policy, &account, MOBILE, &client)
            .await
            .unwrap();
        let code = world.phone.code(MOBILE);
        assert_eq!(items(edit(raw(MOBILE, "王勃"), 4, code).await), ["mobile"]);

        let clerk = ClerkId::generate();
        let renamed = answers(&[
            ("unit", "鹰潭市新公司"),
            ("mobile", new_mobile),
            ("handler", "王勃"),
        ]);
        let by_clerk = ProfileEdit {
            form: &form,
            raw: &renamed,
            over: 4,
        };
        world
            .accounts
            .edit_profile(
                site,
                &policy,
                &account,
                by_clerk,
                Editor::Clerk(&clerk),
                &client,
            )
            .await
            .unwrap();
        assert_eq!(
            world.accounts.account(site, &account).await.unwrap().name,
            "鹰潭市新公司"
        );
        let last = &world
            .accounts
            .events(site, &account, None, 1)
            .await
            .unwrap()[0];
        assert_eq!(
            (last.kind.as_str(), last.actor.as_str()),
            ("profile-edited", clerk.as_str())
        );
    }
}

#[tokio::test]
async fn a_plugin_remembers_only_what_is_its_to_write() {
    for store in stores().await {
        let world = World::new(store);
        let (site, policy, form) = (&world.site, policy(), profile_form());
        let begun = world.register(&policy, &unit()).await.unwrap();
        let account = AccountId::from_stored(begun.session.subject.as_str());
        let remember = |name: &str, value: String| {
            let entry = NamedValue {
                name: name.into(),
                value,
            };
            let (world, policy, form, account) = (&world, &policy, &form, &account);
            async move {
                let mut tx = world.store.begin().await.unwrap();
                let done = world
                    .accounts
                    .remember(&mut tx, site, policy, form, account, &[entry])
                    .await;
                if done.is_ok() {
                    tx.commit().await.unwrap();
                }
                done
            }
        };
        for name in ["unit", "uscc", "mobile", "nonsense"] {
            assert!(
                matches!(remember(name, "x".into()).await, Err(RememberError::NotWritable(field)) if field == name)
            );
        }
        let long = remember("handler", "王".repeat(33)).await;
        assert!(matches!(long, Err(RememberError::TooLong(field)) if field == "handler"));
        remember("handler", "王勃".into()).await.unwrap();
        assert_eq!(
            world
                .accounts
                .profile(site, &account)
                .await
                .unwrap()
                .values
                .get("handler"),
            "王勃"
        );
        assert_eq!(
            world
                .accounts
                .profile(&other_site(), &account)
                .await
                .unwrap(),
            Profile::default()
        );
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
