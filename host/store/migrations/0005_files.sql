-- Files, the papers that we make, and certificates.

-- Written before the object is, so that an object that no file came to own is found without listing the bucket.
-- state: pending, kept, dropped
CREATE TABLE blobs (
    site TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (site, key)
);
CREATE INDEX blobs_to_sweep ON blobs (site, state, changed_at);

-- `name` and `listing` are sealed: people name files after themselves. Sizes are bytes, edges are pixels; 0 and empty
-- keys where a file is no picture.
CREATE TABLE files (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    owner_kind TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    name BYTEA NOT NULL,
    media_type TEXT NOT NULL,
    size BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    width BIGINT NOT NULL,
    height BIGINT NOT NULL,
    original_key TEXT NOT NULL,
    view_key TEXT NOT NULL,
    thumbnail_key TEXT NOT NULL,
    listing BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (site, id)
);
CREATE INDEX files_of_owner ON files (site, owner_kind, owner_id, id);

CREATE TABLE material_files (
    site TEXT NOT NULL,
    case_id TEXT NOT NULL,
    material TEXT NOT NULL,
    position BIGINT NOT NULL,
    file_id TEXT NOT NULL,
    PRIMARY KEY (site, case_id, material, position)
);
CREATE UNIQUE INDEX material_files_by_file ON material_files (site, file_id);

-- standing: uploaded, passed, refused; no row: missing. `item` is a material or a section of a form.
CREATE TABLE case_items (
    site TEXT NOT NULL,
    case_id TEXT NOT NULL,
    item TEXT NOT NULL,
    standing TEXT NOT NULL,
    reason TEXT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (site, case_id, item)
);

-- `digest` is of what the paper says, without its number and date. voided_at 0: not voided.
CREATE TABLE papers (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    case_id TEXT NOT NULL,
    document TEXT NOT NULL,
    number TEXT NOT NULL,
    digest TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    voided_at BIGINT NOT NULL,
    PRIMARY KEY (site, id)
);
CREATE UNIQUE INDEX papers_by_number ON papers (site, number);
CREATE INDEX papers_of_case ON papers (site, case_id, document, id);

CREATE TABLE certificate_requests (
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    case_id TEXT NOT NULL,
    pem TEXT NOT NULL,
    subject TEXT NOT NULL,
    key_digest TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (site, id)
);
CREATE INDEX certificate_requests_of_case ON certificate_requests (site, case_id, id);
CREATE INDEX certificate_requests_by_key ON certificate_requests (site, key_digest, case_id);

-- One row an order to issue, written with serial and to-be-signed bytes before anything is signed.
-- state: reserved, valid, held, revoked. Signature and certificate are empty while reserved; changed_at is the instant of
-- the last change of state, which a CRL gives as date of revocation. `successor` is the serial of the certificate that was
-- issued in its place, by a service of the kind `successor_kind`.
CREATE TABLE certificates (
    site TEXT NOT NULL,
    serial TEXT NOT NULL,
    order_key TEXT NOT NULL,
    case_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    tbs BYTEA NOT NULL,
    signature BYTEA NOT NULL,
    pem TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    successor TEXT NOT NULL,
    successor_kind TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (site, serial)
);
CREATE UNIQUE INDEX certificates_by_order ON certificates (site, order_key);
CREATE INDEX certificates_of_case ON certificates (site, case_id, created_at, serial);
CREATE INDEX certificates_newest ON certificates (site, created_at, serial);
CREATE INDEX certificates_by_end ON certificates (site, not_after, serial);
CREATE INDEX certificates_unusable ON certificates (site, serial) WHERE state IN ('held', 'revoked');

-- The keys of the embedded issuer, sealed. role: root, issuing
CREATE TABLE issuer_keys (
    site TEXT NOT NULL,
    role TEXT NOT NULL,
    certificate TEXT NOT NULL,
    private_key BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (site, role)
);

-- The newest certificate revocation list; `changes` counts standings that changed since it was gathered.
CREATE TABLE revocation_lists (
    site TEXT NOT NULL,
    number BIGINT NOT NULL,
    list BYTEA NOT NULL,
    next_update BIGINT NOT NULL,
    changes BIGINT NOT NULL,
    PRIMARY KEY (site)
);
