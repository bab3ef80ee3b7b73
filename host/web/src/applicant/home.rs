//! `/` and `/services`: what can be done here, by project.

use crate::error::WebError;
use crate::page::Visit;
use axum::response::Response;
use serde::Serialize;
use yinxin_core::definition::Tone;
use yinxin_core::ids::AccountId;
use yinxin_engine::views::Offer;

/// Notices on the first page; the rest is one click away.
const NOTICES: usize = 5;

#[derive(Serialize)]
struct HomePage {
    title: String,
    tagline: String,
    /// Where "start" leads: the one service there is, or all of them.
    start: String,
    /// The only service of the address's project, where there is but one.
    only: Option<ServiceCard>,
    projects: Vec<ProjectView>,
    notices: Vec<NoticeLine>,
    /// The applicant's cases that wait for the applicant.
    waiting: i64,
}

#[derive(Serialize)]
struct ServicesPage {
    projects: Vec<ProjectView>,
}

#[derive(Serialize)]
struct ProjectView {
    id: String,
    title: String,
    summary: String,
    services: Vec<ServiceCard>,
}

#[derive(Clone, Serialize)]
struct ServiceCard {
    plugin: String,
    id: String,
    title: String,
    summary: String,
    price: String,
    time: String,
}

#[derive(Serialize)]
struct NoticeLine {
    id: String,
    title: String,
    day: String,
}

const HOME: &str = "applicant/home.html";
const SERVICES: &str = "applicant/services.html";

pub async fn show(visit: Visit) -> Result<Response, WebError> {
    if let Some(kept) = visit.state.kept().page(&visit) {
        return Ok(kept);
    }
    // Before anything is read: what changes meanwhile makes the page anew.
    let revision = visit.state.content.revision();
    let projects = projects(&visit, visit.project.as_deref());
    let only = match projects.as_slice() {
        [project] if visit.project.is_some() && project.services.len() == 1 => {
            project.services.first().cloned()
        }
        _ => None,
    };
    let start = only
        .as_ref()
        .map(|only| format!("/services/{}/{}", only.plugin, only.id));
    let chosen = projects.first().filter(|_| visit.project.is_some());
    let brand = &visit.site.brand;
    let page = HomePage {
        title: chosen.map_or_else(|| brand.name.clone(), |project| project.title.clone()),
        tagline: chosen.map_or_else(|| brand.tagline.clone(), |project| project.summary.clone()),
        start: start.unwrap_or_else(|| "/services".to_owned()),
        only,
        notices: notices(&visit).await?,
        waiting: waiting(&visit).await?,
        projects,
    };
    made(&visit, HOME, revision, page)
}

pub async fn services(visit: Visit) -> Result<Response, WebError> {
    if let Some(kept) = visit.state.kept().page(&visit) {
        return Ok(kept);
    }
    let revision = visit.state.content.revision();
    // The address's own project first; the others are a service of the same site.
    let mut projects = projects(&visit, None);
    projects.sort_by_key(|project| Some(project.id.as_str()) != visit.project.as_deref());
    made(&visit, SERVICES, revision, ServicesPage { projects })
}

/// The page, kept for the next visitor where it is the same for everybody.
fn made(
    visit: &Visit,
    template: &'static str,
    revision: u64,
    view: impl Serialize,
) -> Result<Response, WebError> {
    if visit.visitor.flash.is_some() {
        // Shown once.
        return visit.page(template, view);
    }
    let html = visit.render(template, view)?;
    Ok(visit.state.kept().keep(visit, revision, html))
}

async fn notices(visit: &Visit) -> Result<Vec<NoticeLine>, WebError> {
    let site = &visit.site.id;
    let notices = visit
        .state
        .content
        .notices(site, true, None, NOTICES as i64)
        .await?;
    Ok(notices
        .into_iter()
        .map(|notice| NoticeLine {
            id: notice.id,
            title: notice.title,
            day: notice
                .published_at
                .map(|at| at.day().to_string())
                .unwrap_or_default(),
        })
        .collect())
}

async fn waiting(visit: &Visit) -> Result<i64, WebError> {
    let Some(token) = &visit.visitor.session else {
        return Ok(0);
    };
    let account = AccountId::from_stored(token.1.subject.as_str());
    let tones = visit.state.engine.tones(&visit.site.id, &account).await?;
    Ok(tones
        .into_iter()
        .filter(|(tone, _)| *tone == Tone::Action)
        .map(|(_, count)| count)
        .sum())
}

/// The site's projects with something to begin; only `wanted`, where that is one of them.
fn projects(visit: &Visit, wanted: Option<&str>) -> Vec<ProjectView> {
    let mut projects: Vec<ProjectView> = Vec::new();
    for offer in visit.state.engine.offers(&visit.site.id) {
        let card = card(&offer);
        match projects
            .iter_mut()
            .find(|project| project.id == offer.plugin)
        {
            Some(project) => project.services.push(card),
            None => projects.push(ProjectView {
                id: offer.plugin,
                title: offer.project_title,
                summary: offer.project_summary,
                services: vec![card],
            }),
        }
    }
    if projects
        .iter()
        .any(|project| Some(project.id.as_str()) == wanted)
    {
        projects.retain(|project| Some(project.id.as_str()) == wanted);
    }
    projects
}

fn card(offer: &Offer) -> ServiceCard {
    ServiceCard {
        plugin: offer.plugin.clone(),
        id: offer.service.id.clone(),
        title: offer.service.title.clone(),
        summary: offer.service.summary.clone(),
        price: offer.service.price_note.clone(),
        time: offer.service.time_note.clone(),
    }
}
