//! What an applicant does with a case outside of its lifecycle's transitions: beginning it, answering, uploading. Each
//! step is saved at once, so that it can be left and taken up again anywhere.

use crate::Engine;
use crate::actor::Actor;
use crate::commit::{enter, fingerprints};
use crate::error::EngineError;
use crate::following::{self, Following};
use crate::inner::Inner;
use crate::situation::{Situation, profile};
use crate::transition::{self, ATTEMPTS, Request, Submission};
use crate::views::Saved;
use std::sync::Arc;
use yinxin_capabilities::Plugin;
use yinxin_core::definition::{Block, Document, Field, Form, Service, ServiceKind, StepContent};
use yinxin_core::form::{self, Values};
use yinxin_core::ids::{AccountId, CaseId, SiteId};
use yinxin_core::money::Standing as PaymentStanding;
use yinxin_core::rules::{Checkpoint, Fact, ItemStanding, NamedValue, Problem, Sources};
use yinxin_services::certificates::{Holding, Outlook, Reading};
use yinxin_store::cases::{self, Case, Standing, Step};
use yinxin_store::certificates::{self, Origin};
use yinxin_store::ledger::{self, Entry};
use yinxin_store::materials::{self, Item};
use yinxin_store::{Connection, StoreError, jobs, papers, plugin_storage};

/// Open drafts of one account and service. Nobody needs more, and a script that makes them is stopped.
const DRAFTS: usize = 50;

/// An application that was begun, or gone on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    pub case: CaseId,
    /// It was there before.
    pub resumed: bool,
}

/// The certificate that an application begins from.
struct Source {
    origin: Origin,
    /// What the rules are told of it.
    fields: Vec<NamedValue>,
}

impl Engine {
    /// Begins an application: an empty case in the first state, with what the profile already knows. A service that starts
    /// from a certificate is begun by [`Engine::start_from`].
    pub async fn start(
        &self,
        site: &SiteId,
        account: &AccountId,
        plugin: &str,
        service: &str,
    ) -> Result<CaseId, EngineError> {
        let plugin = self.plugin_of(site, plugin)?;
        if offered(&plugin, service)?.from_certificate {
            return Err(EngineError::sentence("请先选择要办理的证书"));
        }
        self.begin(site, account, &plugin, service, None).await
    }

    /// Begins an application that is about a certificate in the account's hands, with what stands in the certificate. One
    /// that the account has begun from it and not ended goes on instead.
    pub async fn start_from(
        &self,
        site: &SiteId,
        account: &AccountId,
        plugin: &str,
        service: &str,
        serial: &str,
    ) -> Result<Begun, EngineError> {
        let inner = &self.inner;
        let plugin = self.plugin_of(site, plugin)?;
        let offered = offered(&plugin, service)?;
        if !offered.from_certificate {
            return Err(EngineError::NotFound);
        }
        let mut conn = inner.store.read().await?;
        let held = &inner.services.certificates;
        let held = held.holding(&mut conn, site, account, serial).await?;
        let held = held.ok_or(EngineError::NotFound)?;
        match held.outlook {
            Outlook::Revoked => {
                return Err(EngineError::sentence(
                    "这张证书已注销，不能再办理业务。请申请新证书。",
                ));
            }
            Outlook::Renewed if offered.kind == ServiceKind::Renewal => {
                return Err(EngineError::sentence(
                    "这张证书已经续费。请选择续费后的新证书，或在“我的证书”中查看。",
                ));
            }
            Outlook::Replaced => {
                return Err(EngineError::sentence(
                    "这张证书已由新证书代替。请选择新证书办理。",
                ));
            }
            _ => {}
        }
        let begun =
            certificates::case_from(&mut conn, site, serial, account, &plugin.name, service);
        if let Some(case) = begun.await? {
            return Ok(Begun {
                case,
                resumed: true,
            });
        }
        drop(conn);
        let read =
            Reading::of(held.pem.as_bytes()).map_err(|_| StoreError::Damaged("a certificate"))?;
        let source = Source {
            origin: Origin {
                serial: held.serial.clone(),
                kind: kind_name(offered.kind).to_owned(),
            },
            fields: fields(&held, &read),
        };
        let case = self
            .begin(site, account, &plugin, service, Some(source))
            .await?;
        Ok(Begun {
            case,
            resumed: false,
        })
    }

