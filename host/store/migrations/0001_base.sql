-- What the engine keeps of a case, its history, its jobs and the plugins that decided.

CREATE TABLE plugin_components (
    site TEXT NOT NULL,
    digest TEXT NOT NULL,
    component BYTEA NOT NULL,
    stored_at BIGINT NOT NULL,
    PRIMARY KEY (site, digest)
);

CREATE TABLE plugin_activations (
    site TEXT NOT NULL,
    plugin TEXT NOT NULL,
    digest TEXT NOT NULL,
    version TEXT NOT NULL,
    definition TEXT NOT NULL,
    active BIGINT NOT NULL,
    activated_at BIGINT NOT NULL,
    PRIMARY KEY (site, plugin, digest)
);

-- `revision` moves with every write of the plugin; its row is what two commits of one plugin queue behind.
CREATE TABLE plugin_rooms (
    site TEXT NOT NULL,
    plugin TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (site, plugin)
);

CREATE TABLE plugin_storage (
    site TEXT NOT NULL,
    plugin TEXT NOT NULL,
    key TEXT NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (site, plugin, key)
);

-- `data` is the sealed JSON of all answers; what is searched has a column of its own or a row in case_lookups.
CREATE TABLE cases (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    number TEXT NOT NULL,
    account_id TEXT NOT NULL,
    plugin TEXT NOT NULL,
    plugin_digest TEXT NOT NULL,
    plugin_version TEXT NOT NULL,
    service TEXT NOT NULL,
    state TEXT NOT NULL,
    tone TEXT NOT NULL,
    queue TEXT NOT NULL,
    payable BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    deleted BIGINT NOT NULL,
    subject TEXT NOT NULL,
    data BYTEA NOT NULL,
    version BIGINT NOT NULL,
    entered_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    claimed_by TEXT NOT NULL,
    claimed_until BIGINT NOT NULL,
    PRIMARY KEY (site, id)
);
CREATE UNIQUE INDEX cases_by_number ON cases (site, number);
-- With the tone, so that an account's cases are counted off the index, wherever they lie in the table.
CREATE INDEX cases_of_account ON cases (site, account_id, deleted, id, tone);
CREATE INDEX cases_in_queue ON cases (site, queue, due_at, id) WHERE queue > '' AND deleted = 0;
CREATE INDEX cases_waiting ON cases (site, queue, entered_at) WHERE queue > '' AND deleted = 0;
CREATE INDEX cases_by_subject ON cases (site, subject, due_at, id) WHERE deleted = 0;
CREATE INDEX cases_claimed ON cases (site, claimed_by, due_at, id) WHERE claimed_by <> '';
-- With what a search looks into, so that a walk passes by what has not the text without reading its row.
CREATE INDEX cases_by_due ON cases (site, due_at, id, subject, number) WHERE deleted = 0;
-- Which versions of a plugin still have cases that go on.
CREATE INDEX cases_open ON cases (site, plugin_digest) WHERE ended = 0;

-- Keyed fingerprints of what a clerk searches by: mobile, uscc, identity number, serial, tracking number.
CREATE TABLE case_lookups (
    site TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    case_id TEXT NOT NULL,
    PRIMARY KEY (site, fingerprint, case_id)
);
CREATE INDEX case_lookups_of_case ON case_lookups (site, case_id);

-- Each tail of a subject's name, in hexadecimal UTF-16, and of an acceptance number's running digits: a part of a name is
-- found as the beginning of a tail. A name stands here once, whatever the number of its cases.
CREATE TABLE case_tails (
    site TEXT NOT NULL,
    tail TEXT NOT NULL,
    whole TEXT NOT NULL,
    PRIMARY KEY (site, tail, whole)
);

CREATE TABLE case_steps (
    site TEXT NOT NULL,
    case_id TEXT NOT NULL,
    step TEXT NOT NULL,
    complete BIGINT NOT NULL,
    problems TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (site, case_id, step)
);

-- Running number of the acceptance numbers, one row a site and day.
CREATE TABLE case_numbers (
    site TEXT NOT NULL,
    day TEXT NOT NULL,
    last BIGINT NOT NULL,
    PRIMARY KEY (site, day)
);

CREATE TABLE ledger_heads (
    site TEXT NOT NULL,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (site)
);

CREATE TABLE ledger (
    site TEXT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    case_id TEXT NOT NULL,
    transition TEXT NOT NULL,
    label TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    plugin TEXT NOT NULL,
    plugin_digest TEXT NOT NULL,
    from_state TEXT NOT NULL,
    to_state TEXT NOT NULL,
    note TEXT NOT NULL,
    input BYTEA NOT NULL,
    reads TEXT NOT NULL,
    effects BYTEA NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (site, seq)
);
CREATE INDEX ledger_of_case ON ledger (site, case_id, seq);

CREATE TABLE jobs (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    case_id TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    run_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    leased_until BIGINT NOT NULL,
    last_error TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT NOT NULL,
    PRIMARY KEY (site, id)
);
CREATE UNIQUE INDEX jobs_by_key ON jobs (site, kind, key);
-- Across sites: a worker does the jobs of all. Jobs that ended stay in the table and out of this index.
CREATE INDEX jobs_due ON jobs (run_at) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_dead ON jobs (site, id) WHERE state = 'dead';
CREATE INDEX jobs_of_case ON jobs (site, case_id, id);
