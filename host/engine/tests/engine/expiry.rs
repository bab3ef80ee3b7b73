//! What happens around the end of a certificate (manual row F-12), with a clock that moves.

use crate::hall::{Hall, administrator, halls};
use crate::shopper::{BANYAN, Shopper};
use std::process::Command;
use yinxin_core::ids::CaseId;
use yinxin_core::money::Method;
use yinxin_core::time::Millis;
use yinxin_engine::{Actor, Because};
use yinxin_services::certificates::{Outlook, Turn};
use yinxin_services::payments::Settled;
use yinxin_store::ledger;

const DAY: i64 = 24 * 3600; // seconds

/// The case that a certificate was issued for, and when the certificate ends.
async fn issued(hall: &Hall, serial: &str) -> (CaseId, Millis) {
    let mut conn = hall.store.read().await.unwrap();
    let certificates = &hall.services.certificates;
    let row = certificates
        .registered(&mut conn, &hall.market, serial)
        .await
        .unwrap()
        .unwrap();
    (row.case, row.not_after)
}

/// What timers brought to the case so far.
async fn brought(hall: &Hall, case: &CaseId) -> Vec<String> {
    let mut conn = hall.store.read().await.unwrap();
    let rows = ledger::of_case(&mut conn, &hall.market, case)
        .await
        .unwrap();
    let rows = rows.into_iter().map(|row| row.entry);
    rows.filter(|entry| entry.actor_kind == "timer")
        .map(|entry| entry.transition)
        .collect()
}

async fn at(hall: &Hall, moment: Millis) {
    hall.clock.set(moment);
    hall.engine.work_off().await.unwrap();
}

async fn outlook(hall: &Hall, shopper: &Shopper<'_>, serial: &str) -> Outlook {
    let mut conn = hall.store.read().await.unwrap();
    let certificates = &hall.services.certificates;
    let held = certificates.holding(&mut conn, &hall.market, &shopper.account, serial);
    held.await.unwrap().unwrap().outlook
}

