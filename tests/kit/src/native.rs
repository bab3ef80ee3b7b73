//! Rules called as plain functions, with the SDK's fakes behind the interfaces.

use crate::Runner;
use std::marker::PhantomData;
use yinxin_sdk::definition::Definition;
use yinxin_sdk::fake::{Effect, World};
use yinxin_sdk::{
    Basket, Case, Checkpoint, Decision, Event, Moment, NamedValue, Problem, Quotation, Rules,
    Sources,
};

pub struct Native<R>(PhantomData<R>);

impl<R: Rules> Native<R> {
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<R: Rules> Default for Native<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: Rules> Runner for Native<R> {
    fn name(&self) -> &'static str {
        "native"
    }

    fn describe(&self) -> Definition {
        R::describe()
    }

    fn check(&self, world: &World, case: &Case, at: &Moment, point: &Checkpoint) -> Vec<Problem> {
        world.read(|| R::check(case, at, point))
    }

    fn quote(&self, world: &World, basket: &Basket) -> Result<Quotation, Vec<Problem>> {
        world.read(|| R::quote(basket))
    }

    fn prefill(&self, world: &World, sources: &Sources) -> Vec<NamedValue> {
        world.read(|| R::prefill(sources))
    }

    fn handle(
        &self,
        world: &mut World,
        case: &Case,
        event: &Event,
    ) -> Result<(Decision, Vec<Effect>), Vec<Problem>> {
        world.transact(|| R::handle(case, event))
    }
}
