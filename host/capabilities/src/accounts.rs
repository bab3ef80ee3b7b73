//! `yinxin:accounts`: the profile of the account that the case belongs to.

use crate::bindings::yinxin::accounts::accounts::{Entry, Error, Host};
use crate::desk::{Access, No, Office, answer, ask, is_unprintable, look, permit};
use crate::effects::Effect;
use crate::grants::Capability;
use crate::reads::Part;
use yinxin_core::rules::NamedValue;

crate::desk::refusals!(accounts);

/// A profile form has about twenty fields.
const ENTRIES: usize = 64;

impl Host for Office {
    fn profile(&mut self) -> Result<Vec<Entry>, Refused> {
        permit(self, Capability::Accounts, Access::Read)?;
        look(self, Part::Profile)?;
        let entry = |v: &NamedValue| Entry {
            name: v.name.clone(),
            value: v.value.clone(),
        };
        Ok(self.host.view.profile.iter().map(entry).collect())
    }

    fn remember(&mut self, entries: Vec<Entry>) -> Result<(), Refused> {
        permit(self, Capability::Accounts, Access::Write)?;
        look(self, Part::Profile)?;
        for Entry { name, value } in &entries {
            let field = self
                .host
                .view
                .profile_fields
                .iter()
                .find(|field| field.name == *name && !field.clerk_only);
            let Some(field) = field else {
                return Err(No::Answer(Error::NotWritable(name.clone())));
            };
            if value.chars().count() > field.max_length || is_unprintable(value) {
                return Err(No::Answer(Error::TooLong(name.clone())));
            }
        }
        if let Some(beyond) = entries.get(ENTRIES) {
            return Err(No::Answer(Error::NotWritable(beyond.name.clone())));
        }
        let entries: Vec<_> = entries
            .into_iter()
            .map(|e| NamedValue {
                name: e.name,
                value: e.value,
            })
            .collect();
        ask(
            self,
            Effect::Remember {
                entries: entries.clone(),
            },
        )?;
        let profile = &mut self.host.view_mut().profile;
        for entry in entries {
            match profile.iter_mut().find(|known| known.name == entry.name) {
                Some(known) => known.value = entry.value,
                None => profile.push(entry),
            }
        }
        Ok(())
    }

    fn convert_error(&mut self, no: Refused) -> wasmtime::Result<Error> {
        answer(no)
    }
}
