//! What the handler is told (manual rows F-13 and C-5), each time by SMS and by mail. The codes are those of the
//! templates registered with the SMS provider; the provider adds the sign-off.

use crate::{PHONE, services};
use yinxin_sdk::definition::{Message, mail, sms};
use yinxin_sdk::{Case, Problem, messaging};

/// Id, the SMS template's code, the mail's subject, the text of both. Every text has `name` and `number`.
const TEXTS: [(&str, &str, &str, &str); 14] = [
    (
        "accepted",
        "1850001",
        "申请已受理",
        "“{name}”的证书申请（受理号{number}）已通过审核，请登录平台付款。",
    ),
    (
        "accepted-paid",
        "1850002",
        "申请已受理",
        "“{name}”的证书申请（受理号{number}）已通过审核，请按回执单寄出材料。",
    ),
    (
        "returned",
        "1850003",
        "申请需要改正",
        "“{name}”的证书申请（受理号{number}）有内容需要改正，请登录平台查看原因，改好后再次提交。",
    ),
    (
        "paid",
        "1850004",
        "已收到付款",
        "“{name}”（受理号{number}）的费用{amount}元已收到，请登录平台打印回执单。",
    ),
    (
        "unpaid",
        "1850005",
        "请付款",
        "“{name}”的证书申请（受理号{number}）已受理{days}天，尚未付款；满{limit}天未付款将自动关闭。",
    ),
    (
        "papers-again",
        "1850006",
        "材料需要补寄",
        "“{name}”（受理号{number}）寄来的材料不齐或不合格，请登录平台查看需要补寄的内容。",
    ),
    (
        "ready",
        "1850007",
        "证书已制作",
        "“{name}”（受理号{number}）的证书已制作完成，即将寄出。",
    ),
    (
        "sent",
        "1850008",
        "证书已寄出",
        "“{name}”（受理号{number}）的证书已用{courier}寄出，单号{tracking}。",
    ),
    (
        "closed",
        "1850009",
        "申请已关闭",
        "“{name}”的证书申请（受理号{number}）已关闭，请登录平台查看原因。",
    ),
    (
        "refunding",
        "1850010",
        "申请已取消，正在退款",
        "“{name}”的证书申请（受理号{number}）已取消，费用{amount}元将退回付款账户。",
    ),
    (
        "refund-refused",
        "1850011",
        "退款申请未通过",
        "“{name}”（受理号{number}）的退款申请未通过，请登录平台查看原因，申请继续办理。",
    ),
    (
        "expiring",
        "1850012",
        "证书即将到期",
        "“{name}”的证书（受理号{number}）将于{day}到期，请登录平台办理续费，以免影响使用。",
    ),
    (
        "expired",
        "1850013",
        "证书已到期",
        "“{name}”的证书（受理号{number}）已到期。{grace}天内仍可续费，之后将被注销。",
    ),
    (
        "revoked",
        "1850014",
        "证书已注销",
        "“{name}”的证书（受理号{number}）过期已满{grace}天，系统已注销。需要时请重新申请。",
    ),
];

pub fn all() -> Vec<Message> {
    let both = |(id, code, subject, text): (&str, &str, &str, &str)| {
        let body = format!("您好：\n\n{text}\n\n如有疑问，请致电 {PHONE}。");
        let subject = format!("{subject}（受理号{{number}}）");
        [
            sms(id, code, text).to_field("mobile"),
            mail(&by_mail(id), &subject, &body).to_field("email"),
        ]
    };
    TEXTS.into_iter().flat_map(both).collect()
}

fn by_mail(id: &str) -> String {
    format!("{id}-mail")
}

/// Sends a message about the case, by SMS and by mail.
pub fn tell(case: &Case, message: &str, more: &[(&str, &str)]) -> Result<(), Vec<Problem>> {
    let mut parameters = vec![
        ("name", services::holder(case)),
        ("number", case.number.as_str()),
    ];
    parameters.extend(more);
    messaging::send(message, &parameters)?;
    messaging::send(&by_mail(message), &parameters)?;
    Ok(())
}
