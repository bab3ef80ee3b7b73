//! How each lie of a payment provider ends, and where a clerk reads it. The matches are exhaustive: whoever teaches the
//! simulators a new lie has to say here what becomes of the money.

use crate::courses::Course;
use yinxin_core::money::Method;
use yinxin_services::payments::{OrderState, PaymentState};
use yinxin_services::reconciliation::DifferenceKind;
use yinxin_simulators::lies::Answers;
use yinxin_simulators::trades::PayMode;

/// A way to lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// In what the provider tells unasked.
    Told(PayMode),
    /// In what it answers.
    Answered(Answers),
    /// In the course of things.
    Course(Course),
}

impl Lie {
    /// All there are, in the order in which they are tried.
    pub fn all() -> Vec<Self> {
        // First what books without money at the provider: its day is compared from the ledger's side.
        let mut answers = Answers::ALL;
        answers.sort_by_key(|answers| *answers != Answers::Paid);
        let answers = answers.into_iter().map(Self::Answered);
        let told = PayMode::ALL.into_iter().map(Self::Told);
        let courses = Course::all().into_iter().map(Self::Course);
        answers.chain(told).chain(courses).collect()
    }
}

/// How it ends when the provider tells the truth again and the day was compared.
#[derive(Clone, Debug)]
pub struct End {
    pub order: OrderState,
    /// Of the attempt that was lied about.
    pub payment: PaymentState,
    /// Before that: a page of the clerks' with `{order}` in its address, and what stands on it; `{number}` is the order's.
    pub seen: (&'static str, &'static str),
    /// Before that: by how many more the clerks' page counts notifications that were refused.
    pub refused: usize,
    /// What the comparison of the day finds about this order, and a clerk has to settle.
    pub differs: &'static [DifferenceKind],
}

const ORDER: &str = "/console/orders/{order}";
const ODD: &str = "/console/payments";
const REFUNDS: &str = "/console/refunds?state=done";

const fn end(
    order: OrderState,
    payment: PaymentState,
    seen: (&'static str, &'static str),
    differs: &'static [DifferenceKind],
) -> End {
    End {
        order,
        payment,
        seen,
        refused: 0,
        differs,
    }
}

/// As if nobody had lied.
const fn paid() -> End {
    end(OrderState::Paid, PaymentState::Paid, (ORDER, "已收款"), &[])
}

/// The notification was refused, and the payment found by asking.
const fn refused_and_found() -> End {
    End {
        refused: 1,
        ..paid()
    }
}

/// Nobody paid, and nobody believed that somebody had.
const fn refused() -> End {
    let unpaid = end(
        OrderState::AwaitingPayment,
        PaymentState::Closed,
        (ORDER, "待付款"),
        &[],
    );
    End {
        refused: 1,
        ..unpaid
    }
}

/// It is there, and it is not what was asked for: a clerk decides.
const fn mismatch(differs: &'static [DifferenceKind]) -> End {
    end(
        OrderState::AwaitingPayment,
        PaymentState::Mismatch,
        (ODD, "{number}"),
        differs,
    )
}

/// It came for an order that is over, and goes back by itself.
const fn late() -> End {
    end(
        OrderState::Closed,
        PaymentState::Paid,
        (REFUNDS, "{number}"),
        &[],
    )
}

/// It came a second time, and goes back by itself.
const fn twice() -> End {
    end(
        OrderState::Paid,
        PaymentState::Paid,
        (REFUNDS, "{number}"),
        &[],
    )
}

/// The notification claims what the query does not confirm.
const UNCONFIRMED: &str = "渠道通知已付款，查询却未付款，没有入账";
const ELSEWHERE: &str = "在渠道的商户平台退过款";

pub fn of(lie: Lie, method: Method) -> End {
    match lie {
        Lie::Told(mode) => told(mode, method),
        Lie::Answered(answers) => answered(answers),
        Lie::Course(course) => went(course, method),
    }
}

fn told(mode: PayMode, method: Method) -> End {
    match mode {
        PayMode::Normal
        | PayMode::Delay
        | PayMode::Repeat
        | PayMode::Drop
        | PayMode::Hold
        // The query knows better than the notification.
        | PayMode::Understate
        | PayMode::Deny => paid(),
        PayMode::Stranger | PayMode::Cut => refused_and_found(),
        PayMode::Stale => match method {
            // Alipay names no age at which a notification is too old; it only has one asked.
            Method::Alipay => paid(),
            _ => refused_and_found(),
        },
        PayMode::Forge | PayMode::Signtest | PayMode::Swap => refused(),
        PayMode::Amount => mismatch(&[]),
        PayMode::Late => late(),
        PayMode::Claim => end(
            OrderState::AwaitingPayment,
            PaymentState::Closed,
            (ORDER, UNCONFIRMED),
            &[],
        ),
    }
}

fn answered(answers: Answers) -> End {
    match answers {
        // Asked until there is an answer that can be believed.
        Answers::Truth
        | Answers::Silent
        | Answers::Error
        | Answers::Broken
        | Answers::Forged
        | Answers::Stranger
        | Answers::Eager => paid(),
        // Found by the bill.
        Answers::Unpaid | Answers::Closed => End {
            seen: (ORDER, UNCONFIRMED),
            ..paid()
        },
        Answers::Paid => End {
            differs: &[DifferenceKind::MissingAtTheirs],
            ..paid()
        },
        Answers::Amount => mismatch(&[DifferenceKind::AmountDiffers]),
    }
}

fn went(course: Course, method: Method) -> End {
    const REFUND: &[DifferenceKind] = &[DifferenceKind::RefundDiffers];
    const BOTH: &[DifferenceKind] = &[DifferenceKind::MissingAtOurs, DifferenceKind::RefundDiffers];
    let unbooked = end(
        OrderState::AwaitingPayment,
        PaymentState::Closed,
        (ORDER, ELSEWHERE),
        BOTH,
    );
    let booked = End {
        seen: (ORDER, ELSEWHERE),
        differs: REFUND,
        ..paid()
    };
    match course {
        Course::RefundedWhole | Course::RefundedPart => booked,
        Course::RefundedUnbooked => unbooked,
        Course::RefundedPartUnbooked => match method {
            // WeChat Pay does not say whether all of it went back.
            Method::Wechat => unbooked,
            _ => booked,
        },
        Course::PaidTwice | Course::RefundAnswered(_) => twice(),
        Course::CancelledWhilePaying => late(),
        Course::CreationAnswered(_) => paid(),
    }
}
