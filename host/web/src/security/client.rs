//! Whose request it is, by network address.

use crate::state::AppState;
use axum::extract::ConnectInfo;
use http::request::Parts;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The client's address: the connection's, or what the proxy in front of us says, where the operator has one.
pub fn address(parts: &Parts, state: &AppState) -> IpAddr {
    if state.config().behind_proxy
        && let Some(forwarded) = forwarded(parts)
    {
        return forwarded;
    }
    parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip())
}

/// The last entry is the one that our own proxy added; those before it are the client's word.
fn forwarded(parts: &Parts) -> Option<IpAddr> {
    let header = parts
        .headers
        .get_all("x-forwarded-for")
        .iter()
        .next_back()?;
    header
        .to_str()
        .ok()?
        .rsplit(',')
        .next()?
        .trim()
        .parse()
        .ok()
}
