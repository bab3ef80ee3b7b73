//! What happens at each transition. Everything asked of an interface here happens together with the decision, or not
//! at all.

use crate::messages::tell;
use crate::{PAYABLE_BY, PROJECT, VALIDITY, fee, main_key};
use yinxin_sdk::{
    Case, Decision, Event, Fen, Problem, certificates, documents, identity, payments,
};

type Outcome = Result<Decision, Vec<Problem>>;

pub fn handle(case: &Case, event: &Event) -> Outcome {
    match event.transition.as_str() {
        "submit" => submit(case),
        "delete" => delete(case),
        "pass" => pass(case, event),
        "refuse" => refuse(case, event),
        "paid" => paid(case),
        "unpaid" => unpaid(case),
        "post" => Ok(Decision::to("paper-review")
            .keep(event)
            .note("纸质资料已寄出。")),
        "papers-pass" => Ok(Decision::to("to-make").note("纸质资料合格，开始制作证书。")),
        "papers-refuse" => papers_refuse(case, event),
        "make" => make(case),
        "issued" => issued(case),
        "issue-failed" => Ok(issue_failed(event)),
        "ship" => ship(case, event),
        "invoice" => invoice(case, event),
        "send-back" => send_back(case, event),
        "cancel" => cancel(case, event),
        "refunded" => Ok(Decision::to("cancelled").note("费用已退回。")),
        _ => Err(Problem::of_case("这项操作现在不能进行，请刷新页面后再试。").into()),
    }
}

fn submit(case: &Case) -> Outcome {
    main_key::reserve(case)?;
    Ok(Decision::to("first-review").note("申请已提交，等待初审。"))
}

fn delete(case: &Case) -> Outcome {
    if case.is_paid() {
        return Err(
            Problem::of_case("这份申请已经付款，不能直接删除；请联系客服取消并退款。").into(),
        );
    }
    main_key::release(case)?;
    identity::void("legal-representative")?;
    documents::void("authorisation-letter")?;
    Ok(Decision::to("deleted").note("申请已删除。"))
}

fn pass(case: &Case, event: &Event) -> Outcome {
    if event.refusals().next().is_some() {
        return Err(Problem::of_case("有资料未通过，请选择“退回改正”。").into());
    }
    if case.is_paid() {
        return Ok(Decision::to("to-post").note("初审通过。"));
    }
    let line = fee(case);
    let amount = Fen(line.amount).to_string();
    payments::request(&[line], &PAYABLE_BY)?;
    tell(case, "passed", &[("amount", &amount)])?;
    Ok(Decision::to("to-pay").note("初审通过，请付款。"))
}

fn refuse(case: &Case, event: &Event) -> Outcome {
    let refused = event.refusals().count();
    if refused == 0 {
        return Err(Problem::of_case("请至少标出一项不合格的资料，并写明原因。").into());
    }
    tell(case, "refused", &[])?;
    Ok(Decision::to("to-correct").note(format!("初审未通过，有 {refused} 项需要改正。")))
}

fn paid(case: &Case) -> Outcome {
    let amount = Fen(payments::status()?.total).to_string();
    tell(case, "paid", &[("amount", &amount)])?;
    Ok(Decision::to("to-post").note(format!("已收到费用 {amount} 元。")))
}

fn unpaid(case: &Case) -> Outcome {
    payments::cancel()?;
    main_key::release(case)?;
    Ok(Decision::to("cancelled").note("逾期未付款，申请已关闭。"))
}

fn papers_refuse(case: &Case, event: &Event) -> Outcome {
    tell(case, "papers-refused", &[])?;
    let again = event.said("papers-again");
    Ok(Decision::to("papers-refused")
        .keep(event)
        .note(format!("需要补寄：{again}")))
}

fn make(case: &Case) -> Outcome {
    let unit = case.text("unit-name");
    let subject = [
        ("C", "CN"),
        ("O", unit),
        ("OU", PROJECT),
        ("CN", unit),
        ("serialNumber", case.text("uscc")),
    ];
    certificates::issue(&certificates::request(VALIDITY, subject))?;
    Ok(Decision::to("issuing").note("正在制作证书。"))
}

fn issued(case: &Case) -> Outcome {
    main_key::keep_forever(case)?;
    Ok(Decision::to("to-ship").note("证书已制作。"))
}

fn issue_failed(event: &Event) -> Decision {
    // A sentence of the history has at most 500 characters; a provider's message can be longer.
    let reason: String = event.failure().chars().take(200).collect();
    Decision::to("to-make").note(format!("证书签发未成功，将重新制作。{reason}"))
}

fn ship(case: &Case, event: &Event) -> Outcome {
    let tracking = event.said("tracking-number");
    tell(case, "shipped", &[("tracking", tracking)])?;
    Ok(Decision::to("to-invoice")
        .keep(event)
        .note(format!("证书已用顺丰寄出，单号 {tracking}。")))
}

fn invoice(case: &Case, event: &Event) -> Outcome {
    let number = event.said("invoice-number");
    tell(
        case,
        "invoice",
        &[
            ("invoice", number),
            ("tracking", case.text("tracking-number")),
        ],
    )?;
    Ok(Decision::to("done")
        .keep(event)
        .note("电子发票已发到邮箱。"))
}

fn send_back(case: &Case, event: &Event) -> Outcome {
    payments::cancel()?;
    tell(case, "sent-back", &[])?;
    Ok(Decision::to("to-correct").note(format!("申请被退回：{}", event.said("reason"))))
}

fn cancel(case: &Case, event: &Event) -> Outcome {
    let reason = event.said("reason");
    main_key::release(case)?;
    tell(case, "cancelled", &[])?;
    let state = if case.is_paid() {
        payments::refund(Fen(payments::status()?.total), reason)?;
        "refunding"
    } else {
        payments::cancel()?;
        "cancelled"
    };
    Ok(Decision::to(state).note(format!("申请已取消：{reason}")))
}
