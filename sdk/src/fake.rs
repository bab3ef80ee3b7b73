//! The interfaces without a host, for rules that run natively: one [`World`] per test, one call at a time.
//!
//! The fakes keep the host's promises that a rule can see: pure rules cannot write, a call sees its own writes, what a
//! declined call asked for is gone, sizes and names are checked. Networks, quotas and limits they do not have;
//! `tests/kit` runs the same scenario in the real sandbox for those.

mod answers;

pub(crate) use answers::{
    accounts, certificates, documents, identity, messaging, payments, storage, tokens,
};

use crate::certificates::{Certificate, Request};
use crate::definition::Definition;
use crate::documents::Issue;
use crate::payments::{Balance, FeeLine, Method, Standing};
use crate::tokens::{Progress, Task};
use crate::{NamedValue, accounts::Entry};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What the host knows when a rule is called.
#[derive(Clone, Debug)]
pub struct World {
    /// Names of messages, checks and papers are looked up here.
    pub definition: Definition,
    /// The account's profile.
    pub profile: Vec<Entry>,
    /// Answers among which the recipients of messages are found: the event's input first, then the case's.
    pub answers: Vec<NamedValue>,
    pub storage: BTreeMap<String, Vec<u8>>,
    pub balance: Balance,
    pub checks: BTreeMap<String, crate::identity::Standing>,
    pub papers: BTreeMap<String, Issue>,
    /// Newest first.
    pub certificates: Vec<Certificate>,
    /// True when the maker's upload has a certificate request.
    pub has_certificate_request: bool,
    pub token: Progress,
}

impl World {
    /// Nothing paid, nothing stored, nobody checked.
    pub fn new(definition: Definition) -> Self {
        Self {
            definition,
            profile: Vec::new(),
            answers: Vec::new(),
            storage: BTreeMap::new(),
            balance: Balance {
                standing: Standing::None,
                total: 0,
                refunded: 0,
                method: None,
            },
            checks: BTreeMap::new(),
            papers: BTreeMap::new(),
            certificates: Vec::new(),
            has_certificate_request: true,
            token: Progress::None,
        }
    }

    /// Calls a pure rule.
    pub fn read<T>(&self, rule: impl FnOnce() -> T) -> T {
        in_call(Call::new(self.clone(), true), rule).0
    }

    /// Calls a transactional rule: its effects are returned and what it changed is kept when it answers `Ok`, and
    /// neither when it answers `Err`.
    pub fn transact<T, E>(
        &mut self,
        rule: impl FnOnce() -> Result<T, E>,
    ) -> Result<(T, Vec<Effect>), E> {
        let (answer, call) = in_call(Call::new(self.clone(), false), rule);
        let answer = answer?;
        *self = call.world;
        Ok((answer, call.effects))
    }
}

/// What a call asked the host to do, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    Remember(Vec<Entry>),
    Put {
        key: String,
        value: Vec<u8>,
    },
    Delete {
        key: String,
    },
    RequestPayment {
        lines: Vec<FeeLine>,
        methods: Vec<Method>,
    },
    CancelPayment,
    Refund {
        amount: i64,
        reason: String,
    },
    Send {
        message: String,
        to: String,
        parameters: Vec<(String, String)>,
    },
    TokenTask(Task),
    CancelToken,
    VoidCheck(String),
    VoidPaper(String),
    Issue(Request),
    Revoke {
        serial: String,
        reason: String,
    },
    Hold {
        serial: String,
    },
    Release {
        serial: String,
    },
}

/// One call of a rule. The world is a copy that the call changes; it becomes the test's when the call is committed.
struct Call {
    world: World,
    read_only: bool,
    effects: Vec<Effect>,
}

impl Call {
    fn new(world: World, read_only: bool) -> Self {
        Self {
            world,
            read_only,
            effects: Vec::new(),
        }
    }
}

thread_local! {
    static CALL: RefCell<Option<Call>> = const { RefCell::new(None) };
}

/// Runs a rule with the call in place, and takes the call out again even when the rule panics.
fn in_call<T>(call: Call, rule: impl FnOnce() -> T) -> (T, Call) {
    struct Restore {
        outer: Option<Call>,
    }
    impl Drop for Restore {
        fn drop(&mut self) {
            CALL.with_borrow_mut(|current| *current = self.outer.take());
        }
    }
    let spare = Call::new(call.world.clone(), call.read_only);
    let restore = Restore {
        outer: CALL.replace(Some(call)),
    };
    let answer = rule();
    let ended = CALL.take().unwrap_or(spare);
    drop(restore);
    (answer, ended)
}
