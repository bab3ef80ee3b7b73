//! Profiles.

use super::*;

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
