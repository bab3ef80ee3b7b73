//! A line to the outside world that can be cut: a port of its own that passes everything on, or nothing.

use anyhow::Result;
use std::net::Ipv4Addr;
use std::sync::Arc;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Open,
    /// A connection ends as soon as it is made, as at a server that restarts.
    Refused,
    /// A connection is made and nothing ever comes, as behind a firewall that drops packets.
    Silent,
}

#[derive(Clone)]
pub struct Line {
    pub port: u16,
    state: Arc<watch::Sender<State>>,
}

impl Line {
    /// To a port of this machine.
    pub async fn to(port: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (state, watched) = watch::channel(State::Open);
        let line = Self {
            port: listener.local_addr()?.port(),
            state: Arc::new(state),
        };
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(pass(near, port, watched.clone()));
            }
        });
        Ok(line)
    }

    /// Cuts or mends it; what is connected is cut too.
    pub fn set(&self, state: State) {
        self.state.send_replace(state);
    }
}

async fn pass(mut near: TcpStream, port: u16, mut state: watch::Receiver<State>) {
    let now = *state.borrow_and_update();
    match now {
        State::Refused => {}
        State::Silent => {
            let _ = state.changed().await;
        }
        State::Open => {
            let Ok(mut far) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
                return;
            };
            tokio::select! {
                _ = copy_bidirectional(&mut near, &mut far) => {}
                _ = state.changed() => {}
            }
        }
    }
}
