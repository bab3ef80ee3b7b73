//! From bytes to an active plugin, and everything that stops on the way.

use crate::guest::{House, component, component_with, entry, limits, manifest, registry, site};
use yinxin_capabilities::{ActivationError, Capability, PluginEntry, Registry};
use yinxin_core::time::Millis;
use yinxin_sandbox::{Cache, LoadError, Sandbox, Settings};
use yinxin_store::{plugins, testing};

#[tokio::test]
async fn what_is_imported_has_to_be_declared_and_granted() {
    let registry = registry(limits());
    let all = Capability::ALL;
    let inspect = async |declared: &[Capability], granted: &[Capability]| {
        registry
            .inspect(
                &site(),
                component(),
                &manifest("1.0.0", declared),
                &entry(granted),
            )
            .await
    };
    assert!(inspect(&all, &all).await.is_ok());
    let without_tokens: Vec<_> = all
        .into_iter()
        .filter(|capability| *capability != Capability::Tokens)
        .collect();
    let error = inspect(&without_tokens, &all).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        "plugin `hostile`: it imports `yinxin:tokens/tokens@0.1.0`, which its plugin.toml does not declare"
    );
    let error = inspect(&all, &without_tokens).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        "plugin `hostile`: it imports `yinxin:tokens/tokens@0.1.0`, which the site's site.toml does not grant"
    );
}

#[tokio::test]
async fn only_the_component_that_the_site_asks_for_is_taken() {
    let registry = registry(limits());
    let all = Capability::ALL;
    let asked = PluginEntry {
        digest: Some("00".repeat(32)),
        ..entry(&all)
    };
    let error = registry
        .inspect(&site(), component(), &manifest("1.0.0", &all), &asked)
        .await
        .err()
        .unwrap();
    let ActivationError::Digest { found, .. } = error else {
        panic!("{error}")
    };
    let asked = PluginEntry {
        digest: Some(found),
        ..entry(&all)
    };
    assert!(
        registry
            .inspect(&site(), component(), &manifest("1.0.0", &all), &asked)
            .await
            .is_ok()
    );
    let error = registry
        .inspect(&site(), component(), &manifest("1.0.1", &all), &asked)
        .await
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "plugin `hostile`: its version is `1.0.1` in plugin.toml and `1.0.0` in its definition"
    );
}

