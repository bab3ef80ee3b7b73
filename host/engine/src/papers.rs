//! Papers of a case: made from the definition and the answers, as PDF or as a page to print.

use crate::Engine;
use crate::actor::Actor;
use crate::error::EngineError;
use crate::pages::may_see;
use crate::situation::Situation;
use crate::views::Download;
use std::collections::HashMap;
use yinxin_core::definition::{Block, Field};
use yinxin_core::field;
use yinxin_core::ids::{CaseId, SiteId};
use yinxin_documents::{Imprint, Paper, QrKind, QrText};
use yinxin_store::StoreError;
use yinxin_store::papers::{self, NewPaper};

impl Engine {
    /// The paper with its data, for a page to print. Making it is noted: the number is the same until the data changes.
    pub async fn paper(
        &self,
        site: &SiteId,
        viewer: &Actor,
        id: &CaseId,
        document: &str,
    ) -> Result<Paper, EngineError> {
        let inner = &self.inner;
        let situation = {
            let mut conn = inner.store.read().await?;
            Situation::read(inner, &mut conn, site, id).await?
        };
        may_see(&situation, viewer)?;
        let document = situation.document(document).ok_or(EngineError::NotFound)?;
        let in_state = document.states.is_empty() || document.states.contains(&situation.case.state);
        if !situation.values.shows(document.shown_when.as_ref()) || !in_state {
            return Err(EngineError::NotAllowed);
        }

        // The QR code of a check leads to the phone's page, so the check has to exist.
        let mut codes = HashMap::new();
        for block in &document.blocks {
            if let Block::IdentityQr(check) = block {
                codes.insert(check.clone(), self.identity_link(site, &situation, check).await?);
            }
        }

        let setup = inner.site(site)?;
        let now = inner.now();
        let digest = situation.values_digest(inner);
        let mut tx = inner.store.begin().await?;
        let new = NewPaper {
            case: id,
            case_number: &situation.case.number,
            document: &document.id,
            digest: &digest,
            now,
        };
        let made = papers::issue(&mut tx, site, new).await?;
        tx.commit().await.map_err(StoreError::from)?;
        inner.changed(site, id);

        let imprint = Imprint {
            site_title: setup.title.clone(),
            number: made.number,
            made: made.made_at.minute(),
        };
        let fields = fields(&situation);
        let value = |name: &str| match name {
            "number" => Some(situation.case.number.clone()),
            "today" => Some(now.day().strftime("%Y年%-m月%-d日").to_string()),
            _ => fields.get(name).map(|known| field::display(known, situation.values.get(name))),
        };
        let code = |kind: QrKind<'_>| match kind {
            QrKind::Identity(check) => QrText {
                content: codes.get(check).cloned().unwrap_or_default(),
                title: situation.check(check).map(|c| c.title.clone()).unwrap_or_default(),
                hint: situation.check(check).map(|c| c.hint.clone()).unwrap_or_default(),
            },
            QrKind::Number => QrText {
                content: situation.case.number.clone(),
                title: "业务受理号".to_owned(),
                hint: situation.case.number.clone(),
            },
        };
        Paper::from_definition(document, imprint, value, code)
            .map_err(|error| EngineError::Service(error.to_string()))
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
        let renderer = self.inner.services.renderer.clone();
        // Type-setting is work for a core; the runtime's threads stay free for others.
        let bytes = tokio::task::spawn_blocking(move || renderer.render(&paper))
            .await
            .map_err(|error| EngineError::Service(error.to_string()))?
            .map_err(|error| EngineError::Service(error.to_string()))?;
        Ok(Download { name, media_type: "application/pdf".to_owned(), bytes })
    }
}

fn fields(situation: &Situation) -> HashMap<&str, &Field> {
    let forms = situation.definition.forms.iter();
    let fields = forms.flat_map(|form| &form.sections).flat_map(|section| &section.fields);
    fields.map(|field| (field.name.as_str(), field)).collect()
}
