//! What a site administrator writes: pages, notices and downloads (manual row C-7). Pages are Markdown and stay so; the web
//! renders them with raw HTML off.

mod import;
#[cfg(test)]
mod tests;

pub use import::Imported;

use crate::accounts::problem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use thiserror::Error;
use yinxin_core::ids::{FileId, SiteId};
use yinxin_core::rules::Problem;
use yinxin_core::time::Clock;
use yinxin_store::downloads::{self, Download};
use yinxin_store::notices::{self, Notice};
use yinxin_store::pages::{self, Page, PageVersion};
use yinxin_store::{Store, StoreError};

/// Characters of a title: one line on a phone, two at most.
const TITLE_LIMIT: usize = 60;
/// Bytes of a page: the longest of the manuals is a tenth of it.
const MARKDOWN_LIMIT: usize = 200_000;
const SUMMARY_LIMIT: usize = 200;
const SLUG_LIMIT: usize = 48;

/// A page, notice or download as the editor sends it back.
#[derive(Clone, Debug)]
pub struct PageEdit {
    pub title: String,
    pub markdown: String,
    /// Order in menus, small first.
    pub position: i64,
    pub published: bool,
}

#[derive(Clone, Debug)]
pub struct NoticeEdit {
    pub title: String,
    pub markdown: String,
    pub pinned: bool,
    pub published: bool,
}

#[derive(Clone, Debug)]
pub struct DownloadEdit {
    pub title: String,
    pub summary: String,
    pub position: i64,
    pub published: bool,
}

/// A file that has been stored already.
#[derive(Clone, Debug)]
pub struct StoredFile {
    pub id: FileId,
    /// As people see it when they save it.
    pub name: String,
    pub bytes: i64,
}

