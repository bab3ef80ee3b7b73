//! An active version of a plugin: its definition, and its rules as functions.

use crate::answers::{self, Fault};
use crate::bindings::PluginIndices;
use crate::bindings::exports::yinxin::site::rules as wit;
use crate::context::CallContext;
use crate::convert;
use crate::desk::{Desk, Mode, Office, Shares, Trouble};
use crate::effects::Effect;
use crate::given;
use crate::grants::{Capability, Grants};
use crate::reads::Read;
use std::sync::Arc;
use thiserror::Error;
use wasmtime::Store;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, Instance, InstancePre, Lift, Lower,
};
use yinxin_core::definition::Definition;
use yinxin_core::ids::SiteId;
use yinxin_core::rules::{
    Basket, CaseView, Checkpoint, Decision, Event, Moment, NamedValue, Problem, Quotation, Sources,
};
use yinxin_sandbox::{Call, CallError, Failure, Limits, Sandbox};
use yinxin_store::StoreError;

/// Why a rule gave no answer. Nothing that it asked for has happened.
#[derive(Debug, Error)]
pub enum RuleError {
    #[error(transparent)]
    Call(#[from] CallError),
    /// It answered what its own definition rules out.
    #[error("plugin `{plugin}`, `{export}`: the answer is refused: {fault}")]
    Answer {
        plugin: String,
        export: &'static str,
        fault: Fault,
    },
    /// The database did not answer while the rule was reading; run it again as a whole.
    #[error("plugin `{plugin}`, `{export}`: {error}")]
    Store {
        plugin: String,
        export: &'static str,
        #[source]
        error: StoreError,
    },
    /// What the rule read changed while it was running; run it again as a whole.
    #[error("plugin `{plugin}`, `{export}`: what it read changed while it was running")]
    Changed {
        plugin: String,
        export: &'static str,
    },
}

impl RuleError {
    /// True where running the call again may help: the plugin is not to blame.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Store { .. } | Self::Changed { .. }) || self.is_busy()
    }

    /// True where other calls took the sandbox's places or turns for so long that this one did not come to its end.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Call(call) if matches!(call.failure, Failure::Busy { .. }))
    }
}

/// The answer of a pure rule, and what it read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called<R> {
    pub value: R,
    pub reads: Vec<Read>,
}

/// The answer of the transactional rule. Where it declined, there are no effects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handled {
    pub result: Result<Decision, Vec<Problem>>,
    pub effects: Vec<Effect>,
    pub reads: Vec<Read>,
}

/// One version of a plugin on one site.
pub struct Plugin {
    pub site: SiteId,
    pub name: String,
    /// sha256 of the component, lower-case hexadecimal.
    pub digest: String,
    pub definition: Arc<Definition>,
    pub grants: Arc<Grants>,
    pub(crate) code: Code,
}

/// What a component's bytes became: ready to be instantiated, with everything linked.
#[derive(Clone)]
pub(crate) struct Code {
    pub(crate) sandbox: Sandbox,
    pub(crate) shares: Shares,
    pub(crate) component: InstancePre<Office>,
    /// Of all that the contract has.
    pub(crate) indices: PluginIndices,
    pub(crate) rules: Rules,
    /// What it imports, for the grants to be asked again.
    pub(crate) needs: Arc<[Capability]>,
}

/// Where the rules stand among a component's exports, so that a call looks up no name.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    check: ComponentExportIndex,
    quote: ComponentExportIndex,
    prefill: ComponentExportIndex,
    handle: ComponentExportIndex,
}

impl Rules {
    pub(crate) fn of(component: &Component, interface: &str) -> wasmtime::Result<Self> {
        let find = |of: Option<&ComponentExportIndex>, name: &str| {
            component
                .get_export_index(of, name)
                .ok_or_else(|| wasmtime::format_err!("it does not export `{name}`"))
        };
        let interface = find(None, interface)?;
        let find = |rule| find(Some(&interface), rule);
        Ok(Self {
            check: find("check")?,
            quote: find("quote")?,
            prefill: find("prefill")?,
            handle: find("handle")?,
        })
    }
}

impl Plugin {
    /// Problems of the case at a step or guard. Pure.
    pub async fn check(
        &self,
        context: CallContext,
        case: &CaseView,
        at: &Moment,
        checkpoint: &Checkpoint,
    ) -> Result<Called<Vec<Problem>>, RuleError> {
        let given = (
            given::case(case),
            given::moment(at),
            given::checkpoint(checkpoint),
        );
        let rule = ("check", self.code.rules.check);
        let called: Asked<Vec<wit::Problem>> = self.ask(rule, Mode::Pure, context, given).await?;
        let value = convert::core_problems(called.value);
        answers::problems(&value).map_err(|fault| self.refused("check", fault))?;
        Ok(Called {
            value,
            reads: called.reads,
        })
    }