    fn plugin_of(&self, site: &SiteId, name: &str) -> Result<Arc<Plugin>, EngineError> {
        let found = self.inner.registry.plugin(site, name);
        found.ok_or(EngineError::NotFound)
    }

    async fn begin(
        &self,
        site: &SiteId,
        account: &AccountId,
        plugin: &Plugin,
        service: &str,
        source: Option<Source>,
    ) -> Result<CaseId, EngineError> {
        let inner = &self.inner;
        let definition = &plugin.definition;
        let service = offered(plugin, service)?;
        let lifecycle = definition
            .lifecycles
            .iter()
            .find(|l| l.id == service.lifecycle);
        let lifecycle = lifecycle.ok_or(EngineError::NotFound)?;
        let initial = lifecycle
            .states
            .iter()
            .find(|state| state.id == lifecycle.initial);
        let initial = initial.ok_or(EngineError::NotFound)?;

        let profile = {
            let mut conn = inner.store.read().await?;
            let drafts = cases::Filter {
                account: Some(account.clone()),
                service: Some(service.id.clone()),
                state: Some(initial.id.clone()),
                ..cases::Filter::default()
            };
            let limit = i64::try_from(DRAFTS).unwrap_or(i64::MAX);
            if cases::newest(&mut conn, site, &drafts, None, limit)
                .await?
                .len()
                >= DRAFTS
            {
                return Err(EngineError::sentence(
                    "未提交的申请过多，请先提交或删除已有的申请",
                ));
            }
            profile(inner, &mut conn, site, account).await?
        };
        let (origin, certificate) = match source {
            Some(Source { origin, fields }) => (Some(origin), fields),
            None => (None, Vec::new()),
        };
        let sources = Sources {
            service: service.id.clone(),
            profile,
            earlier: None,
            certificate,
            at: inner.moment(),
        };
        let values = plugin.prefill(inner.context(None), &sources).await?.value;

        let now = inner.now();
        let mut tx = inner.store.begin().await?;
        let mut case = Case {
            id: CaseId::generate(),
            number: cases::next_number(&mut tx, site, now).await?,
            account: account.clone(),
            plugin: plugin.name.clone(),
            plugin_digest: plugin.digest.clone(),
            plugin_version: definition.version.clone(),
            service: service.id.clone(),
            state: String::new(),
            standing: Standing {
                tone: String::new(),
                queue: String::new(),
                payable: false,
                ended: false,
                deleted: false,
            },
            subject: Values::from(values.clone())
                .get(&service.subject_field)
                .to_owned(),
            values,
            version: 1,
            entered_at: now,
            due_at: None,
            created_at: now,
            updated_at: now,
            claim: None,
        };
        enter(inner, site, &mut case, initial, now)?;
        cases::insert(&mut tx, &inner.sealer, site, &case).await?;
        let mut input = Vec::new();
        if let Some(origin) = origin {
            certificates::set_origin(&mut tx, site, &case.id, &origin).await?;
            input.push(NamedValue {
                name: "certificate".to_owned(),
                value: origin.serial,
            });
        }
        note(inner, &mut tx, site, &case, "begin", "开始申请", &input).await?;
        let situation = Situation::read(inner, &mut tx, site, &case.id).await?;
        let fingerprints = fingerprints(inner, site, &situation, &case);
        cases::set_lookups(&mut tx, site, &case.id, &fingerprints).await?;
        crate::timers::set(&mut tx, site, inner.site(site)?, &situation, &case).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(case.id)
    }

    /// Saves a form step. What was typed is kept, right or wrong; the problems say what is still to mend. Where the case is
    /// in an unpaid order, its price follows: see `following`.
    pub async fn save_form(
        &self,
        site: &SiteId,
        account: &AccountId,
        id: &CaseId,
        step: &str,
        raw: &[(String, String)],
    ) -> Result<Saved, EngineError> {
        for attempt in 1..=ATTEMPTS {
            match self.try_to_save(site, account, id, step, raw).await {
                // Another case of its order changed; a change of this one is for the applicant to look at.
                Err(error) if error.is_conflict() => {
                    tracing::debug!(%site, attempt, "another transaction won, saving anew");
                }
                outcome => return outcome,
            }
        }
        Err(EngineError::Stale)
    }

