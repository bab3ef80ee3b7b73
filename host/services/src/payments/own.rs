//! Nobody decides about his own money.
//!
//! A clerk's own account as an applicant is not linked to his clerk's account: they are two log-ins. It is recognised by
//! the mobile number that the clerk has on file, which the applicant logs in with, has in his profile or gave in the
//! order, and by the clerk's name, which is the payer's, the account's, or stands in the profile or the order. The names
//! are compared whether or not a number is on file, so that leaving it out gains nothing. Somebody of the same name is
//! refused too: a colleague does it then.

use super::{PaymentError, Payments};
use crate::accounts::login_id;
use yinxin_core::ids::{ClerkId, OrderId, SiteId};
use yinxin_core::mobile::Mobile;
use yinxin_store::order_events::{By, ByKind};
use yinxin_store::orders::{self, Order};
use yinxin_store::{Connection, StoreError, accounts, clerks};

/// Without the spaces that people put between characters.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace()).collect()
}

impl Payments {
    /// Whether a clerk's order is his own, as far as that is known before somebody has paid: for a page that says so.
    pub async fn is_own(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        order: &OrderId,
        by: &By,
    ) -> Result<bool, PaymentError> {
        let order = orders::get(conn, site, order).await?;
        match self.refuse_own(conn, site, &order, by, "").await {
            Ok(()) => Ok(false),
            Err(PaymentError::OwnPayment) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// [`PaymentError::OwnPayment`] when `by` is a clerk and the order his own. `payer`: who paid, where that is known.
    pub(super) async fn refuse_own(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        order: &Order,
        by: &By,
        payer: &str,
    ) -> Result<(), PaymentError> {
        if by.kind != ByKind::Clerk {
            return Ok(());
        }
        let id = ClerkId::from_stored(by.id.as_str());
        // One who is gone is known by the name that he signed with.
        let (name, mobile) = match clerks::get(conn, site, &id).await {
            Ok(clerk) => {
                let mobile = clerks::mobile(conn, &self.sealer, site, &id).await?;
                (clerk.name, mobile)
            }
            Err(StoreError::NotFound) => (by.name.clone(), None),
            Err(error) => return Err(error.into()),
        };
        if let Some(mobile) = &mobile {
            let key = login_id::key(&self.sealer, site, mobile.as_str());
            let own = accounts::find_by_login_id(conn, site, &key).await?;
            if own.as_ref() == Some(&order.account) {
                return Err(PaymentError::OwnPayment);
            }
        }
        let details = orders::details(conn, &self.sealer, site, &order.id).await?;
        let mut said = vec![
            payer.to_owned(),
            details.contact_name,
            details.contact_mobile,
            details.delivery_name,
            details.delivery_mobile,
            details.invoice_title,
        ];
        match accounts::get(conn, site, &order.account).await {
            Ok(account) => said.push(account.name),
            Err(StoreError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
        let profile = crate::accounts::stored_profile(conn, &self.sealer, site, &order.account);
        said.extend(
            profile
                .await?
                .values
                .into_vec()
                .into_iter()
                .map(|named| named.value),
        );
        let is_own = said.iter().any(|text| {
            let same_number = || {
                mobile
                    .as_ref()
                    .is_some_and(|own| Mobile::parse(text).is_ok_and(|given| given == *own))
            };
            (!plain(&name).is_empty() && plain(text) == plain(&name)) || same_number()
        });
        if is_own {
            Err(PaymentError::OwnPayment)
        } else {
            Ok(())
        }
    }
}
