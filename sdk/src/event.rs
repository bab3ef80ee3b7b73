//! Reading an event.

use crate::case::find;
use crate::{CertificateFact, Event, Fact, ItemJudgement, PaymentFact};

impl Event {
    /// What the actor wrote into this field of the transition's input form.
    pub fn said(&self, field: &str) -> &str {
        find(&self.input, field)
    }

    /// The items that the clerk refused, with their reasons.
    pub fn refusals(&self) -> impl Iterator<Item = &ItemJudgement> {
        self.judgements.iter().filter(|judgement| !judgement.passed)
    }

    /// The money that came, for the host event `paid`.
    pub fn payment(&self) -> Option<&PaymentFact> {
        match &self.fact {
            Fact::Payment(payment) => Some(payment),
            _ => None,
        }
    }

    /// The certificate that was made, for the host event `issued`.
    pub fn certificate(&self) -> Option<&CertificateFact> {
        match &self.fact {
            Fact::Certificate(certificate) => Some(certificate),
            _ => None,
        }
    }

    /// Why something failed, in words; empty when it did not.
    pub fn failure(&self) -> &str {
        match &self.fact {
            Fact::Failure(reason) => reason,
            _ => "",
        }
    }
}
