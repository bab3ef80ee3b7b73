use yinxin_core::ids::{OrderId, PaymentId, SiteId};
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::Millis;
use yinxin_store::payments::{self, Payment, PaymentState};
use yinxin_store::postings::{self, Account, Entry};
use yinxin_store::reconciliations::{
    BillKind, Difference, DifferenceKind, DifferenceState, KeptLine, Report, ReportState, Side,
    keep_bill, put_difference, put_report, report_id, settle,
};
use yinxin_store::{Connection, seal::Sealer};

const DAY: &str = "2026-11-19";

pub struct Keys {
    report: Report,
    line: KeptLine,
    open: Difference,
    settled: Difference,
    payment: Payment,
}

pub fn keys() -> Keys {
    let id = report_id(Method::Wechat, DAY);
    let difference = |id: &str, report: &str| Difference {
        id: id.to_owned(),
        report: report.to_owned(),
        method: Method::Wechat,
        about: BillKind::Payment,
        number: format!("number-{id}"),
        kind: DifferenceKind::MissingAtOurs,
        provider_no: "42".into(),
        order: None,
        ours: None,
        theirs: Some(Fen(22000)),
        state: DifferenceState::Open,
        note: String::new(),
        settled_by: String::new(),
        settled_name: String::new(),
        settled_at: None,
        found_at: Millis(1),
    };
    Keys {
        line: KeptLine {
            kind: BillKind::Payment,
            number: "number".into(),
            trade: "number".into(),
            provider_no: "42".into(),
            day: DAY.into(),
            amount: Fen(22000),
            fee: Fen(132),
            at: Millis(1),
        },
        open: difference("open", &id),
        settled: difference("settled", &id),
        report: Report {
            id,
            method: Method::Wechat,
            day: DAY.into(),
            state: ReportState::Done,
            ours: Side::default(),
            theirs: Side::default(),
            fee: Fen(132),
            problem: String::new(),
            run_at: Millis(2),
            run_by: "host".into(),
            run_name: String::new(),
            open: 0,
        },
        payment: Payment {
            id: PaymentId::generate(),
            order: OrderId::generate(),
            method: Method::Wechat,
            out_trade_no: String::new(),
            code_url: String::new(),
            amount: Fen(22000),
            state: PaymentState::Created,
            transaction: String::new(),
            received: Fen(0),
            created_at: Millis(1),
            expires_at: Millis(100),
            checked_at: Millis(0),
            notified_at: None,
            confirmed_at: None,
        },
    }
}

pub async fn write(conn: &mut Connection, _: &Sealer, site: &SiteId, keys: &Keys) {
    put_report(conn, site, &keys.report).await.unwrap();
    keep_bill(conn, site, Method::Wechat, DAY, std::slice::from_ref(&keys.line)).await.unwrap();
    for difference in [&keys.open, &keys.settled] {
        put_difference(conn, site, difference).await.unwrap();
    }
    let by = ("clerk", "林财务");
    assert!(settle(conn, site, &keys.settled.id, "已核实", by, Millis(3)).await.unwrap());
    let numbered = Payment { out_trade_no: format!("trade-{site}"), ..keys.payment.clone() };
    assert!(payments::insert(conn, site, &numbered).await.unwrap());
    for (id, from, to, refund) in [
        ("receipt:1", Account::Unapplied, Account::Gateway(Method::Wechat), ""),
        ("refunded:1", Account::Gateway(Method::Wechat), Account::RefundsDue, "refund"),
    ] {
        let entry = Entry {
            id: id.to_owned(),
            from,
            to,
            amount: Fen(22000),
            order: "",
            payment: keys.payment.id.as_str(),
            refund,
            at: Millis(5),
        };
        assert!(postings::post(conn, site, &entry).await.unwrap());
    }
}

attempts!(reconciliations, keys: Keys => {
    reads movements(Method::Wechat, Millis(1), Millis(9));
    reads received(Method::Wechat, &keys.payment.id);
    reads refunded(Method::Wechat, &keys.payment.id, "refund");
    creates keep_bill(Method::Wechat, DAY, std::slice::from_ref(&keys.line));
    reads bill_line(Method::Wechat, BillKind::Payment, "number");
    creates put_report(&keys.report);
    reads get_report(&keys.report.id);
    reads count_open(&keys.report.id);
    reads first_day(Method::Wechat);
    reads days_from(Method::Wechat, DAY);
    reads reports(None, 9);
    creates put_difference(&keys.open);
    reads by_number(Method::Wechat, BillKind::Payment, &keys.open.number);
    reads get_difference(&keys.open.id);
    reads differences(DifferenceState::Open, None, 9);
    reads open_differences(Method::Wechat, 9);
    reads differences_of_report(&keys.report.id, DifferenceState::Settled, 9);
    changes settle(&keys.open.id, "已核实", ("clerk", "林财务"), Millis(3));
    changes reopen(&keys.settled.id);
});
