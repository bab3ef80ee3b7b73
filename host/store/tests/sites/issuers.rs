use yinxin_core::ids::SiteId;
use yinxin_core::time::Millis;
use yinxin_store::issuers::{IssuerKey, RevocationList, insert_issuer_key, replace_revocation_list};
use yinxin_store::{Connection, seal::Sealer};

pub fn keys() -> IssuerKey {
    IssuerKey { certificate: "pem".into(), private_key: vec![1; 32] }
}

fn list(number: i64) -> RevocationList {
    RevocationList { number, list: vec![1], next_update: Millis(9), changes: 0 }
}

pub async fn write(conn: &mut Connection, sealer: &Sealer, site: &SiteId, key: &IssuerKey) {
    assert!(insert_issuer_key(conn, sealer, site, "root", key, Millis(1)).await.unwrap());
    replace_revocation_list(conn, site, &list(1), 0).await.unwrap();
}

attempts!(issuers, key: IssuerKey => {
    creates insert_issuer_key with sealer ("root", key, Millis(2));
    reads issuer_key with sealer ("root");
    reads revocation_list();
    creates replace_revocation_list(&list(1), 0);
    creates replace_revocation_list(&list(2), 0);
});
