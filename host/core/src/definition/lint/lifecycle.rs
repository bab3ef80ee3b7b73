//! States and transitions, one by one: labels, references, queues, payment, timers. Whether the states hang together
//! is `reach`'s question.

use super::bounds::DAYS;
use super::index::Index;
use super::report::{Place, Report};
use crate::definition::{
    Actor, HostEvent, Lifecycle, Role, Service, State, Timer, TimerBase, Tone, Transition,
};
use crate::money::Method;

pub(super) fn check(report: &mut Report, place: &Place, lifecycle: &Lifecycle, index: &Index) {
    report.ids(
        place,
        "state",
        lifecycle.states.iter().map(|state| state.id.as_str()),
    );
    report.ids(
        place,
        "transition",
        lifecycle
            .transitions
            .iter()
            .map(|transition| transition.id.as_str()),
    );
    let services = index.services_of(&lifecycle.id);
    if services.is_empty() {
        report.warning(
            place,
            format!("no service runs by lifecycle `{}`", lifecycle.id),
            "name it in a service, or remove it",
        );
    }
    for state in &lifecycle.states {
        let place = place.then("state", &state.id);
        labels(report, &place, state);
        steps(report, &place, "open-step", &state.open_steps, &services);
        queue(report, &place, lifecycle, state);
        once(report, &place, lifecycle, state);
        payment(report, &place, lifecycle, state, &services);
        end(report, &place, lifecycle, state);
        if let Some(due) = &state.due
            && !(1..=DAYS).contains(&due.days)
        {
            report.error(
                &place,
                format!("it is due in {} days", due.days),
                format!("set days to 1 to {DAYS}"),
            );
        }
    }
    for transition in &lifecycle.transitions {
        let place = place.then("transition", &transition.id);
        report.label(&place, "label", &transition.label);
        ends_of(report, &place, lifecycle, transition);
        steps(
            report,
            &place,
            "step to be complete",
            &transition.complete,
            &services,
        );
        actor(report, &place, transition);
        certificate(report, &place, lifecycle, transition, &services);
        if let Some(form) = &transition.input
            && index.form(form).is_none()
        {
            report.unknown(&place.then("input", form), "form", form, index.forms());
        }
        if let Some(sentence) = &transition.confirm {
            report.text(&place, "sentence to confirm", sentence);
        }
    }
}

fn labels(report: &mut Report, place: &Place, state: &State) {
    report.label(place, "applicant label", &state.applicant_label);
    report.label(place, "clerk label", &state.clerk_label);
    report.text(place, "next text", &state.next);
}

/// Steps that a state or transition names exist in a service that runs by the lifecycle.
fn steps(report: &mut Report, place: &Place, what: &str, named: &[String], services: &[&Service]) {
    if services.is_empty() {
        return;
    }
    let known: Vec<&str> = services
        .iter()
        .flat_map(|service| &service.steps)
        .map(|step| step.id.as_str())
        .collect();
    for step in named.iter().filter(|step| !known.contains(&step.as_str())) {
        report.unknown(&place.then(what, step), "step", step, known.iter().copied());
    }
}

fn leaving<'l>(lifecycle: &'l Lifecycle, state: &'l State) -> impl Iterator<Item = &'l Transition> {
    lifecycle
        .transitions
        .iter()
        .filter(|transition| transition.from.contains(&state.id))
}

/// A case that waits for a clerk stands in the queue of a role that can do something about it. Administrators find
/// cases by searching: what only they can do needs no queue.
fn queue(report: &mut Report, place: &Place, lifecycle: &Lifecycle, state: &State) {
    let roles: Vec<Role> = leaving(lifecycle, state)
        .filter_map(|transition| match transition.actor {
            Actor::Clerk(role) => Some(role),
            _ => None,
        })
        .collect();
    let worker = roles.iter().find(|role| **role != Role::Administrator);
    match (state.queue, worker) {
        (None, Some(role)) => report.error(
            place,
            format!(
                "cases in state `{}` wait for the {}, but stand in no queue",
                state.id,
                person(*role)
            ),
            format!("set the queue of the state to `{}`", role_name(*role)),
        ),
        (Some(queue), _) if !roles.contains(&queue) => report.error(
            place,
            format!(
                "cases in state `{}` stand in the queue of the {1}, and the {1} can do nothing",
                state.id,
                person(queue)
            ),
            match roles.first() {
                Some(role) => format!("set the queue to `{}`, who can", role_name(*role)),
                None => format!(
                    "add a transition of the {} from `{}`, or remove the queue",
                    person(queue),
                    state.id
                ),
            },
        ),
        _ => {}
    }
}

/// What happens by itself happens in one way: `handle` chooses where it leads.
fn once(report: &mut Report, place: &Place, lifecycle: &Lifecycle, state: &State) {
    let mut seen: Vec<&Transition> = Vec::new();
    for transition in leaving(lifecycle, state) {
        let by_itself = matches!(transition.actor, Actor::Host(_) | Actor::Timer(_));
        if by_itself && let Some(other) = seen.iter().find(|other| other.actor == transition.actor)
        {
            let what = match &transition.actor {
                Actor::Host(event) => format!("the event `{}`", event_name(*event)),
                _ => "the same time".to_owned(),
            };
            report.error(
                place,
                format!(
                    "`{}` and `{}` both leave state `{}` on {what}",
                    other.id, transition.id, state.id
                ),
                "keep one of them, with every state that it may lead to, and let `handle` choose",
            );
        }
        seen.push(transition);
    }
}

