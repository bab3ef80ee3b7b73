//! What the applicant and the clerks are asked (manual rows F-3 and F-11).

use crate::{ENTERPRISE_THREE_YEARS, ENTERPRISE_YEAR, Fen, PERSONAL_THREE_YEARS, PERSONAL_YEAR};
use yinxin_sdk::definition::{
    Field, Form, Section, address, certificate_request, choice, date, email, form, identity_number,
    mobile, multiline, option, organisation_name, person_name, region, section, text,
    tracking_number, uscc,
};

pub fn all() -> [Form; 12] {
    [
        of_a_unit(form("enterprise", "企业证书申请表")),
        of_a_person(form("personal", "个人证书申请表")),
        of_a_unit(form("enterprise-renewal", "企业证书续费").section(certificate())),
        of_a_person(form("personal-renewal", "个人证书续费").section(certificate())),
        withdrawal(),
        posting(),
        papers_again(),
        making(),
        renewing(),
        shipping(),
        reason(),
        correction(),
    ]
}

fn of_a_unit(form: Form) -> Form {
    form.section(
        section("unit", "单位").fields([
            // 64: what a certificate's organisation name holds (X.520).
            organisation_name("unit-name", "单位名称")
                .hint("与营业执照一致，会写进证书。")
                .max(64)
                .autocomplete("organization"),
            uscc("uscc", "统一社会信用代码"),
            region("region", "所在地区"),
            address("address", "单位地址")
                .max(200)
                .autocomplete("street-address"),
        ]),
    )
    .section(section("legal-representative", "法定代表人").fields([
        person_name("legal-name", "法定代表人姓名"),
        identity_number("legal-number", "法定代表人身份证号码"),
    ]))
    .section(
        section("handler", "经办人").fields([
            person_name("handler-name", "经办人姓名"),
            identity_number("handler-number", "经办人身份证号码"),
            mobile("mobile", "经办人手机")
                .hint("办理进度发到这个号码。")
                .autocomplete("tel"),
            email("email", "经办人邮箱").autocomplete("email"),
        ]),
    )
    .section(section("term", "年限").fields([years(ENTERPRISE_YEAR, ENTERPRISE_THREE_YEARS)]))
}

fn of_a_person(form: Form) -> Form {
    form.section(
        section("person", "本人").fields([
            person_name("name", "姓名")
                .hint("与身份证一致，会写进证书。")
                .autocomplete("name"),
            identity_number("number", "身份证号码"),
            mobile("mobile", "手机")
                .hint("办理进度发到这个号码。")
                .autocomplete("tel"),
            email("email", "邮箱").autocomplete("email"),
            region("region", "所在地区"),
            address("address", "联系地址")
                .max(200)
                .autocomplete("street-address"),
        ]),
    )
    .section(
        section("unit", "所属单位")
            .hint("证书里要写明单位的才填。")
            .fields([organisation_name("unit-name", "单位名称")
                .max(64)
                .optional()
                .autocomplete("organization")]),
    )
    .section(section("term", "年限").fields([years(PERSONAL_YEAR, PERSONAL_THREE_YEARS)]))
}

fn years(one: Fen, three: Fen) -> Field {
    choice(
        "years",
        "证书年限",
        [
            option("1", "1 年", format!("{one} 元")),
            option("2", "2 年", format!("{} 元", Fen(one.0 * 2))),
            option("3", "3 年", format!("{three} 元，优惠价")),
        ],
    )
}

/// What stands in the certificate, to be looked at; `renewal` compares it with what the certificate says.
fn certificate() -> Section {
    section("certificate", "要续费的证书")
        .hint("由您选的证书带出。不是这一张，请删除本申请，重新选择证书。")
        .fields([
            text("certificate-serial", "证书序列号").max(40),
            date("certificate-until", "到期日"),
        ])
}

fn withdrawal() -> Form {
    form("withdrawal", "撤回申请").fields([multiline("withdraw-reason", "撤回的原因").max(100)])
}

/// The applicant has posted the papers, or the key.
fn posting() -> Form {
    form("posting", "填写寄件信息").fields([
        text("posted-by", "快递公司").max(20),
        tracking_number("posted-number", "快递单号"),
    ])
}

fn papers_again() -> Form {
    form("papers-again", "收到的材料不合格").fields([multiline(
        "papers-wanted",
        "需要补寄什么，为什么",
    )
    .hint("申请人会看到，短信会提醒。")
    .max(400)])
}

fn making() -> Form {
    form("making", "制作证书").fields([request()])
}

/// Keys are mixed up in the post: what is read from this one is compared with what is to be renewed.
fn renewing() -> Form {
    form("renewing", "更新证书").fields([
        text("from-serial", "KEY 里原证书的序列号")
            .hint("读出 KEY 后填写，系统与要续费的证书核对。")
            .max(80)
            .optional(),
        request(),
    ])
}

fn request() -> Field {
    certificate_request("certificate-request", "证书请求")
        .hint("在 KEY 内生成密钥后导出的 PKCS#10 请求，PEM 格式。")
}

fn shipping() -> Form {
    form("shipping", "寄出证书").fields([
        text("courier", "快递公司").max(20),
        tracking_number("tracking-number", "快递单号"),
    ])
}

/// The reason goes to the payment's provider with a refund, which takes 128 characters.
fn reason() -> Form {
    form("reason", "说明原因").fields([multiline("reason", "原因").hint("申请人会看到。").max(100)])
}

/// What the host read from the certificate that a renewal began with. Applicants are not asked for it, so they cannot
/// change it; an administrator can, when a name was written another way, or a frozen certificate has been restored.
fn correction() -> Form {
    form("correction", "更正原证书的信息").section(
        section("correction", "要续费的证书")
            .hint("与经办人核对，并在证书查询中查到后填写。")
            .fields([
                text("from-name", "证书名称（CN）").max(64),
                text("from-unit", "证书单位（O）").max(64).optional(),
                date("from-until", "到期日"),
                choice(
                    "from-standing",
                    "证书状态",
                    [
                        option("valid", "有效", ""),
                        option("expired", "已过期", ""),
                        option("held", "已冻结", ""),
                        option("revoked", "已注销", ""),
                    ],
                ),
            ]),
    )
}
