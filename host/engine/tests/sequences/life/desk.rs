//! What goes over the bank, and what finance does about it.

use super::{Life, is_refused_payment};
use crate::house::finance;
use std::sync::atomic::Ordering;
use yinxin_core::ids::FileId;
use yinxin_core::money::{Fen, Method};
use yinxin_services::payments::{By, PaymentError, RefundState, Transfer};
use yinxin_store::StoreError;
impl Life<'_> {
    pub(super) async fn slip(&mut self) {
        if !self.streets.place.takes(Method::BankTransfer) {
            return;
        }
        let Some((order, _)) = self.unpaid().await else {
            return;
        };
        let (payments, site, store) = (
            self.house.services.payments.clone(),
            self.house.site.clone(),
            self.house.store.clone(),
        );
        let refuse = self.chance.once_in(3);
        let by = By::applicant(&self.streets.people.applicant);
        let work = async {
            let mut tx = store.begin().await?;
            payments
                .upload_slip(&mut tx, &site, &order, &FileId::generate(), &by)
                .await?;
            if refuse {
                payments
                    .refuse_slip(&mut tx, &site, &order, "看不清", &finance())
                    .await?;
            }
            tx.commit().await.map_err(StoreError::from)?;
            Ok::<_, PaymentError>(())
        };
        match self.or_crash(work).await {
            Some(Ok(())) if refuse => self.note("slip refused"),
            Some(Ok(())) => self.note("slip uploaded"),
            Some(Err(error)) => assert!(is_refused_payment(&error), "{error:?}"),
            None => {}
        }
    }

    /// A transfer is found on the account, for any order that there is. A crash leaves the clerk in doubt: he books it
    /// again, under the same number.
    pub(super) async fn transfer(&mut self) {
        if !self.streets.place.takes(Method::BankTransfer) {
            return;
        }
        let mut orders = self.orders().await;
        if !self.chance.once_in(6) {
            orders.retain(|(_, state, _)| state.is_payable());
        }
        let Some((order, _, missing)) = self.chance.one_of(&orders).cloned() else {
            return;
        };
        let due = if missing.0 > 0 { missing.0 } else { 10_000 };
        let amount = Fen(match self.chance.below(6) {
            0 => (due / 2).max(1),
            1 => due + 700,
            _ => due,
        });
        self.transfers += 1;
        let reference = format!("B{:08}", self.transfers);
        let mut booked = None;
        while booked.is_none() {
            let (payments, site, store) = (
                self.house.services.payments.clone(),
                self.house.site.clone(),
                self.house.store.clone(),
            );
            let found = Transfer {
                reference: &reference,
                amount,
                payer: "福州榕城科技有限公司",
            };
            let work = async {
                let mut tx = store.begin().await?;
                let settled = payments
                    .verify_transfer(&mut tx, &site, &order, &found, &finance())
                    .await?;
                tx.commit().await.map_err(StoreError::from)?;
                Ok::<_, PaymentError>(settled)
            };
            booked = self.or_crash(work).await;
        }
        let came = || self.streets.account.fetch_add(amount.0, Ordering::SeqCst);
        match booked.unwrap() {
            Ok(settled) => {
                came();
                self.note(format!("transfer {settled:?}"));
            }
            // The attempt before the crash had been booked.
            Err(PaymentError::AlreadyBooked) => {
                came();
            }
            // A clerk can book on any order, whatever has become of it.
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Finance pays out what no provider can, and tries again what one refused.
    pub(super) async fn pay_out(&mut self) {
        let (payments, site) = (
            self.house.services.payments.clone(),
            self.house.site.clone(),
        );
        let mut waiting = Vec::new();
        for state in [RefundState::Requested, RefundState::Failed] {
            waiting.extend(payments.refunds_in(&site, state, None, 50).await.unwrap());
        }
        let Some(refund) = self.chance.one_of(&waiting).cloned() else {
            return;
        };
        let number = format!("O{}", refund.id);
        let mut done = None;
        let mut crashed = false;
        while done.is_none() {
            let store = self.house.store.clone();
            let work = async {
                let mut tx = store.begin().await?;
                payments
                    .finish_refund_by_hand(&mut tx, &site, &refund.id, &number, &finance())
                    .await?;
                tx.commit().await.map_err(StoreError::from)?;
                Ok::<_, PaymentError>(())
            };
            done = self.or_crash(work).await;
            crashed |= done.is_none();
        }
        let went = || {
            self.streets
                .account
                .fetch_sub(refund.amount.0, Ordering::SeqCst)
        };
        match done.unwrap() {
            Ok(()) => {
                went();
                self.note("refund paid out by hand");
            }
            // A provider carries it out; or the attempt before the crash was booked.
            Err(PaymentError::NotNow) => {
                if crashed && self.is_done(&refund.id).await {
                    went();
                }
            }
            Err(error) => assert!(is_refused_payment(&error), "{error:?}"),
        }
    }

    async fn is_done(&self, refund: &str) -> bool {
        let mut conn = self.house.store.read().await.unwrap();
        let refund = yinxin_store::refunds::get(&mut conn, &self.house.site, refund)
            .await
            .unwrap();
        refund.state == RefundState::Done
    }
}
