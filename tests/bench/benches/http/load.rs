//! A few connections, each asking again as soon as it is answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};
use yinxin_bench::client::Client;
use yinxin_bench::samples::Samples;

/// Connections at a time: twice the cores, so that a server never waits for its clients.
pub const CONNECTIONS: usize = 4;
/// How long a turn lasts.
const TURN: Duration = Duration::from_millis(500);
/// Turns of each: the ratio of two neighbours differs by a tenth from the next one's.
const ROUNDS: usize = 24;

/// What one connection sends, over and over.
pub type Requests = Vec<Vec<u8>>;

/// One of the compared: where it is, what each connection asks it, and what it answers when all is well.
pub struct Side {
    pub address: SocketAddr,
    pub requests: Vec<Requests>,
    pub status: u16,
}

/// Answers a second of each, in turns.
pub async fn in_turns(ours: &Side, peer: &Side) -> (Samples, Samples) {
    let (mut a, mut b) = (Samples::default(), Samples::default());
    for round in 0..=ROUNDS {
        let (ours, peer) = (turn(ours).await, turn(peer).await);
        // The first turn warms up.
        if round > 0 {
            a.0.push(ours);
            b.0.push(peer);
        }
    }
    (a, b)
}

async fn turn(side: &Side) -> f64 {
    let begun = Instant::now();
    let connections: Vec<_> = side
        .requests
        .iter()
        .map(|requests| {
            let (address, status, requests) = (side.address, side.status, requests.clone());
            tokio::spawn(async move {
                let mut client = Client::connect(address).await;
                let mut answers = 0_u32;
                for request in requests.iter().cycle() {
                    if begun.elapsed() >= TURN {
                        break;
                    }
                    let answered = client.status(request).await;
                    let text = String::from_utf8_lossy(request);
                    let path = text.lines().next().unwrap_or_default();
                    assert_eq!(answered, status, "{path}");
                    answers += 1;
                }
                answers
            })
        })
        .collect();
    let mut answers = 0;
    for connection in connections {
        answers += connection.await.unwrap();
    }
    f64::from(answers) / begun.elapsed().as_secs_f64()
}
