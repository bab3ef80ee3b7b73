//! The one transaction in which a decision becomes true: what was read is verified again, then state, answers, effects,
//! ledger entry, timers and outbox are written together.

use crate::actor::Actor;
use crate::error::EngineError;
use crate::following::{self, Following};
use crate::inner::Inner;
use crate::situation::Situation;
use crate::timers;
use std::collections::BTreeSet;
use yinxin_capabilities::{Effect, Plugin, Read, reads};
use yinxin_core::definition::{
    Definition, FieldKind, MessageContent, Recipient, State, Tone, Transition,
};
use yinxin_core::form::Values;
use yinxin_core::ids::{CaseId, FileId, SiteId};
use yinxin_core::money::Fen;
use yinxin_core::rules::{Decision, Event, ItemStanding, NamedValue};
use yinxin_core::time::Millis;
use yinxin_services::certificates::{CertificateError, IssueOrder};
use yinxin_services::messaging::NewMessage;
use yinxin_services::payments::{NewOrder, NewRefund, PaymentError};
use yinxin_services::uploads::Taken;
use yinxin_store::cases::{self, Case, Standing};
use yinxin_store::ledger::{self, Entry};
use yinxin_store::materials::{self, Item};
use yinxin_store::{Connection, StoreError, jobs, papers, plugin_storage};

/// All that a decision came from and leads to.
pub(crate) struct Commit<'a> {
    pub situation: &'a Situation,
    pub plugin: &'a Plugin,
    pub transition: &'a Transition,
    pub event: &'a Event,
    pub decision: &'a Decision,
    pub effects: &'a [Effect],
    pub reads: &'a [Read],
    pub certificate_request: Option<String>,
    /// Files that came along, by field.
    pub attachments: &'a [(String, Taken)],
    pub actor: &'a Actor,
    pub job: Option<&'a str>,
    pub deletes: bool,
    /// What becomes of the unpaid order that the case is in.
    pub following: &'a Following,
}

