//! The four services, and what a case's service says of it.

use crate::papers::{
    AGREEMENT, ENTERPRISE_FORM, PERSONAL_FORM, RECEIPT_ENTERPRISE, RECEIPT_PERSONAL,
    RECEIPT_RENEWAL, RECEIPT_RENEWAL_TRANSFER,
};
use crate::{
    DAYS_OF_GRACE, DAYS_TO_MAKE, DAYS_TO_REVIEW, ENTERPRISE_THREE_YEARS, ENTERPRISE_YEAR, KEY,
    PERSONAL_THREE_YEARS, PERSONAL_YEAR, SHIPPING, lifecycle,
};
use yinxin_sdk::definition::{Service, ServiceKind, agree, fill, print, review, upload};
use yinxin_sdk::{Case, Method};

const NEW_ENTERPRISE: &str = "new-enterprise";
const NEW_PERSONAL: &str = "new-personal";
const RENEW_ENTERPRISE: &str = "renew-enterprise";
const RENEW_PERSONAL: &str = "renew-personal";

pub fn is_renewal(service: &str) -> bool {
    matches!(service, RENEW_ENTERPRISE | RENEW_PERSONAL)
}

pub fn is_personal(service: &str) -> bool {
    matches!(service, NEW_PERSONAL | RENEW_PERSONAL)
}

/// Whom the certificate is for, as people call it: the unit, or the person.
pub fn holder(case: &Case) -> &str {
    case.text(holder_field(case))
}

/// The field with the holder's name.
pub fn holder_field(case: &Case) -> &'static str {
    if is_personal(&case.service) {
        "name"
    } else {
        "unit-name"
    }
}

/// What tells holders apart: USCC of a unit, identity number of a person.
pub fn holder_number(case: &Case) -> &str {
    case.text(holder_number_field(case))
}

/// The field with the holder's number.
pub fn holder_number_field(case: &Case) -> &'static str {
    if is_personal(&case.service) {
        "number"
    } else {
        "uscc"
    }
}

pub fn all() -> [Service; 4] {
    [
        new_enterprise(),
        new_personal(),
        renew_enterprise(),
        renew_personal(),
    ]
}

fn new_enterprise() -> Service {
    Service::new(NEW_ENTERPRISE, ServiceKind::New, "企业证书新办")
        .summary("给单位办一张新证书，装在新的 KEY 里寄给您。")
        .price(format!(
            "每年 {ENTERPRISE_YEAR} 元，一次办三年 {ENTERPRISE_THREE_YEARS} 元；KEY {KEY} 元；每个订单邮寄费 {SHIPPING} 元。对公转账付款。"
        ))
        .time(time_of_new())
        .at_hand([
            "营业执照的扫描件",
            "经办人身份证正反面的扫描件",
            "法定代表人的姓名和身份证号码",
            "单位公章，打印的申请表和复印件上要盖章",
        ])
        .lifecycle(lifecycle::NEW)
        .subject("unit-name")
        .in_baskets()
        .receipt(RECEIPT_ENTERPRISE, [])
        .step("agreement", "阅读订户协议", "办证书双方各自要做到什么。", agree(AGREEMENT))
        .step("application", "填写申请表", "单位、法定代表人、经办人和年限。", fill("enterprise"))
        .step("materials", "上传扫描件", "营业执照和经办人身份证，每个文件不超过 2 MB。", upload(["business-licence", "handler-id-card"]))
        .step("print", "打印申请表", "盖章后寄给我们；也可以提交以后再打印。", print([ENTERPRISE_FORM]))
        .step("summary", "核对并提交", "提交后等待审核，审核前还可以修改。", review())
}

