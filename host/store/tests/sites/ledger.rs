use yinxin_core::ids::{CaseId, SiteId};
use yinxin_core::time::Millis;
use yinxin_store::ledger::{Entry, append};
use yinxin_store::{Connection, seal::Sealer};

pub fn keys() -> Entry {
    Entry {
        at: Millis(1),
        case_id: CaseId::generate(),
        transition: "submit".into(),
        label: "提交".into(),
        actor_kind: "applicant".into(),
        actor: "account".into(),
        actor_name: String::new(),
        plugin: "yingtan".into(),
        plugin_digest: "digest".into(),
        from_state: "draft".into(),
        to_state: "first-review".into(),
        note: String::new(),
        input: vec![1],
        reads: "[]".into(),
        effects: Vec::new(),
    }
}

pub async fn write(conn: &mut Connection, _: &Sealer, site: &SiteId, entry: &Entry) {
    append(conn, site, entry).await.unwrap();
}

attempts!(ledger, entry: Entry => {
    creates append(entry);
    reads of_case(&entry.case_id);
    reads verify();
});
