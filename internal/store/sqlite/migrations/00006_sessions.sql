-- +goose Up
-- Models that users chose for their sessions, sealed.
CREATE TABLE choices (
  org TEXT NOT NULL, key TEXT NOT NULL, user TEXT NOT NULL, data BLOB NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL,
  PRIMARY KEY (org, key)
) STRICT;
CREATE INDEX choices_by_expiry ON choices (expires);

-- The list of sessions begins with those used last.
CREATE INDEX sessions_by_use ON sessions (org, last_seen, id);
