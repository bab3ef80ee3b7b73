//! Builders for a definition: services, forms, materials, papers, messages and lifecycles, in the order of the manual.
//!
//! The records are those of `wit/site/definition.wit`, where each field is explained. The builders start every record
//! with the quiet answer (required, no limit of one's own, no condition) and name what differs.

mod account;
mod document;
mod form;
mod lifecycle;
mod material;
mod message;
mod service;

pub use crate::bindings::yinxin::site::definition::{
    AccountPolicy, Actor, Block, Choice, Condition, Definition, Document, Due, Field, FieldKind,
    FileFormat, Form, HostEvent, IdentityCheck, Lifecycle, LoginId, MailText, Material, Message,
    MessageContent, NumberRange, Ordering, Proof, Receipt, Recipient, Role, Row, Section, Service,
    ServiceKind, SmsText, StampBox, State, Step, StepContent, Timer, TimerBase, Tone, Transition,
};
pub use account::account_policy;
pub use document::document;
pub use form::{
    address, attachment, certificate_request, choice, date, email, flag, form, identity_number,
    mobile, money, multiline, number, option, organisation_name, person_name, phone, postcode,
    region, secret_answer, section, tax_number, text, tracking_number, uscc, username,
};
pub use lifecycle::{
    days, lifecycle, on_applicant, on_clerk, on_expiry, on_host, on_timer, state, working_days,
};
pub use material::{Bytes, face_check, material};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use message::placeholders;
pub use message::{mail, sms};
pub use service::{agree, fill, print, review, touch_token, upload, verify};

impl Definition {
    /// `version` is best `env!("CARGO_PKG_VERSION")`, so that it cannot be forgotten.
    pub fn new(id: &str, version: &str, title: &str, summary: &str) -> Self {
        Self {
            id: id.into(),
            version: version.into(),
            title: title.into(),
            summary: summary.into(),
            account_policy: None,
            services: Vec::new(),
            forms: Vec::new(),
            materials: Vec::new(),
            checks: Vec::new(),
            documents: Vec::new(),
            messages: Vec::new(),
            lifecycles: Vec::new(),
            guards: Vec::new(),
            takes_over: Vec::new(),
        }
    }

    /// Makes this plugin the owner of the site's accounts.
    pub fn account_policy(mut self, policy: AccountPolicy) -> Self {
        self.account_policy = Some(policy);
        self
    }

    pub fn services(mut self, services: impl IntoIterator<Item = Service>) -> Self {
        self.services.extend(services);
        self
    }

    pub fn forms(mut self, forms: impl IntoIterator<Item = Form>) -> Self {
        self.forms.extend(forms);
        self
    }

    pub fn materials(mut self, materials: impl IntoIterator<Item = Material>) -> Self {
        self.materials.extend(materials);
        self
    }

    pub fn checks(mut self, checks: impl IntoIterator<Item = IdentityCheck>) -> Self {
        self.checks.extend(checks);
        self
    }

    pub fn documents(mut self, documents: impl IntoIterator<Item = Document>) -> Self {
        self.documents.extend(documents);
        self
    }

    pub fn messages(mut self, messages: impl IntoIterator<Item = Message>) -> Self {
        self.messages.extend(messages);
        self
    }

    pub fn lifecycles(mut self, lifecycles: impl IntoIterator<Item = Lifecycle>) -> Self {
        self.lifecycles.extend(lifecycles);
        self
    }

    /// Names that `check` answers for; transitions may ask for these and no others.
    pub fn guards<'a>(mut self, guards: impl IntoIterator<Item = &'a str>) -> Self {
        self.guards.extend(owned(guards));
        self
    }

    /// Versions whose open cases go on under this one.
    pub fn takes_over<'a>(mut self, versions: impl IntoIterator<Item = &'a str>) -> Self {
        self.takes_over.extend(owned(versions));
        self
    }
}

fn owned<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    names.into_iter().map(String::from).collect()
}

fn when<'a>(field: &str, values: impl IntoIterator<Item = &'a str>) -> Option<Condition> {
    Some(Condition {
        field: field.into(),
        values: owned(values),
    })
}
