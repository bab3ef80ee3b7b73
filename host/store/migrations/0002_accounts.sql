-- People: applicants' accounts, clerks, their sessions and codes; and what a site administrator writes.

CREATE TABLE accounts (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    name TEXT NOT NULL,
    mobile_masked TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (site, id)
);

-- The key is the fingerprint of the normalised value, whatever its kind: one login id, one account per site.
CREATE TABLE login_ids (
    site TEXT NOT NULL,
    value_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    account_id TEXT NOT NULL,
    PRIMARY KEY (site, value_key)
);
CREATE INDEX login_ids_of_account ON login_ids (site, account_id, kind);

-- `data` is the sealed JSON of the profile form's answers.
CREATE TABLE profiles (
    site TEXT NOT NULL,
    account_id TEXT NOT NULL,
    data BYTEA NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (site, account_id)
);

CREATE TABLE sessions (
    site TEXT NOT NULL,
    token_hash TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    csrf TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ip_digest TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    PRIMARY KEY (site, token_hash)
);
CREATE INDEX sessions_of_subject ON sessions (site, kind, subject, id);
CREATE INDEX sessions_expiring ON sessions (site, expires_at);

-- `failed` and `locked_until` belong to a subject that need not exist: unknown login ids lock like known ones.
CREATE TABLE login_attempts (
    site TEXT NOT NULL,
    subject TEXT NOT NULL,
    failed BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    locked_until BIGINT NOT NULL,
    forget_at BIGINT NOT NULL,
    PRIMARY KEY (site, subject)
);
CREATE INDEX login_attempts_forgotten ON login_attempts (site, forget_at);

-- `used_at` 0: not used. `target` is the fingerprint of a mobile number or of an account.
CREATE TABLE sms_codes (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    target TEXT NOT NULL,
    code_hash TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (site, id)
);
CREATE INDEX sms_codes_of_target ON sms_codes (site, purpose, target, id);
CREATE INDEX sms_codes_expiring ON sms_codes (site, expires_at);

CREATE TABLE picture_codes (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    answer_hash TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    used BIGINT NOT NULL,
    PRIMARY KEY (site, id)
);
CREATE INDEX picture_codes_expiring ON picture_codes (site, expires_at);

-- One row a bucket: its window begins with the first hit after the last window's end.
CREATE TABLE rate_limits (
    site TEXT NOT NULL,
    bucket TEXT NOT NULL,
    window_start BIGINT NOT NULL,
    window_end BIGINT NOT NULL,
    hits BIGINT NOT NULL,
    PRIMARY KEY (site, bucket)
);
CREATE INDEX rate_limits_ending ON rate_limits (site, window_end);

-- What happened to an account or a clerk's own account: log-ins, passwords, roles. Kept when sessions are gone.
CREATE TABLE account_events (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    actor TEXT NOT NULL,
    detail TEXT NOT NULL,
    ip_digest TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (site, id)
);
CREATE INDEX account_events_of_subject ON account_events (site, subject_kind, subject, id);

CREATE TABLE clerks (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    login TEXT NOT NULL,
    name TEXT NOT NULL,
    mobile BYTEA NOT NULL,
    password_hash TEXT NOT NULL,
    roles TEXT NOT NULL,
    state TEXT NOT NULL,
    must_change_password BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_login_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (site, id)
);
CREATE UNIQUE INDEX clerks_by_login ON clerks (site, login);

-- A clerk's own ready sentences for refusing an item.
CREATE TABLE saved_reasons (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    clerk_id TEXT NOT NULL,
    item TEXT NOT NULL,
    text TEXT NOT NULL,
    uses BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (site, id)
);
CREATE UNIQUE INDEX saved_reasons_by_text ON saved_reasons (site, clerk_id, item, text);

CREATE TABLE pages (
    site TEXT NOT NULL,
    slug TEXT NOT NULL,
    title TEXT NOT NULL,
    markdown TEXT NOT NULL,
    position BIGINT NOT NULL,
    published BIGINT NOT NULL,
    version BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (site, slug)
);

-- Every version that a page had, the present one included.
CREATE TABLE page_versions (
    site TEXT NOT NULL,
    slug TEXT NOT NULL,
    version BIGINT NOT NULL,
    title TEXT NOT NULL,
    markdown TEXT NOT NULL,
    published BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (site, slug, version)
);

CREATE TABLE downloads (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    title TEXT NOT NULL,
    summary TEXT NOT NULL,
    file_id TEXT NOT NULL,
    file_name TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    position BIGINT NOT NULL,
    published BIGINT NOT NULL,
    version BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (site, id)
);

CREATE TABLE notices (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    title TEXT NOT NULL,
    markdown TEXT NOT NULL,
    pinned BIGINT NOT NULL,
    published BIGINT NOT NULL,
    published_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (site, id)
);
