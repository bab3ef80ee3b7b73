//! The job that takes an invoice on by one step: order it, ask for it, fetch it, void it.
//!
//! What is about to be asked of the provider is written before, so that whoever comes after a crash asks first. Each
//! write names the version that was read: of two workers, or a worker and a clerk, one wins and the other looks again.

use super::provider::{InvoiceOrder, Issued, ProviderError, RedLetter, RedStanding, Standing};
use super::{InvoiceError, Invoices, SiteProvider, buyer, due, record, sums};
use crate::job_end::JobEnd;
use crate::uploads::{Upload, UploadError};
use yinxin_core::definition::FileFormat;
use yinxin_core::ids::{InvoiceId, SiteId};
use yinxin_core::time::Millis;
use yinxin_store::invoices::{self as rows, Buyer, Invoice, InvoiceKind, InvoiceState};
use yinxin_store::order_events::{By, OrderEventKind};
use yinxin_store::orders::{self, Order};
use yinxin_store::{Connection, StoreError};

/// Seconds before the first look at what the provider was asked; most invoices take half a minute.
const FIRST_LOOK: i64 = 5;
/// Tax offices' maintenance takes hours; a quarter of one is soon enough afterwards.
const RAREST_LOOK: i64 = 900;
/// Seconds after which a request that the provider does not know will not arrive any more: a connection gives up after ten,
/// a worker that hangs loses its job after two minutes.
const LOST_AFTER: i64 = 600;
const NOT_THERE_YET: &str = "开票服务还没有收到申请";

impl Invoices {
    pub(super) async fn step(&self, site: &SiteId, id: &InvoiceId) -> Result<JobEnd, InvoiceError> {
        let mut conn = self.store.read().await?;
        let invoice = rows::get(&mut conn, site, id).await?;
        drop(conn);
        if invoice.kind == InvoiceKind::ByHand {
            return Ok(JobEnd::Done);
        }
        let with = self.providers.get(site);
        match (invoice.state, with) {
            // Without a provider it waits for a clerk's upload.
            (InvoiceState::Waiting, Some(with)) => self.hand_in(site, with, invoice).await,
            (InvoiceState::Requested, Some(with)) => self.follow(site, with, invoice).await,
            (InvoiceState::Voiding, with) => self.take_back(site, with, invoice).await,
            _ => Ok(JobEnd::Done),
        }
    }

    /// Has the job look again, the rarer the longer ago it began. What is waited for stands in the row, where a clerk
    /// reads it.
    async fn wait(
        &self,
        site: &SiteId,
        mut invoice: Invoice,
        began: Option<Millis>,
        why: &str,
    ) -> Result<JobEnd, InvoiceError> {
        if invoice.error != why {
            let mut tx = self.store.begin().await?;
            why.clone_into(&mut invoice.error);
            rows::save(&mut tx, site, &invoice).await?;
            tx.commit().await.map_err(StoreError::from)?;
        }
        let now = self.clock.now();
        // Half its age doubles the gaps.
        let half_age = began.map_or(0, |began| (now.0 - began.0) / 2000);
        Ok(JobEnd::Again {
            at: now.plus(half_age.clamp(FIRST_LOOK, RAREST_LOOK)),
            why: why.to_owned(),
        })
    }

    fn is_lost(&self, sent_at: Option<Millis>) -> bool {
        sent_at.is_none_or(|at| at.plus(LOST_AFTER) <= self.clock.now())
    }

