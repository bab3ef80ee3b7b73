//! The page of one case.

use crate::Engine;
use crate::actor::Actor;
use crate::applicant::stored_problems;
use crate::error::EngineError;
use crate::fitting::unfit;
use crate::inner::Inner;
use crate::papers::is_paper_of;
use crate::situation::{Situation, standing_of};
use crate::transition::missing_steps;
use crate::views::{
    ActionView, CasePage, CertificateView, CheckView, ClaimView, FileView, HistoryLine, ItemView,
    MaterialView, MessageView, OrderView, PaperView, StepKind, StepView,
};
use yinxin_capabilities::CertificateStanding;
use yinxin_core::definition::{IdentityCheck, Material, Step, StepContent};
use yinxin_core::identity::Standing;
use yinxin_core::ids::{CaseId, SiteId};
use yinxin_core::shared::Shared;
use yinxin_core::time::Millis;
use yinxin_services::uploads;
use yinxin_store::cases::Claim;
use yinxin_store::ledger::Recorded;
use yinxin_store::{ledger, messages};

/// Messages shown of a case; one has a dozen.
const MESSAGES: i64 = 200;

impl Engine {
    /// Everything about a case that its applicant, or a clerk of the site, may see.
    pub async fn page(
        &self,
        site: &SiteId,
        viewer: &Actor,
        id: &CaseId,
    ) -> Result<CasePage, EngineError> {
        let inner = &self.inner;
        let mut conn = inner.store.read().await?;
        let situation = Situation::read(inner, &mut conn, site, id).await?;
        may_see(&situation, viewer)?;
        let now = inner.now();
        let clerk = matches!(viewer, Actor::Clerk(_));
        let history = ledger::of_case(&mut conn, site, id).await?;
        let messages = if clerk {
            messages::of_case(&mut conn, &inner.sealer, site, id, None, MESSAGES).await?
        } else {
            Vec::new()
        };
        let state = situation.state()?.clone();
        let steps = situation.service()?.steps.iter();
        let steps = steps
            .filter_map(|step| step_view(inner, &situation, step))
            .collect();
        let papers = situation.definition.documents.iter().filter(|document| {
            situation.case.values.shows(document.shown_when.as_deref())
                && (document.states.is_empty() || document.states.contains(&state.id))
                && is_paper_of(&situation, &document.id)
        });
        Ok(CasePage {
            service: situation.service()?.clone(),
            version: situation.case.version,
            created_at: situation.case.created_at,
            entered_at: situation.case.entered_at,
            due_at: situation.case.due_at,
            actions: actions(inner, &situation, viewer)?,
            materials: situation
                .wanted_materials()
                .into_iter()
                .map(|material| material_view(&situation, material))
                .collect(),
            sections: situation
                .items
                .iter()
                .map(|item| ItemView {
                    item: item.item.clone(),
                    standing: item.standing,
                    reason: item.reason.clone(),
                })
                .collect(),
            checks: situation
                .definition
                .checks
                .iter()
                .map(|c| check_view(&situation, c, now))
                .collect(),
            papers: papers
                .map(|document| {
                    let made = situation.made(inner, document);
                    PaperView {
                        document: document.clone(),
                        made_at: made.map(|(at, _)| at),
                        outdated: made.is_some_and(|(_, outdated)| outdated),
                    }
                })
                .collect(),
            orderable: orderable(inner, &situation, viewer),
            order: order_view(&situation),
            certificates: certificates(&situation, now),
            history: history
                .iter()
                .filter(|row| shown(row, clerk))
                .map(|row| line(row, clerk))
                .collect(),
            claim: match viewer {
                Actor::Clerk(clerk) => claim_view(situation.case.claim.as_ref(), &clerk.id, now),
                _ => None,
            },
            messages: messages.into_iter().map(message_view).collect(),
            state,
            steps,
            definition: situation.definition,
            id: situation.case.id,
            number: situation.case.number,
            subject: situation.case.subject,
            values: situation.case.values,
        })
    }
}

/// An applicant sees their own cases that are not deleted; a clerk sees those of the site.
pub(crate) fn may_see(situation: &Situation, viewer: &Actor) -> Result<(), EngineError> {
    match viewer {
        Actor::Applicant(account)
            if *account != situation.case.account || situation.case.standing.deleted =>
        {
            Err(EngineError::NotFound)
        }
        _ => Ok(()),
    }
}

fn step_view(inner: &Inner, situation: &Situation, step: &Step) -> Option<StepView> {
    let kind = match &step.content {
        StepContent::Agreement(id) => StepKind::Agreement(situation.document(id)?.clone()),
        StepContent::Form(id) => StepKind::Form(situation.form(id)?.clone()),
        StepContent::Documents(ids) => {
            StepKind::Documents(situation.documents(ids).cloned().collect())
        }
        StepContent::Identity(id) => StepKind::Identity(situation.check(id)?.clone()),
        StepContent::Materials(ids) => {
            StepKind::Materials(situation.materials(ids).cloned().collect())
        }
        StepContent::Summary => StepKind::Summary,
        StepContent::Token => StepKind::Token,
    };
    let stored = situation.steps.iter().find(|row| row.step == step.id);
    Some(StepView {
        id: step.id.clone(),
        title: step.title.clone(),
        hint: step.hint.clone(),
        kind,
        complete: situation.is_complete(inner, step),
        open: situation.is_open(&step.id),
        problems: stored.map(stored_problems).unwrap_or_default(),
    })
}

