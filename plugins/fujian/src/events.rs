//! What happens at each transition. Everything asked of an interface here happens together with the decision, or not
//! at all.

use crate::messages::tell;
use crate::services::{is_personal, is_renewal};
use crate::{DAYS_TO_PAY, DAYS_TO_REMIND, PHONE, expiry, guards, prices, renewal};
use yinxin_sdk::{Case, Decision, Event, Fen, Method, Problem, certificates, payments, storage};

type Outcome = Result<Decision, Vec<Problem>>;

pub fn handle(case: &Case, event: &Event) -> Outcome {
    match event.transition.as_str() {
        "submit" => submit(case),
        "delete" => Ok(Decision::to("closed").note("申请已删除。")),
        "withdraw" => withdraw(case, event),
        "ask-refund" => ask_refund(case, event),
        "post" => post(case, event),
        "accept" => accept(case, event),
        "return" => send_back(case, event),
        "papers-pass" => Ok(Decision::to("making").note("材料已收到，核对无误，开始制作。")),
        "papers-again" => papers_again(case, event),
        "paid" => paid(case),
        "transferred" => transferred(case),
        "remind" => remind(case, DAYS_TO_REMIND[0]),
        "remind-again" => remind(case, DAYS_TO_REMIND[1]),
        "unpaid" => unpaid(case),
        "approve-refund" => approve_refund(case),
        "refuse-refund" => refuse_refund(case, event),
        "refunded" => refunded(case),
        "make" => make(case, event),
        "issued" => issued(case, event),
        "issue-failed" => Ok(issue_failed(event)),
        "ship" => ship(case, event),
        "reopen" => reopen(case, event),
        "cancel" => cancel(case, event),
        "correct-certificate" => correct_certificate(case, event),
        "warn-early" | "warn" | "warn-last" => expiry::warn(case),
        "expire" => expiry::expire(case),
        "revoke" => expiry::revoke(case),
        _ => Err(Problem::of_case("这项操作现在不能进行，请刷新页面后再试。").into()),
    }
}

fn submit(case: &Case) -> Outcome {
    renewal::reserve(case)?;
    Ok(Decision::to("submitted").note("申请已提交，等待审核。"))
}

// ---- review

fn accept(case: &Case, event: &Event) -> Outcome {
    if event.refusals().next().is_some() {
        return Err(Problem::of_case("有内容未通过，请选择“退回改正”。").into());
    }
    if case.is_paid() {
        tell(case, "accepted-paid", &[])?;
        return Ok(Decision::to("papers").note("审核通过，费用已付。"));
    }
    tell(case, "accepted", &[])?;
    Ok(Decision::to("accepted").note("审核通过，等待付款。"))
}

fn send_back(case: &Case, event: &Event) -> Outcome {
    let refused = event.refusals().count();
    if refused == 0 {
        return Err(Problem::of_case("请至少标出一项不合格的内容，并写明原因。").into());
    }
    renewal::release(case)?;
    tell(case, "returned", &[])?;
    Ok(Decision::to("returned").note(format!("审核未通过，有 {refused} 项需要改正。")))
}

fn post(case: &Case, event: &Event) -> Outcome {
    let what = if is_renewal(&case.service) {
        "KEY"
    } else {
        "材料"
    };
    let number = event.said("posted-number");
    Ok(Decision::to("posted")
        .keep(event)
        .note(format!("{what}已寄出，快递单号 {number}。")))
}

fn papers_again(case: &Case, event: &Event) -> Outcome {
    tell(case, "papers-again", &[])?;
    let wanted = event.said("papers-wanted");
    Ok(Decision::to("papers")
        .keep(event)
        .note(format!("需要补寄：{wanted}")))
}

fn reopen(case: &Case, event: &Event) -> Outcome {
    renewal::release(case)?;
    tell(case, "returned", &[])?;
    Ok(Decision::to("returned").note(format!("申请被退回修改：{}", event.said("reason"))))
}

/// The fields are those of the input form; what the applicant sees of them follows.
fn correct_certificate(case: &Case, event: &Event) -> Outcome {
    Ok(Decision::to(&case.state)
        .keep(event)
        .set("certificate-until", event.said("from-until"))
        .note("原证书的信息已更正。"))
}

// ---- money

/// Accepted and paid: whichever comes last leads on.
fn next_when_paid(case: &Case) -> &str {
    if case.state == "accepted" {
        "papers"
    } else {
        &case.state
    }
}

fn paid(case: &Case) -> Outcome {
    guards::note_holder(case)?;
    let amount = Fen(payments::status()?.total).to_string();
    tell(case, "paid", &[("amount", &amount)])?;
    Ok(Decision::to(next_when_paid(case)).note(format!("已收到费用 {amount} 元。")))
}

/// A transfer's invoice is asked for at once, since somebody has looked at the money (manual row F-9). What was paid
/// online is invoiced when the work is done.
fn transferred(case: &Case) -> Outcome {
    payments::invoice()?;
    paid(case)
}

fn remind(case: &Case, days: u32) -> Outcome {
    let (days, limit) = (days.to_string(), DAYS_TO_PAY.to_string());
    tell(case, "unpaid", &[("days", &days), ("limit", &limit)])?;
    Ok(Decision::to("accepted").note("已提醒付款。"))
}

fn unpaid(case: &Case) -> Outcome {
    payments::cancel()?;
    end(case)?;
    tell(case, "closed", &[])?;
    Ok(Decision::to("closed").note(format!("受理后 {DAYS_TO_PAY} 天未付款，申请已关闭。")))
}

