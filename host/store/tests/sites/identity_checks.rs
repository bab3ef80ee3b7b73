use yinxin_core::ids::{CaseId, CheckId, SiteId};
use yinxin_core::time::Millis;
use yinxin_store::identity_checks::{IdentityCheck, State, begin_session, insert};
use yinxin_store::{Connection, seal::Sealer};

pub fn keys() -> IdentityCheck {
    IdentityCheck {
        id: CheckId::generate(),
        case: CaseId::generate(),
        check_name: "legal-representative".into(),
        number: "RZ20261120-1".into(),
        token: "token".into(),
        name: "张三".into(),
        identity_number: "11010519491231002X".into(),
        state: State::Waiting,
        attempts: 1,
        created_at: Millis(1),
        expires_at: Millis(100),
        finished_at: None,
    }
}

pub async fn write(conn: &mut Connection, sealer: &Sealer, site: &SiteId, check: &IdentityCheck) {
    insert(conn, sealer, site, check).await.unwrap();
    begin_session(conn, site, "visit", &check.id, Millis(2)).await.unwrap();
}

attempts!(identity_checks, check: IdentityCheck => {
    creates insert with sealer (check);
    reads find with sealer (&check.id);
    reads current with sealer (&check.case, "legal-representative");
    reads of_case with sealer (&check.case);
    reads by_token with sealer ("token");
    changes renew(&check.id, Millis(200));
    changes void(&check.case, Some("legal-representative"));
    changes void(&check.case, None);
    changes take_attempt(&check.id, Millis(3), 5);
    changes return_attempt(&check.id);
    changes settle(&check.id, State::Passed, Millis(3));
    creates begin_session("visit", &check.id, Millis(3));
    changes name_session("visit", "provider's");
    changes end_session("visit", "passed", Millis(3));
    reads session("visit");
    reads open_sessions(&check.id);
});
