-- Which pairs of neighbouring characters a subject may have, three bits each, so that a walk for a part of a name compares few
-- names. All bits are set where it is not known: of cases that were last written before.
ALTER TABLE cases ADD COLUMN subject_signature BIGINT NOT NULL DEFAULT -1;
DROP INDEX cases_by_due;
CREATE INDEX cases_by_due ON cases (site, due_at, id, subject_signature, subject, number) WHERE deleted = 0;
