//! The buttons: each simulator can be told to treat its next requests badly.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;
use axum::{Form, Json, RequestExt, Router};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What happens to a request or to the notification that follows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    #[default]
    Normal,
    /// 延迟: done, but late.
    Delay,
    /// 重复: done, and then done again.
    Repeat,
    /// 伪造: something that looks right comes from nobody.
    Forge,
    /// 丢弃: done, but nobody is told.
    Drop,
    /// 报错: refused with an error of the provider's.
    Error,
}

/// An order from the control page: `mode` for the next `count` requests.
#[derive(Clone, Debug, Deserialize)]
pub struct Orders {
    pub mode: Mode,
    #[serde(default = "once")]
    pub count: u32,
    /// Milliseconds that `delay` takes.
    #[serde(default = "three_seconds")]
    pub delay_ms: u64,
    /// Error code for `error`, in the provider's words; empty: the simulator's usual one.
    #[serde(default)]
    pub code: String,
}

const fn once() -> u32 {
    1
}

/// Long enough to see it on the page.
const fn three_seconds() -> u64 {
    3_000
}

/// One simulator's present temper.
#[derive(Debug, Default)]
pub struct Misbehaviour {
    orders: Mutex<Option<Orders>>,
}

/// The temper for one request.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    pub mode: Mode,
    pub delay: Duration,
    /// Empty: the simulator's usual error.
    pub code: String,
}

impl Turn {
    /// The ordered error code, or `usual`.
    pub fn code_or<'a>(&'a self, usual: &'a str) -> &'a str {
        if self.code.is_empty() {
            usual
        } else {
            &self.code
        }
    }
}

impl Misbehaviour {
    pub fn order(&self, orders: Orders) {
        let kept = (orders.mode != Mode::Normal && orders.count > 0).then_some(orders);
        *self.orders.lock().unwrap_or_else(PoisonError::into_inner) = kept;
    }

    /// Orders `mode` for the next `count` requests; for tests.
    pub fn next(&self, mode: Mode, count: u32) {
        self.order(Orders {
            mode,
            count,
            delay_ms: three_seconds(),
            code: String::new(),
        });
    }

    /// Takes one request's share.
    pub fn turn(&self) -> Turn {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(current) = orders.as_mut() else {
            return Turn::default();
        };
        let turn = Turn {
            mode: current.mode,
            delay: Duration::from_millis(current.delay_ms),
            code: current.code.clone(),
        };
        current.count -= 1;
        if current.count == 0 {
            *orders = None;
        }
        turn
    }

    /// What is ordered, for the page.
    pub fn standing(&self) -> (Mode, u32) {
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders
            .as_ref()
            .map_or((Mode::Normal, 0), |orders| (orders.mode, orders.count))
    }
}

/// `POST /control/{name}/mode` with `{mode, count, delay_ms, code}` as JSON or as a form; a form is led back to `page`.
pub fn control(name: &str, page: &'static str, misbehaviour: Arc<Misbehaviour>) -> Router {
    Router::new()
        .route(&format!("/control/{name}/mode"), post(set_mode))
        .with_state((misbehaviour, page))
}

async fn set_mode(
    State((misbehaviour, page)): State<(Arc<Misbehaviour>, &'static str)>,
    request: Request,
) -> Response {
    let json = is_json(&request);
    let orders = if json {
        request
            .extract::<Json<Orders>, _>()
            .await
            .map(|Json(orders)| orders)
            .ok()
    } else {
        request
            .extract::<Form<Orders>, _>()
            .await
            .map(|Form(orders)| orders)
            .ok()
    };
    match orders {
        None => (
            StatusCode::BAD_REQUEST,
            "mode: normal, delay, repeat, forge, drop, error",
        )
            .into_response(),
        Some(orders) => {
            misbehaviour.order(orders);
            if json {
                StatusCode::NO_CONTENT.into_response()
            } else {
                Redirect::to(page).into_response()
            }
        }
    }
}

/// Whether the caller is a program rather than the page's form.
pub fn is_json(request: &Request) -> bool {
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/json"))
}

/// An answer that begins well and breaks off, as when the line goes dead after the work was done.
pub fn broken_answer() -> Response {
    let broken = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "the line goes dead");
    let body =
        axum::body::Body::from_stream(futures::stream::once(
            async move { Err::<Vec<u8>, _>(broken) },
        ));
    body.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_lasts_for_its_count() {
        let misbehaviour = Misbehaviour::default();
        misbehaviour.next(Mode::Drop, 2);
        let modes: Vec<Mode> = (0..3).map(|_| misbehaviour.turn().mode).collect();
        assert_eq!(modes, [Mode::Drop, Mode::Drop, Mode::Normal]);
    }
}
