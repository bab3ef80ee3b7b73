//! Notices: newest first, some pinned.

use super::{refusal, views};
use crate::console::visit::ClerkVisit;
use crate::error::WebError;
use crate::forms::{Posted, ProblemView};
use crate::markdown;
use axum::extract::{Path, Query};
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use yinxin_core::definition::Role;
use yinxin_services::content::NoticeEdit;

/// Lines of a page.
const LINES: usize = 30;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    before: String,
}

#[derive(Serialize)]
struct NoticesPage {
    notices: Vec<NoticeLine>,
    next: String,
    first: String,
}

#[derive(Serialize)]
struct NoticeLine {
    path: String,
    title: String,
    pinned: bool,
    published: bool,
    updated: String,
    by: String,
}

#[derive(Default, Serialize)]
struct EditPage {
    /// Empty for one that is to be made.
    path: String,
    title: String,
    markdown: String,
    pinned: bool,
    published: bool,
    version: i64,
    /// As people will see it, or empty.
    preview: String,
    problems: Vec<ProblemView>,
}

pub async fn list(clerk: ClerkVisit, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let visit = &clerk.visit;
    let before = (!asked.before.is_empty()).then_some(asked.before.as_str());
    let one_more = i64::try_from(LINES + 1).unwrap_or(i64::MAX);
    let mut found = visit
        .state
        .content
        .notices(&visit.site.id, false, before, one_more)
        .await?;
    let more = found.len() > LINES;
    found.truncate(LINES);
    let next = found.last().filter(|_| more);
    let page = NoticesPage {
        next: next
            .map(|last| format!("/console/content/notices?before={}", last.id))
            .unwrap_or_default(),
        first: before
            .map(|_| "/console/content/notices".to_owned())
            .unwrap_or_default(),
        notices: found
            .into_iter()
            .map(|notice| NoticeLine {
                path: format!("/console/content/notices/{}", notice.id),
                title: notice.title,
                pinned: notice.pinned,
                published: notice.published,
                updated: notice.updated_at.minute(),
                by: notice.updated_by,
            })
            .collect(),
    };
    clerk.page("console/content/notices.html", page)
}

pub async fn new(clerk: ClerkVisit) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    clerk.page("console/content/notice.html", EditPage::default())
}

pub async fn create(clerk: ClerkVisit, posted: Posted) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let visit = &clerk.visit;
    let page = typed(&posted, String::new());
    if posted.has("_preview") {
        return clerk.page("console/content/notice.html", with_preview(page));
    }
    match visit
        .state
        .content
        .create_notice(&visit.site.id, edit_of(&page), &clerk.clerk.name)
        .await
    {
        Ok(_) => Ok(visit.go("/console/content/notices", "content-saved")),
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

pub async fn show(clerk: ClerkVisit, Path(id): Path<String>) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let visit = &clerk.visit;
    let notice = visit.state.content.notice(&visit.site.id, &id).await?;
    let notice = notice.ok_or(WebError::NotFound)?;
    let page = EditPage {
        path: format!("/console/content/notices/{id}"),
        title: notice.title,
        markdown: notice.markdown,
        pinned: notice.pinned,
        published: notice.published,
        version: notice.version,
        ..EditPage::default()
    };
    clerk.page("console/content/notice.html", page)
}

pub async fn save(
    clerk: ClerkVisit,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let visit = &clerk.visit;
    let page = typed(&posted, format!("/console/content/notices/{id}"));
    if posted.has("_preview") {
        return clerk.page("console/content/notice.html", with_preview(page));
    }
    let (site, by) = (&visit.site.id, &clerk.clerk.name);
    match visit
        .state
        .content
        .save_notice(site, &id, edit_of(&page), page.version, by)
        .await
    {
        Ok(_) => Ok(visit.go("/console/content/notices", "content-saved")),
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

pub async fn remove(clerk: ClerkVisit, Path(id): Path<String>) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let visit = &clerk.visit;
    let removed = visit
        .state
        .content
        .remove_notice(&visit.site.id, &id)
        .await?;
    let flash = if removed {
        "content-removed"
    } else {
        "nothing-to-do"
    };
    Ok(visit.go("/console/content/notices", flash))
}

fn typed(posted: &Posted, path: String) -> EditPage {
    EditPage {
        path,
        title: posted.get("title").to_owned(),
        markdown: posted.get("markdown").to_owned(),
        pinned: posted.has("pinned"),
        published: posted.has("published"),
        version: posted.version().unwrap_or_default(),
        ..EditPage::default()
    }
}

fn edit_of(page: &EditPage) -> NoticeEdit {
    NoticeEdit {
        title: page.title.clone(),
        markdown: page.markdown.clone(),
        pinned: page.pinned,
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
        "console/content/notice.html",
        page,
    )
}
