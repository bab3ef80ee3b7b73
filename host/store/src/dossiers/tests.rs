use super::*;
use crate::files::Owner;
use crate::papers::NewPaper;
use crate::testing::{TestStore, stores};
use crate::{Transaction, certificates as issued};
use yinxin_core::ids::AccountId;
use yinxin_core::rules::ItemStanding;
use yinxin_core::time::Millis;

fn here() -> SiteId {
    SiteId::parse("jiangxi").unwrap()
}

/// A case with one of everything, and with what went before each.
async fn filled(store: &TestStore, tx: &mut Transaction, name: &str) -> Case {
    let (site, sealer) = (here(), &store.sealer);
    let mut case = cases::tests::case(name, "甲公司", None);
    case.account = AccountId::from_stored(name);
    let id = &case.id;
    cases::insert(tx, sealer, &site, &case).await.unwrap();
    for step in ["form", "materials"] {
        let step = Step {
            step: step.to_owned(),
            complete: step == "form",
            problems: "[]".to_owned(),
        };
        cases::set_step(tx, &site, id, &step, Millis(2))
            .await
            .unwrap();
    }
    for position in 0..2 {
        let file = files::tests::announced(tx, &site, Owner::Case(id.clone())).await;
        files::insert(tx, sealer, &site, &file).await.unwrap();
        let placed = Placed {
            material: "licence".to_owned(),
            position,
            file: file.id,
        };
        materials::place(tx, &site, id, &placed).await.unwrap();
    }
    // Of the case, and in none of its places.
    let attached = files::tests::announced(tx, &site, Owner::Case(id.clone())).await;
    files::insert(tx, sealer, &site, &attached).await.unwrap();
    let item = Item {
        item: "licence".to_owned(),
        standing: ItemStanding::Refused,
        reason: "看不清".to_owned(),
        changed_by: "clerk".to_owned(),
        changed_at: Millis(3),
    };
    materials::judge(tx, &site, id, &item).await.unwrap();
    for (document, digest) in [("form", "a"), ("letter", "a"), ("form", "b")] {
        let new = NewPaper {
            case: id,
            case_number: name,
            document,
            digest,
            now: Millis(4),
        };
        papers::issue(tx, &site, new).await.unwrap();
    }
    papers::void(tx, &site, id, Some("letter"), Millis(5))
        .await
        .unwrap();
    for token in ["voided", "current"] {
        let mut check = identity_checks::tests::sample(&format!("{name}-{token}"));
        check.case = id.clone();
        identity_checks::void(tx, &site, id, Some(&check.check_name))
            .await
            .unwrap();
        identity_checks::insert(tx, sealer, &site, &check)
            .await
            .unwrap();
    }
    for turn in ["1", "2"] {
        let order = orders::tests::new(&format!("{name}-{turn}"), &case.account);
        assert!(orders::insert(tx, &site, &order).await.unwrap());
        assert!(orders::add_case(tx, &site, &order.id, id).await.unwrap());
        orders::free_case(tx, &site, &order.id, id).await.unwrap();
    }
    for serial in ["signed", "reserved"] {
        let serial = format!("{name}-{serial}");
        let new = issued::tests::new(id, &serial, &serial);
        issued::reserve(tx, &site, &new).await.unwrap();
    }
    let signed = format!("{name}-signed");
    issued::complete(tx, &site, &signed, &[1], "pem", Millis(6))
        .await
        .unwrap();
    let origin = Origin {
        serial: format!("{name}-old"),
        kind: "renewal".to_owned(),
    };
    issued::set_origin(tx, &site, id, &origin).await.unwrap();
    let request = issued::Request {
        id: format!("{name}-request"),
        case: id.clone(),
        pem: "pem".to_owned(),
        subject: "CN=甲".to_owned(),
        key_digest: name.to_owned(),
        created_at: Millis(7),
        created_by: "clerk".to_owned(),
    };
    issued::insert_request(tx, &site, &request).await.unwrap();
    accounts::put_profile(tx, &site, &case.account, name.as_bytes(), 0)
        .await
        .unwrap();
    case
}

