//! Accounts of the Jiangxi site: who registers with what, what proves it, and which answers pre-fill applications.
//!
//! The projects (`yingtan` and others) are plugins of their own; they read the profile by the field names below.

use yinxin_sdk::definition::{
    AccountPolicy, Definition, Field, Form, LoginId, Proof, account_policy, address, email, form,
    mobile, organisation_name, person_name, section, tax_number, uscc,
};

pub struct Jiangxi;

yinxin_sdk::export!(Jiangxi);

impl yinxin_sdk::Rules for Jiangxi {
    fn describe() -> Definition {
        Definition::new(
            "jiangxi",
            env!("CARGO_PKG_VERSION"),
            "江西数字证书账户",
            "单位用统一社会信用代码注册和登录，常用资料只填一次。",
        )
        .account_policy(accounts())
        .forms([registration(), profile()])
    }
}

/// Manual rows J-1, C-1 and C-2.
fn accounts() -> AccountPolicy {
    account_policy("registration", "profile")
        .log_in_with([LoginId::Uscc])
        .registration_asks([Proof::PictureCode, Proof::SmsCode])
        .login_asks([Proof::PictureCode])
        .recovery_asks([Proof::PictureCode, Proof::SmsCode])
        // A wrong code means another account; a wrong name is put right by a clerk who has seen the licence.
        .clerk_only(["unit-name", "uscc"])
        .named_by("unit-name")
        .reached_at("mobile")
}

fn registration() -> Form {
    form("registration", "单位注册").fields([
        unit_name(),
        unit_code().hint("注册后作为登录名，不能更改；填错需要用正确的代码重新注册。"),
        handler_mobile(),
    ])
}

fn profile() -> Form {
    form("profile", "单位资料")
        .section(
            section("unit", "单位")
                .hint("单位名称有误时，请联系客服凭营业执照更改。")
                .fields([unit_name(), unit_code()]),
        )
        .section(
            section("handler", "经办人")
                .hint("换了经办人，在这里改成新经办人的手机号即可。")
                .fields([
                    person_name("handler-name", "经办人姓名").optional(),
                    handler_mobile(),
                ]),
        )
        .section(
            section("invoice", "发票")
                .hint("填好后，下次申请时自动带出。")
                .fields([
                    organisation_name("invoice-title", "发票抬头")
                        .max(100)
                        .optional(),
                    tax_number("tax-number", "纳税人识别号").optional(),
                    email("invoice-email", "接收电子发票的邮箱")
                        .optional()
                        .autocomplete("email"),
                ]),
        )
        .section(
            section("recipient", "收件人")
                .hint("证书寄到这里。")
                .fields([
                    person_name("recipient-name", "收件人姓名").optional(),
                    mobile("recipient-mobile", "收件人手机").optional(),
                    address("recipient-address", "收件地址")
                        .max(200)
                        .optional()
                        .autocomplete("street-address"),
                ]),
        )
}

/// The name goes into certificates, whose attribute holds 64 characters (X.520, ub-organization-name).
fn unit_name() -> Field {
    organisation_name("unit-name", "单位名称")
        .hint("与营业执照上的名称完全一致。")
        .max(64)
        .autocomplete("organization")
}

fn unit_code() -> Field {
    uscc("uscc", "统一社会信用代码").hint("营业执照上的 18 位代码。")
}

fn handler_mobile() -> Field {
    mobile("mobile", "经办人手机")
        .hint("用来接收验证码和办理通知。")
        .autocomplete("tel")
}
