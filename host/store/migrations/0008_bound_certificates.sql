-- Who may see which certificate, and from which certificate a case began.

-- proof: case (issued for a case of the account), file (its file was uploaded), token (the private key has signed).
-- What stands here is what the certificate says of itself; how it stands is looked up in `certificates`. `case_id` is empty
-- unless the case is the account's own.
CREATE TABLE bound_certificates (
    site TEXT NOT NULL,
    account_id TEXT NOT NULL,
    serial TEXT NOT NULL,
    id TEXT NOT NULL,
    proof TEXT NOT NULL,
    case_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    pem TEXT NOT NULL,
    bound_at BIGINT NOT NULL,
    PRIMARY KEY (site, account_id, serial)
);
CREATE INDEX bound_certificates_newest ON bound_certificates (site, account_id, id);

-- Its issuer was verified before the case began. `kind` is that of the service: renewal, reissue, change, …
CREATE TABLE case_origins (
    site TEXT NOT NULL,
    case_id TEXT NOT NULL,
    serial TEXT NOT NULL,
    kind TEXT NOT NULL,
    PRIMARY KEY (site, case_id)
);
CREATE INDEX case_origins_by_serial ON case_origins (site, serial, case_id);
