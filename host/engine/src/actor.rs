//! Who acts on a case, and what each may do.

use yinxin_core::definition::{self, HostEvent, Role};
use yinxin_core::ids::{AccountId, ClerkId};
use yinxin_services::payments::By;

/// A member of the CA's staff at work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClerkActor {
    pub id: ClerkId,
    pub name: String,
    pub roles: Vec<Role>,
}

impl ClerkActor {
    /// An administrator may do what any role may.
    pub fn may(&self, role: Role) -> bool {
        self.roles.contains(&role) || self.roles.contains(&Role::Administrator)
    }
}

/// Who brings an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    Applicant(AccountId),
    Clerk(ClerkActor),
    /// A verified result of a job.
    Host(HostEvent),
    /// The transition's time has come.
    Timer,
}

impl Actor {
    /// True when a transition of `actor` is this one's to bring.
    pub(crate) fn may_bring(&self, actor: &definition::Actor) -> bool {
        match (self, actor) {
            (Self::Applicant(_), definition::Actor::Applicant) => true,
            (Self::Clerk(clerk), definition::Actor::Clerk(role)) => clerk.may(*role),
            (Self::Host(event), definition::Actor::Host(wanted)) => event == wanted,
            (Self::Timer, definition::Actor::Timer(_)) => true,
            _ => false,
        }
    }

    /// For the history of an order.
    pub(crate) fn by(&self) -> By {
        match self {
            Self::Applicant(account) => By::applicant(account),
            Self::Clerk(clerk) => By::clerk(&clerk.id, &clerk.name),
            Self::Host(_) | Self::Timer => By::host(),
        }
    }

    /// For the ledger: kind, id and name.
    pub(crate) fn recorded(&self) -> (&'static str, String, String) {
        match self {
            Self::Applicant(account) => ("applicant", account.to_string(), String::new()),
            Self::Clerk(clerk) => ("clerk", clerk.id.to_string(), clerk.name.clone()),
            Self::Host(_) => ("host", String::new(), String::new()),
            Self::Timer => ("timer", String::new(), String::new()),
        }
    }
}