#[derive(Debug, Error)]
pub enum ContentError {
    /// To be shown at the editor, with what was typed.
    #[error("refused")]
    Refused(Vec<Problem>),
    /// Somebody else saved in the meantime; this is what it says now.
    #[error("saved by somebody else in the meantime")]
    PageConflict(Box<Page>),
    #[error("saved by somebody else in the meantime")]
    NoticeConflict(Box<Notice>),
    #[error("saved by somebody else in the meantime")]
    DownloadConflict(Box<Download>),
    #[error("there is none")]
    NotFound,
    #[error("{path}: {source}")]
    Unreadable {
        path: String,
        source: std::io::Error,
    },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The content of all sites of one host. Cheap to clone.
#[derive(Clone)]
pub struct Content {
    store: Store,
    clock: Arc<dyn Clock>,
    revision: Arc<AtomicU64>,
}

impl Content {
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            revision: Arc::default(),
        }
    }

    /// Another number after each change of a notice by this process: whoever keeps what was made of notices compares.
    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    fn changed(&self) {
        self.revision.fetch_add(1, Ordering::AcqRel);
    }

    /// The site's pages in the order of menus.
    pub async fn pages(
        &self,
        site: &SiteId,
        published_only: bool,
    ) -> Result<Vec<Page>, StoreError> {
        let mut conn = self.store.read().await?;
        pages::list(&mut conn, site, published_only).await
    }

    /// A page, published or not: who asks decides whether it is shown.
    pub async fn page(&self, site: &SiteId, slug: &str) -> Result<Option<Page>, StoreError> {
        let mut conn = self.store.read().await?;
        pages::get(&mut conn, site, slug).await
    }

    /// Makes a page. `by` is the name of who writes it.
    pub async fn create_page(
        &self,
        site: &SiteId,
        slug: &str,
        edit: PageEdit,
        by: &str,
    ) -> Result<Page, ContentError> {
        let mut problems = text_problems(&edit.title, &edit.markdown);
        if !is_slug(slug) {
            let message = format!("页面地址为 1 至 {SLUG_LIMIT} 位小写字母、数字或横线");
            problems.push(problem(Some("slug"), message));
        }
        refuse_if_any(problems)?;
        let page = self.page_of(slug, edit, by, 1);
        let mut tx = self.store.begin().await?;
        if !pages::insert(&mut tx, site, &page).await? {
            refuse_if_any(vec![problem(Some("slug"), "该页面地址已被使用，请换一个")])?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(page)
    }

    /// Saves a page over the version that the editor was opened with.
    pub async fn save_page(
        &self,
        site: &SiteId,
        slug: &str,
        edit: PageEdit,
        over: i64,
        by: &str,
    ) -> Result<Page, ContentError> {
        refuse_if_any(text_problems(&edit.title, &edit.markdown))?;
        let mut page = self.page_of(slug, edit, by, over);
        let mut tx = self.store.begin().await?;
        match pages::update(&mut tx, site, &page).await {
            Err(StoreError::Conflict) => {
                let now = pages::get(&mut tx, site, slug)
                    .await?
                    .ok_or(ContentError::NotFound)?;
                return Err(ContentError::PageConflict(Box::new(now)));
            }
            written => written?,
        }
        tx.commit().await.map_err(StoreError::from)?;
        page.version = over + 1;
        Ok(page)
    }

    fn page_of(&self, slug: &str, edit: PageEdit, by: &str, version: i64) -> Page {
        Page {
            slug: slug.to_owned(),
            title: edit.title.trim().to_owned(),
            markdown: edit.markdown.replace("\r\n", "\n"),
            position: edit.position,
            published: edit.published,
            version,
            updated_by: by.to_owned(),
            updated_at: self.clock.now(),
        }
    }

    /// Versions of a page, newest first; `before` is the last version of the list before.
    pub async fn page_history(
        &self,
        site: &SiteId,
        slug: &str,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<PageVersion>, StoreError> {
        let mut conn = self.store.read().await?;
        pages::history(&mut conn, site, slug, before, limit).await
    }

    /// Makes the page say again what it said at a version: as a new version, so that nothing is lost.
    pub async fn restore_page(
        &self,
        site: &SiteId,
        slug: &str,
        version: i64,
        over: i64,
        by: &str,
    ) -> Result<Page, ContentError> {
        let mut conn = self.store.read().await?;
        let old = pages::version(&mut conn, site, slug, version).await?;
        let now = pages::get(&mut conn, site, slug).await?;
        drop(conn);
        let (Some(old), Some(now)) = (old, now) else {
            return Err(ContentError::NotFound);
        };
        let edit = PageEdit {
            title: old.title,
            markdown: old.markdown,
            position: now.position,
            published: now.published,
        };
        self.save_page(site, slug, edit, over, by).await
    }

    /// Notices, newest first; `before` is the last id of the page before.
    pub async fn notices(
        &self,
        site: &SiteId,
        published_only: bool,
        before: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Notice>, StoreError> {
        let mut conn = self.store.read().await?;
        notices::list(&mut conn, site, published_only, false, before, limit).await
    }

    /// Published notices that stay above the others.
    pub async fn pinned_notices(&self, site: &SiteId) -> Result<Vec<Notice>, StoreError> {
        // More than a few pinned ones are none.
        const SHOWN: i64 = 5;
        let mut conn = self.store.read().await?;
        notices::list(&mut conn, site, true, true, None, SHOWN).await
    }

    pub async fn notice(&self, site: &SiteId, id: &str) -> Result<Option<Notice>, StoreError> {
        let mut conn = self.store.read().await?;
        notices::get(&mut conn, site, id).await
    }

    pub async fn create_notice(
        &self,
        site: &SiteId,
        edit: NoticeEdit,
        by: &str,
    ) -> Result<Notice, ContentError> {
        refuse_if_any(text_problems(&edit.title, &edit.markdown))?;
        let now = self.clock.now();
        let notice = Notice {
            id: uuid::Uuid::now_v7().to_string(),
            title: edit.title.trim().to_owned(),
            markdown: edit.markdown.replace("\r\n", "\n"),
            pinned: edit.pinned,
            published: edit.published,
            published_at: edit.published.then_some(now),
            version: 1,
            updated_by: by.to_owned(),
            updated_at: now,
        };
        let mut conn = self.store.read().await?;
        notices::insert(&mut conn, site, &notice).await?;
        self.changed();
        Ok(notice)
    }

    /// Saves a notice over the version that the editor was opened with.
    pub async fn save_notice(
        &self,
        site: &SiteId,
        id: &str,
        edit: NoticeEdit,
        over: i64,
        by: &str,
    ) -> Result<Notice, ContentError> {
        refuse_if_any(text_problems(&edit.title, &edit.markdown))?;
        let mut tx = self.store.begin().await?;
        let before = notices::get(&mut tx, site, id)
            .await?
            .ok_or(ContentError::NotFound)?;
        let now = self.clock.now();
        let mut notice = Notice {
            id: before.id.clone(),
            title: edit.title.trim().to_owned(),
            markdown: edit.markdown.replace("\r\n", "\n"),
            pinned: edit.pinned,
            published: edit.published,
            published_at: before.published_at.or(edit.published.then_some(now)),
            version: over,
            updated_by: by.to_owned(),
            updated_at: now,
        };
        match notices::update(&mut tx, site, &notice).await {
            Err(StoreError::Conflict) => {
                return Err(ContentError::NoticeConflict(Box::new(before)));
            }
            written => written?,
        }
        tx.commit().await.map_err(StoreError::from)?;
        self.changed();
        notice.version = over + 1;
        Ok(notice)
    }

    /// Deletes a notice; false when it was gone.
    pub async fn remove_notice(&self, site: &SiteId, id: &str) -> Result<bool, StoreError> {
        let mut conn = self.store.read().await?;
        let removed = notices::remove(&mut conn, site, id).await?;
        self.changed();
        Ok(removed)
    }

    /// The site's downloads in their order.
    pub async fn downloads(
        &self,
        site: &SiteId,
        published_only: bool,
    ) -> Result<Vec<Download>, StoreError> {
        let mut conn = self.store.read().await?;
        downloads::list(&mut conn, site, published_only).await
    }

    pub async fn download(&self, site: &SiteId, id: &str) -> Result<Option<Download>, StoreError> {
        let mut conn = self.store.read().await?;
        downloads::get(&mut conn, site, id).await
    }

    pub async fn create_download(
        &self,
        site: &SiteId,
        edit: DownloadEdit,
        file: StoredFile,
        by: &str,
    ) -> Result<Download, ContentError> {
        refuse_if_any(download_problems(&edit))?;
        let download = Download {
            id: uuid::Uuid::now_v7().to_string(),
            title: edit.title.trim().to_owned(),
            summary: edit.summary.trim().to_owned(),
            file_id: file.id,
            file_name: file.name,
            bytes: file.bytes,
            position: edit.position,
            published: edit.published,
            version: 1,
            updated_by: by.to_owned(),
            updated_at: self.clock.now(),
        };
        let mut conn = self.store.read().await?;
        downloads::insert(&mut conn, site, &download).await?;
        Ok(download)
    }

    /// Saves a download over the version that the editor was opened with; with a file, that takes the old one's place.
    /// Gives the download and the file that nothing points to any more.
    pub async fn save_download(
        &self,
        site: &SiteId,
        id: &str,
        edit: DownloadEdit,
        file: Option<StoredFile>,
        over: i64,
        by: &str,
    ) -> Result<(Download, Option<FileId>), ContentError> {
        refuse_if_any(download_problems(&edit))?;
        let mut tx = self.store.begin().await?;
        let before = downloads::get(&mut tx, site, id)
            .await?
            .ok_or(ContentError::NotFound)?;
        let replaced = file.as_ref().map(|_| before.file_id.clone());
        let mut download = Download {
            title: edit.title.trim().to_owned(),
            summary: edit.summary.trim().to_owned(),
            position: edit.position,
            published: edit.published,
            version: over,
            updated_by: by.to_owned(),
            updated_at: self.clock.now(),
            ..before.clone()
        };
        if let Some(file) = file {
            download.file_id = file.id;
            download.file_name = file.name;
            download.bytes = file.bytes;
        }
        match downloads::update(&mut tx, site, &download).await {
            Err(StoreError::Conflict) => {
                return Err(ContentError::DownloadConflict(Box::new(before)));
            }
            written => written?,
        }
        tx.commit().await.map_err(StoreError::from)?;
        download.version = over + 1;
        Ok((download, replaced))
    }

    /// Takes a download off the site; false when it was gone.
    pub async fn remove_download(&self, site: &SiteId, id: &str) -> Result<bool, StoreError> {
        let mut conn = self.store.read().await?;
        downloads::remove(&mut conn, site, id).await
    }
}

fn is_slug(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=SLUG_LIMIT).contains(&text.len())
        && text.bytes().all(allowed)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn title_problem(title: &str) -> Option<Problem> {
    let length = title.trim().chars().count();
    let fits = (1..=TITLE_LIMIT).contains(&length) && !title.trim().chars().any(char::is_control);
    (!fits).then(|| {
        problem(
            Some("title"),
            format!("请填写标题，最多 {TITLE_LIMIT} 个字"),
        )
    })
}

fn text_problems(title: &str, markdown: &str) -> Vec<Problem> {
    let mut problems: Vec<_> = title_problem(title).into_iter().collect();
    if markdown.len() > MARKDOWN_LIMIT {
        let message = format!(
            "正文太长，最多 {} KB，请分成几个页面",
            MARKDOWN_LIMIT / 1000
        );
        problems.push(problem(Some("markdown"), message));
    }
    if markdown.contains('\0') {
        problems.push(problem(
            Some("markdown"),
            "正文中含有不能保存的字符，请重新粘贴",
        ));
    }
    problems
}

fn download_problems(edit: &DownloadEdit) -> Vec<Problem> {
    let mut problems: Vec<_> = title_problem(&edit.title).into_iter().collect();
    if edit.summary.chars().count() > SUMMARY_LIMIT || edit.summary.contains('\0') {
        problems.push(problem(
            Some("summary"),
            format!("说明最多 {SUMMARY_LIMIT} 个字"),
        ));
    }
    problems
}

fn refuse_if_any(problems: Vec<Problem>) -> Result<(), ContentError> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(ContentError::Refused(problems))
    }
}
