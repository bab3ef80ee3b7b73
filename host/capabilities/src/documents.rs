//! `yinxin:documents`: the papers that were made for the case.

use crate::bindings::yinxin::documents::documents::{Error, Host, Issue};
use crate::desk::{Access, No, Office, answer, ask, look, permit};
use crate::effects::Effect;
use crate::grants::Capability;
use crate::reads::Part;

crate::desk::refusals!(documents);

impl Host for Office {
    fn latest(&mut self, document: String) -> Result<Option<Issue>, Refused> {
        permit(self, Capability::Documents, Access::Read)?;
        known(self, &document)?;
        look(self, Part::Documents)?;
        let newest = self
            .host
            .view
            .documents
            .iter()
            .find(|issue| issue.document == document);
        Ok(newest.map(|issue| Issue {
            number: issue.number.clone(),
            made: issue.made,
            outdated: issue.outdated,
        }))
    }

    fn void(&mut self, document: String) -> Result<(), Refused> {
        permit(self, Capability::Documents, Access::Write)?;
        known(self, &document)?;
        ask(
            self,
            Effect::VoidDocument {
                document: document.clone(),
            },
        )?;
        self.host
            .view_mut()
            .documents
            .retain(|issue| issue.document != document);
        Ok(())
    }

    fn convert_error(&mut self, no: Refused) -> wasmtime::Result<Error> {
        answer(no)
    }
}

fn known(office: &Office, document: &str) -> Result<(), Refused> {
    let definition = office.host.definition.as_ref();
    match definition.is_some_and(|definition| {
        definition
            .documents
            .iter()
            .any(|known| known.id == document)
    }) {
        true => Ok(()),
        false => Err(No::Answer(Error::UnknownDocument(document.to_owned()))),
    }
}