/// Money that comes moves the case: through a gateway it is `paid`, by transfer `slip-verified`.
fn payment(
    report: &mut Report,
    place: &Place,
    lifecycle: &Lifecycle,
    state: &State,
    services: &[&Service],
) {
    if !state.payable {
        return;
    }
    let moves = |event: HostEvent| {
        leaving(lifecycle, state).any(|transition| transition.actor == Actor::Host(event))
    };
    let by_transfer = services
        .iter()
        .flat_map(|service| &service.receipts)
        .any(|receipt| receipt.methods.contains(&Method::BankTransfer));
    if !moves(HostEvent::Paid) {
        report.error(
            place,
            format!(
                "state `{}` is payable, and nothing happens when the money has come",
                state.id
            ),
            format!("add a transition from `{}` on the event `paid`", state.id),
        );
    }
    if by_transfer && !moves(HostEvent::SlipVerified) {
        report.error(
            place,
            format!(
                "state `{}` is payable, a receipt is for bank transfers, and nothing happens when one has come",
                state.id
            ),
            format!(
                "add a transition from `{}` on the event `slip-verified`",
                state.id
            ),
        );
    }
}

fn end(report: &mut Report, place: &Place, lifecycle: &Lifecycle, state: &State) {
    if !state.ends {
        return;
    }
    let by_person =
        |transition: &&Transition| matches!(transition.actor, Actor::Applicant | Actor::Clerk(_));
    if let Some(transition) = leaving(lifecycle, state).find(by_person) {
        report.error(
            place,
            format!(
                "state `{}` ends, and transition `{}` leads out of it",
                state.id, transition.id
            ),
            "take `ends` from the state, or the state from the transition's `from`",
        );
    }
    if !matches!(state.tone, Tone::Done | Tone::Refused) {
        report.warning(
            place,
            format!(
                "state `{}` ends, and its tone says that something is to come",
                state.id
            ),
            "set the tone to `done` or `refused`",
        );
    }
}

fn ends_of(report: &mut Report, place: &Place, lifecycle: &Lifecycle, transition: &Transition) {
    for (end, named) in [("from", &transition.from), ("to", &transition.to)] {
        if named.is_empty() {
            report.error(
                place,
                format!("transition `{}` has no state in its `{end}`", transition.id),
                "name a state, or remove the transition",
            );
        }
        for (n, state) in named.iter().enumerate() {
            if !lifecycle.states.iter().any(|other| other.id == *state) {
                let known = lifecycle.states.iter().map(|other| other.id.as_str());
                report.unknown(&place.then(end, state), "state", state, known);
            }
            if named.iter().take(n).any(|other| other == state) {
                report.warning(
                    place,
                    format!("state `{state}` is twice in its `{end}`"),
                    "name it once",
                );
            }
        }
    }
}

fn actor(report: &mut Report, place: &Place, transition: &Transition) {
    let clerk = matches!(transition.actor, Actor::Clerk(_));
    let person = clerk || transition.actor == Actor::Applicant;
    if transition.judges_items && !clerk {
        report.error(
            place,
            format!(
                "transition `{}` judges items, and no clerk makes it",
                transition.id
            ),
            "take judges-items from it, or make a clerk its actor",
        );
    }
    if !person && (transition.input.is_some() || transition.confirm.is_some()) {
        report.error(
            place,
            format!(
                "transition `{}` asks something, and nobody is there to answer",
                transition.id
            ),
            "only transitions of applicants and clerks have an input form or a sentence to confirm",
        );
    }
    if let Actor::Timer(timer) = &transition.actor {
        days(report, place, timer);
    }
}

fn days(report: &mut Report, place: &Place, timer: &Timer) {
    let least = match timer.base {
        TimerBase::Entered => 1,
        TimerBase::CertificateExpiry => -i64::from(DAYS),
    };
    if !(least..=i64::from(DAYS)).contains(&i64::from(timer.days)) {
        let since = match timer.base {
            TimerBase::Entered => "the state was entered",
            TimerBase::CertificateExpiry => "the certificate's expiry",
        };
        report.error(
            place,
            format!("the timer runs out {} days after {since}", timer.days),
            format!("set days to {least} to {DAYS}"),
        );
    }
}

/// A timer that counts from a certificate's end needs a certificate.
fn certificate(
    report: &mut Report,
    place: &Place,
    lifecycle: &Lifecycle,
    transition: &Transition,
    services: &[&Service],
) {
    let counts = matches!(&transition.actor, Actor::Timer(timer) if timer.base == TimerBase::CertificateExpiry);
    let issued = |other: &Transition| other.actor == Actor::Host(HostEvent::Issued);
    let has_one = lifecycle.transitions.iter().any(issued)
        || services.iter().any(|service| service.from_certificate);
    if counts && !has_one && !services.is_empty() {
        report.warning(
            place,
            "the timer counts from the end of a certificate, and no case has one here",
            "add a transition on the event `issued`, or count from `entered`",
        );
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Reviewer => "reviewer",
        Role::Finance => "finance",
        Role::Maker => "maker",
        Role::Shipper => "shipper",
        Role::Administrator => "administrator",
    }
}

/// How a role is spoken of.
fn person(role: Role) -> &'static str {
    match role {
        Role::Finance => "finance clerk",
        other => role_name(other),
    }
}

fn event_name(event: HostEvent) -> &'static str {
    match event {
        HostEvent::IdentityPassed => "identity-passed",
        HostEvent::IdentityFailed => "identity-failed",
        HostEvent::Paid => "paid",
        HostEvent::Refunded => "refunded",
        HostEvent::SlipVerified => "slip-verified",
        HostEvent::TokenDone => "token-done",
        HostEvent::TokenFailed => "token-failed",
        HostEvent::Issued => "issued",
        HostEvent::IssueFailed => "issue-failed",
        HostEvent::Delivered => "delivered",
        HostEvent::Invoiced => "invoiced",
    }
}