fn new_personal() -> Service {
    Service::new(NEW_PERSONAL, ServiceKind::New, "个人证书新办")
        .summary("给个人办一张新证书，装在新的 KEY 里寄给您。")
        .price(format!(
            "每年 {PERSONAL_YEAR} 元，一次办三年 {PERSONAL_THREE_YEARS} 元；KEY {KEY} 元；每个订单邮寄费 {SHIPPING} 元。对公转账付款。"
        ))
        .time(time_of_new())
        .at_hand(["本人身份证正反面的扫描件", "能收验证码的手机和邮箱", "打印机，申请表要本人签名"])
        .lifecycle(lifecycle::NEW)
        .subject("name")
        .in_baskets()
        .receipt(RECEIPT_PERSONAL, [])
        .step("agreement", "阅读订户协议", "办证书双方各自要做到什么。", agree(AGREEMENT))
        .step("application", "填写申请表", "本人信息和年限。", fill("personal"))
        .step("materials", "上传扫描件", "本人身份证，每个文件不超过 2 MB。", upload(["id-card"]))
        .step("print", "打印申请表", "签名后寄给我们；也可以提交以后再打印。", print([PERSONAL_FORM]))
        .step("summary", "核对并提交", "提交后等待审核，审核前还可以修改。", review())
}

fn renew_enterprise() -> Service {
    Service::new(RENEW_ENTERPRISE, ServiceKind::Renewal, "企业证书续费")
        .summary("原来的 KEY 继续用，寄来更新证书后再寄还给您。")
        .price(format!(
            "每年 {ENTERPRISE_YEAR} 元，一次续三年 {ENTERPRISE_THREE_YEARS} 元；每个订单邮寄费 {SHIPPING} 元。可以微信、支付宝或对公转账。"
        ))
        .time(time_of_renewal())
        .at_hand([
            "要续费的证书：从“我的证书”选，或者有证书文件",
            "营业执照的扫描件",
            "经办人身份证正反面的扫描件",
        ])
        .lifecycle(lifecycle::RENEWAL)
        .subject("unit-name")
        .in_baskets()
        .from_certificate()
        .receipt(RECEIPT_RENEWAL_TRANSFER, [Method::BankTransfer])
        .receipt(RECEIPT_RENEWAL, [Method::Wechat, Method::Alipay])
        .step("agreement", "阅读订户协议", "办证书双方各自要做到什么。", agree(AGREEMENT))
        .step("application", "填写续费信息", "大部分已从证书里带出，请核对。", fill("enterprise-renewal"))
        .step("materials", "上传扫描件", "营业执照和经办人身份证，每个文件不超过 2 MB。", upload(["business-licence", "handler-id-card"]))
        .step("summary", "核对并提交", "续费不用打印申请表。", review())
}

fn renew_personal() -> Service {
    Service::new(RENEW_PERSONAL, ServiceKind::Renewal, "个人证书续费")
        .summary("原来的 KEY 继续用，寄来更新证书后再寄还给您。")
        .price(format!(
            "每年 {PERSONAL_YEAR} 元，一次续三年 {PERSONAL_THREE_YEARS} 元；每个订单邮寄费 {SHIPPING} 元。可以微信、支付宝或对公转账。"
        ))
        .time(time_of_renewal())
        .at_hand([
            "要续费的证书：从“我的证书”选，或者有证书文件",
            "本人身份证正反面的扫描件",
        ])
        .lifecycle(lifecycle::RENEWAL)
        .subject("name")
        .in_baskets()
        .from_certificate()
        .receipt(RECEIPT_RENEWAL_TRANSFER, [Method::BankTransfer])
        .receipt(RECEIPT_RENEWAL, [Method::Wechat, Method::Alipay])
        .step("agreement", "阅读订户协议", "办证书双方各自要做到什么。", agree(AGREEMENT))
        .step("application", "填写续费信息", "大部分已从证书里带出，请核对。", fill("personal-renewal"))
        .step("materials", "上传扫描件", "本人身份证，每个文件不超过 2 MB。", upload(["id-card"]))
        .step("summary", "核对并提交", "续费不用打印申请表。", review())
}

fn time_of_new() -> String {
    format!(
        "审核通常 {DAYS_TO_REVIEW} 个工作日；付款后收到纸质材料，{DAYS_TO_MAKE} 个工作日内制作。"
    )
}

fn time_of_renewal() -> String {
    format!(
        "审核通常 {DAYS_TO_REVIEW} 个工作日；付款后收到 KEY，{DAYS_TO_MAKE} 个工作日内更新。过期超过 {DAYS_OF_GRACE} 天的证书会被注销，只能新办。"
    )
}
