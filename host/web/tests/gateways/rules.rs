//! By whose rules the hall decides, and how one comes to an order under each.

use crate::hall::Hall;
use crate::market::{DETAILS, Person, UNIT, chosen, encoded, order_in, site, total_on};
use crate::world::{Bought, World, name};
use http::StatusCode;
use yinxin_capabilities::{Capability, Manifest, PluginEntry, Quotas};
use yinxin_core::definition::Role;
use yinxin_core::form::Values;
use yinxin_core::ids::{CaseId, ClerkId, OrderId};
use yinxin_core::money::Method;
use yinxin_core::rules::ItemJudgement;
use yinxin_engine::views::StepKind;
use yinxin_engine::{Actor, ClerkActor, Submission};
use yinxin_store::cases::{self, Case, Standing};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// The applicant puts renewals into an order.
    Fujian,
    /// The rules open the order when the first review is passed.
    Yingtan,
    /// The plugin that misbehaves, here by forgetting the orders of its cases. It takes WeChat only.
    Hostile,
}

/// The project's plugin decides, with all that it asks for.
pub async fn yingtan(hall: Hall) -> Hall {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../plugins/yingtan/plugin.toml"
    );
    let manifest = Manifest::parse(&std::fs::read_to_string(file).unwrap()).unwrap();
    activated(hall, &yinxin_kit::component("yingtan").unwrap(), &manifest).await
}

pub async fn hostile(hall: Hall) -> Hall {
    let mut declared = String::from("name = 'hostile'\nversion = '1.0.0'\n");
    for interface in Capability::ALL {
        declared.push_str(&format!(
            "[[capability]]\ninterface = '{interface}'\nreason = 'to misbehave'\n"
        ));
    }
    let manifest = Manifest::parse(&declared).unwrap();
    activated(hall, &yinxin_kit::hostile().unwrap(), &manifest).await
}

async fn activated(hall: Hall, component: &[u8], manifest: &Manifest) -> Hall {
    let declared = manifest.capabilities.iter();
    let entry = PluginEntry {
        name: manifest.name.clone(),
        digest: None,
        grants: declared.map(|capability| capability.interface).collect(),
        quotas: Quotas::default(),
    };
    hall.registry
        .activate(&hall.state.store, &site(), component, manifest, &entry)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    hall
}

pub async fn buys(world: &World, method: Method) -> Bought {
    let mut person = world.person().await;
    match world.rules {
        Rules::Fujian => {
            let number = format!("2026112{:06}", world.count());
            let case = person
                .case_of(&world.hall, "renew-enterprise", &number, UNIT)
                .await;
            ordered(world, person, case, method).await
        }
        Rules::Hostile => {
            let begun = person
                .post(&world.hall, "/services/hostile/basket", "")
                .await;
            let path = begun.header("location").to_owned();
            let id = path
                .strip_prefix("/cases/")
                .unwrap_or_else(|| panic!("{}", begun.body));
            let case = CaseId::from_stored(id.to_owned());
            let body = format!("unit={}&amount=22000", UNIT.0);
            let fill = format!("/cases/{case}/steps/fill");
            let filled = person.post(&world.hall, &fill, &encoded(&body)).await;
            assert_eq!(filled.status, StatusCode::SEE_OTHER, "{}", filled.body);
            ordered(world, person, case, method).await
        }
        Rules::Yingtan => {
            let case = under_review(world, &person).await;
            passed(world, &case).await;
            let viewer = Actor::Applicant(person.account.clone());
            let page = world.hall.state.engine.page(&site(), &viewer, &case).await;
            let order = OrderId::from_stored(page.unwrap().order.unwrap().id);
            if method != Method::BankTransfer {
                let pay = format!("/orders/{order}/pay");
                let body = format!("method={}", name(method));
                let picked = person.post(&world.hall, &pay, &body).await;
                assert_eq!(picked.status, StatusCode::SEE_OTHER, "{}", picked.body);
            }
            Bought {
                person,
                case,
                order,
            }
        }
    }
}

async fn ordered(world: &World, mut person: Person, case: CaseId, method: Method) -> Bought {
    let query = chosen(&[&case]);
    let page = person
        .get(&world.hall, &format!("/orders/new/details?{query}"))
        .await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let details = DETAILS.replace("bank-transfer", name(method));
    let body = format!("{query}&_total={}&{details}", total_on(&page));
    let answer = person.post(&world.hall, "/orders/new/details", &body).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let order = order_in(&answer);
    Bought {
        person,
        case,
        order,
    }
}

/// An application that was handed in.
async fn under_review(world: &World, person: &Person) -> CaseId {
    let state = &world.hall.state;
    let plugin = world.hall.registry.plugin(&site(), "yingtan").unwrap();
    let now = state.clock.now();
    let values = [
        ("lock-kind", "sub"),
        ("unit-name", UNIT.0),
        ("uscc", UNIT.1),
        ("handler-mobile", "13800138000"),
    ];
    let case = Case {
        id: CaseId::generate(),
        number: format!("2026112{:06}", world.count()),
        account: person.account.clone(),
        plugin: plugin.name.clone(),
        plugin_digest: plugin.digest.clone(),
        plugin_version: plugin.definition.version.clone(),
        service: "new-certificate".to_owned(),
        state: "first-review".to_owned(),
        standing: Standing {
            tone: "waiting".to_owned(),
            queue: "reviewer".to_owned(),
            payable: false,
            ended: false,
            deleted: false,
        },
        subject: UNIT.0.to_owned(),
        values: Values::from_iter(values),
        version: 1,
        entered_at: now,
        due_at: None,
        created_at: now,
        updated_at: now,
        claim: None,
    };
    let mut tx = state.store.begin().await.unwrap();
    cases::insert(&mut tx, &state.sealer, &site(), &case)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    case.id
}

fn administrator() -> Actor {
    Actor::Clerk(ClerkActor {
        id: ClerkId::generate(),
        name: "管理员".to_owned(),
        roles: vec![Role::Administrator],
    })
}

/// The first review finds nothing wrong, and the rules ask for the fee.
async fn passed(world: &World, case: &CaseId) {
    let (engine, clerk) = (&world.hall.state.engine, administrator());
    let page = engine.page(&site(), &clerk, case).await.unwrap();
    let sections = page.steps.iter().filter_map(|step| match &step.kind {
        StepKind::Form(form) => Some(&form.sections),
        _ => None,
    });
    // Nothing was uploaded, so that nothing else is judged.
    let sections = sections.flatten().map(|section| section.id.clone());
    let good = |item| ItemJudgement {
        item,
        passed: true,
        reason: String::new(),
    };
    let with = Submission {
        judgements: sections.map(good).collect(),
        ..Submission::default()
    };
    engine
        .fire(&site(), &clerk, case, "pass", &with)
        .await
        .unwrap();
}

pub async fn cancels(world: &World, bought: &mut Bought) {
    if world.rules == Rules::Yingtan {
        // Its orders are the rules' own: an administrator calls the application off.
        let with = Submission {
            input: vec![("reason".to_owned(), "申请人来电取消".to_owned())],
            ..Submission::default()
        };
        let engine = &world.hall.state.engine;
        engine
            .fire(&site(), &administrator(), &bought.case, "cancel", &with)
            .await
            .unwrap();
        return;
    }
    let cancel = format!("/orders/{}/cancel", bought.order);
    let done = bought.person.post(&world.hall, &cancel, "").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
}
