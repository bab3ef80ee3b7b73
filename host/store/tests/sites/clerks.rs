use yinxin_core::definition::Role;
use yinxin_core::ids::{ClerkId, SiteId};
use yinxin_core::mobile::Mobile;
use yinxin_core::time::Millis;
use yinxin_store::clerks::{Clerk, NewClerk, insert, save_reason, set_mobile};
use yinxin_store::{Connection, seal::Sealer};

pub fn keys() -> ClerkId {
    ClerkId::generate()
}

fn new(id: &ClerkId) -> NewClerk<'_> {
    NewClerk {
        id,
        login: "reviewer",
        name: "王审核",
        password_hash: "$x",
        roles: &[Role::Reviewer],
        must_change_password: true,
        created_at: Millis(1),
    }
}

fn mobile() -> Mobile {
    Mobile::parse("13800000000").unwrap()
}

fn changed(id: &ClerkId) -> Clerk {
    Clerk {
        id: id.clone(),
        login: "reviewer".into(),
        name: "李审核".into(),
        roles: vec![Role::Administrator],
        disabled: true,
        must_change_password: true,
        created_at: Millis(1),
        last_login_at: None,
        version: 1,
    }
}

pub async fn write(conn: &mut Connection, sealer: &Sealer, site: &SiteId, id: &ClerkId) {
    assert!(insert(conn, site, new(id)).await.unwrap());
    set_mobile(conn, sealer, site, id, Some(&mobile())).await.unwrap();
    save_reason(conn, site, id, "licence", "看不清", Millis(1)).await.unwrap();
    // The store gives a sentence its id; both sites' shall have the same one.
    sqlx::query("UPDATE saved_reasons SET id = 'reason' WHERE site = $1")
        .bind(site.as_str().to_owned())
        .execute(conn)
        .await
        .unwrap();
}

attempts!(clerks, id: ClerkId => {
    creates insert(new(id));
    creates insert(NewClerk { id: &ClerkId::generate(), ..new(id) });
    reads get(id);
    reads find_by_login("reviewer");
    reads list(None, 9);
    reads hold_all();
    changes update(&changed(id));
    changes set_mobile with sealer (id, None);
    reads mobile with sealer (id);
    reads password_hash(id);
    changes set_password_hash(id, "$y", false);
    changes note_login(id, Millis(2));
    creates save_reason(id, "licence", "看不清", Millis(2));
    reads saved_reasons(id, "licence", 9);
    changes drop_reason(id, "reason");
});
