//! What the reconciliation asks of payments: bills, and a second look at what a bill names and we have not booked.

use super::gateway::Bill;
use super::{PaymentError, Payments};
use crate::job_end::JobEnd;
use crate::statements::half_width;
use jiff::civil::Date;
use yinxin_core::ids::{PaymentId, SiteId};
use yinxin_core::money::Method;
use yinxin_store::payments as rows;

/// The number under which a bank transfer is kept as a payment: the bank's own, for one site.
pub fn transfer_number(site: &SiteId, serial: &str) -> String {
    format!("{site}:{serial}")
}

/// The bank's number as a file has it and as a clerk types it: without spaces, and not in the wide digits of an input
/// method, so that one transfer has one number however it came here.
pub(crate) fn bank_number(text: &str) -> String {
    text.chars()
        .map(half_width)
        .filter(|c| !c.is_whitespace())
        .collect()
}

impl Payments {
    /// What a gateway says of a day that is over.
    pub async fn bill(
        &self,
        site: &SiteId,
        method: Method,
        day: Date,
    ) -> Result<Bill, PaymentError> {
        Ok(self.gateway(site, method)?.bill(day).await?)
    }

    /// Other sites that take money in the same way: they may share the merchant, and so its bill.
    pub fn others_with(&self, site: &SiteId, method: Method) -> Vec<SiteId> {
        self.gateways
            .keys()
            .filter(|(other, by)| other != site && *by == method)
            .map(|(other, _)| other.clone())
            .collect()
    }

    /// Asks the gateway how an attempt stands and books what it says, as if it had told us: so a lost notification is made
    /// up for.
    pub async fn look_again(&self, site: &SiteId, id: &PaymentId) -> Result<(), PaymentError> {
        let mut conn = self.store.read().await?;
        let payment = rows::get(&mut conn, site, id).await?;
        drop(conn);
        self.look(site, &payment).await.map(|_| ())
    }

    /// As [`Payments::look_again`], for a refund that is under way.
    pub async fn look_again_at_refund(
        &self,
        site: &SiteId,
        id: &str,
    ) -> Result<JobEnd, PaymentError> {
        self.pay_back(site, id).await
    }
}
