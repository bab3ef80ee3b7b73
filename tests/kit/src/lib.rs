//! A scenario kit for plugins: the same test runs natively against the SDK's fakes and in the real sandbox.
//!
//! ```no_run
//! # use yinxin_kit::{Journey, on_both};
//! # use yinxin_plugin_yingtan::Yingtan;
//! on_both::<Yingtan>("yingtan", |runner| {
//!     let mut case = Journey::begin(runner, "new-certificate");
//!     case.answer("lock-kind", "main");
//!     assert_eq!(case.price().to_string(), "220.00");
//! });
//! ```
//!
//! Natively a mistake is found with a debugger and a backtrace; in the sandbox the grants, limits and checks of the
//! answers are the real ones, and the plugin's storage is a real database.

// A test kit says that a test failed by panicking.
#![allow(clippy::panic, clippy::expect_used)]

mod component;
mod journey;
mod native;
mod sandboxed;

pub use component::{component, hostile, hostile_module, with_text, wrapped};
pub use journey::{Journey, Outcome};
pub use native::Native;
pub use sandboxed::Sandboxed;

use std::sync::Arc;
use yinxin_core::definition::lint::{Finding, lint};
use yinxin_sdk::definition::Definition;
use yinxin_sdk::fake::{Effect, World};
use yinxin_sdk::{
    Basket, Case, Checkpoint, Decision, Event, Moment, NamedValue, Problem, Quotation, Rules,
    Sources,
};

/// Something that answers for a plugin. The world is what the host knows; only `handle` changes it.
pub trait Runner {
    /// For messages of failed assertions.
    fn name(&self) -> &'static str;

    fn describe(&self) -> Definition;

    fn check(&self, world: &World, case: &Case, at: &Moment, point: &Checkpoint) -> Vec<Problem>;

    fn quote(&self, world: &World, basket: &Basket) -> Result<Quotation, Vec<Problem>>;

    fn prefill(&self, world: &World, sources: &Sources) -> Vec<NamedValue>;

    /// The decision and its effects, already applied to the world; or problems, and a world as it was.
    fn handle(
        &self,
        world: &mut World,
        case: &Case,
        event: &Event,
    ) -> Result<(Decision, Vec<Effect>), Vec<Problem>>;
}

/// What the host's lint says of a definition; nothing when it is fit to go live and nothing is odd.
pub fn findings(definition: &Definition) -> Vec<Finding> {
    lint(&sandboxed::same(definition))
}

/// Runs the scenario natively, then in the sandbox with the component of `plugins/<plugin>`.
pub fn on_both<R: Rules + 'static>(plugin: &str, scenario: impl Fn(Arc<dyn Runner>)) {
    scenario(Arc::new(Native::<R>::new()));
    scenario(Sandboxed::shared(plugin));
}

/// The guide's examples compile.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/plugin-guide.md")]
struct Guide;