    async fn try_to_save(
        &self,
        site: &SiteId,
        account: &AccountId,
        id: &CaseId,
        step: &str,
        raw: &[(String, String)],
    ) -> Result<Saved, EngineError> {
        let inner = &self.inner;
        let situation = self.open_step(site, account, id, step).await?;
        let StepContent::Form(form) = &situation.step(step)?.content else {
            return Err(EngineError::NotFound);
        };
        let form = situation.form(form).ok_or(EngineError::NotFound)?.clone();
        let reading = form::read_form(&form, raw, &situation.values);
        let mut problems = reading.problems;
        let values = other_answers(&situation.values, &form, &reading.values);

        if problems.is_empty() {
            let mut view = situation.view();
            view.values = values.as_slice().to_vec();
            let mut facts = situation.facts(inner, site, inner.now());
            facts.values.clone_from(&view.values);
            let plugin = inner.plugin(site, &situation.case)?;
            let checkpoint = Checkpoint::Step(step.to_owned());
            let context = inner.context(Some(facts));
            problems = match plugin
                .check(context, &view, &inner.moment(), &checkpoint)
                .await
            {
                Ok(called) => called.value,
                // What was typed is kept all the same; the step stays open until the rules have looked at it.
                Err(error) => vec![crate::error::unchecked(&error)],
            };
        }

        let mut after = situation.view();
        after.values = values.as_slice().to_vec();
        // Nobody knows the price of wrong answers: the order waits until they are right.
        let following = if problems.is_empty() {
            let state = situation.state()?;
            following::decide(inner, site, &situation, &after, state, false).await?
        } else {
            Following::Nothing
        };

        let mut case = situation.case.clone();
        case.subject = values.get(&situation.service()?.subject_field).to_owned();
        case.values = values.into_vec();
        case.updated_at = inner.now();
        let mut tx = inner.store.begin().await?;
        if !matches!(following, Following::Nothing) {
            // Before the case's own row, as everywhere.
            plugin_storage::lock(&mut tx, site, &case.plugin).await?;
        }
        cases::update(&mut tx, &inner.sealer, site, &case)
            .await
            .map_err(stale)?;
        following::verify(inner, &mut tx, site, &situation).await?;
        let others = following::apply(inner, &mut tx, site, id, &following).await?;
        let fingerprints = fingerprints(inner, site, &situation, &case);
        cases::set_lookups(&mut tx, site, id, &fingerprints).await?;
        let saved = Step {
            step: step.to_owned(),
            complete: problems.is_empty(),
            problems: serde_json::to_string(&problems).unwrap_or_else(|_| "[]".to_owned()),
        };
        cases::set_step(&mut tx, site, id, &saved, case.updated_at).await?;
        self.revise_judgements(&mut tx, site, &situation, &case, &form)
            .await?;
        self.revise_checks(&mut tx, site, &situation, &case).await?;
        note(
            inner,
            &mut tx,
            site,
            &case,
            "step",
            "保存填写内容",
            &case.values,
        )
        .await?;
        tx.commit().await.map_err(StoreError::from)?;
        for touched in others.iter().chain([id]) {
            inner.changed(site, touched);
        }
        Ok(Saved { problems })
    }

    /// What a clerk said of a section no longer counts once its answers are others.
    async fn revise_judgements(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        before: &Situation,
        case: &Case,
        form: &Form,
    ) -> Result<(), EngineError> {
        let after = Values::from(case.values.clone());
        for section in &form.sections {
            let differs = |field: &Field| before.values.get(&field.name) != after.get(&field.name);
            if section.fields.iter().any(differs) {
                let unjudged = Item {
                    item: section.id.clone(),
                    standing: ItemStanding::Missing,
                    reason: String::new(),
                    changed_by: case.account.to_string(),
                    changed_at: case.updated_at,
                };
                materials::judge(conn, site, &case.id, &unjudged).await?;
            }
        }
        Ok(())
    }

    /// A check is of one person: with another name or number it is void, and the letter that carries its QR code too.
    async fn revise_checks(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        before: &Situation,
        case: &Case,
    ) -> Result<(), EngineError> {
        let after = Values::from(case.values.clone());
        for check in &before.definition.checks {
            let changed = [&check.name_field, &check.number_field]
                .iter()
                .any(|field| before.values.get(field) != after.get(field));
            if changed {
                let identity = &self.inner.services.identity;
                identity.void(conn, site, &case.id, Some(&check.id)).await?;
                for document in before
                    .definition
                    .documents
                    .iter()
                    .filter(|d| carries(d, &check.id))
                {
                    papers::void(conn, site, &case.id, Some(&document.id), case.updated_at).await?;
                }
            }
        }
        Ok(())
    }

