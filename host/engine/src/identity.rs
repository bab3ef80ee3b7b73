//! Identity checks of a case, seen from the applicant.

use crate::Engine;
use crate::error::EngineError;
use crate::pages::check_view;
use crate::situation::Situation;
use crate::views::CheckView;
use yinxin_core::ids::{AccountId, CaseId, SiteId};
use yinxin_store::StoreError;

impl Engine {
    /// Starts the check, or returns the one that is open, with the address of the phone's page.
    pub async fn open_identity(
        &self,
        site: &SiteId,
        account: &AccountId,
        id: &CaseId,
        check: &str,
    ) -> Result<CheckView, EngineError> {
        let situation = self.own(site, account, id).await?;
        self.identity_link(site, &situation, check).await?;
        let situation = self.own(site, account, id).await?;
        let definition = situation.check(check).ok_or(EngineError::NotFound)?;
        Ok(check_view(&situation, definition, self.inner.now()))
    }

    /// The address that the QR code of a check holds. A check can begin once its name and number are known.
    pub(crate) async fn identity_link(
        &self,
        site: &SiteId,
        situation: &Situation,
        check: &str,
    ) -> Result<String, EngineError> {
        let definition = situation.check(check).ok_or(EngineError::NotFound)?;
        let name = situation.values.get(&definition.name_field);
        let number = situation.values.get(&definition.number_field);
        if name.is_empty() || number.is_empty() {
            return Err(EngineError::sentence("请先填写被核验人的姓名和身份证号码"));
        }
        let mut tx = self.inner.store.begin().await?;
        let row = self
            .inner
            .services
            .identity
            .ensure(&mut tx, site, &situation.case.id, check, name, number)
            .await
            .map_err(crate::service_error)?;
        tx.commit().await.map_err(StoreError::from)?;
        let address = &self.inner.site(site)?.address;
        Ok(format!("{address}/p/{}", row.token))
    }
}
