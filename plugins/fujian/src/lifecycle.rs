//! The states of an application and the buttons between them.
//!
//! draft → submitted → accepted → papers → posted → making → issuing → ready → sent, and from there by time: revoked or
//! renewed. Payment may come at any time from `submitted` on; accepted and paid together lead to `papers`. A renewal goes
//! the same way: what is posted is the key itself.

use crate::{
    DAYS_OF_GRACE, DAYS_TO_MAKE, DAYS_TO_PAY, DAYS_TO_REMIND, DAYS_TO_REVIEW, DAYS_TO_WARN, PHONE,
};
use yinxin_sdk::definition::{
    HostEvent, Lifecycle, Role, State, Tone, Transition, days, lifecycle, on_applicant, on_clerk,
    on_expiry, on_host, on_timer, state, working_days,
};

pub const NEW: &str = "new";
pub const RENEWAL: &str = "renewal";

/// Once the certificate is being made there is nothing to print any more (manual row F-5).
pub const BEFORE_MAKING: [&str; 7] = [
    "draft",
    "submitted",
    "returned",
    "accepted",
    "papers",
    "posted",
    "making",
];

/// Until what is to be sent along has come and is complete.
pub const BEFORE_PAPERS_CAME: [&str; 5] = ["submitted", "returned", "accepted", "papers", "posted"];

/// Steps that have to be complete; the printed form is asked for with the papers.
const COMPLETE: [&str; 3] = ["agreement", "application", "materials"];

/// Where the news of a payment finds a case: it may be overtaken by the reviewer, who sees the money before.
const MONEY_COMES: [&str; 6] = [
    "submitted",
    "returned",
    "accepted",
    "papers",
    "posted",
    "making",
];

/// Where a case that is paid stands until its certificate is made, and where its money can be asked back from.
const REFUNDABLE: [&str; 5] = ["submitted", "returned", "papers", "posted", "making"];

pub fn all() -> [Lifecycle; 2] {
    let of_renewal = transitions(&RENEWAL_WORDS)
        .into_iter()
        .chain([correct_certificate()]);
    [
        lifecycle(NEW, states(&NEW_WORDS), transitions(&NEW_WORDS)),
        lifecycle(RENEWAL, states(&RENEWAL_WORDS), of_renewal),
    ]
}

/// In what the two ways differ for those who read them.
struct Words {
    steps: &'static [&'static str],
    /// Printing, which goes on until the certificate is made.
    print: &'static [&'static str],
    papers: (&'static str, &'static str),
    post: &'static str,
    posted: (&'static str, &'static str),
    making: &'static str,
}

const NEW_WORDS: Words = Words {
    steps: &["agreement", "application", "materials", "print", "summary"],
    print: &["print"],
    papers: ("待收材料", "待收材料"),
    post: "请打印订单的回执单和申请表，按回执单盖章、备齐材料寄给我们；寄出后可以填写快递单号。",
    posted: ("材料已寄出", "材料在途"),
    making: "making",
};

const RENEWAL_WORDS: Words = Words {
    steps: &["agreement", "application", "materials", "summary"],
    print: &[],
    papers: ("待收 KEY", "待收 KEY"),
    post: "请打印订单的回执单盖章，连同要续费的 KEY 一起寄给我们；寄出后可以填写快递单号。",
    posted: ("KEY 已寄出", "KEY 在途"),
    making: "renewing",
};

