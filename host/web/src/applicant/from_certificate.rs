//! `/services/{plugin}/{service}/new`: a service that is about a certificate asks first which one: one of the account's, or
//! one whose file it has.

use super::certificates::{Line, bind_picked, holdings, is_for, line};
use super::service::offer;
use crate::error::WebError;
use crate::forms::{ProblemView, Upload};
use crate::page::{Applicant, Visit};
use crate::security::rate_limit::{self, ACTIONS};
use axum::extract::{Path, Query};
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use yinxin_core::definition::ServiceKind;
use yinxin_core::rules::Problem;
use yinxin_services::certificates::{FILE_LIMIT, Holding, Outlook, Sought};

/// Certificates to choose from. Who has more finds the others in the list of certificates and starts from there.
const CHOICES: usize = 50;
/// Value of the choice that stands for the file.
const FILE: &str = "file";

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    certificate: String,
}

#[derive(Serialize)]
struct ChoicePage {
    path: String,
    service_path: String,
    project: String,
    title: String,
    lines: Vec<Line>,
    /// There are more than are shown.
    more: bool,
    /// Serial of the one that is chosen, `file`, or empty.
    chosen: String,
    problems: Vec<ProblemView>,
    /// Title and path of the services for a new certificate, the way out when none of these will do.
    ways_out: Vec<(String, String)>,
}

pub async fn choose(
    applicant: Applicant,
    Path((plugin, service)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, WebError> {
    let offered = offer(&applicant.visit, &plugin, &service)?;
    if !offered.service.from_certificate {
        let path = format!("/services/{plugin}/{service}");
        return Ok(applicant.visit.go(&path, ""));
    }
    let chosen = asked.certificate;
    render(&applicant, &plugin, &service, StatusCode::OK, chosen, &[]).await
}

pub async fn start(
    applicant: Applicant,
    Path((plugin, service)): Path<(String, String)>,
    upload: Upload,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    rate_limit::allow(visit, "start", ACTIONS).await?;
    let (posted, picked) = upload.form(FILE_LIMIT).await?;
    let chosen = posted.get("certificate").to_owned();
    let picked_one = !matches!(picked, crate::forms::Picked::Nothing);
    let wrong = StatusCode::UNPROCESSABLE_ENTITY;
    let serial = if chosen == FILE || (chosen.is_empty() && picked_one) {
        match bind_picked(&applicant, picked).await? {
            Ok(serial) => serial,
            Err(problem) => {
                let chosen = FILE.to_owned();
                return render(&applicant, &plugin, &service, wrong, chosen, &[problem]).await;
            }
        }
    } else if chosen.is_empty() {
        let problem = Problem {
            item: Some("certificate".to_owned()),
            message: visit.text("certificates.choose_one").to_owned(),
            offer: None,
        };
        return render(&applicant, &plugin, &service, wrong, chosen, &[problem]).await;
    } else {
        chosen
    };
    let engine = &visit.state.engine;
    let begun = engine
        .start_from(
            &visit.site.id,
            &applicant.account,
            &plugin,
            &service,
            &serial,
        )
        .await;
    match begun {
        Ok(begun) => {
            let flash = if begun.resumed { "case-resumed" } else { "" };
            Ok(visit.go(&format!("/cases/{}", begun.case), flash))
        }
        Err(error) => {
            let (status, problems) = visit.problems_of(error)?;
            render(&applicant, &plugin, &service, status, serial, &problems).await
        }
    }
}

async fn render(
    applicant: &Applicant,
    plugin: &str,
    service: &str,
    status: StatusCode,
    chosen: String,
    problems: &[Problem],
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let offered = offer(visit, plugin, service)?;
    let offers = visit.state.engine.offers(&visit.site.id);
    let all = Sought::default();
    let mut found = holdings(visit, &applicant.account, &all, None, CHOICES + 1).await?;
    let more = found.len() > CHOICES;
    found.truncate(CHOICES);
    // Whoever comes from a certificate's own page finds it here, however many there are.
    if !chosen.is_empty() && chosen != FILE && !found.iter().any(|held| held.serial == chosen) {
        found.extend(holding(visit, applicant, &chosen).await?);
    }
    let ways_out = offers
        .iter()
        .filter(|offer| offer.service.kind == ServiceKind::New)
        .map(|offer| {
            let path = format!("/services/{}/{}", offer.plugin, offer.service.id);
            (offer.service.title.clone(), path)
        });
    let lines = found
        .iter()
        .filter(|held| held.serial == chosen || (!is_over(held) && is_for(&offered, held, &offers)))
        .map(|held| line(visit, held, &offers))
        .collect();
    let page = ChoicePage {
        path: format!("/services/{plugin}/{service}/new"),
        service_path: format!("/services/{plugin}/{service}"),
        project: offered.project_title,
        title: offered.service.title.clone(),
        lines,
        more,
        chosen,
        problems: ProblemView::all(problems),
        ways_out: ways_out.collect(),
    };
    visit.page_with(status, "applicant/certificates/choose.html", page)
}

async fn holding(
    visit: &Visit,
    applicant: &Applicant,
    serial: &str,
) -> Result<Option<Holding>, WebError> {
    let mut conn = visit.state.store.read().await?;
    let certificates = &visit.state.certificates;
    Ok(certificates
        .holding(&mut conn, &visit.site.id, &applicant.account, serial)
        .await?)
}

/// Nothing can be begun from it any more.
fn is_over(held: &Holding) -> bool {
    matches!(
        held.outlook,
        Outlook::Revoked | Outlook::Renewed | Outlook::Replaced
    )
}
