-- +goose Up
-- Aliases, classes and workloads that were added by API, each in force in its org.
-- value is a JSON object with the fields that the configuration's file has for it.
-- revision grows with every change, also when a name is removed and added again.
CREATE TABLE routing (
  org TEXT NOT NULL, section TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL,
  created INTEGER NOT NULL, changed INTEGER NOT NULL, changed_by TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (org, section, name)
) STRICT, WITHOUT ROWID;
