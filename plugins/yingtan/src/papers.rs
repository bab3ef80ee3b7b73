//! Papers that are printed, stamped, scanned and posted (manual rows J-4 to J-6).

use crate::{MAIN, PROJECT};
use yinxin_sdk::definition::{Document, document};

/// Once the certificate is being made there is nothing to print any more.
const BEFORE_MAKING: [&str; 7] = [
    "draft",
    "first-review",
    "to-correct",
    "to-pay",
    "to-post",
    "paper-review",
    "papers-refused",
];

pub fn all() -> [Document; 3] {
    [application_form(), authorisation_letter(), seal_sheet()]
}

fn application_form() -> Document {
    document("application-form", "数字证书用户申请表")
        .only_in(BEFORE_MAKING)
        .number_qr()
        .table([
            ("申请项目", PROJECT),
            ("锁的种类", "{lock-kind}"),
            ("单位名称", "{unit-name}"),
            ("统一社会信用代码", "{uscc}"),
            ("法定代表人", "{legal-name}"),
            ("法定代表人身份证号码", "{legal-number}"),
            ("经办人", "{handler-name}"),
            ("经办人身份证号码", "{handler-number}"),
            ("经办人手机", "{handler-mobile}"),
            ("发票抬头", "{invoice-title}"),
            ("纳税人识别号", "{tax-number}"),
            ("电子发票邮箱", "{invoice-email}"),
            ("收件人", "{recipient-name}，{recipient-mobile}"),
            ("收件地址", "{recipient-address}"),
        ])
        .heading("申请单位声明")
        .paragraph("一、本单位申请上述数字证书，所填内容和所交资料真实、完整、有效，并对此承担责任。")
        .paragraph("二、本单位妥善保管证书介质和密码。介质遗失、密码泄露或者单位信息变更时，及时告知证书颁发机构。")
        .paragraph("三、本单位知道用本证书所作的电子签名与手写签名或者盖章具有同等法律效力，并只在合法业务中使用。")
        .signatures(["申请单位（盖公章）", "经办人（签名）", "日期"])
        .note("请在签字栏加盖公章原章，避开表内文字。寄送原件时请写明左上角的受理号。")
}

fn authorisation_letter() -> Document {
    document("authorisation-letter", "法定代表人授权委托书")
        .only_in(BEFORE_MAKING)
        .paragraph("本人{legal-name}（身份证号码：{legal-number}），系{unit-name}（统一社会信用代码：{uscc}）的法定代表人。")
        .paragraph("现委托{handler-name}（身份证号码：{handler-number}，手机：{handler-mobile}）代表本单位，办理鹰潭市阳光采购服务平台数字证书的申请、提交资料、付款、领取等事宜。受托人在此范围内签署的文件，本单位均予承认。")
        .paragraph("委托期限：自签署之日起至          年      月      日止。受托人无转委托权。")
        .signatures(["委托单位（盖公章）", "法定代表人（盖章或亲笔签名）", "受托人（签名）", "签署日期"])
        .heading("法定代表人刷脸认证")
        .identity_qr("legal-representative")
        .note("请法定代表人本人用手机扫描二维码完成认证，页面显示认证成功后方可提交申请。二维码只对本申请有效；申请删除后，此委托书和认证同时作废，需要重新下载、重新认证。")
}

fn seal_sheet() -> Document {
    document("seal-sheet", "签章采集表")
        .shown_when("lock-kind", [MAIN])
        .only_in(BEFORE_MAKING)
        .number_qr()
        .table([
            ("单位名称", "{unit-name}"),
            ("统一社会信用代码", "{uscc}"),
            ("法定代表人", "{legal-name}"),
        ])
        .heading("印模")
        // A unit's round seal is 38 to 58 mm wide, a name seal about 20 mm square; the rest is free room around it.
        .stamps([
            ("单位公章（圆章）", 70, 70),
            ("法定代表人章（红色方章）", 45, 45),
        ])
        .heading("盖章要求")
        .paragraph("一、在框内盖原章，居中、端正，不要压住边框；不要用打印或复印的印章。")
        .paragraph("二、边框和每一个字都要清晰完整，印模里没有杂质，也没有底色。")
        .paragraph(
            "三、没有法定代表人章的，可由本人在框内用正楷亲笔签名，从左到右写，宽度与方章相近。",
        )
        .signatures(["申请单位（盖公章）", "日期"])
}
