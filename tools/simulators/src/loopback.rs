//! Names under `.localhost` lead to this machine (RFC 6761), as browsers have it: the host's sites stand under such names
//! while one develops, and not every system's resolver knows them.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// A client for posting to the host; the caller adds what it needs.
pub fn client() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .no_proxy()
        .dns_resolver(Arc::new(Loopback))
}

struct Loopback;

impl Resolve for Loopback {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = if name == "localhost" || name.ends_with(".localhost")
            {
                vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))]
            } else {
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect()
            };
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::routing::get;

    #[tokio::test]
    async fn a_site_under_localhost_is_reached_with_its_own_name() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let named = |headers: axum::http::HeaderMap| async move {
            headers["host"].to_str().unwrap().to_owned()
        };
        tokio::spawn(
            async move { axum::serve(listener, Router::new().route("/", get(named))).await },
        );
        let url = format!("http://yingtan.localhost:{port}/");
        let answer = client().build().unwrap().get(&url).send().await.unwrap();
        assert_eq!(
            answer.text().await.unwrap(),
            format!("yingtan.localhost:{port}")
        );
    }
}
