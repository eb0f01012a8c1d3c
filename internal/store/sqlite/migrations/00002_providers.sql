-- +goose Up
-- Accounts that were added by API. What could hold a secret is sealed under a key
-- of the row's own, which is sealed under the installation's; org '' is the
-- installation.
CREATE TABLE providers (
  id TEXT PRIMARY KEY, org TEXT NOT NULL, name TEXT NOT NULL UNIQUE, type TEXT NOT NULL, revision INTEGER NOT NULL,
  created INTEGER NOT NULL, changed INTEGER NOT NULL, sealed_key BLOB NOT NULL, sealed BLOB NOT NULL
) STRICT;
