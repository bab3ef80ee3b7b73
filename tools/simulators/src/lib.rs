//! Stand-ins for the services that cannot be reached from a developer's computer: SMS, face check, courier, mail,
//! invoices and the payment providers. They verify what they get as strictly as the originals, show it to a person, and misbehave when told
//! to. They share no code with the host, so that a misreading of a protocol is not made twice.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod alipay;
pub mod bills;
pub mod courier;
pub mod face;
pub mod invoice;
pub mod keys;
pub mod lies;
mod loopback;
pub mod mail;
pub mod misbehave;
mod notifier;
mod pages;
pub mod payer_page;
pub mod secrets;
pub mod signed;
pub mod sms;
pub mod trades;
pub mod wechat;

use alipay::Alipay;
use anyhow::Context;
use axum::Router;
use axum::response::Html;
use axum::routing::get;
use courier::Courier;
use face::Face;
use invoice::InvoiceOffice;
use mail::Mailbox;
use secrets::Secrets;
use serde::Serialize;
use serde_json::json;
use sms::Sms;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use wechat::Wechat;

/// Where the simulators listen and keep their keys.
#[derive(Clone, Debug)]
pub struct Options {
    pub listen: SocketAddr,
    pub smtp_listen: SocketAddr,
    pub state_dir: PathBuf,
}

/// The simulators at work; they end with this value.
pub struct Running {
    pub address: SocketAddr,
    pub smtp_address: SocketAddr,
    pub secrets: Secrets,
    pub sms: Arc<Sms>,
    pub face: Arc<Face>,
    pub courier: Arc<Courier>,
    pub invoices: Arc<InvoiceOffice>,
    pub mailbox: Arc<Mailbox>,
    pub wechat: Arc<Wechat>,
    pub alipay: Arc<Alipay>,
    tasks: Vec<JoinHandle<std::io::Result<()>>>,
}

impl Running {
    /// `http://127.0.0.1:8090`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Until one of the servers fails.
    pub async fn failed(mut self) -> anyhow::Result<()> {
        let tasks = std::mem::take(&mut self.tasks);
        let (ended, _, _) = futures::future::select_all(tasks).await;
        ended?.context("a simulator's server ended")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Starts them. Port 0 takes a free one, for tests.
pub async fn start(options: &Options) -> anyhow::Result<Running> {
    let secrets = Secrets::load_or_create(&options.state_dir)?;
    let sms = Arc::new(Sms::new(secrets.clone()));
    let face = Arc::new(Face::new(secrets.clone())?);
    let courier = Arc::new(Courier::new(secrets.clone())?);
    let invoices = Arc::new(InvoiceOffice::new(secrets.clone()));
    let mailbox = Arc::new(Mailbox::default());
    let wechat = wechat::state(&options.state_dir)?;
    let alipay = alipay::state(&options.state_dir)?;
    let router = Router::new()
        .route("/", get(index))
        .merge(sms::routes(sms.clone()))
        .merge(face::routes(face.clone()))
        .merge(courier::routes(courier.clone()))
        .merge(invoice::routes(invoices.clone()))
        .merge(mail::routes(mailbox.clone()))
        .merge(wechat::routes(wechat.clone()))
        .merge(alipay::routes(alipay.clone()));
    let smtp_listener = bind(options.smtp_listen).await?;
    let smtp_address = smtp_listener.local_addr()?;
    let (address, web) = serve(options.listen, router).await?;
    let tasks = vec![web, tokio::spawn(mailbox.clone().serve(smtp_listener))];
    Ok(Running {
        address,
        smtp_address,
        secrets,
        sms,
        face,
        courier,
        invoices,
        mailbox,
        wechat,
        alipay,
        tasks,
    })
}

/// Serves some of the simulators only, for tests of one service; ends with the task's abort.
pub async fn serve(
    listen: SocketAddr,
    router: Router,
) -> anyhow::Result<(SocketAddr, JoinHandle<std::io::Result<()>>)> {
    let listener = bind(listen).await?;
    let address = listener.local_addr()?;
    Ok((
        address,
        tokio::spawn(async move { axum::serve(listener, router).await }),
    ))
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))
}

async fn index() -> Html<String> {
    #[derive(Serialize)]
    struct Link {
        href: &'static str,
        title: &'static str,
        hint: &'static str,
    }
    let links = [
        Link {
            href: "/wechat",
            title: "微信支付",
            hint: "下单、扫码付款与退款，通知可以延迟、重复、伪造或丢弃，应答可以出错、中断或与通知矛盾",
        },
        Link {
            href: "/alipay",
            title: "支付宝",
            hint: "下单、扫码付款与退款，通知可以延迟、重复、伪造或丢弃，应答可以出错、中断或与通知矛盾",
        },
        Link {
            href: "/sms",
            title: "短信",
            hint: "阿里云与腾讯云发来的短信，像在手机上一样查看",
        },
        Link {
            href: "/mail",
            title: "邮件",
            hint: "收到的邮件与附件",
        },
        Link {
            href: "/face",
            title: "人脸核验",
            hint: "手机刷脸页面与核验结果",
        },
        Link {
            href: "/courier",
            title: "快递",
            hint: "推进运单并通知签收",
        },
        Link {
            href: "/invoice",
            title: "电子发票",
            hint: "诺诺开放平台开具与冲红的发票，可以让开票失败或签章失败",
        },
    ];
    Html(pages::render("index.html", json!({ "links": links })))
}
