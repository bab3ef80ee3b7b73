//! What a site administrator writes: help, notices, downloads (manual row C-7).

use super::authority;
use super::files;
use crate::error::WebError;
use crate::markdown::{self, Rendered};
use crate::page::Visit;
use axum::extract::{Path, Query};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use yinxin_engine::views::Download;

/// Notices of a page.
const LINES: usize = 20;

#[derive(Serialize)]
struct HelpPage {
    pages: Vec<PageLine>,
}

#[derive(Serialize)]
struct PageLine {
    path: String,
    title: String,
}

#[derive(Serialize)]
struct TextPage {
    title: String,
    updated: String,
    text: Rendered,
    /// The list that it belongs to: address and name.
    list: (&'static str, String),
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
    day: String,
    pinned: bool,
}

#[derive(Serialize)]
struct DownloadsPage {
    downloads: Vec<DownloadLine>,
    /// The site issues certificates: whoever verifies them needs the issuers' and the list of revoked ones.
    issues: bool,
}

#[derive(Serialize)]
struct DownloadLine {
    path: String,
    title: String,
    summary: String,
    name: String,
    size: i64,
    updated: String,
}

#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    after: String,
}

pub async fn help(visit: Visit) -> Result<Response, WebError> {
    let pages = visit.state.content.pages(&visit.site.id, true).await?;
    let pages = pages
        .into_iter()
        .map(|page| PageLine {
            path: format!("/pages/{}", page.slug),
            title: page.title,
        })
        .collect();
    visit.page("applicant/content/help.html", HelpPage { pages })
}

pub async fn page(visit: Visit, Path(slug): Path<String>) -> Result<Response, WebError> {
    let page = visit.state.content.page(&visit.site.id, &slug).await?;
    let page = page
        .filter(|page| page.published)
        .ok_or(WebError::NotFound)?;
    let view = TextPage {
        title: page.title,
        updated: page.updated_at.day().to_string(),
        text: markdown::render(&page.markdown),
        list: ("/help", visit.text("nav.help").to_owned()),
    };
    visit.page("applicant/content/text.html", view)
}

pub async fn notices(visit: Visit, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    let (site, content) = (&visit.site.id, &visit.state.content);
    let before = (!asked.after.is_empty()).then_some(asked.after.as_str());
    let mut found = content
        .notices(site, true, before, LINES as i64 + 1)
        .await?;
    let more = found.len() > LINES;
    found.truncate(LINES);
    let next = found
        .last()
        .filter(|_| more)
        .map(|last| format!("/notices?after={}", last.id));
    let pinned = match before {
        Some(_) => Vec::new(),
        None => content.pinned_notices(site).await?,
    };
    found.retain(|notice| !pinned.iter().any(|other| other.id == notice.id));
    let notices = pinned
        .into_iter()
        .chain(found)
        .map(|notice| NoticeLine {
            path: format!("/notices/{}", notice.id),
            title: notice.title,
            day: notice
                .published_at
                .map(|at| at.day().to_string())
                .unwrap_or_default(),
            pinned: notice.pinned,
        })
        .collect();
    let view = NoticesPage {
        notices,
        next: next.unwrap_or_default(),
        first: before.map(|_| "/notices".to_owned()).unwrap_or_default(),
    };
    visit.page("applicant/content/notices.html", view)
}

pub async fn notice(visit: Visit, Path(id): Path<String>) -> Result<Response, WebError> {
    let notice = visit.state.content.notice(&visit.site.id, &id).await?;
    let notice = notice
        .filter(|notice| notice.published)
        .ok_or(WebError::NotFound)?;
    let view = TextPage {
        title: notice.title,
        updated: notice
            .published_at
            .map(|at| at.day().to_string())
            .unwrap_or_default(),
        text: markdown::render(&notice.markdown),
        list: ("/notices", visit.text("nav.notices").to_owned()),
    };
    visit.page("applicant/content/text.html", view)
}

pub async fn downloads(visit: Visit) -> Result<Response, WebError> {
    let downloads = visit.state.content.downloads(&visit.site.id, true).await?;
    let downloads = downloads
        .into_iter()
        .map(|download| DownloadLine {
            path: format!("/downloads/{}", download.id),
            title: download.title,
            summary: download.summary,
            name: download.file_name,
            size: download.bytes,
            updated: download.updated_at.day().to_string(),
        })
        .collect();
    let issues = authority::issues(&visit).await?;
    let page = DownloadsPage { downloads, issues };
    visit.page("applicant/content/downloads.html", page)
}

pub async fn download(visit: Visit, Path(id): Path<String>) -> Result<Response, WebError> {
    let site = &visit.site.id;
    let download = visit.state.content.download(site, &id).await?;
    let download = download
        .filter(|download| download.published)
        .ok_or(WebError::NotFound)?;
    let file = visit
        .state
        .uploads
        .read_original(site, &download.file_id)
        .await?;
    // Only files of the site's content are for everybody.
    if file.owner != yinxin_store::files::Owner::Content {
        return Err(WebError::NotFound);
    }
    Ok(files::attachment(Download {
        name: download.file_name,
        media_type: file.media_type,
        bytes: file.bytes,
    }))
}
