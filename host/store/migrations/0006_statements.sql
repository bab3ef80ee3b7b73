-- Statements of the site's bank account as finance clerks import them, and the daily comparison of the money ledger with
-- what gateways and the bank say. Days are texts, `2026-11-20`, in China. Amounts are fen.

CREATE TABLE statements (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    file_name TEXT NOT NULL,
    imported_by TEXT NOT NULL,
    imported_name TEXT NOT NULL,
    imported_at BIGINT NOT NULL,
    first_day TEXT NOT NULL,
    last_day TEXT NOT NULL,
    added BIGINT NOT NULL,
    known BIGINT NOT NULL,
    debits BIGINT NOT NULL,
    total BIGINT NOT NULL,
    PRIMARY KEY (site, id)
);
CREATE INDEX statements_until ON statements (site, last_day);

-- `details` is sealed: payer and memo. `state` is open, confirmed (booked as `payment_id` on `order_id`) or ignored.
CREATE TABLE statement_lines (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    statement_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    serial TEXT NOT NULL,
    day TEXT NOT NULL,
    amount BIGINT NOT NULL,
    details BYTEA NOT NULL,
    state TEXT NOT NULL,
    order_id TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    settled_by TEXT NOT NULL,
    settled_name TEXT NOT NULL,
    settled_at BIGINT NOT NULL,
    PRIMARY KEY (site, id)
);
-- The bank's number: the same line in another file is the same money.
CREATE UNIQUE INDEX statement_lines_by_serial ON statement_lines (site, serial);
CREATE INDEX statement_lines_of_statement ON statement_lines (site, statement_id, id);
CREATE INDEX statement_lines_in_state ON statement_lines (site, statement_id, state, id);
CREATE INDEX statement_lines_of_day ON statement_lines (site, day, id);

-- What a gateway's bill says, kept as it was read. `kind` is payment or refund, `number` ours as the gateway repeats it.
CREATE TABLE bill_lines (
    site TEXT NOT NULL,
    gateway TEXT NOT NULL,
    kind TEXT NOT NULL,
    number TEXT NOT NULL,
    trade TEXT NOT NULL,
    provider_no TEXT NOT NULL,
    day TEXT NOT NULL,
    amount BIGINT NOT NULL,
    fee BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (site, gateway, kind, number)
);
CREATE INDEX bill_lines_of_day ON bill_lines (site, gateway, day);

-- One report a day and gateway. `state` is waiting, done, no-bill or failed.
CREATE TABLE reconciliations (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    gateway TEXT NOT NULL,
    day TEXT NOT NULL,
    state TEXT NOT NULL,
    ours_payments BIGINT NOT NULL,
    ours_received BIGINT NOT NULL,
    ours_refunds BIGINT NOT NULL,
    ours_refunded BIGINT NOT NULL,
    theirs_payments BIGINT NOT NULL,
    theirs_received BIGINT NOT NULL,
    theirs_refunds BIGINT NOT NULL,
    theirs_refunded BIGINT NOT NULL,
    fee BIGINT NOT NULL,
    problem TEXT NOT NULL,
    run_at BIGINT NOT NULL,
    run_by TEXT NOT NULL,
    run_name TEXT NOT NULL,
    PRIMARY KEY (site, id)
);
CREATE UNIQUE INDEX reconciliations_of_day ON reconciliations (site, gateway, day);

-- What does not agree. One row for a payment or refund, found on the day of its first report. `ours` and `theirs` are -1
-- where that side has nothing.
CREATE TABLE reconciliation_differences (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    report_id TEXT NOT NULL,
    gateway TEXT NOT NULL,
    about TEXT NOT NULL,
    number TEXT NOT NULL,
    kind TEXT NOT NULL,
    provider_no TEXT NOT NULL,
    order_id TEXT NOT NULL,
    ours BIGINT NOT NULL,
    theirs BIGINT NOT NULL,
    state TEXT NOT NULL,
    note TEXT NOT NULL,
    settled_by TEXT NOT NULL,
    settled_name TEXT NOT NULL,
    settled_at BIGINT NOT NULL,
    found_at BIGINT NOT NULL,
    PRIMARY KEY (site, id)
);
CREATE UNIQUE INDEX reconciliation_differences_by_number ON reconciliation_differences (site, gateway, about, number);
CREATE INDEX reconciliation_differences_in_state ON reconciliation_differences (site, state, id);
CREATE INDEX reconciliation_differences_of_gateway ON reconciliation_differences (site, gateway, state, id);
CREATE INDEX reconciliation_differences_of_report ON reconciliation_differences (site, report_id, state, id);

-- Orders that a transfer of a given amount may be for.
CREATE INDEX orders_unpaid_of_total ON orders (site, total, id) WHERE state IN ('open', 'awaiting-payment', 'slip-uploaded');
