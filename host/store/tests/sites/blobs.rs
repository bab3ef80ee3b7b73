use yinxin_core::ids::SiteId;
use yinxin_core::time::Millis;
use yinxin_store::blobs::{BlobKey, announce, drop, keep};
use yinxin_store::{Connection, seal::Sealer};

pub struct Keys {
    pending: BlobKey,
    kept: BlobKey,
    dropped: BlobKey,
}

pub fn keys() -> Keys {
    let site = SiteId::parse("jiangxi").unwrap();
    let key = || BlobKey::generate(&site);
    Keys { pending: key(), kept: key(), dropped: key() }
}

pub async fn write(conn: &mut Connection, _: &Sealer, site: &SiteId, keys: &Keys) {
    for key in [&keys.pending, &keys.kept, &keys.dropped] {
        announce(conn, site, key, Millis(1)).await.unwrap();
    }
    keep(conn, site, keys.kept.as_str(), Millis(2)).await.unwrap();
    drop(conn, site, keys.dropped.as_str(), Millis(2)).await.unwrap();
}

attempts!(blobs, keys: Keys => {
    creates announce(&keys.pending, Millis(3));
    changes keep(keys.pending.as_str(), Millis(3));
    changes drop(keys.kept.as_str(), Millis(3));
    changes to_sweep(Millis(9), 9);
    changes forget(keys.dropped.as_str());
});
