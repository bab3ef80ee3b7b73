//! What an applicant does with a case outside of its lifecycle's transitions: answering, agreeing, deleting. Each step is
//! saved at once, so that it can be left and taken up again anywhere.

use crate::Engine;
use crate::actor::Actor;
use crate::commit::fingerprints;
use crate::error::EngineError;
use crate::following::{self, Following};
use crate::inner::Inner;
use crate::situation::Situation;
use crate::transition::{self, ATTEMPTS, Request, Submission};
use crate::views::Saved;
use yinxin_core::definition::{Block, Document, Field, Form, StepContent};
use yinxin_core::form::{self, Values};
use yinxin_core::ids::{AccountId, CaseId, SiteId};
use yinxin_core::money::Standing as PaymentStanding;
use yinxin_core::rules::{Checkpoint, Fact, ItemStanding, NamedValue, Problem};
use yinxin_store::cases::{self, Case, Step};
use yinxin_store::ledger::{self, Entry};
use yinxin_store::materials::{self, Item};
use yinxin_store::{Connection, StoreError, jobs, papers, plugin_storage};

impl Engine {
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
        let reading = form::read_form(&form, raw, &situation.case.values);
        let mut problems = reading.problems;
        let values = other_answers(&situation.case.values, &form, &reading.values);

        if problems.is_empty() {
            let mut view = situation.view();
            view.values = values.as_slice().to_vec();
            let mut facts = situation.facts(inner, site, inner.now());
            facts.values.clone_from(&view.values);
            let plugin = inner.plugin(site, &situation.case)?;
            let checkpoint = Checkpoint::Step(step.to_owned());
            let context = inner.context(Some(facts.into()));
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
        case.values = values;
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
            case.values.as_slice(),
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
        let after = &case.values;
        for section in &form.sections {
            let differs =
                |field: &Field| before.case.values.get(&field.name) != after.get(&field.name);
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
        let after = &case.values;
        for check in &before.definition.checks {
            let changed = [&check.name_field, &check.number_field]
                .iter()
                .any(|field| before.case.values.get(field) != after.get(field));
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
