//! Materials to upload: each place of each item on its own, saved at once; a refusal says what to do.

use super::case::load;
use super::step::{StepHead, head, summary::standing_name};
use super::tasks;
use crate::error::WebError;
use crate::forms::{Picked, Upload};
use crate::page::{Applicant, Visit};
use crate::security::rate_limit::{self, UPLOADS};
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use yinxin_core::definition::{FileFormat, Material};
use yinxin_core::rules::ItemStanding;
use yinxin_core::shared::Shared;
use yinxin_engine::views::{CasePage, FileView, MaterialView, StepKind, StepView};

/// Header by which our script asks for one item instead of the page, and by which the answer says that it is one.
const PART: &str = "x-part";

#[derive(Serialize)]
struct MaterialsPage {
    step: StepHead,
    items: Vec<ItemView>,
    all_there: bool,
}

/// One item; the template `applicant/cases/material.html` shows it alone too.
#[derive(Serialize)]
struct ItemView {
    id: String,
    title: String,
    hint: String,
    required: bool,
    standing: &'static str,
    reason: String,
    /// Sentence about formats and size.
    formats: String,
    /// The paper to print for it: its PDF, or empty.
    template: String,
    accept: String,
    /// Endings of file names, for the script.
    endings: String,
    max_bytes: u64,
    open: bool,
    slots: Vec<Slot>,
}

#[derive(Serialize)]
struct Slot {
    place: usize,
    caption: String,
    path: String,
    file: Option<Shown>,
    error: String,
    /// It was just uploaded: said to a screen reader.
    fresh: bool,
}

#[derive(Serialize)]
struct Shown {
    name: String,
    size: u64,
    path: String,
    is_picture: bool,
    entries: Vec<String>,
}

#[derive(Serialize)]
struct Part {
    item: ItemView,
    step_path: String,
}

/// What the last upload came to: place and sentence.
enum News<'a> {
    None,
    Refused(usize, &'a str),
    Kept(usize),
}

pub fn show(
    visit: &Visit,
    page: &CasePage,
    step: &StepView,
    materials: &[Shared<Material>],
) -> Result<Response, WebError> {
    render(
        visit,
        page,
        step,
        materials,
        StatusCode::OK,
        "",
        &News::None,
    )
}

pub async fn upload(
    applicant: Applicant,
    Path((id, material, place)): Path<(String, String, usize)>,
    headers: HeaderMap,
    upload: Upload,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    rate_limit::allow(visit, "upload", UPLOADS).await?;
    let page = load(&applicant, &id).await?;
    let (_, wanted) = find(&page, &material)?;
    let refused = match upload.file(wanted.max_bytes).await? {
        Picked::Nothing => Some(visit.text("materials.nothing").to_owned()),
        Picked::TooLarge => Some(crate::texts::fill(
            visit.text("materials.over"),
            &[("size", &megabytes(wanted.max_bytes))],
        )),
        Picked::File { name, bytes } => {
            let engine = &visit.state.engine;
            let position = u32::try_from(place).map_err(|_| WebError::NotFound)?;
            let (site, account) = (&visit.site.id, &applicant.account);
            engine
                .upload(site, account, &page.id, &material, position, (name, bytes))
                .await?
                .err()
        }
    };
    let page = load(&applicant, &id).await?;
    let news = match &refused {
        Some(sentence) => News::Refused(place, sentence),
        None => News::Kept(place),
    };
    answer(visit, &page, &headers, &material, &news)
}

pub async fn remove(
    applicant: Applicant,
    Path((id, material, place)): Path<(String, String, u32)>,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let page = load(&applicant, &id).await?;
    let (step, _) = find(&page, &material)?;
    let engine = &visit.state.engine;
    engine
        .remove_upload(
            &visit.site.id,
            &applicant.account,
            &page.id,
            &material,
            place,
        )
        .await?;
    let path = format!("{}#m-{material}", tasks::step_path(&page, &step.id));
    Ok(visit.go(&path, "removed"))
}

/// The item alone for the script; else the page, or on to it.
fn answer(
    visit: &Visit,
    page: &CasePage,
    headers: &HeaderMap,
    material: &str,
    news: &News<'_>,
) -> Result<Response, WebError> {
    let (step, _) = find(page, material)?;
    let StepKind::Materials(materials) = &step.kind else {
        return Err(WebError::NotFound);
    };
    let status = match news {
        News::Refused(..) => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::OK,
    };
    if !headers.contains_key(PART) {
        if matches!(news, News::Kept(_)) {
            let path = format!("{}#m-{material}", tasks::step_path(page, &step.id));
            return Ok(Redirect::to(&path).into_response());
        }
        return render(visit, page, step, materials, status, material, news);
    }
    let view = page
        .materials
        .iter()
        .find(|view| view.material.id == material)
        .ok_or(WebError::NotFound)?;
    let part = Part {
        item: item(visit, page, step, view, news),
        step_path: tasks::step_path(page, &step.id),
    };
    let html = visit.render("applicant/cases/material_part.html", part)?;
    let mut response = (status, Html(html)).into_response();
    response
        .headers_mut()
        .insert(PART, HeaderValue::from_static("item"));
    Ok(response)
}

