//! The register as clerks look through it.

use super::*;

const DAY: i64 = 24 * 3600; // seconds

async fn found(office: &Office, sought: Sought) -> Vec<String> {
    let mut conn = office.store.read().await.unwrap();
    let certificates = &office.certificates;
    let page = certificates
        .register(&mut conn, &office.site, &sought, None, 9)
        .await
        .unwrap();
    assert_eq!(page.next, None);
    page.lines.into_iter().map(|row| row.serial).collect()
}

fn text(text: &str) -> Sought {
    Sought {
        text: text.into(),
        ..Sought::default()
    }
}

#[tokio::test]
async fn a_certificate_is_found_by_name_and_by_its_serial_however_it_is_written() {
    for store in stores().await {
        let office = Office::open(store, 0).await;
        let serial = office.issue().await.serial;
        let groups: Vec<String> = serial
            .to_uppercase()
            .as_bytes()
            .chunks(4)
            .map(|four| String::from_utf8_lossy(four).into_owned())
            .collect();
        for wanted in [
            "",
            "钟𬭎",
            "某某建设",
            "91360600MA35F5XX0K",
            &serial,
            &serial[..8],
            &groups.join(" "),
            &groups.join(":"),
        ] {
            assert_eq!(
                found(&office, text(wanted)).await,
                [serial.as_str()],
                "{} {wanted}",
                office.store.name
            );
        }
        for wanted in ["别的公司", "%", "000000000000", &serial[1..9]] {
            assert!(found(&office, text(wanted)).await.is_empty(), "{wanted}");
        }
    }
}

#[tokio::test]
async fn what_ends_soon_is_found_and_what_was_revoked_behind_its_end_is_on_the_list() {
    for store in stores().await {
        let office = Office::open(store, 0).await;
        let issued = office.issue().await;
        let within = |days| Sought {
            within_days: Some(days),
            ..Sought::default()
        };
        assert!(found(&office, within(90)).await.is_empty());
        office.later(330 * DAY);
        assert!(found(&office, within(30)).await.is_empty());
        assert_eq!(found(&office, within(60)).await, [issued.serial.as_str()]);
        // Expired for ninety days: revoked, and the next lists say so.
        office.later((35 + 90) * DAY);
        let mut tx = office.store.begin().await.unwrap();
        let certificates = &office.certificates;
        let because = "cessationOfOperation";
        certificates
            .turn(&mut tx, &office.site, &issued.serial, Turn::Revoke, because)
            .await
            .unwrap();
        let again = certificates
            .turn(&mut tx, &office.site, &issued.serial, Turn::Hold, "")
            .await;
        assert!(matches!(again, Err(CertificateError::NotPossible)));
        tx.commit().await.unwrap();
        let list = async || {
            let bytes = office.certificates.crl(&office.site).await.unwrap();
            office.write("list.crl", &bytes);
            office.openssl(&[
                "crl", "-inform", "DER", "-in", "list.crl", "-noout", "-text",
            ])
        };
        let printed = list().await;
        assert!(
            printed.contains(&issued.serial.to_uppercase())
                && printed.contains("Cessation Of Operation"),
            "{} {printed}",
            office.store.name
        );
        office.later(31 * DAY);
        assert!(list().await.contains("No Revoked Certificates"));
        let mut conn = office.store.read().await.unwrap();
        let row = certificates
            .registered(&mut conn, &office.site, &issued.serial)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (row.outlook, row.reason.as_str()),
            (Outlook::Revoked, because)
        );
    }
}
