//! SMS and mail; the texts stand in the definition.

#[cfg(target_arch = "wasm32")]
use crate::bindings::yinxin::messaging::messaging as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::fake::messaging as host;

pub use crate::bindings::yinxin::messaging::messaging::{Error, Parameter};

/// Sends the message `id` to the recipient that the definition names, with these parameters; at most 16 messages a
/// call. An effect.
pub fn send(id: &str, parameters: &[(&str, &str)]) -> Result<(), Error> {
    let parameters: Vec<Parameter> = parameters
        .iter()
        .map(|(name, value)| Parameter {
            name: (*name).into(),
            value: (*value).into(),
        })
        .collect();
    host::send(id, &parameters)
}
