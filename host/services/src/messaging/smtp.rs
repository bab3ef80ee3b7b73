//! Mail by SMTP (RFC 5321) with `lettre`.

use super::channel::{Failure, Mail, Mailer};
use async_trait::async_trait;
use lettre::message::header::ContentType;
use lettre::message::{Attachment as Part, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls as LettreTls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use std::time::Duration;

/// A server that takes longer to take a mail of a few megabytes is tried again later.
const PATIENCE: Duration = Duration::from_secs(30);

/// How the connection is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// In the clear: a server on the same machine.
    None,
    /// Begins in the clear and must change over (port 587).
    StartTls,
    /// From the first byte (port 465).
    Wrapped,
}

/// A CA's account with its mail server.
#[derive(Clone)]
pub struct SmtpAccount {
    pub host: String,
    pub port: u16,
    pub tls: Tls,
    /// Name and password, or none for a server that asks for none.
    pub login: Option<(String, String)>,
    /// Name shown as the sender.
    pub from_name: String,
    pub from_address: String,
    /// PEM of an authority of the house's own that the server's certificate comes from, beside the public ones.
    pub root_certificate: Option<Vec<u8>>,
}

/// Why an account cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SmtpConfigError {
    #[error("the sender's address `{0}` is no mail address")]
    From(String),
    #[error("the server's name `{0}` cannot be used with TLS")]
    Tls(String),
    #[error("the authority's certificate cannot be read; it has to be PEM")]
    RootCertificate,
}

pub struct Smtp {
    from: Mailbox,
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

/// Whether the text is a mail address.
pub fn is_address(text: &str) -> bool {
    text.parse::<Address>().is_ok()
}

impl Smtp {
    pub fn new(account: SmtpAccount) -> Result<Self, SmtpConfigError> {
        let address: Address = account
            .from_address
            .parse()
            .map_err(|_| SmtpConfigError::From(account.from_address.clone()))?;
        let tls = || {
            let mut parameters = TlsParameters::builder(account.host.clone());
            if let Some(pem) = &account.root_certificate {
                let root =
                    Certificate::from_pem(pem).map_err(|_| SmtpConfigError::RootCertificate)?;
                parameters = parameters.add_root_certificate(root);
            }
            parameters
                .build()
                .map_err(|_| SmtpConfigError::Tls(account.host.clone()))
        };
        let tls = match account.tls {
            Tls::None => LettreTls::None,
            Tls::StartTls => LettreTls::Required(tls()?),
            Tls::Wrapped => LettreTls::Wrapper(tls()?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&account.host)
            .port(account.port)
            .tls(tls)
            .timeout(Some(PATIENCE));
        if let Some((name, password)) = account.login {
            builder = builder.credentials(Credentials::new(name, password));
        }
        Ok(Self {
            from: Mailbox::new(Some(account.from_name), address),
            transport: builder.build(),
        })
    }

    fn message(&self, mail: &Mail<'_>, message_id: &str) -> Result<Message, Failure> {
        let to: Address = mail
            .to
            .parse()
            .map_err(|_| Failure::never("收件地址有误"))?;
        let builder = Message::builder()
            .message_id(Some(message_id.to_owned()))
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(mail.subject);
        let built = if mail.attachments.is_empty() {
            builder.singlepart(SinglePart::plain(mail.body.to_owned()))
        } else {
            let mut parts = MultiPart::mixed().singlepart(SinglePart::plain(mail.body.to_owned()));
            for attachment in &mail.attachments {
                let kind = ContentType::parse(&attachment.media_type)
                    .or_else(|_| ContentType::parse("application/octet-stream"))
                    .map_err(|_| Failure::never("附件的类型无法识别"))?;
                parts = parts.singlepart(
                    Part::new(attachment.name.clone()).body(attachment.bytes.clone(), kind),
                );
            }
            builder.multipart(parts)
        };
        built.map_err(|_| Failure::never("邮件无法生成"))
    }
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, mail: &Mail<'_>) -> Result<String, Failure> {
        let message_id = format!("<{}@{}>", mail.id, self.from.email.domain());
        let message = self.message(mail, &message_id)?;
        self.transport
            .send(message)
            .await
            .map_err(|error| failure(&error))?;
        Ok(message_id)
    }
}

/// The server's own words may repeat the address, so only its code is kept.
fn failure(error: &lettre::transport::smtp::Error) -> Failure {
    let code = error.status().map(u16::from);
    match code {
        // 530, 534, 535, 538: the account, not the mail (RFC 4954).
        Some(530 | 534 | 535 | 538) => {
            Failure::again("发信账户的用户名或密码不对，请管理员检查配置")
        }
        Some(552) => Failure::never("邮件太大，邮件服务器拒收（552）"),
        Some(code @ (550 | 551 | 553)) => {
            Failure::never(format!("邮件服务器不接受这个收件地址（{code}）"))
        }
        Some(code @ 500..) => Failure::never(format!("邮件服务器拒收（{code}）")),
        Some(code) => Failure::again(format!("邮件服务器请稍后再试（{code}）")),
        None if error.is_tls() => {
            Failure::again("与邮件服务器的加密连接没有建立，请管理员检查配置")
        }
        None if error.is_timeout() => Failure::again("邮件服务器超时未答复"),
        None => Failure::again("连不上邮件服务器或连接中断"),
    }
}
