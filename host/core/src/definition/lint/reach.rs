//! The states of a lifecycle as a graph: each is reached from the first, none is a dead end, and an end can be reached
//! from each.

use super::report::{Place, Report};
use crate::definition::Lifecycle;
use std::collections::HashSet;

pub(super) fn check(report: &mut Report, place: &Place, lifecycle: &Lifecycle) {
    let Some(initial) = lifecycle
        .states
        .iter()
        .find(|state| state.id == lifecycle.initial)
    else {
        let known = lifecycle.states.iter().map(|state| state.id.as_str());
        report.unknown(
            &place.then("initial", &lifecycle.initial),
            "state",
            &lifecycle.initial,
            known,
        );
        return;
    };
    if initial.ends {
        report.error(
            &place.then("state", &initial.id),
            format!("every case ends in state `{}`, where it begins", initial.id),
            "take `ends` from the state, or begin in another one",
        );
    }
    let reached = closure(
        [initial.id.as_str()],
        |from, to| leads(lifecycle, from, to),
        lifecycle,
    );
    for state in lifecycle
        .states
        .iter()
        .filter(|state| !reached.contains(state.id.as_str()))
    {
        report.error(
            &place.then("state", &state.id),
            format!("state `{}` is never reached", state.id),
            format!(
                "add `{}` to the `to` of a transition, or remove the state",
                state.id
            ),
        );
    }

    let goes_on = |id: &str| {
        lifecycle
            .states
            .iter()
            .any(|to| leads(lifecycle, id, &to.id))
    };
    let stuck: Vec<&str> = lifecycle
        .states
        .iter()
        .filter(|state| !state.ends && !goes_on(&state.id))
        .map(|state| state.id.as_str())
        .collect();
    for id in &stuck {
        report.error(
            &place.then("state", id),
            format!("state `{id}` is a dead end: no transition leaves it, and it is not marked as an end"),
            format!("add a transition with `{id}` in its `from`, or set `ends`"),
        );
    }

    let ends = lifecycle
        .states
        .iter()
        .filter(|state| state.ends)
        .map(|state| state.id.as_str());
    // A state before a dead end is right once the dead end is: it is not reported a second time.
    let backwards = |from: &str, to: &str| leads(lifecycle, to, from);
    let ending = closure(ends.chain(stuck.iter().copied()), backwards, lifecycle);
    if ending.is_empty() {
        report.error(
            place,
            format!("no state of lifecycle `{}` ends", lifecycle.id),
            "mark the states after which nothing follows with `ends`",
        );
        return;
    }
    for state in lifecycle
        .states
        .iter()
        .filter(|state| !ending.contains(state.id.as_str()))
    {
        report.error(
            &place.then("state", &state.id),
            format!("from state `{}` no end can be reached", state.id),
            "add a transition out of the circle, or mark one of its states with `ends`",
        );
    }
}

/// True when a transition leads from one state to the other.
fn leads(lifecycle: &Lifecycle, from: &str, to: &str) -> bool {
    lifecycle.transitions.iter().any(|transition| {
        transition.from.iter().any(|s| s == from) && transition.to.iter().any(|s| s == to)
    })
}

/// Everything that can be come to from `starts`, these included.
fn closure<'l>(
    starts: impl IntoIterator<Item = &'l str>,
    leads: impl Fn(&str, &str) -> bool,
    lifecycle: &'l Lifecycle,
) -> HashSet<&'l str> {
    let mut found: HashSet<&str> = HashSet::new();
    let mut open: Vec<&str> = starts.into_iter().collect();
    while let Some(state) = open.pop() {
        if found.insert(state) {
            let next = lifecycle.states.iter().map(|next| next.id.as_str());
            open.extend(next.filter(|next| !found.contains(next) && leads(state, next)));
        }
    }
    found
}
