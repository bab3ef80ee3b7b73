//! What an administrator does with a certificate by hand: freeze, restore, revoke. Who and why stand in the ledger of the
//! case that it was issued for.

use crate::Engine;
use crate::actor::{Actor, ClerkActor};
use crate::error::EngineError;
use yinxin_core::definition::Role;
use yinxin_core::ids::{CaseId, SiteId};
use yinxin_core::rules::NamedValue;
use yinxin_core::time::Millis;
use yinxin_services::certificates::{CertificateError, Turn};
use yinxin_store::ledger::{self, Entry};
use yinxin_store::{StoreError, cases};

/// Why an administrator turns a certificate.
#[derive(Clone, Copy, Debug)]
pub struct Because<'a> {
    /// A name of RFC 5280's CRLReason for a revocation, or empty.
    pub code: &'a str,
    /// In words, which the applicant reads in the case's history.
    pub words: &'a str,
}

/// What an administrator did with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turned {
    pub at: Millis,
    pub label: String,
    pub who: String,
    pub why: String,
}

/// Transition ids of these rows in the ledger.
const REVOKED: &str = "certificate-revoke";
const HELD: &str = "certificate-hold";
const RELEASED: &str = "certificate-release";

impl Engine {
    /// What administrators did with a certificate that was issued for the case, oldest first.
    pub async fn turns(
        &self,
        site: &SiteId,
        case: &CaseId,
        serial: &str,
    ) -> Result<Vec<Turned>, EngineError> {
        let inner = &self.inner;
        let mut conn = inner.store.read().await?;
        let rows = ledger::of_case(&mut conn, site, case).await?;
        let mut turns = Vec::new();
        for entry in rows.into_iter().map(|row| row.entry) {
            if ![REVOKED, HELD, RELEASED].contains(&entry.transition.as_str()) {
                continue;
            }
            let json = inner.sealer.open(&sealed_in(site, case), &entry.input)?;
            let input: Vec<NamedValue> =
                serde_json::from_slice(&json).map_err(|_| StoreError::Damaged("a ledger entry"))?;
            if input.iter().any(|named| named.value == serial) {
                turns.push(Turned {
                    at: entry.at,
                    label: entry.label,
                    who: entry.actor_name,
                    why: entry.note,
                });
            }
        }
        Ok(turns)
    }

    /// Freezes, restores or revokes a certificate of the register. [`EngineError::Stale`] when it stands where that is not
    /// possible.
    pub async fn turn_certificate(
        &self,
        site: &SiteId,
        clerk: &ClerkActor,
        serial: &str,
        turn: Turn,
        because: Because<'_>,
    ) -> Result<(), EngineError> {
        if !clerk.may(Role::Administrator) {
            return Err(EngineError::NotAllowed);
        }
        let inner = &self.inner;
        let certificates = &inner.services.certificates;
        let mut tx = inner.store.begin().await?;
        let registered = certificates.registered(&mut tx, site, serial).await?;
        let registered = registered.ok_or(EngineError::NotFound)?;
        // A rule that decides about the case at the same time sees the one standing or the other.
        cases::lock(&mut tx, site, &registered.case).await?;
        let turned = certificates.turn(&mut tx, site, serial, turn, because.code);
        match turned.await {
            Err(CertificateError::NotPossible) => return Err(EngineError::Stale),
            other => other?,
        }
        let case = cases::get(&mut tx, &inner.sealer, site, &registered.case).await?;
        let (actor_kind, actor, actor_name) = Actor::Clerk(clerk.clone()).recorded();
        let (transition, label) = match turn {
            Turn::Revoke => (REVOKED, "注销证书"),
            Turn::Hold => (HELD, "冻结证书"),
            Turn::Release => (RELEASED, "解冻证书"),
        };
        let input = [("certificate", serial), ("reason", because.code)];
        let input = input.map(|(name, value)| NamedValue {
            name: name.to_owned(),
            value: value.to_owned(),
        });
        let json = serde_json::to_vec(&input).map_err(|_| StoreError::Damaged("a ledger entry"))?;
        let context = sealed_in(site, &case.id);
        let entry = Entry {
            at: inner.now(),
            case_id: case.id.clone(),
            transition: transition.to_owned(),
            label: label.to_owned(),
            actor_kind: actor_kind.to_owned(),
            actor,
            actor_name,
            plugin: case.plugin,
            plugin_digest: case.plugin_digest,
            from_state: case.state.clone(),
            to_state: case.state,
            note: because.words.to_owned(),
            input: inner.sealer.seal(&context, &json)?,
            reads: "[]".to_owned(),
            effects: inner.sealer.seal(&context, b"[]")?,
        };
        ledger::append(&mut tx, site, &entry).await?;
        tx.commit().await.map_err(StoreError::from)?;
        inner.changed(site, &case.id);
        Ok(())
    }
}

/// The context in which a case's rows of the ledger are sealed.
fn sealed_in(site: &SiteId, case: &CaseId) -> String {
    format!("{site}/ledger/{case}")
}