fn states(words: &Words) -> [State; 16] {
    let steps = || words.steps.iter().copied();
    let print = || words.print.iter().copied();
    [
        state("draft", Tone::Draft)
            .applicant("填写中")
            .clerk("草稿")
            .next("按顺序完成各项后提交；可以随时离开，已填的内容会保留。")
            .open(steps())
            .deletable(),
        state("submitted", Tone::Waiting)
            .applicant("待审核")
            .clerk("待审核")
            .next(format!(
                "我们正在审核，通常需要 {DAYS_TO_REVIEW} 个工作日；付款不用等审核结果。审核前发现有误可以直接修改。"
            ))
            .open(steps())
            .queue(Role::Reviewer)
            .payable()
            .due(working_days(DAYS_TO_REVIEW)),
        state("returned", Tone::Action)
            .applicant("已退回")
            .clerk("待申请人改正")
            .next("请按退回的原因修改或重新上传，然后再次提交。")
            .open(steps())
            // An order that it is in waits for the correction: a transfer may be on its way.
            .payable(),
        state("accepted", Tone::Action)
            .applicant("申请受理中")
            .clerk("已受理，待付款")
            .next(format!(
                "审核已通过，付款到账后进入下一步；{DAYS_TO_PAY} 天内未付款将自动关闭。现在不能自行修改，需要更改请致电 {PHONE}。"
            ))
            .open(print())
            .payable()
            .due(days(DAYS_TO_PAY)),
        state("papers", Tone::Action)
            .applicant(words.papers.0)
            .clerk(words.papers.1)
            .next(format!("{}需要更改申请请致电 {PHONE}。", words.post))
            .open(print())
            .queue(Role::Reviewer),
        state("posted", Tone::Waiting)
            .applicant(words.posted.0)
            .clerk(words.posted.1)
            .next("收到后我们会核对，有问题会通知您。快递单号填错了可以再填一次。")
            .open(print())
            .queue(Role::Reviewer),
        state("making", Tone::Waiting)
            .applicant("待制作")
            .clerk("待制作")
            .next(format!("已核对无误，{DAYS_TO_MAKE} 个工作日内制作证书。"))
            .open(print())
            .queue(Role::Maker)
            .due(working_days(DAYS_TO_MAKE)),
        state("issuing", Tone::Waiting)
            .applicant("制作中")
            .clerk("签发中")
            .next("证书正在签发。"),
        state("ready", Tone::Waiting)
            .applicant("可领取")
            .clerk("待寄出")
            .next("证书已经办好，我们会寄到订单里的地址。")
            .queue(Role::Shipper)
            .due(working_days(1)),
        state("sent", Tone::Done)
            .applicant("已寄出")
            .clerk("已寄出")
            .next("证书已经寄出，请查收。到期前我们会提醒您续费。")
            .ends(),
        state("refund-asked", Tone::Waiting)
            .applicant("退款申请中")
            .clerk("待财务退款")
            .next("财务核对后退款，通常 3 个工作日内答复。")
            .queue(Role::Finance)
            .due(working_days(3)),
        state("refunding", Tone::Waiting)
            .applicant("退款中")
            .clerk("退款中")
            .next("费用退回付款的账户，到账时间以银行或支付平台为准。"),
        state("cancelled", Tone::Refused)
            .applicant("已取消")
            .clerk("已取消")
            .next("申请已取消，费用已退回。需要时请重新申请。")
            .ends(),
        state("closed", Tone::Refused)
            .applicant("已关闭")
            .clerk("已关闭")
            .next("申请已关闭。需要时请重新申请。")
            .ends(),
        state("revoked", Tone::Refused)
            .applicant("已注销")
            .clerk("已注销")
            .next("证书已经注销，不能再用。需要时请新办证书。")
            .ends(),
        state("renewed", Tone::Done)
            .applicant("已续费")
            .clerk("已续费")
            .next("这张证书已经到期，续费的证书继续有效。")
            .ends(),
    ]
}

