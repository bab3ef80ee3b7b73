//! What people have sent, and what they were answered: a record outside of the server, to be held against what it keeps.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Everything that the people of one house have sent, in the order of their sending.
#[derive(Clone, Debug, Default)]
pub struct Diary(Arc<Mutex<Vec<Sent>>>);

/// Something that somebody sent by POST.
#[derive(Clone, Debug)]
pub struct Sent {
    /// First label of the host: `yingtan`.
    pub domain: String,
    pub path: String,
    /// What the form said that the path does not: which transition, which way to pay.
    pub words: Vec<(String, String)>,
    /// None: nobody knows whether it happened.
    pub answer: Option<Answered>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    pub status: u16,
    /// Where it led, or empty.
    pub to: String,
}

/// Fields that are kept.
const WORDS: [&str; 2] = ["_transition", "method"];

impl Sent {
    pub(crate) fn new(host: &str, path: &str, kind: &str, body: &[u8]) -> Self {
        let urlencoded = kind.starts_with("application/x-www-form-urlencoded");
        let words = url::form_urlencoded::parse(if urlencoded { body } else { &[] });
        Self {
            domain: host.split('.').next().unwrap_or_default().to_owned(),
            path: path.to_owned(),
            words: words
                .filter(|(name, _)| WORDS.contains(&name.as_ref()))
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
            answer: None,
        }
    }

    pub fn word(&self, name: &str) -> Option<&str> {
        let found = self.words.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl Diary {
    /// Notes what is about to be sent: its place, for the answer.
    pub(crate) fn sent(&self, sent: Sent) -> usize {
        let mut entries = self.entries();
        entries.push(sent);
        entries.len() - 1
    }

    pub(crate) fn answered(&self, place: usize, answer: Answered) {
        self.entries()[place].answer = Some(answer);
    }

    /// All of it, as it is now.
    pub fn read(&self) -> Vec<Sent> {
        self.entries().clone()
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Sent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
