//! Nuonuo's open platform 诺诺开放平台 as far as fully digital invoices need it: access tokens, ordering an invoice, asking
//! for it, its PDF, sealing it again, and the red-letter invoice that voids it. Every call is checked as strictly as the
//! documents say; where they name two bounds, by the narrower.
//!
//! | call | method |
//! |---|---|
//! | `POST /accessToken` | form `client_id`, `client_secret`, `grant_type=client_credentials` |
//! | `POST /open/v1/services` | header `method`: `requestBillingNew`, `queryInvoiceResult`, `reInvoice`, `saveInvoiceRedConfirm`, `queryInvoiceRedConfirm` of `nuonuo.OpeMplatform` |
//! | `GET /nuonuo/pdf/{serial}` | the PDF, as the answer to a query names it |
//!
//! The codes of refused signatures and tokens are made up but for their beginning; see `gateway.rs`.

mod api;
mod gateway;
mod page;
mod pdf;
mod red;
mod request;

use crate::misbehave::{self, Misbehaviour};
use crate::secrets::{Secrets, random_hex};
use crate::signed::Nonces;
use axum::Router;
use axum::routing::{get, post};
use gateway::Tokens;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What the CA is to the platform; site.toml of a demonstration names the same.
pub const APP_KEY: &str = "SD10000001";
pub const TAX_NUMBER: &str = "91350000MA00000J4E";
pub const SELLER: &str = "福建省数字证书有限公司";

/// What becomes of the next invoice, or red-letter invoice, that is ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    #[default]
    Issue,
    /// Taken in, and not issued afterwards.
    Fail,
    /// Issued, but its file has no seal until that is tried again.
    Seal,
    /// Stays under way until another fate is chosen.
    Wait,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    Working,
    Issued,
    Failed,
    /// Issued without a seal.
    Unsealed,
}

/// An invoice, blue or red.
#[derive(Clone, Debug, Serialize)]
pub struct Invoice {
    pub order_no: String,
    pub serial: String,
    /// 20 digits; empty before it is issued.
    pub number: String,
    pub buyer: String,
    pub buyer_tax_number: String,
    /// fen; negative on a red one.
    pub amount: i64,
    pub tax: i64,
    pub lines: Vec<String>,
    pub remark: String,
    pub stage: Stage,
    fate: Fate,
    /// Queries that still find it under way.
    looks: u32,
    /// Number of the blue one, on a red one.
    pub voids: String,
    pub at: String,
    /// milliseconds since 1970
    issued_at: i64,
}

/// A request for a red-letter invoice.
#[derive(Clone, Debug, Serialize)]
pub struct RedRequest {
    pub bill_id: String,
    /// Number of the invoice that it voids.
    pub blue: String,
    pub stage: Stage,
    fate: Fate,
    looks: u32,
    /// Serial of the red-letter invoice, or empty.
    pub serial: String,
}

#[derive(Default)]
struct Books {
    /// By our serial.
    invoices: BTreeMap<String, Invoice>,
    reds: BTreeMap<String, RedRequest>,
    fate: Fate,
    issued: u64,
}

/// The simulated platform.
pub struct InvoiceOffice {
    secrets: Secrets,
    nonces: Nonces,
    tokens: Mutex<Tokens>,
    books: Mutex<Books>,
    pub misbehaviour: Arc<Misbehaviour>,
}

/// Queries that find an invoice under way before it is issued.
const LOOKS: u32 = 1;

impl InvoiceOffice {
    pub fn new(secrets: Secrets) -> Self {
        Self {
            secrets,
            nonces: Nonces::default(),
            tokens: Mutex::default(),
            books: Mutex::default(),
            misbehaviour: Arc::default(),
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Books) -> T) -> T {
        work(&mut self.books.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// All invoices, blue and red, in the order of their arrival.
    pub fn invoices(&self) -> Vec<Invoice> {
        self.with(|books| books.invoices.values().cloned().collect())
    }

    pub fn red_requests(&self) -> Vec<RedRequest> {
        self.with(|books| books.reds.values().cloned().collect())
    }

    /// Access tokens that were given out.
    pub fn tokens_given(&self) -> usize {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.given()
    }

    /// Takes all access tokens back.
    pub fn revoke_tokens(&self) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.revoke();
    }

    /// Another thirty days begin, with fifty tokens of their own.
    pub fn next_month(&self) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.next_month();
    }