/// Gives the other cases that it touched.
pub(crate) async fn commit(
    inner: &Inner,
    site: &SiteId,
    commit: Commit<'_>,
) -> Result<Vec<CaseId>, EngineError> {
    let now = inner.now();
    let before = &commit.situation.case;
    let name = &commit.plugin.name;
    let mut tx = inner.store.begin().await?;

    // Whoever wrote to the plugin's storage or the case in between is seen here, and everything is decided anew.
    plugin_storage::lock(&mut tx, site, name).await?;
    cases::lock(&mut tx, site, &before.id).await?;
    let current = Situation::read(inner, &mut tx, site, &before.id).await?;
    if current.case.version != before.version || !current.shows_the_same(commit.situation) {
        return Err(StoreError::Conflict.into());
    }
    let mut facts = current.facts(inner, site, now);
    facts.has_request |= commit.certificate_request.is_some();
    if !reads::hold(&mut tx, site, name, &inner.sealer, &facts, commit.reads).await? {
        return Err(StoreError::Conflict.into());
    }

    let mut case = before.clone();
    case.values = decided(&current, commit.transition, commit.event, commit.decision);
    let next = current.state_named(&commit.decision.to)?;
    enter(inner, site, &mut case, next, now)?;
    case.plugin_digest = commit.plugin.digest.clone();
    case.plugin_version = commit.plugin.definition.version.clone();
    case.standing.deleted |= commit.deletes;
    let subject_field = &current.service()?.subject_field;
    case.subject = case.values.get(subject_field).to_owned();
    cases::update(&mut tx, &inner.sealer, site, &case).await?;
    if before.claim.is_some() && next.queue != current.state()?.queue {
        cases::release(&mut tx, site, &case.id, None).await?;
    }
    let fingerprints = fingerprints(inner, site, &current, &case);
    cases::set_lookups(&mut tx, site, &case.id, &fingerprints).await?;

    judge(&mut tx, site, &commit, now).await?;
    if let Some(pem) = &commit.certificate_request {
        let (_, by, _) = commit.actor.recorded();
        inner
            .services
            .certificates
            .accept_request(&mut tx, site, &case.id, pem, &by)
            .await
            .map_err(request_error)?;
    }
    for (_, taken) in commit.attachments {
        let uploads = &inner.services.uploads;
        uploads.keep(&mut tx, site, &case.id, taken).await?;
    }
    for (index, effect) in commit.effects.iter().enumerate() {
        apply(inner, &mut tx, site, &commit, &case, index, effect, now).await?;
    }
    let others = following::apply(inner, &mut tx, site, &case.id, commit.following).await?;
    if commit.deletes {
        inner
            .services
            .identity
            .void(&mut tx, site, &case.id, None)
            .await?;
        papers::void(&mut tx, site, &case.id, None, now).await?;
    }

    let entry = entry(inner, site, &commit, &case, now)?;
    ledger::append(&mut tx, site, &entry).await?;
    if case.state != before.state {
        timers::set(&mut tx, site, inner.site(site)?, &current, &case).await?;
    }
    if let Some(job) = commit.job {
        jobs::finish(&mut tx, site, job).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    Ok(others)
}

/// The case's answers as the actor and the rule leave them.
pub(crate) fn decided(
    situation: &Situation,
    transition: &Transition,
    event: &Event,
    decision: &Decision,
) -> Values {
    let mut values = situation.case.values.clone();
    values.merge(&answers(&situation.definition, transition, &event.input));
    values.merge(&decision.values);
    values
}

/// What is wrong with the request is for the maker to read; anything else is for the log.
fn request_error(error: CertificateError) -> EngineError {
    match error {
        CertificateError::Request(problem) => EngineError::sentence(problem.to_string()),
        other => other.into(),
    }
}

/// Brings a case into a state: what lists show of it, and until when it is due.
pub(crate) fn enter(
    inner: &Inner,
    site: &SiteId,
    case: &mut Case,
    state: &State,
    now: Millis,
) -> Result<(), EngineError> {
    if case.state != state.id {
        case.entered_at = now;
        case.due_at = match &state.due {
            Some(due) => Some(inner.site(site)?.calendar.due(now, due)),
            None => None,
        };
    }
    case.state.clone_from(&state.id);
    case.standing = Standing {
        tone: tone_name(state.tone).to_owned(),
        queue: state.queue.map(role_name).unwrap_or_default().to_owned(),
        payable: state.payable,
        ended: state.ends,
        deleted: case.standing.deleted,
    };
    case.updated_at = now;
    Ok(())
}

/// The word for a tone in the database.
pub(crate) fn tone_name(tone: Tone) -> &'static str {
    match tone {
        Tone::Draft => "draft",
        Tone::Waiting => "waiting",
        Tone::Action => "action",
        Tone::Done => "done",
        Tone::Refused => "refused",
    }
}

/// The word for a role's queue in the database.
pub(crate) fn role_name(role: yinxin_core::definition::Role) -> &'static str {
    use yinxin_core::definition::Role;
    match role {
        Role::Reviewer => "reviewer",
        Role::Finance => "finance",
        Role::Maker => "maker",
        Role::Shipper => "shipper",
        Role::Administrator => "administrator",
    }
}

/// What of the input stays with the case: all but the certificate request, which has a row of its own.
fn answers(
    definition: &Definition,
    transition: &Transition,
    input: &[NamedValue],
) -> Vec<NamedValue> {
    let forms = definition.forms.iter();
    let form = forms
        .clone()
        .find(|form| Some(&form.id) == transition.input.as_ref());
    let is_request = |name: &str| {
        let mut fields = form
            .into_iter()
            .flat_map(|f| &f.sections)
            .flat_map(|s| &s.fields);
        fields.any(|field| field.name == name && field.kind == FieldKind::CertificateRequest)
    };
    input
        .iter()
        .filter(|entry| !is_request(&entry.name))
        .cloned()
        .collect()
}

