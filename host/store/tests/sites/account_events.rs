use yinxin_core::ids::SiteId;
use yinxin_core::time::Millis;
use yinxin_store::account_events::{NewAccountEvent, insert};
use yinxin_store::{Connection, seal::Sealer, sessions::SessionKind::Applicant};

pub fn keys() {}

fn event() -> NewAccountEvent<'static> {
    NewAccountEvent {
        kind: "registered",
        subject_kind: Applicant,
        subject: "account",
        actor: "",
        detail: "",
        ip_digest: "",
        at: Millis(1),
    }
}

pub async fn write(conn: &mut Connection, _: &Sealer, site: &SiteId, _: &()) {
    insert(conn, site, event()).await.unwrap();
}

attempts!(account_events, _keys: () => {
    creates insert(event());
    reads list(Applicant, "account", None, 9);
});
