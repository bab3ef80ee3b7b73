-- A clerk's list of all cases, narrowed: what few cases have is found beside the many that have it not.
CREATE INDEX cases_of_service ON cases (site, service, due_at, id) WHERE deleted = 0;
CREATE INDEX cases_of_tone ON cases (site, tone, due_at, id) WHERE deleted = 0;
CREATE INDEX cases_of_plugin ON cases (site, plugin, due_at, id) WHERE deleted = 0;
