//! The functions of each interface, with the signatures that `wit-bindgen` gives the host's.

use super::{CALL, Call, Effect};
use crate::identity::Standing as CheckStanding;

/// Reads the world; `Unavailable` outside a call.
fn read<T, E>(unavailable: E, answer: impl FnOnce(&Call) -> Result<T, E>) -> Result<T, E> {
    CALL.with_borrow(|call| match call {
        Some(call) => answer(call),
        None => Err(unavailable),
    })
}

/// Changes the world; `ReadOnly` in a pure rule, `Unavailable` outside a call.
fn write<T, E>(
    unavailable: E,
    read_only: E,
    change: impl FnOnce(&mut Call) -> Result<T, E>,
) -> Result<T, E> {
    CALL.with_borrow_mut(|call| match call {
        Some(call) if call.read_only => Err(read_only),
        Some(call) => change(call),
        None => Err(unavailable),
    })
}

pub mod accounts {
    use super::{Effect, read, write};
    use crate::accounts::{Entry, Error};

    pub fn profile() -> Result<Vec<Entry>, Error> {
        read(Error::Unavailable, |call| Ok(call.world.profile.clone()))
    }

    pub fn remember(entries: &[Entry]) -> Result<(), Error> {
        write(Error::Unavailable, Error::ReadOnly, |call| {
            let known = |entry: &Entry| call.world.profile.iter().any(|e| e.name == entry.name);
            if let Some(unknown) = entries.iter().find(|entry| !known(entry)) {
                return Err(Error::NotWritable(unknown.name.clone()));
            }
            call.ask(Effect::Remember(entries.to_vec()));
            Ok(())
        })
    }
}

pub mod storage {
    use super::{Effect, read, write};
    use crate::storage::{Entry, Error};

    /// Bytes of a key, and of a value, as in `wit/storage`.
    const KEY_LIMIT: usize = 256;
    const VALUE_LIMIT: usize = 64 * 1024;
    /// Entries of one scan.
    const SCAN_LIMIT: u32 = 100;

    fn well_formed(key: &str) -> Result<(), Error> {
        if key.is_empty() || key.len() > KEY_LIMIT {
            return Err(Error::BadKey);
        }
        Ok(())
    }

    pub fn get(key: &str) -> Result<Option<Vec<u8>>, Error> {
        well_formed(key)?;
        read(Error::Unavailable, |call| {
            Ok(call.world.storage.get(key).cloned())
        })
    }

    pub fn put(key: &str, value: &[u8]) -> Result<(), Error> {
        well_formed(key)?;
        if value.len() > VALUE_LIMIT {
            return Err(Error::ValueTooLarge(value.len() as u64));
        }
        write(Error::Unavailable, Error::ReadOnly, |call| {
            call.ask(Effect::Put {
                key: key.into(),
                value: value.into(),
            });
            Ok(())
        })
    }

    pub fn put_if_absent(key: &str, value: &[u8]) -> Result<bool, Error> {
        if get(key)?.is_some() {
            return Ok(false);
        }
        put(key, value).map(|()| true)
    }

    pub fn delete(key: &str) -> Result<bool, Error> {
        well_formed(key)?;
        write(Error::Unavailable, Error::ReadOnly, |call| {
            let was_there = call.world.storage.contains_key(key);
            if was_there {
                call.ask(Effect::Delete { key: key.into() });
            }
            Ok(was_there)
        })
    }

    pub fn scan(prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<Entry>, Error> {
        read(Error::Unavailable, |call| {
            let entries = call.world.storage.iter();
            let fits = |key: &str| key.starts_with(prefix) && after.is_none_or(|after| key > after);
            Ok(entries
                .filter(|(key, _)| fits(key))
                .take(limit.min(SCAN_LIMIT) as usize)
                .map(|(key, value)| Entry {
                    key: key.clone(),
                    value: value.clone(),
                })
                .collect())
        })
    }
}

pub mod payments {
    use super::{Effect, read, write};
    use crate::definition::Ordering;
    use crate::payments::{Balance, Error, FeeLine, Method, Standing};

    pub fn status() -> Result<Balance, Error> {
        read(Error::Unavailable, |call| Ok(call.world.balance))
    }

