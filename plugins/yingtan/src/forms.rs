//! What the applicant and the clerks are asked.

use crate::{MAIN, MAIN_KEY_FEE, SUB, SUB_KEY_FEE};
use yinxin_sdk::definition::{
    Form, address, attachment, certificate_request, choice, email, form, identity_number, mobile,
    multiline, option, organisation_name, person_name, phone, section, tax_number, text,
    tracking_number, uscc,
};

pub fn all() -> [Form; 7] {
    [
        order(),
        posting(),
        papers_refusal(),
        making(),
        shipping(),
        invoicing(),
        reason(),
    ]
}

/// Manual row J-3.
fn order() -> Form {
    form("order", "申请信息")
        .section(section("lock", "申请哪一种").fields([choice(
            "lock-kind",
            "锁的种类",
            [
                option(
                    MAIN,
                    "主锁",
                    format!("含电子签章，{MAIN_KEY_FEE} 元；每个单位只能有一个"),
                ),
                option(SUB, "副锁", format!("不含电子签章，{SUB_KEY_FEE} 元")),
            ],
        )]))
        .section(
            section("unit", "单位").fields([
                // 64: what a certificate's organisation name holds (X.520).
                organisation_name("unit-name", "单位名称")
                    .max(64)
                    .autocomplete("organization"),
                uscc("uscc", "统一社会信用代码"),
            ]),
        )
        .section(
            section("legal-representative", "法定代表人")
                .hint("与营业执照一致；刷脸认证核对的就是此人。")
                .fields([
                    person_name("legal-name", "法定代表人姓名"),
                    identity_number("legal-number", "法定代表人身份证号码"),
                ]),
        )
        .section(section("handler", "经办人").fields([
            person_name("handler-name", "经办人姓名"),
            identity_number("handler-number", "经办人身份证号码"),
            mobile("handler-mobile", "经办人手机").hint("审核结果和寄件通知都发到这个号码。"),
        ]))
        .section(section("invoice", "发票").fields([
            organisation_name("invoice-title", "发票抬头").max(100),
            tax_number("tax-number", "纳税人识别号"),
            email("invoice-email", "接收电子发票的邮箱").autocomplete("email"),
        ]))
        .section(
            section("recipient", "收件人")
                .hint("证书用顺丰寄到这里，快递费到付。")
                .fields([
                    person_name("recipient-name", "收件人姓名"),
                    mobile("recipient-mobile", "收件人手机"),
                    address("recipient-address", "收件地址")
                        .hint("省、市、区（县）、街道和门牌号。")
                        .max(200)
                        .autocomplete("street-address"),
                ]),
        )
}

/// The applicant has posted the papers.
fn posting() -> Form {
    form("posting", "填写寄件信息").fields([
        text("posted-by", "快递公司")
            .hint("建议用顺丰，不易丢件。")
            .max(20),
        tracking_number("posted-number", "快递单号"),
    ])
}

/// The papers are not good: whom the clerk called, and what has to come again.
fn papers_refusal() -> Form {
    form("papers-refusal", "资料不合格").fields([
        person_name("called-person", "通话人"),
        phone("called-phone", "通话号码"),
        multiline("papers-again", "需要补寄的资料")
            .hint("申请人会看到这里的内容。")
            .max(400),
    ])
}

fn making() -> Form {
    form("making", "制作证书").fields([certificate_request("certificate-request", "证书请求")
        .hint("在锁内生成密钥后导出的 PKCS#10 请求，PEM 格式。")])
}

fn shipping() -> Form {
    form("shipping", "寄出证书").fields([tracking_number("tracking-number", "顺丰单号")])
}

fn invoicing() -> Form {
    form("invoicing", "开具发票").fields([
        // An e-invoice's number has 20 digits.
        text("invoice-number", "发票号码").max(20),
        attachment("invoice-file", "电子发票").hint("PDF，不超过 5 MB；随邮件发给申请人。"),
    ])
}

/// The reason goes to the payment's provider with a refund, which takes 128 characters.
fn reason() -> Form {
    form("reason", "说明原因").fields([multiline("reason", "原因").hint("申请人会看到。").max(100)])
}
