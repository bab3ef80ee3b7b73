//! The interfaces without a host, for rules that run natively: one [`World`] per test, one call at a time.
//!
//! The fakes keep the host's promises that a rule can see: pure rules cannot write, a call sees its own writes, what a
//! declined call asked for is gone, sizes and names are checked. Networks, quotas and limits they do not have;
//! `tests/kit` runs the same scenario in the real sandbox for those.

mod answers;

pub(crate) use answers::{
    accounts, certificates, documents, identity, messaging, payments, storage, tokens,
};

use crate::certificates::{self as issuing, Certificate, Request};
use crate::definition::{Definition, Recipient};
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
    /// The account's mobile number.
    pub account_mobile: String,
    /// Answers among which the recipients of messages are found: the case's, those of the event's input included.
    pub answers: Vec<NamedValue>,
    /// Ways to pay for which the site has a gateway.
    pub methods: Vec<Method>,
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
            account_mobile: String::new(),
            answers: Vec::new(),
            methods: vec![Method::Wechat, Method::Alipay],
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

    /// Where a message goes, or the empty text.
    pub fn recipient(&self, to: &Recipient) -> &str {
        match to {
            Recipient::Account => &self.account_mobile,
            Recipient::Field(field) => crate::case::find(&self.answers, field),
        }
    }

    /// What the world is like after the effect.
    pub fn apply(&mut self, effect: &Effect) {
        match effect {
            Effect::Remember(entries) => {
                for entry in entries {
                    match self.profile.iter_mut().find(|e| e.name == entry.name) {
                        Some(known) => known.value.clone_from(&entry.value),
                        None => self.profile.push(entry.clone()),
                    }
                }
            }
            Effect::Put { key, value } => {
                self.storage.insert(key.clone(), value.clone());
            }
            Effect::Delete { key } => {
                self.storage.remove(key);
            }
            Effect::RequestPayment { lines, .. } => {
                self.balance.standing = Standing::Due;
                self.balance.total = lines.iter().map(|line| line.amount).sum();
            }
            Effect::CancelPayment => self.balance.standing = Standing::Closed,
            Effect::Refund { amount, .. } => {
                self.balance.standing = Standing::Refunding;
                self.balance.refunded += amount;
            }
            Effect::TokenTask(_) => self.token = Progress::Waiting,
            Effect::CancelToken => self.token = Progress::None,
            Effect::VoidCheck(check) => {
                self.checks.remove(check);
            }
            Effect::VoidPaper(document) => {
                self.papers.remove(document);
            }
            Effect::Revoke { serial, .. } => self.turn(serial, issuing::Standing::Revoked),
            Effect::Hold { serial } => self.turn(serial, issuing::Standing::Held),
            Effect::Release { serial } => self.turn(serial, issuing::Standing::Valid),
            // Their results come back as events.
            Effect::Send { .. } | Effect::Issue(_) => {}
        }
    }

    fn turn(&mut self, serial: &str, standing: issuing::Standing) {
        let found = self.certificates.iter_mut().find(|c| c.serial == serial);
        if let Some(certificate) = found {
            certificate.standing = standing;
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

    /// Notes the effect, and lets the rest of the call see it.
    fn ask(&mut self, effect: Effect) {
        self.world.apply(&effect);
        self.effects.push(effect);
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
