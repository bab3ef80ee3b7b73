//! Accounts of the site (manual rows F-1 and F-2, C-1 and C-2): who registers with what, what proves it, and which answers
//! pre-fill applications.

use yinxin_sdk::definition::{
    AccountPolicy, Field, Form, LoginId, Proof, account_policy, address, choice, email, form,
    mobile, option, organisation_name, person_name, region, section, tax_number, uscc,
};
use yinxin_sdk::{NamedValue, Sources, values};

/// A mobile registers once; it logs in, and it is shown with its middle hidden until the contact's name is known.
pub fn policy() -> AccountPolicy {
    account_policy("registration", "profile")
        .log_in_with([LoginId::Mobile])
        .registration_asks([Proof::PictureCode, Proof::SmsCode])
        .login_asks([Proof::PictureCode])
        .recovery_asks([Proof::PictureCode, Proof::SmsCode])
        .named_by("handler-name")
        .reached_at("mobile")
}

pub fn forms() -> [Form; 2] {
    [registration(), profile()]
}

fn registration() -> Form {
    form("registration", "注册")
        .fields([own_mobile().hint("作为登录账号，一个手机号只能注册一次。")])
}

fn profile() -> Form {
    form("profile", "个人资料")
        .section(
            section("account", "账户")
                .hint("填好后，以后申请时自动带出；每次申请都还可以改。")
                .fields([
                    own_mobile().hint("登录和接收通知用的号码。"),
                    choice(
                        "kind",
                        "主要为谁办理",
                        [
                            option("enterprise", "单位", "办理企业证书"),
                            option("personal", "个人", "办理个人证书"),
                        ],
                    )
                    .optional(),
                ]),
        )
        .section(
            section("unit", "单位").fields([
                organisation_name("unit-name", "单位名称")
                    .max(64)
                    .optional()
                    .autocomplete("organization"),
                uscc("uscc", "统一社会信用代码").optional(),
                region("region", "所在地区").optional(),
                address("address", "地址")
                    .max(200)
                    .optional()
                    .autocomplete("street-address"),
            ]),
        )
        .section(
            section("contact", "联系人").fields([
                person_name("handler-name", "联系人姓名")
                    .optional()
                    .autocomplete("name"),
                email("email", "邮箱").optional().autocomplete("email"),
            ]),
        )
        .section(
            section("invoice", "发票").fields([
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
            section("delivery", "邮寄").hint("证书寄到这里。").fields([
                person_name("recipient-name", "收件人").optional(),
                mobile("recipient-mobile", "收件人手机").optional(),
                address("recipient-address", "收件地址")
                    .hint("省、市、区（县）、街道和门牌号。")
                    .max(200)
                    .optional()
                    .autocomplete("street-address"),
            ]),
        )
}

fn own_mobile() -> Field {
    mobile("mobile", "手机号").autocomplete("tel")
}

/// What the profile knows of an application. A further one begins with the answers of the one before it.
pub fn prefill(sources: &Sources) -> Vec<NamedValue> {
    if let Some(earlier) = &sources.earlier {
        return earlier.values.clone();
    }
    // A unit's handler is the person; a person is asked for the own name under another name of the field.
    values([
        ("unit-name", sources.profile("unit-name")),
        ("uscc", sources.profile("uscc")),
        ("region", sources.profile("region")),
        ("address", sources.profile("address")),
        ("handler-name", sources.profile("handler-name")),
        ("name", own_name(sources)),
        ("mobile", sources.profile("mobile")),
        ("email", sources.profile("email")),
    ])
}

/// The account's contact is the applicant only where the account is a person's.
fn own_name(sources: &Sources) -> &str {
    if sources.profile("kind") == "personal" {
        sources.profile("handler-name")
    } else {
        ""
    }
}
