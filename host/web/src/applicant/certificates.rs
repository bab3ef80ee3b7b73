//! `/certificates`: the certificates in an account's hands (manual row F-14): those of its own cases, and those whose file
//! it has uploaded.

use super::files::{attachment, download_of};
use crate::error::WebError;
use crate::forms::{Picked, ProblemView, Upload};
use crate::page::{Applicant, Visit};
use crate::security::rate_limit::{self, UPLOADS};
use crate::texts::fill;
use axum::extract::{Path, Query};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use url::form_urlencoded::Serializer;
use yinxin_core::definition::ServiceKind;
use yinxin_core::ids::{AccountId, CaseId};
use yinxin_core::rules::Problem;
use yinxin_engine::Actor;
use yinxin_engine::views::Offer;
use yinxin_services::certificates::{
    BindError, FILE_LIMIT, FileProblem, Holding, Outlook, Proof, Reading, Sought,
};

/// Lines of a page: two screens of a laptop.
const LINES: usize = 20;

/// What a list can be narrowed to, in the order in which people ask.
pub(crate) const STANDINGS: [&str; 6] =
    ["valid", "ending", "expired", "held", "revoked", "replaced"];

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    text: String,
    standing: String,
    after: String,
}

#[derive(Serialize)]
struct ListPage {
    text: String,
    standing: String,
    standings: Vec<(&'static str, String)>,
    filtered: bool,
    lines: Vec<Line>,
    next: String,
    first: String,
}

/// One certificate as a list shows it.
#[derive(Serialize)]
pub(super) struct Line {
    pub path: String,
    pub serial: String,
    /// The serial in groups of four digits.
    pub groups: String,
    pub name: String,
    /// Title of the service that it came from, or empty for a bound one.
    pub service: String,
    pub from: String,
    pub to: String,
    pub words: String,
    pub tone: &'static str,
    /// Title and path of the services that renew it.
    pub renewals: Vec<(String, String)>,
}

#[derive(Serialize)]
struct CertificatePage {
    line: Line,
    bound: bool,
    bound_at: String,
    subject: Vec<(String, String)>,
    issuer: String,
    key: String,
    /// SHA-256 in groups.
    fingerprint: String,
    reason: String,
    /// The one in its place, where it is in the same hands: path and serial in groups.
    successor: Option<(String, String)>,
    case: Option<CaseLink>,
}

#[derive(Serialize)]
struct CaseLink {
    path: String,
    number: String,
    service: String,
}

#[derive(Serialize)]
struct BindPage {
    problems: Vec<ProblemView>,
}

pub async fn list(applicant: Applicant, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let sought = Sought {
        text: asked.text.trim().to_owned(),
        standing: asked.standing.clone(),
        within_days: None,
    };
    let after = (!asked.after.is_empty()).then_some(asked.after.as_str());
    let mut found = holdings(visit, &applicant.account, &sought, after, LINES + 1).await?;
    let more = found.len() > LINES;
    found.truncate(LINES);
    let offers = visit.state.engine.offers(&visit.site.id);
    let page = ListPage {
        next: found
            .last()
            .filter(|_| more)
            .map(|last| address(&asked, &last.id))
            .unwrap_or_default(),
        first: after.map(|_| address(&asked, "")).unwrap_or_default(),
        filtered: !(asked.text.is_empty() && asked.standing.is_empty()),
        lines: found
            .iter()
            .map(|held| line(visit, held, &offers))
            .collect(),
        standings: standings(visit),
        text: asked.text,
        standing: asked.standing,
    };
    visit.page("applicant/certificates/list.html", page)
}

pub async fn show(applicant: Applicant, Path(serial): Path<String>) -> Result<Response, WebError> {
    let (visit, site) = (&applicant.visit, &applicant.visit.site.id);
    let held = holding(visit, &applicant.account, &serial).await?;
    let read = Reading::of(held.pem.as_bytes()).map_err(WebError::internal)?;
    let offers = visit.state.engine.offers(site);
    let case = match &held.case {
        Some(case) => case_link(&applicant, case).await?,
        None => None,
    };
    let successor = match held.successor.as_str() {
        "" => None,
        serial => {
            let mut conn = visit.state.store.read().await?;
            let certificates = &visit.state.certificates;
            let next = certificates
                .holding(&mut conn, site, &applicant.account, serial)
                .await?;
            next.map(|next| (path_of(&next.serial), in_groups(&next.serial)))
        }
    };
    let page = CertificatePage {
        line: line(visit, &held, &offers),
        bound: held.proof != Proof::Case,
        bound_at: held.bound_at.minute(),
        subject: attributes(visit, &read),
        issuer: read.issuer_text(),
        key: read.key,
        fingerprint: in_groups(&read.fingerprint),
        reason: reason(visit, &held.reason),
        successor,
        case,
    };
    visit.page("applicant/certificates/certificate.html", page)
}

/// Which form a certificate is wanted in.
#[derive(Deserialize)]
pub struct Wanted {
    #[serde(default)]
    form: String,
}

pub async fn download(
    applicant: Applicant,
    Path(serial): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let held = holding(visit, &applicant.account, &serial).await?;
    let found = download_of(visit, &held.serial, &held.pem, &wanted.form).await?;
    Ok(attachment(found))
}

pub async fn ask_bind(applicant: Applicant) -> Result<Response, WebError> {
    let problems = Vec::new();
    applicant
        .visit
        .page("applicant/certificates/bind.html", BindPage { problems })
}

pub async fn bind(applicant: Applicant, upload: Upload) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    rate_limit::allow(visit, "certificate", UPLOADS).await?;
    let picked = upload.file(FILE_LIMIT).await?;
    match bind_picked(&applicant, picked).await? {
        Ok(serial) => Ok(visit.go(&path_of(&serial), "certificate-bound")),
        Err(problem) => {
            let problems = ProblemView::all(&[problem]);
            visit.unprocessable("applicant/certificates/bind.html", BindPage { problems })
        }
    }
}

