use yinxin_core::ids::{CaseId, FileId, SiteId};
use yinxin_core::rules::ItemStanding::{self, Missing, Refused, Uploaded};
use yinxin_core::time::Millis;
use yinxin_store::materials::{Item, Placed, judge, place};
use yinxin_store::{Connection, seal::Sealer};

pub struct Keys {
    pub case: CaseId,
    pub placed: Placed,
}

pub fn keys() -> Keys {
    let placed = Placed { material: "licence".into(), position: 0, file: FileId::generate() };
    Keys { case: CaseId::generate(), placed }
}

fn item(standing: ItemStanding) -> Item {
    Item {
        item: "licence".into(),
        standing,
        reason: String::new(),
        changed_by: "clerk".into(),
        changed_at: Millis(1),
    }
}

pub async fn write(conn: &mut Connection, _: &Sealer, site: &SiteId, keys: &Keys) {
    assert!(place(conn, site, &keys.case, &keys.placed).await.unwrap().is_none());
    judge(conn, site, &keys.case, &item(Uploaded)).await.unwrap();
}

attempts!(materials, keys: Keys => {
    creates place(&keys.case, &Placed { file: FileId::generate(), ..keys.placed.clone() });
    changes remove(&keys.case, "licence", 0);
    reads of_case(&keys.case);
    creates judge(&keys.case, &item(Refused));
    changes judge(&keys.case, &item(Missing));
    reads items(&keys.case);
});
