//! Takes connections and serves them. As `axum::serve`, which has no bounds for clients that connect and then ask slowly
//! or not at all.

use axum::Router;
use axum::extract::{ConnectInfo, Extension};
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::Layer;

/// A request's head comes in one packet or two; also the longest that a connection waits for its next request.
const HEAD: Duration = Duration::from_secs(20);
/// Connections at a time, below the 1,024 files that a process may usually have open; further ones wait.
const CONNECTIONS: u32 = 900;
/// Without a file descriptor left, taking the next connection fails at once, again and again.
const BREATH: Duration = Duration::from_millis(100);

/// Serves until `stop`, then ends when the requests under way have ended.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    serve_within(HEAD, listener, router, stop).await;
}

async fn serve_within(
    head: Duration,
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS as usize));
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (router, stop) = (router.clone(), stop.clone());
                tokio::spawn(async move {
                    let _place = place;
                    connection(head, stream, peer, router, stop).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
    drop(listener);
    // All places are free when the last connection has ended.
    let _ = places.acquire_many(CONNECTIONS).await;
}

async fn connection(
    head: Duration,
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    stop: CancellationToken,
) {
    // Around the router: `Router::layer` would lay it around each of its routes, for every connection.
    let service = TowerToHyperService::new(Extension(ConnectInfo(peer)).layer(router));
    let served = Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .serve_connection(TokioIo::new(stream), service);
    let mut served = pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = stop.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        let error: &dyn std::error::Error = &error;
        tracing::debug!(error, "a connection broke off");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn begin(head: Duration) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let who = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() };
        let router = Router::new().route("/", get(who));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        (
            address,
            stop.clone(),
            tokio::spawn(serve_within(head, listener, router, stop)),
        )
    }

    #[tokio::test]
    async fn a_request_is_answered_and_idle_connections_do_not_hold_up_the_end() {
        let (address, stop, server) = begin(HEAD).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let _idle = TcpStream::connect(address).await.unwrap();
        let request = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("127.0.0.1"), "{answer}");
        stop.cancel();
        server.await.unwrap();
    }

    #[tokio::test]
    async fn who_does_not_finish_a_head_is_let_go() {
        let (address, _stop, _server) = begin(Duration::from_millis(50)).await;
        for said in ["", "GET / HTTP/1.1\r\nhost:"] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(said.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            // Comes to an end at all.
            let _ = stream.read_to_end(&mut answer).await;
        }
    }
}
