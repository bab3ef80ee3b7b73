//! Takes in what people upload: the real type by content, bounds, an upright re-encoded picture for the clerk, a
//! thumbnail; and hands it out again. The original is kept as it came, sealed.
//!
//! Objects are written before the transaction that keeps them (the network is never inside one), after they were
//! announced, so that the sweep finds what a crash left.

mod archive;
mod format;
pub mod outside;
mod picture;
mod problem;

pub use problem::{Refusal, UploadProblem};

use bytes::Bytes;
use format::Content;
use ring::digest;
use std::sync::Arc;
use tokio::sync::Semaphore;
use yinxin_core::definition::{FileFormat, Material};
use yinxin_core::ids::{CaseId, FileId, OrderId, SiteId};
use yinxin_core::rules::ItemStanding;
use yinxin_core::time::{Clock, Millis};
use yinxin_store::blobs::{self, BlobKey, Blobs};
use yinxin_store::files::{self, File, Owner};
use yinxin_store::jobs::{self, NewJob};
use yinxin_store::materials::{self, Item, Placed};
use yinxin_store::{Connection, Store, StoreError, seal::Sealer};

/// Kind of the job that removes objects nobody owns.
pub const SWEEP_JOB: &str = "blob-sweep";

/// An upload that is announced for longer has been given up: the longest takes minutes.
const PENDING_SECONDS: i64 = 3600;
/// Objects removed in one go, so that a sweep of a large site stays short.
const SWEEP_LIMIT: i64 = 500;
/// A PDF that a clerk attaches (WIT: `attachment`).
const ATTACHMENT_BYTES: u64 = 5 << 20;
/// A file of an order: the slip of a transfer, or an invoice.
pub const ORDER_FILE_BYTES: u64 = 5 << 20;
/// What a transfer's slip may be: a bank's receipt as PDF, a scan or a photograph of it.
pub const SLIP_FORMATS: [FileFormat; 4] = [
    FileFormat::Jpeg,
    FileFormat::Png,
    FileFormat::Bmp,
    FileFormat::Pdf,
];
/// A download of the site's own, such as a driver. It passes through memory once.
const CONTENT_BYTES: u64 = 64 << 20;
/// Characters of a file's name that are kept; longer ones are cut, which loses nothing that matters.
const NAME_LIMIT: usize = 120;

/// Why an upload was not taken.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The person can do something about it.
    #[error("{0}")]
    Refused(#[from] UploadProblem),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The process is shutting down.
    #[error("the picture was not worked on")]
    Stopped,
}

/// What came with the request.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The name that the browser gave; shown again, never used as a path.
    pub name: String,
    pub bytes: Bytes,
    /// Account or clerk.
    pub by: String,
}

/// A stored file as pages show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileView {
    pub id: FileId,
    /// To be compared with what the asking person may see, before anything is handed out.
    pub owner: Owner,
    pub name: String,
    pub media_type: String,
    /// bytes
    pub size: u64,
    /// Pixels, upright; 0 where it is no picture.
    pub width: u32,
    pub height: u32,
    /// True when there is a clerk's view and a thumbnail.
    pub is_picture: bool,
    /// Names in an archive.
    pub listing: Vec<String>,
    /// What the clerk has to know about it, or empty.
    pub note: &'static str,
    pub created_at: Millis,
}

/// A file in its place among a case's materials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaterialFile {
    pub material: String,
    /// From 0.
    pub position: u32,
    pub file: FileView,
}

/// A file that was found good and written, but does not count yet. One that is never kept is swept.
#[derive(Clone, Debug)]
pub struct Taken {
    file: File,
    /// Its place among the materials; none: an attachment, which a field names by its id.
    placed: Option<Placed>,
}

impl Taken {
    pub fn id(&self) -> &FileId {
        &self.file.id
    }
}

/// Bytes to be sent to a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    pub owner: Owner,
    pub name: String,
    pub media_type: String,
    pub bytes: Vec<u8>,
}

#[derive(Clone)]
pub struct Uploads {
    store: Store,
    sealer: Arc<Sealer>,
    blobs: Blobs,
    clock: Arc<dyn Clock>,
    /// Decoding is work for a core; more at once only costs memory.
    cores: Arc<Semaphore>,
}

