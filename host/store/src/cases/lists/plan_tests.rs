//! How both databases find the lines of a list, as their planners say: a page is read off an index and never sorted, and
//! what few cases have is fetched by id.

use super::*;
use crate::Dialect;
use crate::cases::tests::site;
use crate::testing::{TestStore, postgres, sqlite};

/// The plan, line by line.
async fn plan(conn: &mut Connection, dialect: Dialect, mut query: Query) -> String {
    let (before, column) = match dialect {
        Dialect::Sqlite => ("EXPLAIN QUERY PLAN ", "detail"),
        Dialect::Postgres => ("EXPLAIN (COSTS OFF) ", "QUERY PLAN"),
    };
    query.text.insert_str(0, before);
    let rows = query.rows(conn).await.unwrap();
    let lines = rows
        .iter()
        .map(|row| row.try_get::<String, _>(column).unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

/// Cases of a thousand accounts, each tenth in a queue, each with a name, some of a project, a service and a tone that few
/// have.
async fn with_many(store: TestStore) -> TestStore {
    let mut conn = store.read().await.unwrap();
    sqlx::query(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
         INSERT INTO cases (site, id, number, account_id, plugin, plugin_digest, plugin_version, service, state, tone,
             queue, payable, ended, deleted, subject, data, version, entered_at, due_at, created_at, updated_at,
             claimed_by, claimed_until)
         SELECT 'jiangxi', 'id' || n, CAST(20260000000000 + n AS TEXT), 'account' || n % 1000,
             CASE WHEN n % 80 = 0 THEN 'small' ELSE 'yingtan' END, 'd', '1', CASE WHEN n % 90 = 0 THEN 'rare' ELSE 'new' END,
             's', CASE WHEN n % 99 = 0 THEN 'refused' ELSE 'done' END, CASE WHEN n % 10 = 0 THEN 'reviewer' ELSE '' END,
             0, 1, 0, 'name' || n, $1, 1, n, n % 7919, n, n, CASE WHEN n % 100 = 0 THEN 'clerk' || n % 700 ELSE '' END, n
         FROM numbers",
    )
    .bind(Vec::<u8>::new())
    .execute(&mut *conn)
    .await
    .unwrap();
    drop(conn);
    store
}

/// PostgreSQL plans for what it knows to be there.
async fn with_cases() -> TestStore {
    let store = with_many(postgres().await).await;
    let mut conn = store.read().await.unwrap();
    for statement in [
        "INSERT INTO case_lookups (site, fingerprint, case_id)
         SELECT 'jiangxi', 'f' || n, 'id' || n FROM generate_series(1, 20000) AS n",
        "INSERT INTO case_tails (site, tail, whole)
         SELECT 'jiangxi', LPAD(TO_HEX(n), 8, '0'), 'name' || n FROM generate_series(1, 20000) AS n",
        "INSERT INTO order_cases (site, order_id, case_id, live, turn)
         SELECT 'jiangxi', 'id' || n, 'id' || n, 1, 1 FROM generate_series(1, 20000) AS n",
        "INSERT INTO orders (site, id, number, account_id, state, total, currency, lines, methods, reference, chosen,
             details, slip, created_at, expires_at, paid_at, paid_by_payment, version)
         SELECT 'jiangxi', 'id' || n, 'D' || n, 'account' || n % 1000, 'paid', 1, 'CNY', '[]', '[]', 'R' || n, '',
             CAST('' AS BYTEA), '', n, n, n, '', 1
         FROM generate_series(1, 20000) AS n",
        "ANALYZE cases, case_lookups, case_tails, order_cases, orders",
    ] {
        sqlx::query(statement).execute(&mut *conn).await.unwrap();
    }
    drop(conn);
    store
}

/// Each list, and how SQLite is to find it; PostgreSQL has to take the same index.
fn lists() -> Vec<(Query, &'static str)> {
    let after = After {
        due_at: 5,
        id: "x".into(),
    };
    let all = Filter::default;
    let queue = Filter {
        queue: Some("reviewer".into()),
        ..all()
    };
    let claimed = Filter {
        claimed_by: Some((ClerkId::from_stored("clerk100"), Millis(1))),
        ..all()
    };
    let narrowed = Filter {
        plugin: Some("small".into()),
        service: Some("rare".into()),
        tone: Some("refused".into()),
        ..all()
    };
    let led = |column: &'static str, after: Option<&After>| {
        let way = Way {
            lead: Lead::Of(Some(column)),
            ..Way::default()
        };
        by_due_query(&site(), &narrowed, way, after, 9)
    };
    let account = Filter {
        account: Some(AccountId::from_stored("account7")),
        ..all()
    };
    vec![
        (
            by_due_query(&site(), &all(), Way::default(), Some(&after), 9),
            "cases_by_due (site=? AND (due_at,id)>(?,?))",
        ),
        (
            by_due_query(&site(), &queue, Way::default(), None, 9),
            "cases_in_queue (site=? AND queue=?)",
        ),
        (
            by_due_query(&site(), &queue, Way::default(), Some(&after), 9),
            "cases_in_queue (site=? AND queue=? AND (due_at,id)>(?,?))",
        ),
        (
            by_due_query(&site(), &claimed, Way::default(), None, 9),
            "cases_claimed (site=? AND claimed_by=?)",
        ),
        (
            led("service", None),
            "cases_of_service (site=? AND service=?)",
        ),
        (
            led("tone", Some(&after)),
            "cases_of_tone (site=? AND tone=? AND (due_at,id)>(?,?))",
        ),
        (led("plugin", None), "cases_of_plugin (site=? AND plugin=?)"),
        (
            newest_query(&site(), &account, None, 9),
            "cases_of_account (site=? AND account_id=? AND deleted=?)",
        ),
        (
            newest_query(&site(), &account, Some("x"), 9),
            "cases_of_account (site=? AND account_id=? AND deleted=? AND id<?)",
        ),
    ]
}