    /// Price and ways to pay for a basket, or why these cases cannot be one order. Pure.
    pub async fn quote(
        &self,
        context: CallContext,
        basket: &Basket,
    ) -> Result<Called<Result<Quotation, Vec<Problem>>>, RuleError> {
        let given = (given::basket(basket),);
        let rule = ("quote", self.code.rules.quote);
        let called: Asked<Result<wit::Quotation, Vec<wit::Problem>>> =
            self.ask(rule, Mode::Pure, context, given).await?;
        let value = called
            .value
            .map(convert::core_quotation)
            .map_err(convert::core_problems);
        match &value {
            Ok(quotation) => answers::quotation(basket, quotation),
            Err(problems) => answers::problems(problems),
        }
        .map_err(|fault| self.refused("quote", fault))?;
        Ok(Called {
            value,
            reads: called.reads,
        })
    }

    /// First values of a new case. Pure.
    pub async fn prefill(
        &self,
        context: CallContext,
        sources: &Sources,
    ) -> Result<Called<Vec<NamedValue>>, RuleError> {
        let given = (given::sources(sources),);
        let rule = ("prefill", self.code.rules.prefill);
        let called: Asked<Vec<wit::NamedValue>> =
            self.ask(rule, Mode::Pure, context, given).await?;
        let value = convert::core_values(called.value);
        answers::values(&self.definition, &value)
            .map_err(|fault| self.refused("prefill", fault))?;
        Ok(Called {
            value,
            reads: called.reads,
        })
    }

    /// Decides an event. The effects are for the caller to commit, together with the decision and after the reads have
    /// been verified again.
    pub async fn handle(
        &self,
        context: CallContext,
        case: &CaseView,
        event: &Event,
    ) -> Result<Handled, RuleError> {
        let transition = answers::transition(&self.definition, case, &event.transition)
            .map_err(|fault| self.refused("handle", fault))?;
        let given = (given::case(case), given::event(event));
        let rule = ("handle", self.code.rules.handle);
        let asked: Asked<Result<wit::Decision, Vec<wit::Problem>>> =
            self.ask(rule, Mode::Transactional, context, given).await?;
        let Asked {
            value,
            reads,
            effects,
        } = asked;
        let result = value
            .map(convert::core_decision)
            .map_err(convert::core_problems);
        match &result {
            Ok(decision) => answers::decision(&self.definition, transition, decision),
            Err(problems) => answers::problems(problems),
        }
        .map_err(|fault| self.refused("handle", fault))?;
        let effects = if result.is_ok() { effects } else { Vec::new() };
        Ok(Handled {
            result,
            effects,
            reads,
        })
    }

    /// One rule, by its name and place among the exports, with what it is given.
    async fn ask<G, R>(
        &self,
        (export, index): (&'static str, ComponentExportIndex),
        mode: Mode,
        context: CallContext,
        given: G,
    ) -> Result<Asked<R>, RuleError>
    where
        G: ComponentNamedList + Lower + Send + Sync,
        R: Lift + Send + Sync + 'static,
    {
        let limits = Limits {
            effects_count: self.grants.quotas.effects,
            ..self.code.sandbox.limits().clone()
        };
        let desk = Desk::new(
            self.site.clone(),
            self.name.clone(),
            mode,
            self.grants.clone(),
            self.definition.clone(),
            self.code.shares.connections.clone(),
            context,
        );
        let trouble = desk.trouble.clone();
        let call = Call {
            plugin: &self.name,
            export,
            limits: &limits,
            share: Some(&self.code.shares.places),
        };
        // Only this one export is compared with what the contract says of it; all were when the plugin was activated.
        let run = async |store: &mut Store<Office>, instance: &Instance| {
            let rule = instance.get_typed_func::<G, (R,)>(&mut *store, index)?;
            let (value,) = rule.call_async(store, given).await?;
            Ok(value)
        };
        let outcome = self.code.call(call, desk, run).await;
        // Trouble goes first: a guest that was told "unavailable" may have done anything, even panicked.
        if let Some(trouble) = Arc::into_inner(trouble).and_then(|cell| cell.into_inner()) {
            return Err(self.troubled(export, trouble));
        }
        let (value, desk) = outcome?;
        if let Some(trouble) = Arc::into_inner(desk.trouble).and_then(|cell| cell.into_inner()) {
            return Err(self.troubled(export, trouble));
        }
        Ok(Asked {
            value,
            reads: desk.reads,
            effects: desk.effects,
        })
    }

    fn troubled(&self, export: &'static str, trouble: Trouble) -> RuleError {
        let plugin = self.name.clone();
        match trouble {
            Trouble::Store(error) => RuleError::Store {
                plugin,
                export,
                error,
            },
            Trouble::Changed => RuleError::Changed { plugin, export },
        }
    }

    fn refused(&self, export: &'static str, fault: Fault) -> RuleError {
        RuleError::Answer {
            plugin: self.name.clone(),
            export,
            fault,
        }
    }
}

struct Asked<R> {
    value: R,
    reads: Vec<Read>,
    effects: Vec<Effect>,
}

impl Code {
    /// One call in a fresh sandbox.
    pub(crate) async fn call<R>(
        &self,
        call: Call<'_>,
        desk: Desk,
        run: impl AsyncFnOnce(&mut Store<Office>, &Instance) -> wasmtime::Result<R>,
    ) -> Result<(R, Desk), CallError> {
        let typed = async |mut store: Store<Office>, instance: Instance| {
            let result = run(&mut store, &instance).await;
            (store, result)
        };
        self.sandbox.call(call, &self.component, desk, typed).await
    }
}