#[tokio::test]
async fn components_that_are_no_plugins_are_named_for_what_they_are() {
    let registry = registry(limits());
    let all = Capability::ALL;
    let inspect = async |bytes: &[u8]| {
        registry
            .inspect(&site(), bytes, &manifest("1.0.0", &all), &entry(&all))
            .await
            .err()
            .unwrap()
    };
    let wat = |text: &str| wat::parse_str(text).unwrap();

    let error = inspect(b"#!/bin/sh").await;
    assert!(
        matches!(
            &error,
            ActivationError::Load {
                error: LoadError::Invalid(_),
                ..
            }
        ),
        "{error}"
    );
    let error = inspect(&wat("(module)")).await;
    assert!(
        matches!(
            &error,
            ActivationError::Load {
                error: LoadError::Invalid(_),
                ..
            }
        ),
        "{error}"
    );
    let error = inspect(&wat("(component)")).await;
    assert!(matches!(&error, ActivationError::NoRules { .. }), "{error}");

    // WASI, a socket by another name, and another version of an interface that exists.
    let import = |interface: &str| {
        wat(&format!(
            r#"(component (import "{interface}" (instance (export "get" (func)))))"#
        ))
    };
    for interface in [
        "wasi:cli/environment@0.2.0",
        "yinxin:sockets/sockets@0.1.0",
        "yinxin:storage/storage@0.9.0",
    ] {
        let error = inspect(&import(interface)).await;
        let expected =
            format!("plugin `hostile`: it imports `{interface}`, which this host does not have");
        assert_eq!(error.to_string(), expected);
    }
    // The name is right and the function is not.
    let mut exports = String::from(
        r#"(component (import "yinxin:storage/storage@0.1.0" (instance (export "steal" (func))))"#,
    );
    exports.push_str(r#"(instance $rules) (export "yinxin:site/rules@0.1.0" (instance $rules)))"#);
    let error = inspect(&wat(&exports)).await;
    assert!(
        matches!(&error, ActivationError::Contract { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_definition_that_the_lint_refuses_does_not_go_live() {
    let house = House::open(testing::sqlite().await).await;
    let text = "请等待工作人员处理您的申请";
    let silent = component_with(text, &" ".repeat(text.len()));
    let all = Capability::ALL;
    let manifest = manifest("1.0.0", &all);
    let error = house
        .registry
        .activate(&house.store, &site(), &silent, &manifest, &entry(&all))
        .await
        .err()
        .unwrap();
    let ActivationError::Lint { findings, .. } = &error else {
        panic!("{error}")
    };
    assert!(!findings.is_empty());
    assert!(
        error
            .to_string()
            .contains("hostile › lifecycle only › state draft"),
        "{error}"
    );
    let active = house.registry.plugin(&site(), "hostile").unwrap();
    assert_eq!(
        active.digest, house.plugin.digest,
        "the version before stays"
    );
}

#[tokio::test]
async fn a_case_goes_on_under_its_version_until_a_new_one_takes_it_over() {
    for store in testing::stores().await {
        let house = House::open(store).await;
        let all = Capability::ALL;
        let activate = async |version: &str, takes_over: &str| {
            let bytes = component_with("1.0.0|-----", &format!("{version}|{takes_over}"));
            let manifest = manifest(version, &all);
            let activated = house
                .registry
                .activate(&house.store, &site(), &bytes, &manifest, &entry(&all))
                .await;
            activated.unwrap_or_else(|error| panic!("{error}")).plugin
        };
        let first = house.plugin.digest.clone();
        let second = activate("2.0.0", "-----").await;
        let newest = || {
            house
                .registry
                .plugin(&site(), "hostile")
                .unwrap()
                .digest
                .clone()
        };
        let decides = |digest: &str| {
            house
                .registry
                .for_case(&site(), "hostile", digest)
                .unwrap()
                .digest
                .clone()
        };
        assert_eq!(newest(), second.digest);
        assert_eq!(decides(&first), first);
        assert_eq!(decides(&second.digest), second.digest);

        let third = activate("3.0.0", "1.0.0").await;
        assert_eq!(decides(&first), third.digest);
        assert_eq!(decides(&second.digest), second.digest);
        assert!(
            house
                .registry
                .for_case(&site(), "hostile", "unknown")
                .is_none()
        );
        assert!(house.registry.version(&site(), "hostile", &first).is_some());

        // Another process reads the same from the database, with the same rules behind it.
        let other = registry(limits());
        other
            .load(&house.store, &site(), &[entry(&all)])
            .await
            .unwrap();
        let loaded = other.plugin(&site(), "hostile").unwrap();
        assert_eq!(loaded.digest, third.digest, "{}", house.store.name);
        assert_eq!(*loaded.definition, *third.definition);
        assert_eq!(other.plugins(&site()).len(), 1);

        // A plugin that site.toml no longer names takes no new cases.
        let without = registry(limits());
        without.load(&house.store, &site(), &[]).await.unwrap();
        assert!(without.plugin(&site(), "hostile").is_none());
        assert!(without.version(&site(), "hostile", &third.digest).is_some());
    }
}

#[tokio::test]
async fn a_version_whose_component_is_gone_is_left_out_and_named() {
    let store = testing::sqlite().await;
    let gone = plugins::Activation {
        plugin: "hostile".into(),
        digest: "ab".repeat(32),
        version: "0.9.0".into(),
        definition: "{}".into(),
        active: true,
        activated_at: Millis(0),
    };
    let mut transaction = store.begin().await.unwrap();
    plugins::activate(&mut transaction, &site(), &gone)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let registry = registry(limits());
    registry.load(&store, &site(), &[entry(&[])]).await.unwrap();
    assert!(registry.plugins(&site()).is_empty());
    let refused = registry.refused(&site());
    assert!(
        refused["hostile"].contains("the component of version 0.9.0 (abab"),
        "{refused:?}"
    );
    // Of a plugin that the site no longer has, nobody is told.
    let registry = self::registry(limits());
    registry.load(&store, &site(), &[]).await.unwrap();
    assert!(registry.refused(&site()).is_empty());
}

#[tokio::test]
async fn a_start_needs_a_version_s_code_or_its_component() {
    let folder = tempfile::tempdir().unwrap();
    let started = |compiled: &str| {
        let place = folder.path().join(compiled);
        let settings = Settings {
            limits: limits(),
            cache: Some(Cache::open(place, &[7; 32]).unwrap()),
            ..Settings::default()
        };
        Registry::new(Sandbox::new(settings).unwrap()).unwrap()
    };
    let all = Capability::ALL;
    let (manifest, entry) = (manifest("1.0.0", &all), entry(&all));
    let inspected = started("kept")
        .inspect(&site(), component(), &manifest, &entry)
        .await;
    let plugin = inspected.unwrap().plugin;
    let version = plugins::Activation {
        plugin: plugin.name.clone(),
        digest: plugin.digest.clone(),
        version: "1.0.0".into(),
        definition: serde_json::to_string(&*plugin.definition).unwrap(),
        active: true,
        activated_at: Millis(0),
    };
    for store in testing::stores().await {
        let loaded = async |compiled: &str| {
            let registry = started(compiled);
            let entries = std::slice::from_ref(&entry);
            registry.load(&store, &site(), entries).await.unwrap();
            let active = registry.plugin(&site(), "hostile");
            active.map(|active| active.digest.clone()).ok_or_else(|| {
                let refused = registry.refused(&site());
                refused["hostile"].clone()
            })
        };
        let mut transaction = store.begin().await.unwrap();
        plugins::activate(&mut transaction, &site(), &version)
            .await
            .unwrap();
        transaction.commit().await.unwrap();

        let name = &store.name;
        assert_eq!(loaded("kept").await, Ok(plugin.digest.clone()), "{name}");
        let elsewhere = format!("compiled for {name}");
        let lost = loaded(&elsewhere).await.unwrap_err();
        assert!(lost.contains("is not in the database"), "{name}: {lost}");

        let mut transaction = store.begin().await.unwrap();
        plugins::save_component(&mut transaction, &site(), &version.digest, component())
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(loaded(&elsewhere).await, Ok(plugin.digest.clone()));

        // Code that is damaged is made of the component again.
        let files = std::fs::read_dir(folder.path().join(&elsewhere)).unwrap();
        let files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        let [file] = &files[..] else {
            panic!("{files:?}")
        };
        let code = std::fs::read(file).unwrap();
        std::fs::remove_file(file).unwrap();
        std::fs::write(file, &code[..code.len() / 2]).unwrap();
        assert_eq!(loaded(&elsewhere).await, Ok(plugin.digest.clone()));
        assert_eq!(std::fs::read(file).unwrap().len(), code.len());
    }
}
