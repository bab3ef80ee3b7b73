//! `yinxin:payments`: what the case owes. Amounts are integer fen.
//!
//! Cancelling where nothing is due is no mistake and does nothing, so that a rule may cancel without asking first.

use crate::bindings::yinxin::payments::payments::{Balance, Error, FeeLine, Host, Method};
use crate::convert;
use crate::desk::{Access, No, Office, answer, ask, is_unprintable, look, permit};
use crate::effects::Effect;
use crate::grants::Capability;
use crate::reads::Part;
use yinxin_core::money::{self, Fen, Standing};

crate::desk::refusals!(payments);

/// Lines of one case's price; a long one has six.
const LINES: usize = 32;
/// Lines of a basket's price: an order has 64, of which two are kept for shipping and handling.
pub(crate) const BASKET_LINES: usize = 62;
/// Characters of a line's code or label, and of a refund's reason: what fits on a receipt.
const TEXT: usize = 128;

impl Host for Office {
    fn status(&mut self) -> Result<Balance, Refused> {
        permit(self, Capability::Payments, Access::Read)?;
        look(self, Part::Payment)?;
        let status = &self.host.view.payment;
        Ok(Balance {
            standing: convert::payment_standing(status.standing),
            total: status.total,
            refunded: status.refunded,
            method: status.method.map(convert::method),
        })
    }

    fn request(&mut self, lines: Vec<FeeLine>, methods: Vec<Method>) -> Result<(), Refused> {
        permit(self, Capability::Payments, Access::Write)?;
        if self.host.view.in_baskets {
            return Err(No::Answer(Error::InBaskets));
        }
        let lines: Vec<_> = lines.into_iter().map(convert::core_fee_line).collect();
        let total = total(&lines, LINES).map_err(|reason| No::Answer(Error::BadAmount(reason)))?;
        look(self, Part::Payment)?;
        let methods: Vec<_> = methods.into_iter().map(convert::core_method).collect();
        if methods.is_empty() {
            return Err(No::Answer(Error::NoMethod(String::new())));
        }
        for method in &methods {
            if !self.host.view.methods.contains(method) {
                return Err(No::Answer(Error::NoMethod(name(*method).to_owned())));
            }
        }
        if !matches!(
            self.host.view.payment.standing,
            Standing::None | Standing::Closed
        ) {
            return Err(No::Answer(Error::AlreadyRequested));
        }
        ask(self, Effect::RequestPayment { lines, methods })?;
        let status = &mut self.host.view_mut().payment;
        status.standing = Standing::Due;
        status.total = total.0;
        Ok(())
    }

    fn cancel(&mut self) -> Result<(), Refused> {
        permit(self, Capability::Payments, Access::Write)?;
        look(self, Part::Payment)?;
        if self.host.view.payment.standing == Standing::Due {
            ask(self, Effect::CancelPayment)?;
            self.host.view_mut().payment.standing = Standing::Closed;
        }
        Ok(())
    }

    fn refund(&mut self, amount: i64, reason: String) -> Result<(), Refused> {
        permit(self, Capability::Payments, Access::Write)?;
        if !(1..=Fen::LIMIT.0).contains(&amount) {
            return Err(No::Answer(Error::BadAmount(format!(
                "{amount} fen cannot be refunded"
            ))));
        }
        if reason.chars().count() > TEXT || is_unprintable(&reason) {
            return Err(No::Answer(Error::BadAmount(format!(
                "the reason has more than {TEXT} characters"
            ))));
        }
        look(self, Part::Payment)?;
        let status = &self.host.view.payment;
        let paid = matches!(
            status.standing,
            Standing::Paid | Standing::Refunding | Standing::Refunded
        );
        let left = status.total.saturating_sub(status.refunded);
        if !paid || amount > left {
            return Err(No::Answer(Error::NothingToRefund));
        }
        ask(self, Effect::Refund { amount, reason })?;
        let status = &mut self.host.view_mut().payment;
        status.standing = Standing::Refunding;
        status.refunded = status.refunded.saturating_add(amount);
        Ok(())
    }

    fn invoice(&mut self) -> Result<(), Refused> {
        permit(self, Capability::Payments, Access::Write)?;
        look(self, Part::Payment)?;
        let status = &self.host.view.payment;
        // While a part goes back the rest is invoiced all the same.
        let paid = matches!(status.standing, Standing::Paid | Standing::Refunding);
        if !paid || status.refunded >= status.total {
            return Err(No::Answer(Error::NothingToInvoice));
        }
        ask(self, Effect::Invoice)
    }

    fn convert_error(&mut self, no: Refused) -> wasmtime::Result<Error> {
        answer(no)
    }
}

/// The sum of the lines, or what is wrong with them.
pub(crate) fn total(lines: &[money::FeeLine], most: usize) -> Result<Fen, String> {
    if lines.is_empty() || lines.len() > most {
        return Err(format!("{} lines; 1 to {most} are allowed", lines.len()));
    }
    let mut total = Fen(0);
    for line in lines {
        if line.amount < 0 {
            let code: String = line.code.chars().take(TEXT).collect();
            return Err(format!("line `{code}` is negative"));
        }
        let texts = [&line.code, &line.label];
        if texts
            .iter()
            .any(|text| text.is_empty() || text.chars().count() > TEXT || is_unprintable(text))
        {
            return Err(format!(
                "a line's code and label have 1 to {TEXT} characters"
            ));
        }
        total = total
            .checked_add(Fen(line.amount))
            .ok_or_else(|| "the sum is above the limit".to_owned())?;
    }
    Ok(total)
}

fn name(method: money::Method) -> &'static str {
    match method {
        money::Method::Wechat => "wechat",
        money::Method::Alipay => "alipay",
        money::Method::Cpcn => "cpcn",
        money::Method::BankTransfer => "bank-transfer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(amount: i64) -> money::FeeLine {
        money::FeeLine {
            code: "main-key".into(),
            label: "主锁".into(),
            quantity: 1,
            amount,
            case_id: String::new(),
        }
    }

    #[test]
    fn lines_are_summed_within_the_limit() {
        assert_eq!(total(&[line(22000), line(0)], LINES), Ok(Fen(22000)));
        assert!(total(&[], LINES).unwrap_err().contains("0 lines"));
        assert!(total(&vec![line(1); 33], LINES).is_err());
        assert_eq!(total(&vec![line(1); 33], BASKET_LINES), Ok(Fen(33)));
        assert!(total(&[line(-1)], LINES).unwrap_err().contains("negative"));
        assert!(
            total(&[line(Fen::LIMIT.0), line(1)], LINES)
                .unwrap_err()
                .contains("limit")
        );
        assert!(total(&[line(i64::MAX), line(i64::MAX)], LINES).is_err());
    }
}
