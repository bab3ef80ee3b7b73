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
    /// Whose first request has this in it waits for ever; others pass.
    SilentTo(&'static str),
    /// What is asked arrives and is done, and no answer comes back.
    Unanswered,
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
        State::SilentTo(words) if has(&near, words).await => {
            let _ = state.changed().await;
        }
        State::Open | State::SilentTo(_) | State::Unanswered => {
            let Ok(mut far) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
                return;
            };
            tokio::select! {
                _ = between(&mut near, &mut far, now == State::Unanswered) => {}
                _ = state.changed() => {}
            }
        }
    }
}

async fn between(near: &mut TcpStream, far: &mut TcpStream, unanswered: bool) -> Result<()> {
    if unanswered {
        // Both stay open: whoever asked waits for an answer that lies here.
        tokio::io::copy(near, far).await?;
        return std::future::pending().await;
    }
    copy_bidirectional(near, far).await?;
    Ok(())
}

/// Whether the first request has these words in its head; reads nothing of it.
async fn has(near: &TcpStream, words: &str) -> bool {
    let mut head = [0; 4096];
    let mut known = 0;
    loop {
        let Ok(read) = near.peek(&mut head).await else {
            return false;
        };
        let text = String::from_utf8_lossy(&head[..read]).to_ascii_lowercase();
        if text.contains(words) {
            return true;
        }
        if text.contains("\r\n\r\n") || read == head.len() || read == 0 {
            return false;
        }
        // What is there is peeked at again at once: wait for more of it.
        if read == known {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        known = read;
    }
}