fn find<'a>(
    page: &'a CasePage,
    material: &str,
) -> Result<(&'a StepView, &'a Shared<Material>), WebError> {
    page.steps
        .iter()
        .find_map(|step| match &step.kind {
            StepKind::Materials(materials) => {
                let found = materials.iter().find(|wanted| wanted.id == material)?;
                Some((step, found))
            }
            _ => None,
        })
        .ok_or(WebError::NotFound)
}

fn render(
    visit: &Visit,
    page: &CasePage,
    step: &StepView,
    materials: &[Shared<Material>],
    status: StatusCode,
    about: &str,
    news: &News<'_>,
) -> Result<Response, WebError> {
    let of_step = page.materials.iter().filter(|view| {
        materials
            .iter()
            .any(|material| material.id == view.material.id)
    });
    let items = of_step
        .map(|view| {
            let own = if view.material.id == about {
                news
            } else {
                &News::None
            };
            item(visit, page, step, view, own)
        })
        .collect();
    let view = MaterialsPage {
        step: head(visit, page, step),
        items,
        all_there: step.complete,
    };
    visit.page_with(status, "applicant/cases/materials.html", view)
}

fn item(
    visit: &Visit,
    page: &CasePage,
    step: &StepView,
    view: &MaterialView,
    news: &News<'_>,
) -> ItemView {
    let material = &view.material;
    let names: Vec<&str> = material
        .formats
        .iter()
        .map(|format| name(*format))
        .collect();
    let endings: Vec<&str> = material
        .formats
        .iter()
        .flat_map(|format| endings(*format))
        .copied()
        .collect();
    let template = material
        .template
        .as_deref()
        .filter(|id| page.papers.iter().any(|paper| paper.document.id == *id));
    let refused = view.standing == ItemStanding::Refused;
    ItemView {
        id: material.id.clone(),
        title: material.title.clone(),
        hint: material.hint.clone(),
        required: material.required,
        standing: standing_name(view.standing),
        reason: if refused {
            view.reason.clone()
        } else {
            String::new()
        },
        formats: crate::texts::fill(
            visit.text("materials.formats"),
            &[
                ("formats", &names.join("、")),
                ("size", &megabytes(material.max_bytes)),
            ],
        ),
        template: template
            .map(|id| format!("/cases/{}/papers/{id}/pdf", page.id))
            .unwrap_or_default(),
        accept: endings
            .iter()
            .map(|ending| format!(".{ending}"))
            .collect::<Vec<_>>()
            .join(","),
        endings: endings.join(" "),
        max_bytes: material.max_bytes,
        open: step.open,
        slots: view
            .files
            .iter()
            .enumerate()
            .map(|(place, file)| slot(visit, page, view, place, file.as_ref(), news))
            .collect(),
    }
}

fn slot(
    visit: &Visit,
    page: &CasePage,
    view: &MaterialView,
    place: usize,
    file: Option<&FileView>,
    news: &News<'_>,
) -> Slot {
    let material = &view.material;
    let caption = material.captions.get(place).cloned().unwrap_or_else(|| {
        if view.files.len() < 2 {
            return material.title.clone();
        }
        let number = (place + 1).to_string();
        crate::texts::fill(visit.text("materials.file"), &[("place", &number)])
    });
    Slot {
        place,
        caption,
        path: format!("/cases/{}/materials/{}/{place}", page.id, material.id),
        file: file.map(|file| Shown {
            name: file.name.clone(),
            size: file.size,
            path: format!("/cases/{}/files/{}", page.id, file.id),
            is_picture: file.is_picture,
            entries: file.entries.clone(),
        }),
        error: match news {
            News::Refused(at, sentence) if *at == place => (*sentence).to_owned(),
            _ => String::new(),
        },
        fresh: matches!(news, News::Kept(at) if *at == place),
    }
}

fn name(format: FileFormat) -> &'static str {
    match format {
        FileFormat::Jpeg => "JPG",
        FileFormat::Png => "PNG",
        FileFormat::Bmp => "BMP",
        FileFormat::Pdf => "PDF",
        FileFormat::Zip => "ZIP",
        FileFormat::Rar => "RAR",
    }
}

fn endings(format: FileFormat) -> &'static [&'static str] {
    match format {
        FileFormat::Jpeg => &["jpg", "jpeg"],
        FileFormat::Png => &["png"],
        FileFormat::Bmp => &["bmp"],
        FileFormat::Pdf => &["pdf"],
        FileFormat::Zip => &["zip"],
        FileFormat::Rar => &["rar"],
    }
}

/// A limit as people know it: `1 MB`, `512 KB`.
fn megabytes(bytes: u64) -> String {
    const KIB: u64 = 1024;
    if bytes >= KIB * KIB && bytes.is_multiple_of(KIB * KIB) {
        format!("{} MB", bytes / KIB / KIB)
    } else {
        format!("{} KB", bytes / KIB)
    }
}
