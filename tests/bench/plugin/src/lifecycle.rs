//! draft → to-pay → review → done; whoever does not pay is closed by a timer.

use yinxin_sdk::definition::{
    HostEvent, Lifecycle, Role, Tone, days, lifecycle, on_applicant, on_clerk, on_host, on_timer,
    state, working_days,
};

use crate::STEP;

/// Days to pay.
const DAYS: u32 = 30;

pub fn sixty() -> Lifecycle {
    lifecycle(
        "sixty",
        [
            state("draft", Tone::Draft)
                .applicant("填写中")
                .clerk("草稿")
                .next("填好后提交。")
                .open([STEP])
                .deletable(),
            state("to-pay", Tone::Action)
                .applicant("待付款")
                .clerk("待付款")
                .next("请付款。")
                .payable()
                .due(days(DAYS)),
            state("review", Tone::Waiting)
                .applicant("审核中")
                .clerk("待审核")
                .next("工作人员正在审核。")
                .queue(Role::Reviewer)
                .due(working_days(2)),
            state("done", Tone::Done)
                .applicant("已完成")
                .clerk("已完成")
                .next("已办好。")
                .ends(),
            state("closed", Tone::Refused)
                .applicant("已关闭")
                .clerk("已关闭")
                .next("逾期未付款，已关闭。")
                .ends(),
        ],
        [
            on_applicant("submit", "提交申请")
                .from(["draft"])
                .to(["to-pay"])
                .complete([STEP]),
            on_host(HostEvent::Paid, "paid", "付款成功")
                .from(["to-pay"])
                .to(["review"]),
            on_timer(days(DAYS), "unpaid", "逾期未付款，自动关闭")
                .from(["to-pay"])
                .to(["closed"]),
            on_clerk(Role::Reviewer, "pass", "通过")
                .from(["review"])
                .to(["done"]),
        ],
    )
}