pub async fn unbind(
    applicant: Applicant,
    Path(serial): Path<String>,
) -> Result<Response, WebError> {
    let (visit, site) = (&applicant.visit, &applicant.visit.site.id);
    let certificates = &visit.state.certificates;
    let gone = certificates
        .unbind(site, &applicant.account, &serial)
        .await?;
    let flash = if gone {
        "certificate-unbound"
    } else {
        "nothing-to-do"
    };
    Ok(visit.go("/certificates", flash))
}

/// Binds what the file input brought. Gives the serial, or what is wrong with the file.
pub(super) async fn bind_picked(
    applicant: &Applicant,
    picked: Picked,
) -> Result<Result<String, Problem>, WebError> {
    let of_file = |message: String| Problem {
        item: Some("file".to_owned()),
        message,
        offer: None,
    };
    let bytes = match picked {
        Picked::Nothing => return Ok(Err(of_file(FileProblem::Empty.to_string()))),
        Picked::TooLarge => return Ok(Err(of_file(FileProblem::TooLarge.to_string()))),
        Picked::File { bytes, .. } => bytes,
    };
    let (visit, account) = (&applicant.visit, &applicant.account);
    let certificates = &visit.state.certificates;
    match certificates
        .bind_file(&visit.site.id, account, &bytes)
        .await
    {
        Ok(serial) => Ok(Ok(serial)),
        Err(error @ (BindError::File(_) | BindError::TooMany)) => {
            Ok(Err(of_file(error.to_string())))
        }
        Err(BindError::Certificate(error)) => Err(WebError::internal(error)),
    }
}

