//! Papers: the agreement, the application forms (manual row F-5) and the receipts of an order (manual row F-10).

use crate::lifecycle::{BEFORE_MAKING, BEFORE_PAPERS_CAME};
use crate::{DAYS_OF_GRACE, PHONE, POST_TO};
use yinxin_sdk::definition::{Document, document};

pub const AGREEMENT: &str = "agreement";
pub const ENTERPRISE_FORM: &str = "enterprise-form";
pub const PERSONAL_FORM: &str = "personal-form";
pub const RECEIPT_ENTERPRISE: &str = "receipt-enterprise";
pub const RECEIPT_PERSONAL: &str = "receipt-personal";
pub const RECEIPT_RENEWAL_TRANSFER: &str = "receipt-renewal-transfer";
pub const RECEIPT_RENEWAL: &str = "receipt-renewal";

pub fn all() -> [Document; 7] {
    [
        agreement(),
        enterprise_form(),
        personal_form(),
        receipt_enterprise(),
        receipt_personal(),
        receipt_renewal_transfer(),
        receipt_renewal(),
    ]
}

fn agreement() -> Document {
    document(AGREEMENT, "数字证书订户协议")
        .paragraph("本协议由申请数字证书的单位或个人（下称“订户”）与福建CA（下称“我们”）订立。提交申请前请读完；不同意的，请不要申请。")
        .heading("一、申请")
        .paragraph("订户保证所填信息和所交材料真实、完整、有效，经办人已得到订户授权。我们核对身份和材料，不符合要求的说明原因，由订户改正。")
        .paragraph("信息在申请期间有变化的，订户及时告诉我们。用不真实的材料取得的证书，我们有权注销，费用不退。")
        .heading("二、证书和 KEY")
        .paragraph("证书装在 KEY 里，私钥只在 KEY 里生成和使用。订户收到后核对证书内容，修改初始口令，妥善保管 KEY 和口令，不交给无权使用的人。")
        .paragraph("KEY 丢失、损坏，口令泄露，或者证书里的信息有变化，订户马上停用证书并联系我们办理变更或注销。在我们收到申请以前，因此造成的损失由订户承担。")
        .heading("三、使用")
        .paragraph("用本证书所作的可靠电子签名，与手写签名或者盖章具有同等法律效力。订户只在合法的业务和证书写明的范围内使用证书，过期、冻结或者注销的证书不再使用。")
        .heading("四、有效期和续费")
        .paragraph(&format!(
            "证书的有效期写在证书里。到期前可以续费；到期后 {DAYS_OF_GRACE} 天内仍可以续费，超过 {DAYS_OF_GRACE} 天的，系统注销证书，需要时重新申请。续费的证书自更新之日起有效。"
        ))
        .heading("五、费用和发票")
        .paragraph("费用以下单时显示的金额为准。证书制作前取消的，退回已付的证书费用；证书制作后不退。发票按下单时填写的抬头和税号开具，请认真核对。")
        .heading("六、我们的责任")
        .paragraph("我们按公布的业务规则签发和管理证书，公布证书的状态，保守订户信息的秘密，只为办理本业务使用。因我们的过错造成的损失，我们依法赔偿。")
        .heading("七、其他")
        .paragraph(&format!(
            "双方的争议先协商，协商不成的依法解决。对本协议有疑问，请致电 {PHONE}。"
        ))
}

fn enterprise_form() -> Document {
    document(ENTERPRISE_FORM, "企业数字证书申请表")
        .only_in(BEFORE_MAKING)
        .number_qr()
        .table([
            ("单位名称", "{unit-name}"),
            ("统一社会信用代码", "{uscc}"),
            ("所在地区", "{region}"),
            ("单位地址", "{address}"),
            ("法定代表人", "{legal-name}"),
            ("法定代表人身份证号码", "{legal-number}"),
            ("经办人", "{handler-name}"),
            ("经办人身份证号码", "{handler-number}"),
            ("经办人手机", "{mobile}"),
            ("经办人邮箱", "{email}"),
            ("证书年限", "{years}"),
        ])
        .heading("申请单位声明")
        .paragraph("本单位申请上述企业数字证书，已阅读并接受《数字证书订户协议》；所填信息和所交材料真实、完整、有效。现授权上列经办人办理申请、付款和领取。")
        .signatures(["申请单位（盖公章）", "法定代表人（签名或盖章）", "经办人（签名）", "日期"])
        .note("请在签字栏加盖公章原章，连同回执单上列出的材料一起寄来。")
}

