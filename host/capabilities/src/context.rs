//! What the engine gathers before a call: everything that a plugin may read about its case, as plain data.

use serde::Serialize;
use std::sync::Arc;
use yinxin_core::money::{Method, Standing};
use yinxin_core::rules::{CheckView, NamedValue};
use yinxin_store::Store;
use yinxin_store::seal::Sealer;

/// Where a call stands. The plugin adds its own name, site, grants and definition.
#[derive(Clone)]
pub struct CallContext {
    /// For the plugin's own storage, the only thing that is read during the call.
    pub store: Store,
    /// Keys the digests of what was read, so that the ledger gives nothing away.
    pub sealer: Arc<Sealer>,
    /// None where no case stands behind the call, as for a basket.
    pub facts: Option<Arc<CaseFacts>>,
}

/// What is known of the case and of the account that it belongs to. No `Debug`: it holds personal data.
#[derive(Clone, Default, Serialize)]
pub struct CaseFacts {
    /// The account's profile, in the order of the profile form.
    pub profile: Vec<NamedValue>,
    /// The fields of the profile form.
    pub profile_fields: Vec<ProfileField>,
    /// The account's mobile number, or empty.
    pub account_mobile: String,
    /// The case's share of its order.
    pub payment: PaymentStatus,
    /// The service puts its cases into baskets, so that the rule does not ask for money itself.
    pub in_baskets: bool,
    /// Ways to pay for which the site has a gateway.
    pub methods: Vec<Method>,
    pub checks: Vec<CheckView>,
    /// Certificates issued for the case, newest first.
    pub certificates: Vec<CertificateView>,
    /// Papers made for the case that are not void, newest first.
    pub documents: Vec<DocumentIssue>,
    /// A certificate request (PKCS#10) was uploaded for the case.
    pub has_request: bool,
    /// The case's answers, those of the event's own input form included.
    pub values: Vec<NamedValue>,
}

/// What a field of the profile form allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProfileField {
    pub name: String,
    /// Characters.
    pub max_length: usize,
    pub clerk_only: bool,
}

/// What the case owes and has paid; fen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PaymentStatus {
    pub standing: Standing,
    pub total: i64,
    pub refunded: i64,
    pub method: Option<Method>,
}

impl Default for PaymentStatus {
    fn default() -> Self {
        Self {
            standing: Standing::None,
            total: 0,
            refunded: 0,
            method: None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum CertificateStanding {
    Valid,
    Held,
    Revoked,
    Expired,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CertificateView {
    /// lower-case hexadecimal
    pub serial: String,
    /// RFC 4514 form
    pub subject: String,
    /// milliseconds since 1970-01-01 UTC
    pub not_before: u64,
    /// milliseconds since 1970-01-01 UTC
    pub not_after: u64,
    pub standing: CertificateStanding,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DocumentIssue {
    /// Id of the document in the definition.
    pub document: String,
    pub number: String,
    /// milliseconds since 1970-01-01 UTC
    pub made: u64,
    pub outdated: bool,
}
