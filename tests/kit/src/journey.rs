//! One case on its way through its lifecycle, as the engine would take it there.
//!
//! A journey keeps what the engine keeps: it refuses a transition that the state does not have, asks its guards, calls
//! `handle`, and takes state and values from the decision. Kinds of fields, required answers and complete steps are the
//! engine's and the forms' business and have their own tests.

use crate::Runner;
use std::sync::Arc;
use yinxin_sdk::certificates::{self, Certificate};
use yinxin_sdk::definition::{Definition, Lifecycle, State, Transition};
use yinxin_sdk::fake::{Effect, World};
use yinxin_sdk::payments::Standing;
use yinxin_sdk::{
    Basket, Case, CertificateFact, Checkpoint, Event, Fact, Fen, ItemJudgement, Moment, NamedValue,
    PaymentFact, Problem, Quotation, Sources, accounts, payments, values,
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
        let state = lifecycle_of(&definition, service).initial.clone();
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
        self.another_of(&self.case.service, id)
    }

    /// A further case of another service.
    pub fn another_of(&self, service: &str, id: &str) -> Self {
        let mut other = Self::begin(self.runner.clone(), service);
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
        self.prefilled_from(&[])
    }

    /// What it begins with when the service starts from a certificate, of which the host has read these fields.
    pub fn prefilled_from(&self, certificate: &[(&str, &str)]) -> Vec<NamedValue> {
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
            certificate: values(certificate.iter().copied()),
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
        let quotation = self.quote_with(&[]);
        quotation
            .unwrap_or_else(|problems| panic!("no price: {problems:?}"))
            .total()
    }

    /// What it costs in one order with these others, or why they cannot be one order.
    pub fn quote_with(&self, others: &[&Self]) -> Result<Quotation, Vec<Problem>> {
        let others = others.iter().map(|other| other.case.clone());
        let basket = Basket {
            cases: std::iter::once(self.case.clone()).chain(others).collect(),
            at: moment(),
        };
        self.runner.quote(&self.world, &basket)
    }

    /// The case stands in an order that nobody has paid; `share` is what of it is the case's.
    pub fn ordered(&mut self, share: Fen) {
        self.world.balance.standing = Standing::Due;
        self.world.balance.total = share.0;
        self.case.payment = Standing::Due;
    }

    pub fn state(&self) -> &State {
        let mut states = self.lifecycle().states.iter();
        states
            .find(|state| state.id == self.case.state)
            .unwrap_or_else(|| panic!("no state `{}`", self.case.state))
    }

    fn lifecycle(&self) -> &Lifecycle {
        lifecycle_of(&self.definition, &self.case.service)
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
        self.pay_by(transition, payments::Method::Wechat)
    }

    /// It has come in this way.
    pub fn pay_by(&mut self, transition: &str, method: payments::Method) -> Outcome {
        self.world.balance.standing = Standing::Paid;
        self.world.balance.method = Some(method);
        let fact = Fact::Payment(PaymentFact {
            amount: self.world.balance.total,
            method,
            transaction: "4200002611202611200000000001".into(),
        });
        self.event(transition, &[], Vec::new(), fact)
    }

    /// The certificate that was asked for has been issued.
    pub fn receive_certificate(&mut self, transition: &str) -> Outcome {
        let (not_before, not_after) = (moment().now, moment().now + 365 * 86_400_000);
        let certificate = Certificate {
            serial: "5a01".into(),
            subject: String::new(),
            not_before,
            not_after,
            standing: certificates::Standing::Valid,
        };
        self.world.certificates.insert(0, certificate);
        let fact = Fact::Certificate(CertificateFact {
            serial: "5a01".into(),
            not_before,
            not_after,
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
        let mut transitions = self.lifecycle().transitions.iter();
        let found =
            transitions.find(|known| known.id == id && known.from.contains(&self.case.state));
        let name = self.runner.name();
        found
            .unwrap_or_else(|| panic!("{name}: no `{id}` from state `{}`", self.case.state))
            .clone()
    }
}

fn lifecycle_of<'d>(definition: &'d Definition, service: &str) -> &'d Lifecycle {
    let found = definition.services.iter().find(|known| known.id == service);
    let mut lifecycles = definition.lifecycles.iter();
    found
        .and_then(|found| lifecycles.find(|known| known.id == found.lifecycle))
        .unwrap_or_else(|| panic!("the plugin has no service `{service}` with a lifecycle"))
}

/// 2026-11-20, 10:00 in China.
fn moment() -> Moment {
    Moment {
        now: 1_795_140_000_000,
        today: "2026-11-20".into(),
    }
}
