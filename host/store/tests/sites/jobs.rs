use yinxin_core::ids::{CaseId, SiteId};
use yinxin_core::time::Millis;
use yinxin_store::jobs::{NewJob, bury, enqueue, lease, retry};
use yinxin_store::{Connection, seal::Sealer};

/// Far beyond every lease of this test.
const LATER: Millis = Millis(1_000_000);

pub fn keys() -> CaseId {
    CaseId::generate()
}

fn new(key: &str, case: &CaseId, run_at: Millis) -> NewJob<'static> {
    NewJob { kind: "message", key: key.into(), case_id: case.to_string(), payload: "{}".into(), run_at }
}

pub async fn write(conn: &mut Connection, _: &Sealer, site: &SiteId, case: &CaseId) {
    for key in ["dead", "waiting", "running"] {
        assert!(enqueue(conn, site, new(key, case, Millis(1))).await.unwrap());
        // Locking rows that nobody else holds yet is not what is tried here: SQLite's statement does on both.
        let job = lease(conn, Millis(2), LATER).await.unwrap().unwrap();
        assert_eq!((&job.site, job.key.as_str()), (site, key));
        match key {
            "dead" => bury(conn, site, &job.id, "refused").await.unwrap(),
            "waiting" => retry(conn, site, &job.id, LATER, "timed out").await.unwrap(),
            _ => {}
        }
    }
    assert!(enqueue(conn, site, new("queued", case, LATER)).await.unwrap());
    // The store gives a job its id; both sites' shall have the same ones.
    sqlx::query("UPDATE jobs SET id = key WHERE site = $1")
        .bind(site.as_str().to_owned())
        .execute(conn)
        .await
        .unwrap();
}

attempts!(jobs, case: CaseId => {
    creates enqueue(new("queued", case, LATER));
    changes finish("running");
    changes retry("running", Millis(5), "timed out");
    changes bury("running", "refused");
    changes revive("dead");
    changes cancel("message", "queued");
    changes cancel_of_case(case, "message");
    reads are_waiting(case, "message");
    reads dead(None, 9);
    reads waiting(9);
});
