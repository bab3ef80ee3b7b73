//! The host's side of one call: what the guest may see, and what it has asked for so far. Every imported function comes
//! past here, where grant, mode and budget are checked the same way for all.

use crate::context::{CallContext, CaseFacts};
use crate::effects::Effect;
use crate::grants::{Capability, Grants};
use crate::reads::{Part, Read};
use crate::storage::Shelf;
use std::sync::{Arc, OnceLock};
use tokio::sync::{Semaphore, SemaphorePermit};
use yinxin_core::definition::Definition;
use yinxin_core::ids::SiteId;
use yinxin_sandbox::{Exceeded, Room, Share};
use yinxin_store::seal::Sealer;
use yinxin_store::{Reader, Store, StoreError};

/// What stands in the store of every call.
pub(crate) type Office = Room<Desk>;

/// The interface has types only; the bindings ask for it all the same.
impl crate::bindings::yinxin::site::definition::Host for Office {}

/// What a call may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Reads.
    Pure,
    /// Reads and asks for effects.
    Transactional,
}

/// Whether a function changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// Why a call has to be run again as a whole, whatever the guest made of it.
#[derive(Debug)]
pub(crate) enum Trouble {
    Store(StoreError),
    /// The same thing was read twice in one call and had changed in between.
    Changed,
}

pub(crate) struct Desk {
    pub(crate) site: SiteId,
    pub(crate) plugin: String,
    pub(crate) mode: Mode,
    pub(crate) grants: Arc<Grants>,
    pub(crate) definition: Option<Arc<Definition>>,
    /// None during `describe`, which has no capability.
    pub(crate) outside: Option<Outside>,
    /// As the engine gathered them; what reads are recorded from.
    facts: Arc<CaseFacts>,
    /// As the call's own effects will leave them; what the guest sees. The same as `facts` until the first effect.
    pub(crate) view: Arc<CaseFacts>,
    pub(crate) shelf: Shelf,
    pub(crate) effects: Vec<Effect>,
    pub(crate) reads: Vec<Read>,
    /// Messages asked for so far.
    pub(crate) messages: usize,
    pub(crate) trouble: Arc<OnceLock<Trouble>>,
}

/// Of a host's sixteen connections to its database so many read for one plugin at the same time; its other calls wait for
/// one of these. A quarter, as of the sandbox's places: what three plugins ask of the database leaves connections to a
/// fourth, and to every page.
const CONNECTIONS: usize = 4;

/// One plugin's part of them.
#[derive(Clone)]
pub(crate) struct Connections(Arc<Semaphore>);

impl Default for Connections {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(CONNECTIONS)))
    }
}

/// What all calls of one plugin on one site may hold together, of whatever version they are.
#[derive(Clone)]
pub(crate) struct Shares {
    pub(crate) places: Share,
    pub(crate) connections: Connections,
}

impl Shares {
    pub(crate) fn new(places: Share) -> Self {
        Self {
            places,
            connections: Connections::default(),
        }
    }
}

/// What a desk can reach outside the call.
#[derive(Clone)]
pub(crate) struct Outside {
    store: Store,
    connections: Connections,
    pub(crate) sealer: Arc<Sealer>,
}

impl Outside {
    /// A connection to read with, and the plugin's part in it.
    pub(crate) async fn reader(&self) -> Result<(Option<SemaphorePermit<'_>>, Reader), StoreError> {
        // The semaphore is never closed.
        let part = self.connections.0.acquire().await.ok();
        Ok((part, self.store.read().await?))
    }
}

impl Desk {
    /// A desk with no capability, for `describe`.
    pub(crate) fn bare(site: SiteId, plugin: String) -> Self {
        let grants = Arc::new(Grants::none());
        Self::over(site, plugin, Mode::Pure, grants, Arc::default())
    }

    fn over(
        site: SiteId,
        plugin: String,
        mode: Mode,
        grants: Arc<Grants>,
        facts: Arc<CaseFacts>,
    ) -> Self {
        Self {
            site,
            plugin,
            mode,
            grants,
            definition: None,
            outside: None,
            view: facts.clone(),
            facts,
            shelf: Shelf::default(),
            effects: Vec::new(),
            reads: Vec::new(),
            messages: 0,
            trouble: Arc::default(),
        }
    }