/// Pays, makes and sends a submitted application; the serial of its certificate.
async fn finished(shopper: &Shopper<'_>, case: &CaseId, old: &str) -> String {
    let order = shopper
        .order(std::slice::from_ref(case), Method::BankTransfer)
        .await;
    let paid = shopper.transfer(&order, &format!("B{case}")).await;
    assert_eq!(paid, Settled::Paid);
    let clerk = Actor::Clerk(administrator());
    let request = crate::journey::certificate_request(shopper.hall);
    let made = [
        ("certificate-request", request.as_str()),
        ("from-serial", old),
    ];
    let sent = [("courier", "邮政"), ("tracking-number", "EM100000000CN")];
    for (transition, input) in [("accept", &[][..]), ("papers-pass", &[]), ("make", &made)] {
        shopper.fire(&clerk, case, transition, input).await.unwrap();
    }
    shopper.hall.work(5).await;
    shopper.fire(&clerk, case, "ship", &sent).await.unwrap();
    shopper.page(case).await.certificates[0].serial.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_warnings_come_before_the_end_and_ninety_days_behind_it_the_certificate_is_revoked() {
    for hall in halls().await {
        let shopper = Shopper::new(&hall);
        let serial = shopper.certificate(BANYAN).await;
        let (case, end) = issued(&hall, &serial).await;
        for (days, transition, before) in [
            (-60, "warn-early", 0),
            (-30, "warn", 1),
            (-7, "warn-last", 2),
            (0, "expire", 3),
            (90, "revoke", 4),
        ] {
            let moment = end.plus(days * DAY);
            at(&hall, moment.plus(-60)).await;
            let so_far = brought(&hall, &case).await;
            assert_eq!(so_far.len(), before, "{} {so_far:?}", hall.name());
            at(&hall, moment.plus(60)).await;
            assert_eq!(brought(&hall, &case).await.last().unwrap(), transition);
        }
        assert_eq!(shopper.page(&case).await.state.id, "revoked");
        assert_eq!(outlook(&hall, &shopper, &serial).await, Outlook::Revoked);
        let told = hall.pocket.sms();
        let times = |template: &str| told.iter().filter(|(_, code)| code == template).count();
        assert_eq!(
            (times("1850012"), times("1850013"), times("1850014")),
            (3, 1, 1)
        );

        // OpenSSL finds it on the list.
        let list = hall.services.certificates.crl(&hall.market).await.unwrap();
        let file = hall.folder().join("list.crl");
        std::fs::write(&file, list).unwrap();
        let printed = Command::new("openssl")
            .args(["crl", "-inform", "DER", "-noout", "-text", "-in"])
            .arg(&file)
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
        assert!(printed.contains(&serial.to_uppercase()), "{printed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_warned_of_a_certificate_that_was_renewed() {
    for hall in halls().await {
        let shopper = Shopper::new(&hall);
        let old = shopper.certificate(BANYAN).await;
        let (case, end) = issued(&hall, &old).await;
        at(&hall, end.plus(-45 * DAY)).await;
        assert_eq!(
            brought(&hall, &case).await,
            ["warn-early"],
            "{}",
            hall.name()
        );
        let renewal = shopper.renewed(&old, BANYAN, 1).await;
        let new = finished(&shopper, &renewal, &old).await;
        assert_ne!(new, old);
        assert_eq!(outlook(&hall, &shopper, &old).await, Outlook::Renewed);
        assert_eq!(outlook(&hall, &shopper, &new).await, Outlook::Valid);
        at(&hall, end.plus(DAY)).await;
        // The rules say what becomes of the old application; nobody was warned again.
        assert_eq!(brought(&hall, &case).await, ["warn-early", "expire"]);
        assert_eq!(shopper.page(&case).await.state.id, "renewed");
        at(&hall, end.plus(91 * DAY)).await;
        assert_eq!(outlook(&hall, &shopper, &old).await, Outlook::Renewed);
        // The new one has warnings of its own.
        let (_, end) = issued(&hall, &new).await;
        at(&hall, end.plus(-60 * DAY + 60)).await;
        assert_eq!(brought(&hall, &renewal).await, ["warn-early"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_whose_moment_has_passed_is_not_given() {
    for hall in halls().await {
        let shopper = Shopper::new(&hall);
        // Made in time and sent so late that sixty days are over: the state with the timers begins with the sending.
        let case = shopper.applied(BANYAN, 1).await;
        let order = shopper
            .order(std::slice::from_ref(&case), Method::BankTransfer)
            .await;
        shopper.transfer(&order, "B1").await;
        let clerk = Actor::Clerk(administrator());
        let request = crate::journey::certificate_request(&hall);
        let request = [("certificate-request", request.as_str())];
        for (transition, input) in [
            ("accept", &[][..]),
            ("papers-pass", &[]),
            ("make", &request),
        ] {
            shopper
                .fire(&clerk, &case, transition, input)
                .await
                .unwrap();
        }
        hall.work(5).await;
        let serial = shopper.page(&case).await.certificates[0].serial.clone();
        let (_, end) = issued(&hall, &serial).await;
        at(&hall, end.plus(-40 * DAY)).await;
        let sent = [("courier", "邮政"), ("tracking-number", "EM100000000CN")];
        shopper.fire(&clerk, &case, "ship", &sent).await.unwrap();
        hall.engine.work_off().await.unwrap();
        assert!(brought(&hall, &case).await.is_empty(), "{}", hall.name());
        at(&hall, end.plus(-30 * DAY + 60)).await;
        assert_eq!(brought(&hall, &case).await, ["warn"]);
        // Nobody worked for weeks: a warning that comes behind the end is none.
        at(&hall, end.plus(60)).await;
        assert_eq!(brought(&hall, &case).await, ["warn", "expire"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_an_administrator_revoked_is_not_warned_of() {
    for hall in halls().await {
        let shopper = Shopper::new(&hall);
        let serial = shopper.certificate(BANYAN).await;
        let (case, end) = issued(&hall, &serial).await;
        let because = Because {
            code: "keyCompromise",
            words: "申请人报失",
        };
        hall.engine
            .turn_certificate(
                &hall.market,
                &administrator(),
                &serial,
                Turn::Revoke,
                because,
            )
            .await
            .unwrap();
        at(&hall, end.plus(-DAY)).await;
        assert!(brought(&hall, &case).await.is_empty(), "{}", hall.name());
        at(&hall, end.plus(91 * DAY)).await;
        assert_eq!(brought(&hall, &case).await, ["expire", "revoke"]);
    }
}
