//! What an applicant can apply for, and its steps.

use super::{Ordering, Receipt, Service, ServiceKind, Step, StepContent, owned};
use crate::Method;

impl Service {
    pub fn new(id: &str, kind: ServiceKind, title: &str) -> Self {
        Self {
            id: id.into(),
            kind,
            title: title.into(),
            summary: String::new(),
            price_note: String::new(),
            time_note: String::new(),
            at_hand: Vec::new(),
            lifecycle: String::new(),
            steps: Vec::new(),
            ordering: Ordering::Single,
            receipts: Vec::new(),
            from_certificate: false,
            subject_field: String::new(),
        }
    }

    pub fn summary(mut self, text: &str) -> Self {
        self.summary = text.into();
        self
    }

    /// The price in words, shown before anything is filled in.
    pub fn price(mut self, note: impl Into<String>) -> Self {
        self.price_note = note.into();
        self
    }

    /// How long it takes, in words.
    pub fn time(mut self, note: impl Into<String>) -> Self {
        self.time_note = note.into();
        self
    }

    /// What to have at hand, one line each.
    pub fn at_hand<'a>(mut self, lines: impl IntoIterator<Item = &'a str>) -> Self {
        self.at_hand.extend(owned(lines));
        self
    }

    pub fn lifecycle(mut self, id: &str) -> Self {
        self.lifecycle = id.into();
        self
    }

    /// Field whose value names the case in lists.
    pub fn subject(mut self, field: &str) -> Self {
        self.subject_field = field.into();
        self
    }

    /// Several cases are paid as one order. Without this each case is an order of its own.
    pub fn in_baskets(mut self) -> Self {
        self.ordering = Ordering::Basket;
        self
    }

    /// A paper for an order of such cases, offered when it is paid in one of these ways; none: in any.
    pub fn receipt(mut self, document: &str, methods: impl IntoIterator<Item = Method>) -> Self {
        self.receipts.push(Receipt {
            document: document.into(),
            methods: methods.into_iter().collect(),
        });
        self
    }

    /// The applicant first names the certificate that it is about; `prefill` is given what stands in it.
    pub fn from_certificate(mut self) -> Self {
        self.from_certificate = true;
        self
    }

    /// The next step; `hint` is the sentence under its title in the task list.
    pub fn step(mut self, id: &str, title: &str, hint: &str, content: StepContent) -> Self {
        self.steps.push(Step {
            id: id.into(),
            title: title.into(),
            hint: hint.into(),
            content,
        });
        self
    }
}

/// A document that must be read and accepted.
pub fn agree(document: &str) -> StepContent {
    StepContent::Agreement(document.into())
}

pub fn fill(form: &str) -> StepContent {
    StepContent::Form(form.into())
}

/// Papers to download and print.
pub fn print<'a>(documents: impl IntoIterator<Item = &'a str>) -> StepContent {
    StepContent::Documents(owned(documents))
}

/// An identity check.
pub fn verify(check: &str) -> StepContent {
    StepContent::Identity(check.into())
}

pub fn upload<'a>(materials: impl IntoIterator<Item = &'a str>) -> StepContent {
    StepContent::Materials(owned(materials))
}

/// All answers on one page, before submitting.
pub fn review() -> StepContent {
    StepContent::Summary
}

/// A task for the USB key.
pub fn touch_token() -> StepContent {
    StepContent::Token
}
