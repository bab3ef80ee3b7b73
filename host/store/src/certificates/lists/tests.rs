use super::*;
use crate::certificates::tests::new;
use crate::certificates::{
    CertificateState::{Held, Revoked, Valid},
    Origin, change_state, complete, reserve, succeed,
};
use crate::files::tests::site;
use crate::testing::{sqlite, stores};
use sqlx::Row;
use yinxin_core::ids::CaseId;

/// Serial, subject, the end of validity, and how it stands.
const ISSUED: [(&str, &str, i64, &str); 6] = [
    ("0a01", "CN=甲公司", 1000, "valid"),
    ("0a02", "CN=乙%公司", 2000, "valid"),
    ("0b03", "CN=丙公司", 100, "valid"),
    ("0b04", "CN=丁公司", 1000, "held"),
    ("0b05", "CN=戊公司", 1000, "revoked"),
    ("0b06", "CN=甲公司", 1000, "replaced"),
];

async fn filled(conn: &mut Connection) {
    let case = CaseId::generate();
    for (place, (serial, subject, end, stands)) in (1..).zip(ISSUED) {
        let mut row = new(&case, serial, serial);
        row.subject = subject.into();
        row.not_after = Millis(end);
        row.created_at = Millis(place);
        reserve(conn, &site("jiangxi"), &row).await.unwrap();
        if serial == "0a02" {
            // Another one of the same instant, which is still on its way.
            reserve(conn, &site("jiangxi"), &new(&case, "0c", "0c"))
                .await
                .unwrap();
        }
        complete(conn, &site("jiangxi"), serial, &[1], "pem", Millis(place))
            .await
            .unwrap();
        let turned = match stands {
            "held" => Some(Held),
            "revoked" => Some(Revoked),
            _ => None,
        };
        if let Some(to) = turned {
            let here = site("jiangxi");
            assert!(
                change_state(conn, &here, serial, &[Valid], to, "", Millis(9))
                    .await
                    .unwrap()
            );
        }
        if stands == "replaced" {
            let replaced = Origin {
                serial: serial.into(),
                kind: "renewal".into(),
            };
            let here = site("jiangxi");
            assert!(succeed(conn, &here, &replaced, "0a02").await.unwrap());
            assert!(!succeed(conn, &here, &replaced, "0a01").await.unwrap());
        }
    }
}

#[tokio::test]
async fn a_certificate_is_found_by_name_serial_standing_and_end() {
    use Narrowed::*;
    for store in stores().await {
        let mut tx = store.begin().await.unwrap();
        filled(&mut tx).await;
        let now = Millis(500);
        let standing = |standing| Filter {
            standing: Some(standing),
            ..Filter::default()
        };
        let name = |name: &str| Filter {
            name: Some(name.into()),
            ..Filter::default()
        };
        let either = Filter {
            name: Some("丙".into()),
            serial: Some("0a".into()),
            standing: None,
        };
        for (filter, expected) in [
            (
                Filter::default(),
                &["0b06", "0b05", "0b04", "0b03", "0a02", "0a01"][..],
            ),
            (name("甲"), &["0b06", "0a01"]),
            (name("%公"), &["0a02"]),
            (either, &["0b03", "0a02", "0a01"]),
            (standing(Valid(now)), &["0a02", "0a01"]),
            (standing(Ending(now, Millis(1500))), &["0a01"]),
            (standing(Expired(now)), &["0b03"]),
            (standing(Held(now)), &["0b04"]),
            (standing(Revoked), &["0b05"]),
            (standing(Replaced), &["0b06"]),
        ] {
            let found = newest(&mut tx, &site("jiangxi"), &filter, None, 9)
                .await
                .unwrap();
            let serials: Vec<_> = found.iter().map(|row| row.serial.as_str()).collect();
            assert_eq!(serials, expected, "{} {filter:?}", store.name);
        }
    }
}

#[tokio::test]
async fn pages_neither_lose_nor_repeat_a_line() {
    for store in stores().await {
        let mut tx = store.begin().await.unwrap();
        filled(&mut tx).await;
        let (here, all) = (site("jiangxi"), Filter::default());
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = newest(&mut tx, &here, &all, after.as_ref(), 2)
                .await
                .unwrap();
            let Some(last) = page.last() else { break };
            let text = After {
                instant: last.created_at.0,
                serial: last.serial.clone(),
            }
            .text();
            after = After::parse(&text);
            seen.extend(page.into_iter().map(|row| row.serial));
        }
        assert_eq!(seen, ["0b06", "0b05", "0b04", "0b03", "0a02", "0a01"]);
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = by_end(&mut tx, &here, &all, after.as_ref(), 2)
                .await
                .unwrap();
            let Some(last) = page.last() else { break };
            after = Some(After {
                instant: last.not_after.0,
                serial: last.serial.clone(),
            });
            seen.extend(page.into_iter().map(|row| row.serial));
        }
        assert_eq!(
            seen,
            ["0b03", "0a01", "0b04", "0b05", "0b06", "0a02"],
            "{}",
            store.name
        );
    }
}

#[tokio::test]
async fn a_page_is_read_off_an_index_without_sorting() {
    let store = sqlite().await;
    let mut conn = store.read().await.unwrap();
    let (here, all) = (site("jiangxi"), Filter::default());
    let after = After {
        instant: 5,
        serial: "a".into(),
    };
    for (mut query, index) in [
        (
            newest_query(&here, &all, Some(&after), 9),
            "certificates_newest (site=? AND (created_at,serial)<(?,?))",
        ),
        (
            by_end_query(&here, &all, Some(&after), 9),
            "certificates_by_end (site=? AND (not_after,serial)>(?,?))",
        ),
    ] {
        query.text.insert_str(0, "EXPLAIN QUERY PLAN ");
        let rows = query.rows(&mut conn).await.unwrap();
        let lines: Vec<String> = rows
            .iter()
            .map(|row| row.try_get("detail").unwrap())
            .collect();
        assert_eq!(lines, [format!("SEARCH certificates USING INDEX {index}")]);
    }
}
