//! The accounts of the Jiangxi site (manual rows J-1, C-1 and C-2).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use yinxin_kit::{findings, on_both};
use yinxin_plugin_jiangxi::Jiangxi;
use yinxin_sdk::definition::{LoginId, Proof};

#[test]
fn a_unit_logs_in_with_its_code_and_a_clerk_alone_changes_its_name() {
    on_both::<Jiangxi>("jiangxi", |runner| {
        let definition = runner.describe();
        assert_eq!(findings(&definition), []);
        let policy = definition.account_policy.unwrap();
        assert_eq!(policy.login_ids, [LoginId::Uscc]);
        assert_eq!(policy.login_proofs, [Proof::PictureCode]);
        assert!(policy.registration_proofs.contains(&Proof::SmsCode));
        assert_eq!(policy.clerk_only_fields, ["unit-name", "uscc"]);
        assert!(definition.services.is_empty());
    });
}
