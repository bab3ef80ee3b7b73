use yinxin_core::ids::{CaseId, SiteId};
use yinxin_core::time::Millis;
use yinxin_store::papers::{NewPaper, issue};
use yinxin_store::{Connection, seal::Sealer};

pub fn keys() -> CaseId {
    CaseId::generate()
}

fn new<'a>(case: &'a CaseId, digest: &'a str) -> NewPaper<'a> {
    NewPaper { case, case_number: "20261120000001", document: "letter", digest, now: Millis(1) }
}

pub async fn write(conn: &mut Connection, _: &Sealer, site: &SiteId, case: &CaseId) {
    issue(conn, site, new(case, "one")).await.unwrap();
}

attempts!(papers, case: CaseId => {
    creates issue(new(case, "two"));
    reads latest(case, "letter");
    reads by_number("20261120000001-P1");
    changes void(case, Some("letter"), Millis(2));
    changes void(case, None, Millis(2));
});
