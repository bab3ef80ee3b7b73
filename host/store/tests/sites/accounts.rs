use yinxin_core::definition::LoginId;
use yinxin_core::ids::{AccountId, SiteId};
use yinxin_core::time::Millis;
use yinxin_store::accounts::{AccountState, NewAccount, add_login_id, insert, put_profile};
use yinxin_store::{Connection, seal::Sealer};

pub fn keys() -> AccountId {
    AccountId::generate()
}

fn new(id: &AccountId) -> NewAccount<'_> {
    NewAccount { id, password_hash: "$x", name: "鹰潭公司", mobile_masked: "138****5678", created_at: Millis(1) }
}

pub async fn write(conn: &mut Connection, _: &Sealer, site: &SiteId, id: &AccountId) {
    insert(conn, site, new(id)).await.unwrap();
    assert!(add_login_id(conn, site, "uscc", LoginId::Uscc, id).await.unwrap());
    put_profile(conn, site, id, b"profile", 0).await.unwrap();
}

attempts!(accounts, id: AccountId => {
    creates insert(new(id));
    reads get(id);
    reads list("鹰潭", None, 9);
    reads password_hash(id);
    changes set_password_hash(id, "$y");
    changes set_state(id, AccountState::Locked);
    changes set_shown(id, "别的公司", "139****0000");
    creates add_login_id("uscc", LoginId::Uscc, id);
    changes remove_login_ids(id, LoginId::Uscc);
    reads find_by_login_id("uscc");
    reads credentials("uscc");
    reads profile(id);
    creates put_profile(id, b"other", 1);
});