/// What the viewer may do now. A deletion has its own button, by [`Engine::delete`].
pub(crate) fn actions(
    inner: &Inner,
    situation: &Situation,
    viewer: &Actor,
) -> Result<Vec<ActionView>, EngineError> {
    if situation.case.standing.deleted {
        return Ok(Vec::new());
    }
    let mut transitions: Vec<_> = situation
        .lifecycle()?
        .transitions
        .iter()
        .filter(|transition| {
            transition.from.contains(&situation.case.state)
                && viewer.may_bring(&transition.actor)
                && transition.id != "delete"
        })
        .collect();
    // The way on stands before the ways out, in whatever order the rules name them.
    transitions.sort_by_key(|transition| transition.negative);
    Ok(transitions
        .into_iter()
        .map(|transition| ActionView {
            id: transition.id.clone(),
            label: transition.label.clone(),
            negative: transition.negative,
            confirm: transition.confirm.clone(),
            input: transition
                .input
                .as_deref()
                .and_then(|id| situation.form(id))
                .cloned(),
            judges_items: transition.judges_items,
            missing: missing_steps(inner, situation, transition),
        })
        .collect())
}

fn material_view(situation: &Situation, material: &Shared<Material>) -> MaterialView {
    let (standing, reason) = situation.standing_of_material(material);
    let files = (0..material.files).map(|position| {
        let mut placed = situation.placed.iter();
        let place = placed.find(|p| p.material == material.id && p.position == position)?;
        situation
            .files
            .get(&place.file)
            .map(|file| service_file(uploads::FileView::from(file.clone())))
    });
    MaterialView {
        files: files.collect(),
        material: material.clone(),
        standing,
        reason,
    }
}

/// A file as pages show it.
pub(crate) fn service_file(file: uploads::FileView) -> FileView {
    FileView {
        id: file.id.to_string(),
        name: file.name,
        media_type: file.media_type,
        size: file.size,
        width: file.width,
        height: file.height,
        is_picture: file.is_picture,
        uploaded_at: file.created_at,
        entries: file.listing,
    }
}

/// Where a check stands and where its QR code leads.
pub(crate) fn check_view(
    situation: &Situation,
    check: &Shared<IdentityCheck>,
    now: Millis,
) -> CheckView {
    let row = situation
        .checks
        .iter()
        .find(|row| row.check_name == check.id);
    let scannable = row.filter(|row| {
        matches!(row.state.standing(), Standing::Waiting | Standing::Failed) && row.expires_at > now
    });
    CheckView {
        check: check.clone(),
        standing: situation.standing_of_check(&check.id),
        path: scannable.map(|row| format!("/p/{}", row.token)),
        expires_at: scannable.map(|row| row.expires_at),
    }
}

/// The applicant may put the case into an order now.
fn orderable(inner: &Inner, situation: &Situation, viewer: &Actor) -> bool {
    matches!(viewer, Actor::Applicant(_)) && unfit(inner, situation, None).is_none()
}

pub(crate) fn order_view(situation: &Situation) -> Option<OrderView> {
    let order = situation.order.as_ref()?;
    let payment = situation.payment.as_ref();
    Some(OrderView {
        id: order.id.to_string(),
        number: order.number.clone(),
        state: order.state.as_str().to_owned(),
        lines: order.lines.clone(),
        total: order.total.0,
        share: situation.share.total.0,
        refunded: situation.share.refunded.0,
        methods: order.methods.clone(),
        chosen: order.chosen,
        reference: order.reference.clone(),
        created_at: order.created_at,
        expires_at: Some(order.expires_at),
        paid_at: order.paid_at,
        paid_by: payment.map(|payment| payment.method),
        transaction: payment
            .map(|payment| payment.transaction.clone())
            .unwrap_or_default(),
    })
}

fn certificates(situation: &Situation, now: Millis) -> Vec<CertificateView> {
    let issued = situation.certificates.iter().filter_map(|certificate| {
        let standing = match standing_of(certificate, now)? {
            CertificateStanding::Valid => "valid",
            CertificateStanding::Held => "held",
            CertificateStanding::Revoked => "revoked",
            CertificateStanding::Expired => "expired",
        };
        Some(CertificateView {
            serial: certificate.serial.clone(),
            subject: certificate.subject.clone(),
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            standing: standing.to_owned(),
        })
    });
    issued.collect()
}

/// Saving a step is noise to the applicant, who did it.
fn shown(row: &Recorded, clerk: bool) -> bool {
    clerk || row.entry.transition != "step"
}

fn line(row: &Recorded, clerk: bool) -> HistoryLine {
    let entry = &row.entry;
    let actor = match (entry.actor_kind.as_str(), clerk) {
        ("applicant", false) => "我".to_owned(),
        ("applicant", true) => "申请人".to_owned(),
        ("clerk", false) => "工作人员".to_owned(),
        ("clerk", true) => entry.actor_name.clone(),
        _ => "系统".to_owned(),
    };
    HistoryLine {
        at: entry.at,
        label: entry.label.clone(),
        note: entry.note.clone(),
        actor,
        from_state: entry.from_state.clone(),
        to_state: entry.to_state.clone(),
    }
}

/// A claim that has not run out.
pub(crate) fn claim_view(
    claim: Option<&Claim>,
    viewer: &yinxin_core::ids::ClerkId,
    now: Millis,
) -> Option<ClaimView> {
    claim
        .filter(|claim| claim.until > now)
        .map(|claim| ClaimView {
            clerk: claim.clerk.clone(),
            until: claim.until,
            mine: claim.clerk == *viewer,
        })
}

fn message_view(message: messages::Message) -> MessageView {
    MessageView {
        id: message.id.to_string(),
        channel: message.channel.as_str().to_owned(),
        recipient: message.recipient_masked,
        subject: message.subject,
        text: message.body,
        state: message.state.as_str().to_owned(),
        last_error: message.last_error,
        created_at: message.created_at,
    }
}
