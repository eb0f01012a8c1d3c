-- +goose Up
-- What translation had to leave out of an attempt's request.
ALTER TABLE attempts ADD COLUMN downgrades TEXT NOT NULL DEFAULT '';
