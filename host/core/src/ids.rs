//! Names of things. Ids are UUID v7 in text form, so that they sort by time and work as keys for paging.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// A new one, later in order than all before.
            pub fn generate() -> Self {
                Self(uuid::Uuid::now_v7().to_string())
            }

            /// Takes what a database row or an address holds; no id is invented from it.
            pub fn from_stored(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// An applicant's account on one site.
    AccountId
);
id!(
    /// A CA's own member of staff on one site.
    ClerkId
);
id!(
    /// One application.
    CaseId
);
id!(
    /// One order over one or more cases.
    OrderId
);
id!(
    /// One attempt to pay an order.
    PaymentId
);
id!(
    /// One SMS or mail.
    MessageId
);
id!(
    /// One stored file.
    FileId
);
id!(
    /// One invoice of an order.
    InvoiceId
);
id!(
    /// One identity check.
    CheckId
);

/// The name of a site's folder: `jiangxi`. Every row belongs to one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SiteId(String);

impl SiteId {
    /// 1 to 32 of `a-z`, `0-9` and `-`; else none.
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        (!text.is_empty() && text.len() <= 32 && text.bytes().all(allowed))
            .then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