/// Keyed hashes of what a clerk may search the case by.
pub(crate) fn fingerprints(
    inner: &Inner,
    site: &SiteId,
    situation: &Situation,
    case: &Case,
) -> Vec<String> {
    let context = cases::lookup_context(site);
    let mut keys = BTreeSet::new();
    let fields = situation
        .definition
        .forms
        .iter()
        .flat_map(|f| &f.sections)
        .flat_map(|s| &s.fields);
    for field in fields {
        let searched = matches!(
            field.kind,
            FieldKind::Mobile
                | FieldKind::Uscc
                | FieldKind::IdentityNumber
                | FieldKind::TrackingNumber
                | FieldKind::TaxNumber
        );
        if searched && let Some(entry) = case.values.iter().find(|entry| entry.name == field.name) {
            keys.insert(entry.value.clone());
        }
    }
    keys.extend(
        situation
            .certificates
            .iter()
            .map(|certificate| certificate.serial.clone()),
    );
    keys.extend(situation.origin.iter().map(|origin| origin.serial.clone()));
    keys.insert(situation.account_mobile.clone());
    keys.remove("");
    keys.iter()
        .map(|key| inner.sealer.fingerprint(&context, key))
        .collect()
}

async fn judge(
    conn: &mut Connection,
    site: &SiteId,
    commit: &Commit<'_>,
    now: Millis,
) -> Result<(), EngineError> {
    if !commit.transition.judges_items {
        return Ok(());
    }
    let (_, by, _) = commit.actor.recorded();
    for judgement in &commit.event.judgements {
        let standing = if judgement.passed {
            ItemStanding::Passed
        } else {
            ItemStanding::Refused
        };
        let item = Item {
            item: judgement.item.clone(),
            standing,
            reason: judgement.reason.trim().to_owned(),
            changed_by: by.clone(),
            changed_at: now,
        };
        materials::judge(conn, site, &commit.situation.case.id, &item).await?;
    }
    Ok(())
}

#[expect(
    clippy::too_many_arguments,
    reason = "one effect needs all of the commit it belongs to"
)]
async fn apply(
    inner: &Inner,
    tx: &mut Connection,
    site: &SiteId,
    commit: &Commit<'_>,
    case: &Case,
    index: usize,
    effect: &Effect,
    now: Millis,
) -> Result<(), EngineError> {
    let services = &inner.services;
    let plugin = &commit.plugin.name;
    // One effect of one version of the case: what was already enqueued under it is not enqueued twice.
    let key = format!("{}:{}:{index}", case.id, commit.situation.case.version);
    match effect {
        Effect::StoragePut { key, value } => {
            plugin_storage::write(tx, site, plugin, key, Some(value)).await?;
        }
        Effect::StorageDelete { key } => {
            plugin_storage::write(tx, site, plugin, key, None).await?;
        }
        Effect::Remember { entries } => {
            let (policy, _, form) = inner.account_policy(site).ok_or(EngineError::NotFound)?;
            services
                .accounts
                .remember(tx, site, &policy, &form, &case.account, entries)
                .await?;
        }
        Effect::RequestPayment { lines, methods } => {
            let mut lines = lines.clone();
            // All of it is for the one case of the order, whatever the rule wrote.
            lines
                .iter_mut()
                .for_each(|line| line.case_id = case.id.to_string());
            let order = NewOrder {
                account: case.account.clone(),
                cases: vec![case.id.clone()],
                lines,
                methods: methods.clone(),
                chosen: None,
                expires_at: now.plus(inner.site(site)?.order_days * 24 * 3600),
            };
            services.payments.open_order(tx, site, order).await?;
        }
        Effect::CancelPayment => {
            // An order over several cases ends as a whole: the others can be ordered again without this one.
            if let Some(order) = commit.situation.unpaid_order() {
                let by = commit.actor.by();
                let cancelled = services.payments.cancel_order(tx, site, &order.id, &by);
                match cancelled.await {
                    // It was paid a moment ago: the rule decides anew, knowing it.
                    Err(PaymentError::NotPayable(_)) => return Err(StoreError::Conflict.into()),
                    other => other?,
                }
            }
        }
        Effect::Refund { amount, reason } => {
            let order = commit
                .situation
                .order
                .as_ref()
                .ok_or(EngineError::NotAllowed)?;
            let by = commit.actor.by();
            let refund = NewRefund {
                order: &order.id,
                case: Some(&case.id),
                amount: Fen(*amount),
                reason,
                by: &by,
            };
            services.payments.refund(tx, site, refund).await?;
        }
        Effect::Invoice => {
            let order = commit
                .situation
                .order
                .as_ref()
                .ok_or(EngineError::NotAllowed)?;
            services.invoices.ask(tx, site, &order.id, &case.id).await?;
        }
        Effect::Send {
            message,
            parameters,
        } => {
            let new = message_of(commit, case, message, parameters, key)?;
            services.messaging.queue(tx, site, new).await?;
        }
        Effect::VoidIdentity { check } => {
            services
                .identity
                .void(tx, site, &case.id, Some(check))
                .await?;
        }
        Effect::VoidDocument { document } => {
            papers::void(tx, site, &case.id, Some(document), now).await?;
        }
        Effect::Issue { subject, months } => {
            let order = IssueOrder {
                subject: subject.clone(),
                months: *months,
            };
            services
                .certificates
                .order(tx, site, &case.id, &key, &order)
                .await?;
        }
        Effect::Revoke { serial, reason } => {
            services
                .certificates
                .revoke(tx, site, serial, reason)
                .await?;
        }
        Effect::Hold { serial } => {
            services.certificates.hold(tx, site, serial).await?;
        }
        Effect::Release { serial } => {
            services.certificates.release(tx, site, serial).await?;
        }
        // The capability answers `unavailable` before such an effect can come about.
        Effect::RequestToken { .. } | Effect::CancelToken => return Err(EngineError::NotAllowed),
    }
    Ok(())
}