fn personal_form() -> Document {
    document(PERSONAL_FORM, "个人数字证书申请表")
        .only_in(BEFORE_MAKING)
        .number_qr()
        .table([
            ("姓名", "{name}"),
            ("身份证号码", "{number}"),
            ("手机", "{mobile}"),
            ("邮箱", "{email}"),
            ("所在地区", "{region}"),
            ("联系地址", "{address}"),
            ("所属单位", "{unit-name}"),
            ("证书年限", "{years}"),
        ])
        .heading("申请人声明")
        .paragraph("本人申请上述个人数字证书，已阅读并接受《数字证书订户协议》；所填信息和所交材料真实、完整、有效。")
        .signatures(["申请人（签名）", "日期"])
        .note("写明所属单位的，请同时加盖该单位公章。请连同回执单上列出的材料一起寄来。")
}

/// The head that all receipts share: which order, what is in it, where it goes to.
fn receipt(id: &str, title: &str) -> Document {
    document(id, title)
        .only_in(BEFORE_PAPERS_CAME)
        .number_qr()
        .table([
            ("订单号", "{order-number}"),
            ("付款方式", "{order-method}"),
            ("订单金额", "{order-total} 元"),
        ])
        .heading("本订单的申请")
        .order_cases()
        .heading("请随本回执单寄来")
}

fn where_to(receipt: Document) -> Document {
    receipt
        .heading("寄到")
        .paragraph(POST_TO)
        .note("寄出后可以在申请里填写快递单号，方便我们查收。建议使用能查询的快递。")
}

fn receipt_enterprise() -> Document {
    let receipt = receipt(RECEIPT_ENTERPRISE, "企业证书申请回执单")
        .paragraph("一、本回执单，加盖公章；")
        .paragraph("二、每份申请的《企业数字证书申请表》，加盖公章，经办人签名；")
        .paragraph("三、营业执照复印件，加盖公章；")
        .paragraph("四、经办人身份证正反面复印件，加盖公章；")
        .paragraph("五、汇款底单复印件（附言 {order-reference}），加盖公章。");
    where_to(receipt).signatures(["申请单位（盖公章）", "经办人（签名）", "日期"])
}

fn receipt_personal() -> Document {
    let receipt = receipt(RECEIPT_PERSONAL, "个人证书申请回执单")
        .paragraph("一、本回执单，本人签名；")
        .paragraph("二、每份申请的《个人数字证书申请表》，本人签名，写明单位的加盖单位公章；")
        .paragraph("三、本人身份证正反面复印件，本人签名；")
        .paragraph("四、汇款底单复印件（附言 {order-reference}），本人签名。");
    where_to(receipt).signatures(["申请人（签名）", "日期"])
}

fn receipt_renewal_transfer() -> Document {
    let receipt = receipt(RECEIPT_RENEWAL_TRANSFER, "证书续费回执单")
        .paragraph("一、本回执单，单位盖公章，个人签名；")
        .paragraph("二、要续费的 KEY 本身，每份申请一个，贴上写有证书名称的标签；")
        .paragraph("三、汇款底单复印件（附言 {order-reference}），单位盖公章，个人签名。");
    where_to(receipt).signatures(["单位（盖公章）或个人（签名）", "日期"])
}

fn receipt_renewal() -> Document {
    let receipt = receipt(RECEIPT_RENEWAL, "证书续费回执单（在线支付）")
        .paragraph("一、本回执单，单位盖公章，个人签名；")
        .paragraph("二、要续费的 KEY 本身，每份申请一个，贴上写有证书名称的标签。");
    where_to(receipt).signatures(["单位（盖公章）或个人（签名）", "日期"])
}
