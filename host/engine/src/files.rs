//! Files and certificates of a case, handed out to who may see the case.

use crate::Engine;
use crate::actor::Actor;
use crate::error::EngineError;
use crate::pages::may_see;
use crate::situation::Situation;
use crate::views::{Download, Rendition};
use yinxin_core::ids::{CaseId, FileId, SiteId};
use yinxin_store::certificates::CertificateState;
use yinxin_store::files::Owner;

impl Engine {
    /// An uploaded file. Only a file of this very case: an id of another one is not found.
    pub async fn file(
        &self,
        site: &SiteId,
        viewer: &Actor,
        id: &CaseId,
        file: &str,
        rendition: Rendition,
    ) -> Result<Download, EngineError> {
        self.seen(site, viewer, id).await?;
        let file = FileId::from_stored(file);
        let uploads = &self.inner.services.uploads;
        let found = match rendition {
            Rendition::Thumbnail => uploads.thumbnail(site, &file).await,
            Rendition::View => uploads.clerk_view(site, &file).await,
            Rendition::Original => uploads.read_original(site, &file).await,
        }?;
        if found.owner != Owner::Case(id.clone()) {
            return Err(EngineError::NotFound);
        }
        Ok(Download {
            name: found.name,
            media_type: found.media_type,
            bytes: found.bytes,
        })
    }

    /// A certificate of the case as PEM, alone or with those up to the root.
    pub async fn certificate_pem(
        &self,
        site: &SiteId,
        viewer: &Actor,
        id: &CaseId,
        serial: &str,
        chain: bool,
    ) -> Result<Download, EngineError> {
        let situation = self.seen(site, viewer, id).await?;
        let mut issued = situation.certificates.iter();
        let certificate = issued
            .find(|c| c.serial == serial && c.state != CertificateState::Reserved)
            .ok_or(EngineError::NotFound)?;
        let mut pem = certificate.pem.clone();
        if chain {
            let above = self.inner.services.certificates.chain(site).await;
            pem.push_str(&above?);
        }
        let name = format!("{serial}{}.pem", if chain { "-chain" } else { "" });
        let media_type = "application/x-pem-file".to_owned();
        Ok(Download {
            name,
            media_type,
            bytes: pem.into_bytes(),
        })
    }

    async fn seen(
        &self,
        site: &SiteId,
        viewer: &Actor,
        id: &CaseId,
    ) -> Result<Situation, EngineError> {
        let mut conn = self.inner.store.read().await?;
        let situation = Situation::read(&self.inner, &mut conn, site, id).await?;
        may_see(&situation, viewer)?;
        Ok(situation)
    }
}
