//! Tells the merchant that something happened to a trade, and goes on until he acknowledges.

use crate::trades::{Book, Delivery, PayMode, now};
use axum::http::HeaderMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Both originals take a merchant that needs longer for dead.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of an acknowledgement that are read.
const ACKNOWLEDGEMENT_LIMIT: usize = 4096;

/// One notification, ready to be sent; signed anew for each try, since the signature carries the time.
pub struct Letter {
    pub out_trade_no: String,
    pub url: String,
    /// For the list on the page.
    pub what: &'static str,
    pub sign: Box<dyn Fn() -> anyhow::Result<(HeaderMap, Vec<u8>)> + Send + Sync>,
    /// Whether status and body are an acknowledgement.
    pub accepts: fn(u16, &[u8]) -> bool,
}

pub struct Notifier {
    client: reqwest::Client,
    retries: Vec<Duration>,
    delay: Duration,
    /// What [`PayMode::Hold`] held back.
    held: Mutex<Vec<Letter>>,
}

impl Notifier {
    pub fn new(retries: Vec<Duration>, delay: Duration) -> anyhow::Result<Self> {
        let client = crate::loopback::client()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            client,
            retries,
            delay,
            held: Mutex::default(),
        })
    }

    /// Sends as `mode` says. Comes back after the first try, or at once where the first try is later; what remains is
    /// done in the background.
    pub async fn tell(self: &Arc<Self>, book: &Arc<Book>, letter: Letter, mode: PayMode) {
        match mode {
            PayMode::Drop => {}
            PayMode::Hold => self.held().push(letter),
            // Nobody acknowledges these, and they are told once.
            PayMode::Forge
            | PayMode::Signtest
            | PayMode::Stranger
            | PayMode::Swap
            | PayMode::Stale
            | PayMode::Cut => {
                self.attempt(book, &letter).await;
            }
            PayMode::Delay => {
                let (notifier, book) = (Arc::clone(self), Arc::clone(book));
                tokio::spawn(async move {
                    tokio::time::sleep(notifier.delay).await;
                    if !notifier.attempt(&book, &letter).await {
                        notifier.persist(&book, &letter).await;
                    }
                });
            }
            PayMode::Repeat => {
                for _ in 0..3 {
                    self.attempt(book, &letter).await;
                }
            }
            PayMode::Normal
            | PayMode::Amount
            | PayMode::Late
            | PayMode::Claim
            | PayMode::Understate
            | PayMode::Deny => {
                if !self.attempt(book, &letter).await {
                    let (notifier, book) = (Arc::clone(self), Arc::clone(book));
                    tokio::spawn(async move { notifier.persist(&book, &letter).await });
                }
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Vec<Letter>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what was held back about a trade, signed now; how many letters that were.
    pub async fn release(&self, book: &Book, out_trade_no: &str) -> usize {
        let letters: Vec<Letter> = self
            .held()
            .extract_if(.., |letter| letter.out_trade_no == out_trade_no)
            .collect();
        for letter in &letters {
            self.attempt(book, letter).await;
        }
        letters.len()
    }

    async fn persist(&self, book: &Book, letter: &Letter) {
        for wait in &self.retries {
            tokio::time::sleep(*wait).await;
            if self.attempt(book, letter).await {
                return;
            }
        }
    }

    async fn attempt(&self, book: &Book, letter: &Letter) -> bool {
        let (status, accepted) = match self.send(letter).await {
            Ok((status, body)) => (status, (letter.accepts)(status, &body)),
            Err(error) => {
                tracing::info!(%error, "the merchant did not answer");
                (0, false)
            }
        };
        let delivery = Delivery {
            at: now(),
            what: letter.what.to_owned(),
            status,
            accepted,
        };
        book.delivered(&letter.out_trade_no, delivery);
        accepted
    }

    async fn send(&self, letter: &Letter) -> anyhow::Result<(u16, Vec<u8>)> {
        let (headers, body) = (letter.sign)()?;
        let mut answer = self
            .client
            .post(&letter.url)
            .headers(headers)
            .body(body)
            .send()
            .await?;
        let status = answer.status().as_u16();
        let mut text = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            text.extend_from_slice(&chunk);
            anyhow::ensure!(
                text.len() <= ACKNOWLEDGEMENT_LIMIT,
                "the acknowledgement is too long"
            );
        }
        Ok((status, text))
    }
}
