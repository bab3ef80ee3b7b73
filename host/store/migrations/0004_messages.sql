-- SMS and mail to be sent and sent, and identity checks by a provider.

-- `parameters` and `attachments` are JSON; the texts, the recipient and the parameters are sealed. `idem` is the sender's
-- key: the same message is queued once. `round` counts what a clerk sent again. `next_at` is when the next try is due,
-- `expires_at` after when it makes no sense any more (0: never).
CREATE TABLE messages (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    idem TEXT NOT NULL,
    case_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    template TEXT NOT NULL,
    template_code TEXT NOT NULL,
    recipient BYTEA NOT NULL,
    recipient_masked TEXT NOT NULL,
    subject BYTEA NOT NULL,
    body BYTEA NOT NULL,
    parameters BYTEA NOT NULL,
    attachments TEXT NOT NULL,
    state TEXT NOT NULL,
    round BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    provider TEXT NOT NULL,
    provider_no TEXT NOT NULL,
    last_error TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    sent_at BIGINT NOT NULL,
    PRIMARY KEY (site, id)
);
CREATE UNIQUE INDEX messages_by_key ON messages (site, idem);
CREATE INDEX messages_by_state ON messages (site, state, id);
CREATE INDEX messages_unsent ON messages (site, id) WHERE state IN ('failed', 'dead');
CREATE INDEX messages_of_case ON messages (site, case_id, id);

-- `token_hash` finds the check that a phone's address names; the token itself is kept sealed to print it again.
CREATE TABLE identity_checks (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    case_id TEXT NOT NULL,
    check_name TEXT NOT NULL,
    number TEXT NOT NULL,
    token_hash TEXT NOT NULL,
    token BYTEA NOT NULL,
    name BYTEA NOT NULL,
    identity_number BYTEA NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    finished_at BIGINT NOT NULL,
    PRIMARY KEY (site, id)
);
CREATE INDEX identity_checks_of_case ON identity_checks (site, case_id, id);
CREATE UNIQUE INDEX identity_checks_by_token ON identity_checks (site, token_hash);
-- A case has at most one check of a name that counts.
CREATE UNIQUE INDEX identity_checks_open ON identity_checks (site, case_id, check_name) WHERE state <> 'voided';

-- One visit to the provider. Written before the provider is asked, so that a result always finds it.
CREATE TABLE identity_sessions (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    check_id TEXT NOT NULL,
    provider_no TEXT NOT NULL,
    result TEXT NOT NULL,
    begun_at BIGINT NOT NULL,
    finished_at BIGINT NOT NULL,
    PRIMARY KEY (site, id)
);
CREATE INDEX identity_sessions_of_check ON identity_sessions (site, check_id, id);
