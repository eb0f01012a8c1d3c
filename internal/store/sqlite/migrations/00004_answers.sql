-- +goose Up
-- Finished answers under clients' idempotency keys, sealed. answers_kept sums them
-- up, so that their bound costs no scan.
CREATE TABLE answers (
  org TEXT NOT NULL, id BLOB NOT NULL, data BLOB NOT NULL, expires INTEGER NOT NULL,
  PRIMARY KEY (org, id)
) STRICT;
CREATE INDEX answers_by_expiry ON answers (expires);

CREATE TABLE answers_kept (bytes INTEGER NOT NULL) STRICT;
INSERT INTO answers_kept VALUES (0);

-- +goose StatementBegin
CREATE TRIGGER answer_comes AFTER INSERT ON answers BEGIN
  UPDATE answers_kept SET bytes = bytes + 256 + length(new.data);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER answer_goes AFTER DELETE ON answers BEGIN
  UPDATE answers_kept SET bytes = bytes - 256 - length(old.data);
END;
-- +goose StatementEnd
