//! Accounts of a site.

use super::{AccountPolicy, LoginId, Proof, owned};

/// Registration asks the first form; the second is the profile that pre-fills applications.
pub fn account_policy(registration_form: &str, profile_form: &str) -> AccountPolicy {
    AccountPolicy {
        login_ids: Vec::new(),
        registration_form: registration_form.into(),
        profile_form: profile_form.into(),
        registration_proofs: Vec::new(),
        login_proofs: Vec::new(),
        recovery_proofs: Vec::new(),
        password_length: 8,
        clerk_only_fields: Vec::new(),
        name_field: String::new(),
        mobile_field: String::new(),
    }
}

impl AccountPolicy {
    /// Which fields of the registration form log in, by their kind.
    pub fn log_in_with(mut self, ids: impl IntoIterator<Item = LoginId>) -> Self {
        self.login_ids.extend(ids);
        self
    }

    pub fn registration_asks(mut self, proofs: impl IntoIterator<Item = Proof>) -> Self {
        self.registration_proofs.extend(proofs);
        self
    }

    pub fn login_asks(mut self, proofs: impl IntoIterator<Item = Proof>) -> Self {
        self.login_proofs.extend(proofs);
        self
    }

    pub fn recovery_asks(mut self, proofs: impl IntoIterator<Item = Proof>) -> Self {
        self.recovery_proofs.extend(proofs);
        self
    }

    /// Characters, 8 to 64; 8 unless said otherwise.
    pub fn password_length(mut self, characters: u32) -> Self {
        self.password_length = characters;
        self
    }

    /// Profile fields that only a clerk changes.
    pub fn clerk_only<'a>(mut self, fields: impl IntoIterator<Item = &'a str>) -> Self {
        self.clerk_only_fields.extend(owned(fields));
        self
    }

    /// Profile field with the name that is shown for the account.
    pub fn named_by(mut self, field: &str) -> Self {
        self.name_field = field.into();
        self
    }

    /// Profile field with the mobile number that gets codes.
    pub fn reached_at(mut self, field: &str) -> Self {
        self.mobile_field = field.into();
        self
    }
}