    /// The applicant has read and accepts the agreement of this step.
    pub async fn accept_agreement(
        &self,
        site: &SiteId,
        account: &AccountId,
        id: &CaseId,
        step: &str,
    ) -> Result<(), EngineError> {
        let inner = &self.inner;
        let situation = self.open_step(site, account, id, step).await?;
        let StepContent::Agreement(document) = &situation.step(step)?.content else {
            return Err(EngineError::NotFound);
        };
        let accepted = [NamedValue {
            name: "agreement".to_owned(),
            value: document.clone(),
        }];
        let mut case = situation.case.clone();
        case.updated_at = inner.now();
        let mut tx = inner.store.begin().await?;
        cases::update(&mut tx, &inner.sealer, site, &case)
            .await
            .map_err(stale)?;
        let saved = Step {
            step: step.to_owned(),
            complete: true,
            problems: "[]".to_owned(),
        };
        cases::set_step(&mut tx, site, id, &saved, case.updated_at).await?;
        note(inner, &mut tx, site, &case, "step", "同意协议", &accepted).await?;
        tx.commit().await.map_err(StoreError::from)?;
        inner.changed(site, id);
        Ok(())
    }

    /// Deletes an application that was not taken up yet, by the lifecycle's own transition `delete` where it has one, so
    /// that the plugin can give back what it had reserved. Its identity checks and papers become void.
    pub async fn delete(
        &self,
        site: &SiteId,
        account: &AccountId,
        id: &CaseId,
    ) -> Result<(), EngineError> {
        let inner = &self.inner;
        let situation = self.own(site, account, id).await?;
        if !situation.state()?.deletable {
            return Err(EngineError::NotAllowed);
        }
        let by_rule = situation
            .transition("delete")
            .is_ok_and(|transition| transition.from.contains(&situation.case.state));
        if by_rule {
            let request = Request {
                actor: &Actor::Applicant(account.clone()),
                transition: "delete",
                submission: &Submission::default(),
                fact: Fact::None,
                job: None,
                deletes: true,
            };
            return transition::fire(inner, site, id, request).await;
        }
        if matches!(
            situation.share.standing,
            PaymentStanding::Paid | PaymentStanding::Refunding
        ) {
            return Err(EngineError::sentence("这件申请已经付款，不能删除"));
        }
        let (state, view) = (situation.state()?, situation.view());
        let following = following::decide(inner, site, &situation, &view, state, true).await?;
        let mut case = situation.case.clone();
        let now = inner.now();
        case.standing.deleted = true;
        case.updated_at = now;
        let mut tx = inner.store.begin().await?;
        cases::update(&mut tx, &inner.sealer, site, &case)
            .await
            .map_err(stale)?;
        let followed = async {
            following::verify(inner, &mut tx, site, &situation).await?;
            following::apply(inner, &mut tx, site, id, &following).await
        };
        let others = match followed.await {
            // It was ordered or paid at this moment.
            Err(error) if error.is_conflict() => return Err(EngineError::Stale),
            others => others?,
        };
        inner
            .services
            .identity
            .void(&mut tx, site, id, None)
            .await?;
        papers::void(&mut tx, site, id, None, now).await?;
        jobs::cancel_of_case(&mut tx, site, id, crate::timers::KIND).await?;
        note(inner, &mut tx, site, &case, "delete", "删除申请", &[]).await?;
        tx.commit().await.map_err(StoreError::from)?;
        for touched in others.iter().chain([id]) {
            inner.changed(site, touched);
        }
        Ok(())
    }

    /// The applicant's own case, not a deleted one.
    pub(crate) async fn own(
        &self,
        site: &SiteId,
        account: &AccountId,
        id: &CaseId,
    ) -> Result<Situation, EngineError> {
        let mut conn = self.inner.store.read().await?;
        let situation = Situation::read(&self.inner, &mut conn, site, id).await?;
        if situation.case.account != *account || situation.case.standing.deleted {
            return Err(EngineError::NotFound);
        }
        Ok(situation)
    }