fn message_of(
    commit: &Commit<'_>,
    case: &Case,
    id: &str,
    parameters: &[NamedValue],
    key: String,
) -> Result<NewMessage, EngineError> {
    let definition = &commit.plugin.definition;
    let message = definition
        .messages
        .iter()
        .find(|m| m.id == id)
        .ok_or(EngineError::NotFound)?;
    let values = &case.values;
    let recipient = match &message.to {
        Recipient::Account => commit.situation.account_mobile.clone(),
        Recipient::Field(field) => values.get(field).to_owned(),
    };
    let fields = match &message.content {
        MessageContent::Sms(_) => [].as_slice(),
        MessageContent::Mail(mail) => &mail.attachments,
    };
    let files = fields
        .iter()
        .map(|field| values.get(field))
        .filter(|id| !id.is_empty());
    Ok(NewMessage {
        key,
        case_id: Some(case.id.clone()),
        recipient,
        template: message.id.clone(),
        content: message.content.clone(),
        parameters: parameters.to_vec(),
        attachments: files.map(FileId::from_stored).collect(),
        expires_at: None,
    })
}

fn entry(
    inner: &Inner,
    site: &SiteId,
    commit: &Commit<'_>,
    case: &Case,
    now: Millis,
) -> Result<Entry, EngineError> {
    let (actor_kind, actor, actor_name) = commit.actor.recorded();
    let json = |value: Result<Vec<u8>, serde_json::Error>| {
        value.map_err(|_| StoreError::Damaged("a ledger entry"))
    };
    let context = format!("{site}/ledger/{}", case.id);
    let input = json(serde_json::to_vec(&commit.event))?;
    let effects = json(serde_json::to_vec(&(commit.decision, commit.effects)))?;
    Ok(Entry {
        at: now,
        case_id: case.id.clone(),
        transition: commit.transition.id.clone(),
        label: commit.transition.label.clone(),
        actor_kind: actor_kind.to_owned(),
        actor,
        actor_name,
        plugin: commit.plugin.name.clone(),
        plugin_digest: commit.plugin.digest.clone(),
        from_state: commit.situation.case.state.clone(),
        to_state: case.state.clone(),
        note: commit.decision.note.clone(),
        input: inner.sealer.seal(&context, &input)?,
        reads: String::from_utf8_lossy(&json(serde_json::to_vec(commit.reads))?).into_owned(),
        effects: inner.sealer.seal(&context, &effects)?,
    })
}
