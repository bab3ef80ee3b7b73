//! The states of a case and what leads from one to another.

use super::{
    Actor, Due, HostEvent, Lifecycle, Role, State, Timer, TimerBase, Tone, Transition, owned,
};

/// A lifecycle begins in the first of its states.
pub fn lifecycle(
    id: &str,
    states: impl IntoIterator<Item = State>,
    transitions: impl IntoIterator<Item = Transition>,
) -> Lifecycle {
    let states: Vec<State> = states.into_iter().collect();
    Lifecycle {
        id: id.into(),
        initial: states
            .first()
            .map_or_else(String::new, |state| state.id.clone()),
        states,
        transitions: transitions.into_iter().collect(),
    }
}

pub fn state(id: &str, tone: Tone) -> State {
    State {
        id: id.into(),
        applicant_label: String::new(),
        clerk_label: String::new(),
        next: String::new(),
        tone,
        open_steps: Vec::new(),
        queue: None,
        payable: false,
        due: None,
        ends: false,
        deletable: false,
    }
}

impl State {
    /// What the applicant reads.
    pub fn applicant(mut self, label: &str) -> Self {
        self.applicant_label = label.into();
        self
    }

    /// What a clerk reads.
    pub fn clerk(mut self, label: &str) -> Self {
        self.clerk_label = label.into();
        self
    }

    /// What happens next, in a sentence for the applicant.
    pub fn next(mut self, sentence: impl Into<String>) -> Self {
        self.next = sentence.into();
        self
    }

    /// Steps that the applicant may edit here.
    pub fn open<'a>(mut self, steps: impl IntoIterator<Item = &'a str>) -> Self {
        self.open_steps.extend(owned(steps));
        self
    }

    /// The work queue in which the case stands.
    pub fn queue(mut self, role: Role) -> Self {
        self.queue = Some(role);
        self
    }

    /// The applicant pays here.
    pub fn payable(mut self) -> Self {
        self.payable = true;
        self
    }

    /// How long the state may last: [`days`] or [`working_days`].
    pub fn due(mut self, due: Due) -> Self {
        self.due = Some(due);
        self
    }

    /// Nothing follows.
    pub fn ends(mut self) -> Self {
        self.ends = true;
        self
    }

    /// The applicant may delete the case here; the transition `delete` decides what that means.
    pub fn deletable(mut self) -> Self {
        self.deletable = true;
        self
    }
}

pub const fn days(days: u32) -> Due {
    Due {
        days,
        working: false,
    }
}

/// Days of the site's calendar, holidays left out.
pub const fn working_days(days: u32) -> Due {
    Due {
        days,
        working: true,
    }
}

/// The applicant presses a button.
pub fn on_applicant(id: &str, label: &str) -> Transition {
    transition(id, label, Actor::Applicant)
}

/// A clerk of this role presses a button.
pub fn on_clerk(role: Role, id: &str, label: &str) -> Transition {
    transition(id, label, Actor::Clerk(role))
}

/// Something that the host was asked for has happened.
pub fn on_host(event: HostEvent, id: &str, label: &str) -> Transition {
    transition(id, label, Actor::Host(event))
}

/// The case has been in its state for so long.
pub fn on_timer(after: Due, id: &str, label: &str) -> Transition {
    let timer = Timer {
        base: TimerBase::Entered,
        days: i32::try_from(after.days).unwrap_or(i32::MAX),
        working: after.working,
    };
    transition(id, label, Actor::Timer(timer))
}

/// So many days after the end of validity of the case's newest certificate; before it when negative.
pub fn on_expiry(days: i32, id: &str, label: &str) -> Transition {
    let timer = Timer {
        base: TimerBase::CertificateExpiry,
        days,
        working: false,
    };
    transition(id, label, Actor::Timer(timer))
}

fn transition(id: &str, label: &str, actor: Actor) -> Transition {
    Transition {
        id: id.into(),
        label: label.into(),
        from: Vec::new(),
        to: Vec::new(),
        actor,
        guards: Vec::new(),
        input: None,
        complete: Vec::new(),
        judges_items: false,
        confirm: None,
        negative: false,
    }
}

impl Transition {
    pub fn from<'a>(mut self, states: impl IntoIterator<Item = &'a str>) -> Self {
        self.from.extend(owned(states));
        self
    }

    /// Where it may lead; `handle` chooses one of them.
    pub fn to<'a>(mut self, states: impl IntoIterator<Item = &'a str>) -> Self {
        self.to.extend(owned(states));
        self
    }

    /// Asked of `check` before `handle` is called; any problem stops the transition.
    pub fn guard(mut self, name: &str) -> Self {
        self.guards.push(name.into());
        self
    }

    /// Form with what the actor has to say.
    pub fn input(mut self, form: &str) -> Self {
        self.input = Some(form.into());
        self
    }

    /// Steps that have to be complete.
    pub fn complete<'a>(mut self, steps: impl IntoIterator<Item = &'a str>) -> Self {
        self.complete.extend(owned(steps));
        self
    }

    /// The clerk judges each material and form section.
    pub fn judges_items(mut self) -> Self {
        self.judges_items = true;
        self
    }

    /// A sentence to confirm before.
    pub fn confirm(mut self, sentence: &str) -> Self {
        self.confirm = Some(sentence.into());
        self
    }

    /// Shown as the way out, not as the way on.
    pub fn negative(mut self) -> Self {
        self.negative = true;
        self
    }
}
