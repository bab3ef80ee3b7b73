//! One case on its way through its lifecycle, as the engine would take it there.
//!
//! A journey keeps what the engine keeps: it refuses a transition that the state does not have, asks its guards, calls
//! `handle`, and takes state and values from the decision. Kinds of fields, required answers and complete steps are the
//! engine's and the forms' business and have their own tests.

use crate::Runner;
use std::sync::Arc;
use yinxin_sdk::definition::{Definition, State, Transition};
use yinxin_sdk::fake::{Effect, World};
use yinxin_sdk::payments::Standing;
use yinxin_sdk::{
    Basket, Case, CertificateFact, Checkpoint, Event, Fact, Fen, ItemJudgement, Moment, NamedValue,
    PaymentFact, Problem, Sources, accounts, payments, values,
};

/// What became of an event: its effects, or the problems that stood against it.
pub type Outcome = Result<Vec<Effect>, Vec<Problem>>;

pub struct Journey {
    runner: Arc<dyn Runner>,
    definition: Definition,
    pub world: World,
    pub case: Case,
    /// The sentence of the last decision.
    pub note: String,
}

impl Journey {
    /// A case of this service in its first state, with nothing answered, of an account without a profile.
    pub fn begin(runner: Arc<dyn Runner>, service: &str) -> Self {
        let definition = runner.describe();
        let found = definition.services.iter().find(|known| known.id == service);
        let lifecycle = found.map(|found| &found.lifecycle);
        let lifecycle = definition
            .lifecycles
            .iter()
            .find(|known| Some(&known.id) == lifecycle);
        let state = lifecycle.map_or_else(
            || panic!("the plugin has no service `{service}` with a lifecycle"),
            |lifecycle| lifecycle.initial.clone(),
        );
        Self {
            world: World::new(definition.clone()),
            runner,
            definition,
            case: Case {
                id: "case-1".into(),
                number: "YT202611200001".into(),
                service: service.into(),
                state,
                created: moment().now,
                values: Vec::new(),
                materials: Vec::new(),
                checks: Vec::new(),
                payment: Standing::None,
            },
            note: String::new(),
        }
    }

    /// A further case of the same account, over the same storage.
    pub fn another(&self, id: &str) -> Self {
        let mut other = Self::begin(self.runner.clone(), &self.case.service);
        other.case.id = id.into();
        other.case.number = format!("YT{id}");
        other.world.profile.clone_from(&self.world.profile);
        other
            .world
            .account_mobile
            .clone_from(&self.world.account_mobile);
        other.world.storage.clone_from(&self.world.storage);
        other
    }

    /// Sets a field of the account's profile.
    pub fn profile(&mut self, field: &str, value: &str) {
        self.world.profile.retain(|entry| entry.name != field);
        self.world.profile.push(accounts::Entry {
            name: field.into(),
            value: value.into(),
        });
    }

    /// Answers a question.
    pub fn answer(&mut self, field: &str, value: &str) {
        self.case.values.retain(|entry| entry.name != field);
        self.case.values.extend(values([(field, value)]));
    }

    /// What a new case of this account begins with.
    pub fn prefilled(&self) -> Vec<NamedValue> {
        let sources = Sources {
            service: self.case.service.clone(),
            profile: self
                .world
                .profile
                .iter()
                .map(|entry| NamedValue {
                    name: entry.name.clone(),
                    value: entry.value.clone(),
                })
                .collect(),
            earlier: None,
            certificate: Vec::new(),
            at: moment(),
        };
        self.runner.prefill(&self.world, &sources)
    }

    /// What is said when the step is saved.
    pub fn problems_at(&self, step: &str) -> Vec<Problem> {
        let point = Checkpoint::Step(step.into());
        self.runner
            .check(&self.world, &self.case, &moment(), &point)
    }

    /// What the case costs by itself.
    pub fn price(&self) -> Fen {
        let basket = Basket {
            cases: vec![self.case.clone()],
            at: moment(),
        };
        let quotation = self.runner.quote(&self.world, &basket);
        quotation
            .unwrap_or_else(|problems| panic!("no price: {problems:?}"))
            .total()
    }