fn transitions(words: &Words) -> Vec<Transition> {
    let [first, second] = DAYS_TO_REMIND;
    let [early, later, last] = DAYS_TO_WARN;
    vec![
        // the applicant
        on_applicant("submit", "提交申请单")
            .from(["draft", "returned"])
            .to(["submitted"])
            .guard("holder")
            .guard("price")
            .guard("certificate")
            .complete(COMPLETE),
        on_applicant("delete", "删除申请")
            .from(["draft"])
            .to(["closed"])
            .confirm("删除后不能恢复。确定删除吗？")
            .negative(),
        on_applicant("withdraw", "撤回申请")
            .from(["submitted", "returned", "accepted"])
            .to(["closed", "refund-asked"])
            .input("withdrawal")
            .confirm("撤回后不再办理。所在的订单还没有付款的，订单一起取消，里面的其他申请可以重新下单；已经付款的，由财务核对后退款。确定撤回吗？")
            .negative(),
        on_applicant("ask-refund", "申请退款")
            .from(["papers", "posted", "making"])
            .to(["refund-asked"])
            .input("withdrawal")
            .confirm("退款后申请不再办理。确定申请退款吗？")
            .negative(),
        on_applicant("post", "填写快递单号")
            .from(["papers", "posted"])
            .to(["posted"])
            .input("posting"),
        // review
        on_clerk(Role::Reviewer, "accept", "受理")
            .from(["submitted"])
            .to(["accepted", "papers"])
            .guard("holder")
            .guard("price")
            .guard("certificate")
            .complete(COMPLETE)
            .judges_items(),
        on_clerk(Role::Reviewer, "return", "退回改正")
            .from(["submitted"])
            .to(["returned"])
            .judges_items()
            .negative(),
        on_clerk(Role::Reviewer, "papers-pass", "材料齐全合格")
            .from(["papers", "posted"])
            .to(["making"]),
        on_clerk(Role::Reviewer, "papers-again", "要求补寄")
            .from(["papers", "posted"])
            .to(["papers"])
            .input("papers-again")
            .negative(),
        // money
        on_host(HostEvent::Paid, "paid", "付款成功")
            .from(MONEY_COMES)
            .to(REFUNDABLE),
        on_host(HostEvent::SlipVerified, "transferred", "汇款已核实")
            .from(MONEY_COMES)
            .to(REFUNDABLE),
        on_timer(days(first), "remind", "提醒付款")
            .from(["accepted"])
            .to(["accepted"]),
        on_timer(days(second), "remind-again", "再次提醒付款")
            .from(["accepted"])
            .to(["accepted"]),
        on_timer(days(DAYS_TO_PAY), "unpaid", "逾期未付款，自动关闭")
            .from(["accepted"])
            .to(["closed"]),
        on_clerk(Role::Finance, "approve-refund", "同意退款")
            .from(["refund-asked"])
            .to(["refunding"])
            .confirm("费用退回付款账户，申请不再办理。确定退款吗？"),
        on_clerk(Role::Finance, "refuse-refund", "不同意退款")
            .from(["refund-asked"])
            .to(REFUNDABLE)
            .input("reason")
            .negative(),
        on_host(HostEvent::Refunded, "refunded", "退款完成")
            .from(["refunding"])
            .to(["cancelled"]),
        // making and sending
        on_clerk(Role::Maker, "make", "制作证书")
            .from(["making"])
            .to(["issuing"])
            .input(words.making),
        on_host(HostEvent::Issued, "issued", "证书已签发")
            .from(["issuing"])
            .to(["ready"]),
        on_host(HostEvent::IssueFailed, "issue-failed", "签发未成功")
            .from(["issuing"])
            .to(["making"]),
        on_clerk(Role::Shipper, "ship", "寄出")
            .from(["ready"])
            .to(["sent"])
            .input("shipping"),
        // an administrator, until the certificate is made
        on_clerk(Role::Administrator, "reopen", "退回申请人修改")
            .from(["accepted", "papers", "posted", "making"])
            .to(["returned"])
            .input("reason")
            .negative(),
        on_clerk(Role::Administrator, "cancel", "取消申请并退款")
            .from([
                "submitted",
                "returned",
                "accepted",
                "papers",
                "posted",
                "making",
            ])
            .to(["cancelled", "refunding"])
            .input("reason")
            .confirm("取消后不能恢复，已付的费用退回付款账户。确定取消吗？")
            .negative(),
        // once the certificate is out
        on_expiry(-early, "warn-early", "提醒续费")
            .from(["sent"])
            .to(["sent"]),
        on_expiry(-later, "warn", "提醒续费")
            .from(["sent"])
            .to(["sent"]),
        on_expiry(-last, "warn-last", "提醒续费")
            .from(["sent"])
            .to(["sent"]),
        on_expiry(0, "expire", "证书到期")
            .from(["sent"])
            .to(["sent", "renewed"]),
        on_expiry(DAYS_OF_GRACE, "revoke", "过期注销")
            .from(["sent"])
            .to(["revoked", "renewed"]),
    ]
}

/// Only a renewal has a certificate behind it. Which one stays; how its holder is called, or that it is no longer frozen,
/// somebody may have to put right.
fn correct_certificate() -> Transition {
    let before_payment = ["submitted", "returned", "accepted"];
    on_clerk(
        Role::Administrator,
        "correct-certificate",
        "更正原证书的信息",
    )
    .from(before_payment)
    .to(before_payment)
    .input("correction")
}