#[tokio::test]
async fn a_dossier_holds_what_belongs_to_its_case_and_nothing_else() {
    for store in stores().await {
        let (site, sealer) = (here(), &store.sealer);
        let mut tx = store.begin().await.unwrap();
        let wanted = filled(&store, &mut tx, "1").await;
        filled(&store, &mut tx, "2").await;
        tx.commit().await.unwrap();
        let mut conn = store.read().await.unwrap();
        let conn = &mut *conn;
        let dossier = get(conn, sealer, &site, &wanted.id).await.unwrap();
        let id = &wanted.id;

        assert_eq!(dossier.case, wanted);
        assert_eq!(dossier.version, 1);
        assert_eq!(dossier.steps, cases::steps(conn, &site, id).await.unwrap());
        assert_eq!(dossier.steps.len(), 2);
        assert_eq!(
            dossier.placed,
            materials::of_case(conn, &site, id).await.unwrap()
        );
        let of = |files: &[File]| files.iter().map(|file| file.id.clone()).collect::<Vec<_>>();
        let mut files = of(&dossier.files);
        files.sort_by_key(ToString::to_string);
        let mut placed: Vec<_> = dossier
            .placed
            .iter()
            .map(|place| place.file.clone())
            .collect();
        placed.sort_by_key(ToString::to_string);
        assert_eq!((files.len(), files), (2, placed));
        assert_eq!(
            dossier.items,
            materials::items(conn, &site, id).await.unwrap()
        );
        assert_eq!(dossier.items.len(), 1);
        let form = papers::latest(conn, &site, id, "form").await.unwrap();
        assert_eq!(dossier.papers, form.into_iter().collect::<Vec<_>>());
        assert_eq!(dossier.papers[0].digest, "b");
        let tokens: Vec<_> = dossier
            .checks
            .iter()
            .map(|check| check.token.as_str())
            .collect();
        assert_eq!(tokens, ["1-current"]);
        assert_eq!(
            dossier.order,
            orders::of_case(conn, &site, id).await.unwrap()
        );
        assert_eq!(dossier.order.unwrap().number, "1-2");
        assert_eq!(
            dossier.certificates,
            issued::of_case(conn, &site, id).await.unwrap()
        );
        assert_eq!(dossier.certificates[0].serial, "1-signed");
        assert_eq!(dossier.origin.unwrap().serial, "1-old");
        assert!(dossier.has_request);
        assert_eq!(dossier.profile.unwrap().data, b"1");
    }
}

#[tokio::test]
async fn a_new_case_has_an_empty_dossier_and_another_site_none() {
    for store in stores().await {
        let (site, sealer) = (here(), &store.sealer);
        let mut tx = store.begin().await.unwrap();
        let case = cases::tests::case("1", "甲公司", None);
        cases::insert(&mut tx, sealer, &site, &case).await.unwrap();
        let dossier = get(&mut tx, sealer, &site, &case.id).await.unwrap();
        assert_eq!(dossier.case, case);
        assert!(dossier.steps.is_empty() && dossier.placed.is_empty());
        assert!(dossier.files.is_empty() && dossier.items.is_empty());
        assert!(dossier.papers.is_empty() && dossier.checks.is_empty());
        assert!(dossier.order.is_none() && dossier.certificates.is_empty());
        assert!(dossier.origin.is_none() && !dossier.has_request);
        assert!(dossier.profile.is_none());
        let elsewhere = SiteId::parse("hunan").unwrap();
        for (site, id) in [(&elsewhere, &case.id), (&site, &CaseId::generate())] {
            let none = get(&mut tx, sealer, site, id).await.err().unwrap();
            assert!(matches!(none, StoreError::NotFound), "{none}");
        }
    }
}
