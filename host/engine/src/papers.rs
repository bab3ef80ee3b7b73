//! Papers of a case: made from the definition and the answers, as PDF or as a page to print.

use crate::Engine;
use crate::actor::Actor;
use crate::error::EngineError;
use crate::inner::Inner;
use crate::pages::may_see;
use crate::receipts::is_receipt;
use crate::situation::Situation;
use crate::views::Download;
use std::collections::HashMap;
use yinxin_core::definition::{Block, Document, Field, Service, StepContent};
use yinxin_core::field;
use yinxin_core::ids::{CaseId, SiteId};
use yinxin_core::shared::Shared;
use yinxin_documents::{Imprint, Paper, QrKind, QrText};
use yinxin_services::papers::{PaperError, PaperOrder};
use yinxin_store::{StoreError, cases};

impl Engine {
    /// The paper with its data, for a page to print. It has a number from now on, the same until what it says changes.
    pub async fn paper(
        &self,
        site: &SiteId,
        viewer: &Actor,
        id: &CaseId,
        document: &str,
    ) -> Result<Paper, EngineError> {
        let inner = &self.inner;
        let mut situation = self.read_for(site, viewer, id).await?;
        let document = situation
            .document(document)
            .filter(|document| is_paper_of(&situation, &document.id))
            .ok_or(EngineError::NotFound)?
            .clone();
        let in_state =
            document.states.is_empty() || document.states.contains(&situation.case.state);
        if !situation.case.values.shows(document.shown_when.as_deref()) || !in_state {
            return Err(EngineError::NotAllowed);
        }
        // The QR code of a check leads to the phone's page, so the check has to exist.
        let checks = document.blocks.iter().filter_map(|block| match block {
            Block::IdentityQr(check) => Some(check),
            _ => None,
        });
        for check in checks {
            self.identity_link(site, &situation, check).await?;
            situation = self.read_for(site, viewer, id).await?;
        }
        let paper = filled(inner, site, &situation, &document)?;
        let order = PaperOrder {
            case: id,
            case_number: &situation.case.number,
            document: &document.id,
        };
        let mut tx = inner.store.begin().await?;
        // Of several tabs the first makes it; the others wait and get the same.
        cases::lock(&mut tx, site, id).await?;
        let issued = inner
            .services
            .papers
            .issue(&mut tx, site, order, paper)
            .await;
        let issued = issued.map_err(paper_error)?;
        tx.commit().await.map_err(StoreError::from)?;
        inner.changed(site, id);
        Ok(issued)
    }

    /// The paper as A4 PDF.
    pub async fn paper_pdf(
        &self,
        site: &SiteId,
        viewer: &Actor,
        id: &CaseId,
        document: &str,
    ) -> Result<Download, EngineError> {
        let paper = self.paper(site, viewer, id, document).await?;
        let name = format!("{}-{}.pdf", paper.title, paper.imprint.number);
        let bytes = self
            .inner
            .services
            .papers
            .pdf(paper)
            .await
            .map_err(paper_error)?;
        Ok(Download {
            name,
            media_type: "application/pdf".to_owned(),
            bytes,
        })
    }

    async fn read_for(
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

/// A paper of the case: no receipt, and none that only the steps of other services are about.
pub(crate) fn is_paper_of(situation: &Situation, document: &str) -> bool {
    let definition = &situation.definition;
    let names = |service: &Shared<Service>| {
        service.steps.iter().any(|step| match &step.content {
            StepContent::Agreement(id) => id == document,
            StepContent::Documents(ids) => ids.iter().any(|id| id == document),
            _ => false,
        })
    };
    let own = situation.service().is_ok_and(names);
    let others = || definition.services.iter().any(names);
    (own || !others()) && !is_receipt(definition, document)
}

/// What a person can mend, such as a character that no font has, is told; the rest is for the log.
pub(crate) fn paper_error(error: PaperError) -> EngineError {
    match error.sentence() {
        Some(sentence) => EngineError::sentence(sentence),
        None => error.into(),
    }
}

/// The paper as the answers make it now, without number and date.
pub(crate) fn filled(
    inner: &Inner,
    site: &SiteId,
    situation: &Situation,
    document: &Document,
) -> Result<Paper, EngineError> {
    let setup = inner.site(site)?;
    let imprint = Imprint {
        site_title: setup.title.clone(),
        number: String::new(),
        made: String::new(),
    };
    let fields = fields(situation);
    let value = |name: &str| value(situation, &fields, name);
    let code = |kind: QrKind<'_>| match kind {
        QrKind::Identity(id) => {
            let check = situation.check(id);
            let row = situation.checks.iter().find(|row| row.check_name == id);
            QrText {
                content: row
                    .map(|row| format!("{}/p/{}", setup.address, row.token))
                    .unwrap_or_default(),
                title: check.map(|check| check.title.clone()).unwrap_or_default(),
                hint: check.map(|check| check.hint.clone()).unwrap_or_default(),
            }
        }
        QrKind::Number => QrText {
            content: situation.case.number.clone(),
            title: "业务受理号".to_owned(),
            hint: situation.case.number.clone(),
        },
    };
    Paper::from_definition(document, imprint, value, code)
        .map_err(|error| EngineError::Service(error.to_string()))
}

/// What a placeholder stands for: a field's value as a person reads it. Where no form has a field `number`, that is the
/// acceptance number.
pub(crate) fn value(
    situation: &Situation,
    fields: &HashMap<&str, &Field>,
    name: &str,
) -> Option<String> {
    match fields.get(name) {
        Some(known) => Some(field::display(known, situation.case.values.get(name))),
        None if name == "number" => Some(situation.case.number.clone()),
        None => None,
    }
}

pub(crate) fn fields(situation: &Situation) -> HashMap<&str, &Field> {
    let forms = situation.definition.forms.iter();
    let fields = forms
        .flat_map(|form| &form.sections)
        .flat_map(|section| &section.fields);
    fields.map(|field| (field.name.as_str(), field)).collect()
}