    pub(crate) fn new(
        site: SiteId,
        plugin: String,
        mode: Mode,
        grants: Arc<Grants>,
        definition: Arc<Definition>,
        connections: Connections,
        context: CallContext,
    ) -> Self {
        Self {
            definition: Some(definition),
            outside: Some(Outside {
                store: context.store,
                connections,
                sealer: context.sealer,
            }),
            ..Self::over(
                site,
                plugin,
                mode,
                grants,
                context.facts.unwrap_or_default(),
            )
        }
    }

    /// What the guest sees, to be changed by an effect.
    pub(crate) fn view_mut(&mut self) -> &mut CaseFacts {
        Arc::make_mut(&mut self.view)
    }
}

/// How a host function says no: with an answer of its interface, or by ending the call because a limit was passed.
pub enum No<E> {
    Answer(E),
    Trap(Exceeded),
}

impl<E> From<Exceeded> for No<E> {
    fn from(exceeded: Exceeded) -> Self {
        Self::Trap(exceeded)
    }
}

/// What every interface's error type can say.
pub(crate) trait Refusal {
    fn denied() -> Self;
    fn read_only() -> Self;
    fn unavailable() -> Self;
}

/// Gives the variants that all interfaces have in common, and the type by which the bindings tell an answer from a trap.
macro_rules! refusals {
    ($interface:ident) => {
        /// An answer of this interface's error type, or the end of the call.
        pub type Refused = crate::desk::No<crate::bindings::yinxin::$interface::$interface::Error>;

        impl crate::desk::Refusal for crate::bindings::yinxin::$interface::$interface::Error {
            fn denied() -> Self {
                Self::Denied
            }

            fn read_only() -> Self {
                Self::ReadOnly
            }

            fn unavailable() -> Self {
                Self::Unavailable
            }
        }
    };
}
pub(crate) use refusals;

/// Turns a refusal into what the bindings want: the answer, or the trap.
pub(crate) fn answer<E>(no: No<E>) -> wasmtime::Result<E> {
    match no {
        No::Answer(error) => Ok(error),
        No::Trap(exceeded) => Err(exceeded.into()),
    }
}

/// May the plugin do this now? Grant first, then mode.
pub(crate) fn permit<E: Refusal>(
    office: &mut Office,
    capability: Capability,
    access: Access,
) -> Result<(), No<E>> {
    if !office.host.grants.allows(capability) {
        // Written down, since somebody has to see that a plugin tries; paid for, since a guest could fill the log.
        let Desk { site, plugin, .. } = &office.host;
        office
            .budget
            .log(site.as_str().len() + plugin.len() + 128)?; // 128: time, level and the sentence
        tracing::warn!(%site, %plugin, %capability, "plugin called an interface that it is not granted");
        return Err(No::Answer(E::denied()));
    }
    if access == Access::Write && office.host.mode == Mode::Pure {
        return Err(No::Answer(E::read_only()));
    }
    Ok(())
}

/// Records that a part of the facts was looked at. Each part is recorded once: it cannot change during the call.
pub(crate) fn look<E: Refusal>(office: &mut Office, part: Part) -> Result<(), No<E>> {
    let Some(outside) = &office.host.outside else {
        return Err(No::Answer(E::unavailable()));
    };
    let read = Read::of(part, &office.host.facts, &outside.sealer);
    if !office.host.reads.contains(&read) {
        office.budget.read()?;
        office.host.reads.push(read);
    }
    Ok(())
}

/// Buffers an effect, at the cost of the call's budget.
pub(crate) fn ask<E>(office: &mut Office, effect: Effect) -> Result<(), No<E>> {
    office.budget.effect(effect.size())?;
    office.host.effects.push(effect);
    Ok(())
}

/// True for texts that no database keeps and no page shows: PostgreSQL refuses a zero character in a text.
pub(crate) fn is_unprintable(text: &str) -> bool {
    text.chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r'))
}