    pub fn request(lines: &[FeeLine], methods: &[Method]) -> Result<(), Error> {
        write(Error::Unavailable, Error::ReadOnly, |call| {
            let services = &call.world.definition.services;
            // The call does not say which service the case belongs to; plugins have one ordering or the other.
            if services.iter().any(|one| one.ordering == Ordering::Basket) {
                return Err(Error::InBaskets);
            }
            if lines.is_empty() || lines.iter().any(|line| line.amount < 0) {
                return Err(Error::BadAmount("no lines, or a negative one".into()));
            }
            let unknown = |method: &&Method| !call.world.methods.contains(method);
            if methods.is_empty() || methods.iter().any(|method| unknown(&method)) {
                return Err(Error::NoMethod("no gateway".into()));
            }
            if !matches!(
                call.world.balance.standing,
                Standing::None | Standing::Closed
            ) {
                return Err(Error::AlreadyRequested);
            }
            call.ask(Effect::RequestPayment {
                lines: lines.to_vec(),
                methods: methods.to_vec(),
            });
            Ok(())
        })
    }

    /// Does nothing where nothing is due.
    pub fn cancel() -> Result<(), Error> {
        write(Error::Unavailable, Error::ReadOnly, |call| {
            if call.world.balance.standing == Standing::Due {
                call.ask(Effect::CancelPayment);
            }
            Ok(())
        })
    }

    /// Characters of a refund's reason.
    const REASON_LIMIT: usize = 128;

    pub fn refund(amount: i64, reason: &str) -> Result<(), Error> {
        write(Error::Unavailable, Error::ReadOnly, |call| {
            if amount < 1 || reason.chars().count() > REASON_LIMIT {
                return Err(Error::BadAmount("nothing, or a long reason".into()));
            }
            let balance = &call.world.balance;
            let paid = matches!(
                balance.standing,
                Standing::Paid | Standing::Refunding | Standing::Refunded
            );
            if !paid || amount > balance.total - balance.refunded {
                return Err(Error::NothingToRefund);
            }
            call.ask(Effect::Refund {
                amount,
                reason: reason.into(),
            });
            Ok(())
        })
    }

    pub fn invoice() -> Result<(), Error> {
        write(Error::Unavailable, Error::ReadOnly, |call| {
            if call.world.balance.standing != Standing::Paid {
                return Err(Error::NothingToInvoice);
            }
            call.ask(Effect::Invoice);
            Ok(())
        })
    }
}

pub mod messaging {
    use super::{Effect, write};
    use crate::definition::{MessageContent, placeholders};
    use crate::messaging::{Error, Parameter};

    /// Messages of one call.
    const LIMIT: usize = 16;

    pub fn send(id: &str, parameters: &[Parameter]) -> Result<(), Error> {
        write(Error::Unavailable, Error::ReadOnly, |call| {
            let messages = &call.world.definition.messages;
            let Some(message) = messages.iter().find(|message| message.id == id) else {
                return Err(Error::UnknownMessage(id.into()));
            };
            let needed = match &message.content {
                MessageContent::Sms(sms) => placeholders(&sms.text),
                MessageContent::Mail(mail) => placeholders(&[&*mail.subject, &*mail.body].concat()),
            };
            let given = |name: &String| parameters.iter().any(|p| p.name == *name);
            if let Some(missing) = needed.into_iter().find(|name| !given(name)) {
                return Err(Error::MissingParameter(missing));
            }
            let to = call.world.recipient(&message.to).to_owned();
            if to.is_empty() {
                return Err(Error::NoRecipient(id.into()));
            }
            let sent = call
                .effects
                .iter()
                .filter(|e| matches!(e, Effect::Send { .. }));
            if sent.count() >= LIMIT {
                return Err(Error::TooMany);
            }
            call.ask(Effect::Send {
                message: id.into(),
                to,
                parameters: parameters
                    .iter()
                    .map(|p| (p.name.clone(), p.value.clone()))
                    .collect(),
            });
            Ok(())
        })
    }
}

pub mod tokens {
    use super::{Effect, read, write};
    use crate::tokens::{Error, Progress, Task};

    pub fn status() -> Result<Progress, Error> {
        read(Error::Unavailable, |call| Ok(call.world.token))
    }

