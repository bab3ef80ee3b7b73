//! Findings as an author reads them.

use super::lint;
use super::sample::{definition, field_of, state, state_of, transition, transition_of};
use crate::definition::*;
use insta::assert_snapshot;

/// What the lint says of the sample after `breakage`.
fn broken(breakage: impl FnOnce(&mut Definition)) -> String {
    let mut definition = definition();
    breakage(&mut definition);
    lint(&definition)
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n\n")
}

#[test]
fn unreachable_state() {
    assert_snapshot!(broken(|d| {
        let mut lost = state("lost", "遗失");
        lost.ends = true;
        lost.tone = Tone::Done;
        d.lifecycles[0].states.push(lost);
    }), @r"
    error: state `lost` is never reached
      --> sample › lifecycle new › state lost
      = help: add `lost` to the `to` of a transition, or remove the state
    ");
}

#[test]
fn dead_end() {
    assert_snapshot!(broken(|d| {
        d.lifecycles[0].states.push(state("parked", "搁置"));
        transition_of(d, "pass").to.push("parked".into());
    }), @r"
    error: state `parked` is a dead end: no transition leaves it, and it is not marked as an end
      --> sample › lifecycle new › state parked
      = help: add a transition with `parked` in its `from`, or set `ends`
    ");
}

#[test]
fn circle_without_an_end() {
    assert_snapshot!(broken(|d| {
        d.lifecycles[0].states.extend([state("here", "甲"), state("there", "乙")]);
        transition_of(d, "paid").to.push("here".into());
        let forth = Timer { base: TimerBase::Entered, days: 1, working: true };
        d.lifecycles[0].transitions.push(transition("forth", "here", "there", Actor::Timer(forth.clone())));
        d.lifecycles[0].transitions.push(transition("back", "there", "here", Actor::Timer(forth)));
    }), @r"
    error: from state `here` no end can be reached
      --> sample › lifecycle new › state here
      = help: add a transition out of the circle, or mark one of its states with `ends`

    error: from state `there` no end can be reached
      --> sample › lifecycle new › state there
      = help: add a transition out of the circle, or mark one of its states with `ends`
    ");
}

#[test]
fn missing_label() {
    assert_snapshot!(broken(|d| {
        state_of(d, "review").clerk_label.clear();
        field_of(d, "email").label = " ".into();
    }), @r"
    error: the label is missing
      --> sample › form application › field email
      = help: write a label: a person reads it here

    error: the clerk label is missing
      --> sample › lifecycle new › state review
      = help: write a clerk label: a person reads it here
    ");
}

#[test]
fn unknown_guard() {
    assert_snapshot!(broken(|d| transition_of(d, "submit").guards = vec!["one-main-kye".into()]), @r"
    error: guard `one-main-kye` does not exist
      --> sample › lifecycle new › transition submit
      = help: did you mean `one-main-key`?

    error: guard `one-main-key` is asked by no transition
      --> sample › guard one-main-key
      = help: name `one-main-key` in the guards of a transition, or remove it from the list
    ");
}

#[test]
fn unbounded_upload() {
    assert_snapshot!(broken(|d| {
        d.materials[0].max_bytes = 0;
        d.materials[0].files = 0;
        d.materials[0].captions.clear();
    }), @r"
    error: nothing bounds the size of an upload for `licence`
      --> sample › material licence
      = help: set max-bytes to what a good scan needs, at most 52428800 (50 MiB)

    error: material `licence` has 0 files
      --> sample › material licence
      = help: set files to 1 to 20
    ");
}

#[test]
fn unknown_field_in_a_condition() {
    assert_snapshot!(broken(|d| {
        d.materials[0].shown_when = Some(Box::new(Condition { field: "lok".into(), values: vec!["main".into()] }));
    }), @r"
    error: field `lok` does not exist in service `new`
      --> sample › material licence
      = help: did you mean `lock`?
    ");
}

#[test]
fn value_that_a_condition_never_sees() {
    assert_snapshot!(broken(|d| {
        let condition = Condition { field: "lock".into(), values: vec!["master".into()] };
        field_of(d, "seal-name").shown_when = Some(condition.into());
    }), @r"
    error: field `lock` never has the value `master`
      --> sample › form application › field seal-name
      = help: the values are `main`, `sub`
    ");
}

#[test]
fn unknown_placeholder() {
    assert_snapshot!(broken(|d| {
        d.documents[0].blocks[1] = Block::Paragraph("{unit-name} 委托 {handler".into());
        d.documents[0].blocks.push(Block::Paragraph("手机：{handler-mobil}".into()));
    }), @r"
    error: `{` in `{unit-name} 委托 {handler` is never closed
      --> sample › document letter › block 2
      = help: write `{name}` for a value, `{{` and `}}` for the braces themselves

    error: placeholder `{handler-mobil}` names no field of service `new`
      --> sample › document letter › block 8
      = help: did you mean `handler-mobile`?
    ");
}

#[test]
fn message_parameters() {
    assert_snapshot!(broken(|d| {
        let MessageContent::Sms(sms) = &mut d.messages[0].content else { panic!("no SMS") };
        sms.text = "{name} 的申请未通过审核。".into();
    }), @r"
    error: placeholder `{name}` is no parameter of the message
      --> sample › message refused
      = help: the parameters are `unit`

    error: parameter `unit` does not occur in the text
      --> sample › message refused
      = help: write `{unit}` where the provider's template has it, or remove the parameter
    ");
}

#[test]
fn queue_without_a_role() {
    assert_snapshot!(broken(|d| {
        state_of(d, "review").queue = None;
        state_of(d, "making").queue = Some(Role::Shipper);
        state_of(d, "pay").queue = Some(Role::Finance);
    }), @r"
    error: cases in state `review` wait for the reviewer, but stand in no queue
      --> sample › lifecycle new › state review
      = help: set the queue of the state to `reviewer`

    error: cases in state `pay` stand in the queue of the finance clerk, and the finance clerk can do nothing
      --> sample › lifecycle new › state pay
      = help: add a transition of the finance clerk from `pay`, or remove the queue

    error: cases in state `making` stand in the queue of the shipper, and the shipper can do nothing
      --> sample › lifecycle new › state making
      = help: set the queue to `maker`, who can
    ");
}

#[test]
fn unbounded_answer() {
    assert_snapshot!(broken(|d| field_of(d, "seal-name").max_length = 0), @r"
    error: field `seal-name` takes a text of any length
      --> sample › form application › field seal-name
      = help: set max-length to 1 to 4000 characters
    ");
}

#[test]
fn a_paper_of_a_case_that_speaks_of_an_order() {
    assert_snapshot!(broken(|d| {
        d.documents[0].blocks[1] = Block::Paragraph("订单 {order-number}".into());
    }), @r"
    error: placeholder `{order-number}` is of an order, and this paper is of a case
      --> sample › document letter › block 2
      = help: name the document in the receipts of a service, or take the placeholder out
    ");
}

#[test]
fn a_basket_that_is_never_paid() {
    assert_snapshot!(broken(|d| {
        d.services[0].ordering = Ordering::Basket;
        state_of(d, "pay").payable = false;
    }), @r"
    error: cases of service `new` are put into orders, and no state of lifecycle `new` is payable
      --> sample › service new
      = help: set `payable` in the states where the applicant may order, or set the ordering to `single`
    ");
}
