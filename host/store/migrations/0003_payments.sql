-- Orders, the attempts to pay them, what gateways told, refunds, and the ledger of money. Amounts are fen.
-- An empty text and 0 stand for "not yet".

CREATE TABLE orders (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    number TEXT NOT NULL,
    account_id TEXT NOT NULL,
    state TEXT NOT NULL,
    total BIGINT NOT NULL,
    currency TEXT NOT NULL,
    lines TEXT NOT NULL,
    methods TEXT NOT NULL,
    reference TEXT NOT NULL,
    chosen TEXT NOT NULL,
    details BYTEA NOT NULL,
    slip TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    paid_at BIGINT NOT NULL,
    paid_by_payment TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (site, id)
);
CREATE UNIQUE INDEX orders_by_number ON orders (site, number);
CREATE UNIQUE INDEX orders_by_reference ON orders (site, reference);
CREATE INDEX orders_of_account ON orders (site, account_id, id);
CREATE INDEX orders_of_account_in_state ON orders (site, account_id, state, id);
CREATE INDEX orders_in_state ON orders (site, state, id);
CREATE INDEX orders_unpaid ON orders (site, expires_at) WHERE state IN ('open', 'awaiting-payment');

-- `live` is 1 while the order is neither closed nor refunded: a case has one such order at most. `turn` counts the orders
-- that a case was put into, which is not the order in which they were opened: a changed order takes cases in later.
CREATE TABLE order_cases (
    site TEXT NOT NULL,
    order_id TEXT NOT NULL,
    case_id TEXT NOT NULL,
    live BIGINT NOT NULL,
    turn BIGINT NOT NULL,
    PRIMARY KEY (site, order_id, case_id)
);
CREATE UNIQUE INDEX order_cases_live ON order_cases (site, case_id) WHERE live = 1;
CREATE INDEX order_cases_of_case ON order_cases (site, case_id, turn);

CREATE TABLE payments (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    gateway TEXT NOT NULL,
    out_trade_no TEXT NOT NULL,
    code_url TEXT NOT NULL,
    amount BIGINT NOT NULL,
    state TEXT NOT NULL,
    transaction_no TEXT NOT NULL,
    received BIGINT NOT NULL,
    payer BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    checked_at BIGINT NOT NULL,
    notified_at BIGINT NOT NULL,
    confirmed_at BIGINT NOT NULL,
    PRIMARY KEY (site, id)
);
-- Across sites: two of them may share a merchant.
CREATE UNIQUE INDEX payments_by_trade ON payments (gateway, out_trade_no);
-- Two tabs that begin to pay at once share one attempt.
CREATE UNIQUE INDEX payments_open ON payments (site, order_id, gateway) WHERE state IN ('created', 'prepared');
CREATE INDEX payments_of_order ON payments (site, order_id, id);
CREATE INDEX payments_in_state ON payments (site, state, id);
CREATE INDEX payments_by_transaction ON payments (site, transaction_no) WHERE transaction_no <> '';

-- How much of a payment pays which order. A row is released, never changed: what belongs elsewhere is a new row.
CREATE TABLE allocations (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    amount BIGINT NOT NULL,
    made_at BIGINT NOT NULL,
    released_at BIGINT NOT NULL,
    PRIMARY KEY (site, id)
);
CREATE INDEX allocations_of_order ON allocations (site, order_id, id) WHERE released_at = 0;
CREATE INDEX allocations_of_payment ON allocations (site, payment_id, id) WHERE released_at = 0;

-- What happened to an order and its money, and by whom. Written once, never changed.
CREATE TABLE order_events (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    by_kind TEXT NOT NULL,
    by_id TEXT NOT NULL,
    by_name TEXT NOT NULL,
    amount BIGINT NOT NULL,
    about TEXT NOT NULL,
    note TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (site, id)
);
CREATE INDEX order_events_of_order ON order_events (site, order_id, id);

CREATE TABLE gateway_notifications (
    site TEXT NOT NULL,
    gateway TEXT NOT NULL,
    id TEXT NOT NULL,
    trade_no TEXT NOT NULL,
    body BYTEA NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (site, gateway, id)
);
CREATE INDEX gateway_notifications_of_trade ON gateway_notifications (site, trade_no);

-- `purpose` says whose money goes back: `order`, or `surplus` for what came twice, late or wrong. Rows of one `request_id`
-- were asked for as one, over several payments. `paid_from` is the account that paid it out.
CREATE TABLE refunds (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    case_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    amount BIGINT NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    provider_no TEXT NOT NULL,
    paid_from TEXT NOT NULL,
    requested_at BIGINT NOT NULL,
    finished_at BIGINT NOT NULL,
    PRIMARY KEY (site, id)
);
CREATE INDEX refunds_of_order ON refunds (site, order_id, id);
CREATE INDEX refunds_in_state ON refunds (site, state, id);
CREATE INDEX refunds_of_payment ON refunds (site, payment_id, id);

CREATE TABLE postings (
    site TEXT NOT NULL,
    entry_id TEXT NOT NULL,
    account TEXT NOT NULL,
    amount BIGINT NOT NULL,
    order_id TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    refund_id TEXT NOT NULL,
    posted_at BIGINT NOT NULL,
    PRIMARY KEY (site, entry_id, account)
);
CREATE INDEX postings_of_order ON postings (site, order_id, posted_at, entry_id, account);
CREATE INDEX postings_of_account ON postings (site, account, posted_at);
CREATE INDEX postings_of_payment ON postings (site, payment_id);
