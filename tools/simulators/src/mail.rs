//! A mailbox for demonstrations: an SMTP server (RFC 5321) that takes every mail on the loopback interface and shows it.
//! It has no TLS and takes any name and password, so that nothing has to be set up; the tests use a server of a third
//! party instead.

use crate::misbehave::{self, Misbehaviour, Mode};
use crate::pages;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use mail_parser::{MessageParser, MimeHeaders};
use serde::Serialize;
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Bytes of one mail; the host attaches invoices of at most 5 MiB, a third more in base64.
const MAIL_LIMIT: usize = 20 << 20;

/// Bytes of one line; RFC 5321 has 1,000 for text.
const LINE_LIMIT: u64 = 8 << 10;

/// Mails kept; a long run of tests, whose books are compared in the end, sends thousands.
const KEPT: usize = 10_000;

/// A mail as it was handed over.
#[derive(Clone)]
struct Mail {
    from: String,
    to: Vec<String>,
    raw: Vec<u8>,
    at: Timestamp,
}

/// A mail as a person reads it.
#[derive(Clone, Debug, Serialize)]
pub struct Letter {
    /// Place in the mailbox, from 0.
    pub id: usize,
    /// The sender's own name for the mail: a repeat has the same one.
    pub message_id: String,
    pub from: String,
    pub to: Vec<String>,
    pub subject: String,
    pub text: String,
    pub attachments: Vec<Attachment>,
    pub time: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Attachment {
    pub name: String,
    pub kind: String,
    pub size: usize,
    pub url: String,
}

#[derive(Default)]
pub struct Mailbox {
    mails: Mutex<Vec<Mail>>,
    pub misbehaviour: Arc<Misbehaviour>,
}

impl Mailbox {
    pub fn letters(&self) -> Vec<Letter> {
        let mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        mails
            .iter()
            .enumerate()
            .map(|(id, mail)| read(id, mail))
            .collect()
    }

    fn letter(&self, id: usize) -> Option<Letter> {
        let mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        mails.get(id).map(|mail| read(id, mail))
    }

    fn attachment(&self, id: usize, part: u32) -> Option<(String, String, Vec<u8>)> {
        let mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        let message = MessageParser::default().parse(&mails.get(id)?.raw)?;
        let part = message.attachment(part)?;
        Some((name_of(part), kind_of(part), part.contents().to_vec()))
    }

    fn keep(&self, mail: Mail) {
        let mut mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        if mails.len() < KEPT {
            mails.push(mail);
        } else {
            tracing::warn!("the mailbox is full; restart the simulators to empty it");
        }
    }

    /// Serves SMTP until the listener fails.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) -> std::io::Result<()> {
        loop {
            let (stream, _) = listener.accept().await?;
            let mailbox = self.clone();
            tokio::spawn(async move {
                if let Err(error) = mailbox.converse(stream).await {
                    tracing::debug!(%error, "an SMTP client went away");
                }
            });
        }
    }

    async fn converse(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        say(&mut stream, "220 simulators ESMTP").await?;
        let (mut from, mut to) = (String::new(), Vec::new());
        loop {
            let line = line(&mut stream).await?;
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" => {
                    say(
                        &mut stream,
                        "250-simulators\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN LOGIN",
                    )
                    .await?;
                }
                "AUTH" => authenticate(&mut stream, rest).await?,
                "MAIL" => {
                    from = address(rest);
                    to.clear();
                    say(&mut stream, "250 OK").await?;
                }
                "RCPT" => {
                    to.push(address(rest));
                    say(&mut stream, "250 OK").await?;
                }
                "DATA" if to.is_empty() => say(&mut stream, "503 RCPT first").await?,
                "DATA" => {
                    say(&mut stream, "354 go on").await?;
                    let raw = data(&mut stream).await?;
                    let mail = Mail {
                        from: std::mem::take(&mut from),
                        to: std::mem::take(&mut to),
                        raw,
                        at: Timestamp::now(),
                    };
                    let answer = self.take(mail).await;
                    let Some(answer) = answer else { return Ok(()) };
                    say(&mut stream, &answer).await?;
                }
                "RSET" | "HELO" | "NOOP" => {
                    to.clear();
                    say(&mut stream, "250 OK").await?;
                }
                "QUIT" => return say(&mut stream, "221 bye").await,
                _ => say(&mut stream, "502 not here").await?,
            }
        }
    }

    /// Keeps a mail as the temper says; none: the line goes dead.
    async fn take(&self, mail: Mail) -> Option<String> {
        let turn = self.misbehaviour.turn();
        match turn.mode {
            Mode::Error => {
                return Some(format!(
                    "{} ordered by the control page",
                    turn.code_or("451 4.3.0")
                ));
            }
            Mode::Delay => tokio::time::sleep(turn.delay).await,
            Mode::Repeat => self.keep(mail.clone()),
            Mode::Normal | Mode::Forge | Mode::Drop => {}
        }
        self.keep(mail);
        (turn.mode != Mode::Drop).then(|| "250 2.0.0 taken".to_owned())
    }
}

