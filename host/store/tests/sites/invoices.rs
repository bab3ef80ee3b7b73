use yinxin_core::ids::{CaseId, InvoiceId, OrderId, SiteId};
use yinxin_core::money::Fen;
use yinxin_core::time::Millis;
use yinxin_store::invoices::{
    Buyer, Invoice, InvoiceKind, InvoiceState, Token, ask, insert, set_buyer, set_token,
};
use yinxin_store::{Connection, seal::Sealer};

pub struct Keys {
    invoice: Invoice,
    case: CaseId,
    buyer: Buyer,
    token: Token,
}

pub fn keys() -> Keys {
    let invoice = Invoice {
        id: InvoiceId::generate(),
        order: OrderId::generate(),
        live: true,
        kind: InvoiceKind::Provider,
        state: InvoiceState::Requested,
        amount: Fen(22000),
        lines: Vec::new(),
        provider_no: "20261120000000000101".into(),
        tries: 1,
        sent_at: Some(Millis(1)),
        number: "26352000000000000001".into(),
        issued_at: None,
        file: None,
        red_no: String::new(),
        red_sent_at: None,
        red_number: String::new(),
        error: String::new(),
        created_at: Millis(1),
        changed_at: Millis(1),
        version: 1,
    };
    Keys {
        invoice,
        case: CaseId::generate(),
        buyer: Buyer { title: "福建公司".into(), tax_number: String::new() },
        token: Token { token: "t".into(), obtained_at: Millis(1), expires_at: Millis(2) },
    }
}

pub async fn write(conn: &mut Connection, sealer: &Sealer, site: &SiteId, keys: &Keys) {
    assert!(insert(conn, site, &keys.invoice).await.unwrap());
    assert!(ask(conn, site, &keys.invoice.order, &keys.case, Millis(1)).await.unwrap());
    set_buyer(conn, sealer, site, &keys.invoice.id, &keys.buyer).await.unwrap();
    set_token(conn, sealer, site, &keys.token).await.unwrap();
}

attempts!(invoices, keys: Keys => {
    creates insert(&keys.invoice);
    creates insert(&Invoice { id: InvoiceId::generate(), ..keys.invoice.clone() });
    creates ask(&keys.invoice.order, &keys.case, Millis(2));
    reads asked(&keys.invoice.order);
    reads get(&keys.invoice.id);
    changes save(&Invoice { state: InvoiceState::Issued, ..keys.invoice.clone() });
    reads of_order(&keys.invoice.order);
    reads of_orders(&[&keys.invoice.order]);
    reads in_state(InvoiceState::Requested, None, 9);
    reads newest(None, 9);
    reads with_number(&keys.invoice.number);
    changes set_buyer with sealer (&keys.invoice.id, &Buyer::default());
    reads buyer with sealer (&keys.invoice.id);
    creates set_token with sealer (&keys.token);
    reads token with sealer ();
});