/// Before the payment it ends at once; afterwards finance looks at it.
fn withdraw(case: &Case, event: &Event) -> Outcome {
    if case.is_paid() {
        return ask_refund(case, event);
    }
    payments::cancel()?;
    end(case)?;
    Ok(Decision::to("closed")
        .keep(event)
        .note("申请已由申请人撤回。"))
}

/// Where the case goes on when its money stays: where it stood when the money was asked back.
fn stood(case: &Case) -> String {
    format!("stood/{}", case.id)
}

fn ask_refund(case: &Case, event: &Event) -> Outcome {
    if !case.is_paid() {
        return Err(Problem::of_case(format!("没有可以退的费用。有疑问请致电 {PHONE}。")).into());
    }
    // The news of the payment may still be under way, and finds the case gone on.
    storage::put(&stood(case), next_when_paid(case))?;
    Ok(Decision::to("refund-asked")
        .keep(event)
        .note("已申请退款，等待财务核对。"))
}

fn approve_refund(case: &Case) -> Outcome {
    storage::delete(&stood(case))?;
    refund(case, case.text("withdraw-reason"))?;
    Ok(Decision::to("refunding").note("财务已同意退款。"))
}

fn refuse_refund(case: &Case, event: &Event) -> Outcome {
    let before = storage::get_text(&stood(case))?;
    storage::delete(&stood(case))?;
    // The transfer may have been booked while the refund was looked at; asking again changes nothing.
    if payments::status()?.method == Some(Method::BankTransfer) {
        payments::invoice()?;
    }
    tell(case, "refund-refused", &[])?;
    // Without a note of it the reviewer sees to it, as with a case that is new.
    let state = before.as_deref().unwrap_or("submitted");
    Ok(Decision::to(state).note(format!("退款申请未通过：{}", event.said("reason"))))
}

fn cancel(case: &Case, event: &Event) -> Outcome {
    let reason = event.said("reason");
    let state = if case.is_paid() {
        refund(case, reason)?;
        "refunding"
    } else {
        payments::cancel()?;
        end(case)?;
        tell(case, "closed", &[])?;
        "cancelled"
    };
    Ok(Decision::to(state).note(format!("申请已取消：{reason}")))
}

/// Gives the case's share back.
fn refund(case: &Case, reason: &str) -> Result<(), Vec<Problem>> {
    let balance = payments::status()?;
    let amount = Fen(balance.total - balance.refunded);
    payments::refund(amount, reason)?;
    tell(case, "refunding", &[("amount", &amount.to_string())])
}

fn refunded(case: &Case) -> Outcome {
    end(case)?;
    Ok(Decision::to("cancelled").note("费用已退回。"))
}

/// The case is over: what it had taken is free again.
fn end(case: &Case) -> Result<(), Vec<Problem>> {
    renewal::release(case)?;
    guards::forget_holder(case)
}

// ---- making and sending

/// A renewed certificate is valid from the day it is made: the contract has no later beginning.
fn make(case: &Case, event: &Event) -> Outcome {
    if is_renewal(&case.service) {
        renewal::is_in_key(case, event)?;
    }
    let (province, city) = place(case.text("region"));
    let personal = is_personal(&case.service);
    // A person's identity number has no place in something that everybody may read.
    let (common, number) = if personal {
        (case.text("name"), case.number.as_str())
    } else {
        (case.text("unit-name"), case.text("uscc"))
    };
    let subject = [
        ("C", "CN"),
        ("ST", province),
        ("L", city),
        ("O", case.text("unit-name")),
        ("CN", common),
        ("serialNumber", number),
    ];
    let known = subject.into_iter().filter(|(_, value)| !value.is_empty());
    certificates::issue(&certificates::request(12 * prices::years(case), known))?;
    let decision = Decision::to("issuing").note("正在制作证书。");
    Ok(if is_renewal(&case.service) {
        // Written as the host writes it, whatever the maker's tool shows.
        decision.set("from-serial", case.text("from-serial"))
    } else {
        decision
    })
}

/// `福建省 福州市`; the four cities that are provinces have nothing below them.
fn place(region: &str) -> (&str, &str) {
    region.split_once(' ').unwrap_or((region, ""))
}

fn issued(case: &Case, event: &Event) -> Outcome {
    let serial = event.certificate().map_or("", |made| &made.serial);
    renewal::done(case, serial)?;
    guards::forget_holder(case)?;
    tell(case, "ready", &[])?;
    Ok(Decision::to("ready").note("证书已制作完成。"))
}

fn issue_failed(event: &Event) -> Decision {
    // A sentence of the history has at most 500 characters; a provider's message can be longer.
    let reason: String = event.failure().chars().take(200).collect();
    Decision::to("making").note(format!("证书签发未成功，将重新制作。{reason}"))
}

fn ship(case: &Case, event: &Event) -> Outcome {
    // A transfer's invoice too: the news of its money may have come when the certificate was being made already, where
    // it moves nothing any more. Asking again changes nothing.
    if case.is_paid() {
        payments::invoice()?;
    }
    let (courier, tracking) = (event.said("courier"), event.said("tracking-number"));
    tell(
        case,
        "sent",
        &[("courier", courier), ("tracking", tracking)],
    )?;
    Ok(Decision::to("sent")
        .keep(event)
        .note(format!("证书已用{courier}寄出，单号 {tracking}。")))
}
