//! Where the payment providers tell the host over HTTP: whichever process it is at the moment.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use yinxin_core::ids::SiteId;
use yinxin_services::payments::{Acknowledgement, PaymentError, Payments};
use yinxin_store::payments::gateway;

type Host = Arc<Mutex<Option<(SiteId, Arc<Payments>)>>>;

pub struct Inbox {
    at: SocketAddr,
    host: Host,
    server: JoinHandle<()>,
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Inbox {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let host = Host::default();
        let routes = Router::new()
            .route("/{provider}", post(told))
            .with_state(host.clone());
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { at, host, server }
    }

    pub fn address(&self, provider: &str) -> String {
        format!("http://{}/{provider}", self.at)
    }

    /// From now on this process hears what is told.
    pub fn is_for(&self, site: &SiteId, payments: &Arc<Payments>) {
        *self.host.lock().unwrap() = Some((site.clone(), payments.clone()));
    }
}

/// As the web's edge answers.
async fn told(
    State(host): State<Host>,
    Path(provider): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let method = gateway(&provider).unwrap();
    let Some((site, payments)) = host.lock().unwrap().clone() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let taken = payments.receive_notification(&site, method, &headers, &body);
    let answer = match taken.await {
        Ok(answer) => answer,
        Err(PaymentError::Forged(_)) => Acknowledgement::forged(method),
        Err(_) => Acknowledgement::again(method),
    };
    (StatusCode::from_u16(answer.status).unwrap(), answer.body).into_response()
}
