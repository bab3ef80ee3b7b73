use yinxin_core::ids::{AccountId, OrderId, PaymentId, SiteId};
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::Millis;
use yinxin_store::orders::{self, Order, OrderState};
use yinxin_store::statements::{
    Line, LineDetails, LineState, Statement, Verdict, add_line, insert, settle_line,
};
use yinxin_store::{Connection, seal::Sealer};

pub struct Keys {
    statement: Statement,
    open: Line,
    confirmed: Line,
    ignored: Line,
    order: Order,
}

pub fn keys() -> Keys {
    let statement = Statement {
        id: "a-statement".into(),
        file_name: "11月.csv".into(),
        imported_by: "clerk".into(),
        imported_name: "林财务".into(),
        imported_at: Millis(1),
        first_day: "2026-11-18".into(),
        last_day: "2026-11-19".into(),
        added: 3,
        known: 0,
        debits: 1,
        total: Fen(66000),
        open: 0,
    };
    let line = |id: &str| Line {
        id: id.to_owned(),
        statement: statement.id.clone(),
        position: 2,
        serial: format!("serial-{id}"),
        day: "2026-11-19".into(),
        amount: Fen(22000),
        details: LineDetails { payer: "林小明".into(), memo: "订单".into() },
        state: LineState::Open,
        order: None,
        payment: None,
        reason: String::new(),
        settled_by: String::new(),
        settled_name: String::new(),
        settled_at: None,
    };
    let order = Order {
        id: OrderId::generate(),
        number: "1".into(),
        account: AccountId::generate(),
        state: OrderState::Open,
        total: Fen(22000),
        lines: Vec::new(),
        methods: vec![Method::BankTransfer],
        reference: "123456782".into(),
        chosen: None,
        slip: String::new(),
        created_at: Millis(1),
        expires_at: Millis(9),
        paid_at: None,
        paid_by: None,
        version: 1,
    };
    Keys {
        open: line("open"),
        confirmed: line("confirmed"),
        ignored: line("ignored"),
        statement,
        order,
    }
}

fn verdict(state: LineState) -> Verdict<'static> {
    Verdict { state, order: "", reason: "利息", by: ("clerk", "林财务"), at: Millis(2) }
}

pub async fn write(conn: &mut Connection, sealer: &Sealer, site: &SiteId, keys: &Keys) {
    insert(conn, site, &keys.statement).await.unwrap();
    for line in [&keys.open, &keys.confirmed, &keys.ignored] {
        assert!(add_line(conn, sealer, site, line).await.unwrap());
    }
    for (line, state) in
        [(&keys.confirmed, LineState::Confirmed), (&keys.ignored, LineState::Ignored)]
    {
        assert!(settle_line(conn, site, &line.id, &verdict(state)).await.unwrap());
    }
    assert!(orders::insert(conn, site, &keys.order).await.unwrap());
}

attempts!(statements, keys: Keys => {
    creates insert(&keys.statement);
    reads get(&keys.statement.id);
    reads count_open(&keys.statement.id);
    reads list(None, 9);
    reads covers("2026-11-18");
    creates add_line with sealer (&keys.open);
    reads get_line with sealer (&keys.open.id);
    reads by_serial with sealer (&keys.open.serial);
    reads lines with sealer (&keys.statement.id, Some(LineState::Open), None, 9);
    reads lines_of_day with sealer ("2026-11-19");
    changes settle_line(&keys.open.id, &verdict(LineState::Ignored));
    changes set_payment(&keys.confirmed.id, &PaymentId::from_stored("payment"));
    changes reopen_line(&keys.ignored.id);
    reads unpaid_orders(Fen(22000), 9);
    reads order_of_reference("123456782");
});