    /// Orders an invoice, under a new number.
    async fn hand_in(
        &self,
        site: &SiteId,
        with: &SiteProvider,
        mut invoice: Invoice,
    ) -> Result<JobEnd, InvoiceError> {
        let sent_at = invoice.sent_at;
        if sent_at.is_some() {
            // A clerk has it tried again. What became of the number that was given out, only the provider knows.
            match with.provider.query(&invoice.provider_no).await {
                Ok(Standing::Issued(issued)) => {
                    return self.fetch(site, with, invoice, issued).await;
                }
                Ok(Standing::Working(why)) => return self.wait(site, invoice, sent_at, &why).await,
                Ok(Standing::Unknown | Standing::Failed(_)) => {}
                Err(error) => {
                    return self.wait(site, invoice, sent_at, &error.to_string()).await;
                }
            }
        }
        let mut tx = self.store.begin().await?;
        let order = orders::lock(&mut tx, site, &invoice.order).await?;
        let details = orders::details(&mut tx, &self.sealer, site, &order.id).await?;
        let buyer = match buyer::of(&details) {
            Ok(buyer) => buyer,
            Err(problem) => return self.fail(tx, site, invoice, &problem).await,
        };
        invoice.provider_no = next_number(&mut tx, site, &order).await?;
        invoice.tries += 1;
        invoice.sent_at = Some(self.clock.now());
        invoice.state = InvoiceState::Requested;
        self.write(&mut tx, site, &mut invoice).await?;
        rows::set_buyer(&mut tx, &self.sealer, site, &invoice.id, &buyer).await?;
        tx.commit().await.map_err(StoreError::from)?;
        self.send(site, with, &order, invoice, &buyer).await
    }

    async fn send(
        &self,
        site: &SiteId,
        with: &SiteProvider,
        order: &Order,
        invoice: Invoice,
        buyer: &Buyer,
    ) -> Result<JobEnd, InvoiceError> {
        let lines = sums::taxed(&invoice.lines, with.rate);
        let remark = format!("订单号 {}", order.number);
        let request = InvoiceOrder {
            number: &invoice.provider_no,
            buyer,
            lines: &lines,
            rate: with.rate,
            at: self.clock.now(),
            remark: &remark,
        };
        match with.provider.issue(&request).await {
            Ok(()) => self.wait(site, invoice, None, "已提交开票").await,
            Err(ProviderError::Refused(why)) => {
                // Its words may name the buyer: they are for a clerk and not for the log.
                tracing::warn!(%site, invoice = %invoice.id, "an invoice was refused");
                let tx = self.store.begin().await?;
                self.fail(tx, site, invoice, &why).await
            }
            // Only the provider knows; it is asked next.
            Err(error) => self.wait(site, invoice, None, &error.to_string()).await,
        }
    }

    /// Asks what came of an invoice that was ordered, or may have been.
    async fn follow(
        &self,
        site: &SiteId,
        with: &SiteProvider,
        mut invoice: Invoice,
    ) -> Result<JobEnd, InvoiceError> {
        let sent_at = invoice.sent_at;
        match with.provider.query(&invoice.provider_no).await {
            Ok(Standing::Issued(issued)) => self.fetch(site, with, invoice, issued).await,
            Ok(Standing::Working(why)) => self.wait(site, invoice, sent_at, &why).await,
            Ok(Standing::Failed(why)) => {
                tracing::warn!(%site, invoice = %invoice.id, "an invoice was not issued");
                let tx = self.store.begin().await?;
                self.fail(tx, site, invoice, &why).await
            }
            Ok(Standing::Unknown) if !self.is_lost(sent_at) => {
                self.wait(site, invoice, sent_at, NOT_THERE_YET).await
            }
            Ok(Standing::Unknown) => {
                // The order never arrived. Under the same number it cannot become two.
                let mut tx = self.store.begin().await?;
                let order = orders::lock(&mut tx, site, &invoice.order).await?;
                let buyer = rows::buyer(&mut tx, &self.sealer, site, &invoice.id).await?;
                invoice.sent_at = Some(self.clock.now());
                self.write(&mut tx, site, &mut invoice).await?;
                tx.commit().await.map_err(StoreError::from)?;
                self.send(site, with, &order, invoice, &buyer.unwrap_or_default())
                    .await
            }
            Err(error) => self.wait(site, invoice, sent_at, &error.to_string()).await,
        }
    }

