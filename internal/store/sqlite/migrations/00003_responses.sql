-- +goose Up
-- Answers that clients go on from by their id, sealed.
CREATE TABLE responses (
  org TEXT NOT NULL, key TEXT NOT NULL, user TEXT NOT NULL, data BLOB NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL,
  PRIMARY KEY (org, key)
) STRICT;
CREATE INDEX responses_by_expiry ON responses (expires);
