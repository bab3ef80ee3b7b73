//! The states of an application and the buttons between them.
//!
//! draft → first-review → to-pay → to-post → paper-review → to-make → issuing → to-ship → to-invoice → done, with a way
//! back from each review.

use crate::{DAYS_TO_MAKE, DAYS_TO_PAY};
use yinxin_sdk::definition::{
    HostEvent, Lifecycle, Role, State, Tone, Transition, days, lifecycle, on_applicant, on_clerk,
    on_host, on_timer, state, working_days,
};

const STEPS: [&str; 5] = ["order", "papers", "legal-check", "materials", "summary"];

pub fn of_a_new_certificate() -> Lifecycle {
    lifecycle("new-certificate", states(), transitions())
}

fn states() -> [State; 15] {
    [
        state("draft", Tone::Draft)
            .applicant("填写中")
            .clerk("草稿")
            .next("按顺序完成各项后提交；可以随时离开，已填的内容会保留。")
            .open(STEPS)
            .deletable(),
        state("first-review", Tone::Waiting)
            .applicant("等待初审")
            .clerk("待初审")
            .next("工作人员正在核对您的资料，通常需要 2 个工作日，结果用短信通知经办人。")
            .queue(Role::Reviewer)
            .due(working_days(2)),
        state("to-correct", Tone::Action)
            .applicant("已退回，请改正")
            .clerk("待申请人改正")
            .next("请按退回的原因修改或重新上传，然后再次提交。")
            .open(STEPS)
            .deletable(),
        state("to-pay", Tone::Action)
            .applicant("待付款")
            .clerk("待付款")
            .next(format!("请用微信或支付宝扫码付款；{DAYS_TO_PAY} 天内未付款，申请自动关闭。不支持对公转账。"))
            .payable()
            .due(days(DAYS_TO_PAY)),
        state("to-post", Tone::Action)
            .applicant("待寄送纸质资料")
            .clerk("待申请人寄件")
            .next("请把盖章的申请表、营业执照复印件、经办人身份证复印件、授权委托书（主锁另加签章采集表）的原件寄给我们，再填写快递单号。"),
        state("paper-review", Tone::Waiting)
            .applicant("纸质资料审核中")
            .clerk("待审纸质资料")
            .next("收到资料后我们会审核，有问题会打电话给经办人。")
            .queue(Role::Reviewer)
            .due(working_days(5)),
        state("papers-refused", Tone::Action)
            .applicant("请补寄资料")
            .clerk("待申请人补寄")
            .next("请按说明补寄资料，再填写新的快递单号。"),
        state("to-make", Tone::Waiting)
            .applicant("等待制作")
            .clerk("待制作")
            .next(format!("资料已通过，{DAYS_TO_MAKE} 个工作日内制作证书。"))
            .queue(Role::Maker)
            .due(working_days(DAYS_TO_MAKE)),
        state("issuing", Tone::Waiting)
            .applicant("正在制作")
            .clerk("签发中")
            .next("证书正在签发，完成后寄出。"),
        state("to-ship", Tone::Waiting)
            .applicant("等待寄出")
            .clerk("待寄出")
            .next("证书已经做好，用顺丰寄给收件人，快递费到付。")
            .queue(Role::Shipper)
            // With the two days for the invoice this makes the three working days after making.
            .due(working_days(1)),
        state("to-invoice", Tone::Waiting)
            .applicant("证书已寄出，等待发票")
            .clerk("待开票")
            .next("电子发票会发到您填写的邮箱。")
            .queue(Role::Finance)
            .due(working_days(2)),
        state("done", Tone::Done)
            .applicant("已完成")
            .clerk("已完成")
            .next("证书已寄出，电子发票已发到邮箱。")
            .ends(),
        state("refunding", Tone::Waiting)
            .applicant("退款中")
            .clerk("退款中")
            .next("费用按原来的付款方式退回，通常 1 至 3 个工作日到账。"),
        state("cancelled", Tone::Refused)
            .applicant("已取消")
            .clerk("已取消")
            .next("这份申请已经取消。需要时可以重新申请。")
            .ends(),
        state("deleted", Tone::Refused)
            .applicant("已删除")
            .clerk("申请人已删除")
            .next("这份申请已经删除，委托书和刷脸认证同时作废。")
            .ends(),
    ]
}

fn transitions() -> [Transition; 17] {
    [
        // the applicant
        on_applicant("submit", "提交申请")
            .from(["draft", "to-correct"])
            .to(["first-review"])
            .guard("own-unit")
            .guard("one-main-key")
            .guard("price-as-paid")
            .complete(["order", "legal-check", "materials"]),
        on_applicant("delete", "删除申请")
            .from(["draft", "to-correct"])
            .to(["deleted"])
            .confirm("删除后不能恢复，委托书和刷脸认证同时作废。确定删除吗？")
            .negative(),
        on_applicant("post", "我已寄出资料")
            .from(["to-post", "papers-refused"])
            .to(["paper-review"])
            .input("posting"),
        // first review
        on_clerk(Role::Reviewer, "pass", "初审通过")
            .from(["first-review"])
            .to(["to-pay", "to-post"])
            .judges_items(),
        on_clerk(Role::Reviewer, "refuse", "退回改正")
            .from(["first-review"])
            .to(["to-correct"])
            .judges_items()
            .negative(),
        // money
        on_host(HostEvent::Paid, "paid", "付款成功")
            .from(["to-pay"])
            .to(["to-post"]),
        on_timer(days(DAYS_TO_PAY), "unpaid", "逾期未付款，自动关闭")
            .from(["to-pay"])
            .to(["cancelled"]),
        on_host(HostEvent::Refunded, "refunded", "退款完成")
            .from(["refunding"])
            .to(["cancelled"]),
        // papers
        on_clerk(Role::Reviewer, "papers-pass", "资料合格")
            .from(["paper-review"])
            .to(["to-make"]),
        on_clerk(Role::Reviewer, "papers-refuse", "资料不合格")
            .from(["paper-review"])
            .to(["papers-refused"])
            .input("papers-refusal")
            .negative(),
        // making, shipping, invoice
        on_clerk(Role::Maker, "make", "制作证书")
            .from(["to-make"])
            .to(["issuing"])
            .input("making"),
        on_host(HostEvent::Issued, "issued", "证书已签发")
            .from(["issuing"])
            .to(["to-ship"]),
        on_host(HostEvent::IssueFailed, "issue-failed", "签发未成功")
            .from(["issuing"])
            .to(["to-make"]),
        on_clerk(Role::Shipper, "ship", "寄出")
            .from(["to-ship"])
            .to(["to-invoice"])
            .input("shipping"),
        on_clerk(Role::Finance, "invoice", "发出发票")
            .from(["to-invoice"])
            .to(["done"])
            .input("invoicing"),
        // an administrator, until the certificate is made
        on_clerk(Role::Administrator, "send-back", "退回申请人")
            .from([
                "to-pay",
                "to-post",
                "paper-review",
                "papers-refused",
                "to-make",
            ])
            .to(["to-correct"])
            .input("reason")
            .negative(),
        on_clerk(Role::Administrator, "cancel", "取消申请并退款")
            .from([
                "first-review",
                "to-correct",
                "to-pay",
                "to-post",
                "paper-review",
                "papers-refused",
                "to-make",
            ])
            .to(["cancelled", "refunding"])
            .input("reason")
            .confirm("取消后不能恢复，已付的费用全部退回。确定取消吗？")
            .negative(),
    ]
}
