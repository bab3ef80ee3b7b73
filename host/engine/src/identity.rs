//! Identity checks of a case, seen from the applicant.

use crate::Engine;
use crate::error::EngineError;
use crate::pages::check_view;
use crate::situation::Situation;
use crate::views::CheckView;
use yinxin_core::definition::StepContent;
use yinxin_core::ids::{AccountId, CaseId, SiteId};
use yinxin_store::{StoreError, cases};

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
        let mut steps = situation.service()?.steps.iter();
        let step =
            steps.find(|step| matches!(&step.content, StepContent::Identity(id) if id == check));
        if !situation.is_open(&step.ok_or(EngineError::NotFound)?.id) {
            return Err(EngineError::NotAllowed);
        }
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
        let name = situation.case.values.get(&definition.name_field);
        let number = situation.case.values.get(&definition.number_field);
        if name.is_empty() || number.is_empty() {
            return Err(EngineError::sentence("请先填写被核验人的姓名和身份证号码"));
        }
        let identity = &self.inner.services.identity;
        let case = &situation.case.id;
        let mut tx = self.inner.store.begin().await?;
        // The printed letter and the page may ask for the same check at once: the second waits and gets the first's.
        cases::lock(&mut tx, site, case).await?;
        let row = identity
            .ensure(&mut tx, site, case, check, name, number)
            .await?;
        tx.commit().await.map_err(StoreError::from)?;
        let address = &self.inner.site(site)?.address;
        Ok(format!("{address}/p/{}", row.token))
    }
}
