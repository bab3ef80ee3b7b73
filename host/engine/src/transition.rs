//! One event on a case: who may, what has to be complete, guards, the rule, and the commit of all that it decided.

use crate::actor::Actor;
use crate::commit::{self, Commit};
use crate::error::EngineError;
use crate::following;
use crate::inner::Inner;
use crate::situation::Situation;
use std::sync::Arc;
use yinxin_capabilities::Handled;
use yinxin_core::definition::{self, FieldKind, Transition};
use yinxin_core::form;
use yinxin_core::ids::{CaseId, SiteId};
use yinxin_core::rules::{
    Checkpoint, Event, Fact, ItemJudgement, ItemStanding, NamedValue, Problem,
};
use yinxin_services::case_event::CASE_EVENT_JOB;
use yinxin_services::uploads::{Taken, Upload, UploadError};
use yinxin_store::jobs;

/// What an actor says with an event.
#[derive(Clone, Debug, Default)]
pub struct Submission {
    /// The version that the actor's page was made of; an older one than the case's is refused as stale.
    pub seen_version: Option<i64>,
    pub input: Vec<(String, String)>,
    /// Files for input fields of the kind `attachment`: field, file name, bytes.
    pub attachments: Vec<(String, String, Vec<u8>)>,
    pub judgements: Vec<ItemJudgement>,
}

/// Characters of the reason for refusing an item: what an applicant reads on a phone without losing the thread.
const REASON_LIMIT: usize = 500;

/// How often an event is decided anew because another transaction won; far more than two clerks and a gateway can cause.
pub(crate) const ATTEMPTS: usize = 8;

/// What a transition will do, parsed and checked once, before the first attempt.
pub(crate) struct Request<'a> {
    pub actor: &'a Actor,
    pub transition: &'a str,
    pub submission: &'a Submission,
    pub fact: Fact,
    /// The job that brought the event, finished in the same transaction.
    pub job: Option<&'a str>,
    /// The applicant deletes the case with it.
    pub deletes: bool,
}

/// Brings an event to a case. Nothing happens, or all of it.
pub(crate) async fn fire(
    inner: &Inner,
    site: &SiteId,
    id: &CaseId,
    request: Request<'_>,
) -> Result<(), EngineError> {
    let mut attachments = None;
    for attempt in 1.. {
        match try_once(inner, site, id, &request, &mut attachments).await {
            Err(error) if error.is_conflict() && attempt < ATTEMPTS => {
                tracing::debug!(%site, attempt, "another transaction won, deciding anew");
            }
            Err(error) if error.is_conflict() => return Err(EngineError::Stale),
            other => {
                let touched = other?;
                for case in touched.iter().chain([id]) {
                    inner.changed(site, case);
                }
                return Ok(());
            }
        }
    }
    Err(EngineError::Stale)
}

async fn try_once(
    inner: &Inner,
    site: &SiteId,
    id: &CaseId,
    request: &Request<'_>,
    attachments: &mut Option<Vec<(String, Taken)>>,
) -> Result<Vec<CaseId>, EngineError> {
    let situation = {
        let mut conn = inner.store.read().await?;
        // Time does not overtake what has happened: money that came on the last day is heard of first. What comes after
        // this look changes the situation, which the commit notices.
        if *request.actor == Actor::Timer
            && jobs::are_waiting(&mut conn, site, id, CASE_EVENT_JOB).await?
        {
            return Err(EngineError::Stale);
        }
        Situation::read(inner, &mut conn, site, id).await?
    };
    let transition = permitted(&situation, request)?.clone();
    held_by_nobody_else(inner, &situation, request)?;
    complete(inner, &situation, &transition)?;
    judged(&situation, &transition, &request.submission.judgements)?;
    let mut input = read_input(&situation, &transition, request.submission)?;

    // Files go to the blob store once, whatever the number of attempts.
    if attachments.is_none() {
        *attachments = Some(take_attachments(inner, site, &situation, &transition, request).await?);
    }
    let attachments = attachments.as_deref().unwrap_or_default();
    input.extend(attachments.iter().map(|(field, taken)| NamedValue {
        name: field.clone(),
        value: taken.id().to_string(),
    }));

    let plugin = inner.plugin(site, &situation.case)?;
    let mut facts = situation.facts(inner, site, inner.now());
    let csr = certificate_request(&situation, &transition, &input);
    facts.has_request |= csr.is_some();
    for entry in &input {
        facts.values.retain(|value| value.name != entry.name);
        facts.values.push(entry.clone());
    }
    let facts = Arc::new(facts);
    let context = || inner.context(Some(facts.clone()));
    let view = situation.view();
    let moment = inner.moment();

    let mut reads = Vec::new();
    for guard in &transition.guards {
        let checkpoint = Checkpoint::Guard(guard.clone());
        let called = plugin.check(context(), &view, &moment, &checkpoint).await?;
        if !called.value.is_empty() {
            return Err(EngineError::Problems(called.value));
        }
        reads.extend(called.reads);
    }

    let (_, actor, _) = request.actor.recorded();
    let event = Event {
        transition: transition.id.clone(),
        at: moment,
        actor,
        input: input.clone(),
        judgements: if transition.judges_items {
            request.submission.judgements.clone()
        } else {
            Vec::new()
        },
        fact: request.fact.clone(),
    };
    let Handled {
        result,
        effects,
        reads: handled,
    } = plugin.handle(context(), &view, &event).await?;
    reads.extend(handled);
    let decision = result.map_err(EngineError::Problems)?;
    let mut after = view;
    after.state.clone_from(&decision.to);
    after.values = commit::decided(&situation, &transition, &event, &decision).into_vec();
    let next = situation.state_named(&decision.to)?;
    let following =
        following::decide(inner, site, &situation, &after, next, request.deletes).await?;

    commit::commit(
        inner,
        site,
        Commit {
            situation: &situation,
            plugin: &plugin,
            transition: &transition,
            event: &event,
            decision: &decision,
            effects: &effects,
            reads: &reads,
            certificate_request: csr,
            attachments,
            actor: request.actor,
            job: request.job,
            deletes: request.deletes,
            following: &following,
        },
    )
    .await
}

