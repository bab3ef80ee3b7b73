//! Starting from a certificate, finding by it, and turning it by hand.

use crate::applicant::problems;
use crate::hall::{administrator, clerk, halls};
use crate::shopper::{BANYAN, Shopper};
use yinxin_core::definition::Role;
use yinxin_core::ids::CaseId;
use yinxin_core::time::Clock;
use yinxin_engine::views::ListFilter;
use yinxin_engine::{Because, EngineError};
use yinxin_services::certificates::{CertificateState, Turn};

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_begins_with_what_stands_in_a_certificate_in_ones_hands() {
    for hall in halls().await {
        let (engine, site) = (&hall.engine, &hall.market);
        let shopper = Shopper::new(&hall);
        let serial = shopper.certificate(BANYAN).await;
        let renew = async |who: &Shopper<'_>| {
            engine
                .start_from(site, &who.account, "fujian", "renew-enterprise", &serial)
                .await
        };
        let without = engine
            .start(site, &shopper.account, "fujian", "renew-enterprise")
            .await;
        assert!(problems(without)[0].message.contains("请先选择"));
        let begun = renew(&shopper).await.unwrap();
        assert!(!begun.resumed);
        let page = shopper.page(&begun.case).await;
        assert_eq!(page.subject, BANYAN.0, "{}", hall.name());
        let value = |name: &str| {
            let found = page.values.iter().find(|entry| entry.name == name);
            found.map_or("", |entry| entry.value.as_str()).to_owned()
        };
        assert_eq!(value("from-serial"), serial);
        assert_eq!(value("from-unit"), BANYAN.0);
        assert_eq!(value("from-standing"), "valid");
        let end = page_end(&hall, &serial).await;
        assert_eq!(value("from-until"), end);

        // A second tab goes on with the same application.
        let again = renew(&shopper).await.unwrap();
        assert_eq!((again.resumed, &again.case), (true, &begun.case));

        // Who has not shown the certificate cannot begin; who has its file begins an own application.
        let other = Shopper::new(&hall);
        assert!(matches!(renew(&other).await, Err(EngineError::NotFound)));
        let certificates = &hall.services.certificates;
        let mut conn = hall.store.read().await.unwrap();
        let row = certificates.registered(&mut conn, site, &serial).await;
        let pem = row.unwrap().unwrap().pem;
        drop(conn);
        let bound = certificates.bind_file(site, &other.account, pem.as_bytes());
        assert_eq!(bound.await.unwrap(), serial);
        let theirs = renew(&other).await.unwrap();
        assert_ne!(theirs.case, begun.case);

        // A revoked one leads to a new certificate instead.
        let because = Because {
            code: "superseded",
            words: "换发",
        };
        engine
            .turn_certificate(site, &administrator(), &serial, Turn::Revoke, because)
            .await
            .unwrap();
        let refused = problems(renew(&shopper).await);
        assert!(
            refused[0].message.contains("已注销"),
            "{}",
            refused[0].message
        );
    }
}

