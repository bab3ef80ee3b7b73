//! What the handler is told, and how (manual rows J-7, J-9, J-10, C-5). The codes are those of the templates registered
//! with the SMS provider; the provider adds the sign-off.

use yinxin_sdk::definition::{Message, mail, sms};
use yinxin_sdk::{Case, Problem, messaging};

pub fn all() -> [Message; 8] {
    [
        sms("passed", "SMS_470010001", "您的证书申请（受理号{number}）已通过初审，请登录平台付款{amount}元。"),
        sms("refused", "SMS_470010002", "您的证书申请（受理号{number}）未通过初审，请登录平台查看原因，改正后重新提交。"),
        sms("paid", "SMS_470010003", "受理号{number}的费用{amount}元已收到，请寄出纸质资料，并在平台填写快递单号。"),
        sms("papers-refused", "SMS_470010004", "受理号{number}的纸质资料需要补寄，请登录平台查看补寄内容。"),
        sms("shipped", "SMS_470010005", "受理号{number}的证书已用顺丰寄出，单号{tracking}，快递费到付。"),
        sms("sent-back", "SMS_470010007", "您的证书申请（受理号{number}）被退回，请登录平台查看原因，改正后重新提交。"),
        sms("cancelled", "SMS_470010006", "受理号{number}的证书申请已取消，请登录平台查看原因；已付款项原路退回。"),
        mail(
            "invoice",
            "证书费用电子发票（受理号{number}）",
            "您好：\n\n受理号{number}的证书费用已开具电子发票，发票号码{invoice}，见附件。\n\n证书已用顺丰寄出，单号{tracking}。",
        )
        .to_field("invoice-email")
        .attach("invoice-file"),
    ]
    .map(|message| {
        if message.id == "invoice" { message } else { message.to_field("handler-mobile") }
    })
}

/// Sends a message about the case; every text has the parameter `number`.
pub fn tell(case: &Case, message: &str, more: &[(&str, &str)]) -> Result<(), Vec<Problem>> {
    let mut parameters = vec![("number", case.number.as_str())];
    parameters.extend(more);
    messaging::send(message, &parameters)?;
    Ok(())
}
