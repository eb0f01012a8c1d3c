-- +goose Up
-- Finished answers under clients' idempotency keys, sealed. repeats_kept sums them
-- up, so that their bound costs no scan.
CREATE TABLE repeats (
  org TEXT NOT NULL, key TEXT NOT NULL, user TEXT NOT NULL, data BLOB NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL,
  PRIMARY KEY (org, key)
) STRICT;
CREATE INDEX repeats_by_expiry ON repeats (expires);

CREATE TABLE repeats_kept (bytes INTEGER NOT NULL) STRICT;
INSERT INTO repeats_kept VALUES (0);

-- +goose StatementBegin
CREATE TRIGGER repeat_comes AFTER INSERT ON repeats BEGIN
  UPDATE repeats_kept SET bytes = bytes + 256 + length(new.data);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER repeat_changes AFTER UPDATE ON repeats BEGIN
  UPDATE repeats_kept SET bytes = bytes + length(new.data) - length(old.data);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER repeat_goes AFTER DELETE ON repeats BEGIN
  UPDATE repeats_kept SET bytes = bytes - 256 - length(old.data);
END;
-- +goose StatementEnd
