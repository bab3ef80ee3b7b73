-- Invoices of orders. Amounts are fen; an empty text and 0 stand for "not yet".

-- The cases whose rules have asked for the invoice of their order.
CREATE TABLE invoice_asks (
    site TEXT NOT NULL,
    order_id TEXT NOT NULL,
    case_id TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    PRIMARY KEY (site, order_id, case_id)
);

-- One row an invoice together with the red-letter invoice that voids it. `live` is 1 for the one that counts: an order has
-- one at most. `provider_no` is our number at the provider, `tries` how many of them were given out; `red_no` is our number
-- of the red-letter request. `sent_at` and `red_sent_at` are written before the provider is asked. `buyer` is sealed.
CREATE TABLE invoices (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    live BIGINT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    amount BIGINT NOT NULL,
    lines TEXT NOT NULL,
    buyer BYTEA NOT NULL,
    provider_no TEXT NOT NULL,
    tries BIGINT NOT NULL,
    sent_at BIGINT NOT NULL,
    number TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    file_id TEXT NOT NULL,
    red_no TEXT NOT NULL,
    red_sent_at BIGINT NOT NULL,
    red_number TEXT NOT NULL,
    error TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (site, id)
);
CREATE UNIQUE INDEX invoices_live ON invoices (site, order_id) WHERE live = 1;
CREATE UNIQUE INDEX invoices_by_provider_no ON invoices (site, provider_no) WHERE provider_no <> '';
CREATE INDEX invoices_of_order ON invoices (site, order_id, id);
CREATE INDEX invoices_in_state ON invoices (site, state, id);
CREATE INDEX invoices_by_number ON invoices (site, number, id);

-- The provider's access token: it gives out few in a month, so it outlives the process. Sealed.
CREATE TABLE invoice_tokens (
    site TEXT NOT NULL,
    token BYTEA NOT NULL,
    obtained_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (site)
);