    pub fn state(&self) -> &State {
        let mut states = self
            .definition
            .lifecycles
            .iter()
            .flat_map(|lifecycle| &lifecycle.states);
        states
            .find(|state| state.id == self.case.state)
            .unwrap_or_else(|| panic!("no state `{}`", self.case.state))
    }

    /// The transition, with nothing to say.
    pub fn fire(&mut self, transition: &str) -> Outcome {
        self.event(transition, &[], Vec::new(), Fact::None)
    }

    /// The transition, with its input form filled in.
    pub fn fire_with(&mut self, transition: &str, input: &[(&str, &str)]) -> Outcome {
        self.event(transition, input, Vec::new(), Fact::None)
    }

    /// The transition, with a reason for each item that the clerk refuses.
    pub fn judge(&mut self, transition: &str, refused: &[(&str, &str)]) -> Outcome {
        let judgements = refused
            .iter()
            .map(|(item, reason)| ItemJudgement {
                item: (*item).into(),
                passed: false,
                reason: (*reason).into(),
            })
            .collect();
        self.event(transition, &[], judgements, Fact::None)
    }

    /// The money that was asked for has come.
    pub fn pay(&mut self, transition: &str) -> Outcome {
        self.world.balance.standing = Standing::Paid;
        self.world.balance.method = Some(payments::Method::Wechat);
        let fact = Fact::Payment(PaymentFact {
            amount: self.world.balance.total,
            method: payments::Method::Wechat,
            transaction: "4200002611202611200000000001".into(),
        });
        self.event(transition, &[], Vec::new(), fact)
    }

    /// The certificate that was asked for has been issued.
    pub fn receive_certificate(&mut self, transition: &str) -> Outcome {
        let fact = Fact::Certificate(CertificateFact {
            serial: "5a01".into(),
            not_before: moment().now,
            not_after: moment().now + 365 * 86_400_000,
        });
        self.event(transition, &[], Vec::new(), fact)
    }

    /// Something that was asked for has failed.
    pub fn fail(&mut self, transition: &str, reason: &str) -> Outcome {
        self.event(transition, &[], Vec::new(), Fact::Failure(reason.into()))
    }

    fn event(
        &mut self,
        id: &str,
        input: &[(&str, &str)],
        judgements: Vec<ItemJudgement>,
        fact: Fact,
    ) -> Outcome {
        let transition = self.transition(id);
        let input = values(input.iter().copied());
        // An input's answer covers the case's.
        self.world.answers = [input.clone(), self.case.values.clone()].concat();
        self.case.payment = self.world.balance.standing;
        let problems: Vec<Problem> = transition
            .guards
            .iter()
            .map(|guard| Checkpoint::Guard(guard.clone()))
            .flat_map(|guard| {
                self.runner
                    .check(&self.world, &self.case, &moment(), &guard)
            })
            .collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        let event = Event {
            transition: id.into(),
            at: moment(),
            actor: String::new(),
            input,
            judgements,
            fact,
        };
        let (decision, effects) = self.runner.handle(&mut self.world, &self.case, &event)?;
        assert!(
            transition.to.contains(&decision.to),
            "`{id}` leads to `{}`, which it does not name",
            decision.to
        );
        self.case.state = decision.to;
        self.case.payment = self.world.balance.standing;
        for entry in &decision.values {
            self.answer(&entry.name, &entry.value);
        }
        self.note = decision.note;
        Ok(effects)
    }

    fn transition(&self, id: &str) -> Transition {
        let lifecycles = self.definition.lifecycles.iter();
        let mut transitions = lifecycles.flat_map(|lifecycle| &lifecycle.transitions);
        let found =
            transitions.find(|known| known.id == id && known.from.contains(&self.case.state));
        let name = self.runner.name();
        found
            .unwrap_or_else(|| panic!("{name}: no `{id}` from state `{}`", self.case.state))
            .clone()
    }
}

/// 2026-11-20, 10:00 in China.
fn moment() -> Moment {
    Moment {
        now: 1_795_140_000_000,
        today: "2026-11-20".into(),
    }
}