impl Uploads {
    pub fn new(store: Store, sealer: Arc<Sealer>, blobs: Blobs, clock: Arc<dyn Clock>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            store,
            sealer,
            blobs,
            clock,
            cores: Arc::new(Semaphore::new(cores)),
        }
    }

    /// True when files can be written now.
    pub async fn is_ready(&self) -> bool {
        self.blobs.is_ready().await
    }

    /// Looks at a file for a place of a material and writes its objects; [`Uploads::keep`] makes it count.
    pub async fn take(
        &self,
        site: &SiteId,
        case: &CaseId,
        material: &Material,
        position: u32,
        upload: Upload,
    ) -> Result<Taken, UploadError> {
        let title = problem::place_title(material, position);
        if position >= material.files.max(1) {
            return Err(UploadProblem::new(
                title,
                Refusal::NoSuchPlace {
                    places: material.files.max(1),
                },
            )
            .into());
        }
        let content = self
            .examine(title, &upload, material.max_bytes, &material.formats)
            .await?;
        let file = self
            .write(site, Owner::Case(case.clone()), upload, content)
            .await?;
        let placed = Placed {
            material: material.id.clone(),
            position,
            file: file.id.clone(),
        };
        let placed = Some(placed);
        Ok(Taken { file, placed })
    }

    /// Makes a file count, in the caller's transaction, who has made sure that its place may be filled. What stood there
    /// is replaced, other places keep theirs; a refused material counts as uploaded again.
    pub async fn keep(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        case: &CaseId,
        taken: &Taken,
    ) -> Result<FileView, StoreError> {
        let Taken { file, placed } = taken;
        files::insert(conn, &self.sealer, site, file).await?;
        let Some(placed) = placed else {
            return Ok(FileView::from(file.clone()));
        };
        if let Some(displaced) = materials::place(conn, site, case, placed).await? {
            files::delete(conn, site, &displaced, file.created_at).await?;
        }
        let uploaded = item(
            &placed.material,
            ItemStanding::Uploaded,
            &file.created_by,
            file.created_at,
        );
        materials::judge(conn, site, case, &uploaded).await?;
        Ok(FileView::from(file.clone()))
    }

    /// Looks at a PDF that a clerk attaches to a case and writes its object; [`Uploads::keep`] makes it count.
    pub async fn take_attachment(
        &self,
        site: &SiteId,
        case: &CaseId,
        upload: Upload,
    ) -> Result<Taken, UploadError> {
        let title = "附件".to_owned();
        let content = self
            .examine(title, &upload, ATTACHMENT_BYTES, &[FileFormat::Pdf])
            .await?;
        let file = self
            .write(site, Owner::Case(case.clone()), upload, content)
            .await?;
        Ok(Taken { file, placed: None })
    }

    /// Looks at a file for an order, called `title` where it is refused, and writes its objects;
    /// [`Uploads::keep_of_order`] makes it count.
    pub async fn take_of_order(
        &self,
        site: &SiteId,
        order: &OrderId,
        title: &str,
        formats: &[FileFormat],
        upload: Upload,
    ) -> Result<Taken, UploadError> {
        let content = self
            .examine(title.to_owned(), &upload, ORDER_FILE_BYTES, formats)
            .await?;
        let file = self
            .write(site, Owner::Order(order.clone()), upload, content)
            .await?;
        Ok(Taken { file, placed: None })
    }

    /// Makes a file of an order count, in the caller's transaction, who writes its id into the order.
    pub async fn keep_of_order(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        taken: &Taken,
    ) -> Result<FileView, StoreError> {
        files::insert(conn, &self.sealer, site, &taken.file).await?;
        Ok(FileView::from(taken.file.clone()))
    }

    /// Takes a file of the site's own content, of any type: a driver, a blank form.
    pub async fn accept_content(
        &self,
        site: &SiteId,
        upload: Upload,
    ) -> Result<FileView, UploadError> {
        let size = upload.bytes.len() as u64;
        if size == 0 || size > CONTENT_BYTES {
            let refusal = if size == 0 {
                Refusal::Empty
            } else {
                Refusal::TooLarge {
                    size,
                    limit: CONTENT_BYTES,
                }
            };
            return Err(UploadProblem::new("下载文件".to_owned(), refusal).into());
        }
        let content = Content::opaque(format::media_type(&upload.bytes));
        let file = self.write(site, Owner::Content, upload, content).await?;
        let mut tx = self.store.begin().await?;
        files::insert(&mut tx, &self.sealer, site, &file).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(FileView::from(file))
    }

    /// Empties a place of a material, in the caller's transaction. Without any file the material is missing again.
    pub async fn remove(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        case: &CaseId,
        material: &str,
        position: u32,
        by: &str,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        if let Some(file) = materials::remove(conn, site, case, material, position).await? {
            files::delete(conn, site, &file, now).await?;
        }
        let left = materials::of_case(conn, site, case).await?;
        if !left.iter().any(|placed| placed.material == material) {
            let missing = item(material, ItemStanding::Missing, by, now);
            materials::judge(conn, site, case, &missing).await?;
        }
        Ok(())
    }

    /// Deletes a file that stands in no place: an attachment, a download.
    pub async fn delete(&self, site: &SiteId, id: &FileId) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        files::delete(&mut tx, site, id, self.clock.now()).await?;
        Ok(tx.commit().await?)
    }

    /// The files of a case's materials, by material and position.
    pub async fn of_case(
        &self,
        site: &SiteId,
        case: &CaseId,
    ) -> Result<Vec<MaterialFile>, StoreError> {
        let mut conn = self.store.read().await?;
        let mut found = Vec::new();
        for placed in materials::of_case(&mut conn, site, case).await? {
            let file = files::find(&mut conn, &self.sealer, site, &placed.file).await?;
            let file = FileView::from(file.ok_or(StoreError::Damaged("material_files.file_id"))?);
            found.push(MaterialFile {
                material: placed.material,
                position: placed.position,
                file,
            });
        }
        Ok(found)
    }

    pub async fn find(&self, site: &SiteId, id: &FileId) -> Result<Option<FileView>, StoreError> {
        let mut conn = self.store.read().await?;
        Ok(files::find(&mut conn, &self.sealer, site, id)
            .await?
            .map(FileView::from))
    }

    /// The file as it came, bit by bit.
    pub async fn read_original(&self, site: &SiteId, id: &FileId) -> Result<Download, StoreError> {
        let file = self.file(site, id).await?;
        let bytes = self.blobs.get(&file.original_key).await?;
        Ok(Download {
            owner: file.owner,
            name: file.name,
            media_type: file.media_type,
            bytes,
        })
    }

    /// The upright picture without metadata, JPEG, for the clerk. [`StoreError::NotFound`] where it is no picture.
    pub async fn clerk_view(&self, site: &SiteId, id: &FileId) -> Result<Download, StoreError> {
        let file = self.file(site, id).await?;
        self.jpeg(&file, &file.view_key).await
    }

    /// The same, small. [`StoreError::NotFound`] where it is no picture.
    pub async fn thumbnail(&self, site: &SiteId, id: &FileId) -> Result<Download, StoreError> {
        let file = self.file(site, id).await?;
        self.jpeg(&file, &file.thumbnail_key).await
    }

    /// Plans the sweep of the hour after now; planning it twice plans it once.
    pub async fn plan_sweep(&self, conn: &mut Connection, site: &SiteId) -> Result<(), StoreError> {
        let hour = self.clock.now().0.div_euclid(3_600_000) + 1;
        let job = NewJob {
            kind: SWEEP_JOB,
            key: hour.to_string(),
            case_id: String::new(),
            payload: "{}".to_owned(),
            run_at: Millis(hour * 3_600_000),
        };
        jobs::enqueue(conn, site, job).await?;
        Ok(())
    }

    /// The job: removes objects that nobody owns and plans the next sweep. Returns how many it removed.
    pub async fn sweep(&self, site: &SiteId) -> Result<usize, StoreError> {
        let mut tx = self.store.begin().await?;
        let before = self.clock.now().plus(-PENDING_SECONDS);
        let keys = blobs::to_sweep(&mut tx, site, before, SWEEP_LIMIT).await?;
        self.plan_sweep(&mut tx, site).await?;
        tx.commit().await?;
        for key in &keys {
            self.blobs.delete(key).await?;
            let mut tx = self.store.begin().await?;
            blobs::forget(&mut tx, site, key).await?;
            tx.commit().await?;
        }
        Ok(keys.len())
    }

    /// Looks at the content on a core of its own.
    async fn examine(
        &self,
        title: String,
        upload: &Upload,
        max_bytes: u64,
        formats: &[FileFormat],
    ) -> Result<Content, UploadError> {
        let _core = self
            .cores
            .acquire()
            .await
            .map_err(|_| UploadError::Stopped)?;
        let (bytes, name, formats) = (upload.bytes.clone(), upload.name.clone(), formats.to_vec());
        tokio::task::spawn_blocking(move || format::examine(&bytes, &name, max_bytes, &formats))
            .await
            .map_err(|_| UploadError::Stopped)?
            .map_err(|refusal| UploadProblem::new(title, refusal).into())
    }

    /// Announces and writes the objects of a file; what it returns is to be stored.
    async fn write(
        &self,
        site: &SiteId,
        owner: Owner,
        upload: Upload,
        content: Content,
    ) -> Result<File, StoreError> {
        let now = self.clock.now();
        let mut objects = vec![(BlobKey::generate(site), upload.bytes.to_vec())];
        if let Some(picture) = &content.picture {
            objects.push((BlobKey::generate(site), picture.view.clone()));
            objects.push((BlobKey::generate(site), picture.thumbnail.clone()));
        }
        let mut tx = self.store.begin().await?;
        for (key, _) in &objects {
            blobs::announce(&mut tx, site, key, now).await?;
        }
        tx.commit().await?;
        for (key, plain) in &objects {
            self.blobs.put(key, plain).await?;
        }
        let key = |index: usize| {
            objects
                .get(index)
                .map(|(key, _)| key.as_str().to_owned())
                .unwrap_or_default()
        };
        Ok(File {
            id: FileId::generate(),
            name: match owner {
                // A clerk saves it and opens it with a double click: by its name the computer takes it for what it is.
                Owner::Case(_) | Owner::Order(_) => {
                    format::ending_as(clean_name(&upload.name), content.media_type)
                }
                Owner::Content => clean_name(&upload.name),
            },
            owner,
            media_type: content.media_type.to_owned(),
            size: upload.bytes.len() as u64,
            sha256: hex::encode(digest::digest(&digest::SHA256, &upload.bytes)),
            width: content.picture.as_ref().map_or(0, |picture| picture.width),
            height: content.picture.as_ref().map_or(0, |picture| picture.height),
            original_key: key(0),
            view_key: key(1),
            thumbnail_key: key(2),
            listing: content.listing,
            created_at: now,
            created_by: upload.by,
        })
    }

    async fn file(&self, site: &SiteId, id: &FileId) -> Result<File, StoreError> {
        let mut conn = self.store.read().await?;
        files::find(&mut conn, &self.sealer, site, id)
            .await?
            .ok_or(StoreError::NotFound)
    }

    async fn jpeg(&self, file: &File, key: &str) -> Result<Download, StoreError> {
        if key.is_empty() {
            return Err(StoreError::NotFound);
        }
        let bytes = self.blobs.get(key).await?;
        let (owner, name) = (file.owner.clone(), file.name.clone());
        Ok(Download {
            owner,
            name,
            media_type: "image/jpeg".to_owned(),
            bytes,
        })
    }
}

fn item(material: &str, standing: ItemStanding, by: &str, now: Millis) -> Item {
    Item {
        item: material.to_owned(),
        standing,
        reason: String::new(),
        changed_by: by.to_owned(),
        changed_at: now,
    }
}

impl From<File> for FileView {
    fn from(file: File) -> Self {
        let is_rar = file.media_type == format::media_type_of(FileFormat::Rar);
        FileView {
            id: file.id,
            owner: file.owner,
            name: file.name,
            is_picture: !file.view_key.is_empty(),
            note: if is_rar {
                "RAR 压缩包无法列出目录，请下载后在隔离环境中查看。"
            } else {
                ""
            },
            media_type: file.media_type,
            size: file.size,
            width: file.width,
            height: file.height,
            listing: file.listing,
            created_at: file.created_at,
        }
    }
}

/// The last part of the path that some browsers send, without control characters, also those that turn the order of
/// letters around.
fn clean_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last
        .chars()
        .filter(|c| {
            !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        })
        .take(NAME_LIMIT)
        .collect();
    let clean = clean.trim();
    if clean.is_empty() {
        "未命名".to_owned()
    } else {
        clean.to_owned()
    }
}

#[cfg(test)]
mod bombs;
#[cfg(test)]
mod tests;
