//! What payers and providers do.

use super::{Life, is_refused_payment};
use crate::house::GATEWAYS;
use yinxin_core::money::Method;
use yinxin_simulators::lies::Answers;
use yinxin_simulators::trades::{PayMode, Trade};
/// What is paid and told otherwise than it should be. What comes later by itself would come at another time in each run.
const MODES: [PayMode; 15] = [
    PayMode::Repeat,
    PayMode::Forge,
    PayMode::Drop,
    PayMode::Amount,
    PayMode::Signtest,
    PayMode::Hold,
    PayMode::Hold,
    PayMode::Late,
    PayMode::Claim,
    PayMode::Understate,
    PayMode::Deny,
    PayMode::Stranger,
    PayMode::Swap,
    PayMode::Stale,
    PayMode::Cut,
];
/// How requests are answered for a while. Silence takes ten seconds each time, and an invented payment is found by the
/// ledger's day, which these lives outrun: `host/web/tests/gateways` tries those.
const ANSWERS: [Answers; 8] = [
    Answers::Error,
    Answers::Broken,
    Answers::Forged,
    Answers::Unpaid,
    Answers::Closed,
    Answers::Amount,
    Answers::Stranger,
    Answers::Eager,
];

impl Life<'_> {
    /// Begins to pay, or scans a code that somebody had before; the app may pay another amount.
    pub(super) async fn pay(&mut self) {
        let method = *self
            .chance
            .one_of(&[Method::Wechat, Method::Alipay])
            .unwrap();
        if let Some((order, _)) = self.unpaid().await {
            let (payments, site) = (
                self.house.services.payments.clone(),
                self.house.site.clone(),
            );
            if let Some(Err(error)) = self
                .or_crash(payments.begin_payment(&site, &order, method))
                .await
            {
                assert!(is_refused_payment(&error), "{error:?}");
            }
        }
        let mode = if self.chance.once_in(3) {
            PayMode::Normal
        } else {
            *self.chance.one_of(&MODES).unwrap()
        };
        let mut trades = self.streets.providers.book(method).all();
        trades.retain(|trade| trade.is_payable(mode));
        let Some(trade) = self.chance.one_of(&trades).cloned() else {
            return;
        };
        let providers = &self.streets.providers;
        providers.pay(method, &trade.out_trade_no, mode).await;
        self.note(format!("pays: {mode:?}"));
    }

    fn a_gateway(&mut self) -> Method {
        *self.chance.one_of(&GATEWAYS).unwrap()
    }

    fn a_trade(&mut self, method: Method) -> Option<Trade> {
        let trades = self.streets.providers.book(method).all();
        self.chance.one_of(&trades).cloned()
    }

    /// What a provider held back is told now.
    pub(super) async fn tell(&mut self) {
        let method = self.a_gateway();
        for trade in self.streets.providers.book(method).all() {
            let number = &trade.out_trade_no;
            if self.streets.providers.tell(method, number).await > 0 {
                self.note("told late");
            }
        }
    }

    /// Somebody gives money back at a provider's own console.
    pub(super) async fn refund_at_console(&mut self) {
        let method = self.a_gateway();
        let Some(trade) = self.a_trade(method) else {
            return;
        };
        let left = trade.received() - trade.refunded();
        let amount = if self.chance.once_in(2) {
            left
        } else {
            left / 2
        };
        if amount > 0 {
            let providers = &self.streets.providers;
            let number = &trade.out_trade_no;
            providers.refund_at_console(method, number, amount).await;
            self.note("refunded at the provider's console");
        }
    }

    /// A provider mostly answers, and mostly the truth.
    pub(super) fn answer(&mut self) {
        let method = self.a_gateway();
        let (answers, number) = match (self.chance.below(4), self.a_trade(method)) {
            (0, _) => (*self.chance.one_of(&ANSWERS).unwrap(), String::new()),
            (1, Some(trade)) => (*self.chance.one_of(&ANSWERS).unwrap(), trade.out_trade_no),
            _ => (Answers::Truth, String::new()),
        };
        self.streets.providers.answer(method, &number, answers);
        self.note(format!("answers: {answers:?}"));
    }
}
