use yinxin_core::ids::SiteId;
use yinxin_core::time::Millis;
use yinxin_store::sessions::{Session, SessionKind::Applicant, insert};
use yinxin_store::{Connection, seal::Sealer};

pub fn keys() -> Session {
    Session {
        id: "1".into(),
        kind: Applicant,
        subject: "account".into(),
        csrf: "csrf".into(),
        created_at: Millis(1),
        seen_at: Millis(1),
        expires_at: Millis(100),
        user_agent: String::new(),
    }
}

pub async fn write(conn: &mut Connection, _: &Sealer, site: &SiteId, session: &Session) {
    insert(conn, site, "token", session, "ip").await.unwrap();
}

attempts!(sessions, session: Session => {
    creates insert("token", session, "ip");
    reads find("token");
    reads find_with_account("token");
    changes touch("token", Millis(2));
    changes end("token");
    changes end_one(Applicant, "account", "1");
    changes end_all(Applicant, "account", None);
    reads list(Applicant, "account", None, 9);
    changes sweep(Millis(100));
});
