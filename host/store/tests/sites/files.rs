use yinxin_core::ids::{CaseId, FileId, SiteId};
use yinxin_core::time::Millis;
use yinxin_store::blobs::{BlobKey, announce};
use yinxin_store::files::{File, Owner, insert};
use yinxin_store::{Connection, seal::Sealer};

pub struct Keys {
    pub stored: File,
    /// Its object is announced, the file not stored.
    coming: File,
    objects: [BlobKey; 2],
}

pub fn keys() -> Keys {
    let site = SiteId::parse("jiangxi").unwrap();
    let objects = [BlobKey::generate(&site), BlobKey::generate(&site)];
    let case = CaseId::generate();
    let file = |object: &BlobKey| File {
        id: FileId::generate(),
        owner: Owner::Case(case.clone()),
        name: "执照.jpg".into(),
        media_type: "image/jpeg".into(),
        size: 9,
        sha256: "00".repeat(32),
        width: 1,
        height: 1,
        original_key: object.as_str().into(),
        view_key: String::new(),
        thumbnail_key: String::new(),
        listing: Vec::new(),
        created_at: Millis(1),
        created_by: "account".into(),
    };
    Keys { stored: file(&objects[0]), coming: file(&objects[1]), objects }
}

pub async fn write(conn: &mut Connection, sealer: &Sealer, site: &SiteId, keys: &Keys) {
    for object in &keys.objects {
        announce(conn, site, object, Millis(1)).await.unwrap();
    }
    insert(conn, sealer, site, &keys.stored).await.unwrap();
}

attempts!(files, keys: Keys => {
    // A stranger cannot make an object its own that another site announced.
    changes insert with sealer (&keys.coming);
    reads find with sealer (&keys.stored.id);
    reads of_owner with sealer (&keys.stored.owner, None, 9);
    changes delete(&keys.stored.id, Millis(2));
});