    /// Chooses the fate of what is ordered next, and of what waits for one.
    pub fn next(&self, fate: Fate) {
        self.with(|books| {
            books.fate = fate;
            for invoice in books.invoices.values_mut() {
                if invoice.fate == Fate::Wait {
                    invoice.fate = fate;
                }
            }
            for red in books.reds.values_mut() {
                if red.fate == Fate::Wait {
                    red.fate = fate;
                }
            }
        });
    }

    /// Has what failed issued after all, as by a person on the platform's own pages.
    pub fn issue_failed(&self) {
        self.with(|books| {
            for invoice in books.invoices.values_mut() {
                if invoice.stage == Stage::Failed {
                    invoice.stage = Stage::Working;
                    invoice.fate = Fate::Issue;
                }
            }
        });
    }

    /// Forgets everything, as when what was sent never arrived.
    pub fn forget(&self) {
        self.with(|books| {
            books.invoices.clear();
            books.reds.clear();
        });
    }
}

impl Books {
    /// The fate of what is ordered now; waiting stays ordered.
    fn take_fate(&mut self) -> Fate {
        let fate = self.fate;
        if fate != Fate::Wait {
            self.fate = Fate::Issue;
        }
        fate
    }

    fn new_serial(&mut self) -> String {
        self.issued += 1;
        let day = crate::pages::china_day(Timestamp::now());
        format!("{day}{:012}", self.issued)
    }

    /// 20 digits: the year, the province, a channel and a running number.
    fn new_number(&mut self) -> String {
        self.issued += 1;
        let year = Timestamp::now().strftime("%y").to_string();
        format!("{year}352{:015}", self.issued)
    }

    /// Lets an invoice that was looked at go on by itself.
    fn look(&mut self, serial: &str) -> Option<Invoice> {
        let due = self.invoices.get_mut(serial).is_some_and(|invoice| {
            let open = invoice.stage == Stage::Working && invoice.fate != Fate::Wait;
            let now = open && invoice.looks == 0;
            invoice.looks = invoice.looks.saturating_sub(u32::from(open));
            now
        });
        if due {
            let number = self.new_number();
            if let Some(invoice) = self.invoices.get_mut(serial) {
                invoice.end(number);
            }
        }
        self.invoices.get(serial).cloned()
    }

    fn blue(&self, number: &str) -> Option<&Invoice> {
        self.invoices
            .values()
            .find(|invoice| invoice.number == number && invoice.voids.is_empty())
    }
}

impl Invoice {
    fn end(&mut self, number: String) {
        self.stage = match self.fate {
            Fate::Fail => Stage::Failed,
            Fate::Seal => Stage::Unsealed,
            Fate::Issue | Fate::Wait => Stage::Issued,
        };
        if self.stage != Stage::Failed {
            self.number = number;
            self.issued_at = Timestamp::now().as_millisecond();
        }
    }
}

/// The API, the page `/invoice` and the tests' `/control/invoice`.
pub fn routes(office: Arc<InvoiceOffice>) -> Router {
    Router::new()
        .route("/accessToken", post(gateway::access_token))
        .route("/open/v1/services", post(api::services))
        .route("/nuonuo/pdf/{serial}", get(page::download))
        .route("/invoice", get(page::overview))
        .route("/control/invoice", get(page::list))
        .route("/control/invoice/fate", post(page::set_fate))
        .with_state(office.clone())
        .merge(misbehave::control(
            "invoice",
            "/invoice",
            office.misbehaviour.clone(),
        ))
}

fn random_token() -> String {
    random_hex::<16>().unwrap_or_default()
}
