//! A client of one connection that costs a few microseconds a request, so that what is measured is the server: it writes
//! bytes that were made before and reads an answer whose length is told. It asks for no compression, as the servers that it
//! compares send the same bytes.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes of the largest page.
const BUFFER: usize = 256 * 1024;

pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer, as far as a benchmark looks at it.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Of a redirect.
    pub fn location(&self) -> Option<&str> {
        header(&self.head, "location")
    }
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("an option of a socket");
        Self {
            stream,
            buffer: Vec::with_capacity(BUFFER),
        }
    }

    /// Sends a whole request and reads the whole answer.
    ///
    /// # Panics
    /// When the server breaks the connection off, or tells no length.
    pub async fn send(&mut self, request: &[u8]) -> Answer {
        let (status, head, length) = self.exchange(request).await;
        let head_text = String::from_utf8_lossy(&self.buffer[..head]).into_owned();
        let body = self.buffer[head..head + length].to_vec();
        Answer {
            status,
            head: head_text,
            body,
        }
    }

    /// As [`Client::send`], for who wants to know no more than the status.
    pub async fn status(&mut self, request: &[u8]) -> u16 {
        self.exchange(request).await.0
    }

    async fn exchange(&mut self, request: &[u8]) -> (u16, usize, usize) {
        self.stream.write_all(request).await.expect("a request");
        self.buffer.clear();
        let head = loop {
            let read = self
                .stream
                .read_buf(&mut self.buffer)
                .await
                .expect("an answer");
            assert!(read > 0, "the server broke off");
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = std::str::from_utf8(&self.buffer[..head]).expect("a head is ASCII");
        let status = text
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .expect("a status");
        let length: usize =
            header(text, "content-length").map_or(0, |length| length.parse().expect("a length"));
        while self.buffer.len() < head + length {
            let read = self
                .stream
                .read_buf(&mut self.buffer)
                .await
                .expect("an answer");
            assert!(read > 0, "the server broke off");
        }
        (status, head, length)
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// A GET of this path, by whoever has this cookie.
pub fn get(host: &str, path: &str, cookie: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: {host}\r\ncookie: {cookie}\r\n\r\n").into_bytes()
}

/// A form.
pub fn post(host: &str, path: &str, cookie: &str, fields: &[(String, String)]) -> Vec<u8> {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\ncookie: {cookie}\r\norigin: http://{host}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
