//! `yinxin reconcile`: compares a day now, as the daily job does.

use crate::serve::PlaceArguments;
use crate::wiring;
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use jiff::civil::Date;
use std::process::ExitCode;
use yinxin_core::ids::SiteId;
use yinxin_core::money::{Fen, Method};
use yinxin_services::reconciliation::{Difference, ReportState, Side};
use yinxin_store::order_events::By;
use yinxin_store::payments::gateway_word;

#[derive(Args)]
pub struct Reconcile {
    #[command(flatten)]
    places: PlaceArguments,
    /// Site whose money it is
    #[arg(long)]
    site: String,
    /// Day in China, such as 2026-11-20, that is over
    #[arg(long)]
    day: Date,
    /// One way to pay; all of the site's, when none is given
    #[arg(long)]
    method: Option<MethodName>,
}

#[derive(Clone, Copy, ValueEnum)]
enum MethodName {
    Wechat,
    Alipay,
    Cpcn,
    BankTransfer,
}

impl From<MethodName> for Method {
    fn from(name: MethodName) -> Self {
        match name {
            MethodName::Wechat => Self::Wechat,
            MethodName::Alipay => Self::Alipay,
            MethodName::Cpcn => Self::Cpcn,
            MethodName::BankTransfer => Self::BankTransfer,
        }
    }
}

impl Reconcile {
    pub async fn run(self) -> Result<ExitCode> {
        let host = wiring::assemble(&self.places.places(), None).await?;
        let site = SiteId::parse(&self.site)
            .filter(|site| host.sites.contains_key(site.as_str()))
            .with_context(|| format!("there is no site `{}`", self.site))?;
        let methods = match self.method {
            Some(method) => vec![Method::from(method)],
            None => host.services.payments.methods(&site),
        };
        if methods.is_empty() {
            bail!("the site `{site}` takes no money");
        }
        let mut agreed = true;
        for method in methods {
            let reconciliation = &host.services.reconciliation;
            let report = reconciliation
                .run_again(&site, method, self.day, &By::host())
                .await?;
            println!(
                "{} {}: {}",
                self.day,
                gateway_word(method),
                report.state.as_str()
            );
            match report.state {
                ReportState::Done => {
                    println!("  theirs {}", in_words(&report.theirs));
                    println!("  ours   {}", in_words(&report.ours));
                    println!("  fees   {}", report.fee);
                }
                ReportState::NoBill => println!("  no bank statement was imported for this day"),
                ReportState::Waiting | ReportState::Failed => println!("  {}", report.problem),
            }
            let view = reconciliation.report(&site, &report.id).await?;
            for difference in &view.open {
                println!("  OPEN {}", told(difference));
            }
            let compared = matches!(report.state, ReportState::Done | ReportState::NoBill);
            agreed &= compared && view.open.is_empty();
        }
        Ok(if agreed {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

fn in_words(side: &Side) -> String {
    format!(
        "{} payments of {}, {} refunds of {}",
        side.payments, side.received, side.refunds, side.refunded
    )
}

fn told(difference: &Difference) -> String {
    let side = |amount: Option<Fen>| amount.map_or("nothing".to_owned(), |fen| fen.to_string());
    format!(
        "{} {} {}: ours {}, theirs {}",
        difference.kind.as_str(),
        difference.about.as_str(),
        difference.number,
        side(difference.ours),
        side(difference.theirs)
    )
}
