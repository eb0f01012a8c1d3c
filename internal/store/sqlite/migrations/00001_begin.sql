-- +goose Up
CREATE TABLE keys (
  id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, name TEXT NOT NULL, org TEXT NOT NULL, user TEXT NOT NULL, role TEXT NOT NULL,
  agent TEXT NOT NULL, workload TEXT NOT NULL, agents TEXT NOT NULL, models TEXT NOT NULL, source TEXT NOT NULL,
  created INTEGER NOT NULL, revoked INTEGER
) STRICT;

-- A turn's id is a UUIDv7, so its order is that of time: one tree serves the
-- lists, the windows and the removal of old rows.
CREATE TABLE turns (
  org TEXT NOT NULL, id TEXT NOT NULL, user TEXT NOT NULL, key TEXT NOT NULL, end_user TEXT NOT NULL, agent TEXT NOT NULL,
  session TEXT NOT NULL, session_source TEXT NOT NULL, workload TEXT NOT NULL, class TEXT NOT NULL, purpose TEXT NOT NULL,
  requested_model TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL, format TEXT NOT NULL, stream INTEGER NOT NULL,
  status TEXT NOT NULL, started INTEGER NOT NULL, first_token INTEGER NOT NULL, duration INTEGER NOT NULL, decision BLOB,
  PRIMARY KEY (org, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
  org TEXT NOT NULL, turn TEXT NOT NULL, number INTEGER NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL, served_model TEXT NOT NULL,
  key_hint TEXT NOT NULL, format TEXT NOT NULL, started INTEGER NOT NULL, first_token INTEGER NOT NULL, duration INTEGER NOT NULL,
  status TEXT NOT NULL, error_kind TEXT NOT NULL, error_status INTEGER NOT NULL, error_text TEXT NOT NULL, finish TEXT NOT NULL,
  input INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write INTEGER NOT NULL, cache_write_1h INTEGER NOT NULL,
  output INTEGER NOT NULL, reasoning INTEGER NOT NULL, quality INTEGER NOT NULL, cost INTEGER,
  PRIMARY KEY (org, turn, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_daily (
  org TEXT NOT NULL, dimension TEXT NOT NULL, day TEXT NOT NULL, key TEXT NOT NULL,
  input INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write INTEGER NOT NULL, cache_write_1h INTEGER NOT NULL,
  output INTEGER NOT NULL, reasoning INTEGER NOT NULL, turns INTEGER NOT NULL, cost INTEGER NOT NULL, unknown_cost_turns INTEGER NOT NULL,
  PRIMARY KEY (org, dimension, day, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_hourly (
  org TEXT NOT NULL, dimension TEXT NOT NULL, hour INTEGER NOT NULL, key TEXT NOT NULL,
  input INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write INTEGER NOT NULL, cache_write_1h INTEGER NOT NULL,
  output INTEGER NOT NULL, reasoning INTEGER NOT NULL, turns INTEGER NOT NULL, cost INTEGER NOT NULL, unknown_cost_turns INTEGER NOT NULL,
  PRIMARY KEY (org, dimension, hour, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
  org TEXT NOT NULL, id TEXT NOT NULL, source TEXT NOT NULL, user TEXT NOT NULL, agent TEXT NOT NULL, workload TEXT NOT NULL,
  provider TEXT NOT NULL, model TEXT NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, turns INTEGER NOT NULL,
  PRIMARY KEY (org, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger_position (one INTEGER PRIMARY KEY CHECK (one = 1), segment INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;

CREATE TABLE model_lists (account TEXT PRIMARY KEY, fetched INTEGER NOT NULL, list BLOB NOT NULL) STRICT;

CREATE TABLE sealed_reasoning (
  org TEXT NOT NULL, key TEXT NOT NULL, user TEXT NOT NULL, data BLOB NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL,
  PRIMARY KEY (org, key)
) STRICT;
CREATE INDEX sealed_reasoning_by_expiry ON sealed_reasoning (expires);