/// The transition, if this actor may bring it in this state.
fn permitted<'a>(
    situation: &'a Situation,
    request: &Request<'_>,
) -> Result<&'a Transition, EngineError> {
    if let Actor::Applicant(account) = request.actor
        && (*account != situation.case.account || situation.case.standing.deleted)
    {
        return Err(EngineError::NotFound);
    }
    let transition = situation.transition(request.transition)?;
    if situation.case.standing.deleted || !request.actor.may_bring(&transition.actor) {
        return Err(EngineError::NotAllowed);
    }
    let stale = request
        .submission
        .seen_version
        .is_some_and(|seen| seen != situation.case.version);
    if !transition.from.contains(&situation.case.state) {
        return Err(if request.submission.seen_version.is_some() {
            EngineError::Stale
        } else {
            EngineError::NotAllowed
        });
    }
    if stale {
        Err(EngineError::Stale)
    } else {
        Ok(transition)
    }
}

/// What a colleague has taken on is the colleague's until it is given back or the claim runs out.
fn held_by_nobody_else(
    inner: &Inner,
    situation: &Situation,
    request: &Request<'_>,
) -> Result<(), EngineError> {
    let (Actor::Clerk(clerk), Some(claim)) = (request.actor, &situation.case.claim) else {
        return Ok(());
    };
    if claim.clerk != clerk.id && claim.until > inner.now() {
        return Err(EngineError::sentence("这件申请正由其他同事办理"));
    }
    Ok(())
}

/// Titles of the steps that the transition asks for and that are not complete.
pub(crate) fn missing_steps(
    inner: &Inner,
    situation: &Situation,
    transition: &Transition,
) -> Vec<String> {
    let steps = transition
        .complete
        .iter()
        .filter_map(|id| situation.step(id).ok());
    steps
        .filter(|step| !situation.is_complete(inner, step))
        .map(|step| step.title.clone())
        .collect()
}

fn complete(
    inner: &Inner,
    situation: &Situation,
    transition: &Transition,
) -> Result<(), EngineError> {
    let missing = missing_steps(inner, situation, transition);
    if missing.is_empty() {
        return Ok(());
    }
    let problems = missing.into_iter().map(|title| Problem {
        item: None,
        message: format!("请先完成“{title}”"),
        offer: None,
    });
    Err(EngineError::Problems(problems.collect()))
}

/// Everything that a clerk has to judge in the present state: form sections and materials.
pub(crate) fn items_to_judge(situation: &Situation) -> Vec<String> {
    let mut items = Vec::new();
    for step in situation
        .service()
        .map(|s| s.steps.as_slice())
        .unwrap_or_default()
    {
        match &step.content {
            definition::StepContent::Form(form) => {
                let sections = situation.form(form).map(|form| form.sections.as_slice());
                items.extend(sections.unwrap_or_default().iter().map(|s| s.id.clone()));
            }
            definition::StepContent::Materials(ids) => {
                let uploaded = situation.materials(ids).filter(|material| {
                    situation.standing_of_material(material).0 != ItemStanding::Missing
                });
                items.extend(uploaded.map(|material| material.id.clone()));
            }
            _ => {}
        }
    }
    items
}