    async fn open_step(
        &self,
        site: &SiteId,
        account: &AccountId,
        id: &CaseId,
        step: &str,
    ) -> Result<Situation, EngineError> {
        let situation = self.own(site, account, id).await?;
        situation.step(step)?;
        if situation.is_open(step) {
            Ok(situation)
        } else {
            Err(EngineError::NotAllowed)
        }
    }
}

fn offered<'a>(plugin: &'a Plugin, service: &str) -> Result<&'a Service, EngineError> {
    let mut services = plugin.definition.services.iter();
    services
        .find(|offered| offered.id == service)
        .ok_or(EngineError::NotFound)
}

/// What the contract promises of `sources.certificate`.
fn fields(held: &Holding, read: &Reading) -> Vec<NamedValue> {
    let named = |name: &str, value: String| NamedValue {
        name: name.to_owned(),
        value,
    };
    let standing = match held.outlook {
        Outlook::Revoked => "revoked",
        Outlook::Expired(_) => "expired",
        Outlook::Held => "held",
        Outlook::Valid | Outlook::Ending(_) | Outlook::Renewed | Outlook::Replaced => "valid",
    };
    let attributes = read.subject.iter();
    let attributes =
        attributes.map(|a| named(&format!("subject.{}", a.name), a.value.trim().to_owned()));
    let mut fields: Vec<NamedValue> = attributes.collect();
    fields.push(named("serial", held.serial.clone()));
    fields.push(named("not-before", held.not_before.day().to_string()));
    fields.push(named("not-after", held.not_after.day().to_string()));
    fields.push(named("standing", standing.to_owned()));
    fields
}

/// The word for a service's kind in the database.
fn kind_name(kind: ServiceKind) -> &'static str {
    match kind {
        ServiceKind::New => "new",
        ServiceKind::Renewal => "renewal",
        ServiceKind::Reissue => "reissue",
        ServiceKind::Inspection => "inspection",
        ServiceKind::Change => "change",
        ServiceKind::Freeze => "freeze",
        ServiceKind::Restore => "restore",
        ServiceKind::Revoke => "revoke",
        ServiceKind::KeyRecovery => "key-recovery",
        ServiceKind::Bind => "bind",
    }
}

/// The case's answers with those of one form replaced: fields of the form that were not asked are dropped.
fn other_answers(before: &Values, form: &Form, answers: &Values) -> Values {
    let mut values = before.clone();
    for field in form.sections.iter().flat_map(|section| &section.fields) {
        values.remove(&field.name);
    }
    values.merge(answers.as_slice());
    values
}

/// The paper shows the QR code of this check.
fn carries(document: &Document, check: &str) -> bool {
    document
        .blocks
        .iter()
        .any(|block| matches!(block, Block::IdentityQr(id) if id == check))
}

/// A row of the ledger for what the host itself does on the applicant's word.
pub(crate) async fn note(
    inner: &Inner,
    conn: &mut Connection,
    site: &SiteId,
    case: &Case,
    transition: &str,
    label: &str,
    input: &[NamedValue],
) -> Result<(), EngineError> {
    let context = format!("{site}/ledger/{}", case.id);
    let json = serde_json::to_vec(input).map_err(|_| StoreError::Damaged("a ledger entry"))?;
    let entry = Entry {
        at: inner.now(),
        case_id: case.id.clone(),
        transition: transition.to_owned(),
        label: label.to_owned(),
        actor_kind: "applicant".to_owned(),
        actor: case.account.to_string(),
        actor_name: String::new(),
        plugin: case.plugin.clone(),
        plugin_digest: case.plugin_digest.clone(),
        from_state: case.state.clone(),
        to_state: case.state.clone(),
        note: String::new(),
        input: inner.sealer.seal(&context, &json)?,
        reads: "[]".to_owned(),
        effects: inner.sealer.seal(&context, b"[]")?,
    };
    ledger::append(conn, site, &entry).await?;
    Ok(())
}

fn stale(error: StoreError) -> EngineError {
    if error.is_conflict() {
        EngineError::Stale
    } else {
        error.into()
    }
}

/// Problems that the last saving of a step left, from the database.
pub(crate) fn stored_problems(step: &Step) -> Vec<Problem> {
    serde_json::from_str(&step.problems).unwrap_or_default()
}
