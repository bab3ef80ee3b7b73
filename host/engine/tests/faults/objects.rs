//! A folder of objects whose n-th write fails.

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

/// How the n-th write goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing was written.
    Before,
    /// All was written, and nobody hears of it.
    After,
}

const HAPPENED: i64 = -1;

/// Counts writes down to the one that fails.
#[derive(Debug)]
pub struct Objects {
    folder: LocalFileSystem,
    left: AtomicI64,
    after: AtomicI64,
}

impl Objects {
    pub fn over(folder: &std::path::Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        Self {
            folder: LocalFileSystem::new_with_prefix(folder).unwrap(),
            left: AtomicI64::new(0),
            after: AtomicI64::new(0),
        }
    }

    /// Has the n-th write from now on fail; 0: none.
    pub fn arm(&self, fault: Fault, n: i64) {
        self.after
            .store(i64::from(fault == Fault::After), Ordering::SeqCst);
        self.left.store(n, Ordering::SeqCst);
    }

    /// Mends it. True when it had happened.
    pub fn mend(&self) -> bool {
        self.left.swap(0, Ordering::SeqCst) == HAPPENED
    }
}

impl fmt::Display for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "objects that fail on purpose")
    }
}

fn fault() -> Error {
    Error::Generic {
        store: "folder",
        source: "No space left on device, on purpose".into(),
    }
}

#[async_trait]
impl ObjectStore for Objects {
    async fn put_opts(
        &self,
        at: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let count = |left: i64| match left {
            // It happens once.
            HAPPENED => None,
            1 => Some(HAPPENED),
            0 => None,
            left => Some(left - 1),
        };
        let before = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, count);
        let mine = before == Ok(1);
        if mine && self.after.load(Ordering::SeqCst) == 0 {
            return Err(fault());
        }
        let written = self.folder.put_opts(at, payload, options).await;
        if mine { Err(fault()) } else { written }
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.folder.put_multipart_opts(at, options).await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        self.folder.get_opts(at, options).await
    }

    fn delete_stream(
        &self,
        objects: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.folder.delete_stream(objects)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.folder.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.folder.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.folder.copy_opts(from, to, options).await
    }
}