/// Passing on needs every item passed; refusing needs one refused, with a reason.
fn judged(
    situation: &Situation,
    transition: &Transition,
    judgements: &[ItemJudgement],
) -> Result<(), EngineError> {
    if !transition.judges_items {
        return Ok(());
    }
    let items = items_to_judge(situation);
    let problem = |item: Option<&str>, message: &str| Problem {
        item: item.map(str::to_owned),
        message: message.to_owned(),
        offer: None,
    };
    let mut problems = Vec::new();
    for judgement in judgements {
        if !items.contains(&judgement.item) {
            problems.push(problem(
                None,
                "审核意见中有不属于本申请的项目，请刷新页面后重试",
            ));
        }
        let same = judgements.iter().filter(|j| j.item == judgement.item);
        if same.count() > 1 {
            problems.push(problem(
                Some(&judgement.item),
                "此项有两个审核意见，请刷新页面后重试",
            ));
        }
        if judgement.reason.chars().count() > REASON_LIMIT {
            let message = format!("退回原因请控制在 {REASON_LIMIT} 个字以内");
            problems.push(problem(Some(&judgement.item), &message));
        }
        if !judgement.passed && judgement.reason.trim().is_empty() {
            problems.push(problem(Some(&judgement.item), "请填写退回原因"));
        }
    }
    let refused = judgements
        .iter()
        .filter(|judgement| !judgement.passed)
        .count();
    if transition.negative && refused == 0 {
        problems.push(problem(None, "请至少退回一项并写明原因"));
    }
    if !transition.negative {
        for item in &items {
            match judgements.iter().find(|judgement| &judgement.item == item) {
                Some(judgement) if judgement.passed => {}
                Some(_) => problems.push(problem(Some(item), "此项已标记退回，不能通过")),
                None => problems.push(problem(Some(item), "此项尚未审核")),
            }
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(EngineError::Problems(problems))
    }
}

fn read_input(
    situation: &Situation,
    transition: &Transition,
    submission: &Submission,
) -> Result<Vec<NamedValue>, EngineError> {
    let Some(form) = transition
        .input
        .as_deref()
        .and_then(|id| situation.form(id))
    else {
        return Ok(Vec::new());
    };
    let mut raw = submission.input.clone();
    // Only a file that comes along answers its field: an id that was typed could be another case's file. The new file's
    // own id takes this word's place once it is kept.
    for field in form.sections.iter().flat_map(|section| &section.fields) {
        if field.kind == FieldKind::Attachment {
            raw.retain(|(known, _)| *known != field.name);
        }
    }
    raw.extend(
        submission
            .attachments
            .iter()
            .map(|(field, ..)| (field.clone(), "attached".to_owned())),
    );
    let reading = form::read_form(form, &raw, &form::Values::default());
    if !reading.problems.is_empty() {
        return Err(EngineError::Problems(reading.problems));
    }
    let attached = |name: &str| {
        submission
            .attachments
            .iter()
            .any(|(field, ..)| field == name)
    };
    Ok(reading
        .values
        .into_vec()
        .into_iter()
        .filter(|entry| !attached(&entry.name))
        .collect())
}

async fn take_attachments(
    inner: &Inner,
    site: &SiteId,
    situation: &Situation,
    transition: &Transition,
    request: &Request<'_>,
) -> Result<Vec<(String, Taken)>, EngineError> {
    let Some(form) = transition
        .input
        .as_deref()
        .and_then(|id| situation.form(id))
    else {
        return Ok(Vec::new());
    };
    let (_, by, _) = request.actor.recorded();
    let mut taken = Vec::new();
    for (field, name, bytes) in &request.submission.attachments {
        let fields = || form.sections.iter().flat_map(|section| &section.fields);
        if !fields().any(|f| &f.name == field && f.kind == FieldKind::Attachment) {
            continue;
        }
        let uploads = &inner.services.uploads;
        let upload = Upload {
            name: name.clone(),
            bytes: bytes.clone().into(),
            by: by.clone(),
        };
        let case = &situation.case.id;
        let file = match uploads.take_attachment(site, case, upload).await {
            Ok(taken) => taken,
            Err(UploadError::Refused(problem)) => {
                let message = problem.to_string();
                let problem = Problem {
                    item: Some(field.clone()),
                    message,
                    offer: None,
                };
                return Err(EngineError::Problems(vec![problem]));
            }
            Err(error) => return Err(error.into()),
        };
        taken.push((field.clone(), file));
    }
    Ok(taken)
}

/// The PKCS#10 request that the maker uploaded with this event.
fn certificate_request(
    situation: &Situation,
    transition: &Transition,
    input: &[NamedValue],
) -> Option<String> {
    let form = situation.form(transition.input.as_deref()?)?;
    let mut fields = form.sections.iter().flat_map(|section| &section.fields);
    let field = fields.find(|field| field.kind == FieldKind::CertificateRequest)?;
    input
        .iter()
        .find(|entry| entry.name == field.name)
        .map(|entry| entry.value.clone())
}