    /// Fetches the PDF of an issued invoice, keeps, mails and tells it.
    async fn fetch(
        &self,
        site: &SiteId,
        with: &SiteProvider,
        mut invoice: Invoice,
        issued: Issued,
    ) -> Result<JobEnd, InvoiceError> {
        if issued.amount != invoice.amount {
            let why = format!(
                "开票服务说号码 {} 的金额是 {} 元，本单应为 {} 元，请人工核对",
                issued.number, issued.amount, invoice.amount
            );
            tracing::error!(%site, invoice = %invoice.id, "an invoice of another amount was issued");
            let tx = self.store.begin().await?;
            return self.fail(tx, site, invoice, &why).await;
        }
        let bytes = match with.provider.download(&issued.pdf).await {
            Ok(bytes) => bytes,
            Err(error) => {
                return self
                    .without_file(site, invoice, issued, &error.to_string())
                    .await;
            }
        };
        let upload = Upload {
            name: format!("电子发票-{}.pdf", issued.number),
            bytes: bytes.into(),
            by: "host".to_owned(),
        };
        let taken = self
            .uploads
            .take_of_order(site, &invoice.order, "电子发票", &[FileFormat::Pdf], upload)
            .await;
        let taken = match taken {
            Ok(taken) => taken,
            Err(UploadError::Refused(problem)) => {
                return self
                    .without_file(site, invoice, issued, &problem.to_string())
                    .await;
            }
            Err(error) => return Err(error.into()),
        };
        let mut tx = self.store.begin().await?;
        orders::lock(&mut tx, site, &invoice.order).await?;
        invoice.state = InvoiceState::Issued;
        invoice.number = issued.number;
        invoice.issued_at = Some(issued.at);
        invoice.file = Some(taken.id().clone());
        invoice.error.clear();
        self.write(&mut tx, site, &mut invoice).await?;
        self.uploads.keep_of_order(&mut tx, site, &taken).await?;
        let (kind, now) = (OrderEventKind::InvoiceIssued, self.clock.now());
        record(
            &mut tx,
            site,
            &invoice,
            kind,
            &By::host(),
            &invoice.number,
            now,
        )
        .await?;
        self.mail(&mut tx, site, &invoice).await?;
        self.tell_all(&mut tx, site, &invoice).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(JobEnd::Done)
    }

    /// It is issued, but its file cannot be had yet. A clerk sees the number and may upload the file.
    async fn without_file(
        &self,
        site: &SiteId,
        mut invoice: Invoice,
        issued: Issued,
        why: &str,
    ) -> Result<JobEnd, InvoiceError> {
        let began = invoice.sent_at;
        if invoice.number != issued.number {
            let mut tx = self.store.begin().await?;
            invoice.state = InvoiceState::Requested;
            invoice.number = issued.number;
            self.write(&mut tx, site, &mut invoice).await?;
            tx.commit().await.map_err(StoreError::from)?;
        }
        let why = format!("发票已开具，但版式文件还取不到：{why}");
        self.wait(site, invoice, began, &why).await
    }

    async fn fail(
        &self,
        mut tx: yinxin_store::Transaction,
        site: &SiteId,
        mut invoice: Invoice,
        why: &str,
    ) -> Result<JobEnd, InvoiceError> {
        invoice.state = match invoice.state {
            InvoiceState::Voiding => InvoiceState::VoidFailed,
            _ => InvoiceState::Failed,
        };
        invoice.error = why.to_owned();
        self.write(&mut tx, site, &mut invoice).await?;
        let (kind, now) = (OrderEventKind::InvoiceFailed, self.clock.now());
        record(&mut tx, site, &invoice, kind, &By::host(), why, now).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(JobEnd::Done)
    }

