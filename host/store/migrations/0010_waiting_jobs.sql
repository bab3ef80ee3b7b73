-- What waits for another try, for the clerk's list: beside the many that wait for their time.
CREATE INDEX jobs_waiting ON jobs (site, run_at) WHERE state = 'queued' AND last_error <> '';
