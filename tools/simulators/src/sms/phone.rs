//! The phone that gets every text, and its page.

use super::{Provider, Sms};
use crate::pages;
use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Texts kept; a long run of tests, whose books are compared in the end, sends thousands.
const KEPT: usize = 10_000;

/// One SMS as it arrived.
#[derive(Clone, Debug, Serialize)]
pub struct Text {
    pub provider: Provider,
    /// Number that the provider gave it: Aliyun's BizId, Tencent's SerialNo.
    pub number: String,
    /// The sender's own number: Aliyun's OutId, Tencent's SessionContext.
    pub reference: String,
    pub mobile: String,
    pub sign: String,
    pub template: String,
    /// Names and values; Tencent's parameters are named 1, 2, ….
    pub parameters: Vec<(String, String)>,
    /// What stands on the screen.
    pub text: String,
    pub at: Timestamp,
}

#[derive(Default)]
pub struct Phone {
    texts: Mutex<VecDeque<Text>>,
}

impl Phone {
    pub fn receive(&self, text: Text) {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if texts.len() == KEPT {
            texts.pop_front();
        }
        texts.push_back(text);
    }

    pub fn texts(&self) -> Vec<Text> {
        self.texts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }

    fn clear(&self) {
        self.texts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

#[derive(Deserialize)]
pub struct Filter {
    #[serde(default)]
    mobile: String,
}

/// `GET /control/sms?mobile=`: the texts, oldest first.
pub async fn list(State(sms): State<Arc<Sms>>, Query(filter): Query<Filter>) -> Json<Vec<Text>> {
    Json(matching(&sms, &filter))
}

/// `DELETE /control/sms`: an empty phone.
pub async fn clear(State(sms): State<Arc<Sms>>) -> StatusCode {
    sms.phone.clear();
    StatusCode::NO_CONTENT
}

/// `GET /sms?mobile=`: the phone, newest first.
pub async fn page(State(sms): State<Arc<Sms>>, Query(filter): Query<Filter>) -> impl IntoResponse {
    #[derive(Serialize)]
    struct Row {
        time: String,
        mobile: String,
        text: String,
        template: String,
        provider: &'static str,
    }
    let rows: Vec<Row> = matching(&sms, &filter)
        .into_iter()
        .rev()
        .map(|text| Row {
            time: pages::china_time(text.at),
            mobile: text.mobile,
            text: text.text,
            template: text.template,
            provider: match text.provider {
                Provider::Aliyun => "阿里云",
                Provider::Tencent => "腾讯云",
            },
        })
        .collect();
    let (mode, count) = sms.misbehaviour.standing();
    Html(pages::render(
        "sms.html",
        json!({ "rows": rows, "mode": mode, "count": count, "mobile": filter.mobile }),
    ))
}

fn matching(sms: &Sms, filter: &Filter) -> Vec<Text> {
    let mut texts = sms.texts();
    texts.retain(|text| filter.mobile.is_empty() || text.mobile == filter.mobile);
    texts
}
