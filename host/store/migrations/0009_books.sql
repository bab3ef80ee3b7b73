-- The money ledger in the order of time, as a bookkeeper takes it out.

CREATE INDEX postings_by_time ON postings (site, posted_at, entry_id, account);
