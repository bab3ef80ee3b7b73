use yinxin_core::form::Values;
use yinxin_core::ids::{AccountId, CaseId, ClerkId, OrderId, SiteId};
use yinxin_core::time::Millis;
use yinxin_store::cases::{Case, Filter, Key, NameStatistics, Standing, Step, claim, insert, next_number, set_lookups, set_step};
use yinxin_store::{Connection, orders, seal::Sealer};

pub struct Keys {
    pub case: Case,
    clerk: ClerkId,
    order: OrderId,
}

pub fn keys() -> Keys {
    let case = Case {
        id: CaseId::generate(),
        number: "20261120000001".into(),
        account: AccountId::from_stored("account"),
        plugin: "yingtan".into(),
        plugin_digest: "digest".into(),
        plugin_version: "0.1.0".into(),
        service: "main-key".into(),
        state: "first-review".into(),
        standing: Standing {
            tone: "waiting".into(),
            queue: "reviewer".into(),
            payable: true,
            ended: false,
            deleted: false,
        },
        subject: "鹰潭公司".into(),
        values: Values::from_iter([("unit", "鹰潭公司")]),
        version: 1,
        entered_at: Millis(1),
        due_at: Some(Millis(2)),
        created_at: Millis(1),
        updated_at: Millis(1),
        claim: None,
    };
    Keys { case, clerk: ClerkId::generate(), order: OrderId::generate() }
}

fn step(complete: bool) -> Step {
    Step { step: "unit".into(), complete, problems: "[]".into() }
}

fn by_key() -> Filter {
    let key = Key { text: "none".into(), fingerprint: "uscc".into() };
    Filter { key: Some(key), ..Filter::default() }
}

fn by_name() -> Filter {
    Filter { text: Some("潭公".into()), ..Filter::default() }
}

pub async fn write(conn: &mut Connection, sealer: &Sealer, site: &SiteId, keys: &Keys) {
    let id = &keys.case.id;
    insert(conn, sealer, site, &keys.case).await.unwrap();
    set_lookups(conn, site, id, &["uscc".into()]).await.unwrap();
    set_step(conn, site, id, &step(false), Millis(1)).await.unwrap();
    assert!(claim(conn, site, id, &keys.clerk, Millis(1), Millis(100)).await.unwrap());
    // On a site with nine cases a name that one of them has is fetched.
    for _ in 0..9 {
        next_number(conn, site, Millis(1)).await.unwrap();
    }
    assert!(orders::add_case(conn, site, &keys.order, id).await.unwrap());
    // It was in the order and may go into another one.
    orders::free_case(conn, site, &keys.order, id).await.unwrap();
}

attempts!(cases, keys: Keys => {
    creates insert with sealer (&keys.case);
    changes update with sealer (&keys.case);
    reads lock(&keys.case.id);
    reads get with sealer (&keys.case.id);
    reads version(&keys.case.id);
    reads by_due(&Filter::default(), None, 9, &NameStatistics::default());
    reads by_due(&by_key(), None, 9, &NameStatistics::default());
    reads newest(&Filter::default(), None, 9);
    reads newest(&by_key(), None, 9);
    reads of_order(&keys.order);
    reads of_orders(&[&keys.order]);
    reads queue_counts(&["reviewer"], Millis(5));
    reads by_due(&by_name(), None, 9, &NameStatistics::default());
    reads tone_counts(&keys.case.account);
    reads orderable(&keys.case.account, 9);
    changes claim(&keys.case.id, &keys.clerk, Millis(2), Millis(200));
    changes release(&keys.case.id, Some(&keys.clerk));
    changes release(&keys.case.id, None);
    creates next_number(Millis(1));
    creates set_lookups(&keys.case.id, &["mobile".into()]);
    changes set_lookups(&keys.case.id, &[]);
    creates set_step(&keys.case.id, &step(true), Millis(2));
    reads steps(&keys.case.id);
});
