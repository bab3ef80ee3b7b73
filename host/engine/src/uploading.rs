//! Files that an applicant uploads and takes away, while the step is open.

use crate::Engine;
use crate::applicant::note;
use crate::error::EngineError;
use crate::inner::Inner;
use crate::situation::Situation;
use crate::views::FileView;
use yinxin_core::definition::{Material, StepContent};
use yinxin_core::ids::{AccountId, CaseId, SiteId};
use yinxin_core::rules::NamedValue;
use yinxin_core::shared::Shared;
use yinxin_services::uploads::{Upload, UploadError};
use yinxin_store::{Connection, StoreError, cases};

impl Engine {
    /// Takes a file for a place of a material; the sentence says what is wrong with it.
    pub async fn upload(
        &self,
        site: &SiteId,
        account: &AccountId,
        id: &CaseId,
        material: &str,
        position: u32,
        upload: (String, Vec<u8>),
    ) -> Result<Result<FileView, String>, EngineError> {
        let inner = &self.inner;
        let uploads = &inner.services.uploads;
        let (situation, material) = self.open_material(site, account, id, material).await?;
        let (name, bytes) = upload;
        let upload = Upload {
            name,
            bytes: bytes.into(),
            by: account.to_string(),
        };
        let taken = match uploads.take(site, id, &material, position, upload).await {
            Ok(taken) => taken,
            Err(UploadError::Refused(problem)) => return Ok(Err(problem.to_string())),
            Err(error) => return Err(error.into()),
        };
        let mut tx = inner.store.begin().await?;
        still_open(&mut tx, site, &situation).await?;
        let file = uploads.keep(&mut tx, site, id, &taken).await?;
        let said = [
            ("material", material.id.clone()),
            ("position", position.to_string()),
            ("file", file.id.to_string()),
        ];
        record(inner, &mut tx, site, &situation, "上传文件", said).await?;
        tx.commit().await.map_err(StoreError::from)?;
        inner.changed(site, id);
        Ok(Ok(crate::pages::service_file(file)))
    }

    /// Takes an uploaded file away.
    pub async fn remove_upload(
        &self,
        site: &SiteId,
        account: &AccountId,
        id: &CaseId,
        material: &str,
        position: u32,
    ) -> Result<(), EngineError> {
        let inner = &self.inner;
        let (situation, _) = self.open_material(site, account, id, material).await?;
        let by = account.to_string();
        let mut tx = inner.store.begin().await?;
        still_open(&mut tx, site, &situation).await?;
        let uploads = &inner.services.uploads;
        uploads
            .remove(&mut tx, site, id, material, position, &by)
            .await?;
        let said = [
            ("material", material.to_owned()),
            ("position", position.to_string()),
            ("file", String::new()),
        ];
        record(inner, &mut tx, site, &situation, "删除文件", said).await?;
        tx.commit().await.map_err(StoreError::from)?;
        inner.changed(site, id);
        Ok(())
    }

    async fn open_material(
        &self,
        site: &SiteId,
        account: &AccountId,
        id: &CaseId,
        material: &str,
    ) -> Result<(Situation, Shared<Material>), EngineError> {
        let situation = self.own(site, account, id).await?;
        let found = situation
            .service()?
            .steps
            .iter()
            .find_map(|step| match &step.content {
                StepContent::Materials(ids) if situation.is_open(&step.id) => situation
                    .materials(ids)
                    .find(|wanted| wanted.id == material)
                    .cloned(),
                _ => None,
            });
        let found = found.ok_or(EngineError::NotAllowed)?;
        Ok((situation, found))
    }
}

/// The case stands where it stood when its steps were found open; nothing moves it until `conn`'s transaction ends. So a
/// file that arrives while the application is being submitted is part of it or is refused, never changed behind it.
async fn still_open(
    conn: &mut Connection,
    site: &SiteId,
    situation: &Situation,
) -> Result<(), EngineError> {
    let (state, deleted) = cases::lock(conn, site, &situation.case.id).await?;
    if deleted || state != situation.case.state {
        return Err(EngineError::NotAllowed);
    }
    Ok(())
}

/// A row of the ledger: what stands in which place of a material now.
async fn record(
    inner: &Inner,
    conn: &mut Connection,
    site: &SiteId,
    situation: &Situation,
    label: &str,
    said: [(&str, String); 3],
) -> Result<(), EngineError> {
    let said = said.map(|(name, value)| NamedValue {
        name: name.to_owned(),
        value,
    });
    note(inner, conn, site, &situation.case, "step", label, &said).await
}