async fn page_end(hall: &crate::hall::Hall, serial: &str) -> String {
    let mut conn = hall.store.read().await.unwrap();
    let certificates = &hall.services.certificates;
    let row = certificates
        .registered(&mut conn, &hall.market, serial)
        .await;
    row.unwrap().unwrap().not_after.day().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_pressed_twice_begins_one_application() {
    for hall in halls().await {
        let shopper = Shopper::new(&hall);
        let serial = shopper.certificate(BANYAN).await;
        let begin = || {
            let (engine, site) = (&hall.engine, &hall.market);
            engine.start_from(
                site,
                &shopper.account,
                "fujian",
                "renew-enterprise",
                &serial,
            )
        };
        let (one, other, third) = tokio::join!(begin(), begin(), begin());
        let all = [one.unwrap(), other.unwrap(), third.unwrap()];
        assert!(
            all.iter().all(|begun| begun.case == all[0].case),
            "{} {all:?}",
            hall.name()
        );
        assert_eq!(all.iter().filter(|begun| !begun.resumed).count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_turns_a_certificate_with_a_reason_that_stays() {
    for hall in halls().await {
        let (engine, site) = (&hall.engine, &hall.market);
        let shopper = Shopper::new(&hall);
        let serial = shopper.certificate(BANYAN).await;
        let state = async || {
            let mut conn = hall.store.read().await.unwrap();
            let certificates = &hall.services.certificates;
            let row = certificates.registered(&mut conn, site, &serial).await;
            let row = row.unwrap().unwrap();
            (row.state, row.case)
        };
        let turn = async |who: &yinxin_engine::ClerkActor, turn, words: &'static str| {
            let because = Because { code: "", words };
            engine
                .turn_certificate(site, who, &serial, turn, because)
                .await
        };
        let maker = clerk("制证员", &[Role::Maker]);
        let denied = turn(&maker, Turn::Hold, "试试").await;
        assert!(matches!(denied, Err(EngineError::NotAllowed)));
        let boss = administrator();
        let early = turn(&boss, Turn::Release, "没有冻结").await;
        assert!(matches!(early, Err(EngineError::Stale)), "{}", hall.name());
        turn(&boss, Turn::Hold, "持有人报失").await.unwrap();
        assert_eq!(state().await.0, CertificateState::Held);
        turn(&boss, Turn::Release, "已找到").await.unwrap();
        let (now, case) = state().await;
        assert_eq!(now, CertificateState::Valid);

        let turned = engine.turns(site, &case, &serial).await.unwrap();
        let told: Vec<_> = turned
            .iter()
            .map(|turn| (turn.label.as_str(), turn.who.as_str(), turn.why.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("冻结证书", "管理员", "持有人报失"),
                ("解冻证书", "管理员", "已找到")
            ]
        );
        assert!(turned[1].at <= hall.clock.now());
        assert!(engine.turns(site, &case, "00").await.unwrap().is_empty());
        // The applicant reads it in the history, and the chain of the ledger holds.
        let history = shopper.page(&case).await.history;
        assert!(history.iter().any(|line| line.label == "冻结证书"));
        let mut conn = hall.store.read().await.unwrap();
        let verified = yinxin_store::ledger::verify(&mut conn, site).await;
        assert!(verified.unwrap().is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_search_text_looks_like_all_kinds_are_tried() {
    for hall in halls().await {
        let (engine, site) = (&hall.engine, &hall.market);
        let shopper = Shopper::new(&hall);
        let serial = shopper.certificate(BANYAN).await;
        let begun = engine
            .start_from(
                site,
                &shopper.account,
                "fujian",
                "renew-enterprise",
                &serial,
            )
            .await
            .unwrap();
        let renewal = begun.case;
        let boss = administrator();
        let found = async |text: &str| -> Vec<CaseId> {
            let filter = ListFilter {
                text: text.to_owned(),
                ..ListFilter::default()
            };
            let lines = engine.search(site, &boss, &filter, None, 9).await.unwrap();
            let mut ids: Vec<CaseId> = lines.lines.into_iter().map(|line| line.id).collect();
            ids.sort();
            ids
        };
        let page = {
            let mut conn = hall.store.read().await.unwrap();
            let certificates = &hall.services.certificates;
            let row = certificates.registered(&mut conn, site, &serial).await;
            row.unwrap().unwrap().case
        };
        let mut both = vec![page.clone(), renewal.clone()];
        both.sort();
        let first = shopper.page(&page).await;
        let order = shopper
            .view(&yinxin_core::ids::OrderId::from_stored(
                first.order.as_ref().unwrap().id.as_str(),
            ))
            .await;
        let groups: Vec<&str> = serial
            .as_bytes()
            .chunks(4)
            .map(|four| std::str::from_utf8(four).unwrap())
            .collect();
        for (text, expected) in [
            (first.number.as_str(), std::slice::from_ref(&page)),
            (order.number.as_str(), std::slice::from_ref(&page)),
            (order.reference.as_str(), std::slice::from_ref(&page)),
            // A tracking number that begins like an acceptance number, and a part of a number.
            ("EM100000000CN", std::slice::from_ref(&page)),
            (&first.number[..8], &both),
            (&serial, &both),
            (&groups.join(" "), &both),
            (BANYAN.0, &both),
            (BANYAN.1, &both),
        ] {
            assert_eq!(found(text).await, expected, "{} {text}", hall.name());
        }
    }
}
