//! Certificates of the site's issuer.

#[cfg(target_arch = "wasm32")]
use crate::bindings::yinxin::certificates::certificates as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::fake::certificates as host;

pub use crate::bindings::yinxin::certificates::certificates::{
    Attribute, Certificate, Error, Request, Standing,
};

/// A request for `months` (1 to 60) with these subject attributes, in their order; `serialNumber`, `CN`, `O` and so on.
pub fn request<'a>(months: u32, subject: impl IntoIterator<Item = (&'a str, &'a str)>) -> Request {
    let attribute = |(name, value): (&str, &str)| Attribute {
        name: name.into(),
        value: value.into(),
    };
    Request {
        subject: subject.into_iter().map(attribute).collect(),
        months,
    }
}

/// Certificates that were issued for the case, newest first.
pub fn issued() -> Result<Vec<Certificate>, Error> {
    host::issued()
}

/// Issues for the PKCS#10 request that the maker uploaded with this event. An effect, which the event `issued` or
/// `issue-failed` follows.
pub fn issue(request: &Request) -> Result<(), Error> {
    host::issue(request)
}

/// Revokes for good. An effect.
pub fn revoke(serial: &str, reason: &str) -> Result<(), Error> {
    host::revoke(serial, reason)
}

/// Freezes. An effect.
pub fn hold(serial: &str) -> Result<(), Error> {
    host::hold(serial)
}

/// Restores a frozen certificate. An effect.
pub fn release(serial: &str) -> Result<(), Error> {
    host::release(serial)
}