#[tokio::test]
async fn a_page_of_a_list_is_read_off_an_index_without_sorting() {
    let store = sqlite().await;
    let mut conn = store.read().await.unwrap();
    for (query, index) in lists() {
        assert_eq!(
            plan(&mut conn, store.dialect(), query).await,
            format!("SEARCH cases USING INDEX {index}")
        );
    }
    let store = with_cases().await;
    let mut conn = store.read().await.unwrap();
    for (query, index) in lists() {
        let plan = plan(&mut conn, store.dialect(), query).await;
        let (name, _) = index.split_once(' ').unwrap();
        assert!(
            plan.contains(&format!("using {name} ")) && !plan.contains("Sort"),
            "{index}:\n{plan}"
        );
    }
}

#[tokio::test]
async fn a_narrowed_list_is_walked_by_what_few_have() {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let filter = |service: &str, tone: &str, plugin: &str| Filter {
        service: given(service),
        tone: given(tone),
        plugin: given(plugin),
        ..Filter::default()
    };
    for store in [with_many(sqlite().await).await, with_cases().await] {
        let mut conn = store.read().await.unwrap();
        for (service, tone, plugin, walked) in [
            ("new", "refused", "yingtan", Some("tone")),
            ("new", "done", "small", Some("plugin")),
            ("rare", "done", "yingtan", Some("service")),
            ("new", "done", "yingtan", Some("service")),
            ("", "done", "", Some("tone")),
            ("", "", "", None),
        ] {
            let filter = filter(service, tone, plugin);
            let found = lead(&mut conn, &site(), &filter).await.unwrap();
            let wanted = match store.dialect() {
                Dialect::Sqlite => Lead::Of(walked),
                Dialect::Postgres => Lead::Planner,
            };
            assert_eq!(found, wanted, "{filter:?}");
            let lines = by_due(
                &mut conn,
                &site(),
                &filter,
                None,
                9,
                store.name_statistics(),
            )
            .await
            .unwrap();
            let is_wanted = |wanted: &str, found: &str| wanted.is_empty() || wanted == found;
            let all = |line: &Line| {
                is_wanted(service, &line.service)
                    && is_wanted(tone, &line.standing.tone)
                    && is_wanted(plugin, &line.plugin)
            };
            assert!(lines.len() == 9 && lines.iter().all(all), "{lines:?}");
        }
        let queued = Filter {
            queue: Some("reviewer".into()),
            ..filter("new", "done", "yingtan")
        };
        let found = lead(&mut conn, &site(), &queued).await.unwrap();
        assert!(matches!(found, Lead::Of(None) | Lead::Planner), "{found:?}");
        for filter in [queued, filter("new", "done", "yingtan")] {
            let way = Way {
                lead: lead(&mut conn, &site(), &filter).await.unwrap(),
                ..Way::default()
            };
            let query = by_due_query(&site(), &filter, way, None, 9);
            let plan = plan(&mut conn, store.dialect(), query).await;
            let sorts = plan.contains("Sort") || plan.contains("TEMP B-TREE");
            assert!(!sorts && !plan.contains("Seq Scan"), "{filter:?}:\n{plan}");
        }
    }
}

