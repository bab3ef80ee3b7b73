//! What the page of a case shows.

use super::Chosen;
use crate::applicant::{Answers, answers, tone_name};
use crate::console::reasons::Ready;
use crate::console::visit::{ClerkVisit, next_path, role_name};
use crate::forms::ProblemView;
use crate::live;
use serde::Serialize;
use std::collections::BTreeMap;
use yinxin_core::definition::Role;
use yinxin_core::identity::Standing;
use yinxin_core::rules::{ItemStanding, Problem};
use yinxin_engine::views::{ActionView, CasePage, FileView, MaterialView, StepKind};

/// One case as the console shows it.
#[derive(Serialize)]
pub struct CaseView {
    pub path: String,
    pub version: i64,
    pub number: String,
    pub subject: String,
    pub project: String,
    pub service: String,
    pub state: String,
    pub tone: &'static str,
    /// The queue that it stands in, or empty.
    pub queue: String,
    pub due: String,
    pub late: bool,
    pub created: String,
    pub sections: Vec<SectionItem>,
    pub materials: Vec<MaterialItem>,
    pub checks: Vec<(String, String, &'static str)>,
    /// Passing and refusing by item, where the state asks for it.
    pub judging: Vec<ActionButton>,
    pub actions: Vec<ActionButton>,
    /// Answers that clerks and the applicant gave on the way: tracking numbers, reasons.
    pub later: Vec<Answers>,
    pub papers: Vec<(String, String)>,
    pub certificates: Vec<CertificateLine>,
    pub order: Option<OrderLine>,
    pub messages: Vec<MessageLine>,
    pub history: Vec<HistoryLine>,
    /// `mine`, `other`, `free` or empty where the clerk has nothing to do with it.
    pub claim: &'static str,
    pub claimed_until: String,
    pub claimed_by: String,
    /// The next case of the queue that the clerk works off, or empty.
    pub next_case: String,
    pub may_see_orders: bool,
    pub may_audit: bool,
    pub may_release: bool,
    pub problems: Vec<ProblemView>,
    /// Changes when the page has something new to show.
    pub live: String,
}

#[derive(Serialize)]
pub struct SectionItem {
    pub id: String,
    pub answers: Answers,
    pub standing: &'static str,
    pub reason: String,
    pub reasons: Vec<String>,
    pub chosen: &'static str,
}

#[derive(Serialize)]
pub struct MaterialItem {
    pub id: String,
    pub title: String,
    pub standing: &'static str,
    pub reason: String,
    pub reasons: Vec<String>,
    pub files: Vec<FileItem>,
    pub chosen: &'static str,
}

#[derive(Serialize)]
pub struct FileItem {
    pub id: String,
    pub caption: String,
    pub name: String,
    pub facts: String,
    pub is_picture: bool,
    pub entries: Vec<String>,
}

#[derive(Serialize)]
pub struct ActionButton {
    pub id: String,
    pub label: String,
    pub negative: bool,
    pub has_page: bool,
}

#[derive(Serialize)]
pub struct CertificateLine {
    pub serial: String,
    pub subject: String,
    pub from: String,
    pub to: String,
    pub standing: String,
}

#[derive(Serialize)]
pub struct OrderLine {
    pub id: String,
    pub number: String,
    pub state: String,
    pub total: i64,
    pub lines: Vec<(String, i64)>,
    pub paid: String,
    pub transaction: String,
}

#[derive(Serialize)]
pub struct MessageLine {
    pub id: String,
    pub at: String,
    pub channel: String,
    pub recipient: String,
    pub subject: String,
    pub text: String,
    pub state: String,
    pub tone: &'static str,
    pub may_resend: bool,
    pub error: String,
}

#[derive(Serialize)]
pub struct HistoryLine {
    pub at: String,
    pub label: String,
    pub note: String,
    pub actor: String,
    /// The state that it led to, where that is another one.
    pub to: String,
}

/// All of it, ready for `console/case.html`.
pub fn view(
    clerk: &ClerkVisit,
    page: &CasePage,
    problems: &[Problem],
    chosen: &Chosen,
    ready: &Ready,
    claimed_by: String,
) -> CaseView {
    let visit = &clerk.visit;
    let values = &page.values;
    let forms = page.steps.iter().filter_map(|step| match &step.kind {
        StepKind::Form(form) => Some(form),
        _ => None,
    });
    let step_forms: Vec<_> = forms.collect();
    let sections = step_forms
        .iter()
        .flat_map(|form| &form.sections)
        .map(|section| {
            let item = page.sections.iter().find(|item| item.item == section.id);
            SectionItem {
                id: section.id.clone(),
                answers: answers(section, values, String::new()),
                standing: item.map_or("uploaded", |item| standing_name(item.standing)),
                reason: reason(chosen, &section.id, item.map(|item| item.reason.as_str())),
                reasons: ready.get(&section.id).cloned().unwrap_or_default(),
                chosen: choice(chosen, &section.id, item.map(|item| item.standing)),
            }
        });
    // Forms of transitions that somebody has filled in. Those of other services ask for what this one's steps ask too.
    let lifecycle = page
        .definition
        .lifecycles
        .iter()
        .find(|lifecycle| lifecycle.id == page.service.lifecycle);
    let inputs = || {
        let transitions = lifecycle.iter().flat_map(|known| &known.transitions);
        transitions.filter_map(|transition| transition.input.as_deref())
    };
    let later = page.definition.forms.iter().filter(|form| {
        inputs().any(|input| input == form.id) && !step_forms.iter().any(|step| step.id == form.id)
    });
    let later = later.flat_map(|form| {
        form.sections.iter().map(|section| {
            let mut given = answers(section, values, String::new());
            if given.title.is_empty() {
                given.title.clone_from(&form.title);
            }
            given.rows.retain(|row| !row.text.is_empty());
            given
        })
    });
    let later = later.filter(|given| !given.rows.is_empty());
    let (judging, actions): (Vec<_>, Vec<_>) =
        page.actions.iter().partition(|action| action.judges_items);
    let button = |action: &ActionView| ActionButton {
        id: action.id.clone(),
        label: action.label.clone(),
        negative: action.negative,
        has_page: action.input.is_some() || action.confirm.is_some(),
    };
    let states = lifecycle.iter().flat_map(|known| &known.states);
    let labels: BTreeMap<&str, &str> = states
        .map(|state| (state.id.as_str(), state.clerk_label.as_str()))
        .collect();
    let mut history: Vec<_> = page
        .history
        .iter()
        .map(|line| HistoryLine {
            at: line.at.minute(),
            label: line.label.clone(),
            note: line.note.clone(),
            actor: line.actor.clone(),
            to: labels
                .get(line.to_state.as_str())
                .filter(|_| line.from_state != line.to_state)
                .map(|label| (*label).to_owned())
                .unwrap_or_default(),
        })
        .collect();
    history.reverse();
    let in_my_queue = page.state.queue.is_some_and(|role| clerk.clerk.may(role));
    CaseView {
        path: format!("/console/cases/{}", page.id),
        version: page.version,
        number: page.number.clone(),
        subject: page.subject.clone(),
        project: page.definition.title.clone(),
        service: page.service.title.clone(),
        state: page.state.clerk_label.clone(),
        tone: tone_name(page.state.tone),
        queue: page
            .state
            .queue
            .map(|role| {
                visit
                    .text(&format!("console.queue_{}", role_name(role)))
                    .to_owned()
            })
            .unwrap_or_default(),
        due: page
            .due_at
            .map(|due| due.day().to_string())
            .unwrap_or_default(),
        late: page.due_at.is_some_and(|due| due < visit.state.clock.now()),
        created: page.created_at.minute(),
        sections: sections.collect(),
        materials: page
            .materials
            .iter()
            .map(|item| material(item, chosen, ready))
            .collect(),
        checks: page
            .checks
            .iter()
            .map(|check| {
                let name = match check.standing {
                    Standing::Passed => "passed",
                    Standing::Failed => "refused",
                    Standing::Waiting => "uploaded",
                    Standing::None => "missing",
                };
                let text = visit.text(&format!("console.check_{name}")).to_owned();
                (check.check.title.clone(), text, name)
            })
            .collect(),
        judging: judging.into_iter().map(button).collect(),
        actions: actions.into_iter().map(button).collect(),
        later: later.collect(),
        papers: page
            .papers
            .iter()
            .map(|paper| (paper.document.id.clone(), paper.document.title.clone()))
            .collect(),
        certificates: page
            .certificates
            .iter()
            .map(|certificate| CertificateLine {
                serial: certificate.serial.clone(),
                subject: certificate.subject.clone(),
                from: certificate.not_before.day().to_string(),
                to: certificate.not_after.day().to_string(),
                standing: visit
                    .text(&format!("cases.standing_{}", certificate.standing))
                    .to_owned(),
            })
            .collect(),
        order: page.order.as_ref().map(|order| OrderLine {
            id: order.id.clone(),
            number: order.number.clone(),
            state: visit.text(&format!("orders.{}", order.state)).to_owned(),
            total: order.total,
            lines: order
                .lines
                .iter()
                .map(|line| (line.label.clone(), line.amount))
                .collect(),
            paid: order.paid_at.map(|at| at.minute()).unwrap_or_default(),
            transaction: order.transaction.clone(),
        }),
        messages: page
            .messages
            .iter()
            .map(|message| MessageLine {
                id: message.id.clone(),
                tone: match message.state.as_str() {
                    "sent" => "done",
                    "failed" | "dead" => "refused",
                    _ => "waiting",
                },
                may_resend: matches!(message.state.as_str(), "failed" | "dead"),
                at: message.created_at.minute(),
                channel: visit
                    .text(&format!("console.channel_{}", message.channel))
                    .to_owned(),
                recipient: message.recipient.clone(),
                subject: message.subject.clone(),
                text: message.text.clone(),
                state: visit
                    .text(&format!("console.message_{}", message.state))
                    .to_owned(),
                error: message.last_error.clone(),
            })
            .collect(),
        history,
        claim: match &page.claim {
            Some(claim) if claim.mine => "mine",
            Some(_) => "other",
            None if in_my_queue => "free",
            None => "",
        },
        claimed_until: page
            .claim
            .as_ref()
            .map(|claim| claim.until.minute())
            .unwrap_or_default(),
        claimed_by,
        next_case: clerk.own_role().map(next_path).unwrap_or_default(),
        may_see_orders: clerk.clerk.may(Role::Finance),
        may_audit: clerk.is_administrator(),
        may_release: clerk.is_administrator(),
        problems: problems
            .iter()
            .map(|problem| ProblemView::new(problem, problem.item.is_some()))
            .collect(),
        live: live::clerks_fingerprint(page),
    }
}

fn material(item: &MaterialView, chosen: &Chosen, ready: &Ready) -> MaterialItem {
    let id = &item.material.id;
    let files = item
        .files
        .iter()
        .enumerate()
        .filter_map(|(position, file)| {
            let file = file.as_ref()?;
            Some(FileItem {
                id: file.id.clone(),
                caption: item
                    .material
                    .captions
                    .get(position)
                    .cloned()
                    .unwrap_or_default(),
                name: file.name.clone(),
                facts: facts(file),
                is_picture: file.is_picture,
                entries: file.entries.clone(),
            })
        });
    MaterialItem {
        id: id.clone(),
        title: item.material.title.clone(),
        standing: standing_name(item.standing),
        reason: reason(chosen, id, Some(&item.reason)),
        reasons: ready.get(id).cloned().unwrap_or_default(),
        files: files.collect(),
        chosen: choice(chosen, id, Some(item.standing)),
    }
}

/// `1654 × 2339，386 KB`
fn facts(file: &FileView) -> String {
    let size = file.size.div_ceil(1024);
    if file.width == 0 {
        format!("{size} KB")
    } else {
        format!("{} × {}，{size} KB", file.width, file.height)
    }
}

fn reason(chosen: &Chosen, item: &str, stored: Option<&str>) -> String {
    let typed = chosen.get(item).map(|(_, reason)| reason.as_str());
    typed.or(stored).unwrap_or_default().to_owned()
}

/// What the radio buttons of an item begin with.
fn choice(chosen: &Chosen, item: &str, standing: Option<ItemStanding>) -> &'static str {
    match (chosen.get(item), standing) {
        (Some((true, _)), _) | (None, Some(ItemStanding::Passed)) => "pass",
        (Some((false, _)), _) | (None, Some(ItemStanding::Refused)) => "refuse",
        _ => "",
    }
}

fn standing_name(standing: ItemStanding) -> &'static str {
    match standing {
        ItemStanding::Missing => "missing",
        ItemStanding::Uploaded => "uploaded",
        ItemStanding::Passed => "passed",
        ItemStanding::Refused => "refused",
    }
}