pub(super) async fn holdings(
    visit: &Visit,
    account: &AccountId,
    sought: &Sought,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Holding>, WebError> {
    let mut conn = visit.state.store.read().await?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let certificates = &visit.state.certificates;
    Ok(certificates
        .holdings(&mut conn, &visit.site.id, account, sought, after, limit)
        .await?)
}

async fn holding(visit: &Visit, account: &AccountId, serial: &str) -> Result<Holding, WebError> {
    let mut conn = visit.state.store.read().await?;
    let certificates = &visit.state.certificates;
    let found = certificates
        .holding(&mut conn, &visit.site.id, account, serial)
        .await?;
    found.ok_or(WebError::NotFound)
}

/// The account's own case; nothing when it was deleted.
async fn case_link(applicant: &Applicant, case: &CaseId) -> Result<Option<CaseLink>, WebError> {
    let visit = &applicant.visit;
    let viewer = Actor::Applicant(applicant.account.clone());
    match visit.state.engine.page(&visit.site.id, &viewer, case).await {
        Ok(page) => Ok(Some(CaseLink {
            path: format!("/cases/{case}"),
            number: page.number,
            service: page.service.title.clone(),
        })),
        Err(yinxin_engine::EngineError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn line(visit: &Visit, held: &Holding, offers: &[Offer]) -> Line {
    let service = offers
        .iter()
        .find(|offer| offer.plugin == held.plugin && offer.service.id == held.service);
    Line {
        path: path_of(&held.serial),
        groups: in_groups(&held.serial),
        serial: held.serial.clone(),
        name: super::case::common_name(&held.subject),
        service: service
            .map(|offer| offer.service.title.clone())
            .unwrap_or_default(),
        from: held.not_before.day().to_string(),
        to: held.not_after.day().to_string(),
        words: words(visit, held.outlook),
        tone: tone(held.outlook),
        renewals: renewals(held, offers),
    }
}

/// The services that renew a certificate which can still be renewed: those of its own project where it has some.
fn renewals(held: &Holding, offers: &[Offer]) -> Vec<(String, String)> {
    if matches!(
        held.outlook,
        Outlook::Revoked | Outlook::Renewed | Outlook::Replaced
    ) {
        return Vec::new();
    }
    let renews = |offer: &&Offer| {
        offer.service.kind == ServiceKind::Renewal && offer.service.from_certificate
    };
    let own = |offer: &&Offer| offer.plugin == held.plugin;
    let has_own = offers.iter().filter(renews).any(|offer| own(&offer));
    let found = offers
        .iter()
        .filter(renews)
        .filter(|offer| (!has_own || own(offer)) && is_for(offer, held, offers));
    found
        .map(|offer| {
            let path = format!(
                "/services/{}/{}/new?certificate={}",
                offer.plugin, offer.service.id, held.serial
            );
            (offer.service.title.clone(), path)
        })
        .collect()
}

/// The service is for holders like the certificate's: a unit's certificate is not renewed as a person's. Services whose
/// cases are named by the same field are about the same kind of holder. Where the rules have none such, or nobody knows
/// what the certificate was issued for, the rules themselves have to say it.
pub(super) fn is_for(offer: &Offer, held: &Holding, offers: &[Offer]) -> bool {
    let of_project = || offers.iter().filter(|other| other.plugin == held.plugin);
    let issued_by = of_project().find(|other| other.service.id == held.service);
    let Some(issued_by) = issued_by.filter(|_| offer.plugin == held.plugin) else {
        return true;
    };
    let alike = |other: &Offer| other.service.subject_field == issued_by.service.subject_field;
    let fitting = of_project().any(|other| {
        alike(other) && other.service.from_certificate && other.service.kind == offer.service.kind
    });
    alike(offer) || !fitting
}

/// How it stands, in words.
pub(crate) fn words(visit: &Visit, outlook: Outlook) -> String {
    let name = outlook.name();
    let days = outlook.days();
    let last = matches!(outlook, Outlook::Ending(0) | Outlook::Expired(0));
    let name = if last {
        format!("{name}_today")
    } else {
        name.to_owned()
    };
    let text = visit.text(&format!("certificates.is_{name}"));
    fill(text, &[("n", &days.to_string())])
}

pub(crate) fn tone(outlook: Outlook) -> &'static str {
    match outlook {
        Outlook::Valid => "done",
        Outlook::Ending(_) => "action",
        Outlook::Expired(_) | Outlook::Revoked => "refused",
        Outlook::Held => "waiting",
        Outlook::Renewed | Outlook::Replaced => "draft",
    }
}

/// Standings to choose from, with their words.
pub(crate) fn standings(visit: &Visit) -> Vec<(&'static str, String)> {
    let named = |name| {
        let text = visit.text(&format!("certificates.only_{name}"));
        (name, text.to_owned())
    };
    STANDINGS.map(named).to_vec()
}

/// The subject's attributes with words for their names.
pub(crate) fn attributes(visit: &Visit, read: &Reading) -> Vec<(String, String)> {
    let texts = visit.state.texts();
    let named = read.subject.iter().map(|attribute| {
        let words = texts.find(&format!("certificates.attribute_{}", attribute.name));
        let name = words.unwrap_or(&attribute.name).to_owned();
        (name, attribute.value.clone())
    });
    named.collect()
}

/// Why it is frozen or revoked: words for a name of RFC 5280, else the words that stand there.
pub(crate) fn reason(visit: &Visit, reason: &str) -> String {
    let words = visit
        .state
        .texts()
        .find(&format!("certificates.because_{reason}"));
    words.unwrap_or(reason).to_owned()
}

pub(super) fn path_of(serial: &str) -> String {
    format!("/certificates/{serial}")
}

/// Digits in groups of four, which people can compare.
pub(crate) fn in_groups(digits: &str) -> String {
    let mut groups = String::with_capacity(digits.len() * 5 / 4);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && place % 4 == 0 {
            groups.push(' ');
        }
        groups.push(digit.to_ascii_uppercase());
    }
    groups
}

/// The address of this list from another key on.
fn address(asked: &Asked, after: &str) -> String {
    let mut query = Serializer::new(String::new());
    for (name, value) in [
        ("text", asked.text.as_str()),
        ("standing", &asked.standing),
        ("after", after),
    ] {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    format!("/certificates?{}", query.finish())
}

#[cfg(test)]
mod tests {
    use super::in_groups;

    #[test]
    fn a_serial_is_read_in_groups_of_four() {
        assert_eq!(in_groups("4f2a91bc0"), "4F2A 91BC 0");
        assert_eq!(in_groups(""), "");
    }
}
