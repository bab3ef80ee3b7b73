//! Files that the site offers: forms to print, drivers, instructions.

use super::{position, refusal, views};
use crate::console::visit::ClerkVisit;
use crate::error::WebError;
use crate::forms::{Picked, Posted, ProblemView, Upload};
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use yinxin_core::definition::Role;
use yinxin_core::ids::FileId;
use yinxin_core::rules::Problem;
use yinxin_services::content::{DownloadEdit, StoredFile};
use yinxin_services::uploads::{self, UploadError};

/// Bytes of a file; a driver for all systems is about half of it.
pub const LIMIT: u64 = 64 * 1024 * 1024;

#[derive(Serialize)]
struct DownloadsPage {
    downloads: Vec<DownloadLine>,
}

#[derive(Serialize)]
struct DownloadLine {
    path: String,
    title: String,
    summary: String,
    name: String,
    size: i64,
    position: i64,
    published: bool,
    updated: String,
    by: String,
}

#[derive(Default, Serialize)]
struct EditPage {
    /// Empty for one that is to be made.
    path: String,
    title: String,
    summary: String,
    position: i64,
    published: bool,
    version: i64,
    /// The file's name and bytes, where there is one.
    name: String,
    size: i64,
    problems: Vec<ProblemView>,
}

pub async fn list(clerk: ClerkVisit) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let visit = &clerk.visit;
    let downloads = visit.state.content.downloads(&visit.site.id, false).await?;
    let downloads = downloads.into_iter().map(|download| DownloadLine {
        path: format!("/console/content/downloads/{}", download.id),
        title: download.title,
        summary: download.summary,
        name: download.file_name,
        size: download.bytes,
        position: download.position,
        published: download.published,
        updated: download.updated_at.minute(),
        by: download.updated_by,
    });
    clerk.page(
        "console/content/downloads.html",
        DownloadsPage {
            downloads: downloads.collect(),
        },
    )
}

pub async fn new(clerk: ClerkVisit) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    clerk.page("console/content/download.html", EditPage::default())
}

pub async fn create(clerk: ClerkVisit, upload: Upload) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let (posted, picked) = upload.form(LIMIT).await?;
    let visit = &clerk.visit;
    let page = typed(&posted, EditPage::default());
    let file = match keep(&clerk, picked).await? {
        Ok(Some(file)) => file,
        Ok(None) => {
            let problem = of_file(visit.text("console.file_missing"));
            return again(
                &clerk,
                EditPage {
                    problems: views(&[problem]),
                    ..page
                },
            );
        }
        Err(problem) => {
            return again(
                &clerk,
                EditPage {
                    problems: views(&[problem]),
                    ..page
                },
            );
        }
    };
    let kept = file.id.clone();
    let (content, site) = (&visit.state.content, &visit.site.id);
    match content
        .create_download(site, edit_of(&page), file, &clerk.clerk.name)
        .await
    {
        Ok(_) => Ok(visit.go("/console/content/downloads", "content-saved")),
        Err(error) => {
            discard(&clerk, &kept).await?;
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
    let page = known(&clerk, &id).await?;
    clerk.page("console/content/download.html", page)
}

pub async fn save(
    clerk: ClerkVisit,
    Path(id): Path<String>,
    upload: Upload,
) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let (posted, picked) = upload.form(LIMIT).await?;
    let visit = &clerk.visit;
    let page = typed(&posted, known(&clerk, &id).await?);
    let file = match keep(&clerk, picked).await? {
        Ok(file) => file,
        Err(problem) => {
            return again(
                &clerk,
                EditPage {
                    problems: views(&[problem]),
                    ..page
                },
            );
        }
    };
    let kept = file.as_ref().map(|file| file.id.clone());
    let (content, site, by) = (&visit.state.content, &visit.site.id, &clerk.clerk.name);
    match content
        .save_download(site, &id, edit_of(&page), file, page.version, by)
        .await
    {
        Ok((_, replaced)) => {
            if let Some(replaced) = replaced {
                discard(&clerk, &replaced).await?;
            }
            Ok(visit.go("/console/content/downloads", "content-saved"))
        }
        Err(error) => {
            if let Some(kept) = kept {
                discard(&clerk, &kept).await?;
            }
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
    let (content, site) = (&visit.state.content, &visit.site.id);
    let known = content.download(site, &id).await?;
    let removed = content.remove_download(site, &id).await?;
    if let Some(known) = known.filter(|_| removed) {
        discard(&clerk, &known.file_id).await?;
    }
    let flash = if removed {
        "content-removed"
    } else {
        "nothing-to-do"
    };
    Ok(visit.go("/console/content/downloads", flash))
}

async fn known(clerk: &ClerkVisit, id: &str) -> Result<EditPage, WebError> {
    let visit = &clerk.visit;
    let known = visit.state.content.download(&visit.site.id, id).await?;
    let known = known.ok_or(WebError::NotFound)?;
    Ok(EditPage {
        path: format!("/console/content/downloads/{id}"),
        title: known.title,
        summary: known.summary,
        position: known.position,
        published: known.published,
        version: known.version,
        name: known.file_name,
        size: known.bytes,
        problems: Vec::new(),
    })
}

/// Stores the file that was picked, or says why not.
async fn keep(
    clerk: &ClerkVisit,
    picked: Picked,
) -> Result<Result<Option<StoredFile>, Problem>, WebError> {
    let visit = &clerk.visit;
    let upload = match picked {
        Picked::Nothing => return Ok(Ok(None)),
        Picked::TooLarge => return Ok(Err(of_file(visit.text("console.download_too_large")))),
        Picked::File { name, bytes } => uploads::Upload {
            name,
            bytes: bytes.into(),
            by: clerk.clerk.id.to_string(),
        },
    };
    match visit
        .state
        .uploads
        .accept_content(&visit.site.id, upload)
        .await
    {
        Ok(file) => {
            let bytes = i64::try_from(file.size).unwrap_or(i64::MAX);
            Ok(Ok(Some(StoredFile {
                id: file.id,
                name: file.name,
                bytes,
            })))
        }
        Err(UploadError::Refused(problem)) => Ok(Err(of_file(&problem.to_string()))),
        Err(UploadError::Store(error)) => Err(error.into()),
        Err(error) => Err(WebError::internal(error)),
    }
}

/// A file that nothing points to any more.
async fn discard(clerk: &ClerkVisit, file: &FileId) -> Result<(), WebError> {
    let visit = &clerk.visit;
    Ok(visit.state.uploads.delete(&visit.site.id, file).await?)
}

fn of_file(message: &str) -> Problem {
    Problem {
        item: Some("file".to_owned()),
        message: message.to_owned(),
        offer: None,
    }
}

fn typed(posted: &Posted, known: EditPage) -> EditPage {
    EditPage {
        title: posted.get("title").to_owned(),
        summary: posted.get("summary").to_owned(),
        position: position(posted),
        published: posted.has("published"),
        version: posted.version().unwrap_or_default(),
        ..known
    }
}

fn edit_of(page: &EditPage) -> DownloadEdit {
    DownloadEdit {
        title: page.title.clone(),
        summary: page.summary.clone(),
        position: page.position,
        published: page.published,
    }
}

fn again(clerk: &ClerkVisit, page: EditPage) -> Result<Response, WebError> {
    clerk.page_with(
        StatusCode::UNPROCESSABLE_ENTITY,
        "console/content/download.html",
        page,
    )
}
