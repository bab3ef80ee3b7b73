//! `yinxin:identity`: where the case's identity checks stand.

use crate::bindings::yinxin::identity::identity::{Error, Host, Standing};
use crate::convert;
use crate::desk::{Access, No, Office, answer, ask, look, permit};
use crate::effects::Effect;
use crate::grants::Capability;
use crate::reads::Part;
use yinxin_core::identity::Standing as Found;

crate::desk::refusals!(identity);

impl Host for Office {
    fn status(&mut self, check: String) -> Result<Standing, Refused> {
        permit(self, Capability::Identity, Access::Read)?;
        known(self, &check)?;
        look(self, Part::Checks)?;
        let found = self
            .host
            .view
            .checks
            .iter()
            .find(|view| view.check == check);
        Ok(convert::identity_standing(
            found.map_or(Found::None, |view| view.standing),
        ))
    }

    fn void(&mut self, check: String) -> Result<(), Refused> {
        permit(self, Capability::Identity, Access::Write)?;
        known(self, &check)?;
        ask(
            self,
            Effect::VoidIdentity {
                check: check.clone(),
            },
        )?;
        for view in self
            .host
            .view_mut()
            .checks
            .iter_mut()
            .filter(|view| view.check == check)
        {
            view.standing = Found::None;
        }
        Ok(())
    }

    fn convert_error(&mut self, no: Refused) -> wasmtime::Result<Error> {
        answer(no)
    }
}

fn known(office: &Office, check: &str) -> Result<(), Refused> {
    let definition = office.host.definition.as_ref();
    match definition
        .is_some_and(|definition| definition.checks.iter().any(|known| known.id == check))
    {
        true => Ok(()),
        false => Err(No::Answer(Error::UnknownCheck(check.to_owned()))),
    }
}