async fn say(stream: &mut BufReader<TcpStream>, text: &str) -> std::io::Result<()> {
    stream.write_all(format!("{text}\r\n").as_bytes()).await?;
    stream.flush().await
}

async fn line(stream: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let mut line = Vec::new();
    stream.take(LINE_LIMIT).read_until(b'\n', &mut line).await?;
    if line.ends_with(b"\n") {
        Ok(line)
    } else {
        Err(std::io::ErrorKind::UnexpectedEof.into())
    }
}

/// PLAIN in one line, or the questions of PLAIN and LOGIN; any answer is right.
async fn authenticate(stream: &mut BufReader<TcpStream>, rest: &str) -> std::io::Result<()> {
    let questions: &[&str] = match rest.split_once(' ') {
        Some(_) => &[],
        // base64 of "Username:" and "Password:"
        None if rest.eq_ignore_ascii_case("LOGIN") => &["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"],
        None => &["334 "],
    };
    for question in questions {
        say(stream, question).await?;
        line(stream).await?;
    }
    say(stream, "235 2.7.0 welcome").await
}

/// The address in `FROM:<a@b> SIZE=1`.
fn address(rest: &str) -> String {
    let inside = rest
        .split_once('<')
        .and_then(|(_, after)| after.split_once('>'));
    inside.map_or_else(|| rest.to_owned(), |(address, _)| address.to_owned())
}

/// Everything up to the line with a single dot; doubled dots at the beginning of a line are single again.
async fn data(stream: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let mut raw = Vec::new();
    loop {
        let line = line(stream).await?;
        if line == b".\r\n" || line == b".\n" {
            return Ok(raw);
        }
        let line = line.strip_prefix(b".").unwrap_or(&line);
        if raw.len() + line.len() > MAIL_LIMIT {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        raw.extend_from_slice(line);
    }
}

fn read(id: usize, mail: &Mail) -> Letter {
    let message = MessageParser::default().parse(&mail.raw);
    let (subject, text, attachments) = match &message {
        None => (
            String::new(),
            String::from_utf8_lossy(&mail.raw).into_owned(),
            Vec::new(),
        ),
        Some(message) => (
            message.subject().unwrap_or_default().to_owned(),
            message.body_text(0).unwrap_or_default().into_owned(),
            message
                .attachments()
                .enumerate()
                .map(|(part, found)| Attachment {
                    name: name_of(found),
                    kind: kind_of(found),
                    size: found.contents().len(),
                    url: format!("/mail/{id}/{part}"),
                })
                .collect(),
        ),
    };
    let message_id = message.as_ref().and_then(|message| message.message_id());
    Letter {
        id,
        message_id: message_id.unwrap_or_default().to_owned(),
        from: mail.from.clone(),
        to: mail.to.clone(),
        subject,
        text,
        attachments,
        time: pages::china_time(mail.at),
    }
}

fn name_of(part: &mail_parser::MessagePart<'_>) -> String {
    part.attachment_name().unwrap_or("附件").to_owned()
}

fn kind_of(part: &mail_parser::MessagePart<'_>) -> String {
    part.content_type().map_or_else(
        || "application/octet-stream".to_owned(),
        |kind| {
            format!(
                "{}/{}",
                kind.ctype(),
                kind.subtype().unwrap_or("octet-stream")
            )
        },
    )
}

pub fn routes(mailbox: Arc<Mailbox>) -> Router {
    Router::new()
        .route("/mail", get(page))
        .route("/mail/{id}", get(letter))
        .route("/mail/{id}/{part}", get(attachment))
        .route("/control/mail", get(list))
        .with_state(mailbox.clone())
        .merge(misbehave::control(
            "mail",
            "/mail",
            mailbox.misbehaviour.clone(),
        ))
}

async fn list(State(mailbox): State<Arc<Mailbox>>) -> Json<Vec<Letter>> {
    Json(mailbox.letters())
}

async fn page(State(mailbox): State<Arc<Mailbox>>) -> Html<String> {
    let (mode, count) = mailbox.misbehaviour.standing();
    let mut rows = mailbox.letters();
    rows.reverse();
    Html(pages::render(
        "mail.html",
        json!({ "rows": rows, "mode": mode, "count": count }),
    ))
}

async fn letter(State(mailbox): State<Arc<Mailbox>>, Path(id): Path<usize>) -> Response {
    match mailbox.letter(id) {
        Some(letter) => {
            Html(pages::render("letter.html", json!({ "letter": letter }))).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn attachment(
    State(mailbox): State<Arc<Mailbox>>,
    Path((id, part)): Path<(usize, u32)>,
) -> Response {
    let Some((name, kind, bytes)) = mailbox.attachment(id, part) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let encoded = percent_encoding::utf8_percent_encode(&name, percent_encoding::NON_ALPHANUMERIC);
    let disposition = format!("attachment; filename*=UTF-8''{encoded}");
    (
        [
            (header::CONTENT_TYPE, kind),
            (header::CONTENT_DISPOSITION, disposition),
        ],
        bytes,
    )
        .into_response()
}
