//! Accounts on both databases.

mod codes;
mod login;
mod profile;
mod recovery;
mod register;

use super::testing::*;
use super::*;
use tokio::task::JoinSet;
use yinxin_core::definition::LoginId;
use yinxin_core::rules::NamedValue;
use yinxin_store::testing::stores;

fn other_site() -> SiteId {
    SiteId::parse("hunan").unwrap()
}

fn recovery<'a>(login_id: &'a str, sms_code: &'a str) -> Recovery<'a> {
    let password = "滕王高阁临江渚佩玉鸣鸾";
    Recovery {
        login_id,
        sms_code,
        password,
        password_again: password,
    }
}

async fn live(world: &World, begun: &Begun) -> bool {
    world
        .accounts
        .applicant(&world.site, &begun.token)
        .await
        .unwrap()
        .is_some()
}

fn client_ref(last: u8) -> &'static Client {
    Box::leak(Box::new(client_at(last)))
}
