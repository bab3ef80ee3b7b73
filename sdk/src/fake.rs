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
            Effect::Send { .. } | Effect::Issue(_) | Effect::Invoice => {}
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
    Invoice,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FeeLine, Fen, messaging, payments, storage, yuan};

    fn world() -> World {
        World::new(Definition::new("test", "0.1.0", "测试", "测试"))
    }

    fn line(amount: Fen) -> FeeLine {
        FeeLine::new("fee", "费用", amount)
    }

    #[test]
    fn a_pure_rule_reads_and_does_not_write() {
        let mut world = world();
        world.storage.insert("key".into(), b"value".to_vec());
        assert_eq!(
            world.read(|| storage::get_text("key")),
            Ok(Some("value".into()))
        );
        assert_eq!(
            world.read(|| storage::put("key", "x")),
            Err(storage::Error::ReadOnly)
        );
        let asked = world.read(|| payments::request(&[line(yuan(1))], &[Method::Alipay]));
        assert_eq!(asked, Err(payments::Error::ReadOnly));
    }

    #[test]
    fn a_call_sees_its_own_writes_and_a_declined_one_leaves_none() {
        let mut world = world();
        let declined: Result<((), _), &str> = world.transact(|| {
            assert_eq!(storage::put_if_absent("key", "1"), Ok(true));
            assert_eq!(storage::put_if_absent("key", "2"), Ok(false));
            assert_eq!(
                payments::request(&[line(yuan(1))], &[Method::Wechat]),
                Ok(())
            );
            assert_eq!(
                payments::status().map(|balance| balance.standing),
                Ok(Standing::Due)
            );
            Err("declined")
        });
        assert_eq!(declined, Err("declined"));
        assert!(world.storage.is_empty());
        assert_eq!(world.balance.standing, Standing::None);

        let kept: Result<((), _), storage::Error> = world.transact(|| storage::put("key", "1"));
        assert_eq!(kept.map(|(_, effects)| effects.len()), Ok(1));
        assert_eq!(
            world.storage.get("key").map(Vec::as_slice),
            Some(b"1".as_slice())
        );
    }

    #[test]
    fn outside_a_call_nothing_answers() {
        assert_eq!(storage::get("key"), Err(storage::Error::Unavailable));
        assert_eq!(
            messaging::send("any", &[]),
            Err(messaging::Error::Unavailable)
        );
    }

    #[test]
    fn money_is_asked_for_once_and_given_back_at_most_once() {
        let mut world = world();
        let again: Result<((), _), _> = world.transact(|| {
            payments::request(&[line(yuan(220))], &[Method::Wechat])?;
            payments::request(&[line(yuan(220))], &[Method::Wechat])
        });
        assert_eq!(again.map(|_| ()), Err(payments::Error::AlreadyRequested));
        world.balance.standing = Standing::Paid;
        world.balance.total = yuan(220).0;
        let refunded: Result<((), _), _> = world.transact(|| payments::refund(yuan(220), "取消"));
        assert!(refunded.is_ok());
        let more: Result<((), _), _> = world.transact(|| payments::refund(Fen(1), "取消"));
        assert_eq!(more.map(|_| ()), Err(payments::Error::NothingToRefund));
    }
}