#[tokio::test]
async fn a_walk_for_what_many_have_reads_the_index_alone_until_it_has_a_page() {
    let common = Filter {
        text: Some("name".into()),
        ..Filter::default()
    };
    let walk = |rows_last| {
        let way = Way {
            rows_last,
            ..Way::default()
        };
        by_due_query(&site(), &common, way, None, 9)
    };
    let store = sqlite().await;
    let mut conn = store.read().await.unwrap();
    let there = plan(&mut conn, store.dialect(), walk(false)).await;
    assert_eq!(there, "SEARCH cases USING INDEX cases_by_due (site=?)");
    // It goes to the row when a column is wanted that the index has not: those of a line, after the comparison.
    let mut program = walk(false);
    program.text.insert_str(0, "EXPLAIN ");
    let steps = program.rows(&mut conn).await.unwrap();
    let opcodes: Vec<String> = steps.iter().map(|step| step.get("opcode")).collect();
    assert!(
        opcodes.iter().any(|opcode| opcode == "DeferredSeek"),
        "{opcodes:?}"
    );
    let store = with_cases().await;
    let mut conn = store.read().await.unwrap();
    let there = plan(&mut conn, store.dialect(), walk(true)).await;
    assert!(
        there.contains("using cases_by_due ")
            && there.contains("using cases_pkey ")
            && !there.contains("Seq Scan"),
        "{there}"
    );
}

/// A part of a name, and a whole number or code: what few cases have.
fn searches() -> [Query; 2] {
    let part = Part::new("202611");
    let named = Filter {
        text: Some("202611".into()),
        ..Filter::default()
    };
    let coded = Filter {
        key: Some(Key {
            text: "t".into(),
            fingerprint: "f".into(),
        }),
        queue: Some("reviewer".into()),
        ..Filter::default()
    };
    let fetched = Way {
        rare: Some(&part),
        ..Way::default()
    };
    [
        by_due_query(&site(), &named, fetched, None, 9),
        by_due_query(&site(), &coded, Way::default(), None, 9),
    ]
}

#[tokio::test]
async fn what_few_cases_have_is_fetched_by_id() {
    let store = sqlite().await;
    let mut conn = store.read().await.unwrap();
    let expected: [&[&str]; 2] = [
        &[
            "COVERING INDEX sqlite_autoindex_case_tails_1",
            "cases_by_subject",
            "cases_by_number (site=? AND number>? AND number<?)",
            "sqlite_autoindex_cases_1 (site=? AND id=?)",
        ],
        &[
            "SEARCH case_lookups USING COVERING INDEX",
            "orders_by_number",
            "orders_by_reference",
            "cases_by_number",
            "sqlite_autoindex_cases_1 (site=? AND id=?)",
        ],
    ];
    for (query, parts) in searches().into_iter().zip(expected) {
        let plan = plan(&mut conn, store.dialect(), query).await;
        assert!(
            parts.iter().all(|part| plan.contains(part)) && !plan.contains("SCAN cases"),
            "{plan}"
        );
    }
    let store = with_cases().await;
    let mut conn = store.read().await.unwrap();
    let expected: [&[&str]; 2] = [
        &["case_tails_pkey", "cases_by_number", "cases_pkey"],
        &[
            "case_lookups_pkey",
            "orders_by_number",
            "orders_by_reference",
            "cases_by_number",
            "cases_pkey",
        ],
    ];
    for (query, parts) in searches().into_iter().zip(expected) {
        let plan = plan(&mut conn, store.dialect(), query).await;
        assert!(
            parts.iter().all(|part| plan.contains(part)) && !plan.contains("Seq Scan"),
            "{plan}"
        );
    }
}