    /// Takes an invoice back: withdrawn when the provider has none, else voided by a red-letter invoice.
    async fn take_back(
        &self,
        site: &SiteId,
        with: Option<&SiteProvider>,
        mut invoice: Invoice,
    ) -> Result<JobEnd, InvoiceError> {
        let sent_at = invoice.sent_at;
        if sent_at.is_none() {
            return self.ended(site, invoice, InvoiceState::Withdrawn).await;
        }
        let Some(with) = with else {
            let tx = self.store.begin().await?;
            let why = "本站没有配置开票服务，请在税务平台冲红后登记红字发票号码";
            return self.fail(tx, site, invoice, why).await;
        };
        if invoice.number.is_empty() {
            match with.provider.query(&invoice.provider_no).await {
                Ok(Standing::Issued(issued)) => {
                    invoice.number = issued.number;
                    invoice.issued_at = Some(issued.at);
                }
                Ok(Standing::Working(why)) => return self.wait(site, invoice, sent_at, &why).await,
                Ok(Standing::Unknown) if !self.is_lost(sent_at) => {
                    return self.wait(site, invoice, sent_at, NOT_THERE_YET).await;
                }
                Ok(Standing::Unknown | Standing::Failed(_)) => {
                    return self.ended(site, invoice, InvoiceState::Withdrawn).await;
                }
                Err(error) => {
                    return self.wait(site, invoice, sent_at, &error.to_string()).await;
                }
            }
        }
        let red_sent_at = invoice.red_sent_at;
        if red_sent_at.is_none() {
            // 32 characters, as many as the number may have.
            invoice.red_no = uuid::Uuid::now_v7().simple().to_string();
            return self.redden(site, with, invoice).await;
        }
        match with.provider.query_void(&invoice.red_no).await {
            Ok(RedStanding::Issued(number)) => {
                invoice.red_number = number;
                self.ended(site, invoice, InvoiceState::Voided).await
            }
            Ok(RedStanding::Working(why)) => self.wait(site, invoice, red_sent_at, &why).await,
            Ok(RedStanding::Failed(why)) => {
                let tx = self.store.begin().await?;
                self.fail(tx, site, invoice, &why).await
            }
            Ok(RedStanding::Unknown) if !self.is_lost(red_sent_at) => {
                self.wait(site, invoice, red_sent_at, NOT_THERE_YET).await
            }
            Ok(RedStanding::Unknown) => self.redden(site, with, invoice).await,
            Err(error) => {
                self.wait(site, invoice, red_sent_at, &error.to_string())
                    .await
            }
        }
    }

    /// Orders the red-letter invoice.
    async fn redden(
        &self,
        site: &SiteId,
        with: &SiteProvider,
        mut invoice: Invoice,
    ) -> Result<JobEnd, InvoiceError> {
        let mut tx = self.store.begin().await?;
        let buyer = rows::buyer(&mut tx, &self.sealer, site, &invoice.id).await?;
        invoice.red_sent_at = Some(self.clock.now());
        self.write(&mut tx, site, &mut invoice).await?;
        tx.commit().await.map_err(StoreError::from)?;
        let red = RedLetter {
            number: &invoice.red_no,
            invoice: &invoice.number,
            buyer: &buyer.unwrap_or_default(),
        };
        match with.provider.void(&red).await {
            Ok(()) => self.wait(site, invoice, None, "已申请冲红").await,
            Err(ProviderError::Refused(why)) => {
                tracing::warn!(%site, invoice = %invoice.id, "a red-letter invoice was refused");
                let tx = self.store.begin().await?;
                self.fail(tx, site, invoice, &why).await
            }
            Err(error) => self.wait(site, invoice, None, &error.to_string()).await,
        }
    }

    async fn ended(
        &self,
        site: &SiteId,
        invoice: Invoice,
        state: InvoiceState,
    ) -> Result<JobEnd, InvoiceError> {
        let mut tx = self.store.begin().await?;
        let order = orders::lock(&mut tx, site, &invoice.order).await?;
        let now = self.clock.now();
        due::end(&mut tx, site, &order, invoice, state, &By::host(), now).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(JobEnd::Done)
    }

    /// Writes how the invoice stands; it goes on with its new version.
    pub(super) async fn write(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        invoice: &mut Invoice,
    ) -> Result<(), StoreError> {
        invoice.changed_at = self.clock.now();
        rows::save(conn, site, invoice).await?;
        invoice.version += 1;
        Ok(())
    }
}

/// The next number of a locked order's invoices at the provider: the order's own and two digits, 20 characters together,
/// which is the shortest bound that a document of the provider's names.
async fn next_number(
    conn: &mut Connection,
    site: &SiteId,
    order: &Order,
) -> Result<String, StoreError> {
    let all = rows::of_order(conn, site, &order.id).await?;
    let given_out: i64 = all.iter().map(|invoice| invoice.tries).sum();
    Ok(format!("{}{:02}", order.number, given_out + 1))
}