    pub fn request(task: &Task) -> Result<(), Error> {
        write(Error::Unavailable, Error::ReadOnly, |call| {
            if matches!(call.world.token, Progress::Waiting | Progress::Running) {
                return Err(Error::Busy);
            }
            call.ask(Effect::TokenTask(task.clone()));
            Ok(())
        })
    }

    pub fn cancel() -> Result<(), Error> {
        write(Error::Unavailable, Error::ReadOnly, |call| {
            call.ask(Effect::CancelToken);
            Ok(())
        })
    }
}

pub mod identity {
    use super::{Call, CheckStanding, Effect, read, write};
    use crate::identity::Error;

    fn known(call: &Call, check: &str) -> Result<(), Error> {
        let checks = &call.world.definition.checks;
        if checks.iter().any(|known| known.id == check) {
            Ok(())
        } else {
            Err(Error::UnknownCheck(check.into()))
        }
    }

    pub fn status(check: &str) -> Result<CheckStanding, Error> {
        read(Error::Unavailable, |call| {
            known(call, check)?;
            let standing = call.world.checks.get(check);
            Ok(standing.copied().unwrap_or(CheckStanding::None))
        })
    }

    pub fn void(check: &str) -> Result<(), Error> {
        write(Error::Unavailable, Error::ReadOnly, |call| {
            known(call, check)?;
            call.ask(Effect::VoidCheck(check.into()));
            Ok(())
        })
    }
}

pub mod certificates {
    use super::{Call, Effect, read, write};
    use crate::certificates::{Certificate, Error, Request};

    fn known(call: &Call, serial: &str) -> Result<String, Error> {
        let mut certificates = call.world.certificates.iter();
        if certificates.any(|certificate| certificate.serial == serial) {
            Ok(serial.into())
        } else {
            Err(Error::UnknownCertificate(serial.into()))
        }
    }

    pub fn issued() -> Result<Vec<Certificate>, Error> {
        read(Error::Unavailable, |call| {
            Ok(call.world.certificates.clone())
        })
    }

    pub fn issue(request: &Request) -> Result<(), Error> {
        write(Error::Unavailable, Error::ReadOnly, |call| {
            if !(1..=60).contains(&request.months) {
                return Err(Error::BadRequest("months".into()));
            }
            if let Some(empty) = request.subject.iter().find(|a| a.value.is_empty()) {
                return Err(Error::BadRequest(empty.name.clone()));
            }
            if !call.world.has_certificate_request {
                return Err(Error::NoKey);
            }
            call.ask(Effect::Issue(request.clone()));
            Ok(())
        })
    }

    pub fn revoke(serial: &str, reason: &str) -> Result<(), Error> {
        write(Error::Unavailable, Error::ReadOnly, |call| {
            let serial = known(call, serial)?;
            call.ask(Effect::Revoke {
                serial,
                reason: reason.into(),
            });
            Ok(())
        })
    }

    pub fn hold(serial: &str) -> Result<(), Error> {
        write(Error::Unavailable, Error::ReadOnly, |call| {
            let serial = known(call, serial)?;
            call.ask(Effect::Hold { serial });
            Ok(())
        })
    }

    pub fn release(serial: &str) -> Result<(), Error> {
        write(Error::Unavailable, Error::ReadOnly, |call| {
            let serial = known(call, serial)?;
            call.ask(Effect::Release { serial });
            Ok(())
        })
    }
}

pub mod documents {
    use super::{Call, Effect, read, write};
    use crate::documents::{Error, Issue};

    fn known(call: &Call, document: &str) -> Result<(), Error> {
        let documents = &call.world.definition.documents;
        if documents.iter().any(|known| known.id == document) {
            Ok(())
        } else {
            Err(Error::UnknownDocument(document.into()))
        }
    }

    pub fn latest(document: &str) -> Result<Option<Issue>, Error> {
        read(Error::Unavailable, |call| {
            known(call, document)?;
            Ok(call.world.papers.get(document).cloned())
        })
    }

    pub fn void(document: &str) -> Result<(), Error> {
        write(Error::Unavailable, Error::ReadOnly, |call| {
            known(call, document)?;
            call.ask(Effect::VoidPaper(document.into()));
            Ok(())
        })
    }
}
