//! People who are logged in already: how somebody logs in is not what is measured here.

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use yinxin_core::definition::Role;
use yinxin_core::ids::{AccountId, ClerkId, SiteId};
use yinxin_core::time::Millis;
use yinxin_store::accounts::{self, NewAccount};
use yinxin_store::clerks::{self, NewClerk};
use yinxin_store::sessions::{self, Session, SessionKind};
use yinxin_store::{Connection, Store};

/// Somebody with a session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Person {
    /// Of the account, or of the clerk.
    pub id: String,
    /// As a `Cookie` header has it.
    pub cookie: String,
    /// What the person's forms carry.
    pub csrf: String,
}

/// An applicant who is logged in.
pub async fn applicant(store: &Store, site: &SiteId) -> Person {
    let mut tx = store.begin().await.expect("the database answers");
    let id = AccountId::generate();
    let new = NewAccount {
        id: &id,
        password_hash: "$argon2id$",
        name: "鹰潭某某建设工程有限公司",
        mobile_masked: "139****0001",
        created_at: Millis::now(),
    };
    accounts::insert(&mut tx, site, new)
        .await
        .expect("an account is written");
    let person = session(&mut tx, site, SessionKind::Applicant, id.as_str()).await;
    tx.commit().await.expect("the database answers");
    person
}

/// An administrator, who may do everything, logged in.
pub async fn administrator(store: &Store, site: &SiteId) -> Person {
    let mut tx = store.begin().await.expect("the database answers");
    let id = ClerkId::generate();
    let new = NewClerk {
        id: &id,
        login: "bench",
        name: "测量",
        password_hash: "$argon2id$",
        roles: &[Role::Administrator],
        must_change_password: false,
        created_at: Millis::now(),
    };
    clerks::insert(&mut tx, site, new)
        .await
        .expect("a clerk is written");
    let person = session(&mut tx, site, SessionKind::Clerk, id.as_str()).await;
    tx.commit().await.expect("the database answers");
    person
}

/// Logs somebody in once more: a session that nobody used for a while is over.
pub async fn again(store: &Store, site: &SiteId, kind: SessionKind, person: &Person) -> Person {
    let mut tx = store.begin().await.expect("the database answers");
    let person = session(&mut tx, site, kind, &person.id).await;
    tx.commit().await.expect("the database answers");
    person
}

async fn session(conn: &mut Connection, site: &SiteId, kind: SessionKind, id: &str) -> Person {
    let now = Millis::now();
    let token = uuid::Uuid::new_v4().simple().to_string();
    let session = Session {
        id: uuid::Uuid::now_v7().to_string(),
        kind,
        subject: id.to_owned(),
        csrf: uuid::Uuid::new_v4().simple().to_string(),
        created_at: now,
        seen_at: now,
        expires_at: now.plus(12 * 3600),
        user_agent: "bench".to_owned(),
    };
    let hash = hex::encode(digest(&SHA256, token.as_bytes()));
    sessions::insert(conn, site, &hash, &session, "bench")
        .await
        .expect("a session is written");
    let name = match kind {
        SessionKind::Applicant => "yinxin-session",
        SessionKind::Clerk => "yinxin-clerk",
    };
    Person {
        id: id.to_owned(),
        cookie: format!("{name}={token}"),
        csrf: session.csrf,
    }
}
