//! `yinxin:tokens`: the interface with its grants, in front of no service yet. Whoever may call it is told that this host
//! has none.

use crate::bindings::yinxin::tokens::tokens::{Error, Host, Progress, Task};
use crate::desk::{Access, No, Office, answer, permit};
use crate::grants::Capability;

crate::desk::refusals!(tokens);

impl Host for Office {
    fn status(&mut self) -> Result<Progress, Refused> {
        permit(self, Capability::Tokens, Access::Read)?;
        Err(No::Answer(Error::Unavailable))
    }

    fn request(&mut self, _task: Task) -> Result<(), Refused> {
        permit(self, Capability::Tokens, Access::Write)?;
        Err(No::Answer(Error::Unavailable))
    }

    fn cancel(&mut self) -> Result<(), Refused> {
        permit(self, Capability::Tokens, Access::Write)?;
        Err(No::Answer(Error::Unavailable))
    }

    fn convert_error(&mut self, no: Refused) -> wasmtime::Result<Error> {
        answer(no)
    }
}
