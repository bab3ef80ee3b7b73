//! Pages: Markdown, with a preview before and every version after.

use super::{position, refusal, views};
use crate::console::visit::ClerkVisit;
use crate::error::WebError;
use crate::forms::{Posted, ProblemView};
use crate::markdown;
use axum::extract::{Path, Query};
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use yinxin_core::definition::Role;
use yinxin_services::content::PageEdit;

/// Versions of a page on one screen.
const VERSIONS: usize = 20;

#[derive(Serialize)]
struct PagesPage {
    pages: Vec<PageLine>,
}

#[derive(Serialize)]
struct PageLine {
    path: String,
    slug: String,
    title: String,
    position: i64,
    published: bool,
    version: i64,
    updated: String,
    by: String,
}

#[derive(Default, Serialize)]
struct EditPage {
    /// Empty for one that is to be made.
    path: String,
    slug: String,
    title: String,
    markdown: String,
    position: i64,
    published: bool,
    version: i64,
    /// As people will see it, or empty.
    preview: String,
    problems: Vec<ProblemView>,
}

#[derive(Serialize)]
struct VersionsPage {
    path: String,
    title: String,
    version: i64,
    versions: Vec<VersionLine>,
    next: String,
    first: String,
}

#[derive(Serialize)]
struct VersionLine {
    version: i64,
    title: String,
    html: String,
    at: String,
    by: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    before: Option<i64>,
}

pub async fn list(clerk: ClerkVisit) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let visit = &clerk.visit;
    let pages = visit.state.content.pages(&visit.site.id, false).await?;
    let pages = pages.into_iter().map(|page| PageLine {
        path: format!("/console/content/pages/{}", page.slug),
        slug: page.slug,
        title: page.title,
        position: page.position,
        published: page.published,
        version: page.version,
        updated: page.updated_at.minute(),
        by: page.updated_by,
    });
    clerk.page(
        "console/content/pages.html",
        PagesPage {
            pages: pages.collect(),
        },
    )
}

pub async fn new(clerk: ClerkVisit) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    clerk.page("console/content/page.html", EditPage::default())
}

pub async fn create(clerk: ClerkVisit, posted: Posted) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let visit = &clerk.visit;
    let page = typed(&posted, "");
    if posted.has("_preview") {
        return clerk.page("console/content/page.html", with_preview(page));
    }
    let by = &clerk.clerk.name;
    match visit
        .state
        .content
        .create_page(&visit.site.id, &page.slug, edit_of(&page), by)
        .await
    {
        Ok(_) => Ok(visit.go("/console/content/pages", "content-saved")),
        Err(error) => {
            let (problems, _) = refusal(&clerk, error)?;
            again(
                &clerk,
                EditPage {
                    problems: views(&problems),
                    ..page
                },
            )
        }
    }
}

pub async fn show(clerk: ClerkVisit, Path(slug): Path<String>) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let visit = &clerk.visit;
    let page = visit
        .state
        .content
        .page(&visit.site.id, &slug)
        .await?
        .ok_or(WebError::NotFound)?;
    let page = EditPage {
        path: format!("/console/content/pages/{slug}"),
        slug,
        title: page.title,
        markdown: page.markdown,
        position: page.position,
        published: page.published,
        version: page.version,
        ..EditPage::default()
    };
    clerk.page("console/content/page.html", page)
}

pub async fn save(
    clerk: ClerkVisit,
    Path(slug): Path<String>,
    posted: Posted,
) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let visit = &clerk.visit;
    let page = typed(&posted, &slug);
    if posted.has("_preview") {
        return clerk.page("console/content/page.html", with_preview(page));
    }
    let (site, by) = (&visit.site.id, &clerk.clerk.name);
    match visit
        .state
        .content
        .save_page(site, &slug, edit_of(&page), page.version, by)
        .await
    {
        Ok(_) => Ok(visit.go("/console/content/pages", "content-saved")),
        Err(error) => {
            let (problems, now) = refusal(&clerk, error)?;
            let version = now.unwrap_or(page.version);
            again(
                &clerk,
                EditPage {
                    problems: views(&problems),
                    version,
                    ..page
                },
            )
        }
    }
}

pub async fn versions(
    clerk: ClerkVisit,
    Path(slug): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let visit = &clerk.visit;
    let (site, content) = (&visit.site.id, &visit.state.content);
    let page = content.page(site, &slug).await?.ok_or(WebError::NotFound)?;
    let one_more = i64::try_from(VERSIONS + 1).unwrap_or(i64::MAX);
    let mut found = content
        .page_history(site, &slug, asked.before, one_more)
        .await?;
    let more = found.len() > VERSIONS;
    found.truncate(VERSIONS);
    let path = format!("/console/content/pages/{slug}");
    let next = found.last().filter(|_| more);
    let view = VersionsPage {
        next: next
            .map(|last| format!("{path}/versions?before={}", last.version))
            .unwrap_or_default(),
        first: asked
            .before
            .map(|_| format!("{path}/versions"))
            .unwrap_or_default(),
        versions: found
            .into_iter()
            .map(|version| VersionLine {
                version: version.version,
                title: version.title,
                html: markdown::render(&version.markdown).html,
                at: version.updated_at.minute(),
                by: version.updated_by,
            })
            .collect(),
        title: page.title,
        version: page.version,
        path,
    };
    clerk.page("console/content/versions.html", view)
}

pub async fn restore(
    clerk: ClerkVisit,
    Path(slug): Path<String>,
    posted: Posted,
) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let visit = &clerk.visit;
    let wanted = posted
        .get("version")
        .parse()
        .map_err(|_| WebError::BadRequest("version"))?;
    let over = posted.version().unwrap_or_default();
    let by = &clerk.clerk.name;
    match visit
        .state
        .content
        .restore_page(&visit.site.id, &slug, wanted, over, by)
        .await
    {
        Ok(_) => Ok(visit.go(&format!("/console/content/pages/{slug}"), "restored")),
        Err(error) => {
            refusal(&clerk, error)?;
            Err(WebError::Stale)
        }
    }
}

fn typed(posted: &Posted, slug: &str) -> EditPage {
    let (path, slug) = match slug {
        "" => (String::new(), posted.get("slug").trim().to_owned()),
        known => (format!("/console/content/pages/{known}"), known.to_owned()),
    };
    EditPage {
        path,
        slug,
        title: posted.get("title").to_owned(),
        markdown: posted.get("markdown").to_owned(),
        position: position(posted),
        published: posted.has("published"),
        version: posted.version().unwrap_or_default(),
        ..EditPage::default()
    }
}

fn edit_of(page: &EditPage) -> PageEdit {
    PageEdit {
        title: page.title.clone(),
        markdown: page.markdown.clone(),
        position: page.position,
        published: page.published,
    }
}

fn with_preview(page: EditPage) -> EditPage {
    EditPage {
        preview: markdown::render(&page.markdown).html,
        ..page
    }
}

fn again(clerk: &ClerkVisit, page: EditPage) -> Result<Response, WebError> {
    clerk.page_with(
        StatusCode::UNPROCESSABLE_ENTITY,
        "console/content/page.html",
        page,
    )
}
