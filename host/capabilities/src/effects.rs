//! What a rule call asked for, buffered until the call has come back well and the engine commits it.

use serde::{Deserialize, Serialize};
use yinxin_core::money::{FeeLine, Method};
use yinxin_core::rules::NamedValue;

/// One thing that a plugin asked for. The order of a call's effects is the order in which it asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    StoragePut {
        key: String,
        #[serde(with = "in_base64")]
        value: Vec<u8>,
    },
    StorageDelete {
        key: String,
    },
    /// Fields of the account's profile.
    Remember {
        entries: Vec<NamedValue>,
    },
    RequestPayment {
        lines: Vec<FeeLine>,
        methods: Vec<Method>,
    },
    CancelPayment,
    /// fen
    Refund {
        amount: i64,
        reason: String,
    },
    /// The e-invoice of the case's order.
    Invoice,
    /// Id of a message in the definition, and its parameters.
    Send {
        message: String,
        parameters: Vec<NamedValue>,
    },
    RequestToken {
        task: TokenTask,
    },
    CancelToken,
    VoidIdentity {
        check: String,
    },
    /// Subject in the order of encoding: short name of the attribute and value.
    Issue {
        subject: Vec<NamedValue>,
        months: u32,
    },
    Revoke {
        serial: String,
        reason: String,
    },
    Hold {
        serial: String,
    },
    Release {
        serial: String,
    },
    VoidDocument {
        document: String,
    },
}

/// A task for the applicant's token; serials are hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenTask {
    Read,
    Prove(String),
    Enrol(Option<String>),
    Write(String),
}

impl Effect {
    /// Bytes that it costs of the call's budget: its texts, and a flat sum for the rest of the entry.
    pub(crate) fn size(&self) -> usize {
        let values = |values: &[NamedValue]| {
            values
                .iter()
                .map(|v| v.name.len() + v.value.len())
                .sum::<usize>()
        };
        let texts = match self {
            Self::StoragePut { key, value } => key.len() + value.len(),
            Self::StorageDelete { key } => key.len(),
            Self::Remember { entries } => values(entries),
            Self::RequestPayment { lines, .. } => lines
                .iter()
                .map(|l| l.code.len() + l.label.len() + 16)
                .sum(),
            Self::Refund { reason, .. } => reason.len(),
            Self::Send {
                message,
                parameters,
            } => message.len() + values(parameters),
            Self::VoidIdentity { check } => check.len(),
            Self::Issue { subject, .. } => values(subject),
            Self::Revoke { serial, reason } => serial.len() + reason.len(),
            Self::Hold { serial } | Self::Release { serial } => serial.len(),
            Self::VoidDocument { document } => document.len(),
            Self::CancelPayment | Self::Invoice | Self::CancelToken | Self::RequestToken { .. } => {
                0
            }
        };
        texts + 64
    }
}

/// Bytes as base64 text; JSON would write a list of numbers, four times as long.
mod in_base64 {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64_STANDARD
            .decode(text)
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effect_reads_back_as_it_was_written() {
        let effects = vec![
            Effect::StoragePut {
                key: "main-key/913".into(),
                value: vec![0, 255, 7],
            },
            Effect::CancelPayment,
            Effect::RequestToken {
                task: TokenTask::Enrol(None),
            },
        ];
        let text = serde_json::to_string(&effects).unwrap();
        assert!(text.contains(r#""value":"AP8H""#), "{text}");
        assert_eq!(serde_json::from_str::<Vec<Effect>>(&text).unwrap(), effects);
    }
}
